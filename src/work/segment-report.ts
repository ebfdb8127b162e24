/** Reads a segment strictly and looks up everything that its entries name. Used by workers and by the main thread. */
import { isIcecoreError } from '../base/errors.ts';
import { joinRaw, type Raw } from '../base/raw.ts';
import type { Entry } from '../format/entry.ts';
import { decodeSegment, firstPosition, lastPosition } from '../format/segment-decode.ts';
import { type ChunkLookup, ID_BYTES } from '../repo/chunk-lookup.ts';
import type { NamedList, SegmentReport } from './verify-messages.ts';

const MAX_NAMED = 20;

/**
 * Reports on a segment.
 * @param object what to call it in messages
 */
export function reportSegment(
  id: string,
  bytes: Uint8Array,
  object: string,
  lookup: ChunkLookup,
  wantsPacks: boolean,
): SegmentReport {
  try {
    return report(id, bytes, object, lookup, wantsPacks);
  } catch (error) {
    if (!isIcecoreError(error, 'damage')) throw error;
    return { type: 'broken', id, problem: { code: error.code, message: error.message } };
  }
}

function report(
  id: string,
  bytes: Uint8Array,
  object: string,
  lookup: ChunkLookup,
  wantsPacks: boolean,
): SegmentReport {
  const directories = decodeSegment(bytes, object);
  const files: { path: Raw; count: number; length: number | undefined }[] = [];
  const lists: NamedList[] = [];
  const hex: string[] = [];
  let entryCount = 0;
  for (const { path, entries } of directories) {
    entryCount += entries.length;
    for (const entry of entries) {
      const length = contentLength(entry);
      if (entry.chunks) {
        files.push({ path: joinRaw(path, entry.name), count: entry.chunks.length, length });
        hex.push(...entry.chunks);
      } else if (entry.list) {
        lists.push({ id: entry.list, path: joinRaw(path, entry.name), ...(length === undefined ? {} : { length }) });
      }
    }
  }
  const ids = Buffer.allocUnsafe(hex.length * ID_BYTES);
  for (const [i, text] of hex.entries()) ids.write(text, i * ID_BYTES, 'hex');
  const lengths = lookup.lengths(ids, 'data');
  let unknownChunks = 0;
  const wrongSizes: Raw[] = [];
  let at = 0;
  for (const { path, count, length } of files) {
    let sum = 0;
    let isKnown = true;
    for (const end = at + count; at < end; at++) {
      if (lengths[at]! < 0) {
        unknownChunks++;
        isKnown = false;
      }
      sum += lengths[at]!;
    }
    if (isKnown && length !== undefined && sum !== length && wrongSizes.length < MAX_NAMED) wrongSizes.push(path);
  }
  return {
    type: 'sound',
    id,
    first: firstPosition(directories),
    last: lastPosition(directories),
    entries: entryCount,
    unknownChunks,
    wrongSizes,
    lists,
    ...(wantsPacks ? { packs: [...lookup.packs(ids, 'data')] } : {}),
  };
}

/** The bytes that a file's chunks must have; undefined where it changed while it was read. */
export function contentLength({ size, sparse, flaw }: Entry): number | undefined {
  if (flaw !== undefined || size === undefined) return undefined;
  return sparse ? sparse.reduce((sum, [, length]) => sum + length, 0) : size;
}
