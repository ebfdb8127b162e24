/**
 * Where the content of a sparse file goes: the content of a restored file is that of its data extents, one after the
 * other, and everything else is hole. Pure arithmetic; numbers are bytes, up to 2^53 - 1.
 */

/** Data extents [offset, length] in order, ascending, not overlapping (as in an entry). */
export type Extents = readonly (readonly [offset: number, length: number])[];

/** A piece of content and its place in the file. `start` counts within the bytes given, not within the file. */
export interface Piece {
  readonly start: number;
  readonly length: number;
  readonly position: number;
}

/** Bytes of content that a file has: its size without its holes. */
export function contentLength(size: number, sparse: Extents | undefined): number {
  return sparse ? sparse.reduce((sum, [, length]) => sum + length, 0) : size;
}

/**
 * Maps `length` bytes of content that begin `contentOffset` bytes into the content to their places in the file. Bytes
 * past the last extent are mapped nowhere; the caller compares the sums.
 */
export function* mapContent(sparse: Extents | undefined, contentOffset: number, length: number): Generator<Piece> {
  if (!sparse) {
    if (length > 0) yield { start: 0, length, position: contentOffset };
    return;
  }
  const end = contentOffset + length;
  let before = 0;
  for (const [offset, extentLength] of sparse) {
    const from = Math.max(contentOffset, before);
    const to = Math.min(end, before + extentLength);
    if (to > from) yield { start: from - contentOffset, length: to - from, position: offset + from - before };
    before += extentLength;
    if (before >= end) return;
  }
}
