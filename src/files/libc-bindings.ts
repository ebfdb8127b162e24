/**
 * The raw functions of the C library, bound by koffi, and the constants that differ between Linux and macOS. It knows
 * how to call and nothing of what a call means: names, buffers and errors are libc.ts's. Only 64-bit systems are
 * bound, because the layouts of `timespec`, `off_t` and `dev_t` below are theirs.
 */
import { createRequire } from 'node:module';
import process from 'node:process';
import type { LibraryHandle } from 'koffi';

/** A bound function. Integers are numbers (bigint where they pass 2^53), pointers are buffers or null. */
export type Call = (...values: unknown[]) => number | bigint;

/** Everything bound. An optional function is absent where this C library lacks it. */
export interface Bindings {
  readonly platform: 'linux' | 'darwin';
  errno(): number;
  readonly openat: Call;
  readonly mkdirat: Call;
  readonly renameat: Call;
  readonly unlinkat: Call;
  readonly linkat: Call;
  readonly symlinkat: Call;
  readonly readlinkat: Call;
  readonly mknodat: Call | undefined;
  readonly mkfifoat: Call | undefined;
  readonly fchownat: Call;
  readonly fchmodat: Call;
  readonly utimensat: Call;
  readonly futimens: Call;
  readonly lseek: Call;
  readonly statx: Call | undefined;
  readonly fgetxattr: Call;
  readonly flistxattr: Call;
  readonly fsetxattr: Call;
  readonly lgetxattr: Call;
  readonly llistxattr: Call;
  readonly lsetxattr: Call;
  readonly lremovexattr: Call;
}

/** Constants of <fcntl.h> and <unistd.h> that Node does not export or that differ between the systems. */
export interface LibcConstants {
  /** Stands for the current directory where a directory's descriptor is asked for. */
  readonly AT_FDCWD: number;
  readonly AT_SYMLINK_NOFOLLOW: number;
  readonly AT_REMOVEDIR: number;
  readonly AT_SYMLINK_FOLLOW: number;
  readonly O_CLOEXEC: number;
  /** A descriptor that only names a place; 0 on systems without it (a plain read-only open then). */
  readonly O_PATH: number;
  readonly SEEK_DATA: number;
  readonly SEEK_HOLE: number;
  readonly UTIME_OMIT: bigint;
}

/** The constants of one of the two systems. */
export function libcConstants(platform: 'linux' | 'darwin'): LibcConstants {
  return platform === 'linux'
    ? {
        AT_FDCWD: -100,
        AT_SYMLINK_NOFOLLOW: 0x100,
        AT_REMOVEDIR: 0x200,
        AT_SYMLINK_FOLLOW: 0x400,
        O_CLOEXEC: 0o2000000,
        O_PATH: 0o10000000,
        SEEK_DATA: 3,
        SEEK_HOLE: 4,
        UTIME_OMIT: 0x3ffffffen,
      }
    : {
        AT_FDCWD: -2,
        AT_SYMLINK_NOFOLLOW: 0x20,
        AT_REMOVEDIR: 0x80,
        AT_SYMLINK_FOLLOW: 0x40,
        O_CLOEXEC: 0x1000000,
        O_PATH: 0,
        SEEK_DATA: 4,
        SEEK_HOLE: 3,
        UTIME_OMIT: -2n,
      };
}

/**
 * Binds the C library that this process runs on.
 * @returns undefined where koffi cannot load, on other systems, and on 32-bit ones.
 */
export function bindLibc(): Bindings | undefined {
  const platform = process.platform;
  if (platform !== 'linux' && platform !== 'darwin') return undefined;
  if (!['x64', 'arm64', 'riscv64', 'loong64', 'ppc64', 's390x'].includes(process.arch)) return undefined;
  try {
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
    const library = koffi.load(null);
    const shared = bindShared(library, platform);
    const xattrs = platform === 'linux' ? bindLinuxXattrs(library) : bindDarwinXattrs(library);
    return { platform, errno: () => koffi.errno(), ...shared, ...xattrs };
  } catch {
    return undefined;
  }
}

