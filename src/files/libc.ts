/**
 * The calls of the C library that Node lacks: those relative to a directory's descriptor, extended attributes, times
 * in nanoseconds, holes. Names are raw bytes. It decides nothing: no policy, no retries but for EINTR.
 *
 * A failed call throws an Error like Node's: `code` (`ENOENT`), `errno` (negative), `syscall`, `path`. One instance
 * belongs to one thread (it reuses buffers); load one in each worker.
 */
import { constants as osConstants } from 'node:os';
import { getSystemErrorMap } from 'node:util';
import type { Raw } from '../base/raw.ts';
import { type Bindings, bindLibc, type Call, type LibcConstants, libcConstants } from './libc-bindings.ts';
import { type FileStat, STATX_BASIC_STATS, StatxBuffer } from './stat.ts';

/** Loads the C library. @returns undefined where that cannot be: callers then do with what Node has, and warn once. */
export function loadLibc(): Libc | undefined {
  const bindings = bindLibc();
  return bindings && new Libc(bindings);
}

/** One NUL-terminated name, in a buffer that the next call uses again. */
class NameBuffer {
  #bytes = Buffer.alloc(4352);

  fill(name: string, syscall: string): Buffer {
    if (name.indexOf('\0') !== -1) throw systemError(osConstants.errno.EINVAL, syscall, name);
    if (this.#bytes.length <= name.length) this.#bytes = Buffer.alloc(name.length + 4352);
    this.#bytes.write(name, 0, 'latin1');
    this.#bytes[name.length] = 0;
    return this.#bytes;
  }
}

/** The part of {@link Libc} that a walk needs. */
export type NameLookup = Pick<Libc, 'constants' | 'lstatat'>;

/**
 * The functions. `dir` is a directory's descriptor, or `constants.AT_FDCWD`. Descriptors are plain numbers that
 * node:fs takes too (closeSync, fstatSync, writeSync).
 */
export class Libc {
  readonly constants: LibcConstants;
  readonly #bound: Bindings;
  readonly #first = new NameBuffer();
  readonly #second = new NameBuffer();
  readonly #times = new BigInt64Array(4);
  readonly #statx = new StatxBuffer();
  #value = Buffer.alloc(4096);

  constructor(bindings: Bindings) {
    this.#bound = bindings;
    this.constants = libcConstants(bindings.platform);
  }

  /** Opens a name in a directory; O_CLOEXEC is always added. @returns the descriptor. */
  openat(dir: number, name: Raw, flags: number, mode = 0): number {
    const bytes = this.#first.fill(name, 'openat');
    return this.#run(this.#bound.openat, 'openat', name, dir, bytes, flags | this.constants.O_CLOEXEC, mode);
  }

