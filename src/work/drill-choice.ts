/**
 * Which files a fire drill restores: picked by a seed from all of a snapshot, so that the same drill can be run again,
 * and another seed picks others. Reads the manifest once and keeps no more than what is picked.
 */
import { hash } from 'node:crypto';
import { joinRaw, type Raw, rawToText } from '../base/raw.ts';
import type { DirectoryEntries } from '../format/entry.ts';

/** Picked at most: each is a pattern of the restore, and a job that waits for cold packs keeps them all. */
const MAX_FILES = 1000;

/** A file to be restored. Its path is absolute, as in the snapshot. */
export interface DrillFile {
  readonly path: Raw;
  readonly size: number;
  readonly mtime: bigint;
}

/** What was picked, and from how many. */
export interface DrillChoice {
  /** Sorted by path. */
  readonly files: readonly DrillFile[];
  readonly bytes: number;
  /** Files of the snapshot. */
  readonly candidates: number;
  /** Files that are larger than the whole drill, and so were never picked. */
  readonly tooLarge: number;
}

interface Picked extends DrillFile {
  readonly rank: bigint;
}

/** Picks files of at most `bytes` together. Names that are no text, and further names of a file, are passed over. */
export async function pickFiles(
  segments: AsyncIterable<DirectoryEntries>,
  bytes: number,
  seed: string,
): Promise<DrillChoice> {
  // Ordered by rank; the last is dropped while all are too much.
  const picked: Picked[] = [];
  let total = 0;
  let candidates = 0;
  let tooLarge = 0;
  for await (const { path: parent, entries } of segments) {
    for (const { type, name, size = 0, mtime, hardlink } of entries) {
      if (type !== 'file') continue;
      candidates++;
      const path = joinRaw(parent, name);
      if (hardlink !== undefined || rawToText(path) === undefined) continue;
      if (size > bytes) {
        tooLarge++;
        continue;
      }
      const rank = rankOf(seed, path);
      const last = picked.at(-1);
      const isFull = total + size > bytes || picked.length >= MAX_FILES;
      if (isFull && last && rank >= last.rank) continue;
      insert(picked, { path, size, mtime, rank });
      total += size;
      while (total > bytes || picked.length > MAX_FILES) total -= picked.pop()!.size;
    }
  }
  const files = picked.map(({ path, size, mtime }) => ({ path, size, mtime }));
  return { files: files.sort((a, b) => (a.path < b.path ? -1 : 1)), bytes: total, candidates, tooLarge };
}

/** The pattern that matches this path and no other. */
export function patternOf({ path }: DrillFile): string {
  return rawToText(path)!.replace(/[\\*?[\]]/g, '\\$&');
}

/** A number that the seed gives the path, as good as random. */
function rankOf(seed: string, path: Raw): bigint {
  return BigInt(`0x${hash('sha256', `${seed}\0${path}`, 'hex').slice(0, 16)}`);
}

function insert(picked: Picked[], file: Picked): void {
  let low = 0;
  let high = picked.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (picked[middle]!.rank < file.rank) low = middle + 1;
    else high = middle;
  }
  picked.splice(low, 0, file);
}
