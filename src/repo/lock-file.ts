/**
 * A lock between processes of one host: advice that keeps them from getting in each other's way. Nothing that is stored
 * depends on it: without it (a folder that cannot be written, a share) two runs may only disagree about their order. So
 * it must never fail a run, and what a dead process has left of it must not hold up the next one.
 */
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf, throwIfAborted } from '../base/errors.ts';
import { isProcessAlive } from '../base/process-alive.ts';

const WAIT_MS = 25;
/** Commits take well below a second; whoever waits longer than this waits for something broken. */
const PATIENCE_MS = 60_000;
/** A lock is empty between two system calls; one that stays empty is left by a process that died there. */
const EMPTY_MS = 500;

/**
 * Takes the lock at `path`, waiting for its holder; resolves to the function that gives it back.
 * @throws `cancelled`
 */
export async function lockFile(path: string, signal: AbortSignal): Promise<() => void> {
  // In containers every run may have the same number: the moment of its start tells them apart.
  const mark = `${process.pid} ${performance.timeOrigin}`;
  let emptyFor = 0;
  for (let waited = 0; waited < PATIENCE_MS; waited += WAIT_MS) {
    throwIfAborted(signal);
    const taken = take(path, mark);
    if (taken === 'done') return () => remove(path, mark);
    if (taken === 'impossible') return () => {};
    const holder = read(path);
    emptyFor = holder === '' ? emptyFor + WAIT_MS : 0;
    if (emptyFor > EMPTY_MS || isLeft(holder, mark)) remove(path, holder);
    else await sleep(WAIT_MS, undefined, { signal }).catch(() => throwIfAborted(signal));
  }
  // The next run shall not wait for it as well.
  remove(path, read(path));
  return () => {};
}

/**
 * Takes the lock at `path` without waiting.
 * @returns the function that gives it back; undefined while a living process has it
 */
export function tryLockFile(path: string): (() => void) | undefined {
  const mark = `${process.pid} ${performance.timeOrigin}`;
  for (let i = 0; i < 2; i++) {
    const taken = take(path, mark);
    if (taken === 'done') return () => remove(path, mark);
    if (taken === 'impossible') return () => {};
    const holder = read(path);
    if (holder !== '' && !isLeft(holder, mark)) return undefined;
    remove(path, holder);
  }
  return undefined;
}

function take(path: string, mark: string): 'done' | 'held' | 'impossible' {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  } catch {
    return 'impossible';
  }
  let fd: number;
  try {
    fd = openSync(path, 'wx', 0o600);
  } catch (error) {
    return errnoOf(error) === 'EEXIST' ? 'held' : 'impossible';
  }
  try {
    writeSync(fd, mark);
    return 'done';
  } catch {
    // A full disk, say. What it leaves is removed, or found to be left by the next one.
    remove(path, read(path));
    return 'impossible';
  } finally {
    closeQuietly(fd);
  }
}

function closeQuietly(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // What was written counts.
  }
}

/** Removes the lock while it has this content: after a long wait it may be another's by now. */
function remove(path: string, content: string | undefined): void {
  try {
    if (content !== undefined && read(path) === content) rmSync(path, { force: true });
  } catch {
    // The next one finds that it was left.
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** True when the process that took the lock is gone. */
function isLeft(holder: string | undefined, mark: string): boolean {
  const pid = Number(holder?.split(' ')[0]);
  if (!Number.isInteger(pid) || pid <= 0) return false;
  if (pid === process.pid) return holder !== mark;
  return !isProcessAlive(pid);
}
