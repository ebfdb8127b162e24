/**
 * Temporary items that a killed restore has left in the target: how they are told from those of a live one, and their
 * removal.
 *
 * The rule: an item is removed when its name has the form of a temporary one, it is no directory, it belongs to this
 * user (root: to anybody, since root gives files away before it renames them), it has not changed since this run
 * began, this run did not make it, and no process with the id in its name is alive, but for this very process:
 * containers give every run the same id. A concurrent run on another machine or in another container that has not
 * touched its file since this one began is the one case where the rule errs; that run then reports one file.
 */
import { errnoOf } from '../base/errors.ts';
import type { Raw } from '../base/raw.ts';
import type { TargetCalls } from './target-calls.ts';
import { digits, type TargetRun } from './target-names.ts';

const TEMP_NAME = /^\.ic-([0-9a-v]{5})([0-9a-v]{2})[0-9a-v]{3}$/;
/** Kernels stamp files with a clock that lags by up to a tick; files changed this close to the start count as ours. */
const CLOCK_LAG_MS = 100;

/** What is known of an item that bears a temporary name. */
export interface LeftoverFacts {
  readonly isDirectory: boolean;
  /** It belongs to this user, or this user is root. */
  readonly isOwn: boolean;
  /** Its last change (ctime), in milliseconds since 1970. */
  readonly changed: number;
}

/** True for a name of the form of a temporary one, whoever made it. */
export function isTempName(name: Raw): boolean {
  return name.length === 14 && TEMP_NAME.test(name);
}

/** Decides by the rule above. Pure. */
export function isLeftover(
  name: Raw,
  facts: LeftoverFacts,
  run: TargetRun,
  isAlive: (pid: number) => boolean,
): boolean {
  const match = TEMP_NAME.exec(name);
  if (!match || facts.isDirectory || !facts.isOwn || facts.changed >= run.started - CLOCK_LAG_MS) return false;
  const pid = Number.parseInt(match[1]!, 32);
  if (pid === run.pid) return match[2] !== digits(run.token, 2);
  return !isAlive(pid);
}

/**
 * Removes leftovers from an open directory; `path` is where it lies. What cannot be read or removed stays: tidying is
 * no reason to fail what goes into the directory.
 * @returns how many were removed.
 */
export function removeLeftovers(calls: TargetCalls, dir: number, path: Raw, run: TargetRun): number {
  const uid = process.geteuid?.() ?? 0;
  let removed = 0;
  try {
    for (const name of calls.list(dir, path)) {
      const there = isTempName(name) ? calls.look(dir, name) : undefined;
      if (!there) continue;
      const facts = {
        isDirectory: there.isDirectory(),
        isOwn: uid === 0 || Number(there.uid) === uid,
        changed: Number(there.ctimeMs),
      };
      if (!isLeftover(name, facts, run, isAlive)) continue;
      calls.unlink(dir, name);
      removed += 1;
    }
  } catch {
    // As said above.
  }
  return removed;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // EPERM: there is one, of somebody else's.
    return errnoOf(error) !== 'ESRCH';
  }
}
