/**
 * Reading extended attributes (and with them ACLs, capabilities and security labels, which Linux keeps there). Without
 * libc there are none; that callers say once a run. Writing is target.ts's.
 *
 * Names in the result are raw: one byte per code unit. Values are base64.
 */
import { errnoOf } from '../base/errors.ts';
import { type Raw, rawFromBytes } from '../base/raw.ts';
import type { Xattrs } from '../format/entry.ts';
import { type FileSystem, type FsPath, nodeFileSystem } from './fs.ts';
import type { Libc } from './libc.ts';
import { withFsPath } from './long-path.ts';

/** What all attributes of one entry may take; some file systems set no bound. */
const MAX_TOTAL = 4 << 20;

/**
 * Reads the attributes of an open file; undefined when it has none or the file system knows none.
 * @throws errno errors; E2BIG when there is more than an entry can hold.
 */
export function readXattrs(fd: number, libc: Libc): Xattrs | undefined {
  return collect(
    () => libc.flistxattr(fd),
    (name) => libc.fgetxattr(fd, name),
  );
}

/** The same by path (of any length), for what cannot be opened: symlinks (themselves), FIFOs, devices; and directories. */
export function readXattrsOfPath(path: Raw, libc: Libc, fs: FileSystem = nodeFileSystem): Xattrs | undefined {
  return withFsPath(path, fs, (fsPath) => readXattrsAt(fsPath, libc));
}

/** The same by a path that the system takes. */
export function readXattrsAt(fsPath: FsPath, libc: Libc): Xattrs | undefined {
  const raw = typeof fsPath === 'string' ? (fsPath as Raw) : rawFromBytes(fsPath);
  return collect(
    () => libc.llistxattr(raw),
    (name) => libc.lgetxattr(raw, name),
  );
}

function collect(list: () => Raw[], get: (name: Raw) => Buffer): Xattrs | undefined {
  let names: Raw[];
  try {
    names = list();
  } catch (error) {
    if (isUnsupported(error)) return undefined;
    throw error;
  }
  if (names.length === 0) return undefined;
  const xattrs: Record<string, string> = {};
  let total = 0;
  let count = 0;
  for (const name of names.sort()) {
    // A manifest refuses this key; no system gives its own attributes such a name.
    if (name === '__proto__') continue;
    let value: Buffer;
    try {
      value = get(name);
    } catch (error) {
      // Removed since it was listed, or listed to those who may not read it (trusted.*).
      if (errnoOf(error) === 'ENODATA' || isUnsupported(error)) continue;
      throw error;
    }
    total += name.length + value.length;
    if (total > MAX_TOTAL) throw Object.assign(new Error('E2BIG: extended attributes too large'), { code: 'E2BIG' });
    xattrs[name] = value.toString('base64');
    count++;
  }
  return count === 0 ? undefined : xattrs;
}

function isUnsupported(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno === 'ENOTSUP' || errno === 'EOPNOTSUPP' || errno === 'ENOSYS';
}
