/**
 * DirectoryStore: a repository in a folder of a disk or a share. Reads and lists, and leads an object from its parts to
 * its name; temp-files.ts, object-names.ts and folder-sync.ts each own a step of that, folder-errors.ts the words.
 *
 * Storing: write `tmp/<random>.part`, fsync it, link(2) it to its name (fails when the name is taken, so exactly one
 * creator wins and nobody sees a part), fsync the folder, remove the temporary name. The temporary name goes last, so
 * that a second link tells the next run of an object whose folder may never have been synced.
 * Only plain files are objects: symbolic links and special files are not listed, and reading one is refused or absent.
 */
import { close as closeCallback, constants, fstatSync, open as openCallback, read as readCallback } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { throwIfAborted } from '../base/errors.ts';
import { ClaimedNames } from './claimed-names.ts';
import { type FailedCall, folderError } from './folder-errors.ts';
import { FolderSync } from './folder-sync.ts';
import { checkName, checkPrefix, isNameComponent, RESERVED_FOLDER, resolveRange } from './names.ts';
import { ObjectNames } from './object-names.ts';
import { openRootFolder, type RootFolder } from './root-folder.ts';
import type { ByteRange, ObjectInfo, PutBody, PutOptions, PutResult, Store } from './store.ts';
import { TempFiles } from './temp-files.ts';

const openFile = promisify(openCallback);
const readFile = promisify(readCallback);
const closeFile = promisify(closeCallback);

const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;
/** O_NONBLOCK: a FIFO put there by somebody must not hang us; it changes nothing for files. */
const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
/** One read call; Node takes lengths below 2^31. */
const READ_BYTES = 1 << 30;
/** Files looked at together while listing: hides the latency of network shares, bounds what is held. */
const STAT_BATCH = 64;

/** How a folder is opened. */
export interface DirectoryOptions {
  /** Make the folder (and those above it) when it is missing. */
  readonly create?: boolean;
  /** Permissions of new files and folders, narrowed by the umask: 0600 and 0700 by default. */
  readonly fileMode?: number;
  readonly folderMode?: number;
  /** False: behave as on a file system without hard links (tests). */
  readonly hardLinks?: boolean;
}

/**
 * Opens a folder as a store.
 * @throws kind `missing` when there is no such folder and `create` is off, `user` when it is no folder, else `store`.
 */
export async function openDirectoryStore(path: string, options: DirectoryOptions = {}): Promise<DirectoryStore> {
  return new DirectoryStore(
    await openRootFolder(path, options.create ?? false, options.folderMode ?? FOLDER_MODE),
    options,
  );
}

/** A folder as a store; see {@link openDirectoryStore}. Bytes given to `put` must not change until it has resolved. */
export class DirectoryStore implements Store {
  readonly location: string;
  readonly concurrency = 4;
  readonly #root: RootFolder;
  readonly #names: ObjectNames;
  readonly #temps: TempFiles;

  constructor(root: RootFolder, options: DirectoryOptions) {
    const folders = new FolderSync(root.path, options.folderMode ?? FOLDER_MODE);
    const claimed = new ClaimedNames(root.path, options.folderMode ?? FOLDER_MODE);
    this.location = root.path;
    this.#root = root;
    this.#names = new ObjectNames(root, folders, claimed, options.hardLinks ?? true);
    this.#temps = new TempFiles(root, options.fileMode ?? FILE_MODE, folders, claimed);
  }

