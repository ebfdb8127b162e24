/**
 * Cuts content into chunks where the content says so, so that an insertion moves few cuts. Owns the cutting rule of
 * format 1; does not read, hash or store anything, and does not know where the table comes from.
 *
 * The rule. G is a table of 256 secret 32-bit numbers. The hash at a byte b[i] is taken over the 32 bytes that end
 * there: H(i) = (G[b[i]] + 2 G[b[i-1]] + 4 G[b[i-2]] + … + 2^31 G[b[i-31]]) mod 2^32. A chunk that starts at byte s
 * is L bytes long, where L is the smallest length with
 *   - min ≤ L < target, and the top t + 2 bits of H(s + L - 1) are zero, or
 *   - target ≤ L < max, and the top t - 2 bits of H(s + L - 1) are zero, or
 *   - L = max, or the content ends at s + L;
 * t is log2(target). The harder test before the target and the easier one after it draw the lengths towards the target
 * (Gear and normalised chunking, as in FastCDC, Xia et al. 2016 and 2020). Since H looks at the same 32 bytes wherever
 * the chunk began, whether a place qualifies does not depend on the cuts before it.
 */
import { IcecoreError } from '../base/errors.ts';

/** Lengths in bytes; see {@link checkChunkSizes}. */
export interface ChunkSizes {
  readonly min: number;
  readonly target: number;
  readonly max: number;
}

/** The sizes of a new repository unless it is told otherwise. */
export const DEFAULT_CHUNK_SIZES: ChunkSizes = { min: 262_144, target: 1_048_576, max: 4_194_304 };
/** The longest chunk that any repository of format 1 may hold. */
export const MAX_CHUNK_LENGTH = 8_388_608;
/** How many bytes {@link makeGearTable} takes. */
export const GEAR_KEYSTREAM_LENGTH = 1024;

const WINDOW = 32;

/**
 * Makes the table out of 1,024 bytes of keystream: G[k] is the little-endian number at 4k. Signed, because a load from
 * an Int32Array stays a machine integer; from a Uint32Array it becomes a double, at less than half the speed.
 */
export function makeGearTable(keystream: Uint8Array): Int32Array {
  if (keystream.length < GEAR_KEYSTREAM_LENGTH) throw new IcecoreError('bug', 'gear-table', 'too little keystream');
  const view = new DataView(keystream.buffer, keystream.byteOffset, GEAR_KEYSTREAM_LENGTH);
  return Int32Array.from({ length: 256 }, (_, k) => view.getInt32(k * 4, true));
}

/**
 * Checks sizes: whole numbers, target a power of two up to 4 MiB, 32 ≤ min < target < max ≤ 8 MiB.
 * @throws IcecoreError kind `config`, code `chunk-sizes`
 */
export function checkChunkSizes({ min, target, max }: ChunkSizes): void {
  const isPower = Number.isInteger(Math.log2(target)) && target <= 4_194_304;
  const isOrdered = WINDOW <= min && min < target && target < max && max <= MAX_CHUNK_LENGTH;
  if (isPower && isOrdered && Number.isInteger(min) && Number.isInteger(max)) return;
  throw new IcecoreError('config', 'chunk-sizes', `chunk sizes ${min}/${target}/${max} are not possible`, {
    hint: 'the target is a power of two up to 4 MiB, and 32 bytes ≤ minimum < target < maximum ≤ 8 MiB',
  });
}

/**
 * Finds the cuts of one content after the other. How the bytes arrive makes no difference to the cuts. It keeps how far
 * the current chunk was searched, so that asking again with more bytes costs only the new ones.
 */
export class Chunker {
  readonly #table: Int32Array;
  readonly #sizes: ChunkSizes;
  readonly #hardMask: number;
  readonly #easyMask: number;
  /** Lengths of the current chunk below this one are known to be no cut. */
  #searched: number;

