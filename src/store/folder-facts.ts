/**
 * What a repository folder and its file system can do, for `doctor`: hard links, durable folders, room, and who else may
 * get in. Tries in the folder for unfinished files, and leaves nothing there.
 */
import { randomBytes } from 'node:crypto';
import { link, lstat, mkdir, open, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { callErrno, folderError } from './folder-errors.ts';
import { RESERVED_FOLDER } from './names.ts';

/** What was found. */
export interface FolderFacts {
  /** Permission bits of the folder. */
  readonly mode: number;
  readonly isOwn: boolean;
  /** Bytes of the file system that this user may still fill, and all that it has. */
  readonly freeBytes: number;
  readonly totalBytes: number;
  /** A file can have two names: then creating an object is one call. Undefined when nothing could be written. */
  readonly hasHardLinks: boolean | undefined;
  /** The entries of a folder can be made durable; otherwise the system does that when it likes. */
  readonly syncsFolders: boolean;
}

const NO_SYNC: ReadonlySet<string> = new Set(['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EISDIR']);
const NO_LINKS: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);
const NO_WRITES: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT']);

/**
 * Looks at the folder of a directory store.
 * @param path its `location`
 * @param user the id of the user who runs this; undefined where the system has none
 * @throws kind `store`
 */
export async function inspectFolder(path: string, user: number | undefined): Promise<FolderFacts> {
  try {
    const { mode, uid } = await stat(path);
    const { bavail, blocks, bsize } = await statfs(path);
    return {
      mode: mode & 0o7777,
      isOwn: user === undefined || uid === user,
      freeBytes: bavail * bsize,
      totalBytes: blocks * bsize,
      hasHardLinks: await tryLink(path),
      syncsFolders: await trySync(path),
    };
  } catch (error) {
    throw folderError(error, { action: 'open', location: path });
  }
}

async function tryLink(root: string): Promise<boolean | undefined> {
  const folder = join(root, RESERVED_FOLDER);
  // Named as unfinished files are: what a kill leaves is swept with them.
  const [first, second] = [0, 1].map(() => join(folder, `${randomBytes(12).toString('hex')}.part`)) as [string, string];
  try {
    await mkdir(folder, { mode: 0o700 }).catch((error: unknown) => {
      if (callErrno(error) !== 'EEXIST') throw error;
    });
    await (await open(first, 'wx', 0o600)).close();
    await link(first, second);
    return (await lstat(first)).nlink === 2;
  } catch (error) {
    const errno = callErrno(error) ?? '';
    const isThere = await lstat(first).then(
      () => true,
      () => false,
    );
    if (isThere && NO_LINKS.has(errno)) return false;
    if (NO_WRITES.has(errno)) return undefined;
    throw error;
  } finally {
    await rm(first, { force: true }).catch(() => {});
    await rm(second, { force: true }).catch(() => {});
  }
}

async function trySync(folder: string): Promise<boolean> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
    return true;
  } catch (error) {
    if (!NO_SYNC.has(callErrno(error) ?? '')) throw error;
    return false;
  } finally {
    await handle.close();
  }
}
