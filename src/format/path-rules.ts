/**
 * Path rules: which names and paths a manifest may hold, and the order of positions in it. A position is the path of
 * an entry; positions are ordered by directory (component by component), then by name (by bytes), so all entries of a
 * directory come before those of its subdirectories. Pure, and linear in the length of the paths: trees may be 100,000
 * levels deep. Does not encode anything.
 */
import { basenameRaw, dirnameRaw, type Raw } from '../base/raw.ts';

/** The longest name of an entry, in bytes: far above any file system's, far below what could hurt. */
export const MAX_NAME_BYTES = 4096;
/** The longest path of a directory, in bytes: room for 100,000 levels of 20 bytes each. */
export const MAX_PATH_BYTES = 2 * 1024 * 1024;

const BLOCK = 4096;
const DOT_COMPONENT = /\/\.\.?(?:\/|$)/;

/** True for one path component: not empty, not `.` or `..`, without `/` and NUL, of a bounded length. */
export function isName(name: string): boolean {
  if (name.length === 0 || name.length > MAX_NAME_BYTES || name === '.' || name === '..') return false;
  return !name.includes('/') && !name.includes('\0');
}

/** True for the path of a directory in a snapshot: `/`, or `/` and names joined by one `/`. */
export function isDirectoryPath(path: string): boolean {
  if (path === '/') return true;
  if (!path.startsWith('/') || path.endsWith('/') || path.length > MAX_PATH_BYTES) return false;
  return !path.includes('//') && !path.includes('\0') && !DOT_COMPONENT.test(path);
}

/** True for the path of an entry in a snapshot: a directory's path, `/`, and a name. */
export function isEntryPath(path: string): boolean {
  const slash = path.lastIndexOf('/');
  if (slash < 0 || !isName(path.slice(slash + 1))) return false;
  return slash === 0 || isDirectoryPath(path.slice(0, slash));
}

/** True when `path` is `directory` or lies below it. Both are absolute. */
export function isWithin(path: Raw, directory: Raw): boolean {
  if (directory === '/' || path === directory) return true;
  return path.length > directory.length && path[directory.length] === '/' && path.startsWith(directory);
}

/** How many leading bytes two paths share. */
export function sharedLength(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  let i = 0;
  // Whole blocks are compared by the engine: a loop over characters would make deep trees quadratic in slow steps.
  while (i + BLOCK <= length && a.slice(i, i + BLOCK) === b.slice(i, i + BLOCK)) i += BLOCK;
  while (i < length && a.charCodeAt(i) === b.charCodeAt(i)) i++;
  return i;
}

/**
 * Compares the paths of two directories, as `comparePaths` in base/raw.ts does, and fast for long shared beginnings.
 * @returns below 0, 0, or above 0
 */
export function compareDirectories(a: Raw, b: Raw): number {
  if (a === b) return 0;
  const at = sharedLength(a, b);
  if (at === a.length || at === b.length) return a.length - b.length;
  const x = a.charCodeAt(at);
  const y = b.charCodeAt(at);
  if (x === 0x2f) return -1;
  if (y === 0x2f) return 1;
  return x - y;
}

/** Compares two names by their bytes. */
export function compareNames(a: Raw, b: Raw): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Compares two positions, each given as the path of an entry, in the order of a manifest. */
export function comparePositions(a: Raw, b: Raw): number {
  return compareDirectories(dirnameRaw(a), dirnameRaw(b)) || compareNames(basenameRaw(a), basenameRaw(b));
}
