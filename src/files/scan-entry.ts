/**
 * Looks at one name for the walk: what it is, whether it is left out, whether to go down into it. It reports what is
 * left out and what is wrong, and appends directories to descend into to the frame.
 */
import { constants } from 'node:fs';
import type { Raw } from '../base/raw.ts';
import type { EntryType } from '../format/entry.ts';
import type { Exclusion } from './exclude-rules.ts';
import { fileProblem, isVanished } from './file-problems.ts';
import type { FileSystem } from './fs.ts';
import type { LongPaths } from './long-path.ts';
import { pseudoFileSystem } from './pseudo.ts';
import { type RootNode, rootError } from './roots.ts';
import { type Frame, pathIn } from './scan-frame.ts';
import type { DirectoryLook } from './scan-look.ts';
import type { ScanEntry, ScanOptions } from './scan-types.ts';
import type { FileStat } from './stat.ts';

/** Turns names into entries. */
export class EntryExaminer {
  readonly #options: ScanOptions;
  readonly #fs: FileSystem;
  readonly #look: DirectoryLook;
  readonly #paths: LongPaths;
  readonly #ancestors: ReadonlySet<string>;

  /**
   * @param look opened on the directory that a name is in
   * @param ancestors device and inode of every directory on the way to where the walk is, as `dev:ino`
   */
  constructor(
    options: ScanOptions,
    fs: FileSystem,
    look: DirectoryLook,
    paths: LongPaths,
    ancestors: ReadonlySet<string>,
  ) {
    this.#options = options;
    this.#fs = fs;
    this.#look = look;
    this.#paths = paths;
    this.#ancestors = ancestors;
  }

  /** Looks at one name. `vanished`: it is not there any more; not reported yet. @returns undefined when it is left out. */
  examine(frame: Frame, name: Raw): ScanEntry | 'vanished' | undefined {
    const node = frame.node?.children.get(name);
    let stat: FileStat | undefined;
    try {
      stat = this.#look.lstat(name);
    } catch (error) {
      if (node) throw rootError(pathIn(frame, name), 'cannot be read', error);
      if (isVanished(error)) return 'vanished';
      if (!this.#isExcluded(frame, name, true, 0) && !this.#isExcluded(frame, name, false, 0)) {
        this.#options.onProblem?.(fileProblem(error, pathIn(frame, name), 'examine'));
      }
      return undefined;
    }
    if (node) return this.#examineRoot(frame, name, stat, node);
    if (!stat) return 'vanished';
    const type = typeOf(stat);
    if (!type) {
      const message = 'it is of a type that cannot be stored';
      this.#options.onProblem?.({ severity: 'error', code: 'unsupported-type', message, path: pathIn(frame, name) });
      return undefined;
    }
    if (this.#isExcluded(frame, name, type === 'dir', stat.size)) return undefined;
    if (type !== 'dir') return { name, type, stat };
    if (this.#ancestors.has(`${stat.dev}:${stat.ino}`)) {
      const message = 'it is a directory that it lies in itself (a bind mount?), and is not entered again';
      const problem = { severity: 'warning', code: 'directory-loop', message, path: pathIn(frame, name) } as const;
      this.#options.onProblem?.(problem);
      return { name, type, stat, problem };
    }
    const foreign = this.#findForeign(frame, name, stat);
    if (foreign) this.#options.onExcluded?.(pathIn(frame, name), foreign);
    else frame.pending.push({ name, dev: stat.dev, ino: stat.ino, node: undefined, isWhole: true });
    return { name, type, stat };
  }

  /** Looks at a name that is a root or leads to one: never left out, and nothing about it may fail. */
  #examineRoot(frame: Frame, name: Raw, found: FileStat | undefined, node: RootNode): ScanEntry {
    const path = pathIn(frame, name);
    if (!found) throw rootError(path, 'does not exist');
    const mustFollow = node.isFollowed || node.children.size > 0;
    const isLink = typeOf(found) === 'symlink';
    let stat = found;
    if (isLink && mustFollow) {
      try {
        stat = this.#fs.statSync(this.#paths.pathIn(frame.location, name));
      } catch (error) {
        throw rootError(path, 'cannot be read', error);
      }
    }
    const type = typeOf(stat);
    if (!type) throw rootError(path, 'is of a type that cannot be stored');
    if (type !== 'dir') {
      if (mustFollow) throw rootError(path, 'is not a directory');
      return { name, type, stat };
    }
    const { dev, ino } = stat;
    let isWhole = node.isRoot && (!isLink || node.isFollowed);
    if (!node.isRoot && frame.isWhole && !isLink) {
      // It would be walked anyway, unless something excludes it: then only what leads on.
      isWhole = !this.#isExcluded(frame, name, true, 0) && !this.#findForeign(frame, name, stat);
    }
    frame.pending.push({ name, dev, ino, node, isWhole });
    return { name, type, stat };
  }

  #isExcluded(frame: Frame, name: Raw, isDirectory: boolean, size: bigint | number): boolean {
    const { exclude, onExcluded } = this.#options;
    if (!exclude || !frame.scope) return false;
    const exclusion = exclude.test(frame.scope, name, isDirectory, Number(size));
    if (exclusion) onExcluded?.(pathIn(frame, name), exclusion);
    return exclusion !== undefined;
  }

  /** Why a directory is kept as an empty one: another file system, or one of the kernel's own. */
  #findForeign(frame: Frame, name: Raw, stat: FileStat): Exclusion | undefined {
    const isMount = stat.dev !== frame.dev;
    if (isMount && this.#options.oneFileSystem && stat.dev !== frame.rootDev) {
      return { kind: 'file-system', reason: 'it is on another file system (--one-file-system)' };
    }
    if (!isMount && frame.depth > 0) return undefined;
    const fsPath = this.#paths.pathIn(frame.location, name);
    const pseudo = pseudoFileSystem(this.#fs, pathIn(frame, name), fsPath, isMount);
    if (!pseudo) return undefined;
    return { kind: 'pseudo', reason: `it is a pseudo file system (${pseudo}); name it as a path to back it up` };
  }
}

/** What a stat says a thing is; undefined for what no manifest can hold. */
export function typeOf(stat: FileStat): EntryType | 'socket' | undefined {
  switch (Number(stat.mode) & constants.S_IFMT) {
    case constants.S_IFREG:
      return 'file';
    case constants.S_IFDIR:
      return 'dir';
    case constants.S_IFLNK:
      return 'symlink';
    case constants.S_IFIFO:
      return 'fifo';
    case constants.S_IFSOCK:
      return 'socket';
    case constants.S_IFBLK:
      return 'block';
    case constants.S_IFCHR:
      return 'char';
    default:
      return undefined;
  }
}
