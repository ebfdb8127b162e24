/**
 * Checks the end of a pack, after the frames of chunks: table of contents, padding, signature, seek table. All of them
 * must say what the index says; they are what an index can be rebuilt from.
 */
import { damage } from '../base/errors.ts';
import type { RepoId } from '../base/ids.ts';
import type { PackRecord } from '../format/index-object.ts';
import {
  decodeSignatureFrame,
  decodeToc,
  type FrameInfo,
  MAX_FRAME_LENGTH,
  MAX_FRAME_RAW_LENGTH,
  packStatement,
} from '../format/pack.ts';
import { decodeSeekTable, findTocAndSignature } from '../format/pack-tail.ts';
import { TOC_MEMBER, walkTar } from '../format/tar.ts';
import { checkProofs, sha256 } from '../seal/signatures.ts';
import { decompressFrame } from '../seal/zstd.ts';

/** What the ids and proofs of a pack are checked with. Plain data, so that a worker thread can be given it; secret. */
export interface PackCheckKeys {
  readonly repo: RepoId;
  /** K_id. */
  readonly chunkId: Uint8Array;
  /** K_obj. */
  readonly object: Uint8Array;
  readonly writers: ReadonlyMap<string, Uint8Array>;
}

/** Table of contents, padding of at most an eighth of a large pack, seek table: no tail is longer. */
export const MAX_TAIL_LENGTH: number = MAX_FRAME_LENGTH + 48 * 1_048_576;

/** A tail and what it is checked against. */
export interface PackTail {
  /** The plaintext from `from` to its end at `plainLength`. */
  readonly tail: Uint8Array;
  readonly from: number;
  readonly plainLength: number;
  readonly record: PackRecord;
  readonly frameLines: Uint8Array;
  readonly keys: PackCheckKeys;
}

/** @throws damage naming the pack */
export function checkPackTail({ tail, from, plainLength, record, frameLines, keys }: PackTail): void {
  const { name, frames } = record;
  const entries = decodeSeekTable(tail, plainLength, name);
  const places = findTocAndSignature(entries, name);
  const isSame =
    places.toc === entries[frames.length] &&
    frames.every(({ offset, length, rawLength }, i) => {
      const entry = entries[i]!;
      return entry.offset === offset && entry.length === length && entry.rawLength === rawLength;
    });
  if (!isSame)
    throw damage('seek-table', `${name}: its seek table lists other frames than the index`, { object: name });
  const part = ({ offset, length }: { offset: number; length: number }) =>
    tail.subarray(offset - from, offset - from + length);
  const members = decompressFrame(part(places.toc), { maxRawLength: MAX_FRAME_RAW_LENGTH }, name);
  const [member, ...others] = walkTar(members, name);
  if (member?.name !== TOC_MEMBER || others.length > 0) {
    throw damage('toc-missing', `${name}: has no table of contents where it belongs`, { object: name });
  }
  const toc = members.subarray(member.offset, member.offset + member.length);
  checkToc(toc, frameLines, frames, name);
  const proofs = decodeSignatureFrame(part(places.signature), name);
  const statement = packStatement({ repo: keys.repo, name, writer: proofs.writer, tocHash: sha256(toc) });
  checkProofs(statement, proofs, keys.object, keys.writers, name);
}

function checkToc(toc: Buffer, frameLines: Uint8Array, frames: readonly FrameInfo[], name: string): void {
  // Whoever writes both writes the same lines, so that comparing bytes is nearly always enough.
  const head = Buffer.from(`{"toc":1,"frames":${frames.length}}\n`, 'latin1');
  const isSame = toc.subarray(0, head.length).equals(head) && toc.subarray(head.length).equals(frameLines);
  if (isSame) return;
  if (JSON.stringify(decodeToc(toc, name)) !== JSON.stringify(frames)) {
    throw damage('toc-mismatch', `${name}: its table of contents is not what the index says`, { object: name });
  }
}
