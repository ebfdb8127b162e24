/**
 * Puts a manifest into the order of an archive: a directory comes right before what lies in it, and everything below it
 * follows before anything else. Then an unpacking tar can set a directory's time and permissions when it leaves it. (In
 * a manifest all entries of a directory come before its subdirectories.)
 *
 * Held meanwhile: the subdirectories that are still to come, of each directory on the way down.
 */
import { joinRaw, type Raw } from '../base/raw.ts';
import type { DirectoryEntries, Entry } from '../format/entry.ts';
import { isWithin } from '../format/path-rules.ts';
import type { ListedEntry } from './browse.ts';

interface Level {
  readonly path: Raw;
  readonly directories: Entry[];
  next: number;
}

/** Yields the entries of the tree below `root`, without `root` itself, in the order of an archive. */
export async function* archiveOrder(
  directories: AsyncIterable<DirectoryEntries>,
  root: Raw,
): AsyncGenerator<ListedEntry> {
  const levels: Level[] = [{ path: root, directories: [], next: 0 }];
  for await (const { path, entries } of directories) {
    let top = levels.at(-1)!;
    while (!isWithin(path, top.path)) {
      yield* rest(top);
      levels.pop();
      top = levels.at(-1)!;
    }
    if (path !== top.path) {
      const begin = top.path === '/' ? 1 : top.path.length + 1;
      const slash = path.indexOf('/', begin);
      // More than one component only where the part of the manifest between them could not be read.
      yield* rest(top, path.slice(begin, slash < 0 ? path.length : slash) as Raw);
      top = { path, directories: [], next: 0 };
      levels.push(top);
    }
    for (const entry of entries) {
      if (entry.type === 'dir') top.directories.push(entry);
      else yield { path: joinRaw(path, entry.name), entry };
    }
  }
  for (const level of levels.toReversed()) yield* rest(level);
}

/** The subdirectories that have not come yet, up to one of this name and with it, or all. */
function* rest(level: Level, upTo?: Raw): Generator<ListedEntry> {
  for (let entry = level.directories[level.next]; entry; entry = level.directories[level.next]) {
    if (upTo !== undefined && entry.name > upTo) return;
    level.next++;
    yield { path: joinRaw(level.path, entry.name), entry };
  }
}
