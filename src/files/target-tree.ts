/**
 * The directories of a target: opened one component at a time from the root, never through a link, and kept open in a
 * bounded cache. Makes what is missing. Does not write files nor set final metadata; a directory made here has mode
 * 0700 until it is finished, so that nobody reads what is not yet protected.
 *
 * Paths are of the tree: `/` is the root, `/a/b` a directory in it, at any depth and length. Several threads may work
 * on one tree, each with a cache of its own; whoever comes second to make a directory finds a real one there.
 */
import { errnoOf } from '../base/errors.ts';
import { dirnameRaw, type Raw } from '../base/raw.ts';
import type { TargetCalls } from './target-calls.ts';
import { inTheWay, targetError } from './target-errors.ts';
import { naming, type Present } from './target-metadata.ts';
import { checkName } from './target-names.ts';

/** An open directory. Valid until the cache opens another one, which may close this. */
export interface Directory {
  readonly path: Raw;
  readonly fd: number;
  /** This cache made it, so nothing was there before the run. */
  readonly isFresh: boolean;
  /** What a file made in it has, once one was made: setgid bits, mount options and default ACLs have a say. */
  newFile: Present | undefined;
}

/** The open directories of one thread. */
export class DirectoryCache {
  readonly #calls: TargetCalls;
  readonly #rootPath: Raw;
  readonly #root: Directory;
  readonly #capacity: number;
  /** Least recently used first. */
  readonly #open = new Map<Raw, Directory>();
  #last: Directory;

  /**
   * Opens the root, which must be there; links in its own path are followed, since the user named it.
   * @param capacity descriptors kept at most, at least 4 (two are in use when a hard link is made).
   */
  constructor(rootPath: Raw, calls: TargetCalls, capacity = 256) {
    this.#calls = calls;
    this.#rootPath = rootPath;
    this.#capacity = Math.max(4, capacity);
    this.#root = { path: '/' as Raw, fd: calls.openRoot(rootPath), isFresh: false, newFile: undefined };
    this.#last = this.#root;
  }

  /** Where a path of the tree lies in the file system, for messages. */
  locate(path: Raw): Raw {
    return path === '/' ? this.#rootPath : ((this.#rootPath === '/' ? path : this.#rootPath + path) as Raw);
  }

  /** Directories open at the moment, without the root. */
  get size(): number {
    return this.#open.size;
  }

