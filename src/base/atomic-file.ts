/**
 * Replaces small local files (keys, heads, parent lists) so that a stop at any point leaves the old content or the new
 * one, never a part. Objects of a repository do not come this way: store/ creates them and never replaces them.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, renameSync, unlinkSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { errnoOf } from './errors.ts';

/**
 * Writes `bytes` to a temporary file in the same folder, syncs it, renames it over `path` and syncs the folder: when it
 * returns, the new content is durable. A symbolic link at `path` is replaced, not followed. Synchronous.
 * @param mode permissions of the new file, narrowed by the umask.
 * @throws what the system calls throw (with an errno). Before the rename the old content stays and no temporary file is
 * left, as far as it can be removed; after it (a failed sync of the folder) the new content is visible but may not
 * survive a power loss.
 */
export function writeFileAtomic(path: string, bytes: Uint8Array, mode = 0o600): void {
  const folder = dirname(path);
  // A short name of its own: the final name plus a suffix may be longer than a name can be.
  const temp = join(folder, `.ic-${randomBytes(8).toString('hex')}`);
  const file = openSync(temp, 'wx', mode);
  try {
    try {
      for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done, bytes.length - done);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temp, path);
  } catch (error) {
    removeQuietly(temp);
    throw error;
  }
  syncFolder(folder);
}

function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } catch (error) {
    // Some network and FUSE file systems cannot sync a folder; there is nothing better to do there.
    if (!['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EISDIR'].includes(errnoOf(error) ?? '')) throw error;
  } finally {
    closeSync(handle);
  }
}

function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // The error that brought us here is the one to report.
  }
}
