/**
 * Objects sealed to M: owns making them (compress, prove, seal) and opening them (open, check both proofs, only then
 * decompress). Does not own the bytes of the envelope (format/envelope.ts) or what is in the payload.
 */
import { bug } from '../base/errors.ts';
import type { RepoId } from '../base/ids.ts';
import {
  ADMIN_WRITER,
  decodeEnvelope,
  type EnvelopeType,
  encodeEnvelope,
  encodeStatement,
} from '../format/envelope.ts';
import { openFile, sealFile } from './age-file.ts';
import type { HeaderOpener, SealHeader } from './age-header.ts';
import { type DerivedKeys, type Keyring, signerOf } from './keys.ts';
import { checkProofs, sha256, signStatement } from './signatures.ts';
import { compressAll, decompressAll } from './zstd.ts';

/** Payloads are no longer than this (the limit of index objects). */
export const MAX_PAYLOAD_LENGTH = 67_108_864;

/** What an object is and where it lies. Both are part of what is proved. */
export interface ObjectPlace {
  readonly type: EnvelopeType;
  /** The whole name in the store, e.g. `snapshots/<sid>.json.zst.age`. */
  readonly name: string;
}

/** An object to be sealed: its place, and its JSON or JSON lines. */
export interface ObjectContent extends ObjectPlace {
  readonly payload: Uint8Array;
}

/** What objects are made with. */
export interface SealingContext {
  readonly keyring: Keyring;
  readonly derived: DerivedKeys;
  /** The generation of the config that the maker goes by; 0 before there is one. */
  readonly configGeneration: number;
}

/** What objects are checked against. */
export interface OpeningContext {
  readonly repo: RepoId;
  readonly derived: DerivedKeys;
  readonly opener: HeaderOpener;
  /** The public keys of those who may have made it, by writer id; for configs the admin's, as `admin`. */
  readonly writers: ReadonlyMap<string, Uint8Array>;
}

/** An object that was opened and proved. `writer` made it; it is `admin` for configs and for nothing else. */
export interface OpenedObject {
  readonly payload: Buffer;
  readonly writer: string;
  /** The generation of the config that the maker went by. */
  readonly config: number;
}

/**
 * Seals an object as a complete age file. Configs are signed by the admin, everything else by the keyring's writer.
 * @param header made for the recipients of M; may serve many objects
 * @throws IcecoreError key `key-missing` when the keyring cannot sign it
 */
export function sealObject(content: ObjectContent, context: SealingContext, header: SealHeader): Buffer {
  const { type, name, payload } = content;
  if (payload.length > MAX_PAYLOAD_LENGTH) throw bug('the payload is longer than readers accept');
  const signer = signerOf(context.keyring, context.derived, type === 'config' ? 'admin' : 'writer');
  const { repo, writer } = signer;
  const config = context.configGeneration;
  const frames = compressAll(payload);
  const statement = encodeStatement({ type, repo, name, writer, config, framesHash: sha256(frames) });
  return sealFile(encodeEnvelope({ config, ...signStatement(signer, statement) }, frames), header);
}

/**
 * Opens an object and proves that one of the writers made it as this type, under this name, in this repository.
 * Nothing is decompressed before.
 * @param maxLength content bytes that are acceptable
 * @throws IcecoreError key `wrong-key`
 * @throws damage `wrong-mac`, `unknown-writer`, `wrong-signature`, or what age-header, age-stream, format/envelope and
 *   zstd throw
 */
export async function openObject(
  file: Uint8Array,
  { type, name }: ObjectPlace,
  context: OpeningContext,
  maxLength: number = MAX_PAYLOAD_LENGTH,
): Promise<OpenedObject> {
  const { repo, derived, opener, writers } = context;
  const { header, frames } = decodeEnvelope(await openFile(file, opener, name), name);
  const { writer, config } = header;
  const statement = encodeStatement({ type, repo, name, writer, config, framesHash: sha256(frames) });
  const mayHaveSigned = (writer === ADMIN_WRITER) === (type === 'config') ? writers : new Map<string, Uint8Array>();
  checkProofs(statement, header, derived.object, mayHaveSigned, name);
  return { payload: decompressAll(frames, maxLength, name), writer, config };
}
