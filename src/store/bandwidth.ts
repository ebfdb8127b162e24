/**
 * Limits on how fast bytes go to a store and come from it. Owns the reckoning and the waiting; who sends asks before
 * each piece. One limit is shared by all that is in flight.
 */
import { setTimeout as sleepFor } from 'node:timers/promises';
import { cancelled, throwIfAborted } from '../base/errors.ts';

/** The limits of one store; an absent one is none. */
export interface Bandwidth {
  readonly upload?: RateLimit;
  readonly download?: RateLimit;
}

/** Time as a limit needs it; tests bring their own. */
export interface RateClock {
  /** Milliseconds that never go back. */
  monotonic(): number;
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

/** Pieces that somebody sends should not be larger: a limit then shapes a smooth stream and not bursts. */
export const PACED_BYTES = 64 * 1024;

/** After a pause, this much may go at once: a quarter of a second's worth hides the grain of timers. */
const BURST_MS = 250;

/** The largest piece of a stream that shares a limit with others, and the smallest. */
const STREAM_PIECE = { most: 16 * 1024, least: 256 } as const;

const realClock: RateClock = {
  monotonic: () => performance.now(),
  sleep: async (milliseconds, signal) => {
    try {
      await sleepFor(milliseconds, undefined, signal ? { signal } : {});
    } catch {
      throw cancelled();
    }
  },
};

/**
 * At most so many bytes a second, on average over any stretch longer than a quarter of a second. Each taker is given the
 * moment at which its bytes have their turn, in the order of asking (a virtual-clock form of the token bucket).
 */
export class RateLimit {
  /**
   * What each of many streams that share the limit should send at a time: a quarter of a second's worth, so that a dozen
   * of them all send something every few seconds. A server hangs up on a stream that is silent for some 20 of them.
   */
  readonly streamPieceBytes: number;
  readonly #bytesPerMs: number;
  readonly #clock: RateClock;
  /** When all that has been taken so far will have gone, at this rate. */
  #busyUntil = Number.NEGATIVE_INFINITY;

  constructor(bytesPerSecond: number, clock: RateClock = realClock) {
    this.#bytesPerMs = bytesPerSecond / 1000;
    this.streamPieceBytes = Math.max(STREAM_PIECE.least, Math.min(STREAM_PIECE.most, Math.floor(bytesPerSecond / 4)));
    this.#clock = clock;
  }

  /**
   * Waits until `bytes` may go.
   * @throws kind `cancelled` when the signal ends the waiting; the turn is then lost to nobody else's harm.
   */
  async take(bytes: number, signal?: AbortSignal): Promise<void> {
    throwIfAborted(signal);
    const now = this.#clock.monotonic();
    this.#busyUntil = Math.max(this.#busyUntil, now - BURST_MS) + bytes / this.#bytesPerMs;
    const wait = this.#busyUntil - now;
    if (wait > 0) await this.#clock.sleep(wait, signal);
  }
}
