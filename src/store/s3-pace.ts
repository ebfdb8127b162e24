/**
 * Pace: how many requests may be in flight at a time. A store that says "slow down" halves that, and every request that
 * works brings a little of it back (additive increase, multiplicative decrease, as TCP does it). Waits in the order of
 * asking; knows nothing of what is sent.
 */
import { cancelled, throwIfAborted } from '../base/errors.ts';

/** The right to have one request in flight. Ends with exactly one of its calls. */
export interface Turn {
  /** The request worked. */
  succeed(): void;
  /** The store asked for fewer requests. */
  throttle(): void;
  /** It failed for a reason that says nothing about the pace. */
  fail(): void;
}

/** Bounds the requests of one store. */
export class Pace {
  readonly #most: number;
  readonly #waiting = new Set<() => void>();
  #allowed: number;
  #running = 0;
  /** Counts the halvings: requests that were under way at one of them say nothing about the pace since. */
  #era = 0;

  /** Starts at `most`, which it never passes. */
  constructor(most: number) {
    this.#most = most;
    this.#allowed = most;
  }

  /** Requests that may be in flight at the moment: at least 1. */
  get allowed(): number {
    return Math.floor(this.#allowed);
  }

  /**
   * Waits for a turn.
   * @throws kind `cancelled` when the signal ends the waiting
   */
  async turn(signal?: AbortSignal): Promise<Turn> {
    throwIfAborted(signal);
    if (this.#waiting.size > 0 || this.#running >= this.allowed) await this.#wait(signal);
    else this.#running++;
    const era = this.#era;
    return {
      succeed: () => {
        if (era === this.#era) this.#allowed = Math.min(this.#most, this.#allowed + 1 / this.#allowed);
        this.#end();
      },
      throttle: () => {
        if (era === this.#era) {
          this.#era++;
          this.#allowed = Math.max(1, this.#allowed / 2);
        }
        this.#end();
      },
      fail: () => this.#end(),
    };
  }

  #wait(signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = (): void => {
      this.#waiting.delete(grant);
      reject(cancelled());
    };
    const grant = (): void => {
      signal?.removeEventListener('abort', onAbort);
      this.#running++;
      resolve();
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#waiting.add(grant);
    return promise;
  }

  #end(): void {
    this.#running--;
    for (const grant of this.#waiting) {
      if (this.#running >= this.allowed) return;
      this.#waiting.delete(grant);
      grant();
    }
  }
}
