/**
 * TempFiles: the unfinished objects of a repository folder, in `tmp/`: making, writing, and sweeping what killed runs
 * left. Giving an object its name is directory.ts's business.
 */
import { randomBytes } from 'node:crypto';
import { type FileHandle, lstat, open, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type ClaimedNames, NAMES_FOLDER, removeFile } from './claimed-names.ts';
import { callErrno } from './folder-errors.ts';
import type { FolderSync } from './folder-sync.ts';
import { RESERVED_FOLDER } from './names.ts';
import type { RootFolder } from './root-folder.ts';

/** Unfinished files older than this are nobody's any more. A writer that wakes up later than that fails, harmlessly. */
const STALE_MS = 24 * 60 * 60 * 1000;

/** Makes temporary files; the first one of an instance sweeps the stale ones. Throws what the file system throws. */
export class TempFiles {
  readonly #root: RootFolder;
  readonly #folder: string;
  readonly #mode: number;
  readonly #folders: FolderSync;
  readonly #claimed: ClaimedNames;
  #swept: Promise<void> | undefined;

  constructor(root: RootFolder, mode: number, folders: FolderSync, claimed: ClaimedNames) {
    this.#root = root;
    this.#folder = join(root.path, RESERVED_FOLDER);
    this.#mode = mode;
    this.#folders = folders;
    this.#claimed = claimed;
  }

  /** A path in `tmp/` that nobody uses. */
  newPath(): string {
    return join(this.#folder, `${randomBytes(12).toString('hex')}.part`);
  }

  /** Makes an empty file. */
  async create(): Promise<TempFile> {
    const path = this.newPath();
    let handle: FileHandle;
    try {
      handle = await open(path, 'wx', this.#mode);
    } catch (error) {
      if (callErrno(error) !== 'ENOENT') throw error;
      // Nothing may be made on the empty mount point of a disk that is gone.
      await this.#root.check();
      await this.#folders.makeAgain(this.#folder);
      handle = await open(path, 'wx', this.#mode);
    }
    const temp = new TempFile(path, handle);
    try {
      this.#swept ??= this.#sweep(handle);
      await this.#swept;
    } catch (error) {
      this.#swept = undefined;
      await temp.discard();
      throw error;
    }
    return temp;
  }

  /** Ages are differences between times of the file system's own clock; ours is not trusted. */
  async #sweep(newest: FileHandle): Promise<void> {
    const before = (await newest.stat()).mtimeMs - STALE_MS;
    const entries = await readdir(this.#folder);
    const published: string[] = [];
    for (const entry of entries) {
      if (entry === NAMES_FOLDER) continue;
      const path = join(this.#folder, entry);
      const info = await lstat(path).catch(() => undefined);
      if (info === undefined) continue;
      if (info.isFile() && info.nlink > 1) published.push(path);
      else if (info.mtimeMs < before) await rm(path, { recursive: true, force: true }).catch(() => {});
    }
    if (published.length > 0) await this.#syncAll(this.#root.path);
    for (const path of published) await removeFile(path).catch(() => {});
    if (entries.includes(NAMES_FOLDER)) {
      await this.#claimed.sweep(before, (name) => this.#folders.makeAgain(dirname(join(this.#root.path, name))));
    }
  }

  /**
   * A writer was stopped between giving an object its name and syncing the folder, and which folder is not known: all
   * are synced, so that nothing that this run builds on can vanish in a power loss.
   */
  async #syncAll(folder: string): Promise<void> {
    await this.#folders.sync(folder);
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      if (!entry.isDirectory() || entry.name === RESERVED_FOLDER) continue;
      await this.#syncAll(join(folder, entry.name)).catch((error: unknown) => {
        // Gone meanwhile, or not ours to read, like lost+found.
        if (!['ENOENT', 'EACCES', 'EPERM'].includes(callErrno(error) ?? '')) throw error;
      });
    }
  }
}

/** One unfinished object. Call `discard` in the end in any case: it never throws. */
export class TempFile {
  readonly path: string;
  #handle: FileHandle | undefined;

  constructor(path: string, handle: FileHandle) {
    this.path = path;
    this.#handle = handle;
  }

  /** Appends all of `part`. */
  async write(part: Uint8Array): Promise<void> {
    for (let done = 0; done < part.length; ) {
      const { bytesWritten } = await this.#handle!.write(part, done, part.length - done);
      done += bytesWritten;
    }
  }

  /** Makes the content durable and closes the file. */
  async finish(): Promise<void> {
    const handle = this.#handle!;
    await handle.sync();
    // Some network file systems report a failed write only here.
    this.#handle = undefined;
    await handle.close();
  }

  /** Closes and removes the file; what cannot be removed now, a later sweep removes. */
  async discard(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close().catch(() => {});
    await removeFile(this.path).catch(() => {});
  }
}
