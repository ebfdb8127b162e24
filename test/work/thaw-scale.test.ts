/** What an executed plan is billed, and jobs of many packs. */
import { execFileSync } from 'node:child_process';
import { truncateSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { padNumber, type SessionId } from '../../src/base/ids.ts';
import { rawFromText } from '../../src/base/raw.ts';
import { packName } from '../../src/format/layout.ts';
import { findPrices } from '../../src/plan/find-prices.ts';
import type { PriceList } from '../../src/plan/prices.ts';
import { createThawJob, loadThawJob } from '../../src/repo/thaw-jobs.ts';
import { ThawAsking } from '../../src/work/thaw-asking.ts';
import { StoreThaw } from '../../src/work/thaw-source.ts';
import { VirtualClock } from '../support/s3/clock.ts';
import { Content } from '../support/s3/content.ts';
import { type BillPrices, billOf } from '../support/s3/meter.ts';
import { HOUR, START, ThawRoom } from '../support/thaw-room.ts';

vi.mock('node:worker_threads', async (original) => {
  const { withInProcessWorkers } = await import('../support/in-process-workers.ts');
  return withInProcessWorkers(await original());
});

/** Of the backups that make many packs. */
const WORKERS = 20;
const SLOW = process.env.SLOW !== undefined;
let room: ThawRoom;
afterEach(() => room.close());

/** The prices of AWS, without a free allowance: it would hide the largest part of a small bill. */
const PRICES: PriceList = { ...findPrices('aws', 'us-east-1'), egress: [{ fromGib: 0, perGib: 0.09 }] };

/** The same prices as the meter of the test server takes them; storage of what lies there anyway is free. */
function meterPrices(): BillPrices {
  const standard = PRICES.classes.STANDARD!;
  const requests = {
    '*': standard.getPer1000!,
    PutObject: standard.putPer1000!,
    ListObjectsV2: PRICES.listPer1000!,
    RestoreObject: 0,
  };
  const of = (name: string) => {
    const tiers = PRICES.classes[name]!.tiers!;
    const price = (tier: 'expedited' | 'standard' | 'bulk') => ({
      gib: tiers[tier]?.perGib ?? 0,
      requests: tiers[tier]?.per1000 ?? 0,
    });
    return { Bulk: price('bulk'), Standard: price('standard'), Expedited: price('expedited') };
  };
  return {
    requests: Object.fromEntries(['STANDARD', 'GLACIER', 'DEEP_ARCHIVE'].map((name) => [name, requests])),
    // The meter bills thawed copies by the same table; what lies in STANDARD for good is taken off below.
    storage: { STANDARD: standard.storagePerGib! },
    retrieval: { GLACIER: of('GLACIER'), DEEP_ARCHIVE: of('DEEP_ARCHIVE') },
    egress: { gib: 0.09, freeGib: 0 },
  };
}

/** Class, tier, the hour of the day at which packs are warm, and the hours that this takes. */
const WAYS = [
  ['DEEP_ARCHIVE', 'bulk', 23, 48],
  ['DEEP_ARCHIVE', 'bulk', 0, 48],
  ['DEEP_ARCHIVE', 'standard', 9, 12],
  ['GLACIER', 'bulk', 17, 12],
  ['GLACIER', 'standard', 23, 5],
  ['GLACIER', 'expedited', 4, 1 / 12],
] as const;

test.each(SLOW ? WAYS : WAYS.slice(0, 1))(
  'what a restore from %s in the tier %s that is warm at %d:20 is billed is what the plan said',
  { timeout: 120_000 },
  async (storageClass, tier, ready, hours) => {
    // At no round time: copies are kept up to a midnight, and a plan does not know how far that will be.
    const clock = new VirtualClock(Date.UTC(2026, 10, 2, ready, 20) - hours * HOUR);
    room = await ThawRoom.open(storageClass, { server: { buckets: ['cold'], clock } });
    for (const directory of ['a', 'b'])
      room.file(`${directory}/large`, SLOW ? 100 << 20 : 18 << 20, directory.charCodeAt(0));
    await room.repo.backup([room.source]);
    const { meter } = room.server;
    meter.reset();
    const begun = await room.restore(room.target(), { path: '/b', tier, days: 3, prices: [PRICES] });
    const { way, cold, amplification } = begun.outcome.offer.cost!;
    clock.advance(hours * HOUR);
    const { outcome } = await room.resume(begun.outcome.status!.job, { prices: [PRICES] });
    expect(outcome.type).toBe('restored');
    clock.advance(30 * 24 * HOUR);
    const { storage: _, ...usage } = meter.usage();
    const bill = billOf({ ...usage, storage: [] }, meterPrices());
    const total = way!.money.total as number;
    expect(cold.packs).toBeGreaterThan(0);
    // Ranges are fetched in whole blocks, some of which two ranges share.
    expect(amplification).toBeGreaterThan(0.9);
    if (SLOW) console.log(`billed $${bill.toFixed(6)}, planned $${total.toFixed(6)}`);
    // What reads the repository itself costs the same, however much is restored: hundredths of a cent.
    expect(Math.abs(bill - total)).toBeLessThan(0.02 * total + 0.0002);
    if (SLOW) expect(Math.abs(bill - total) / total).toBeLessThan(0.02);
    // The copies at least are never billed higher than the plan said.
    const copies = (usage.thawedByteSeconds / 86_400 / 30.4 / 2 ** 30) * PRICES.classes.STANDARD!.storagePerGib!;
    expect(copies).toBeLessThanOrEqual(way!.money.temporaryStorage as number);
    expect(copies).toBeGreaterThan((way!.money.temporaryStorage as number) * 0.75);
  },
);

test('a job of many packs is asked for in announced batches, one request a pack', { timeout: 300_000 }, async () => {
  const count = SLOW ? 16_384 : 1200;
  room = await ThawRoom.open('DEEP_ARCHIVE', { store: { concurrency: 32 } });
  await room.fill(['a']);
  const sid = '01JCVEXAMPKE0123456789ABCD' as SessionId;
  const bucket = room.server.bucket('cold');
  const packs = Array.from({ length: count }, (_, i) => ({
    name: packName(sid, i),
    size: 128 << 20,
    storageClass: 'DEEP_ARCHIVE',
  }));
  const content = new Content([Buffer.from(padNumber(1))]);
  for (const { name } of packs) bucket.put(`nas/${name}`, content, { storageClass: 'DEEP_ARCHIVE' });
  await room.repo.use(async (repo) => {
    const stored = await createThawJob(repo, {
      ...{ host: 'host', user: 'user', program: 'test', snapshot: sid, path: rawFromText('/'), target: '/back' },
      ...{ include: [], exclude: [], overwrite: 'if-changed', flags: [], tier: 'bulk', days: 3, packs },
    });
    const source = new StoreThaw(repo.store, repo.store.thaw!, repo.store.bucket!.provider);
    const { signal } = new AbortController();
    const lists = room.count('ListObjectsV2');
    const looks = await source.look(packs, signal);
    expect(room.count('ListObjectsV2') - lists).toBe(Math.ceil(count / 1000));
    const options = { host: 'host', tier: 'bulk' as const, prices: PRICES };
    const begun = performance.now();
    const asking = new ThawAsking(repo, source, stored, options, looks, room.server.clock.now());
    const { actions } = await asking.ask(packs, signal);
    if (SLOW) console.log(`${count} packs asked for in ${((performance.now() - begun) / 1000).toFixed(1)} s`);
    expect(actions.request).toEqual([]);
    expect(room.count('RestoreObject')).toBe(count);
    const again = await loadThawJob(repo, stored.id);
    expect([again.events.length, again.asked.size]).toEqual([Math.ceil(count / 1000), count]);
  });
});

test('a restore of many packs, half of them warm hours before the rest, asks for each once', {
  timeout: 600_000,
}, async () => {
  const seed = 11;
  room = await ThawRoom.open('DEEP_ARCHIVE', {
    server: { buckets: ['cold'], clock: new VirtualClock(START), restoreLatency: { seed } },
    store: { concurrency: 32 },
    init: { chunkBytes: 1 << 16 },
  });
  const backups = SLOW ? 100 : 3;
  await fillPacks(backups);
  const { requests } = room.server;
  const from = requests.length;
  const begun = await room.restore(room.target(), { tier: 'bulk' });
  const { job, packs } = begun.outcome.status!;

  // The server takes 24 to 48 hours for each.
  room.server.clock.advance(36 * HOUR);
  const { outcome: half } = await room.resume(job);
  expect(half).toMatchObject({ type: 'warming', stats: { errors: 0 } });
  const { readable, warming, filesWaiting } = half.status!;
  expect(readable + warming).toBe(packs);
  expect(Math.abs(readable / packs - 0.5), `seed ${seed}`).toBeLessThan(SLOW ? 0.1 : 0.25);
  expect(
    [half.stats.filesRestored, half.stats.filesFrozen].every((files) => files > 0),
    `seed ${seed}`,
  ).toBe(true);
  expect(filesWaiting).toBe(half.stats.filesFrozen);

  room.server.clock.advance(12 * HOUR + 1000);
  const { outcome } = await room.resume(job);
  expect(outcome).toMatchObject({ type: 'restored', stats: { errors: 0 } });
  execFileSync('diff', ['-r', room.source, room.target()]);

  const made = requests.slice(from);
  const keys = (operation: string, prefix = 'nas/'): string[] =>
    made.flatMap(({ operation: own, key = 'nas/' }) => (own === operation && key.startsWith(prefix) ? [key] : []));
  const operations = [...new Set(made.map(({ operation }) => operation))];
  const counts = Object.fromEntries(operations.map((operation) => [operation, keys(operation).length]));
  const reads = keys('GetObject', 'nas/packs/').length;
  if (SLOW) console.log(`${packs} packs`, counts, `${reads} reads of packs`);
  expect([counts.RestoreObject, new Set(keys('RestoreObject')).size]).toEqual([packs, packs]);
  // Of each pack one range is wanted, and those of the file that lies in many once more for each 4 MiB.
  expect(reads).toBeLessThan(packs + 20);
  // Three looks list each backup's packs by themselves, the rest is what opening a repository takes.
  expect(counts.ListObjectsV2).toBeLessThan(3 * backups + 40);
  expect(keys('HeadObject')).toEqual([]);
  expect(counts.PutObject).toBeLessThan(8);
});

/**
 * Makes some twenty packs a backup, of few bytes: a worker ends a pack when it has a whole frame, or when the backup
 * ends, so there are many workers with a small file for each. One file more has content in many packs.
 */
async function fillPacks(backups: number): Promise<void> {
  for (let round = 0; round < backups; round++) {
    for (let i = 0; i < WORKERS; i++) {
      const path = `${round}/${i}`;
      room.file(path, 2000 + i, round * WORKERS + i);
      // With a hole in it, a file is read apart from the others.
      truncateSync(join(room.source, path), 1 << 16);
    }
    if (round === 1) room.file('large', 12 << 20);
    await room.repo.backup([room.source], { workers: WORKERS });
  }
}
