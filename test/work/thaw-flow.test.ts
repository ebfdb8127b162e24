import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { HOUR, ThawRoom } from '../support/thaw-room.ts';

vi.mock('node:worker_threads', async (original) => {
  const { withInProcessWorkers } = await import('../support/in-process-workers.ts');
  return withInProcessWorkers(await original());
});

const SLOW = process.env.SLOW !== undefined;
let room: ThawRoom;
afterEach(() => room.close());

function expectSame(target: string, path = ''): void {
  execFileSync('diff', ['-r', room.source + path, target]);
}

const WAYS = [
  ['DEEP_ARCHIVE', 'bulk', 48],
  ['DEEP_ARCHIVE', 'standard', 12],
  ['GLACIER', 'bulk', 12],
  ['GLACIER', 'standard', 5],
  ['GLACIER', 'expedited', 5 / 60],
] as const;

describe.each(SLOW ? WAYS : [WAYS[0], WAYS[4]])('from %s in the tier %s', (storageClass, tier, hours) => {
  test('everything comes back, each pack asked for once', async () => {
    room = await ThawRoom.open(storageClass);
    await room.fill();
    const started = room.server.clock.now();
    const { outcome, problems } = await room.restore(room.target(), { tier, waits: true });
    expect(problems).toEqual([]);
    expect(outcome.type).toBe('restored');
    expect(room.count('RestoreObject')).toBe(outcome.offer.cost!.cold.packs);
    const passed = room.server.clock.now() - started;
    expect(passed).toBeGreaterThanOrEqual(hours * HOUR);
    expect(passed).toBeLessThan(hours * HOUR * 1.1 + 60_000);
    expectSame(room.target());
  });
});

test('a restore that does not wait ends at once, and goes on from the job as often as it is asked to', async () => {
  room = await ThawRoom.open('DEEP_ARCHIVE');
  await room.fill();
  const first = await room.restore(room.target(), { path: '/a' });
  expect(first.outcome).toMatchObject({ type: 'warming', stats: { filesRestored: 0, filesFrozen: 4 } });
  const job = first.outcome.status!.job;
  const asked = room.count('RestoreObject');
  expect(asked).toBe(first.outcome.offer.cost!.cold.packs);

  room.server.clock.advance(20 * HOUR);
  const second = await room.resume(job);
  expect(second.outcome.type).toBe('warming');
  expect(second.outcome.status!.due!.until).toBeGreaterThan(room.server.clock.now());

  room.server.clock.advance(28 * HOUR + 1000);
  const third = await room.resume(job);
  expect(third.outcome).toMatchObject({ type: 'restored', stats: { filesRestored: 4, errors: 0 } });
  expect(room.count('RestoreObject')).toBe(asked);
  expectSame(room.target(), '/a');
  expect(existsSync(join(room.target(), 'b'))).toBe(false);
});

test('the first files are there while others are frozen', async () => {
  room = await ThawRoom.open('DEEP_ARCHIVE', { server: { buckets: ['cold'], restoreLatency: { seed: 3 } } });
  await room.fill();
  const seen: [number, number][] = [];
  const { outcome } = await room.restore(room.target(), {
    waits: true,
    onStatus: ({ warming, filesWaiting }) => seen.push([warming, filesWaiting]),
  });
  expect(outcome.type).toBe('restored');
  const waiting = seen.map(([, files]) => files);
  expect(waiting.some((files) => files > 0 && files < 12)).toBe(true);
  expect(waiting).toEqual(waiting.toSorted((a, b) => b - a));
  expectSame(room.target());
});

test('nothing is asked of an archive when nothing lies in one', async () => {
  room = await ThawRoom.open('STANDARD');
  await room.fill();
  room.file('small', 10);
  const before = room.server.requests.length;
  const { outcome } = await room.restore(room.target());
  expect(outcome.type).toBe('restored');
  const asked = new Set(room.server.requests.slice(before).map(({ operation }) => operation));
  expect([...asked].sort()).toEqual(['GetObject', 'ListObjectsV2']);
  expect(readFileSync(join(room.target(), 'a/0.bin')).length).toBe(10_000);
});
