/**
 * The plaintext of a pack, apart from the chunks themselves: the table of contents, the statement that is signed, and
 * the skippable frames at the end. Owns what they look like; does not compress, seal, sign or store.
 *
 *     zstd frames     tar members, one a chunk; a chunk never spans two frames
 *     zstd frame      tar member toc.jsonl, then the two zero blocks that end the tar
 *     0x184D2A50      padding, zeros (only in packs that end a run)
 *     0x184D2A51      {"writer","mac","sig"}: proofs over the table of contents
 *     0x184D2A5E      seek table of the zstd seekable format, without checksums; it lists all frames before it, the
 *                     skippable ones with decompressed size 0
 *
 * So from the end: the last listed frame is the signature, the last one with content is the table of contents.
 */
import { bug, damage, type IcecoreError } from '../base/errors.ts';
import { type ChunkId, isChunkId, type RepoId } from '../base/ids.ts';
import {
  expectObject,
  fieldFailure,
  isIntegerIn,
  type JsonObject,
  parseJsonLines,
  parseJsonObject,
  readArray,
  readBase64,
  readInteger,
  readString,
  refuseOtherFields,
} from '../base/json.ts';
import { MAX_CHUNK_LENGTH } from './chunker.ts';
import { TAR_BLOCK, tarMemberLength } from './tar.ts';
import { frameAt, skippableFrame } from './zstd-frame.ts';

/** Magic numbers of the skippable frames. */
export const PADDING_MAGIC = 0x184d2a50;
export const SIGNATURE_MAGIC = 0x184d2a51;
/** The longest tar that one frame may decompress to; for the table of contents as well. */
export const MAX_FRAME_RAW_LENGTH = 16_777_216;
/** A frame that does not compress may be this long. */
export const MAX_FRAME_LENGTH = MAX_FRAME_RAW_LENGTH + 131_072;
/** With these, the table of contents stays within one frame: a writer ends a pack before it would pass them. */
export const MAX_PACK_CHUNKS = 131_072;
export const MAX_PACK_FRAMES = 16_384;

const SIGNATURE_FIELDS: ReadonlySet<string> = new Set(['writer', 'mac', 'sig']);
const FRAME_FIELDS: ReadonlySet<string> = new Set(['offset', 'length', 'rawLength', 'chunks']);
const TOC_FIELDS: ReadonlySet<string> = new Set(['toc', 'frames']);

/** A chunk in a frame: its id, and where its content lies in the decompressed frame. */
export type ChunkPlace = readonly [id: ChunkId, offset: number, length: number];

/**
 * A frame of chunks: its place in the pack's plaintext, and the chunks in order. Frames follow one another from 0
 * without a gap; so do the tar members in a frame, and the frame holds nothing else.
 */
export interface FrameInfo {
  readonly offset: number;
  readonly length: number;
  readonly rawLength: number;
  readonly chunks: readonly ChunkPlace[];
}

/** Who vouches for a pack: HMAC (32 bytes) and Ed25519 signature (64 bytes) over its statement. */
export interface PackSignature {
  readonly writer: string;
  readonly mac: Uint8Array;
  readonly sig: Uint8Array;
}

/** Writes the table of contents: a line `{"toc":1,"frames":N}`, then a line for each frame. */
export function encodeToc(frames: readonly FrameInfo[]): Buffer {
  let text = `{"toc":1,"frames":${frames.length}}\n`;
  for (const frame of frames) text += encodeFrameLine(frame);
  const toc = Buffer.from(text, 'latin1');
  if (tarMemberLength(toc.length) + 1024 > MAX_FRAME_RAW_LENGTH) throw bug('too many chunks for one pack');
  return toc;
}

/**
 * Reads a table of contents.
 * @throws damage with the codes of base/json.ts, or `frame-place` when frames or chunks do not lie as they must
 */
export function decodeToc(bytes: Uint8Array, object: string): FrameInfo[] {
  const frames: FrameInfo[] = [];
  let count = -1;
  const limits = { maxLength: MAX_FRAME_RAW_LENGTH, maxDepth: 3, maxLines: MAX_PACK_FRAMES + 1 };
  for (const value of parseJsonLines(bytes, limits, object)) {
    const line = expectObject(value, object, 'line');
    if (count >= 0) {
      frames.push(decodeFrame(line, frames.at(-1), object));
    } else {
      refuseOtherFields(line, TOC_FIELDS, object);
      readInteger(line, 'toc', object, 1, 1);
      count = readInteger(line, 'frames', object, 0, MAX_PACK_FRAMES);
    }
  }
  if (count !== frames.length) throw damage('toc-truncated', `${object}: its table of contents ends early`, { object });
  return frames;
}

