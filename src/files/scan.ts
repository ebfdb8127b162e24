/**
 * The walk over the user's files, in the order of a manifest: a directory's entries sorted by name, all of them, then
 * its subdirectories in the same order, depth first. It looks at every name once and opens no file.
 *
 * Iterative, so depth is bounded by memory; at most 16 directories are held open, and only where paths exceed what the
 * kernel takes at once. The names of one directory are in memory together (about 50 bytes each), its entries are not.
 *
 * A directory that is swapped for another while it is listed is noticed afterwards (device and inode), not prevented.
 */
import { constants } from 'node:fs';
import { isIcecoreError } from '../base/errors.ts';
import type { Problem } from '../base/monitor.ts';
import { type Raw, rawToFsPath } from '../base/raw.ts';
import type { ExcludeScope } from './exclude.ts';
import { fileProblem, replacedProblem, vanishedProblem } from './file-problems.ts';
import { type FileSystem, nodeFileSystem } from './fs.ts';
import { type Location, LongPaths, ROOT_LOCATION, withFsPath } from './long-path.ts';
import { buildRootTree, normalizeRoots, type Root, type RootNode, rootError } from './roots.ts';
import { EntryExaminer, typeOf } from './scan-entry.ts';
import { type Frame, type Pending, pathIn, pathOf, ropeIn } from './scan-frame.ts';
import { DirectoryLook } from './scan-look.ts';
import type { ScanEntry, ScanOptions, ScanPage } from './scan-types.ts';

const PAGE_ENTRIES = 1024;

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

class Scanner {
  readonly #options: ScanOptions;
  readonly #fs: FileSystem;
  readonly #paths: LongPaths;
  readonly #look: DirectoryLook;
  readonly #stack: Frame[] = [];
  /** Device and inode of every directory on the stack: one that turns up again below itself is a loop. */
  readonly #ancestors = new Set<string>();
  readonly #examiner: EntryExaminer;

  constructor(options: ScanOptions, fs: FileSystem) {
    this.#options = options;
    this.#fs = fs;
    this.#paths = new LongPaths(fs);
    this.#look = new DirectoryLook(fs, this.#paths, options.libc);
    this.#examiner = new EntryExaminer(options, fs, this.#look, this.#paths, this.#ancestors);
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
        if (problem) yield lastPage(pathIn(frame, pending.name), frame.depth + 1, [], true, problem, rawToFsPath);
      }
    } finally {
      this.#look.close();
      this.#paths.close();
    }
  }

  #pushTop(node: RootNode): void {
    const { dev, ino } = this.#fs.statSync('/');
    const pending = { name: '' as Raw, dev, ino, node, isWhole: node.isRoot };
    const scope = node.isRoot ? this.#options.exclude?.rootScope('/' as Raw) : undefined;
    this.#enter({ ...pending, rope: '', parentRope: '', depth: 0, location: ROOT_LOCATION, scope, rootDev: dev });
  }

  /** Goes down into a directory. @returns what keeps it from being entered. */
  #push(parent: Frame, pending: Pending): Problem | undefined {
    let location: Location;
    try {
      location = this.#paths.enter(parent.location, pending.name);
    } catch (error) {
      return this.#failDirectory(pathIn(parent, pending.name), pending.node, error);
    }
    const { exclude } = this.#options;
    const isRoot = pending.node?.isRoot ?? false;
    let scope: ExcludeScope | undefined;
    if (exclude && isRoot) scope = exclude.rootScope(pathIn(parent, pending.name));
    else if (exclude && parent.scope && pending.isWhole) scope = exclude.childScope(parent.scope, pending.name);
    const rootDev = isRoot ? pending.dev : parent.rootDev;
    const ropes = { rope: ropeIn(parent, pending.name), parentRope: parent.rope };
    this.#enter({ ...pending, ...ropes, depth: parent.depth + 1, location, scope, rootDev });
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
    const fsPathOf = (name: Raw) => this.#paths.pathIn(frame.location, name);
    try {
      this.#look.open(frame.location);
      if (frame.isWhole) names = this.#fs.readdirSync(this.#paths.pathOf(frame.location));
    } catch (error) {
      problem = this.#failDirectory(pathOf(frame), frame.node, error);
    }
    if (frame.node) names = withRootNames(names, frame.node);
    sortNames(names);
    this.#readExcludes(frame, names);
    let entries: ScanEntry[] = [];
    let isFirst = true;
    for (const name of names) {
      if (entries.length === PAGE_ENTRIES) {
        yield { path: pathOf(frame), depth: frame.depth, entries, isFirst, isLast: false, fsPathOf };
        entries = [];
        isFirst = false;
      }
      const found = this.#examiner.examine(frame, name);
      if (found === 'vanished') {
        // The name, or the whole directory? Then one problem says it all.
        problem ??= this.#checkDirectory(frame);
        if (problem) break;
        this.#report(vanishedProblem(pathIn(frame, name)));
      } else if (found) {
        entries.push(found);
      }
    }
    this.#look.close();
    if (frame.isWhole) problem ??= this.#checkDirectory(frame);
    yield lastPage(pathOf(frame), frame.depth, entries, isFirst, problem, fsPathOf);
  }

  #readExcludes(frame: Frame, names: readonly Raw[]): void {
    const { exclude } = this.#options;
    if (!exclude || !frame.scope) return;
    const fsPathOf = (name: Raw) => this.#paths.pathIn(frame.location, name);
    frame.scope = exclude.listedScope(frame.scope, pathOf(frame), names, fsPathOf, (problem) => this.#report(problem));
  }

  /** After a listing: is this still the directory that was found? Otherwise a part of it may be another's. */
  #checkDirectory(frame: Frame): Problem | undefined {
    try {
      const { dev, ino } = this.#fs.statSync(this.#paths.pathOf(frame.location));
      if (dev === frame.dev && ino === frame.ino) return undefined;
    } catch (error) {
      return this.#failDirectory(pathOf(frame), frame.node, error);
    }
    if (frame.node?.isRoot) throw rootError(pathOf(frame), 'was replaced by something else during the backup');
    return this.#report(replacedProblem(pathOf(frame), 'another directory is under its name now'));
  }

  #failDirectory(path: Raw, node: RootNode | undefined, error: unknown): Problem {
    if (node) throw rootError(path, 'cannot be read', error);
    return this.#report(fileProblem(error, path, 'list'));
  }

  #report(problem: Problem): Problem {
    this.#options.onProblem?.(problem);
    return problem;
  }
}

function lastPage(
  path: Raw,
  depth: number,
  entries: readonly ScanEntry[],
  isFirst: boolean,
  problem: Problem | undefined,
  fsPathOf: ScanPage['fsPathOf'],
): ScanPage {
  return { path, depth, entries, isFirst, isLast: true, fsPathOf, ...(problem ? { problem } : {}) };
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