  async put(name: string, body: PutBody, options: PutOptions): Promise<PutResult> {
    checkName(name);
    throwIfAborted(options.signal);
    const call: FailedCall = { action: 'store', location: this.location, name };
    const temp = await this.#try(call, () => this.#temps.create());
    try {
      let size = 0;
      // Only our own calls are wrapped: what the body throws is the caller's.
      for await (const part of body instanceof Uint8Array ? [body] : body) {
        throwIfAborted(options.signal);
        await this.#try(call, () => temp.write(part));
        size += part.length;
      }
      throwIfAborted(options.signal);
      return await this.#try(call, async () => {
        await temp.finish();
        const isOurs = await this.#names.publish(temp.path, name, options.ifAbsent);
        return isOurs ? { outcome: 'stored' as const, size } : { outcome: 'exists' as const, size: 0 };
      });
    } finally {
      await temp.discard();
    }
  }

  async get(name: string, range?: ByteRange, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    checkName(name);
    throwIfAborted(signal);
    return this.#try({ action: 'read', location: this.location, name }, async () => {
      const file = await this.#root.orAbsent(openFile(join(this.#root.path, name), READ_FLAGS));
      if (file === undefined) return undefined;
      try {
        // Of an open file this costs no disk access: not worth a trip to the thread pool.
        const info = fstatSync(file);
        if (!info.isFile()) return undefined;
        const { start, end } = resolveRange(info.size, range);
        return await readRange(file, start, end - start, signal);
      } finally {
        await closeFile(file);
      }
    });
  }

  async *list(prefix: string, signal?: AbortSignal): AsyncIterable<ObjectInfo> {
    checkPrefix(prefix);
    const slash = prefix.lastIndexOf('/') + 1;
    yield* this.#listFolder(prefix.slice(0, slash), prefix.slice(slash), signal);
    // A disk that goes away in the middle looks like files that were deleted meanwhile.
    await this.#try({ action: 'list', location: this.location }, () => this.#root.check());
  }

  async stat(name: string, signal?: AbortSignal): Promise<ObjectInfo | undefined> {
    checkName(name);
    throwIfAborted(signal);
    return this.#try({ action: 'read', location: this.location, name }, () => this.#info(name));
  }

  async delete(name: string, signal?: AbortSignal): Promise<void> {
    checkName(name);
    throwIfAborted(signal);
    await this.#try({ action: 'delete', location: this.location, name }, async () => {
      if (await this.#info(name)) await this.#names.remove(name, this.#temps.newPath());
    });
  }

  async close(): Promise<void> {}

  async *#listFolder(folder: string, start: string, signal?: AbortSignal): AsyncIterable<ObjectInfo> {
    throwIfAborted(signal);
    const call: FailedCall = { action: 'list', location: this.location, name: folder };
    const entries = await this.#try(call, () =>
      this.#root.orAbsent(readdir(join(this.#root.path, folder), { withFileTypes: true })),
    );
    const names: string[] = [];
    for (const entry of entries ?? []) {
      if (!entry.name.startsWith(start) || !isNameComponent(entry.name)) continue;
      // The slash makes the order that of whole names: `a.b` < `a/x` < `ab`.
      if (entry.isFile()) names.push(entry.name);
      else if (entry.isDirectory() && (folder !== '' || entry.name !== RESERVED_FOLDER)) names.push(`${entry.name}/`);
    }
    names.sort();
    for (let i = 0; i < names.length; ) {
      if (names[i]!.endsWith('/')) {
        yield* this.#listFolder(folder + names[i++], '', signal);
        continue;
      }
      throwIfAborted(signal);
      const batch: Promise<ObjectInfo | undefined>[] = [];
      while (i < names.length && batch.length < STAT_BATCH && !names[i]!.endsWith('/')) {
        batch.push(this.#info(folder + names[i++]));
      }
      for (const info of await this.#try(call, () => Promise.all(batch))) if (info) yield info;
    }
  }

  async #info(name: string): Promise<ObjectInfo | undefined> {
    const info = await this.#root.orAbsent(lstat(join(this.#root.path, name)));
    if (!info?.isFile()) return undefined;
    return { name, size: info.size, modified: Math.trunc(info.mtimeMs), storageClass: 'STANDARD' };
  }

  async #try<T>(call: FailedCall, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw folderError(error, call);
    }
  }
}

/** Reads into memory of exactly the right size that is not shared: a worker can be given its ArrayBuffer. */
async function readRange(file: number, start: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafeSlow(length);
  let done = 0;
  while (done < length) {
    throwIfAborted(signal);
    const { bytesRead } = await readFile(file, bytes, done, Math.min(length - done, READ_BYTES), start + done);
    if (bytesRead === 0) return Uint8Array.from(bytes.subarray(0, done));
    done += bytesRead;
  }
  return bytes;
}
