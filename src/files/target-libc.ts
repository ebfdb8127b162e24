/**
 * {@link TargetCalls} by the C library. The calls made for every file go straight to the bound functions, with buffers
 * that are used again; the rest goes through {@link Libc}. Owns no descriptor and no policy.
 */
import {
  type BigIntStats,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  opendirSync,
  type Stats,
  writeSync,
} from 'node:fs';
import { constants as osConstants } from 'node:os';
import { type Raw, rawToFsPath } from '../base/raw.ts';
import { makeDevice } from './device-number.ts';
import { Libc, systemError } from './libc.ts';
import type { Bindings } from './libc-bindings.ts';
import type { TargetCalls } from './target-calls.ts';
import { TimePair } from './target-times.ts';

const { EINTR, ENOENT, ENOTSUP } = osConstants.errno;
/** macOS: open the link itself, for its attributes only. Linux has O_PATH. */
const DARWIN_LOOK = 0x200000 | 0x8000;

/** The calls of one thread. */
export class LibcTargetCalls implements TargetCalls {
  readonly timeGrain = 1n;
  readonly isNative = true;
  readonly #bound: Bindings;
  readonly #libc: Libc;
  readonly #name = Buffer.alloc(1024);
  readonly #otherName = Buffer.alloc(1024);
  readonly #times: TimePair;
  readonly #createFlags: number;
  readonly #directoryFlags: number;
  readonly #openFlags: number;
  readonly #lookFlags: number;

  constructor(bindings: Bindings) {
    this.#bound = bindings;
    this.#libc = new Libc(bindings);
    const { O_CLOEXEC, O_PATH, UTIME_OMIT } = this.#libc.constants;
    const shared = O_CLOEXEC | constants.O_NOFOLLOW;
    this.#times = new TimePair(UTIME_OMIT);
    this.#createFlags = shared | constants.O_RDWR | constants.O_CREAT | constants.O_EXCL;
    this.#directoryFlags = shared | constants.O_RDONLY | constants.O_DIRECTORY;
    this.#openFlags = shared | constants.O_RDONLY | constants.O_NONBLOCK;
    this.#lookFlags = O_PATH !== 0 ? shared | O_PATH : O_CLOEXEC | constants.O_NONBLOCK | DARWIN_LOOK;
  }

  openRoot(path: Raw): number {
    const { AT_FDCWD } = this.#libc.constants;
    return this.#libc.openat(AT_FDCWD, path, constants.O_RDONLY | constants.O_DIRECTORY);
  }

  openDirectory(dir: number, name: Raw): number {
    return this.#open(dir, name, this.#directoryFlags);
  }