  /** @throws as {@link checkChunkSizes} */
  constructor(table: Int32Array, sizes: ChunkSizes) {
    checkChunkSizes(sizes);
    if (table.length !== 256) throw new IcecoreError('bug', 'gear-table', 'a gear table has 256 entries');
    this.#table = table;
    this.#sizes = sizes;
    const bits = Math.log2(sizes.target);
    this.#hardMask = topBits(bits + 2);
    this.#easyMask = topBits(bits - 2);
    this.#searched = sizes.min;
  }

  /**
   * Finds the end of the chunk that begins at `data[start]`, with its bytes so far in `data[start, end)`.
   * `isEnd` says that the content ends at `end`.
   * @returns the length of the chunk; or 0, which asks for the same chunk again, from its first byte, with more
   * bytes or with `isEnd` (its bytes may have moved in the meantime). With `max` bytes at hand, or at the end of a
   * content that is not empty, the answer is never 0.
   */
  next(data: Uint8Array, start: number, end: number, isEnd: boolean): number {
    const { target, max } = this.#sizes;
    const available = Math.min(end - start, max);
    let length = this.#search(data, start, this.#searched, Math.min(available, target - 1), this.#hardMask);
    if (length === 0) {
      length = this.#search(
        data,
        start,
        Math.max(this.#searched, target),
        Math.min(available, max - 1),
        this.#easyMask,
      );
    }
    if (length === 0 && (available === max || isEnd)) length = available;
    this.#searched = length === 0 ? Math.max(this.#searched, available + 1) : this.#sizes.min;
    return length;
  }

  /** Forgets a chunk that was asked for and will not be finished; the next call begins another. */
  reset(): void {
    this.#searched = this.#sizes.min;
  }

  /** Tries the lengths `from` to `to`, both included. */
  #search(data: Uint8Array, start: number, from: number, to: number, mask: number): number {
    if (from > to) return 0;
    const end = firstCut(data, start + from - 1, start + to, mask, this.#table);
    return end < 0 ? 0 : end - start;
  }
}

function topBits(count: number): number {
  return count <= 0 ? 0 : (-1 << (32 - count)) | 0;
}

/**
 * Tests the bytes `from` to `to - 1` and returns the index after the first that ends a chunk, or -1. `from` is at least
 * 31 bytes into the data. A turn for each byte is compiled to 1.2 or to 2.8 GB/s, depending on how it warms up; testing
 * eight before looking at the outcome gives a steady 2.1 (skipped minimum included; bench/format.ts measures it).
 */
function firstCut(data: Uint8Array, from: number, to: number, mask: number, table: Int32Array): number {
  let hash = 0;
  for (let i = from - WINDOW + 1; i < from; i++) hash = ((hash << 1) + table[data[i]!]!) | 0;
  let i = from;
  for (const last = to - 7; i < last; i = (i + 8) | 0) {
    const a = ((hash << 1) + table[data[i]!]!) | 0;
    const b = ((a << 1) + table[data[(i + 1) | 0]!]!) | 0;
    const c = ((b << 1) + table[data[(i + 2) | 0]!]!) | 0;
    const d = ((c << 1) + table[data[(i + 3) | 0]!]!) | 0;
    const e = ((d << 1) + table[data[(i + 4) | 0]!]!) | 0;
    const f = ((e << 1) + table[data[(i + 5) | 0]!]!) | 0;
    const g = ((f << 1) + table[data[(i + 6) | 0]!]!) | 0;
    const h = ((g << 1) + table[data[(i + 7) | 0]!]!) | 0;
    if ((a & mask) === 0 || (b & mask) === 0 || (c & mask) === 0 || (d & mask) === 0) break;
    if ((e & mask) === 0 || (f & mask) === 0 || (g & mask) === 0 || (h & mask) === 0) break;
    hash = h;
  }
  // The last bytes, or the eight among which there is a cut.
  for (; i < to; i++) {
    hash = ((hash << 1) + table[data[i]!]!) | 0;
    if ((hash & mask) === 0) return i + 1;
  }
  return -1;
}
