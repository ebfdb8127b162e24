/**
 * The end of a pack's plaintext: Padmé padding and the seek table of the zstd seekable format. Owns how a reader finds
 * every frame from the last bytes alone. Pure numbers: knows nothing of chunks or signatures.
 *
 * The seek table is a skippable frame 0x184D2A5E: for each frame before it, in order, compressed and decompressed size
 * (u32 each); then the footer: number of frames (u32), a descriptor byte (0: no checksums), 0x8F92EAB1. All numbers are
 * little-endian.
 */
import { bug, damage, type IcecoreError } from '../base/errors.ts';
import { MAX_FRAME_LENGTH, MAX_FRAME_RAW_LENGTH, MAX_PACK_FRAMES, PADDING_MAGIC } from './pack.ts';
import { skippableFrame } from './zstd-frame.ts';

/** The magic number of the seek table's skippable frame, and the one that ends it. */
export const SEEK_TABLE_MAGIC = 0x184d2a5e;
export const SEEK_FOOTER_MAGIC = 0x8f92eab1;
/** The last bytes of a pack, which say how long the seek table is. */
export const SEEK_FOOTER_LENGTH = 9;

const FRAME_HEADER_LENGTH = 8;
const ENTRY_LENGTH = 8;
/** Frames of chunks, then the table of contents, padding and signature. */
const MAX_ENTRIES = MAX_PACK_FRAMES + 3;

/** A frame of a pack: its place in the plaintext, and its decompressed length (0: skippable). */
export interface SeekEntry {
  readonly offset: number;
  readonly length: number;
  readonly rawLength: number;
}

/**
 * Writes everything after the table of contents: padding where wanted, signature, seek table.
 * @param frames all zstd frames of the pack in order, the table of contents last
 * @param signature the signature frame
 * @param isPadded whether the plaintext gets a Padmé length
 */
export function encodePackTail(
  frames: readonly { readonly length: number; readonly rawLength: number }[],
  signature: Uint8Array,
  isPadded: boolean,
): Buffer {
  let length = signature.length + seekTableLength(frames.length + 1);
  for (const frame of frames) length += frame.length;
  const parts: Uint8Array[] = [];
  // The padding frame has a line in the seek table as well.
  const padding = isPadded ? paddingLength(length, ENTRY_LENGTH) : 0;
  if (padding > 0) parts.push(paddingFrame(padding));
  parts.push(signature);
  const skippable = parts.map((part) => part.length);
  return Buffer.concat([...parts, encodeSeekTable(frames, skippable)]);
}

/** The length of a seek table of that many frames. */
export function seekTableLength(frames: number): number {
  return FRAME_HEADER_LENGTH + ENTRY_LENGTH * frames + SEEK_FOOTER_LENGTH;
}

/** Writes the seek table of zstd frames, and of skippable frames of the given lengths after them. */
export function encodeSeekTable(
  frames: readonly { readonly length: number; readonly rawLength: number }[],
  skippable: readonly number[] = [],
): Buffer {
  const all = [...frames, ...skippable.map((length) => ({ length, rawLength: 0 }))];
  const payload = Buffer.alloc(ENTRY_LENGTH * all.length + SEEK_FOOTER_LENGTH);
  let at = 0;
  for (const { length, rawLength } of all) {
    at = payload.writeUInt32LE(length, at);
    at = payload.writeUInt32LE(rawLength, at);
  }
  at = payload.writeUInt32LE(all.length, at);
  payload.writeUInt32LE(SEEK_FOOTER_MAGIC, at + 1);
  return skippableFrame(SEEK_TABLE_MAGIC, payload);
}

/**
 * Reads how long the seek table is, from the last bytes of a pack's plaintext (at least {@link SEEK_FOOTER_LENGTH}).
 * @throws damage `seek-table`
 */