function bindShared(library: LibraryHandle, platform: 'linux' | 'darwin') {
  const bind = (name: string, result: string, types: string[]): Call => library.func(name, result, types);
  const optional = (name: string, types: string[]): Call | undefined => {
    try {
      return bind(name, 'int', types);
    } catch {
      return undefined;
    }
  };
  return {
    openat: bindOpenat(library, platform),
    mkdirat: bind('mkdirat', 'int', ['int', 'void *', 'uint']),
    renameat: bind('renameat', 'int', ['int', 'void *', 'int', 'void *']),
    unlinkat: bind('unlinkat', 'int', ['int', 'void *', 'int']),
    linkat: bind('linkat', 'int', ['int', 'void *', 'int', 'void *', 'int']),
    symlinkat: bind('symlinkat', 'int', ['void *', 'int', 'void *']),
    readlinkat: bind('readlinkat', 'int64', ['int', 'void *', 'void *', 'size_t']),
    mknodat: optional('mknodat', ['int', 'void *', 'uint', platform === 'linux' ? 'uint64' : 'int']),
    mkfifoat: optional('mkfifoat', ['int', 'void *', 'uint']),
    fchownat: bind('fchownat', 'int', ['int', 'void *', 'uint', 'uint', 'int']),
    fchmodat: bind('fchmodat', 'int', ['int', 'void *', 'uint', 'int']),
    utimensat: bind('utimensat', 'int', ['int', 'void *', 'void *', 'int']),
    futimens: bind('futimens', 'int', ['int', 'void *']),
    lseek: bind('lseek', 'int64', ['int', 'int64', 'int']),
    statx: platform === 'linux' ? optional('statx', ['int', 'void *', 'int', 'uint', 'void *']) : undefined,
  };
}

/** openat is variadic, and on Apple's arm64 variadic arguments travel otherwise than named ones. */
function bindOpenat(library: LibraryHandle, platform: 'linux' | 'darwin'): Call {
  if (platform === 'linux') return library.func('openat', 'int', ['int', 'void *', 'int', 'uint']);
  const variadic = library.func('int openat(int directory, void *name, int flags, ...)');
  return (directory, name, flags, mode) => variadic(directory, name, flags, 'int', mode);
}

function bindLinuxXattrs(library: LibraryHandle) {
  const bind = (name: string, result: string, types: string[]): Call => library.func(name, result, types);
  return {
    fgetxattr: bind('fgetxattr', 'int64', ['int', 'void *', 'void *', 'size_t']),
    flistxattr: bind('flistxattr', 'int64', ['int', 'void *', 'size_t']),
    fsetxattr: bind('fsetxattr', 'int', ['int', 'void *', 'void *', 'size_t', 'int']),
    lgetxattr: bind('lgetxattr', 'int64', ['void *', 'void *', 'void *', 'size_t']),
    llistxattr: bind('llistxattr', 'int64', ['void *', 'void *', 'size_t']),
    lsetxattr: bind('lsetxattr', 'int', ['void *', 'void *', 'void *', 'size_t', 'int']),
    lremovexattr: bind('lremovexattr', 'int', ['void *', 'void *']),
  };
}

/** macOS has a position and options (1: do not follow a link) where Linux has functions of their own. */
function bindDarwinXattrs(library: LibraryHandle) {
  const bind = (name: string, result: string, types: string[]): Call => library.func(name, result, types);
  const fget = bind('fgetxattr', 'int64', ['int', 'void *', 'void *', 'size_t', 'uint32', 'int']);
  const flist = bind('flistxattr', 'int64', ['int', 'void *', 'size_t', 'int']);
  const fset = bind('fsetxattr', 'int', ['int', 'void *', 'void *', 'size_t', 'uint32', 'int']);
  const get = bind('getxattr', 'int64', ['void *', 'void *', 'void *', 'size_t', 'uint32', 'int']);
  const list = bind('listxattr', 'int64', ['void *', 'void *', 'size_t', 'int']);
  const set = bind('setxattr', 'int', ['void *', 'void *', 'void *', 'size_t', 'uint32', 'int']);
  const remove = bind('removexattr', 'int', ['void *', 'void *', 'int']);
  const fgetxattr: Call = (fd, name, value, size) => fget(fd, name, value, size, 0, 0);
  const flistxattr: Call = (fd, names, size) => flist(fd, names, size, 0);
  const fsetxattr: Call = (fd, name, value, size) => fset(fd, name, value, size, 0, 0);
  const lgetxattr: Call = (path, name, value, size) => get(path, name, value, size, 0, 1);
  const llistxattr: Call = (path, names, size) => list(path, names, size, 1);
  const lsetxattr: Call = (path, name, value, size) => set(path, name, value, size, 0, 1);
  const lremovexattr: Call = (path, name) => remove(path, name, 1);
  return { fgetxattr, flistxattr, fsetxattr, lgetxattr, llistxattr, lsetxattr, lremovexattr };
}
