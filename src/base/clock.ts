/** Time, as a thing that tests can replace. No decision about data may depend on it (docs/protocol.md). */

/** Wall time for display and names; monotonic time for durations. Both in milliseconds. */
export interface Clock {
  now(): number;
  monotonic(): number;
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};
