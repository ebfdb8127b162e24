/** Paths that people type: made absolute as bytes, and the `SNAPSHOT:PATH` notation. Reads no file system. */
import { type Raw, rawFromText, rawToDisplay } from '../base/raw.ts';
import { usage } from './values.ts';

/**
 * Makes a path absolute and plain: no empty, `.` or `..` components. A slash at its end stays, since it means that a
 * symbolic link is to be followed.
 */
export function resolveRaw(cwd: Raw, path: Raw): Raw {
  const isAbsolute = path.startsWith('/');
  const components: string[] = [];
  for (const component of (isAbsolute ? path : `${cwd}/${path}`).split('/')) {
    if (component === '..') components.pop();
    else if (component !== '' && component !== '.') components.push(component);
  }
  const plain = `/${components.join('/')}`;
  return (plain !== '/' && /\/\.?$/.test(path) ? `${plain}/` : plain) as Raw;
}

/** A snapshot and, where one was given, a path in it. */
export interface SnapshotPath {
  readonly snapshot: string;
  readonly path?: Raw;
}

/**
 * Splits `SNAPSHOT[:PATH]`. An id may be typed in lower case; a path without a leading slash starts at the root.
 * @param raw the argument's bytes; `latest:/é` and names that are not UTF-8 come through
 * @throws kind `usage`
 */
export function parseSnapshotPath(raw: Raw): SnapshotPath {
  const colon = raw.indexOf(':');
  const snapshot = normaliseSnapshot(colon < 0 ? raw : raw.slice(0, colon));
  if (colon < 0) return { snapshot };
  const typed = raw.slice(colon + 1);
  if (typed.split('/').includes('..'))
    throw usage('bad-path', `a path in a snapshot has no '..': '${rawToDisplay(typed as Raw)}'`);
  const path = resolveRaw(rawFromText('/'), typed as Raw);
  return { snapshot, path: (path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path) as Raw };
}

/**
 * Checks the form of a snapshot's name: an id, at least 4 characters of one, `latest` or `latest~N`.
 * @throws kind `usage`
 */
export function normaliseSnapshot(text: string): string {
  if (/^latest(~\d{1,9})?$/.test(text)) return text;
  if (/^[0-9a-hjkmnp-tv-z]{4,26}$/i.test(text)) return text.toUpperCase();
  throw usage(
    'bad-snapshot',
    `'${text}' names no snapshot`,
    'give an id, at least 4 characters of one, latest, or latest~N for the Nth before it',
  );
}
