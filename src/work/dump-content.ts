/** Reads the content of one file in order, a few chunks ahead. What cannot be read is said in its place. */
import { damage, type IcecoreError, isIcecoreError } from '../base/errors.ts';
import type { ChunkId } from '../base/ids.ts';
import { mapOrdered } from '../base/limit.ts';
import type { Entry } from '../format/entry.ts';
import { contentLengthOf, extentsOf } from '../format/pax.ts';
import type { ChunkReader } from '../repo/chunk-reader.ts';
import { chunksOf } from '../repo/file-chunks.ts';
import { isColdError } from './restore-gate.ts';

/** Chunks on their way at the same time: a few frames. */
const AHEAD = 8;
const ZEROS_BYTES = 1_048_576;

/**
 * A stretch of content, or of what should be content: then `length` is what the index says of it, absent where nothing
 * does, and then nothing can be said about what follows either.
 */
export type Piece =
  | { readonly type: 'content'; readonly bytes: Buffer }
  | { readonly type: 'broken'; readonly error: IcecoreError; readonly length?: number };

/**
 * Yields the stored content of a file: of a sparse one the data without the holes. The pieces together are as long as
 * the entry says, or the last one is broken.
 */
export async function* readPieces(chunks: ChunkReader, entry: Entry, signal: AbortSignal): AsyncGenerator<Piece> {
  let left = contentLengthOf(entry);
  const pieces = mapOrdered(idsOf(chunks, entry, signal), AHEAD, (item) => readPiece(chunks, item, signal));
  for await (const piece of pieces) {
    const length = piece.type === 'content' ? piece.bytes.length : piece.length;
    if (length !== undefined && length > left) {
      yield { type: 'broken', error: wrongLength('more') };
      return;
    }
    yield piece;
    if (length === undefined) return;
    left -= length;
  }
  if (left > 0) yield { type: 'broken', error: wrongLength('less') };
}

/**
 * Yields the content of a file as a reader of the file sees it, with zeros for holes.
 * @throws the first damage that is met, and `object-cold` for an archived pack
 */
export async function* readWhole(chunks: ChunkReader, entry: Entry, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const size = entry.size ?? 0;
  const extents = extentsOf(entry) ?? [[0, size]];
  let [extent, position, end] = [0, 0, 0];
  for await (const piece of readPieces(chunks, entry, signal)) {
    if (piece.type === 'broken') throw piece.error;
    for (let rest = piece.bytes; rest.length > 0; ) {
      if (position === end) {
        const [offset, length] = extents[extent++]!;
        yield* zeros(offset - position);
        [position, end] = [offset, offset + length];
      }
      const part = rest.subarray(0, end - position);
      yield part;
      position += part.length;
      rest = rest.subarray(part.length);
    }
  }
  yield* zeros(size - position);
}

/** Yields so many zeros, in parts. */
export function* zeros(count: number): Generator<Uint8Array> {
  const block = count > 0 ? new Uint8Array(Math.min(count, ZEROS_BYTES)) : undefined;
  for (let left = count; block && left > 0; left -= block.length) {
    yield left < block.length ? block.subarray(0, left) : block;
  }
}

type Item = { readonly id: ChunkId } | { readonly error: IcecoreError };

/** The ids, ended by the error where a list cannot be read: what was found before it is still good. */
async function* idsOf(chunks: ChunkReader, entry: Entry, signal: AbortSignal): AsyncGenerator<Item> {
  try {
    for await (const id of chunksOf(chunks, entry, signal)) yield { id };
  } catch (error) {
    if (!isIcecoreError(error, 'damage')) throw error;
    yield { error };
  }
}

async function readPiece(chunks: ChunkReader, item: Item, signal: AbortSignal): Promise<Piece> {
  if ('error' in item) return { type: 'broken', error: item.error };
  try {
    return { type: 'content', bytes: await chunks.get(item.id, 'data', signal) };
  } catch (error) {
    // An archived pack is no damage, and here no reason to stop: other files go on.
    if (!isIcecoreError(error, 'damage') && !isColdError(error)) throw error;
    const length = chunks.lengthOf(item.id);
    return { type: 'broken', error: error as IcecoreError, ...(length === undefined ? {} : { length }) };
  }
}

function wrongLength(than: 'more' | 'less'): IcecoreError {
  return damage('content-length', `its chunks hold ${than} than the manifest says`);
}
