/**
 * ObjectNames: gives finished files their names in a repository folder, atomically and durably, and takes names away.
 * Writing the files is temp-files.ts's business; claimed-names.ts is the way for file systems without hard links.
 */
import { link, lstat, rename, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { IcecoreError } from '../base/errors.ts';
import { type ClaimedNames, exists, removeFile } from './claimed-names.ts';
import { callErrno } from './folder-errors.ts';
import type { FolderSync } from './folder-sync.ts';
import type { RootFolder } from './root-folder.ts';

const ATTEMPTS = 5;
/** What link(2) says where there are no hard links, or where a file may have only one. */
const NO_LINKS: readonly string[] = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'];

/** The names of one repository folder. Methods throw what the file system throws, or an IcecoreError. */
export class ObjectNames {
  readonly #root: RootFolder;
  readonly #folders: FolderSync;
  readonly #claimed: ClaimedNames;
  #hasLinks: boolean;
  #hasMarks: Promise<boolean> | undefined;

  constructor(root: RootFolder, folders: FolderSync, claimed: ClaimedNames, hasLinks: boolean) {
    this.#root = root;
    this.#folders = folders;
    this.#claimed = claimed;
    this.#hasLinks = hasLinks;
  }

  /**
   * Gives the file at `temp`, complete and synced, the object's name; with `ifAbsent` only when there is no such object.
   * Either way the object that has the name then is durable. `temp` may or may not be there afterwards.
   * @returns whether the object is ours.
   */
  async publish(temp: string, name: string, ifAbsent: boolean): Promise<boolean> {
    const isOurs = await this.#place(temp, name, ifAbsent);
    try {
      // Also for an object of somebody else, who may not have got that far: the caller will build on it.
      await this.#folders.sync(dirname(this.#path(name)));
    } catch (error) {
      // Deleted already, and its folder with it.
      if (callErrno(error) !== 'ENOENT') throw error;
      await this.#root.check();
    }
    return isOurs;
  }

  /** Removes an object, and the session folder that it leaves empty. `spare` is a path in `tmp/` that nobody uses. */
  async remove(name: string, spare: string): Promise<void> {
    this.#hasMarks ??= this.#claimed.areUsed();
    if (await this.#hasMarks) await this.#claimed.release(name, spare);
    await removeFile(this.#path(name));
    let folder = dirname(this.#path(name));
    // The folders of the kinds, directly below the root, stay.
    while (folder !== this.#root.path && dirname(folder) !== this.#root.path) {
      try {
        await rmdir(folder);
      } catch {
        return;
      }
      folder = dirname(folder);
    }
  }

  async #place(temp: string, name: string, ifAbsent: boolean): Promise<boolean> {
    const path = this.#path(name);
    for (let attempt = 1; ; attempt++) {
      await this.#folders.make(dirname(path));
      try {
        if (!ifAbsent) return await rename(temp, path).then(() => true);
        return this.#hasLinks ? await this.#link(temp, name) : await this.#claim(temp, name);
      } catch (error) {
        if (callErrno(error) !== 'ENOENT' || attempt === ATTEMPTS) throw error;
        await this.#root.check();
        if (!(await exists(temp))) throw removedError(name);
        // Another process deleted the last object of the folder, and the folder.
        this.#folders.forget();
      }
    }
  }

  async #link(temp: string, name: string): Promise<boolean> {
    try {
      await link(temp, this.#path(name));
      return true;
    } catch (error) {
      const errno = callErrno(error) ?? '';
      // On a network share this may be about our own first try, whose answer was lost: then the file has two links.
      if (errno === 'EEXIST') return (await lstat(temp)).nlink > 1;
      if (!NO_LINKS.includes(errno)) throw error;
      const isOurs = await this.#claim(temp, name);
      this.#hasLinks = false;
      return isOurs;
    }
  }

  #claim(temp: string, name: string): Promise<boolean> {
    this.#hasMarks = Promise.resolve(true);
    return this.#claimed.publish(temp, name, (object) => this.#folders.makeAgain(dirname(this.#path(object))));
  }

  #path(name: string): string {
    return join(this.#root.path, name);
  }
}

function removedError(name: string): IcecoreError {
  return new IcecoreError('store', 'store-temp-removed', `cannot store ${name}: its temporary file was removed`, {
    hint: 'a run that was suspended for more than a day loses its unfinished files: run it again',
    data: { object: name },
  });
}
