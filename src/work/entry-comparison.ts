/** Says how two entries of the same path differ: in type, in content, or only in what stands around it. Pure. */
import type { Entry } from '../format/entry.ts';
import type { Difference } from './browse.ts';

/** The content of a file as its chunks say it; a hard link has to be resolved first. */
export type Content = Pick<Entry, 'size' | 'chunks' | 'list' | 'sparse'>;

/**
 * Compares two entries; `contents` are those of files, when the entries are files.
 * @returns undefined when they are the same. Times of access and change, inodes and link counts do not count: they
 * belong to a host's file system, not to the file.
 */
export function compareEntries(
  before: Entry,
  after: Entry,
  contents: readonly [Content, Content] = [before, after],
): Difference['change'] | undefined {
  if (before.type !== after.type) return 'type';
  if (before.type === 'file' && !isSameContent(contents[0], contents[1])) return 'modified';
  if (before.target !== after.target) return 'modified';
  if (before.rdev?.major !== after.rdev?.major || before.rdev?.minor !== after.rdev?.minor) return 'modified';
  return isSameMetadata(before, after) ? undefined : 'metadata';
}

/**
 * True when the chunks are the same. The same bytes give the same chunks as long as the repository's chunk sizes and
 * the holes of the file stay as they are; otherwise a file counts as modified although its bytes are not.
 */
export function isSameContent(a: Content, b: Content): boolean {
  if ((a.size ?? 0) !== (b.size ?? 0) || a.list !== b.list) return false;
  return isSameList(a.chunks ?? [], b.chunks ?? []) && isSameList(a.sparse?.flat() ?? [], b.sparse?.flat() ?? []);
}

function isSameMetadata(a: Entry, b: Entry): boolean {
  if (a.mode !== b.mode || a.uid !== b.uid || a.gid !== b.gid || a.mtime !== b.mtime) return false;
  if (a.user !== b.user || a.group !== b.group || a.hardlink !== b.hardlink || a.flaw !== b.flaw) return false;
  const [x, y] = [Object.entries(a.xattrs ?? {}), b.xattrs ?? {}];
  return x.length === Object.keys(y).length && x.every(([name, value]) => Object.hasOwn(y, name) && y[name] === value);
}

function isSameList<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i]);
}