  /** The stat of a name in a directory, of a symlink itself; undefined when there is none. ENOSYS but on Linux. */
  lstatat(dir: number, name: Raw): FileStat | undefined {
    const call = this.#bound.statx;
    if (!call) throw systemError(osConstants.errno.ENOSYS, 'statx', name);
    const bytes = this.#first.fill(name, 'statx');
    // Not by #run: this is called for every file of a walk.
    while (call(dir, bytes, this.constants.AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, this.#statx.bytes) !== 0) {
      const errno = this.#bound.errno();
      if (errno === osConstants.errno.ENOENT || errno === osConstants.errno.ENOTDIR) return undefined;
      if (errno !== osConstants.errno.EINTR) throw systemError(errno, 'statx', name);
    }
    return this.#statx.read();
  }

  mkdirat(dir: number, name: Raw, mode: number): void {
    this.#run(this.#bound.mkdirat, 'mkdirat', name, dir, this.#first.fill(name, 'mkdirat'), mode);
  }

  renameat(fromDir: number, from: Raw, toDir: number, to: Raw): void {
    const [a, b] = [this.#first.fill(from, 'renameat'), this.#second.fill(to, 'renameat')];
    this.#run(this.#bound.renameat, 'renameat', to, fromDir, a, toDir, b);
  }

  /** Removes a name; `flags` may be `constants.AT_REMOVEDIR`. */
  unlinkat(dir: number, name: Raw, flags = 0): void {
    this.#run(this.#bound.unlinkat, 'unlinkat', name, dir, this.#first.fill(name, 'unlinkat'), flags);
  }

  /** Makes a hard link; a symlink itself is linked, not its target, unless `flags` has AT_SYMLINK_FOLLOW. */
  linkat(fromDir: number, from: Raw, toDir: number, to: Raw, flags = 0): void {
    const [a, b] = [this.#first.fill(from, 'linkat'), this.#second.fill(to, 'linkat')];
    this.#run(this.#bound.linkat, 'linkat', to, fromDir, a, toDir, b, flags);
  }

  symlinkat(target: Raw, dir: number, name: Raw): void {
    const [a, b] = [this.#first.fill(target, 'symlinkat'), this.#second.fill(name, 'symlinkat')];
    this.#run(this.#bound.symlinkat, 'symlinkat', name, a, dir, b);
  }

  readlinkat(dir: number, name: Raw): Raw {
    const bytes = this.#first.fill(name, 'readlinkat');
    for (;;) {
      const length = this.#run(this.#bound.readlinkat, 'readlinkat', name, dir, bytes, this.#value, this.#value.length);
      if (length < this.#value.length) return this.#value.toString('latin1', 0, length) as Raw;
      this.#value = Buffer.alloc(this.#value.length * 4);
    }
  }

  /** Makes a node; `mode` holds the type bits, `device` comes from makeDevice. ENOSYS where the library lacks it. */
  mknodat(dir: number, name: Raw, mode: number, device: bigint): void {
    const call = this.#bound.mknodat;
    if (!call) throw systemError(osConstants.errno.ENOSYS, 'mknodat', name);
    this.#run(call, 'mknodat', name, dir, this.#first.fill(name, 'mknodat'), mode, device);
  }

  mkfifoat(dir: number, name: Raw, mode: number): void {
    const call = this.#bound.mkfifoat;
    if (!call) throw systemError(osConstants.errno.ENOSYS, 'mkfifoat', name);
    this.#run(call, 'mkfifoat', name, dir, this.#first.fill(name, 'mkfifoat'), mode);
  }

  /** Sets the owner of the name itself: a symlink is not followed. */
  fchownat(dir: number, name: Raw, uid: number, gid: number): void {
    const bytes = this.#first.fill(name, 'fchownat');
    this.#run(this.#bound.fchownat, 'fchownat', name, dir, bytes, uid, gid, this.constants.AT_SYMLINK_NOFOLLOW);
  }

  /** Sets the mode; follows a symlink unless `flags` has AT_SYMLINK_NOFOLLOW (then Linux says EOPNOTSUPP for links). */
  fchmodat(dir: number, name: Raw, mode: number, flags = 0): void {
    this.#run(this.#bound.fchmodat, 'fchmodat', name, dir, this.#first.fill(name, 'fchmodat'), mode, flags);
  }

  /** Sets the times of the name itself, in nanoseconds since 1970; undefined leaves a time as it is. */
  utimensat(dir: number, name: Raw, atime: bigint | undefined, mtime: bigint | undefined): void {
    const bytes = this.#first.fill(name, 'utimensat');
    const flags = this.constants.AT_SYMLINK_NOFOLLOW;
    this.#run(this.#bound.utimensat, 'utimensat', name, dir, bytes, this.#fillTimes(atime, mtime), flags);
  }

  /** Sets the times of an open file, in nanoseconds since 1970; undefined leaves a time as it is. */
  futimens(fd: number, atime: bigint | undefined, mtime: bigint | undefined): void {
    this.#run(this.#bound.futimens, 'futimens', undefined, fd, this.#fillTimes(atime, mtime));
  }

  /** The names of a descriptor's extended attributes. */
  flistxattr(fd: number): Raw[] {
    return splitNames(this.#read('flistxattr', undefined, (to, size) => this.#bound.flistxattr(fd, to, size)));
  }

  /** The names of a path's extended attributes; of a symlink itself. */
  llistxattr(path: Raw): Raw[] {
    const bytes = this.#first.fill(path, 'llistxattr');
    return splitNames(this.#read('llistxattr', path, (to, size) => this.#bound.llistxattr(bytes, to, size)));
  }

  /** One attribute's value (a copy). ENODATA when there is no such attribute. */
  fgetxattr(fd: number, name: Raw): Buffer {
    const bytes = this.#second.fill(name, 'fgetxattr');
    return Buffer.from(this.#read('fgetxattr', name, (to, size) => this.#bound.fgetxattr(fd, bytes, to, size)));
  }

  /** One attribute's value (a copy), of a symlink itself. ENODATA when there is no such attribute. */
  lgetxattr(path: Raw, name: Raw): Buffer {
    const [a, b] = [this.#first.fill(path, 'lgetxattr'), this.#second.fill(name, 'lgetxattr')];
    return Buffer.from(this.#read('lgetxattr', path, (to, size) => this.#bound.lgetxattr(a, b, to, size)));
  }

  fsetxattr(fd: number, name: Raw, value: Uint8Array): void {
    const bytes = this.#second.fill(name, 'fsetxattr');
    this.#run(this.#bound.fsetxattr, 'fsetxattr', name, fd, bytes, pointer(value), value.length, 0);
  }

  lsetxattr(path: Raw, name: Raw, value: Uint8Array): void {
    const [a, b] = [this.#first.fill(path, 'lsetxattr'), this.#second.fill(name, 'lsetxattr')];
    this.#run(this.#bound.lsetxattr, 'lsetxattr', path, a, b, pointer(value), value.length, 0);
  }

  lremovexattr(path: Raw, name: Raw): void {
    const [a, b] = [this.#first.fill(path, 'lremovexattr'), this.#second.fill(name, 'lremovexattr')];
    this.#run(this.#bound.lremovexattr, 'lremovexattr', path, a, b);
  }

  /** Moves to the next data at or after `offset`. @returns its offset, or undefined when only hole is left. */
  seekData(fd: number, offset: number): number | undefined {
    return this.#seek(fd, offset, this.constants.SEEK_DATA);
  }

  /** Moves to the next hole at or after `offset` (the end of the file is one). @returns undefined past the end. */
  seekHole(fd: number, offset: number): number | undefined {
    return this.#seek(fd, offset, this.constants.SEEK_HOLE);
  }

  #seek(fd: number, offset: number, whence: number): number | undefined {
    const result = Number(this.#bound.lseek(fd, offset, whence));
    if (result >= 0) return result;
    const errno = this.#bound.errno();
    if (errno === osConstants.errno.ENXIO) return undefined;
    throw systemError(errno, 'lseek');
  }

  #fillTimes(atime: bigint | undefined, mtime: bigint | undefined): BigInt64Array {
    for (const [i, time] of [atime, mtime].entries()) {
      // Seconds are rounded down, so that nanoseconds are positive before 1970 too.
      const nanoseconds = time === undefined ? 0n : ((time % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
      this.#times[2 * i] = time === undefined ? 0n : (time - nanoseconds) / 1_000_000_000n;
      this.#times[2 * i + 1] = time === undefined ? this.constants.UTIME_OMIT : nanoseconds;
    }
    return this.#times;
  }

  /** Calls with the shared buffer, growing it while the answer is that it is too small. The result is a view. */
  #read(syscall: string, path: Raw | undefined, call: (target: Buffer, size: number) => number | bigint): Buffer {
    for (;;) {
      const length = Number(call(this.#value, this.#value.length));
      if (length >= 0) return this.#value.subarray(0, length);
      const errno = this.#bound.errno();
      if (errno === osConstants.errno.EINTR) continue;
      if (errno !== osConstants.errno.ERANGE || this.#value.length > 1 << 24) throw systemError(errno, syscall, path);
      this.#value = Buffer.alloc(this.#value.length * 4);
    }
  }

  #run(call: Call, syscall: string, path: string | undefined, ...values: unknown[]): number {
    for (;;) {
      const result = Number(call(...values));
      if (result >= 0) return result;
      const errno = this.#bound.errno();
      if (errno !== osConstants.errno.EINTR) throw systemError(errno, syscall, path);
    }
  }
}

/** koffi wants a pointer even where the length is 0. */
function pointer(value: Uint8Array): Uint8Array {
  return value.length > 0 ? value : new Uint8Array(1);
}

function splitNames(list: Buffer): Raw[] {
  return list.length === 0 ? [] : (list.toString('latin1', 0, list.length - 1).split('\0') as Raw[]);
}

/** Makes the error of a failed call, as node:fs makes its own. `errno` is positive; `path` is shown as text. */
export function systemError(errno: number, syscall: string, path?: string): NodeJS.ErrnoException {
  const [code, text] = describeErrno(errno);
  const shown = path === undefined ? undefined : Buffer.from(path, 'latin1').toString('utf8');
  const message = `${code}: ${text}, ${syscall}${shown === undefined ? '' : ` '${shown}'`}`;
  return Object.assign(new Error(message), {
    code,
    errno: -errno,
    syscall,
    ...(shown === undefined ? {} : { path: shown }),
  });
}

/** Node makes a new map at every call, and a directory that is not there yet is an error too. */
const SYSTEM_ERRORS = getSystemErrorMap();

function describeErrno(errno: number): readonly [code: string, text: string] {
  // macOS has a number of its own for "no such attribute", which Node does not name.
  if (process.platform === 'darwin' && errno === 93) return ['ENODATA', 'no such attribute'];
  const known = SYSTEM_ERRORS.get(-errno);
  if (known) return known;
  const named = Object.entries(osConstants.errno).find(([, number]) => number === errno);
  return [named?.[0] ?? `E${errno}`, 'system call failed'];
}
