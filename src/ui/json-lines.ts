/**
 * The machine's view: one JSON object a line, `type` first. Owns how our values become JSON fields; which objects are
 * printed, and when, is decided by the commands and the monitor. Names that are not UTF-8 also come as base64 (`raw`).
 */
import type { ItemNote, Problem } from '../base/monitor.ts';
import { type Raw, rawToBytes, rawToDisplay, rawToText } from '../base/raw.ts';
import { type Entry, encodeTime } from '../format/entry.ts';
import type { SnapshotInfo } from '../work/browse.ts';
import type { Report } from './text.ts';

/** The objects that are printed; consumers skip types that they do not know. */
export type LineType =
  | 'status'
  | 'snapshot'
  | 'entry'
  | 'difference'
  | 'plan'
  | 'job'
  | 'thaw'
  | 'key'
  | 'check'
  | 'finding'
  | 'document'
  | 'error'
  | 'summary';

export type Fields = Readonly<Record<string, unknown>>;

/** Writes one object. Undefined fields are left out, bigints become decimal strings. */
export function encodeLine(type: LineType, fields: Fields): string {
  return JSON.stringify({ type, ...fields }, (_key, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value,
  );
}

/** The fields of a path: `path` for people, and `raw` (base64) where the bytes are not UTF-8. */
export function pathFields(path: Raw, name = 'path', rawName = 'raw'): Fields {
  const text = rawToText(path);
  if (text !== undefined) return { [name]: text };
  return { [name]: rawToDisplay(path), [rawName]: rawToBytes(path).toString('base64') };
}

/** The fields of an entry. `kind` is what it is; times are decimal seconds, mode is octal text. */
export function entryFields(path: Raw, entry: Entry): Fields {
  return {
    ...pathFields(path),
    kind: entry.type,
    mode: entry.mode.toString(8).padStart(4, '0'),
    uid: entry.uid,
    gid: entry.gid,
    user: entry.user,
    group: entry.group,
    size: entry.size,
    mtime: encodeTime(entry.mtime),
    ctime: entry.ctime === undefined ? undefined : encodeTime(entry.ctime),
    inode: entry.inode,
    links: entry.links,
    ...(entry.target === undefined ? {} : pathFields(entry.target, 'target', 'rawTarget')),
    ...(entry.hardlink === undefined ? {} : pathFields(entry.hardlink, 'hardlink', 'rawHardlink')),
    rdev: entry.rdev,
    flaw: entry.flaw,
  };
}

/** The fields of a snapshot. */
export function snapshotFields(snapshot: SnapshotInfo): Fields {
  const { paths, verified, ...others } = snapshot;
  const exact = paths.every((path) => rawToText(path) !== undefined);
  return {
    ...others,
    paths: paths.map(rawToDisplay),
    rawPaths: exact ? undefined : paths.map((path) => rawToBytes(path).toString('base64')),
    verified: verified?.map(({ time, ...check }) => ({ ...check, time: new Date(time).toISOString() })),
  };
}

/** The fields of a failure that stopped the command. */
export function failureFields(report: Report): Fields {
  return {
    code: report.code,
    severity: 'fatal',
    message: report.message,
    hint: report.hint,
    path: report.path,
    object: report.object,
  };
}

/** The fields of a problem that did not stop the run. */
export function problemFields(problem: Problem): Fields {
  return {
    code: problem.code,
    severity: problem.severity,
    message: problem.message,
    hint: problem.hint,
    ...(problem.path === undefined ? {} : pathFields(problem.path)),
    object: problem.object,
  };
}

/** The fields of what a verbose run says of a path. */
export function itemFields(note: ItemNote): Fields {
  return { ...pathFields(note.path), action: note.action, reason: note.reason, size: note.size };
}
