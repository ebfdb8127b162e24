/** What goes otherwise than planned while packs thaw, and what different stores do. */
import { execFileSync } from 'node:child_process';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { isIcecoreError } from '../../src/base/errors.ts';
import { findThawJob } from '../../src/repo/thaw-jobs.ts';
import type { Store } from '../../src/store/store.ts';
import { HookStore } from '../support/hook-store.ts';
import { SleeplessClock } from '../support/s3-room.ts';
import { HOUR, ThawRoom } from '../support/thaw-room.ts';

vi.mock('node:worker_threads', async (original) => {
  const { withInProcessWorkers } = await import('../support/in-process-workers.ts');
  return withInProcessWorkers(await original());
});

const DAY = 24 * HOUR;
let room: ThawRoom;
afterEach(() => room.close());

function expectSame(target: string): void {
  execFileSync('diff', ['-r', room.source, target]);
}

function withCode(code: string): unknown {
  return expect.toSatisfy((error: unknown) => isIcecoreError(error) && error.code === code);
}

/** A store that does something before it is asked for a pack; the rest of what a bucket has shows through. */
function beforePacks(store: Store, act: (name: string) => void | Promise<void>): Store {
  const hooked = new HookStore(store, {
    before: (operation, name) => (operation === 'get' && name.startsWith('packs/') ? act(name) : undefined),
  });
  return Object.assign(hooked, { bucket: store.bucket, thaw: store.thaw });
}

test('two hosts that work on one job at the same time ask for each pack once, and both get the files', async () => {
  room = await ThawRoom.open('DEEP_ARCHIVE');
  await room.fill();
  room.server.faults.add({ fault: { type: 'error', code: 'AccessDenied' }, operations: ['RestoreObject'] });
  const begun = room.restore(room.target());
  await expect(begun).rejects.toThrow();
  room.server.faults.clear();
  // Announced and never asked for, by a host that is gone: believed for two minutes, and then not.
  const job = await room.repo.use(async (repo) => (await findThawJob(repo, await onlyJob())).id);
  const early = await room.resume(job, { as: 'other', target: room.target('second') });
  expect([early.outcome.type, room.count('RestoreObject')]).toEqual(['warming', 0]);
  room.server.clock.advance(3 * 60_000);
  const both = await Promise.all([room.resume(job), room.resume(job, { as: 'other', target: room.target('second') })]);
  expect(both.map(({ outcome }) => outcome.type)).toEqual(['warming', 'warming']);
  expect(room.count('RestoreObject')).toBe(3);
  room.server.clock.advance(2 * DAY);
  const done = await Promise.all([room.resume(job), room.resume(job, { as: 'other', target: room.target('second') })]);
  expect(done.map(({ outcome }) => outcome.type)).toEqual(['restored', 'restored']);
  expectSame(room.target());
  expectSame(room.target('second'));

  async function onlyJob(): Promise<string> {
    for await (const { name } of room.store.list('thaw/')) return name.split('/')[1]!;
    throw new Error('there is no job');
  }
});

test('a pack that freezes while it is read is asked for again, and its files come later', async () => {
  room = await ThawRoom.open('DEEP_ARCHIVE');
  await room.fill();
  let reads = 0;
  const store = beforePacks(room.store, () => {
    if (++reads === 2) room.server.clock.advance(30 * DAY);
  });
  const { outcome, problems } = await room.restore(room.target(), { on: store, waits: true, days: 1 });
  expect([outcome.type, problems]).toEqual(['restored', []]);
  expect(room.count('RestoreObject')).toBeGreaterThan(3);
  expectSame(room.target());
});

test('what comes and goes without being read is given up in the end, by name', async () => {
  room = await ThawRoom.open('DEEP_ARCHIVE');
  await room.fill(['a']);
  const { outcome } = await room.restore(room.target(), { days: 1 });
  for (let i = 0; i < 2; i++) {
    room.server.clock.advance(30 * DAY);
    expect((await room.resume(outcome.status!.job)).outcome.type).toBe('warming');
  }
  room.server.clock.advance(30 * DAY);
  await expect(room.resume(outcome.status!.job)).rejects.toThrow(withCode('packs-not-asked-for') as Error);
  expect(room.count('RestoreObject')).toBe(3);
});

test('the limit of a job holds for packs that have to be asked for again', async () => {
  room = await ThawRoom.open('DEEP_ARCHIVE');
  await room.fill(['a']);
  const plan = await room.restore(room.target(), { planOnly: true });
  const total = plan.outcome.offer.cost!.way!.money.total as number;
  const { outcome } = await room.restore(room.target(), { maxCost: total * 1.2 + 0.00001 });
  expect(outcome.type).toBe('warming');
  room.server.clock.advance(30 * DAY);
  await expect(room.resume(outcome.status!.job)).rejects.toThrow(withCode('cost-limit') as Error);
  expect(room.count('RestoreObject')).toBe(1);
});

test('where there is no capacity for expedited, standard is asked for', async () => {
  room = await ThawRoom.open('GLACIER', { server: { buckets: ['cold'], hasExpeditedCapacity: false } });
  await room.fill();
  const started = room.server.clock.now();
  const { outcome } = await room.restore(room.target(), { tier: 'expedited', waits: true });
  expect(outcome.type).toBe('restored');
  expect(room.server.clock.now() - started).toBeGreaterThan(4 * HOUR);
  expectSame(room.target());
});

test('a faster tier makes packs that are warming come sooner', async () => {
  room = await ThawRoom.open('GLACIER');
  await room.fill();
  const { outcome } = await room.restore(room.target(), { tier: 'bulk' });
  const resumed = await room.resume(outcome.status!.job, { tier: 'expedited' });
  expect(resumed.outcome.status!.due!.until - room.server.clock.now()).toBeLessThan(HOUR);
  room.server.clock.advance(HOUR);
  expect((await room.resume(outcome.status!.job)).outcome.type).toBe('restored');
  expectSame(room.target());
});

