/**
 * Files that say of their own directory what to leave out: ignore files, CACHEDIR.TAG, marker files. They belong to
 * whoever owns the directory, so they are read with suspicion: regular files only, links not followed, bounded size,
 * and a bad line is a warning.
 */
import { constants } from 'node:fs';
import type { Problem } from '../base/monitor.ts';
import { joinRaw, type Raw } from '../base/raw.ts';
import { type ExcludeRule, parseRules, sourceName } from './exclude-rules.ts';
import { fileProblem, isVanished } from './file-problems.ts';
import type { FileSystem, FsPath } from './fs.ts';

/** The name of the tag that caches carry, and what it must begin with (bford.info/cachedir). */
export const CACHE_TAG = 'CACHEDIR.TAG' as Raw;
const CACHE_SIGNATURE = 'Signature: 8a477f597d28d172789f06886806bc55';

const MAX_IGNORE_FILE = 1 << 20;

/** Reads at most `limit` bytes of a regular file; undefined when it is something else, or gone. @throws errno errors. */
export function readHead(fs: FileSystem, path: FsPath, limit: number): Buffer | undefined {
  let fd: number;
  try {
    fd = fs.openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (isVanished(error) || (error as NodeJS.ErrnoException).code === 'ELOOP') return undefined;
    throw error;
  }
  try {
    const stat = fs.fstatSync(fd);
    if ((Number(stat.mode) & constants.S_IFMT) !== constants.S_IFREG) return undefined;
    const buffer = Buffer.alloc(Math.min(limit, Number(stat.size)));
    let length = 0;
    while (length < buffer.length) {
      const read = fs.readSync(fd, buffer, length, buffer.length - length, length);
      if (read === 0) break;
      length += read;
    }
    return buffer.subarray(0, length);
  } finally {
    fs.closeSync(fd);
  }
}

/** True when the file is a cache's tag. @throws errno errors. */
export function isCacheTag(fs: FileSystem, path: FsPath): boolean {
  return readHead(fs, path, CACHE_SIGNATURE.length)?.toString('latin1') === CACHE_SIGNATURE;
}

/**
 * Reads the rules of an ignore file in a directory. What cannot be read or understood is reported and has no effect:
 * then more is backed up, not less.
 */
export function readIgnoreFile(
  fs: FileSystem,
  directory: Raw,
  name: Raw,
  path: FsPath,
  onProblem: (problem: Problem) => void,
): readonly ExcludeRule[] {
  const fullPath = joinRaw(directory, name);
  let bytes: Buffer | undefined;
  try {
    bytes = readHead(fs, path, MAX_IGNORE_FILE + 1);
  } catch (error) {
    onProblem({ ...fileProblem(error, fullPath, 'read'), severity: 'warning', code: 'ignore-file-unreadable' });
    return [];
  }
  if (!bytes) return [];
  if (bytes.length > MAX_IGNORE_FILE) {
    const message = 'it is longer than 1 MiB and is not used as an ignore file';
    onProblem({ severity: 'warning', code: 'ignore-file-too-long', message, path: fullPath });
    return [];
  }
  const { rules, bad } = parseRules(bytes, sourceName(fullPath));
  for (const { line, text, message } of bad) {
    onProblem({
      severity: 'warning',
      code: 'bad-ignore-rule',
      message: `line ${line}: ${JSON.stringify(text)} is not a pattern: ${message}`,
      path: fullPath,
    });
  }
  return rules;
}
