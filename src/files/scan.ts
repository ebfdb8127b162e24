/**
 * The walk over the user's files, in the order of a manifest: a directory's entries sorted by name, all of them, then
 * its subdirectories in the same order, depth first. It looks at every name once and opens no file.
 *
 * Iterative, so depth is bounded by memory; at most 16 directories are held open, and only where paths exceed what the
 * kernel takes at once. The names of one directory are in memory together (about 50 bytes each), its entries are not.
 *
 * A directory that is swapped for another while it is listed is noticed afterwards (device and inode), not prevented.
 */
import { type BigIntStats, constants } from 'node:fs';
import { isIcecoreError } from '../base/errors.ts';
import type { Problem } from '../base/monitor.ts';
import type { Raw } from '../base/raw.ts';
import type { EntryType } from '../format/entry.ts';
import type { ExcludeScope } from './exclude.ts';
import type { Exclusion } from './exclude-rules.ts';
import { fileProblem, isVanished, replacedProblem, vanishedProblem } from './file-problems.ts';
import { type FileSystem, type FsPath, nodeFileSystem } from './fs.ts';
import { type Location, LongPaths, ROOT_LOCATION, withFsPath } from './long-path.ts';
import { pseudoFileSystem } from './pseudo.ts';
import { buildRootTree, normalizeRoots, type Root, type RootNode, rootError } from './roots.ts';
import type { ScanEntry, ScanOptions, ScanPage } from './scan-types.ts';

const PAGE_ENTRIES = 1024;
const ASCII = /^[\x00-\x7f]*$/;

/**
 * Scans the roots (absolute paths; a trailing slash follows a symlink). Directories that lead to a root are yielded too, each with
 * only the entries that lead on, so that the result begins at `/`; they are always directories, links resolved.
 * Overlapping roots are walked once. An empty directory yields one page without entries.
 *
 * Everything wrong below a root goes to `onProblem` and the scan goes on.
 * @throws IcecoreError `root-unreadable`, `no-roots`, `bad-root`: at once, or while iterating when a root goes away.
 */
export function scan(roots: readonly Raw[], options: ScanOptions = {}): Generator<ScanPage> {
  const fs = options.fs ?? nodeFileSystem;
  const normal = normalizeRoots(roots, fs);
  for (const root of normal) checkRoot(root, fs);
  return new Scanner(options, fs).pages(buildRootTree(normal));
}

/** Fails early: a root that cannot be read must end the run before anything is stored. */
function checkRoot(root: Root, fs: FileSystem): void {
  try {
    withFsPath(root.path, fs, (path) => {
      const stat = root.isFollowed ? fs.statSync(path) : fs.lstatSync(path);
      if (!stat) throw rootError(root.path, 'does not exist');
      if (root.isFollowed && typeOf(stat) !== 'dir') throw rootError(root.path, 'is not a directory');
      if (typeOf(stat) === 'dir') fs.closeSync(fs.openSync(path, constants.O_RDONLY | constants.O_DIRECTORY));
    });
  } catch (error) {
    throw isIcecoreError(error) ? error : rootError(root.path, 'cannot be read', error);
  }
}

/** A subdirectory that waits for its turn. */
interface Pending {
  readonly name: Raw;
  readonly dev: bigint;
  readonly ino: bigint;
  readonly node: RootNode | undefined;
  /** False: only what leads to a root is wanted. */
  readonly isWhole: boolean;
}

/** A directory on the way from `/` to where the walk is. */
interface Frame extends Pending {
  readonly path: Raw;
  readonly depth: number;
  readonly location: Location;
  /** Absent where nothing is excluded. */
  scope: ExcludeScope | undefined;
  /** The device of the root that this is in. */
  readonly rootDev: bigint;
  readonly identity: string;
  isListed: boolean;
  pending: Pending[];
  next: number;
}

class Scanner {
  readonly #options: ScanOptions;
  readonly #fs: FileSystem;
  readonly #paths: LongPaths;
  readonly #stack: Frame[] = [];
  /** Device and inode of every directory on the stack: one that turns up again below itself is a loop. */
  readonly #ancestors = new Set<string>();

  constructor(options: ScanOptions, fs: FileSystem) {
    this.#options = options;
    this.#fs = fs;
    this.#paths = new LongPaths(fs);
  }

  *pages(top: RootNode): Generator<ScanPage> {
    try {
      this.#pushTop(top);
      for (let frame = this.#stack.at(-1); frame; frame = this.#stack.at(-1)) {
        if (!frame.isListed) {
          frame.isListed = true;
          yield* this.#list(frame);
        }
        const pending = frame.pending[frame.next++];
        if (!pending) {
          this.#pop(frame);
          continue;
        }
        const problem = this.#push(frame, pending);
        if (problem) yield lastPage({ path: pathIn(frame, pending.name), depth: frame.depth + 1 }, [], true, problem);
      }
    } finally {
      this.#paths.close();
    }
  }

