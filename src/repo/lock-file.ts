/**
 * A lock between processes of one host: advice that keeps them from getting in each other's way. Nothing that is stored
 * depends on it: without it (a folder that cannot be written, a share) two runs may only disagree about their order.
 */
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf } from '../base/errors.ts';

const WAIT_MS = 25;
/** Commits take well below a second; whoever waits longer than this waits for something broken. */
const PATIENCE_MS = 60_000;

/** Takes the lock at `path`, waiting for its holder; resolves to the function that gives it back. */
export async function lockFile(path: string, signal: AbortSignal): Promise<() => void> {
  const give = () => rmSync(path, { force: true });
  for (let waited = 0; waited < PATIENCE_MS; waited += WAIT_MS) {
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      const fd = openSync(path, 'wx', 0o600);
      writeSync(fd, String(process.pid));
      closeSync(fd);
      return give;
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') return () => {};
    }
    if (isLeft(path)) give();
    else await sleep(WAIT_MS, undefined, { signal });
  }
  return () => {};
}

/** True when the process that took the lock is gone. */
function isLeft(path: string): boolean {
  try {
    const pid = Number(readFileSync(path, 'utf8'));
    // Empty: taken this moment, its number is about to be written.
    if (!Number.isInteger(pid) || pid <= 0) return false;
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return errnoOf(error) === 'ESRCH';
  }
}
