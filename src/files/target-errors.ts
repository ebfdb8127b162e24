/**
 * The named errors of writing into a target, made from failed system calls. Every one carries the path; codes:
 * `target-full`, `target-read-only`, `target-not-permitted`, `target-name-refused`, `target-file-too-big`,
 * `symlink-in-the-way`, `directory-in-the-way`, `file-in-the-way`, `device-needs-root`, `target-failed`.
 */
import { errnoOf, IcecoreError, messageOf } from '../base/errors.ts';
import { type Raw, rawToDisplay } from '../base/raw.ts';

interface Named {
  readonly code: string;
  readonly text: string;
  readonly hint?: string;
}

const FULL: Named = {
  code: 'target-full',
  text: 'no space left in the target',
  hint: 'make room and run the restore again: what is there already is not written again',
};
const REFUSED_NAME: Named = { code: 'target-name-refused', text: 'the target does not take this name' };
const NOT_PERMITTED: Named = {
  code: 'target-not-permitted',
  text: 'not permitted in the target',
  hint: 'check the owner and mode of the directory; what is there may be immutable or append-only (lsattr shows it)',
};
const LINK: Named = {
  code: 'symlink-in-the-way',
  text: 'a symbolic link stands where a directory goes',
  hint: 'nothing is written through links: remove it or restore elsewhere',
};

const BY_ERRNO: Readonly<Record<string, Named>> = {
  ENOSPC: FULL,
  EDQUOT: FULL,
  EROFS: { code: 'target-read-only', text: 'the target is read-only' },
  EACCES: NOT_PERMITTED,
  EPERM: NOT_PERMITTED,
  ENAMETOOLONG: REFUSED_NAME,
  EILSEQ: REFUSED_NAME,
  EINVAL: REFUSED_NAME,
  EFBIG: { code: 'target-file-too-big', text: 'the target does not take files of this size' },
  ELOOP: LINK,
  EISDIR: {
    code: 'directory-in-the-way',
    text: 'a directory stands where something else goes',
    hint: 'directories are never removed: move it away or restore elsewhere',
  },
  ENOTDIR: {
    code: 'file-in-the-way',
    text: 'something else stands where a directory goes',
    hint: 'move it away or restore elsewhere',
  },
};

/** Makes the named error for a path from whatever failed; an IcecoreError is handed through as it is. */
export function targetError(path: Raw, cause: unknown, override?: string): IcecoreError {
  if (cause instanceof IcecoreError) return cause;
  const errno = errnoOf(cause);
  const named = (override ?? errno) === undefined ? undefined : BY_ERRNO[(override ?? errno)!];
  const { code, text, hint } = named ?? { code: 'target-failed', text: messageOf(cause), hint: undefined };
  const shown = rawToDisplay(path);
  const why = named && errno ? ` (${errno})` : '';
  return new IcecoreError('user', code, `${shown}: ${text}${why}`, {
    ...(hint === undefined ? {} : { hint }),
    data: { path: shown, ...(errno === undefined ? {} : { errno }) },
    cause,
  });
}

/** Makes the error for a path of which it is known what stands there. */
export function inTheWay(path: Raw, what: 'directory' | 'symlink' | 'file'): IcecoreError {
  const errno = { directory: 'EISDIR', symlink: 'ELOOP', file: 'ENOTDIR' }[what];
  return targetError(path, undefined, errno);
}
