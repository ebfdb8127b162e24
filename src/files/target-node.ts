/**
 * {@link TargetCalls} with nothing but Node, for machines where the C library cannot be bound. On Linux names are
 * reached through /proc/self/fd, which keeps the safety of directory descriptors; elsewhere by plain paths, which a
 * link put into a parent during the restore can divert. Times keep microseconds; extended attributes, FIFOs and
 * devices cannot be made (ENOTSUP, ENOSYS).
 */
import * as fs from 'node:fs';
import { constants as osConstants } from 'node:os';
import { type Raw, rawToFsPath } from '../base/raw.ts';
import { systemError } from './libc.ts';
import type { TargetCalls } from './target-calls.ts';

const { EINVAL, ELOOP, ENOSYS, ENOTDIR, ENOTSUP } = osConstants.errno;
const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR } = fs.constants;

/** The calls of one thread. */
export class NodeTargetCalls implements TargetCalls {
  readonly timeGrain = 1_000n;
  readonly isNative = false;
  readonly #hasProc: boolean;
  /** Without /proc: the path of every directory opened, by a number of our own (negative: no descriptor is). */
  readonly #paths = new Map<number, Raw>();
  #lastHandle = -1;

  constructor(hasProc = fs.existsSync('/proc/self/fd')) {
    this.#hasProc = hasProc;
  }

