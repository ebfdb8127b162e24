/** Grace: time for what must be brought to an end although the run was interrupted. */
import { cancelled } from '../base/errors.ts';

/** What clearing up may take, in milliseconds. */
export const CLEAR_UP_MS = 5000;

/** A signal that comes a few seconds after the given one. */
export function graceSignal(signal: AbortSignal | undefined): { readonly signal: AbortSignal; end(): void } {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const onAbort = (): void => {
    timer = setTimeout(() => controller.abort(cancelled()), CLEAR_UP_MS);
  };
  if (signal?.aborted) onAbort();
  else signal?.addEventListener('abort', onAbort, { once: true });
  return {
    signal: controller.signal,
    end: () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    },
  };
}
