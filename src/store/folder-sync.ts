/**
 * Makes the entries of folders durable (fsync of the folder), as few times as is right: callers that wait for the same
 * folder at the same time share a call. Also makes folders, durably. Knows paths only, nothing of objects.
 */
import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { callErrno } from './folder-errors.ts';

/** Folder syncs in flight, and the folders that are known to be there and durable. One instance a store. */
export class FolderSync {
  readonly #root: string;
  readonly #mode: number;
  readonly #running = new Map<string, Promise<void>>();
  readonly #queued = new Map<string, Promise<void>>();
  readonly #made = new Map<string, Promise<void>>();

  /** `root` must exist; it is never made here. `mode` is for the folders below it. */
  constructor(root: string, mode: number) {
    this.#root = root;
    this.#mode = mode;
  }

  /** Resolves once every entry that was in the folder at the time of the call is durable. Throws what the calls throw. */
  sync(folder: string): Promise<void> {
    const running = this.#running.get(folder);
    if (running === undefined) return this.#start(folder);
    // The sync in flight may have passed our entry by: a second one covers all who come meanwhile.
    let queued = this.#queued.get(folder);
    if (queued === undefined) {
      const begin = (): Promise<void> => {
        this.#queued.delete(folder);
        return this.#start(folder);
      };
      queued = running.then(begin, begin);
      this.#queued.set(folder, queued);
    }
    return queued;
  }

  /**
   * Makes sure that a folder below the root exists durably, with all those above it. Costs nothing from the second
   * call on, until {@link forget}. A missing root is ENOENT.
   */
  make(folder: string): Promise<void> {
    if (folder === this.#root) return Promise.resolve();
    let made = this.#made.get(folder);
    if (made === undefined) {
      made = this.#make(folder);
      this.#made.set(folder, made);
      made.catch(() => this.#made.delete(folder));
    }
    return made;
  }

  /** Forgets that folders exist: somebody removed one of them. */
  forget(): void {
    this.#made.clear();
  }

  /** Like {@link make}, for a folder that is missing although it was made before. */
  makeAgain(folder: string): Promise<void> {
    this.#made.delete(folder);
    return this.make(folder);
  }

  async #make(folder: string): Promise<void> {
    const parent = dirname(folder);
    await this.make(parent);
    try {
      await mkdir(folder, { mode: this.#mode });
    } catch (error) {
      if (callErrno(error) !== 'EEXIST') throw error;
    }
    // Also when it was there: whoever made it may have been stopped before its own sync.
    await this.sync(parent);
  }

  #start(folder: string): Promise<void> {
    const running = syncFolder(folder).finally(() => this.#running.delete(folder));
    this.#running.set(folder, running);
    return running;
  }
}

/** One fsync of a folder. File systems that have no such thing (some network and FUSE ones) say so, and that is fine. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } catch (error) {
    if (!['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EISDIR'].includes(callErrno(error) ?? '')) throw error;
  } finally {
    await handle.close();
  }
}
