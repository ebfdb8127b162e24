/**
 * How the walk looks at the names of a directory: relative to the directory, held open, where the C library can be
 * called (half the time), else by paths through the FileSystem. What it finds is the same.
 */
import { constants } from 'node:fs';
import type { Raw } from '../base/raw.ts';
import type { FileSystem } from './fs.ts';
import type { NameLookup } from './libc.ts';
import type { Location, LongPaths } from './long-path.ts';
import type { FileStat } from './stat.ts';

const ASCII = /^[\x00-\x7f]*$/;

/** Looks at names, one directory at a time. */
export class DirectoryLook {
  readonly #fs: FileSystem;
  readonly #paths: LongPaths;
  readonly #libc: NameLookup | undefined;
  #fd: number | undefined;
  #prefix = '';
  #isAscii = true;

  constructor(fs: FileSystem, paths: LongPaths, libc: NameLookup | undefined) {
    this.#fs = fs;
    this.#paths = paths;
    this.#libc = libc && isTrusted(libc, fs) ? libc : undefined;
  }

  /** Goes to a directory. @throws what opening a directory on the way throws */
  open(location: Location): void {
    this.close();
    this.#prefix = this.#paths.prefixOf(location);
    this.#isAscii = location.isAscii;
    if (!this.#libc) return;
    const flags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NONBLOCK | this.#libc.constants.O_PATH;
    try {
      this.#fd = this.#fs.openSync(this.#paths.pathOf(location), flags);
    } catch {
      // By paths, then: that says what is wrong with each name.
    }
  }

  /** The stat of a name itself; undefined when there is none. Throws an Error with an errno `code`. */
  lstat(name: Raw): FileStat | undefined {
    if (this.#libc && this.#fd !== undefined) return this.#libc.lstatat(this.#fd, name);
    const path = this.#prefix + name;
    return this.#fs.lstatSync(this.#isAscii && ASCII.test(name) ? path : Buffer.from(path, 'latin1'));
  }

  /** Lets go of the directory. */
  close(): void {
    if (this.#fd === undefined) return;
    try {
      this.#fs.closeSync(this.#fd);
    } catch {
      // A directory that was only looked at has nothing to lose at its close.
    }
    this.#fd = undefined;
  }
}

/** A kernel without statx, or a sandbox that forbids it, must not look like files that cannot be read. */
function isTrusted(libc: NameLookup, fs: FileSystem): boolean {
  try {
    const [found, expected] = [libc.lstatat(libc.constants.AT_FDCWD, '/' as Raw), fs.statSync('/')];
    return found?.dev === expected.dev && found.ino === expected.ino && found.mode === expected.mode;
  } catch {
    return false;
  }
}
