/** Turns what went wrong with one restored item into a problem that names its path, and tells what ends a restore. */
import { IcecoreError, isIcecoreError, messageOf } from '../base/errors.ts';
import type { Problem } from '../base/monitor.ts';
import { type Raw, rawToDisplay } from '../base/raw.ts';

/** After these going on is of no use: every other item would fail in the same way. */
const FATAL = new Set(['target-full', 'target-read-only']);
/** Kinds of loss that every thread reports once by itself; together they do so once. */
const ONCE = new Set(['owner-not-restored', 'special-bits-dropped', 'xattrs-not-restored', 'xattr-not-restored']);

/** Makes the problem of an item from whatever was thrown; `path` is where the item lies or would. */
export function problemOf(error: unknown, path: Raw): Problem {
  const known = error instanceof IcecoreError ? error : undefined;
  const message = messageOf(error);
  const shown = rawToDisplay(path);
  const object = known?.data.object;
  return {
    severity: 'error',
    code: known?.code ?? 'not-restored',
    message: message.startsWith(shown) ? message : `${shown}: ${message}`,
    path,
    ...(typeof object === 'string' ? { object } : {}),
    ...(known?.hint === undefined ? {} : { hint: known.hint }),
  };
}

/** True when the problem of one item is one of all. */
export function isFatal(problem: Problem): boolean {
  return FATAL.has(problem.code);
}

/** Makes the error that ends the run. */
export function fatalError({ code, message, hint }: Problem): IcecoreError {
  return new IcecoreError('user', code, message, hint === undefined ? {} : { hint });
}

/** What a problem must have in common with an earlier one to be left out; undefined when each is to be told. */
export function onceKey({ severity, code, message }: Problem): string | undefined {
  if (severity !== 'warning' || !ONCE.has(code)) return undefined;
  return `${code} ${/extended attribute (\w+)\./.exec(message)?.[1] ?? ''}`;
}

/** True for problems of the repository, which other places of a chunk may make good. */
export function isDamage(error: unknown): boolean {
  return isIcecoreError(error, 'damage') || isIcecoreError(error, 'store');
}
