/**
 * The system calls that writing a target takes, as one interface: names relative to a directory's descriptor, never
 * followed where they are links. target-libc.ts has them from the C library, target-node.ts does without it. Nothing
 * is decided here. This seam is also where tests make the nth call fail.
 *
 * Every method throws an Error with a `code` (`ENOSPC`, …) on failure. One instance belongs to one thread; the
 * descriptors belong to the process and may be used from all threads.
 */
import type { BigIntStats, Stats } from 'node:fs';
import type { Raw } from '../base/raw.ts';

/** What a target needs of the operating system. */
export interface TargetCalls {
  /** Times are set and read to this many nanoseconds: 1, or 1,000 without the C library. */
  readonly timeGrain: bigint;
  /** Whether extended attributes, FIFOs and devices can be made at all. */
  readonly isNative: boolean;
  /** Opens a directory by a path of the user's own, links followed. */
  openRoot(path: Raw): number;
  /** Opens a directory in a directory. ELOOP or ENOTDIR where it is a link or no directory. */
  openDirectory(dir: number, name: Raw): number;
  makeDirectory(dir: number, name: Raw, mode: number): void;
  /** The names in an open directory, in no order; `path` is where it was opened, for systems that list by path. */
  list(dir: number, path: Raw): Iterable<Raw>;
  /** Creates a file for writing and reading, mode 0600. EEXIST where the name is taken, by anything. */
  createFile(dir: number, name: Raw): number;
  /** Opens what is there for reading, without waiting for a FIFO. ELOOP where it is a link. */
  openFile(dir: number, name: Raw): number;
  /** lstat of a name; undefined where there is nothing. */
  look(dir: number, name: Raw): BigIntStats | undefined;
  /** fstat of a descriptor. */
  stat(fd: number): Stats;
  statExactly(fd: number): BigIntStats;
  /** Writes some of the bytes, at `position` or, when it is null, at the descriptor's. @returns how many. */
  write(fd: number, bytes: Uint8Array, offset: number, length: number, position: number | null): number;
  truncate(fd: number, size: number): void;
  sync(fd: number): void;
  chown(fd: number, uid: number, gid: number): void;
  chmod(fd: number, mode: number): void;
  /** Sets times in nanoseconds since 1970, negative before; an access time of undefined stays. */
  setTimes(fd: number, atime: bigint | undefined, mtime: bigint): void;
  setXattr(fd: number, name: Raw, value: Uint8Array): void;
  close(fd: number): void;
  rename(dir: number, from: Raw, to: Raw): void;
  link(fromDir: number, from: Raw, toDir: number, to: Raw): void;
  unlink(dir: number, name: Raw): void;
  /** Removes an empty directory. */
  removeDirectory(dir: number, name: Raw): void;
  symlink(target: Raw, dir: number, name: Raw): void;
  makeFifo(dir: number, name: Raw): void;
  makeDevice(dir: number, name: Raw, type: 'block' | 'char', major: number, minor: number): void;
  chownAt(dir: number, name: Raw, uid: number, gid: number): void;
  chmodAt(dir: number, name: Raw, mode: number): void;
  setTimesAt(dir: number, name: Raw, atime: bigint | undefined, mtime: bigint): void;
  setXattrAt(dir: number, name: Raw, xattr: Raw, value: Uint8Array): void;
}