  makeDirectory(dir: number, name: Raw, mode: number): void {
    this.#fill(this.#name, name, 'mkdirat');
    if (this.#bound.mkdirat(dir, this.#name, mode) !== 0) throw this.#error('mkdirat', name);
  }

  *list(dir: number, path: Raw): Iterable<Raw> {
    // A name that a link put into this listing does no harm: what is done with it goes through the descriptor.
    const where = this.#bound.platform === 'linux' ? `/proc/self/fd/${dir}` : rawToFsPath(path);
    const handle = opendirSync(where as string, { encoding: 'latin1', bufferSize: 256 });
    try {
      for (let entry = handle.readSync(); entry !== null; entry = handle.readSync()) yield entry.name as Raw;
    } finally {
      handle.closeSync();
    }
  }

  createFile(dir: number, name: Raw): number {
    return this.#open(dir, name, this.#createFlags);
  }

  openFile(dir: number, name: Raw): number {
    return this.#open(dir, name, this.#openFlags);
  }

  look(dir: number, name: Raw): BigIntStats | undefined {
    this.#fill(this.#name, name, 'openat');
    const fd = this.#bound.openat(dir, this.#name, this.#lookFlags, 0) as number;
    if (fd < 0) {
      if (this.#bound.errno() === ENOENT) return undefined;
      throw this.#error('openat', name);
    }
    try {
      return fstatSync(fd, { bigint: true });
    } finally {
      closeSync(fd);
    }
  }

  stat(fd: number): Stats {
    return fstatSync(fd);
  }

  statExactly(fd: number): BigIntStats {
    return fstatSync(fd, { bigint: true });
  }

  write(fd: number, bytes: Uint8Array, offset: number, length: number, position: number | null): number {
    return writeSync(fd, bytes, offset, length, position);
  }

  truncate(fd: number, size: number): void {
    ftruncateSync(fd, size);
  }

  sync(fd: number): void {
    fsyncSync(fd);
  }

  chown(fd: number, uid: number, gid: number): void {
    fchownSync(fd, uid, gid);
  }

  chmod(fd: number, mode: number): void {
    fchmodSync(fd, mode);
  }

  setTimes(fd: number, atime: bigint | undefined, mtime: bigint): void {
    this.#times.fill(atime, mtime);
    if (this.#bound.futimens(fd, this.#times.bytes) !== 0) throw this.#error('futimens', undefined);
  }

  setXattr(fd: number, name: Raw, value: Uint8Array): void {
    this.#libc.fsetxattr(fd, name, value);
  }

  close(fd: number): void {
    closeSync(fd);
  }

  rename(dir: number, from: Raw, to: Raw): void {
    this.#fill(this.#name, from, 'renameat');
    this.#fill(this.#otherName, to, 'renameat');
    if (this.#bound.renameat(dir, this.#name, dir, this.#otherName) !== 0) throw this.#error('renameat', to);
  }

  link(fromDir: number, from: Raw, toDir: number, to: Raw): void {
    this.#libc.linkat(fromDir, from, toDir, to);
  }

  unlink(dir: number, name: Raw): void {
    this.#libc.unlinkat(dir, name);
  }

  removeDirectory(dir: number, name: Raw): void {
    this.#libc.unlinkat(dir, name, this.#libc.constants.AT_REMOVEDIR);
  }

  symlink(target: Raw, dir: number, name: Raw): void {
    this.#libc.symlinkat(target, dir, name);
  }

  makeFifo(dir: number, name: Raw): void {
    this.#libc.mkfifoat(dir, name, 0o600);
  }

  makeDevice(dir: number, name: Raw, type: 'block' | 'char', major: number, minor: number): void {
    const bits = type === 'block' ? constants.S_IFBLK : constants.S_IFCHR;
    this.#libc.mknodat(dir, name, bits | 0o600, makeDevice(major, minor, this.#bound.platform));
  }

  chownAt(dir: number, name: Raw, uid: number, gid: number): void {
    this.#libc.fchownat(dir, name, uid, gid);
  }

  chmodAt(dir: number, name: Raw, mode: number): void {
    this.#libc.fchmodat(dir, name, mode, this.#libc.constants.AT_SYMLINK_NOFOLLOW);
  }

  setTimesAt(dir: number, name: Raw, atime: bigint | undefined, mtime: bigint): void {
    this.#libc.utimensat(dir, name, atime, mtime);
  }

  setXattrAt(dir: number, name: Raw, xattr: Raw, value: Uint8Array): void {
    // There is no setxattrat before Linux 6.13, and no way at all elsewhere.
    if (this.#bound.platform !== 'linux') throw systemError(ENOTSUP, 'lsetxattr', name);
    this.#libc.lsetxattr(`/proc/self/fd/${dir}/${name}` as Raw, xattr, value);
  }

  #open(dir: number, name: Raw, flags: number): number {
    this.#fill(this.#name, name, 'openat');
    for (;;) {
      const fd = this.#bound.openat(dir, this.#name, flags, 0o600) as number;
      if (fd >= 0) return fd;
      if (this.#bound.errno() !== EINTR) throw this.#error('openat', name);
    }
  }

  #fill(target: Buffer, name: Raw, syscall: string): void {
    if (name.length >= target.length) throw systemError(osConstants.errno.ENAMETOOLONG, syscall, name);
    // A loop beats Buffer.write for names of the usual length.
    for (let i = 0; i < name.length; i++) target[i] = name.charCodeAt(i);
    target[name.length] = 0;
  }

  #error(syscall: string, name: Raw | undefined): Error {
    return systemError(this.#bound.errno(), syscall, name);
  }
}
