/**
 * The envelope of an object sealed to M (config, claim, index, snapshot, gc, thaw): bytes ↔ values. Owns the statement
 * that is authenticated and the frame that carries the proofs. Does not own keys, checks or compression; those are
 * seal/envelope.ts.
 *
 *     plaintext of the age file = skippable frame 0x184D2A50 holding {"writer","config","mac","sig"}, then zstd frames
 *     statement = "icecore/1" ‖ type ‖ repo ‖ object name ‖ writer ‖ config generation ‖ SHA-256(zstd frames)
 *
 * Every field of the statement is preceded by its length (u32, big-endian), so that no two statements have the same
 * bytes. Texts are UTF-8, the repo is its 32 hex digits, the generation is decimal, the hash is 32 raw bytes. Type and
 * name are in it so that no object can be passed off as another. `mac` and `sig` are base64.
 */
import { bug, damage } from '../base/errors.ts';
import type { RepoId } from '../base/ids.ts';
import { parseJsonObject, readBase64, readInteger, readString, refuseOtherFields } from '../base/json.ts';
import { frameAt, skippableFrame } from './zstd-frame.ts';

/** The skippable frame that opens an envelope. */
export const ENVELOPE_MAGIC = 0x184d2a50;
/** Who signs configs, in the place of a writer id. */
export const ADMIN_WRITER = 'admin';
/** The kinds of objects that are sealed so. */
export type EnvelopeType = 'config' | 'claim' | 'index' | 'snapshot' | 'gc' | 'thaw';

const MAX_HEADER_LENGTH = 1024;
const FIELDS: ReadonlySet<string> = new Set(['writer', 'config', 'mac', 'sig']);

/** What is authenticated about an object. */
export interface Statement {
  readonly type: EnvelopeType;
  readonly repo: RepoId;
  /** The object's whole name in the store. */
  readonly name: string;
  /** A writer id, or {@link ADMIN_WRITER}. */
  readonly writer: string;
  /** The generation of the config that the writer went by. */
  readonly config: number;
  /** SHA-256 of the zstd frames as they are stored. */
  readonly framesHash: Uint8Array;
}

/** What stands before the zstd frames: who made the object, and the proofs. */
export interface EnvelopeHeader {
  readonly writer: string;
  readonly config: number;
  /** HMAC-SHA-256 under K_obj, 32 bytes. */
  readonly mac: Uint8Array;
  /** Ed25519, 64 bytes. */
  readonly sig: Uint8Array;
}

/** The bytes of a statement, over which both proofs are made. */
export function encodeStatement(statement: Statement): Buffer {
  if (statement.framesHash.length !== 32) throw bug('a statement takes a SHA-256');
  const { type, repo, name, writer, config } = statement;
  const fields = ['icecore/1', type, repo, name, writer, String(config)].map((text) => Buffer.from(text, 'utf8'));
  const parts: Uint8Array[] = [];
  for (const field of [...fields, statement.framesHash]) {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(field.length);
    parts.push(length, field);
  }
  return Buffer.concat(parts);
}

/** Puts an envelope together: the header as a skippable frame, then the zstd frames. */
export function encodeEnvelope(header: EnvelopeHeader, frames: Uint8Array): Buffer {
  const json = JSON.stringify({
    writer: header.writer,
    config: header.config,
    mac: Buffer.from(header.mac).toString('base64'),
    sig: Buffer.from(header.sig).toString('base64'),
  });
  return Buffer.concat([skippableFrame(ENVELOPE_MAGIC, Buffer.from(json, 'utf8')), frames]);
}

/**
 * Takes an envelope apart; proves nothing. `frames` are the bytes after the header frame, not looked at.
 * @param object the object's name, for errors
 * @throws damage `envelope-malformed`, `zstd-truncated`, or what base/json.ts throws
 */
export function decodeEnvelope(bytes: Uint8Array, object: string): { header: EnvelopeHeader; frames: Uint8Array } {
  const span = bytes.length === 0 ? undefined : frameAt(bytes, 0, object);
  if (span?.type !== 'skippable' || span.magic !== ENVELOPE_MAGIC) {
    throw damage('envelope-malformed', `${object}: does not begin with who signed it`, { object });
  }
  const json = parseJsonObject(span.payload, { maxLength: MAX_HEADER_LENGTH, maxDepth: 1 }, object);
  refuseOtherFields(json, FIELDS, object);
  const header = {
    writer: readString(json, 'writer', object, { pattern: /^(?:admin|[0-9a-f]{16})$/ }),
    config: readInteger(json, 'config', object, 0, 99_999_999),
    mac: readBase64(json, 'mac', object, 32),
    sig: readBase64(json, 'sig', object, 64),
  };
  if (header.mac.length !== 32 || header.sig.length !== 64) {
    throw damage('envelope-malformed', `${object}: carries proofs of the wrong length`, { object });
  }
  return { header, frames: bytes.subarray(span.length) };
}
