/**
 * Create-only for file systems without hard links (exFAT and FAT disks, some network shares). Copying into an O_EXCL
 * file would show readers a part of the object, and lock files stay behind when their owner is killed. What these file
 * systems do have is an atomic rename of a folder that fails when the target is a folder with something in it. So:
 *
 * 1. the finished file is moved into a fresh folder, beside a `name` file that keeps the folder from ever being empty;
 * 2. that folder is renamed to `tmp/names/<hash of the object's name>`: exactly one creator succeeds;
 * 3. whoever comes by, winner or loser, moves the file from there to its final name. A winner that was killed in
 *    between is completed by the next creator of the name, or by the sweep.
 *
 * The mark stays as long as the object: it stops a creator that looked before the object was there and wakes up late.
 * A creator whose put failed after step 2 may thus find its object stored later: as with an answer that was lost.
 * Not covered: a creator racing a deletion of the same name; names in a repository are never used twice.
 */
import { createHash } from 'node:crypto';
import { lstat, mkdir, readdir, readFile, rename, rm, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { callErrno } from './folder-errors.ts';
import { isObjectName, RESERVED_FOLDER } from './names.ts';

/** What the sweep of temporary files must leave alone. */
export const NAMES_FOLDER = 'names';
const OBJECT = 'object';
const NAME = 'name';

/** Makes the folder of an object, also when it was made before and removed since. */
export type MakeFolder = (name: string) => Promise<void>;

/** The marks of one repository folder. Calls throw what the file system throws; the caller syncs the folders. */
export class ClaimedNames {
  readonly #root: string;
  readonly #names: string;
  readonly #mode: number;

  constructor(root: string, folderMode: number) {
    this.#root = root;
    this.#names = join(root, RESERVED_FOLDER, NAMES_FOLDER);
    this.#mode = folderMode;
  }

  /**
   * Moves the file `temp` to the object's name, unless there is one; `makeFolder` makes the folder that it goes to.
   * @returns whether the object is ours.
   */
  async publish(temp: string, name: string, makeFolder: MakeFolder): Promise<boolean> {
    const fresh = `${temp}.d`;
    await mkdir(this.#names, { recursive: true, mode: this.#mode });
    await mkdir(fresh, { mode: this.#mode });
    try {
      await writeFile(join(fresh, NAME), name, { mode: 0o600 });
      await rename(temp, join(fresh, OBJECT));
      if (await exists(join(this.#root, name))) return false;
      const isOurs = await this.#claim(fresh, name);
      await this.#complete(this.#mark(name), name, makeFolder);
      return isOurs;
    } finally {
      await rm(fresh, { recursive: true, force: true });
    }
  }

  /** Whether any object of the folder was ever stored this way. */
  areUsed(): Promise<boolean> {
    return exists(this.#names);
  }

  /** Takes the mark of an object away, before the object itself: a stop in between leaves an object that is just there. */
  async release(name: string, temp: string): Promise<void> {
    try {
      await rename(this.#mark(name), temp);
    } catch (error) {
      if (callErrno(error) === 'ENOENT') return;
      throw error;
    }
    await rm(temp, { recursive: true, force: true });
  }

  /** Completes what killed creators left, where it is older than `before` (milliseconds, the file system's clock). */
  async sweep(before: number, makeFolder: MakeFolder): Promise<void> {
    for (const entry of await readdir(this.#names).catch(() => [])) {
      const mark = join(this.#names, entry);
      const left = await lstat(join(mark, OBJECT)).catch(() => undefined);
      if (left === undefined || left.mtimeMs >= before) continue;
      const name = await readFile(join(mark, NAME), 'latin1').catch(() => '');
      if (!isObjectName(name) || this.#mark(name) !== mark) continue;
      await this.#complete(mark, name, makeFolder);
    }
  }

  async #claim(fresh: string, name: string): Promise<boolean> {
    try {
      await rename(fresh, this.#mark(name));
      return true;
    } catch (error) {
      if (['ENOTEMPTY', 'EEXIST'].includes(callErrno(error) ?? '')) return false;
      throw error;
    }
  }

  async #complete(mark: string, name: string, makeFolder: MakeFolder): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      await makeFolder(name);
      try {
        return await rename(join(mark, OBJECT), join(this.#root, name));
      } catch (error) {
        if (callErrno(error) !== 'ENOENT') throw error;
        // Somebody else moved it, then all is done; or somebody removed the folder in between.
        if (!(await exists(join(mark, OBJECT)))) return;
        if (attempt === 5) throw error;
      }
    }
  }

  #mark(name: string): string {
    return join(this.#names, createHash('sha256').update(name).digest('hex').slice(0, 40));
  }
}

/** Removes a file; a missing one is fine. */
export async function removeFile(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (callErrno(error) !== 'ENOENT') throw error;
  }
}

/** Whether anything stands at a path. */
export async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (callErrno(error) === 'ENOENT') return false;
    throw error;
  }
}
