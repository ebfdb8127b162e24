/**
 * Reading a file that fits the caller's buffer: open, read, look again, close, in one call; and once more when it
 * changed meanwhile, because most files that change are still a moment later.
 */
import type { Problem } from '../base/monitor.ts';
import type { Raw } from '../base/raw.ts';
import type { Xattrs } from '../format/entry.ts';
import { fileProblem } from './file-problems.ts';
import { type FileSystem, nodeFileSystem } from './fs.ts';
import type { Libc } from './libc.ts';
import { type ExpectedFile, openSource, type SourceOutcome } from './source.ts';
import { readXattrs } from './xattrs.ts';

/**
 * `read`: the content is the first `length` bytes of the target from the offset given. `large`: there is no room for
 * it (it has grown), nothing was read, use a SourceReader. `problem`: it could not be read, and nothing is to be stored.
 */
export type SmallRead =
  | ({
      readonly type: 'read';
      readonly length: number;
      readonly xattrs?: Xattrs;
      readonly xattrProblem?: Problem;
    } & SourceOutcome)
  | { readonly type: 'large' }
  | { readonly type: 'problem'; readonly problem: Problem };

/**
 * Reads a whole file into `target` from `offset` on.
 * @param libc reads extended attributes too, where it is given
 */
export function readSmallSource(
  path: Raw,
  expected: ExpectedFile,
  target: Uint8Array,
  offset: number,
  libc?: Libc,
  fs: FileSystem = nodeFileSystem,
): SmallRead {
  const first = readOnce(path, expected, target, offset, libc, fs);
  if (first.type !== 'read' || first.flaw === undefined) return first;
  const second = readOnce(path, expected, target, offset, libc, fs);
  // Gone between the two: the first content is lost with the buffer, so this is what there is to say.
  return second;
}

function readOnce(
  path: Raw,
  expected: ExpectedFile,
  target: Uint8Array,
  offset: number,
  libc: Libc | undefined,
  fs: FileSystem,
): SmallRead {
  const opened = openSource(path, expected, fs);
  if (opened.type === 'problem') return opened;
  const { source } = opened;
  try {
    if (source.size > target.length - offset) return { type: 'large' };
    const length = source.read(target, offset, source.size, 0);
    const attributes = libc ? readAttributes(source.fd, path, libc) : {};
    return { type: 'read', length, ...attributes, ...source.finish() };
  } catch (error) {
    return { type: 'problem', problem: fileProblem(error, path, 'read') };
  } finally {
    source.close();
  }
}

function readAttributes(fd: number, path: Raw, libc: Libc): { xattrs?: Xattrs; xattrProblem?: Problem } {
  try {
    const xattrs = readXattrs(fd, libc);
    return xattrs ? { xattrs } : {};
  } catch (error) {
    return { xattrProblem: xattrProblem(error, path) };
  }
}

/** Describes attributes that could not be read. */
export function xattrProblem(error: unknown, path: Raw): Problem {
  const problem = fileProblem(error, path, 'read');
  return { ...problem, code: 'xattrs-unreadable', message: `extended attributes: ${problem.message}` };
}