export function readSeekTableLength(tail: Uint8Array, object: string): number {
  if (tail.length < SEEK_FOOTER_LENGTH) throw malformed(object);
  const footer = new DataView(tail.buffer, tail.byteOffset + tail.length - SEEK_FOOTER_LENGTH, SEEK_FOOTER_LENGTH);
  const count = footer.getUint32(0, true);
  if (footer.getUint32(5, true) !== SEEK_FOOTER_MAGIC || footer.getUint8(4) !== 0) throw malformed(object);
  if (count > MAX_ENTRIES) throw malformed(object);
  return seekTableLength(count);
}

/**
 * Reads the seek table.
 * @param tail the last bytes of the pack's plaintext, at least the whole table
 * @param plainLength the length of the whole plaintext: the frames and the table are exactly that long together
 * @returns every frame in order, the skippable ones with `rawLength` 0
 * @throws damage `seek-table`
 */
export function decodeSeekTable(tail: Uint8Array, plainLength: number, object: string): SeekEntry[] {
  const tableLength = readSeekTableLength(tail, object);
  if (tail.length < tableLength || plainLength < tableLength) throw malformed(object);
  const table = new DataView(tail.buffer, tail.byteOffset + tail.length - tableLength, tableLength);
  if (table.getUint32(0, true) !== SEEK_TABLE_MAGIC) throw malformed(object);
  if (table.getUint32(4, true) !== tableLength - FRAME_HEADER_LENGTH) throw malformed(object);
  const entries: SeekEntry[] = [];
  let offset = 0;
  for (let at = FRAME_HEADER_LENGTH; at < tableLength - SEEK_FOOTER_LENGTH; at += ENTRY_LENGTH) {
    const length = table.getUint32(at, true);
    const rawLength = table.getUint32(at + 4, true);
    // A zstd frame takes 9 bytes at least, a skippable one 8.
    const isPossible = rawLength === 0 ? length >= 8 : length >= 9 && length <= MAX_FRAME_LENGTH;
    if (!isPossible || rawLength > MAX_FRAME_RAW_LENGTH) throw malformed(object);
    entries.push({ offset, length, rawLength });
    offset += length;
  }
  if (offset + tableLength !== plainLength) throw malformed(object);
  return entries;
}

/**
 * Finds the two frames that describe a pack, in what {@link decodeSeekTable} gave.
 * @throws damage `seek-table` unless zstd frames come first, then padding or not, then the signature
 */
export function findTocAndSignature(
  entries: readonly SeekEntry[],
  object: string,
): { toc: SeekEntry; signature: SeekEntry } {
  const firstSkippable = entries.findIndex((entry) => entry.rawLength === 0);
  const toc = entries[firstSkippable - 1];
  const signature = entries.at(-1);
  const isInOrder = entries.every((entry, i) => (entry.rawLength === 0) === i >= firstSkippable);
  if (!toc || !signature || !isInOrder || entries.length - firstSkippable > 2) throw malformed(object);
  return { toc, signature };
}

/**
 * The smallest Padmé length that is not less than `length`: as many low bits are zero as keep the overhead under 12 %
 * (less for longer ones) and leave only O(log log length) bits of information (PURBs, Nikitin et al. 2019).
 */
export function padmeLength(length: number): number {
  if (length < 2) return length;
  const exponent = Math.floor(Math.log2(length));
  const step = 2 ** (exponent - Math.floor(Math.log2(exponent || 1)) - 1);
  return step <= 1 ? length : Math.ceil(length / step) * step;
}

/**
 * The length of the padding frame that gives a plaintext of `length` bytes a Padmé length, where having padding at all
 * costs `extra` bytes elsewhere. 0 when none is needed, otherwise at least 8.
 */
export function paddingLength(length: number, extra = 0): number {
  if (padmeLength(length) === length) return 0;
  const least = length + extra + FRAME_HEADER_LENGTH;
  return padmeLength(least) - length - extra;
}

/** A skippable frame of zeros, `total` bytes long with its header (at least 8). */
export function paddingFrame(total: number): Buffer {
  if (total < FRAME_HEADER_LENGTH) throw bug('too short for a frame of padding');
  return skippableFrame(PADDING_MAGIC, Buffer.alloc(total - FRAME_HEADER_LENGTH));
}

function malformed(object: string): IcecoreError {
  return damage('seek-table', `${object}: its seek table is damaged`, { object });
}