test('requests that are throttled are sent again', async () => {
  const clock = new SleeplessClock();
  room = await ThawRoom.open('DEEP_ARCHIVE', { store: { clock } });
  await room.fill();
  room.server.faults.add({
    fault: { type: 'error', code: 'SlowDown' },
    operations: ['RestoreObject', 'HeadObject'],
    rate: 0.5,
  });
  const { outcome } = await room.restore(room.target(), { waits: true });
  expect(outcome.type).toBe('restored');
  expect(clock.sleeps.length).toBeGreaterThan(0);
  expectSame(room.target());
});

test('packs that a rule of the bucket has archived are found when they are read, priced, and thawed', async () => {
  room = await ThawRoom.open('STANDARD');
  await room.fill();
  const keys = room.server
    .bucket('cold')
    .keys()
    .filter((key) => key.includes('/packs/'));
  for (const [i, key] of keys.entries()) {
    if (i > 0) room.server.bucket('cold').get(key)!.storageClass = i === 1 ? 'GLACIER' : 'DEEP_ARCHIVE';
  }
  const { outcome, offers, problems } = await room.restore(room.target(), { waits: true });
  expect([outcome.type, problems]).toEqual(['restored', []]);
  expect(offers.at(-1)!.cost!.byClass.map(({ storageClass, cold }) => [storageClass, cold.packs])).toEqual([
    ['DEEP_ARCHIVE', 1],
    ['GLACIER', 1],
  ]);
  expect(outcome.stats.filesRestored).toBe(12);
  expectSame(room.target());
});

test('a second process of the same host does not work on a job that is being worked on', async () => {
  room = await ThawRoom.open('DEEP_ARCHIVE');
  await room.fill(['a']);
  const { outcome } = await room.restore(room.target());
  const job = outcome.status!.job;
  room.server.clock.advance(2 * DAY);
  let second: Promise<unknown> | undefined;
  const store = beforePacks(room.store, async () => {
    second ??= room.resume(job).catch((error: unknown) => error);
    await second;
  });
  expect((await room.resume(job, { on: store })).outcome.type).toBe('restored');
  expect(await second).toEqual(withCode('warming'));
  expect((await room.resume(job)).outcome.stats.filesRestored).toBe(0);
});

test('packs that INTELLIGENT_TIERING has archived are looked at one by one, and thawed for good', async () => {
  room = await ThawRoom.open('INTELLIGENT_TIERING');
  await room.fill();
  const bucket = room.server.bucket('cold');
  const keys = bucket.keys().filter((name) => name.includes('/packs/'));
  expect((await room.restore(room.target('first'))).outcome.type).toBe('restored');
  bucket.get(keys[1]!)!.archiveTier = 'ARCHIVE_ACCESS';
  bucket.get(keys[2]!)!.archiveTier = 'DEEP_ARCHIVE_ACCESS';
  const { outcome, problems } = await room.restore(room.target('later'), { waits: true });
  expect([outcome.type, problems]).toEqual(['restored', []]);
  expect(outcome.offer.cost!.cold.packs).toBe(2);
  expect(room.count('RestoreObject')).toBe(2);
  expectSame(room.target('later'));
});

test('a dump thaws nothing: it names what is archived, and goes on with what is not', async () => {
  room = await ThawRoom.open('STANDARD');
  await room.fill();
  const [key] = room.server
    .bucket('cold')
    .keys()
    .filter((name) => name.includes('/packs/'));
  room.server.bucket('cold').get(key!)!.storageClass = 'GLACIER';
  const dump = (path: string) => room.dump(path);
  const { stats, problems } = await dump('');
  expect([stats.errors, new Set(problems.map(({ code }) => code))]).toEqual([4, new Set(['object-cold'])]);
  expect(problems.every(({ object }) => object === key!.slice('nas/'.length))).toBe(true);
  await expect(dump('/a/0.bin')).rejects.toThrow(withCode('object-cold') as Error);
  expect((await dump('/b/0.bin')).stats.bytes).toBe(10_000);
  expect(room.server.requests.some(({ operation }) => operation === 'RestoreObject')).toBe(false);
});

describe('a store', () => {
  test('whose listings do not tell is looked at object by object', async () => {
    room = await ThawRoom.open('DEEP_ARCHIVE', {
      server: { buckets: ['cold'], quirks: { listsRestoreStatus: false, restore: 'days' } },
      store: { provider: 'ovh' },
    });
    await room.fill();
    const { outcome } = await room.restore(room.target(), { waits: true });
    expect(outcome.type).toBe('restored');
    expect(room.count('RestoreObject')).toBe(3);
    expectSame(room.target());
  });

  test('that cannot thaw through S3 is given the keys by a command of the user', async () => {
    room = await ThawRoom.open('DEEP_ARCHIVE', { store: { provider: 'generic' } });
    await room.fill();
    const refused = room.restore(room.target());
    // Without a command nobody knows that these packs are archived until they are read.
    expect((await refused).problems[0]!.code).toBe('object-cold');
    const orders: (readonly string[])[] = [];
    const { outcome, problems } = await room.restore(room.target(), {
      waits: true,
      command: async ({ keys }) => {
        orders.push(keys);
        for (const key of keys) room.server.bucket('cold').get(key)!.storageClass = 'STANDARD';
      },
    });
    expect([outcome.type, problems]).toEqual(['restored', []]);
    expect(orders.map((keys) => keys.length)).toEqual([3]);
    expectSame(room.target());
  });
});
