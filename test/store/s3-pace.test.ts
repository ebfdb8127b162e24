/** How fast the S3 store asks, and how often again: pace, pauses and budgets by themselves. */
import { describe, expect, it } from 'vitest';
import { Pace, type Turn } from '../../src/store/s3-pace.ts';
import { RetryBudget, retryAfterMs } from '../../src/store/s3-retry.ts';
import { seededRandom } from '../support/random.ts';

describe('the pace', () => {
  it('lets through what it may, in the order of asking', async () => {
    const pace = new Pace(3);
    const order: number[] = [];
    const turns: Turn[] = [];
    const waiting = Array.from({ length: 8 }, async (_, i) => {
      const turn = await pace.turn();
      order.push(i);
      turns.push(turn);
    });
    for (let done = 0; done < 8; done++) {
      await new Promise((resolve) => setImmediate(resolve));
      expect(turns.length - done).toBe(Math.min(3, 8 - done));
      turns[done]!.succeed();
    }
    await Promise.all(waiting);
    expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('halves when the store asks for less, once for all requests under way, and never below one', async () => {
    const pace = new Pace(16);
    const turns = await Promise.all(Array.from({ length: 16 }, () => pace.turn()));
    for (const turn of turns) turn.throttle();
    expect(pace.allowed).toBe(8);
    for (let i = 0; i < 10; i++) (await pace.turn()).throttle();
    expect(pace.allowed).toBe(1);
  });

  it('comes back slowly, and never passes where it began', async () => {
    const pace = new Pace(8);
    for (let i = 0; i < 3; i++) (await pace.turn()).throttle();
    expect(pace.allowed).toBe(1);
    let steps = 0;
    for (; pace.allowed < 8; steps++) (await pace.turn()).succeed();
    expect(steps).toBeGreaterThan(20);
    for (let i = 0; i < 100; i++) (await pace.turn()).succeed();
    expect(pace.allowed).toBe(8);
  });

  it('is not changed by failures of other kinds, or by answers to requests from before it was lowered', async () => {
    const pace = new Pace(4);
    const old = await pace.turn();
    (await pace.turn()).throttle();
    old.succeed();
    expect(pace.allowed).toBe(2);
    (await pace.turn()).fail();
    expect(pace.allowed).toBe(2);
  });

  it('forgets who stops waiting', async () => {
    const pace = new Pace(1);
    const first = await pace.turn();
    const controller = new AbortController();
    const second = pace.turn(controller.signal);
    const third = pace.turn();
    controller.abort();
    await expect(second).rejects.toMatchObject({ kind: 'cancelled' });
    first.succeed();
    (await third).succeed();
    await expect(pace.turn(controller.signal)).rejects.toMatchObject({ kind: 'cancelled' });
  });
});

describe('the budget of a request', () => {
  const answered = { hasEverAnswered: true };

  it('bounds pauses, their sum and the number of attempts, whatever the dice say', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const budget = new RetryBudget(60_000, seededRandom(seed));
      let sum = 0;
      let attempts = 1;
      for (let pause = budget.next('server-error', 10, answered); pause; attempts++) {
        expect(pause.delayMs, `seed ${seed}`).toBeLessThanOrEqual(20_000);
        sum += pause.delayMs;
        pause = budget.next('server-error', 10, answered);
      }
      expect(sum, `seed ${seed}`).toBeLessThanOrEqual(60_001);
      expect(attempts, `seed ${seed}`).toBeLessThanOrEqual(100);
      expect(attempts, `seed ${seed}`).toBeGreaterThan(3);
    }
  });

  it('ends at a number of attempts where failures come at once', () => {
    const budget = new RetryBudget(1e9, () => 0);
    let attempts = 1;
    while (budget.next('unreachable', 0, answered)) attempts++;
    expect(attempts).toBe(100);
  });

  it('does not count what the first attempt took, but what later ones take', () => {
    const budget = new RetryBudget(1000, () => 0);
    expect(budget.next('unreachable', 3_600_000, answered)).toBeDefined();
    expect(budget.next('unreachable', 900, answered)).toBeDefined();
    expect(budget.next('unreachable', 200, answered)).toBeUndefined();
  });

  it('is short for a store that has never answered', () => {
    const budget = new RetryBudget(300_000, () => 0.5);
    let sum = 0;
    for (;;) {
      const pause = budget.next('unreachable', 0, { hasEverAnswered: false });
      if (!pause) break;
      sum += pause.delayMs;
    }
    expect(sum).toBeLessThanOrEqual(20_000);
  });

  it('keeps to what the store asks for, unless that is more than there is', () => {
    const budget = new RetryBudget(30_000, () => 0.1);
    expect(budget.next('throttled', 0, { ...answered, retryAfterMs: 5000 })).toEqual({
      delayMs: 5000,
      reason: 'throttled',
    });
    expect(budget.next('throttled', 0, { ...answered, retryAfterMs: 26_000 })).toBeUndefined();
  });

  it('has a second attempt for what was set right meanwhile, also where nothing is waited for', () => {
    for (const fault of ['elsewhere', 'expired', 'skew'] as const) {
      const budget = new RetryBudget(0, () => 0.5);
      expect(budget.next(fault, 10, answered), fault).toMatchObject({ delayMs: 0 });
      let attempts = 1;
      while (budget.next(fault, 10, answered)) attempts++;
      expect(attempts, fault).toBeLessThan(10);
    }
    expect(new RetryBudget(0).next('server-error', 10, answered)).toBeUndefined();
  });

  it('is nothing for what is final', () => {
    expect(new RetryBudget(30_000).next('final', 0, answered)).toBeUndefined();
  });
});

it('Retry-After is read as seconds and as a date, by the clock of the store', () => {
  const now = Date.parse('2026-05-05T10:00:00Z');
  const date = 'Tue, 05 May 2026 12:00:00 GMT';
  expect(retryAfterMs({ 'retry-after': '120' }, now)).toBe(120_000);
  expect(retryAfterMs({ 'retry-after': 'Tue, 05 May 2026 12:00:30 GMT', date }, now)).toBe(30_000);
  expect(retryAfterMs({ 'retry-after': 'Tue, 05 May 2026 10:00:30 GMT' }, now)).toBe(30_000);
  expect(retryAfterMs({ 'retry-after': 'Tue, 05 May 2026 09:00:00 GMT' }, now)).toBe(0);
  for (const text of ['soon', '-1', '']) expect(retryAfterMs({ 'retry-after': text }, now)).toBeUndefined();
  expect(retryAfterMs({}, now)).toBeUndefined();
});
