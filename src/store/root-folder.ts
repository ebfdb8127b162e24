/**
 * RootFolder: the folder that a repository lies in, and whether it is still that folder. An absent object is an answer
 * only while it is: a pulled disk leaves an empty mount point, and "there are no gc records" would be a lie.
 */
import { mkdir, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { IcecoreError } from '../base/errors.ts';
import { callErrno, folderError, goneError } from './folder-errors.ts';

/** The folder of an open repository. */
export class RootFolder {
  readonly path: string;
  readonly #device: number;

  /** `device` is the `dev` that the folder's stat said when it was opened. */
  constructor(path: string, device: number) {
    this.path = path;
    this.#device = device;
  }

  /**
   * Makes sure that the repository is still there.
   * @throws kind `store`, code `store-gone`, or the errno of a failed stat.
   */
  async check(): Promise<void> {
    // Only the device is compared: some network file systems give a folder a new inode number now and then.
    const info = await stat(this.path);
    if (info.dev !== this.#device || !info.isDirectory()) throw goneError(this.path);
  }

  /** Turns "no such file" into undefined, if the repository as such is still there. */
  async orAbsent<T>(result: Promise<T>): Promise<T | undefined> {
    try {
      return await result;
    } catch (error) {
      const errno = callErrno(error);
      if (errno !== 'ENOENT' && errno !== 'ENOTDIR') throw error;
      await this.check();
      return undefined;
    }
  }
}

/**
 * Opens a folder, or makes it, with all those above it, when it is missing and `create` is set.
 * @throws kind `missing` when there is no such folder, `user` when it is no folder, else `store`.
 */
export async function openRootFolder(path: string, create: boolean, mode: number): Promise<RootFolder> {
  const root = resolve(path);
  try {
    if (create) await mkdir(root, { recursive: true, mode });
    const info = await stat(root);
    if (info.isDirectory()) return new RootFolder(root, info.dev);
  } catch (error) {
    const errno = callErrno(error);
    if (errno === 'ENOENT') {
      throw new IcecoreError('missing', 'no-store', `there is no folder ${root}`, {
        hint: 'check the path, attach the disk, or make a repository there with icecore init',
        data: { location: root },
        cause: error,
      });
    }
    if (errno !== 'EEXIST' && errno !== 'ENOTDIR') throw folderError(error, { action: 'open', location: root });
  }
  throw new IcecoreError('user', 'not-a-folder', `${root} is not a folder`, { data: { location: root } });
}
