/** Finds an entry in a decoded segment, by binary search. Pure; relies on the order that segment-decode.ts has checked. */
import { basenameRaw, dirnameRaw, type Raw } from '../base/raw.ts';
import type { DirectoryEntries, Entry } from './entry.ts';
import { compareDirectories, compareNames } from './path-rules.ts';

/** The entry at `path` (absolute) among the directories of a segment. */
export function findEntry(directories: readonly DirectoryEntries[], path: Raw): Entry | undefined {
  const directory = dirnameRaw(path);
  const entries = search(directories, (item) => compareDirectories(item.path, directory))?.entries ?? [];
  const name = basenameRaw(path);
  return search(entries, (entry) => compareNames(entry.name, name));
}

function search<T>(items: readonly T[], order: (item: T) => number): T | undefined {
  let low = 0;
  let high = items.length - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const difference = order(items[middle]!);
    if (difference === 0) return items[middle];
    if (difference < 0) low = middle + 1;
    else high = middle - 1;
  }
  return undefined;
}
