/**
 * What the errors of the file system mean to somebody who makes a backup: a Problem with a stable code, a severity
 * and, where something can be done, a hint. It prints nothing.
 *
 * Codes: `vanished` (a warning: things come and go), `unreadable` (an error: something that is there is not in the
 * backup), `replaced` and `changed-while-read` (warnings: stored, but not as first seen), `directory-loop`,
 * `unsupported-type`.
 */
import { errnoOf, isIcecoreError, messageOf } from '../base/errors.ts';
import type { Problem } from '../base/monitor.ts';
import type { Raw } from '../base/raw.ts';

/** What was being done when a call failed: the verb of the message. */
export type FileAction = 'list' | 'examine' | 'open' | 'read';

const TEXTS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EIO: 'the device reports an input/output error',
  EMFILE: 'too many open files in this process',
  ENFILE: 'too many open files on this machine',
  ENAMETOOLONG: 'the path is too long for this system',
  ELOOP: 'it is a symbolic link now, or there are too many on the way',
  ENXIO: 'it is not a regular file any more',
  ENOMEM: 'the machine is out of memory',
  EAGAIN: 'another program holds a lease on it',
};

const HINTS: Readonly<Record<string, string>> = {
  EACCES: 'run as a user who may read it, or exclude it',
  EMFILE: 'raise the limit of open files (ulimit -n)',
  EIO: 'check the disk: copy what is readable elsewhere first',
};

/** True when the errno of an error says that what was there is gone. */
export function isVanished(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno === 'ENOENT' || errno === 'ENOTDIR' || errno === 'ESTALE';
}

/** Describes a failed call on a path. Takes what node:fs, libc.ts or a SourceReader threw. */
export function fileProblem(error: unknown, path: Raw, action: FileAction): Problem {
  if (isVanished(error)) return vanishedProblem(path);
  const errno = errnoOf(isIcecoreError(error) ? error.cause : error);
  const offset = isIcecoreError(error) ? error.data.offset : undefined;
  const text = errno === undefined ? messageOf(error) : `${TEXTS[errno] ?? 'the system refused'} (${errno})`;
  const place = offset === undefined ? '' : ` at byte ${offset}`;
  const hint = errno === undefined ? undefined : HINTS[errno];
  const message = `cannot ${action} it${place}: ${text}`;
  return { severity: 'error', code: 'unreadable', message, path, ...(hint === undefined ? {} : { hint }) };
}

/** Describes something that was listed and is gone. */
export function vanishedProblem(path: Raw): Problem {
  return { severity: 'warning', code: 'vanished', message: 'it vanished during the backup', path };
}

/** Describes something whose name leads elsewhere than when it was first seen. */
export function replacedProblem(path: Raw, what: string): Problem {
  return { severity: 'warning', code: 'replaced', message: `it was replaced during the backup: ${what}`, path };
}

/** Describes a file whose content changed under the reader. */
export function changedProblem(path: Raw, what: string): Problem {
  return { severity: 'warning', code: 'changed-while-read', message: `it changed while it was read: ${what}`, path };
}
