/**
 * The outside of zstd frames (RFC 8878): owns writing frames of raw blocks and skippable frames by hand, and finding
 * where frames begin and end without decompressing them. Does not own any compression; seal/zstd.ts does.
 *
 * A frame is: magic number, frame header (descriptor, window or single segment, dictionary id, content size), blocks
 * of at most 128 KiB content (3-byte header each: bit 0 last, bits 1–2 type, the rest size), an optional checksum.
 * A skippable frame is: magic number 0x184D2A50 to 0x184D2A5F, length (u32), payload; decoders pass over it.
 * All numbers are little-endian.
 */
import { bug, damage } from '../base/errors.ts';

/** The first four bytes of a zstd frame. */
export const ZSTD_MAGIC = 0xfd2fb528;
/** Content bytes in one block at most. */
export const ZSTD_BLOCK_LENGTH = 131_072;
/** The largest window that a reader of format 1 accepts: every decoder on every machine can provide it. */
export const MAX_WINDOW_LENGTH = 8_388_608;

const SKIPPABLE_FIRST = 0x184d2a50;
const SKIPPABLE_LAST = 0x184d2a5f;
/** The window descriptor of 2^23: exponent 13 above 2^10, mantissa 0. */
const LARGEST_WINDOW_DESCRIPTOR = 13 << 3;

/** What the header of a zstd frame says. Lengths are bytes. */
export interface FrameHeader {
  /** Memory that a decoder needs to look back into; the content size itself in a single-segment frame. */
  readonly windowSize: number;
  /** Length of the decompressed content, where the frame states it. */
  readonly contentSize?: number;
  /** Length of magic number and frame header, before the first block. */
  readonly headerLength: number;
  readonly hasChecksum: boolean;
}

/** A frame within a buffer: its place, and what can be said without decompressing it. */
export type FrameSpan =
  | {
      readonly type: 'zstd';
      readonly offset: number;
      readonly length: number;
      readonly header: FrameHeader;
      /** No decoder can get more than this out of the blocks that are there: a lying content size is seen beforehand. */
      readonly maxContentSize: number;
    }
  | {
      readonly type: 'skippable';
      readonly offset: number;
      readonly length: number;
      readonly magic: number;
      readonly payload: Uint8Array;
    };

/** The length of {@link rawFrame} for content of this length. */
export function rawFrameLength(rawLength: number): number {
  const blocks = Math.max(1, Math.ceil(rawLength / ZSTD_BLOCK_LENGTH));
  return 4 + headerFieldsLength(rawLength) + 3 * blocks + rawLength;
}

/**
 * Writes content as one zstd frame of raw blocks: valid for every decoder, at the speed of a copy. States the content
 * size; has no checksum. Single-segment up to 2^23 bytes, with a window of 2^23 above.
 * @throws bug when the content is longer than 1 GiB
 */
export function rawFrame(raw: Uint8Array): Buffer {
  if (raw.length > 2 ** 30) throw bug('too much content for one frame');
  const frame = Buffer.allocUnsafe(rawFrameLength(raw.length));
  frame.writeUInt32LE(ZSTD_MAGIC, 0);
  let at = writeHeaderFields(frame, 4, raw.length);
  for (let start = 0; ; start += ZSTD_BLOCK_LENGTH) {
    const end = Math.min(start + ZSTD_BLOCK_LENGTH, raw.length);
    const isLast = end === raw.length;
    frame.writeUIntLE(((end - start) << 3) | (isLast ? 1 : 0), at, 3);
    frame.set(raw.subarray(start, end), at + 3);
    at += 3 + end - start;
    if (isLast) return frame;
  }
}

/**
 * Writes a skippable frame.
 * @throws bug when the magic number is not one of the sixteen
 */
export function skippableFrame(magic: number, payload: Uint8Array): Buffer {
  if (!isSkippableMagic(magic)) throw bug('not the magic number of a skippable frame');
  const frame = Buffer.allocUnsafe(8 + payload.length);
  frame.writeUInt32LE(magic, 0);
  frame.writeUInt32LE(payload.length, 4);
  frame.set(payload, 8);
  return frame;
}

/** True for the sixteen magic numbers of skippable frames. */
export function isSkippableMagic(magic: number): boolean {
  return magic >= SKIPPABLE_FIRST && magic <= SKIPPABLE_LAST;
}

/**
 * Reads the header of the zstd frame at `offset`.
 * @param object the name of the object the bytes are from, for errors
 * @throws damage `zstd-truncated`, `zstd-malformed` (also for a dictionary, which format 1 has not)
 */