  openRoot(path: Raw): number {
    if (this.#hasProc) return fs.openSync(rawToFsPath(path), O_RDONLY | O_DIRECTORY);
    if (!fs.statSync(rawToFsPath(path)).isDirectory()) throw systemError(ENOTDIR, 'open', path);
    return this.#keep(path);
  }

  openDirectory(dir: number, name: Raw): number {
    const path = this.#at(dir, name);
    if (this.#hasProc) return fs.openSync(rawToFsPath(path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    const there = fs.lstatSync(rawToFsPath(path));
    if (!there.isDirectory()) throw systemError(there.isSymbolicLink() ? ELOOP : ENOTDIR, 'open', name);
    return this.#keep(path);
  }

  makeDirectory(dir: number, name: Raw, mode: number): void {
    fs.mkdirSync(rawToFsPath(this.#at(dir, name)), { mode });
  }

  *list(dir: number, path: Raw): Iterable<Raw> {
    const where = this.#hasProc ? `/proc/self/fd/${dir}` : rawToFsPath(path);
    const handle = fs.opendirSync(where as string, { encoding: 'latin1', bufferSize: 256 });
    try {
      for (let entry = handle.readSync(); entry !== null; entry = handle.readSync()) yield entry.name as Raw;
    } finally {
      handle.closeSync();
    }
  }

  createFile(dir: number, name: Raw): number {
    return fs.openSync(rawToFsPath(this.#at(dir, name)), O_RDWR | O_CREAT | O_EXCL | (O_NOFOLLOW ?? 0), 0o600);
  }

  openFile(dir: number, name: Raw): number {
    return fs.openSync(rawToFsPath(this.#at(dir, name)), O_RDONLY | (O_NOFOLLOW ?? 0) | (O_NONBLOCK ?? 0));
  }

  look(dir: number, name: Raw): fs.BigIntStats | undefined {
    return fs.lstatSync(rawToFsPath(this.#at(dir, name)), { bigint: true, throwIfNoEntry: false });
  }

  stat(fd: number): fs.Stats {
    const path = this.#paths.get(fd);
    return path === undefined ? fs.fstatSync(fd) : fs.lstatSync(rawToFsPath(path));
  }

  statExactly(fd: number): fs.BigIntStats {
    const path = this.#paths.get(fd);
    return path === undefined ? fs.fstatSync(fd, { bigint: true }) : fs.lstatSync(rawToFsPath(path), { bigint: true });
  }

  write(fd: number, bytes: Uint8Array, offset: number, length: number, position: number | null): number {
    return fs.writeSync(fd, bytes, offset, length, position);
  }

  truncate(fd: number, size: number): void {
    fs.ftruncateSync(fd, size);
  }

  sync(fd: number): void {
    fs.fsyncSync(fd);
  }

  chown(fd: number, uid: number, gid: number): void {
    const path = this.#paths.get(fd);
    if (path === undefined) fs.fchownSync(fd, uid, gid);
    else fs.lchownSync(rawToFsPath(path), uid, gid);
  }

  chmod(fd: number, mode: number): void {
    const path = this.#paths.get(fd);
    if (path === undefined) fs.fchmodSync(fd, mode);
    else fs.chmodSync(rawToFsPath(path), mode);
  }

  setTimes(fd: number, atime: bigint | undefined, mtime: bigint): void {
    const path = this.#paths.get(fd);
    const times = this.#times(atime, mtime, () => this.statExactly(fd).atimeNs);
    if (path === undefined) fs.futimesSync(fd, ...times);
    else fs.lutimesSync(rawToFsPath(path), ...times);
  }

  setXattr(_fd: number, name: Raw): void {
    throw systemError(ENOTSUP, 'fsetxattr', name);
  }

  close(fd: number): void {
    if (!this.#paths.delete(fd)) fs.closeSync(fd);
  }

  rename(dir: number, from: Raw, to: Raw): void {
    fs.renameSync(rawToFsPath(this.#at(dir, from)), rawToFsPath(this.#at(dir, to)));
  }

  link(fromDir: number, from: Raw, toDir: number, to: Raw): void {
    fs.linkSync(rawToFsPath(this.#at(fromDir, from)), rawToFsPath(this.#at(toDir, to)));
  }

  unlink(dir: number, name: Raw): void {
    fs.unlinkSync(rawToFsPath(this.#at(dir, name)));
  }

  removeDirectory(dir: number, name: Raw): void {
    fs.rmdirSync(rawToFsPath(this.#at(dir, name)));
  }

  symlink(target: Raw, dir: number, name: Raw): void {
    fs.symlinkSync(rawToFsPath(target), rawToFsPath(this.#at(dir, name)));
  }

  makeFifo(_dir: number, name: Raw): void {
    throw systemError(ENOSYS, 'mkfifoat', name);
  }

  makeDevice(_dir: number, name: Raw): void {
    throw systemError(ENOSYS, 'mknodat', name);
  }

  chownAt(dir: number, name: Raw, uid: number, gid: number): void {
    fs.lchownSync(rawToFsPath(this.#at(dir, name)), uid, gid);
  }

  chmodAt(_dir: number, name: Raw): void {
    // Node's chmod follows links, and one may be put there between a look and the call.
    throw systemError(ENOSYS, 'fchmodat', name);
  }

  setTimesAt(dir: number, name: Raw, atime: bigint | undefined, mtime: bigint): void {
    const times = this.#times(atime, mtime, () => this.look(dir, name)?.atimeNs ?? mtime);
    fs.lutimesSync(rawToFsPath(this.#at(dir, name)), ...times);
  }

  setXattrAt(_dir: number, name: Raw): void {
    throw systemError(ENOTSUP, 'lsetxattr', name);
  }

  #keep(path: Raw): number {
    this.#lastHandle -= 1;
    this.#paths.set(this.#lastHandle, path);
    return this.#lastHandle;
  }

  #at(dir: number, name: Raw): Raw {
    if (this.#hasProc) return `/proc/self/fd/${dir}/${name}` as Raw;
    const path = this.#paths.get(dir);
    if (path === undefined) throw systemError(EINVAL, 'open', name);
    return `${path}/${name}` as Raw;
  }

  /** As text, because Node takes a negative number for "now". */
  #times(atime: bigint | undefined, mtime: bigint, current: () => bigint): [string, string] {
    return [seconds(atime ?? current()), seconds(mtime)];
  }
}

/** Decimal seconds, rounded down to a microsecond; half of one is added, because Node truncates a double to it. */
function seconds(nanoseconds: bigint): string {
  const grain = 1_000n;
  const rest = ((nanoseconds % grain) + grain) % grain;
  return String((Number((nanoseconds - rest) / grain) + 0.5) / 1e6);
}
