/**
 * Directory line: the line of a segment that says which directory the entries after it are in. Owns both directions.
 *
 *     {"dir":"/photos/2019"}         absolute: the first one of a segment always is
 *     {"up":2,"dir":"x/y"}           from the directory before: two components up, then down
 *
 * Writers use the second form only where the path is longer than 1,024 bytes, so ordinary segments can be searched and
 * read by people; in a tree of 100,000 levels it keeps the lines short. Readers take both everywhere.
 */
import { damage, IcecoreError } from '../base/errors.ts';
import { fieldFailure, isIntegerIn, type JsonObject } from '../base/json.ts';
import { type Raw, rawToDisplay } from '../base/raw.ts';
import { compareDirectories, isDirectoryPath, MAX_PATH_BYTES, sharedLength } from './path-rules.ts';
import { decodeRawField, encodeRawField } from './raw-text.ts';

/** The longest directory line, in bytes: more than any path needs that is not mostly control characters. */
export const MAX_DIRECTORY_LINE_BYTES = 3 * 1024 * 1024;
/** Paths up to this length are written in full. */
const FULL_PATH_BYTES = 1024;

/**
 * Writes the line for `path`, without the line feed; `previous` is the directory before it in the same segment.
 * @throws kind `user`, `path-too-long`, when the path in full would not fit {@link MAX_DIRECTORY_LINE_BYTES}: it may
 *   have to be the first of a segment some day.
 */
export function encodeDirectoryLine(path: Raw, previous?: Raw): string {
  if (previous !== undefined && path.length > FULL_PATH_BYTES) {
    checkLength(path, path.length * 6 > MAX_DIRECTORY_LINE_BYTES ? absoluteLine(path) : '');
    return relativeLine(path, previous);
  }
  const line = absoluteLine(path);
  checkLength(path, line);
  return line;
}

/**
 * Reads a directory line into an absolute path; `previous` is absent for the first one of a segment. Paths that were
 * front-coded share their beginnings in memory until somebody looks at them, and are not compared as a whole here.
 * @throws damage `json-field`, and `directory-order` when the path is not after `previous`
 */
export function decodeDirectoryLine(line: JsonObject, previous: Raw | undefined, object: string): Raw {
  for (const field in line) {
    if (field !== 'dir' && field !== 'raw' && field !== 'up') {
      throw fieldFailure(field.slice(0, 40), 'does not belong to a directory line', object);
    }
  }
  const text = decodeRawField(line, 'dir', 'raw', object);
  if (line.up !== undefined) return follow(previous, line.up, text, object);
  if (!isDirectoryPath(text)) throw fieldFailure('dir', 'is not the path of a directory', object);
  if (previous !== undefined && compareDirectories(previous, text) >= 0) throw outOfOrder(object);
  return text;
}

/** Goes `up` components up from `previous`, then down `rest`. */
function follow(previous: Raw | undefined, up: unknown, rest: Raw, object: string): Raw {
  if (previous === undefined) throw fieldFailure('up', 'stands in the first line of a segment', object);
  if (!isIntegerIn(up, 0, MAX_PATH_BYTES)) throw fieldFailure('up', 'is not a number of components', object);
  // The other components were checked with their own lines: doing it again for each line is quadratic in the depth.
  if (rest === '' || !isDirectoryPath(`/${rest}`)) throw fieldFailure('dir', 'is not the rest of a path', object);
  const from = withoutRoot(previous);
  let end = from.length;
  for (let i = 0; i < up; i++) {
    if (end === 0) throw fieldFailure('up', 'leads above the root', object);
    end = from.lastIndexOf('/', end - 1);
  }
  const path = `${up === 0 ? from : from.slice(0, end)}/${rest}` as Raw;
  if (path.length > MAX_PATH_BYTES) throw fieldFailure('dir', 'makes too long a path', object);
  // Below the directory before is after it; elsewhere the first components that differ decide.
  if (up > 0 && componentAt(from, end + 1) >= componentAt(rest, 0)) throw outOfOrder(object);
  return path;
}

function componentAt(path: string, start: number): string {
  const end = path.indexOf('/', start);
  return path.slice(start, end < 0 ? path.length : end);
}

function outOfOrder(object: string): IcecoreError {
  return damage('directory-order', `${object}: a directory is out of order or there twice`, { object });
}

function absoluteLine(path: Raw): string {
  return `{${encodeRawField('dir', 'raw', path)}}`;
}

/** `path` follows `previous` in the order of a manifest, so it is never one of its parents. */
function relativeLine(path: Raw, previous: Raw): string {
  const from = withoutRoot(previous);
  let shared = sharedLength(path, from);
  // What both share counts only up to the end of a whole component of both.
  if (shared < from.length || path[shared] !== '/') shared = path.lastIndexOf('/', shared - 1);
  let up = 0;
  for (let i = from.indexOf('/', shared); i >= 0; i = from.indexOf('/', i + 1)) up++;
  return `{"up":${up},${encodeRawField('dir', 'raw', path.slice(shared + 1) as Raw)}}`;
}

/** A path as components that each begin with `/`: then the root has none. */
function withoutRoot(path: Raw): string {
  return path === '/' ? '' : path;
}

function checkLength(path: Raw, line: string): void {
  const fits = path.length <= MAX_PATH_BYTES && line.length * 3 <= MAX_DIRECTORY_LINE_BYTES;
  if (fits || (path.length <= MAX_PATH_BYTES && Buffer.byteLength(line) <= MAX_DIRECTORY_LINE_BYTES)) return;
  throw new IcecoreError('user', 'path-too-long', `${rawToDisplay(path.slice(0, 200) as Raw)}…: the path is too long`);
}
