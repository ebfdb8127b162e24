/**
 * What `backup` reads besides its arguments: lists of paths, standard input, and the output of a command. Owns turning
 * them into paths and streams; nothing of a repository.
 */
import { spawn } from 'node:child_process';
import { lstatSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { PassThrough } from 'node:stream';
import { errnoOf, IcecoreError } from '../base/errors.ts';
import { type Raw, rawFromBytes, rawToDisplay, rawToFsPath } from '../base/raw.ts';
import type { Io } from './io.ts';
import { resolveRaw } from './paths.ts';

/** A stream to be stored as one file. `finished` rejects when its producer failed: then there must be no snapshot. */
export interface Producer {
  readonly content: AsyncIterable<Uint8Array>;
  finished(): Promise<void>;
}

/**
 * Reads paths from a file, or standard input for `-`: one a line, or each ended by a NUL byte. Every byte counts; there
 * are no comments and no patterns. Empty lines are skipped.
 * @throws kind `user`, `files-from`
 */
export async function readPathList(file: string, separator: '\n' | '\0', io: Io): Promise<Raw[]> {
  let bytes: Buffer;
  try {
    bytes = file === '-' ? await readAll(io.stdin()) : await readFile(file);
  } catch (error) {
    const what = file === '-' ? 'standard input' : file;
    throw new IcecoreError(
      'user',
      'files-from',
      `cannot read the list of paths from ${what}: ${messageOfErrno(error)}`,
      {
        cause: error,
      },
    );
  }
  return rawFromBytes(bytes)
    .split(separator)
    .filter((path) => path !== '')
    .map((path) => resolveRaw(io.cwd(), path as Raw));
}

/**
 * Checks that something is there to be backed up under each path.
 * @throws kind `user`: `no-such-file`, `unreadable`
 */
export function checkSources(paths: readonly Raw[]): void {
  for (const path of paths) {
    try {
      lstatSync(rawToFsPath(path));
    } catch (error) {
      const code = errnoOf(error) === 'ENOENT' ? 'no-such-file' : 'unreadable';
      throw new IcecoreError('user', code, `cannot back up ${rawToDisplay(path)}: ${messageOfErrno(error)}`, {
        cause: error,
        data: { path: rawToDisplay(path) },
      });
    }
  }
}

/** Standard input as a stream to be stored. */
export function standardInput(io: Io): Producer {
  return { content: io.stdin(), finished: async () => {} };
}

/** Starts a command whose output is to be stored. It is ended when the run is interrupted. */
export function startCommand(command: readonly string[], io: Io): Producer {
  const [program, ...args] = command;
  const child = spawn(program!, args, { stdio: ['inherit', 'pipe', 'inherit'] });
  const stop = () => child.kill('SIGTERM');
  io.signal.addEventListener('abort', stop, { once: true });
  const failed = (why: string, cause?: unknown) =>
    new IcecoreError('user', 'producer-failed', `${program} ${why}: no snapshot was made`, { cause });
  const ended = new Promise<void>((resolve, reject) => {
    child.on('error', (error) => reject(failed(`could not be started, ${messageOfErrno(error)}`, error)));
    child.on('close', (status, signal) => {
      io.signal.removeEventListener('abort', stop);
      if (status === 0) resolve();
      else reject(failed(signal === null ? `ended with status ${status}` : `was ended by ${signal}`));
    });
  });
  // Whoever stores the stream asks for this when the stream has ended; until then a failure must not count as unhandled.
  ended.catch(() => {});
  // Node throws away what a process that has ended left in the pipe, unless somebody reads it already.
  const content = child.stdout.pipe(new PassThrough());
  return { content, finished: () => ended };
}

async function readAll(stream: AsyncIterable<unknown>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(typeof part === 'string' ? Buffer.from(part) : (part as Buffer));
  return Buffer.concat(parts);
}

function messageOfErrno(error: unknown): string {
  switch (errnoOf(error)) {
    case 'ENOENT':
      return 'there is no such file';
    case 'EACCES':
    case 'EPERM':
      return 'permission denied';
    case 'ENOTDIR':
      return 'a part of the path is no directory';
    case 'EISDIR':
      return 'it is a directory';
    default:
      return error instanceof Error ? error.message : String(error);
  }
}