  #pushTop(node: RootNode): void {
    const { dev, ino } = this.#fs.statSync('/');
    const path = '/' as Raw;
    const pending = { name: '' as Raw, dev, ino, node, isWhole: node.isRoot };
    const scope = node.isRoot ? this.#options.exclude?.rootScope(path) : undefined;
    this.#enter({ ...pending, path, depth: 0, location: ROOT_LOCATION, scope, rootDev: dev });
  }

  /** Goes down into a directory. @returns what keeps it from being entered. */
  #push(parent: Frame, pending: Pending): Problem | undefined {
    const path = pathIn(parent, pending.name);
    let location: Location;
    try {
      location = this.#paths.enter(parent.location, pending.name);
    } catch (error) {
      return this.#failDirectory({ path, node: pending.node }, error);
    }
    const { exclude } = this.#options;
    const isRoot = pending.node?.isRoot ?? false;
    let scope: ExcludeScope | undefined;
    if (exclude && isRoot) scope = exclude.rootScope(path);
    else if (exclude && parent.scope && pending.isWhole) scope = exclude.childScope(parent.scope, pending.name);
    const rootDev = isRoot ? pending.dev : parent.rootDev;
    this.#enter({ ...pending, path, depth: parent.depth + 1, location, scope, rootDev });
    return undefined;
  }

  #enter(frame: Omit<Frame, 'identity' | 'isListed' | 'pending' | 'next'>): void {
    const identity = `${frame.dev}:${frame.ino}`;
    this.#ancestors.add(identity);
    this.#stack.push({ ...frame, identity, isListed: false, pending: [], next: 0 });
  }

  #pop(frame: Frame): void {
    this.#stack.pop();
    this.#ancestors.delete(frame.identity);
    const parent = this.#stack.at(-1);
    if (parent) this.#paths.leave(frame.location, parent.location);
  }

  *#list(frame: Frame): Generator<ScanPage> {
    let problem: Problem | undefined;
    let names: Raw[] = [];
    let prefix = '';
    try {
      prefix = this.#paths.prefixOf(frame.location);
      if (frame.isWhole) names = this.#fs.readdirSync(this.#paths.pathOf(frame.location));
    } catch (error) {
      problem = this.#failDirectory(frame, error);
    }
    if (frame.node) names = withRootNames(names, frame.node);
    sortNames(names);
    this.#readExcludes(frame, names);
    let entries: ScanEntry[] = [];
    let isFirst = true;
    for (const name of names) {
      if (entries.length === PAGE_ENTRIES) {
        yield { path: frame.path, depth: frame.depth, entries, isFirst, isLast: false };
        entries = [];
        isFirst = false;
      }
      const isAscii = frame.location.isAscii && ASCII.test(name);
      const fsPath = isAscii ? prefix + name : Buffer.from(prefix + name, 'latin1');
      const found = this.#examine(frame, name, fsPath);
      if (found === 'vanished') {
        // The name, or the whole directory? Then one problem says it all.
        problem ??= this.#checkDirectory(frame);
        if (problem) break;
        this.#report(vanishedProblem(pathIn(frame, name)));
      } else if (found) {
        entries.push(found);
      }
    }
    if (frame.isWhole) problem ??= this.#checkDirectory(frame);
    yield lastPage(frame, entries, isFirst, problem);
  }

  #readExcludes(frame: Frame, names: readonly Raw[]): void {
    const { exclude } = this.#options;
    if (!exclude || !frame.scope) return;
    const fsPathOf = (name: Raw) => this.#paths.pathIn(frame.location, name);
    frame.scope = exclude.listedScope(frame.scope, frame.path, names, fsPathOf, (problem) => this.#report(problem));
  }

  /** Looks at one name. @returns undefined when it is left out. */
  #examine(frame: Frame, name: Raw, fsPath: FsPath): ScanEntry | 'vanished' | undefined {
    const node = frame.node?.children.get(name);
    let stat: BigIntStats | undefined;
    try {
      stat = this.#fs.lstatSync(fsPath);
    } catch (error) {
      if (node) throw rootError(pathIn(frame, name), 'cannot be read', error);
      if (isVanished(error)) return 'vanished';
      if (!this.#isExcluded(frame, name, true, 0) && !this.#isExcluded(frame, name, false, 0)) {
        this.#report(fileProblem(error, pathIn(frame, name), 'examine'));
      }
      return undefined;
    }
    if (node) return this.#examineRoot(frame, name, fsPath, stat, node);
    if (!stat) return 'vanished';
    const type = typeOf(stat);
    if (!type) {
      const message = 'it is of a type that cannot be stored';
      this.#report({ severity: 'error', code: 'unsupported-type', message, path: pathIn(frame, name) });
      return undefined;
    }
    if (this.#isExcluded(frame, name, type === 'dir', stat.size)) return undefined;
    if (type !== 'dir') return { name, type, stat };
    if (this.#ancestors.has(`${stat.dev}:${stat.ino}`)) {
      const message = 'it is a directory that it lies in itself (a bind mount?), and is not entered again';
      const problem = { severity: 'warning', code: 'directory-loop', message, path: pathIn(frame, name) } as const;
      this.#report(problem);
      return { name, type, stat, problem };
    }
    const foreign = this.#findForeign(frame, name, fsPath, stat);
    if (foreign) this.#options.onExcluded?.(pathIn(frame, name), foreign);
    else frame.pending.push({ name, dev: stat.dev, ino: stat.ino, node: undefined, isWhole: true });
    return { name, type, stat };
  }

  /** Looks at a name that is a root or leads to one: never left out, and nothing about it may fail. */
  #examineRoot(frame: Frame, name: Raw, fsPath: FsPath, found: BigIntStats | undefined, node: RootNode): ScanEntry {
    const path = pathIn(frame, name);
    if (!found) throw rootError(path, 'does not exist');
    const mustFollow = node.isFollowed || node.children.size > 0;
    const isLink = typeOf(found) === 'symlink';
    let stat = found;
    if (isLink && mustFollow) {
      try {
        stat = this.#fs.statSync(fsPath);
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
      isWhole = !this.#isExcluded(frame, name, true, 0) && !this.#findForeign(frame, name, fsPath, stat);
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
  #findForeign(frame: Frame, name: Raw, fsPath: FsPath, stat: BigIntStats): Exclusion | undefined {
    const isMount = stat.dev !== frame.dev;
    if (isMount && this.#options.oneFileSystem && stat.dev !== frame.rootDev) {
      return { kind: 'file-system', reason: 'it is on another file system (--one-file-system)' };
    }
    if (!isMount && frame.depth > 0) return undefined;
    const pseudo = pseudoFileSystem(this.#fs, pathIn(frame, name), fsPath, isMount);
    if (!pseudo) return undefined;
    return { kind: 'pseudo', reason: `it is a pseudo file system (${pseudo}); name it as a path to back it up` };
  }

  /** After a listing: is this still the directory that was found? Otherwise a part of it may be another's. */
  #checkDirectory(frame: Frame): Problem | undefined {
    try {
      const { dev, ino } = this.#fs.statSync(this.#paths.pathOf(frame.location));
      if (dev === frame.dev && ino === frame.ino) return undefined;
    } catch (error) {
      return this.#failDirectory(frame, error);
    }
    if (frame.node?.isRoot) throw rootError(frame.path, 'was replaced by something else during the backup');
    return this.#report(replacedProblem(frame.path, 'another directory is under its name now'));
  }

  #failDirectory(directory: { readonly path: Raw; readonly node: RootNode | undefined }, error: unknown): Problem {
    if (directory.node) throw rootError(directory.path, 'cannot be read', error);
    return this.#report(fileProblem(error, directory.path, 'list'));
  }

  #report(problem: Problem): Problem {
    this.#options.onProblem?.(problem);
    return problem;
  }
}

function lastPage(
  directory: { readonly path: Raw; readonly depth: number },
  entries: readonly ScanEntry[],
  isFirst: boolean,
  problem: Problem | undefined,
): ScanPage {
  const { path, depth } = directory;
  return { path, depth, entries, isFirst, isLast: true, ...(problem ? { problem } : {}) };
}

/** Concatenates without looking into the path: in deep trees it stays a chain of pieces until somebody reads it. */
function pathIn(directory: { readonly path: Raw; readonly depth: number }, name: Raw): Raw {
  return (directory.depth === 0 ? `/${name}` : `${directory.path}/${name}`) as Raw;
}

function withRootNames(names: Raw[], node: RootNode): Raw[] {
  if (node.children.size === 0) return names;
  return [...new Set([...names, ...node.children.keys()])];
}

/** Node's readdir has them sorted on most systems, so looking comes before sorting. */
function sortNames(names: Raw[]): void {
  for (let i = 1; i < names.length; i++) {
    if (names[i - 1]! > names[i]!) {
      names.sort();
      return;
    }
  }
}

function typeOf(stat: BigIntStats): EntryType | 'socket' | undefined {
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
