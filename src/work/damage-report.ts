/** Turns damage into a problem of the run, for work that goes on without what is damaged. */
import { type IcecoreError, isIcecoreError } from '../base/errors.ts';
import type { Monitor, Problem } from '../base/monitor.ts';
import type { Raw } from '../base/raw.ts';

/** The problem that an error means for one path, or for none. It names the object where the error does. */
export function damageProblem(error: IcecoreError, path?: Raw): Problem {
  const { object } = error.data;
  return {
    severity: 'error',
    code: error.code,
    message: error.message,
    ...(path === undefined ? {} : { path }),
    ...(typeof object === 'string' ? { object } : {}),
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  };
}

/** A receiver of damage that reports each error once: snapshots share what they are made of. */
export function damageReporter(monitor: Monitor): (error: IcecoreError) => void {
  const seen = new Set<string>();
  return (error) => {
    const cause = isIcecoreError(error.cause) ? error.cause.message : error.message;
    if (seen.has(cause)) return;
    seen.add(cause);
    monitor.problem(damageProblem(error));
  };
}
