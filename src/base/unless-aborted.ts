/** Not waiting any longer: a promise that a signal can turn away from. What the promise does goes on all the same. */
import { cancelled, throwIfAborted } from './errors.ts';

/**
 * The promise, or `cancelled` as soon as the signal says so. What comes of the promise then is given to `late`, where
 * it must be let go of; that it fails is of no interest any more.
 */
export async function unlessAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
  late?: (value: T) => void | Promise<void>,
): Promise<T> {
  if (signal === undefined) return await promise;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(cancelled());
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    throwIfAborted(signal);
    return await Promise.race([promise, aborted]);
  } catch (error) {
    promise.then(late).catch(() => {});
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
