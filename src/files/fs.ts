/**
 * The few synchronous calls that reading the user's file system takes, as an interface: the program uses node:fs,
 * tests put faults in front of it. Writing is not here (target.ts), nor what Node lacks (libc.ts).
 */
import * as fs from 'node:fs';
import type { Raw } from '../base/raw.ts';

/** A path as node:fs takes it: a string where it is ASCII, else the bytes. */
export type FsPath = string | Buffer;

/** Every method throws an Error with an errno `code`, as node:fs does. */
export interface FileSystem {
  /** The names in a directory, in any order, as raw bytes, without `.` and `..`. */
  readdirSync(path: FsPath): Raw[];
  /** The stat of the name itself; undefined when there is none (ENOENT, ENOTDIR). */
  lstatSync(path: FsPath): fs.BigIntStats | undefined;
  /** The stat of what a path leads to. */
  statSync(path: FsPath): fs.BigIntStats;
  fstatSync(fd: number): fs.BigIntStats;
  openSync(path: FsPath, flags: number): number;
  closeSync(fd: number): void;
  /** Reads at a position. @returns how many bytes came, 0 at the end; fewer than asked for is no error. */
  readSync(fd: number, target: Uint8Array, offset: number, length: number, position: number): number;
  readlinkSync(path: FsPath): Raw;
  /** The path without links, `.` and `..`. */
  realpathSync(path: FsPath): Raw;
  /** The magic number of the file system that a path is on (Linux). */
  statfsTypeSync(path: FsPath): number;
}

const EXACT = { bigint: true, throwIfNoEntry: false } as const;

/** The machine's file system. */
export const nodeFileSystem: FileSystem = {
  readdirSync: (path) => fs.readdirSync(path, 'latin1') as Raw[],
  lstatSync: (path) => fs.lstatSync(path, EXACT),
  statSync: (path) => fs.statSync(path, { bigint: true }),
  fstatSync: (fd) => fs.fstatSync(fd, { bigint: true }),
  openSync: (path, flags) => fs.openSync(path, flags),
  closeSync: (fd) => fs.closeSync(fd),
  readSync: (fd, target, offset, length, position) => fs.readSync(fd, target, offset, length, position),
  readlinkSync: (path) => fs.readlinkSync(path, 'latin1') as Raw,
  realpathSync: (path) => fs.realpathSync.native(path, 'latin1') as Raw,
  statfsTypeSync: (path) => fs.statfsSync(path).type,
};
