/**
 * Segment decode: the strict reading of a segment, whoever wrote it. Owns the checks that need more than one line: the
 * order of directories and of names (so nothing can appear twice), that every directory line is followed by an entry,
 * that a hard link points back (so links cannot go in a circle), and that segments follow each other in order.
 * The fields of a line are checked by entry-decode.ts and directory-line.ts.
 */
import { damage, IcecoreError } from '../base/errors.ts';
import { expectObject, parseJsonLines } from '../base/json.ts';
import { dirnameRaw, joinRaw, type Raw } from '../base/raw.ts';
import { decodeDirectoryLine, MAX_DIRECTORY_LINE_BYTES } from './directory-line.ts';
import type { DirectoryEntries, Entry } from './entry.ts';
import { decodeEntry } from './entry-decode.ts';
import { compareDirectories, compareNames, comparePositions } from './path-rules.ts';
import { MAX_PATHS_BYTES, SEGMENT_RULE } from './segment.ts';

/** The longest segment that a reader accepts, in bytes. */
export const MAX_SEGMENT_BYTES = 16 * 1024 * 1024;

const LIMITS = {
  maxLength: MAX_SEGMENT_BYTES,
  maxLineLength: MAX_DIRECTORY_LINE_BYTES,
  // Each directory line is followed by an entry.
  maxLines: SEGMENT_RULE.max * 2,
};

/**
 * Reads a segment: its directories in order, with absolute paths, each with at least one entry. The first directory
 * may have begun in the segment before, and the last may go on in the next one.
 * @param object the name of the segment for errors, e.g. the chunk's id
 * @throws damage: `segment-empty`, `segment-order`, `directory-order`, `segment-too-large`, `hardlink-order`, or what base/json.ts says
 */
export function decodeSegment(bytes: Uint8Array, object: string): DirectoryEntries[] {
  const directories: DirectoryEntries[] = [];
  let path: Raw | undefined;
  let entries: Entry[] = [];
  let entryCount = 0;
  let pathsBytes = 0;
  let lineNumber = 0;
  for (const value of parseJsonLines(bytes, LIMITS, object)) {
    lineNumber++;
    try {
      const line = expectObject(value, object, 'line');
      if (line.dir !== undefined) {
        if (path !== undefined && entries.length === 0) throw outOfOrder('a directory without entries', object);
        const next = decodeDirectoryLine(line, path, object);
        pathsBytes += next.length;
        if (pathsBytes > 2 * MAX_PATHS_BYTES)
          throw damage('segment-too-large', `${object}: paths too long`, { object });
        path = next;
        entries = [];
        directories.push({ path, entries });
        continue;
      }
      if (path === undefined) throw outOfOrder('an entry before the first directory', object);
      const entry = decodeEntry(line, object);
      const before = entries[entries.length - 1];
      if (before !== undefined && before.name >= entry.name) throw outOfOrder('an entry', object);
      if (entry.hardlink !== undefined) checkHardlink(entry.hardlink, path, entry.name, object);
      if (++entryCount > SEGMENT_RULE.max) throw damage('segment-too-large', `${object}: too many entries`, { object });
      entries.push(entry);
    } catch (error) {
      throw atLine(error, lineNumber);
    }
  }
  if (entries.length === 0) throw damage('segment-empty', `${object}: ends without an entry`, { object });
  return directories;
}

/** The path of the first entry of a decoded segment. */
export function firstPosition(directories: readonly DirectoryEntries[]): Raw {
  const directory = directories[0]!;
  return joinRaw(directory.path, directory.entries[0]!.name);
}

/** The path of the last entry of a decoded segment. */
export function lastPosition(directories: readonly DirectoryEntries[]): Raw {
  const directory = directories[directories.length - 1]!;
  return joinRaw(directory.path, directory.entries[directory.entries.length - 1]!.name);
}

/**
 * Checks that a segment begins after the end of the one before (`previousLast` is absent for the first one). A reader
 * of more than one segment calls it for each: every segment alone can be in order, and the same file still come twice.
 * @throws damage `segment-order`
 */
export function checkOrder(previousLast: Raw | undefined, first: Raw, object: string): void {
  if (previousLast !== undefined && comparePositions(previousLast, first) >= 0) throw outOfOrder('the segment', object);
}

/**
 * Checks a decoded segment against what the root says of it, and against the segment before.
 * @returns the path of its last entry, for the next call
 * @throws damage `segment-order`, `segment-mismatch`
 */
export function checkSegment(
  directories: readonly DirectoryEntries[],
  stated: { readonly first: Raw; readonly entries: number },
  previousLast: Raw | undefined,
  object: string,
): Raw {
  const first = firstPosition(directories);
  let entries = 0;
  for (const directory of directories) entries += directory.entries.length;
  if (first !== stated.first || entries !== stated.entries) {
    throw damage('segment-mismatch', `${object}: is not the segment that the root describes`, { object });
  }
  checkOrder(previousLast, first, object);
  return lastPosition(directories);
}

/** The first path of a group comes before the others; that also rules out circles. */
function checkHardlink(hardlink: Raw, path: Raw, name: Raw, object: string): void {
  const order = compareDirectories(dirnameRaw(hardlink), path);
  if (order < 0 || (order === 0 && compareNames(hardlink.slice(hardlink.lastIndexOf('/') + 1) as Raw, name) < 0))
    return;
  throw damage('hardlink-order', `${object}: a hard link does not point back`, { object });
}

function outOfOrder(what: string, object: string): IcecoreError {
  return damage('segment-order', `${object}: ${what} is out of order or there twice`, { object });
}

/** Adds the number of the line, which the readers of fields do not know. */
function atLine(error: unknown, line: number): unknown {
  if (!(error instanceof IcecoreError) || error.data.line !== undefined) return error;
  const { code, kind, message, data } = error;
  return new IcecoreError(kind, code, `${message} (line ${line})`, { data: { ...data, line } });
}
