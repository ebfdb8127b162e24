/**
 * Failed system calls on a repository folder, put in words: which object, what it means, what the user can do.
 * Deciding whether to go on is up to the callers; nothing is retried here.
 */
import { constants } from 'node:os';
import { errnoOf, IcecoreError, messageOf } from '../base/errors.ts';

/** What was being done to which object when a call failed. */
export interface FailedCall {
  readonly action: 'store' | 'read' | 'list' | 'delete' | 'open';
  readonly location: string;
  readonly name?: string;
}

interface Meaning {
  readonly code: string;
  readonly text: string;
  readonly hint: string;
}

const GONE: Meaning = {
  code: 'store-gone',
  text: 'the repository folder is not there any more',
  hint: 'is the disk unplugged, or the network share unmounted? Attach it and run the command again',
};
const DENIED: Meaning = {
  code: 'store-denied',
  text: 'permission denied',
  hint: 'the user who runs icecore must own the repository folder, or be allowed to write in it',
};
const TOO_MANY_FILES: Meaning = {
  code: 'store-open-files',
  text: 'too many open files',
  hint: 'raise the limit on open files (ulimit -n)',
};
const MEANINGS: Readonly<Record<string, Meaning>> = {
  ENOSPC: {
    code: 'store-full',
    text: 'no space left on the disk of the repository',
    hint: 'make room on that disk, or forget and prune old snapshots; what is stored already is kept and used again',
  },
  EDQUOT: {
    code: 'store-quota',
    text: 'the disk quota is used up',
    hint: 'raise the quota, or forget and prune old snapshots; what is stored already is kept and used again',
  },
  EROFS: {
    code: 'store-read-only',
    text: 'the file system of the repository is read-only',
    hint: 'mount it for writing; a disk that was writable before may have been stopped after errors: see the system log',
  },
  EACCES: DENIED,
  EPERM: DENIED,
  EIO: {
    code: 'store-io',
    text: 'the disk reported an input/output error',
    hint: 'the disk is failing or was pulled: see the system log, and run verify when it works again',
  },
  ENOENT: GONE,
  ENODEV: GONE,
  ENXIO: GONE,
  ESTALE: GONE,
  ENOTCONN: GONE,
  EHOSTDOWN: GONE,
  EXDEV: {
    code: 'store-crosses-disks',
    text: 'a folder of the repository lies on another disk',
    hint: 'keep the whole repository on one file system',
  },
  ELOOP: {
    code: 'store-symlink',
    text: 'a symbolic link stands where an object should be',
    hint: 'keep objects as plain files; only the repository folder itself may be a link',
  },
  EMFILE: TOO_MANY_FILES,
  ENFILE: TOO_MANY_FILES,
};

/** The errno name of a failed call, including those that Node gives no name (`Unknown system error -122`). */
export function callErrno(error: unknown): string | undefined {
  const name = errnoOf(error);
  if (name !== undefined) return name;
  if (typeof error !== 'object' || error === null || !('errno' in error)) return undefined;
  if (error.errno === -constants.errno.EDQUOT) return 'EDQUOT';
  if (error.errno === -constants.errno.ESTALE) return 'ESTALE';
  return undefined;
}

/** Makes the error of kind `store` for a failed call; an {@link IcecoreError} is passed on as it is. */
export function folderError(error: unknown, call: FailedCall): IcecoreError {
  if (error instanceof IcecoreError) return error;
  const errno = callErrno(error);
  const meaning = errno === undefined ? undefined : MEANINGS[errno];
  const object = call.name ? `${call.name} in ${call.location}` : call.location;
  return new IcecoreError(
    'store',
    meaning?.code ?? 'store-failed',
    `cannot ${call.action} ${object}: ${meaning?.text ?? messageOf(error)}`,
    {
      ...(meaning ? { hint: meaning.hint } : {}),
      data: { location: call.location, ...(call.name ? { object: call.name } : {}), ...(errno ? { errno } : {}) },
      cause: error,
    },
  );
}

/** Makes the error for a repository folder that vanished or gave way to the empty mount point under it. */
export function goneError(location: string): IcecoreError {
  return new IcecoreError('store', GONE.code, `${location}: ${GONE.text}`, { hint: GONE.hint, data: { location } });
}
