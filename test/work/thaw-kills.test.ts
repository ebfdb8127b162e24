/** Restores from an archive that are killed at every operation of the store: the next run goes on, and asks for no pack twice. */
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { KillableStore, Killed, type KillPoint } from '../support/faulty-store.ts';
import { HOUR, ThawRoom } from '../support/thaw-room.ts';

vi.mock('node:worker_threads', async (original) => {
  const { withInProcessWorkers } = await import('../support/in-process-workers.ts');
  return withInProcessWorkers(await original());
});

const SLOW = process.env.SLOW !== undefined;
const POINTS = 8;
let room: ThawRoom;

beforeAll(async () => {
  // Each look takes a time of its own to become true, so that there are passes in which some packs are warm.
  room = await ThawRoom.open('DEEP_ARCHIVE', { server: { buckets: ['cold'], restoreLatency: { seed: 5 } } });
  await room.fill();
});
afterAll(() => room.close());

/** Fewer looks than a real restore would make: they are all alike. */
const sleep = (ms: number): Promise<void> => room.sleep(ms * 8);

/** Kills a restore, goes on with it on the sound store, and looks at what was asked for. */
async function killAt(point: KillPoint, name: string): Promise<void> {
  room.server.clock.advance(30 * 24 * HOUR);
  const before = room.server.requests.length;
  const store = new KillableStore(room.store, point);
  await expect(room.restore(room.target(name), { on: store, waits: true, sleep })).rejects.toThrow(Killed);
  const { outcome, problems } = await room.restore(room.target(name), { waits: true, sleep });
  expect([outcome.type, problems]).toEqual(['restored', []]);
  execFileSync('diff', ['-r', room.source, room.target(name)]);
  const asked = room.server.requests.slice(before).filter(({ operation }) => operation === 'RestoreObject');
  expect(asked.map(({ key }) => key).sort()).toEqual([...new Set(asked.map(({ key }) => key))].sort());
  expect(asked.length).toBe(3);
}

test('a restore that was killed anywhere goes on, and asks for each pack once', { timeout: 600_000 }, async () => {
  const counting = new KillableStore(room.store);
  await room.restore(room.target('first'), { on: counting, waits: true, sleep });
  const last = counting.operations;
  expect(last).toBeGreaterThan(20);
  const step = SLOW ? 1 : Math.ceil(last / POINTS);
  for (let operation = 1 + (SLOW ? 0 : Date.now() % step); operation <= last - 2; operation += step) {
    for (const when of SLOW
      ? (['before', 'amid', 'after'] as const)
      : (['before', 'after'] as const).slice(operation % 2, (operation % 2) + 1)) {
      await killAt({ operation, when }, `${operation}-${when}`).catch((error: unknown) => {
        throw new Error(`killed ${when} operation ${operation}`, { cause: error });
      });
    }
  }
});
