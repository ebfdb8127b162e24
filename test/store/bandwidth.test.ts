import { expect, it } from 'vitest';
import { RateLimit } from '../../src/store/bandwidth.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { PacedStore } from '../../src/store/paced.ts';
import { seededBytes } from '../support/random.ts';

/** A clock that sleeps in no time and remembers how long. */
function virtualClock() {
  let now = 0;
  return {
    monotonic: () => now,
    sleep: async (milliseconds: number, signal?: AbortSignal) => {
      signal?.throwIfAborted();
      now += milliseconds;
    },
    advance: (milliseconds: number) => {
      now += milliseconds;
    },
  };
}

it('a limit is kept on average, whatever the sizes of the pieces', async () => {
  for (const piece of [1, 1000, 65_536, 1_000_000]) {
    const clock = virtualClock();
    const limit = new RateLimit(100_000, clock);
    let sent = 0;
    for (; sent < 1_000_000; sent += piece) await limit.take(piece);
    // A quarter of a second may go at once at the start.
    expect(clock.monotonic()).toBeGreaterThanOrEqual(sent / 100 - 251);
    expect(clock.monotonic()).toBeLessThanOrEqual(sent / 100 + 1);
  }
});

it('time that was not used is not saved up', async () => {
  const clock = virtualClock();
  const limit = new RateLimit(1000, clock);
  await limit.take(1000);
  clock.advance(3_600_000);
  const before = clock.monotonic();
  await limit.take(10_000);
  expect(clock.monotonic() - before).toBeCloseTo(9750, 0);
});

it('takers that wait at once share one limit', async () => {
  const waits: number[] = [];
  const limit = new RateLimit(1_000_000, {
    monotonic: () => 0,
    sleep: async (milliseconds) => {
      waits.push(milliseconds);
    },
  });
  await Promise.all(Array.from({ length: 10 }, () => limit.take(50_000)));
  expect(waits).toEqual([50, 100, 150, 200, 250]);
});

it('many streams under a small limit all send something every few seconds', async () => {
  for (const rate of [1024, 10_000, 100_000, 1e9]) {
    let longest = 0;
    const limit = new RateLimit(rate, {
      monotonic: () => 0,
      sleep: async (milliseconds) => {
        longest = Math.max(longest, milliseconds);
      },
    });
    await Promise.all(Array.from({ length: 16 }, () => limit.take(limit.streamPieceBytes)));
    expect(longest, `${rate} bytes a second`).toBeLessThan(5000);
    expect(limit.streamPieceBytes).toBeLessThanOrEqual(16 * 1024);
  }
});

it('an interrupt ends the waiting', async () => {
  const limit = new RateLimit(1);
  await expect(limit.take(1_000_000, AbortSignal.timeout(20))).rejects.toMatchObject({ kind: 'cancelled' });
});

it('a paced store stores and reads the same bytes, at the limits', async () => {
  const clock = virtualClock();
  const bandwidth = { upload: new RateLimit(100_000, clock), download: new RateLimit(400_000, clock) };
  const store = new PacedStore(new MemoryStore(), bandwidth);
  const bytes = seededBytes(400_000, 1);
  expect(await store.put('a/b', bytes, { ifAbsent: true })).toMatchObject({ outcome: 'stored', size: 400_000 });
  expect(clock.monotonic()).toBeCloseTo(3750, 0);
  expect(Buffer.from((await store.get('a/b'))!).equals(bytes)).toBe(true);
  expect(clock.monotonic()).toBeCloseTo(4500, 0);
});
