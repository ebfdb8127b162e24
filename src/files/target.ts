/**
 * Target: the tree that a restore writes. This is what the restore's threads use; the parts are next door: directories
 * (target-tree.ts), files (target-file.ts), links and nodes (target-special.ts), metadata (target-metadata.ts),
 * what may be replaced (target-policy.ts, target-placement.ts). It knows nothing of repositories and snapshots.
 *
 * Several threads may write one tree at once, each through an instance of its own on the same root. What they share
 * is the file system, and the descriptors of big files. Worker threads are to be started with `trackUnmanagedFds:
 * false`: by default Node warns when a worker closes a descriptor that node:fs did not open there.
 *
 * Promises: nothing is written through a link below the root; a final name never shows incomplete content; what was
 * there stays until its replacement is complete; directories are removed by {@link TargetTree.remove} only. Every failure is an IcecoreError that
 * names the path and concerns that item alone, but for `target-full` and `target-read-only`, after which going on is
 * of no use.
 */

import { randomInt } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import type { Problem } from '../base/monitor.ts';
import { joinRaw, type Raw, rawToFsPath } from '../base/raw.ts';
import type { TargetCalls } from './target-calls.ts';
import type { Extents } from './target-extents.ts';
import { type FileMeta, FileWriter, type TargetOutcome, type TempFile } from './target-file.ts';
import { removeLeftovers } from './target-leftovers.ts';
import { MetadataWriter, naming, type TargetMeta } from './target-metadata.ts';
import { checkName, type TargetRun, TempNames } from './target-names.ts';
import { type Overwrite, Placer } from './target-placement.ts';
import type { Coming, Existing } from './target-policy.ts';
import { type NameRules, probeTarget } from './target-probe.ts';
import { type Chosen, TreeRemover } from './target-remove.ts';
import { type DeviceNode, SpecialWriter } from './target-special.ts';
import { type Directory, DirectoryCache } from './target-tree.ts';

/** How a tree is written. */
export interface TargetOptions {
  /** The same for all threads of a run. */
  readonly run: TargetRun;
  /** Sets owners where this user may; else files belong to whoever restores. */
  readonly setsOwners: boolean;
  /** Receives what could not be restored exactly; the item itself is in place. */
  readonly report: (problem: Problem) => void;
  /** Directory descriptors kept open; 256 by default. */
  readonly openDirectories?: number;
  /** Syncs every file before its rename. Without it a power failure may leave empty files of the last seconds. */
  readonly isDurable?: boolean;
}

/** Writes below one root, in one thread. Directories are given as paths of the tree: `/` is the root. */
export class TargetTree {
  readonly #calls: TargetCalls;
  readonly #options: TargetOptions;
  readonly #directories: DirectoryCache;
  readonly #metadata: MetadataWriter;
  readonly #names: TempNames;
  readonly #placer: Placer;
  readonly #files: FileWriter;
  readonly #specials: SpecialWriter;
  readonly #remover: TreeRemover;

