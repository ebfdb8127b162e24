/**
 * Puts a complete temporary item under its final name, and decides first whether what is there may be replaced.
 * A rename replaces files, links and nodes at once and follows none; directories are never replaced.
 */
import type { BigIntStats } from 'node:fs';
import { errnoOf } from '../base/errors.ts';
import { joinRaw, type Raw } from '../base/raw.ts';
import type { EntryType } from '../format/entry.ts';
import type { TargetCalls } from './target-calls.ts';
import { inTheWay, targetError } from './target-errors.ts';
import { naming } from './target-metadata.ts';
import {
  type Coming,
  decideOverwrite,
  type Existing,
  type OverwriteDecision,
  type OverwritePolicy,
} from './target-policy.ts';
import type { Directory, DirectoryCache } from './target-tree.ts';

/** A named policy, or a function of the caller's. */
export type Overwrite = OverwritePolicy | OverwriteDecision;

/** Looks at what is there, for one thread. */
export class Placer {
  readonly #calls: TargetCalls;
  readonly #directories: DirectoryCache;

  constructor(calls: TargetCalls, directories: DirectoryCache) {
    this.#calls = calls;
    this.#directories = directories;
  }

  /** What is there; undefined where nothing is. */
  look(directory: Directory, name: Raw): Existing | undefined {
    const stats = naming(
      () => this.#locate(directory, name),
      () => this.#calls.look(directory.fd, name),
    );
    return stats && { type: typeOf(stats), size: Number(stats.size), mtime: stats.mtimeNs };
  }

  /**
   * Decides before anything is written. In a directory that this thread made, and with `always`, nobody looks: the
   * rename says whether a directory is in the way.
   * @throws IcecoreError `directory-in-the-way`.
   */
  decide(directory: Directory, name: Raw, coming: Coming, overwrite: Overwrite): 'write' | 'keep' {
    if (directory.isFresh || overwrite === 'always') return 'write';
    const there = this.look(directory, name);
    if (!there) return 'write';
    if (there.type === 'dir') throw inTheWay(this.#locate(directory, name), 'directory');
    const decision =
      typeof overwrite === 'function'
        ? overwrite(there, coming)
        : decideOverwrite(overwrite, there, coming, this.#calls.timeGrain - 1n);
    return decision === 'keep' ? 'keep' : 'write';
  }

  /** Opens a regular file that is there; see TargetTree.openExisting. */
  openExisting(directory: Directory, name: Raw): number | undefined {
    try {
      // Opening a device can do things: look first. What is opened is looked at again, for it may have been swapped.
      if (!this.#calls.look(directory.fd, name)?.isFile()) return undefined;
      const fd = this.#calls.openFile(directory.fd, name);
      if (this.#calls.stat(fd).isFile()) return fd;
      this.#calls.close(fd);
      return undefined;
    } catch (error) {
      if (['ENOENT', 'ELOOP', 'EACCES', 'EPERM'].includes(errnoOf(error) ?? '')) return undefined;
      throw targetError(this.#locate(directory, name), error);
    }
  }

  /** Renames within the directory. The temporary name is the caller's to remove when this throws. */
  place(directory: Directory, temp: Raw, name: Raw): void {
    try {
      this.#calls.rename(directory.fd, temp, name);
    } catch (error) {
      throw this.#explain(directory, name, error);
    }
  }

  #explain(directory: Directory, name: Raw, error: unknown): Error {
    const errno = errnoOf(error);
    const path = this.#locate(directory, name);
    const isDirectory = errno === 'EISDIR' || errno === 'EEXIST' || errno === 'ENOTEMPTY' || errno === 'EBUSY';
    if (isDirectory && this.look(directory, name)?.type === 'dir') return inTheWay(path, 'directory');
    return targetError(path, error);
  }

  #locate(directory: Directory, name: Raw): Raw {
    return joinRaw(this.#directories.locate(directory.path), name);
  }
}

function typeOf(stats: BigIntStats): EntryType | 'socket' {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'dir';
  if (stats.isSymbolicLink()) return 'symlink';
  if (stats.isFIFO()) return 'fifo';
  if (stats.isSocket()) return 'socket';
  return stats.isBlockDevice() ? 'block' : 'char';
}