  /**
   * Opens a directory and makes what is missing on the way.
   * @throws IcecoreError `symlink-in-the-way`, `file-in-the-way`, or what target-errors.ts makes of a failed call.
   */
  open(path: Raw): Directory {
    if (path === this.#last.path) return this.#last;
    return naming(
      () => this.locate(path),
      () => this.#walk(path),
    );
  }

  /** Makes a directory, and those above it. @returns false when it was there already. */
  make(path: Raw): boolean {
    if (path === '/') return false;
    if (!path.startsWith('/')) throw targetError(path, undefined, 'EINVAL');
    const parent = this.open(dirnameRaw(path));
    const made = naming(
      () => this.locate(path),
      () => this.#enter(parent, path.slice(path.lastIndexOf('/') + 1) as Raw, path, true),
    );
    this.#last = made.directory;
    return made.isNew;
  }

  /** Closes a directory that is not needed any more. */
  drop(path: Raw): void {
    const directory = this.#open.get(path);
    if (!directory) return;
    this.#open.delete(path);
    if (this.#last === directory) this.#last = this.#root;
    this.#closeQuietly(directory.fd);
  }

  /** Closes the older half, when the process has no descriptors left. @returns false when there was nothing to close. */
  shrink(): boolean {
    const count = Math.ceil(this.#open.size / 2);
    if (count === 0) return false;
    for (const path of [...this.#open.keys()].slice(0, count)) if (path !== this.#last.path) this.drop(path);
    return true;
  }

  /**
   * Gives the owner of a directory (this user, not root) the right to write in it, which a previous restore may have
   * taken away when it finished it; finishing it again restores the mode.
   * @returns whether anything changed, so that trying again makes sense.
   */
  unlock(directory: Directory): boolean {
    const there = this.#calls.stat(directory.fd);
    if (there.uid !== process.geteuid?.() || (there.mode & 0o700) === 0o700) return false;
    this.#calls.chmod(directory.fd, (there.mode & 0o7777) | 0o700);
    return true;
  }

  /** Closes everything, the root too. */
  close(): void {
    for (const path of [...this.#open.keys()]) this.drop(path);
    this.#closeQuietly(this.#root.fd);
  }

  #walk(path: Raw): Directory {
    let directory = this.#nearest(path);
    // On a way longer than the cache only one directory in `stride` is kept, besides the last ones: climbing back up
    // then begins at one of those instead of at the root, which in a tree of 100,000 levels is the difference.
    const kept = this.#capacity >> 1;
    const missing = countSlashes(path, directory.path.length);
    const stride = Math.ceil(missing / kept);
    for (let step = 1; directory.path.length < path.length; step++) {
      const start = directory === this.#root ? 1 : directory.path.length + 1;
      const slash = path.indexOf('/', start);
      const end = slash === -1 ? path.length : slash;
      const next = path.slice(0, end) as Raw;
      const parent = directory;
      directory = this.#enter(parent, path.slice(start, end) as Raw, next, false).directory;
      if (step > 1 && missing - step > kept && step % stride !== 0) this.drop(parent.path);
    }
    this.#last = directory;
    return directory;
  }

  /** The deepest open directory on the way to a path, which it marks as used. */
  #nearest(path: Raw): Directory {
    if (!path.startsWith('/')) throw targetError(path, undefined, 'EINVAL');
    const last = this.#last;
    // A depth-first restore goes from a directory into one of its own: no search, and no hashing of long paths.
    if (last !== this.#root && path[last.path.length] === '/' && path.startsWith(last.path)) return last;
    for (let at: Raw = path; at !== '/'; at = dirnameRaw(at)) {
      const found = this.#open.get(at);
      if (!found) continue;
      this.#open.delete(at);
      this.#open.set(at, found);
      return found;
    }
    return this.#root;
  }

  #enter(parent: Directory, name: Raw, path: Raw, isMissing: boolean): { directory: Directory; isNew: boolean } {
    checkName(name);
    let isNew = isMissing && this.#make(parent, name, path);
    if (!isNew) {
      const found = this.#open.get(path);
      if (found) return { directory: found, isNew };
    }
    let fd = this.#tryOpen(parent, name, path);
    if (fd === undefined) {
      isNew = this.#make(parent, name, path);
      fd = this.#tryOpen(parent, name, path);
      if (fd === undefined) throw targetError(this.locate(path), undefined, 'ENOTDIR');
    }
    const directory: Directory = { path, fd, isFresh: isNew, newFile: undefined };
    this.drop(path);
    this.#evict();
    this.#open.set(path, directory);
    return { directory, isNew };
  }

  /** Opens a directory in another; undefined when nothing is there. */
  #tryOpen(parent: Directory, name: Raw, path: Raw): number | undefined {
    for (let attempt = 1; ; attempt++) {
      try {
        return this.#calls.openDirectory(parent.fd, name);
      } catch (error) {
        const errno = errnoOf(error);
        if (errno === 'ENOENT') return undefined;
        if (errno === 'ELOOP' || errno === 'ENOTDIR') throw this.#describeObstacle(parent, name, path);
        const canRetry = attempt === 1 && this.#makeWay(errno, parent, name);
        if (!canRetry) throw targetError(this.locate(path), error);
      }
    }
  }

  /** @returns false when something of that name is there, whatever it is. */
  #make(parent: Directory, name: Raw, path: Raw): boolean {
    for (let attempt = 1; ; attempt++) {
      try {
        this.#calls.makeDirectory(parent.fd, name, 0o700);
        return true;
      } catch (error) {
        const errno = errnoOf(error);
        if (errno === 'EEXIST') return false;
        if (attempt > 1 || errno !== 'EACCES' || !this.unlock(parent)) throw targetError(this.locate(path), error);
      }
    }
  }

  #makeWay(errno: string | undefined, parent: Directory, name: Raw): boolean {
    if (errno === 'EMFILE' || errno === 'ENFILE') {
      this.#last = parent;
      return this.shrink();
    }
    if (errno !== 'EACCES') return false;
    const there = this.#calls.look(parent.fd, name);
    if (!there?.isDirectory()) return this.unlock(parent);
    if (Number(there.uid) !== process.geteuid?.()) return false;
    this.#calls.chmodAt(parent.fd, name, (Number(there.mode) & 0o7777) | 0o700);
    return true;
  }

  #describeObstacle(parent: Directory, name: Raw, path: Raw): Error {
    const isLink = this.#calls.look(parent.fd, name)?.isSymbolicLink() ?? false;
    return inTheWay(this.locate(path), isLink ? 'symlink' : 'file');
  }

  #closeQuietly(fd: number): void {
    try {
      this.#calls.close(fd);
    } catch {
      // Nothing was written through it, so there is nothing to lose.
    }
  }

  #evict(): void {
    while (this.#open.size >= this.#capacity) {
      const [oldest] = this.#open.keys();
      if (oldest === undefined) return;
      this.drop(oldest);
    }
  }
}

function countSlashes(path: Raw, from: number): number {
  let count = 0;
  for (let at = path.indexOf('/', from); at !== -1; at = path.indexOf('/', at + 1)) count += 1;
  return count;
}