export function parseFrameHeader(bytes: Uint8Array, object: string, offset = 0): FrameHeader {
  const view = viewOf(bytes);
  if (bytes.length < offset + 5) throw truncated(object);
  if (view.getUint32(offset, true) !== ZSTD_MAGIC) throw malformed(object, 'is not a zstd frame');
  const descriptor = bytes[offset + 4]!;
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const sizeFlag = descriptor >> 6;
  const idLength = [0, 1, 2, 4][descriptor & 3]!;
  const sizeLength = sizeFlag === 0 ? (isSingleSegment ? 1 : 0) : 1 << sizeFlag;
  const headerLength = 5 + (isSingleSegment ? 0 : 1) + idLength + sizeLength;
  if (bytes.length < offset + headerLength) throw truncated(object);
  if ((descriptor & 0x08) !== 0) throw malformed(object, 'uses a reserved bit of zstd');

  let at = offset + 5;
  let windowSize = 0;
  if (!isSingleSegment) {
    const base = 2 ** (10 + (bytes[at]! >> 3));
    windowSize = base + (base / 8) * (bytes[at]! & 7);
    at++;
  }
  for (let i = 0; i < idLength; i++) {
    if (bytes[at++] !== 0) throw malformed(object, 'needs a zstd dictionary');
  }
  const hasChecksum = (descriptor & 0x04) !== 0;
  if (sizeLength === 0) return { windowSize, headerLength, hasChecksum };
  const contentSize = readContentSize(view, at, sizeLength);
  if (!Number.isSafeInteger(contentSize)) throw malformed(object, 'states an impossible content size');
  return { windowSize: isSingleSegment ? contentSize : windowSize, contentSize, headerLength, hasChecksum };
}

/**
 * Finds the end of the frame at `offset` by walking its block headers.
 * @throws damage `zstd-truncated`, `zstd-malformed`
 */
export function frameAt(bytes: Uint8Array, offset: number, object: string): FrameSpan {
  const view = viewOf(bytes);
  if (bytes.length < offset + 4) throw truncated(object);
  const magic = view.getUint32(offset, true);
  if (isSkippableMagic(magic)) {
    if (bytes.length < offset + 8) throw truncated(object);
    const length = 8 + view.getUint32(offset + 4, true);
    if (bytes.length < offset + length) throw truncated(object);
    return { type: 'skippable', offset, length, magic, payload: bytes.subarray(offset + 8, offset + length) };
  }
  const header = parseFrameHeader(bytes, object, offset);
  const maxBlock = Math.min(ZSTD_BLOCK_LENGTH, Math.max(header.windowSize, 1));
  let maxContentSize = 0;
  let at = offset + header.headerLength;
  for (let isLast = false; !isLast; ) {
    if (bytes.length < at + 3) throw truncated(object);
    const blockHeader = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16);
    isLast = (blockHeader & 1) !== 0;
    const blockType = (blockHeader >> 1) & 3;
    const size = blockHeader >>> 3;
    if (blockType === 3) throw malformed(object, 'has a zstd block of a reserved type');
    if (size > maxBlock) throw malformed(object, 'has too long a zstd block');
    // Type 1 repeats one byte `size` times; a compressed block may yield anything up to the maximum.
    maxContentSize += blockType === 2 ? maxBlock : size;
    at += 3 + (blockType === 1 ? 1 : size);
  }
  if (header.hasChecksum) at += 4;
  if (at > bytes.length) throw truncated(object);
  return { type: 'zstd', offset, length: at - offset, header, maxContentSize };
}

/**
 * Walks the frames of a buffer, lazily and in order; together they are the whole buffer. No bytes, no frames.
 * @throws damage `zstd-truncated`, `zstd-malformed`, when the frame is reached
 */
export function* findFrames(bytes: Uint8Array, object: string): Generator<FrameSpan, void, undefined> {
  for (let offset = 0; offset < bytes.length; ) {
    const span = frameAt(bytes, offset, object);
    yield span;
    offset += span.length;
  }
}

function headerFieldsLength(rawLength: number): number {
  if (rawLength > MAX_WINDOW_LENGTH) return 6;
  return rawLength < 256 ? 2 : rawLength < 65_792 ? 3 : 5;
}

function writeHeaderFields(frame: Buffer, at: number, rawLength: number): number {
  if (rawLength < 256) {
    frame[at] = 0x20;
    return frame.writeUInt8(rawLength, at + 1);
  }
  if (rawLength < 65_792) {
    frame[at] = 0x60;
    return frame.writeUInt16LE(rawLength - 256, at + 1);
  }
  if (rawLength <= MAX_WINDOW_LENGTH) {
    frame[at] = 0xa0;
    return frame.writeUInt32LE(rawLength, at + 1);
  }
  // A single segment would make the window as large as the content, which readers refuse.
  frame[at] = 0x80;
  frame[at + 1] = LARGEST_WINDOW_DESCRIPTOR;
  return frame.writeUInt32LE(rawLength, at + 2);
}

function readContentSize(view: DataView, at: number, length: number): number {
  if (length === 1) return view.getUint8(at);
  if (length === 2) return view.getUint16(at, true) + 256;
  if (length === 4) return view.getUint32(at, true);
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function truncated(object: string) {
  return damage('zstd-truncated', `${object}: ends in the middle of a zstd frame`, { object });
}

function malformed(object: string, problem: string) {
  return damage('zstd-malformed', `${object}: ${problem}`, { object });
}
