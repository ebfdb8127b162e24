/**
 * The clock of the test S3 server. Time passes as on the host, or stands still at a given moment; `advance` lets hours
 * and months pass at once, `skewBy` makes the server's clock wrong. Decides nothing but what time it is, and whether a
 * client's idea of it is close enough.
 */

/** How far the date of a signed request may be off, as documented for S3: 15 minutes. */
const MAX_SKEW_MS = 15 * 60_000;

/** A clock that a test moves. All times are milliseconds since 1970. */
export class VirtualClock {
  readonly #start: number | undefined;
  #advancedMs = 0;
  #skewMs = 0;

  /** @param start the moment at which it stands still until it is advanced; without it, it runs with the host's. */
  constructor(start?: number) {
    this.#start = start;
  }

  /** The server's time. */
  now(): number {
    return (this.#start ?? Date.now()) + this.#advancedMs + this.#skewMs;
  }

  /** Lets time pass. */
  advance(ms: number): void {
    if (ms < 0) throw new RangeError('time does not run backwards here: skewBy makes a clock wrong');
    this.#advancedMs += ms;
  }

  /** Makes the clock wrong from now on: ahead of the host's by `ms`, or behind with a negative number. 0 rights it. */
  skewBy(ms: number): void {
    this.#skewMs = ms;
  }

  /** Does something with a clock that is ahead by `ms` more. */
  skewed<T>(ms: number, action: () => T): T {
    this.#skewMs += ms;
    try {
      return action();
    } finally {
      this.#skewMs -= ms;
    }
  }

  /**
   * True when a request dated so would be taken: it is no more than 15 minutes from the server's time, or from one that
   * was the server's before a test let time pass (a client that sets its clock by the answers' dates is not to blame
   * for that), or from the host's, with the skew if any.
   */
  accepts(date: number): boolean {
    const now = this.now();
    const isWithin = (from: number, to: number): boolean => date >= from - MAX_SKEW_MS && date <= to + MAX_SKEW_MS;
    const host = Date.now() + this.#skewMs;
    return isWithin(now - this.#advancedMs, now) || isWithin(host, host);
  }
}
