/**
 * When to ask again, and when to give up: the budget of one request that went wrong. Owns the figures (how often, how
 * long, how far apart); sends nothing, and sleeps nowhere.
 */
import type { Fault } from './s3-faults.ts';
import type { WaitReason } from './s3-options.ts';

/** A request is tried again for this long after it first failed. */
export const RETRY_FOR_MS = 300_000;
/** A store that has never answered anything is more likely misspelt than down. */
const FIRST_CONTACT_MS = 20_000;
/** Whatever the time: a bound on what a store that fails at once costs. */
const MOST_ATTEMPTS = 100;
/** The longest pause between two attempts, unless the store asks for more. */
const LONGEST_PAUSE_MS = 20_000;

interface Patience {
  /** Attempts at most. */
  readonly attempts: number;
  /** The first pause is random below this, each later one below twice as much. */
  readonly pauseMs: number;
  readonly reason: WaitReason;
  /** Not time helps but what was set right since: a run that is to wait for nothing asks again all the same. */
  readonly isMended?: boolean;
}

const PATIENCE: Readonly<Record<Exclude<Fault, 'final'>, Patience>> = {
  throttled: { attempts: MOST_ATTEMPTS, pauseMs: 500, reason: 'throttled' },
  'server-error': { attempts: MOST_ATTEMPTS, pauseMs: 200, reason: 'server-error' },
  unreachable: { attempts: MOST_ATTEMPTS, pauseMs: 200, reason: 'unreachable' },
  credentials: { attempts: MOST_ATTEMPTS, pauseMs: 1000, reason: 'unreachable' },
  conflict: { attempts: MOST_ATTEMPTS, pauseMs: 200, reason: 'server-error' },
  corrupted: { attempts: 4, pauseMs: 200, reason: 'server-error' },
  foreign: { attempts: 4, pauseMs: 500, reason: 'server-error' },
  // One answer from a host with a wrong clock misleads all requests that are signed just then.
  skew: { attempts: 8, pauseMs: 50, reason: 'server-error', isMended: true },
  expired: { attempts: 4, pauseMs: 0, reason: 'server-error', isMended: true },
  elsewhere: { attempts: 4, pauseMs: 0, reason: 'server-error', isMended: true },
};

/** The next attempt: after how long, and what to call the reason. */
export interface Pause {
  readonly delayMs: number;
  readonly reason: WaitReason;
}

/** Keeps the account of one request. */
export class RetryBudget {
  readonly #retryForMs: number;
  readonly #random: () => number;
  readonly #counts = new Map<Fault, number>();
  #attempts = 0;
  #spentMs = 0;

  constructor(retryForMs: number, random: () => number = Math.random) {
    this.#retryForMs = retryForMs;
    this.#random = random;
  }

  /** Attempts that failed. */
  get attempts(): number {
    return this.#attempts;
  }

  /** Time since the first failure, without the waiting for a turn, in milliseconds. */
  get spentMs(): number {
    return this.#spentMs;
  }

  /**
   * Records a failed attempt that took `tookMs`. `retryAfterMs` is the store's own wish.
   * @returns undefined when the request has failed for good
   */
  next(fault: Fault, tookMs: number, facts: { retryAfterMs?: number; hasEverAnswered: boolean }): Pause | undefined {
    // What the first attempt took does not count: a slow upload must not use up the time for its repetition.
    if (this.#attempts++ > 0) this.#spentMs += tookMs;
    if (fault === 'final') return undefined;
    const { attempts, pauseMs, reason, isMended = false } = PATIENCE[fault];
    const count = (this.#counts.get(fault) ?? 0) + 1;
    this.#counts.set(fault, count);
    if (count >= attempts || this.#attempts >= MOST_ATTEMPTS) return undefined;
    const isNew = !facts.hasEverAnswered && reason === 'unreachable';
    const leftMs = (isNew ? Math.min(FIRST_CONTACT_MS, this.#retryForMs) : this.#retryForMs) - this.#spentMs;
    // Full jitter: clients that failed together do not come back together.
    const jitterMs = this.#random() * Math.min(LONGEST_PAUSE_MS, pauseMs * 2 ** (count - 1));
    const wishMs = isMended ? 0 : (facts.retryAfterMs ?? 0);
    const delayMs = Math.round(Math.max(Math.min(jitterMs, leftMs), wishMs));
    if (!isMended && (leftMs <= 0 || delayMs > Math.ceil(leftMs))) return undefined;
    this.#spentMs += delayMs;
    return { delayMs, reason };
  }
}

/** Reads a Retry-After header, seconds or a date, against the store's own Date where there is one; in milliseconds. */
export function retryAfterMs(headers: Readonly<Record<string, string>>, now: number): number | undefined {
  const text = headers['retry-after'];
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text.trim())) return Number(text) * 1000;
  // Date.parse takes numbers for years.
  const time = /^[A-Za-z]{3,9},? /.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) return undefined;
  const from = Date.parse(headers.date ?? '');
  return Math.max(0, time - (Number.isNaN(from) ? now : from));
}