/** Writes a frame as one line of JSON, as it stands in the table of contents and in index objects. */
export function encodeFrameLine(frame: FrameInfo): string {
  const { offset, length, rawLength, chunks } = frame;
  return `${JSON.stringify({ offset, length, rawLength, chunks })}\n`;
}

/**
 * Reads the frame that comes after `previous` (undefined for the first).
 * @throws as {@link decodeToc}
 */
export function decodeFrame(line: JsonObject, previous: FrameInfo | undefined, object: string): FrameInfo {
  refuseOtherFields(line, FRAME_FIELDS, object);
  const start = previous ? previous.offset + previous.length : 0;
  const offset = readInteger(line, 'offset', object);
  const length = readInteger(line, 'length', object, 1, MAX_FRAME_LENGTH);
  const rawLength = readInteger(line, 'rawLength', object, 1, MAX_FRAME_RAW_LENGTH);
  const chunks = readArray(line, 'chunks', object, MAX_PACK_CHUNKS);
  let end = 0;
  for (const chunk of chunks) {
    if (!Array.isArray(chunk) || chunk.length !== 3) throw fieldFailure('chunks', 'holds something else', object);
    if (typeof chunk[0] !== 'string' || !isChunkId(chunk[0])) throw fieldFailure('chunks', 'holds no id', object);
    if (!isIntegerIn(chunk[2], 1, MAX_CHUNK_LENGTH)) throw fieldFailure('chunks', 'holds a wrong length', object);
    if (chunk[1] !== end + TAR_BLOCK) throw misplaced('chunk', object);
    end += tarMemberLength(chunk[2]);
  }
  if (offset !== start) throw misplaced('frame', object);
  if (end !== rawLength) throw misplaced('chunk', object);
  return { offset, length, rawLength, chunks: chunks as readonly ChunkPlace[] };
}

/**
 * The bytes over which a pack's proofs are made: "icecore/1", "pack", the repo id, the object's name, the writer, and
 * the SHA-256 of the table of contents (32 raw bytes), each preceded by its length (u32, big-endian).
 */
export function packStatement(statement: {
  readonly repo: RepoId;
  readonly name: string;
  readonly writer: string;
  readonly tocHash: Uint8Array;
}): Buffer {
  if (statement.tocHash.length !== 32) throw bug('a statement takes a SHA-256');
  const texts = ['icecore/1', 'pack', statement.repo, statement.name, statement.writer];
  const parts: Uint8Array[] = [];
  for (const field of [...texts.map((text) => Buffer.from(text, 'utf8')), statement.tocHash]) {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(field.length);
    parts.push(length, field);
  }
  return Buffer.concat(parts);
}

/** Writes the signature as its skippable frame. Its length is always the same. */
export function encodeSignatureFrame({ writer, mac, sig }: PackSignature): Buffer {
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
  const json = JSON.stringify({ writer, mac: base64(mac), sig: base64(sig) });
  return skippableFrame(SIGNATURE_MAGIC, Buffer.from(json, 'latin1'));
}

/**
 * Reads the signature frame, which is all of `bytes`; proves nothing.
 * @throws damage `pack-signature`, or the codes of base/json.ts and zstd-frame.ts
 */
export function decodeSignatureFrame(bytes: Uint8Array, object: string): PackSignature {
  const span = frameAt(bytes, 0, object);
  if (span.type !== 'skippable' || span.magic !== SIGNATURE_MAGIC || span.length !== bytes.length) {
    throw damage('pack-signature', `${object}: does not say who wrote it`, { object });
  }
  const json = parseJsonObject(span.payload, { maxLength: 1024, maxDepth: 1 }, object);
  refuseOtherFields(json, SIGNATURE_FIELDS, object);
  const writer = readString(json, 'writer', object, { pattern: /^[0-9a-f]{16}$/ });
  const mac = readBase64(json, 'mac', object, 32);
  const sig = readBase64(json, 'sig', object, 64);
  if (mac.length !== 32 || sig.length !== 64) throw fieldFailure('sig', 'is too short', object);
  return { writer, mac, sig };
}

function misplaced(what: string, object: string): IcecoreError {
  return damage('frame-place', `${object}: a ${what} does not begin where the one before it ends`, { object });
}
