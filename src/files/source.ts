/**
 * Reading the content of the user's regular files into buffers that the caller owns, and saying honestly what was
 * read: exactly the file, or a file that changed meanwhile. It never follows a link in the last component, never
 * waits on a FIFO, never makes up bytes.
 *
 * The stat of the open descriptor is what counts, not what the walk saw. A file is read up to the size that it had
 * when it was opened: what grows is cut there, what shrinks ends early, and both are flagged.
 */
import { type BigIntStats, constants } from 'node:fs';
import { errnoOf, IcecoreError, messageOf } from '../base/errors.ts';
import type { Problem } from '../base/monitor.ts';
import { type Raw, rawToDisplay } from '../base/raw.ts';
import { changedProblem, fileProblem, replacedProblem } from './file-problems.ts';
import { type FileSystem, nodeFileSystem } from './fs.ts';
import type { Libc } from './libc.ts';
import { withFsPath } from './long-path.ts';
import { type Extents, findExtents, mayBeSparse } from './sparse.ts';

const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
/** A file under a lease (Samba) refuses a non-blocking open until its holder has given it up: wait this often. */
const LEASE_TRIES = 10;
const LEASE_PAUSE_MS = 100;

/** What the walk saw of a file; a BigIntStats is one. */
export interface ExpectedFile {
  readonly dev: bigint;
  readonly ino: bigint;
}

/** What became of a file after it was read. */
export interface SourceOutcome {
  /** The stat when it was opened: the metadata that belongs to the content. */
  readonly stat: BigIntStats;
  /** The content is not one state of the file: `truncated` when it ended early, else `changed`. */
  readonly flaw?: 'changed' | 'truncated';
  /** To be reported, also where there is no flaw (the name leads to another file than the walk saw). */
  readonly problem?: Problem;
}

/**
 * Opens a regular file for reading.
 * @returns a problem to report when it cannot be: gone, not readable, not a regular file any more. Never throws.
 */
export function openSource(
  path: Raw,
  expected: ExpectedFile,
  fs: FileSystem = nodeFileSystem,
): { readonly type: 'open'; readonly source: SourceReader } | { readonly type: 'problem'; readonly problem: Problem } {
  let fd = -1;
  try {
    fd = openPatiently(path, fs);
    const stat = fs.fstatSync(fd);
    if ((Number(stat.mode) & constants.S_IFMT) === constants.S_IFREG) {
      return { type: 'open', source: new SourceReader(fd, path, stat, expected, fs) };
    }
    closeQuietly(fd, fs);
    const problem = replacedProblem(path, 'it is not a regular file any more');
    return { type: 'problem', problem: { ...problem, severity: 'error' } };
  } catch (error) {
    if (fd >= 0) closeQuietly(fd, fs);
    const errno = errnoOf(error);
    if (errno !== 'ELOOP' && errno !== 'ENXIO') return { type: 'problem', problem: fileProblem(error, path, 'open') };
    const problem = replacedProblem(path, 'it is not a regular file any more');
    return { type: 'problem', problem: { ...problem, severity: 'error' } };
  }
}

function openPatiently(path: Raw, fs: FileSystem): number {
  for (let tries = 1; ; tries++) {
    try {
      return withFsPath(path, fs, (fsPath) => fs.openSync(fsPath, OPEN_FLAGS));
    } catch (error) {
      if (errnoOf(error) !== 'EAGAIN' || tries === LEASE_TRIES) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LEASE_PAUSE_MS);
    }
  }
}

/** One open file. Every way out must close it ({@link finish} does). */
export class SourceReader {
  readonly path: Raw;
  readonly fd: number;
  /** When it was opened. */
  readonly stat: BigIntStats;
  /** Bytes when it was opened: nothing is read past them. */
  readonly size: number;
  readonly #fs: FileSystem;
  readonly #wasReplaced: boolean;
  #isOpen = true;
  #endedAt: number | undefined;

  constructor(fd: number, path: Raw, stat: BigIntStats, expected: ExpectedFile, fs: FileSystem) {
    this.fd = fd;
    this.path = path;
    this.stat = stat;
    this.size = Number(stat.size);
    this.#fs = fs;
    this.#wasReplaced = stat.ino !== expected.ino || stat.dev !== expected.dev;
  }

  /**
   * Reads `length` bytes at `position` (less only at the end of the file) into `target` at `offset`.
   * @returns how many bytes were read.
   * @throws IcecoreError `unreadable` with `data.offset`, for fileProblem; what was read before it is not to be stored
   * as if it were the file.
   */
  read(target: Uint8Array, offset: number, length: number, position: number): number {
    const wanted = Math.min(length, this.size - position);
    let done = 0;
    try {
      while (done < wanted) {
        const count = this.#fs.readSync(this.fd, target, offset + done, wanted - done, position + done);
        if (count === 0) {
          this.#endedAt = Math.min(this.#endedAt ?? this.size, position + done);
          break;
        }
        done += count;
      }
    } catch (cause) {
      const at = position + done;
      throw new IcecoreError('user', 'unreadable', `cannot read ${rawToDisplay(this.path)}: ${messageOf(cause)}`, {
        data: { offset: at, errno: errnoOf(cause) },
        cause,
      });
    }
    return done;
  }

  /** Where the data is, when holes are worth keeping; see findExtents. */
  extents(libc: Libc | undefined): Extents | undefined {
    return libc && mayBeSparse(this.stat) ? findExtents(this.fd, this.size, libc) : undefined;
  }

  /** Looks whether the file is still what was read, and closes it. Call it after the last read. Never throws. */
  finish(): SourceOutcome {
    const { stat, path } = this;
    let after: BigIntStats | undefined;
    let problem: Problem | undefined;
    try {
      after = this.#fs.fstatSync(this.fd);
    } catch (error) {
      problem = fileProblem(error, path, 'examine');
    }
    this.close();
    if (this.#endedAt !== undefined) {
      const what = `it ended at byte ${this.#endedAt} of ${this.size}`;
      return { stat, flaw: 'truncated', problem: changedProblem(path, what) };
    }
    // Unknown is not unchanged.
    if (!after) return { stat, flaw: 'changed', ...(problem ? { problem } : {}) };
    if (after.size !== stat.size) {
      const what = `its size went from ${stat.size} to ${after.size} bytes`;
      return { stat, flaw: 'changed', problem: changedProblem(path, what) };
    }
    if (after.mtimeNs !== stat.mtimeNs) {
      return { stat, flaw: 'changed', problem: changedProblem(path, 'its time of modification did') };
    }
    if (!this.#wasReplaced) return { stat };
    return { stat, problem: replacedProblem(path, 'the new file of this name was stored') };
  }

  /** Closes it without a look. May be called twice. Never throws. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    closeQuietly(this.fd, this.#fs);
  }
}

function closeQuietly(fd: number, fs: FileSystem): void {
  try {
    fs.closeSync(fd);
  } catch {
    // A file that was only read has nothing to lose at its close.
  }
}