  /**
   * Opens the root, making it where it is missing (then with the usual mode and umask).
   * @throws IcecoreError from target-errors.ts.
   */
  constructor(rootPath: Raw, calls: TargetCalls, options: TargetOptions) {
    this.#calls = calls;
    this.#options = options;
    this.#directories = naming(
      () => rootPath,
      () => {
        mkdirSync(rawToFsPath(rootPath), { recursive: true });
        return new DirectoryCache(rootPath, calls, options.openDirectories);
      },
    );
    this.#metadata = new MetadataWriter(calls, options.setsOwners, options.report);
    this.#names = new TempNames(options.run, randomInt(2 ** 15));
    this.#placer = new Placer(calls, this.#directories);
    const isDurable = options.isDurable ?? false;
    this.#files = new FileWriter(calls, this.#directories, this.#metadata, this.#names, this.#placer, isDurable);
    this.#specials = new SpecialWriter(calls, this.#directories, this.#files, this.#metadata, this.#placer);
    this.#remover = new TreeRemover(calls, this.#directories);
  }

  /** Where a path of the tree lies in the file system, for messages. */
  locate(path: Raw): Raw {
    return this.#directories.locate(path);
  }

  /** Finds out whether the target can be written and how it tells names apart. Call it once a run, before fetching. */
  probe(): NameRules {
    return probeTarget(this.#calls, this.#directories, () => this.#names.next());
  }

  /**
   * Makes a directory and those above it, with mode 0700 until it is finished. One that is there is used as it is,
   * and leftovers of killed runs in it are removed.
   * @returns whether it was made.
   * @throws IcecoreError `symlink-in-the-way`, `file-in-the-way`.
   */
  makeDirectory(directory: Raw): boolean {
    const isNew = this.#directories.make(directory);
    if (!isNew) this.removeLeftovers(directory);
    return isNew;
  }

  /**
   * Removes temporary files of killed runs from one directory; target-leftovers.ts has the rule.
   * @returns how many were removed.
   */
  removeLeftovers(directory: Raw): number {
    const { fd } = this.#directories.open(directory);
    return removeLeftovers(this.#calls, fd, this.#directories.locate(directory), this.#options.run);
  }

  /** What is there under a name; undefined where nothing is. Does not follow a link. */
  look(directory: Raw, name: Raw): Existing | undefined {
    return this.#placer.look(this.#open(directory, name), name);
  }

  /**
   * Decides, before content is fetched, whether an item will be written.
   * @throws IcecoreError `directory-in-the-way`.
   */
  decide(directory: Raw, name: Raw, coming: Coming, overwrite: Overwrite): 'write' | 'keep' {
    return this.#placer.decide(this.#open(directory, name), name, coming, overwrite);
  }

  /**
   * Opens what is there for reading, to compare its content; the caller closes it. Never a link, never a FIFO or
   * device.
   * @returns undefined where there is no regular file, or none that may be read.
   */
  openExisting(directory: Raw, name: Raw): number | undefined {
    return this.#placer.openExisting(this.#open(directory, name), name);
  }

  /**
   * Writes a file of known content: one buffer or parts in order (of the data extents, where `meta.sparse` is given).
   * @throws IcecoreError, after which nothing new is under the name and what was there is untouched.
   */
  writeSmallFile(
    directory: Raw,
    name: Raw,
    content: Uint8Array | readonly Uint8Array[],
    meta: FileMeta,
    overwrite: Overwrite,
  ): TargetOutcome {
    return this.#files.writeSmall(this.#open(directory, name), name, content, meta, overwrite);
  }

  /**
   * Creates the temporary file of a big file, `size` bytes long and all hole: space is taken as content is written
   * (so ask {@link requireFreeSpace} before). The result may be sent to other threads, whose trees write and commit.
   */
  createTemp(directory: Raw, size: number, sparse?: Extents): TempFile {
    return this.#files.create(this.#directories.open(directory), size, sparse);
  }

  /**
   * Writes content at its place, from any thread and in any order. `contentOffset` counts the bytes of the data extents.
   * @throws IcecoreError; the caller discards the file then, when no thread writes to it any more.
   */
  writeTemp(file: TempFile, bytes: Uint8Array, contentOffset: number): void {
    this.#files.writeAt(file, bytes, contentOffset);
  }

  /**
   * Completes a big file: metadata, close, rename. Call it once, from one thread, when all writes have returned. Closes
   * the descriptor in any case, and removes the temporary file when it fails.
   * @param written the bytes of content written, by the caller's own count: a file with fewer than all is refused.
   */
  commitTemp(file: TempFile, name: Raw, meta: TargetMeta, written: number): void {
    this.#files.commit(file, name, meta, written);
  }

  /** Closes and removes the temporary file of a big file that will not be completed. Never throws. */
  discardTemp(file: TempFile): void {
    this.#files.discard(file);
  }

  /** Makes a symbolic link. Its target is not looked at. */
  symlink(directory: Raw, name: Raw, target: Raw, meta: TargetMeta, overwrite: Overwrite): TargetOutcome {
    return this.#specials.symlink(this.#open(directory, name), name, target, meta, overwrite);
  }

  /** Makes a FIFO. @throws IcecoreError `target-failed` where the system offers no way to make one. */
  fifo(directory: Raw, name: Raw, meta: TargetMeta, overwrite: Overwrite): TargetOutcome {
    return this.#specials.fifo(this.#open(directory, name), name, meta, overwrite);
  }

  /** Makes a device node. @throws IcecoreError `device-needs-root`. */
  device(directory: Raw, name: Raw, device: DeviceNode, meta: TargetMeta, overwrite: Overwrite): TargetOutcome {
    return this.#specials.device(this.#open(directory, name), name, device, meta, overwrite);
  }

  /**
   * Makes a hard link to a file of this tree, which is complete. Metadata is that file's.
   * @throws IcecoreError `target-failed` and others where the target takes no (more) links: the caller writes a copy.
   */
  link(
    fromDirectory: Raw,
    fromName: Raw,
    toDirectory: Raw,
    toName: Raw,
    coming: Coming,
    overwrite: Overwrite,
  ): TargetOutcome {
    const from = this.#open(fromDirectory, fromName);
    const to = this.#open(toDirectory, toName);
    return this.#specials.link(from, fromName, to, toName, coming, overwrite);
  }

  /**
   * Gives a directory its metadata and closes it. To be called when everything in it is complete, so bottom-up: what
   * comes later would change its times, and may not be allowed any more.
   */
  finishDirectory(directory: Raw, meta: TargetMeta): void {
    const { fd } = this.#directories.open(directory);
    naming(
      () => this.#directories.locate(directory),
      () => this.#metadata.apply(fd, this.#calls.stat(fd), meta, () => this.#directories.locate(directory)),
    );
    this.#directories.drop(directory);
  }

  /**
   * Gives a file that is there, and whose content is right, its metadata; what is there may be lost in between.
   * @returns false where there is no regular file that this user may open.
   */
  refreshFile(directory: Raw, name: Raw, meta: TargetMeta): boolean {
    const path = (): Raw => joinRaw(this.#directories.locate(directory), name);
    const fd = this.openExisting(directory, name);
    if (fd === undefined) return false;
    try {
      naming(path, () => this.#metadata.apply(fd, this.#calls.stat(fd), meta, path));
    } finally {
      this.#calls.close(fd);
    }
    return true;
  }

  /** The names in a directory of the tree. */
  list(directory: Raw): Raw[] {
    const { fd } = this.#directories.open(directory);
    return naming(
      () => this.#directories.locate(directory),
      () => [...this.#calls.list(fd, this.#directories.locate(directory))],
    );
  }

  /**
   * Removes what is there under a name: of a directory everything in it that is `chosen`, and itself when nothing is
   * left. Links are removed, not followed.
   * @returns how many items other than directories were removed.
   */
  remove(directory: Raw, name: Raw, chosen: Chosen): number {
    checkName(name);
    return this.#remover.remove(directory, name, chosen);
  }

  /** Closes all directories. Descriptors of big files are the business of whoever has them. */
  close(): void {
    this.#directories.close();
  }

  #open(directory: Raw, name: Raw): Directory {
    checkName(name);
    return this.#directories.open(directory);
  }
}
