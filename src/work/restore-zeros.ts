/** Runs of zeros in content, for files that are restored with holes. Pure. */

/** What a file system can leave out: its usual block. */
const BLOCK = 4096;
const ZEROS = Buffer.alloc(BLOCK);

/**
 * Yields the pieces of `content` that are not zeros, by whole blocks.
 * @param position where the content begins in the file: blocks are those of the file
 */
export function* nonZeroRuns(content: Uint8Array, position: number): Generator<readonly [start: number, end: number]> {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.length);
  let from = -1;
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + BLOCK - ((position + at) % BLOCK));
    const isZero = bytes[at] === 0 && bytes.compare(ZEROS, 0, end - at, at, end) === 0;
    if (!isZero && from < 0) from = at;
    if (isZero && from >= 0) {
      yield [from, at];
      from = -1;
    }
    at = end;
  }
  if (from >= 0) yield [from, bytes.length];
}
