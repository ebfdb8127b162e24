/**
 * Room in a target, asked before anything is fetched. An estimate: other programs write too, compression and metadata
 * of the file system take their share; the restore itself stops at the first ENOSPC.
 */
import { statfsSync } from 'node:fs';
import { errnoOf, IcecoreError } from '../base/errors.ts';
import { dirnameRaw, type Raw, rawToDisplay, rawToFsPath } from '../base/raw.ts';
import { targetError } from './target-errors.ts';

/** What a file system has left for this user. `files` is absent where the file system does not count them. */
export interface FreeSpace {
  readonly bytes: number;
  readonly files?: number;
}

/** What a restore will take: content without holes and without what is there already. */
export interface NeededSpace {
  readonly bytes: number;
  readonly files: number;
}

/** Asks the file system that holds a path, or would: the nearest directory above that exists. */
export function freeSpace(path: Raw): FreeSpace {
  for (let at = path; ; at = dirnameRaw(at)) {
    try {
      const { bavail, bsize, ffree, files } = statfsSync(rawToFsPath(at), { bigint: true });
      const bytes = Number(bavail * bsize);
      return files > 0n ? { bytes, files: Number(ffree) } : { bytes };
    } catch (error) {
      const isMissing = errnoOf(error) === 'ENOENT' && at !== '/' && at.includes('/');
      if (!isMissing) throw targetError(path, error);
    }
  }
}

/**
 * Refuses a target that is too small.
 * @throws IcecoreError `target-too-small`, with what is needed and what is free.
 */
export function requireFreeSpace(path: Raw, needed: NeededSpace): void {
  const free = freeSpace(path);
  const lacksFiles = free.files !== undefined && free.files < needed.files;
  if (free.bytes >= needed.bytes && !lacksFiles) return;
  const shown = rawToDisplay(path);
  const what = lacksFiles
    ? `${needed.files} files are needed, ${free.files} can be made`
    : `${needed.bytes} bytes are needed, ${free.bytes} are free`;
  throw new IcecoreError('user', 'target-too-small', `${shown}: not enough room: ${what}`, {
    hint: 'make room, restore elsewhere, or restore less',
    data: { path: shown, neededBytes: needed.bytes, freeBytes: free.bytes, neededFiles: needed.files },
  });
}
