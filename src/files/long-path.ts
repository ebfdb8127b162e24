/**
 * Paths of any length. The kernel takes at most 4,096 bytes at once; beyond that, a directory on the way is held open
 * (an anchor) and what lies below is named by `/proc/self/fd/N/…`. On systems without that file system long paths
 * fail with ENAMETOOLONG, which callers report like any other error.
 */
import { constants } from 'node:fs';
import type { Raw } from '../base/raw.ts';
import { type FileSystem, type FsPath, nodeFileSystem } from './fs.ts';
import { systemError } from './libc.ts';

/** A path is cut when it grows past this: what remains of 4,096 is room for one name of 255 bytes and the prefix. */
const CUT_LENGTH = 3_500;
/** And when it has more components than this: each of them costs the kernel time in every call. */
const CUT_COMPONENTS = 64;
/** How many directories are held open at most, however deep the tree is. */
const MAX_OPEN = 16;
/** Linux: only names a place, so that a directory that may be entered but not listed does too. */
const O_PATH = process.platform === 'linux' ? 0o10000000 : 0;
const OPEN_DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NONBLOCK | O_PATH;
const ASCII = /^[\x00-\x7f]*$/;

/** A directory on the way that is, or can again be, held open. */
interface Anchor {
  readonly parent: Anchor | undefined;
  /** From the parent anchor's directory, with a leading slash; absolute where there is no parent. */
  readonly tail: string;
  readonly dev: bigint;
  readonly ino: bigint;
  /** -1 while closed. */
  fd: number;
}

/** Where a directory is: below an anchor, or below `/`. `tail` has a leading slash, or is empty. */
export interface Location {
  readonly anchor: Anchor | undefined;
  readonly tail: string;
  /** Components in `tail`. */
  readonly components: number;
  readonly isAscii: boolean;
}

/** The location of `/`. */
export const ROOT_LOCATION: Location = { anchor: undefined, tail: '', components: 0, isAscii: true };

/** Hands out paths that the kernel takes, for a walk that goes down and up a tree. Close it at the end. */
export class LongPaths {
  readonly #fs: FileSystem;
  /** Open anchors, the one opened longest ago first. */
  #open: Anchor[] = [];

  constructor(fs: FileSystem = nodeFileSystem) {
    this.#fs = fs;
  }

  /** The path of a location itself. @throws what opening a directory on the way throws. */
  pathOf(location: Location): FsPath {
    return location.tail === '' && !location.anchor ? '/' : this.#path(location, '');
  }

  /** The path of a name in a location; the same errors. */
  pathIn(location: Location, name: string): FsPath {
    return this.#path(location, `/${name}`);
  }

  /** All that precedes a name in a location: the fast path of a loop over one directory. Valid until the next call. */
  prefixOf(location: Location): string {
    const { anchor, tail } = location;
    return anchor ? `/proc/self/fd/${this.#ensureOpen(anchor)}${tail}/` : `${tail}/`;
  }

  /** The location of a directory in a location. Opens an anchor where the path would become too long. */
  enter(location: Location, name: string): Location {
    const { anchor, tail } = location;
    const isAscii = location.isAscii && ASCII.test(name);
    const longer = `${tail}/${name}`;
    const components = location.components + 1;
    if (longer.length <= CUT_LENGTH && components <= CUT_COMPONENTS)
      return { anchor, tail: longer, components, isAscii };
    const fd = this.#fs.openSync(this.#path(location, `/${name}`), OPEN_DIRECTORY);
    const { dev, ino } = this.#statOpened(fd);
    const opened: Anchor = { parent: anchor, tail: longer, dev, ino, fd };
    this.#hold(opened);
    return { anchor: opened, tail: '', components: 0, isAscii: true };
  }

  /** Says that nothing below a location is wanted any more. `parent` is where it was entered from. */
  leave(location: Location, parent: Location): void {
    const anchor = location.anchor;
    if (!anchor || anchor === parent.anchor || anchor.fd < 0) return;
    this.#open = this.#open.filter((held) => held !== anchor);
    this.#close(anchor);
  }

  /** Closes everything that is held open. */
  close(): void {
    for (const anchor of this.#open) this.#close(anchor);
    this.#open = [];
  }

  #path(location: Location, rest: string): FsPath {
    const { anchor, tail } = location;
    const path = anchor ? `/proc/self/fd/${this.#ensureOpen(anchor)}${tail}${rest}` : tail + rest;
    return location.isAscii && ASCII.test(rest) ? path : Buffer.from(path, 'latin1');
  }

  #ensureOpen(anchor: Anchor): number {
    if (anchor.fd >= 0) return anchor.fd;
    const closed: Anchor[] = [];
    for (let at: Anchor | undefined = anchor; at && at.fd < 0; at = at.parent) closed.push(at);
    for (const next of closed.reverse()) {
      const base = next.parent ? `/proc/self/fd/${next.parent.fd}` : '';
      const fd = this.#fs.openSync(Buffer.from(base + next.tail, 'latin1'), OPEN_DIRECTORY);
      const { dev, ino } = this.#statOpened(fd);
      if (dev !== next.dev || ino !== next.ino) {
        this.#fs.closeSync(fd);
        throw systemError(2, 'open', next.tail);
      }
      next.fd = fd;
      this.#hold(next);
    }
    return anchor.fd;
  }

  #statOpened(fd: number): { dev: bigint; ino: bigint } {
    try {
      return this.#fs.fstatSync(fd);
    } catch (error) {
      this.#fs.closeSync(fd);
      throw error;
    }
  }

  #hold(anchor: Anchor): void {
    this.#open.push(anchor);
    if (this.#open.length > MAX_OPEN) this.#close(this.#open.shift()!);
  }

  #close(anchor: Anchor): void {
    const fd = anchor.fd;
    anchor.fd = -1;
    try {
      this.#fs.closeSync(fd);
    } catch {
      // A directory that was only read has nothing to lose at its close.
    }
  }
}

/** Calls `action` with a path that the kernel takes for an absolute path of any length, and returns its result. */
export function withFsPath<T>(path: Raw, fs: FileSystem, action: (path: FsPath) => T): T {
  if (path.length <= CUT_LENGTH) return action(ASCII.test(path) ? path : Buffer.from(path, 'latin1'));
  const paths = new LongPaths(fs);
  try {
    const names = path.split('/').filter((name) => name !== '');
    const last = names.pop() ?? '';
    let location = ROOT_LOCATION;
    for (const name of names) location = paths.enter(location, name);
    return action(paths.pathIn(location, last));
  } finally {
    paths.close();
  }
}
