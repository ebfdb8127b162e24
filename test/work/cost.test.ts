/** The cost of a repository, from the listing to the text: sums are those of the objects one by one, and gaps are named. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findPrices } from '../../src/plan/find-prices.ts';
import { findProvider } from '../../src/plan/find-provider.ts';
import { earlyDeleteCost, type StoredObjects, storageCost } from '../../src/plan/storage-cost.ts';
import { keepRun, readRuns } from '../../src/repo/run-history.ts';
import type { ObjectInfo } from '../../src/store/store.ts';
import { sumStored } from '../../src/work/stored-objects.ts';
import { ArchiveStore } from '../support/archive-store.ts';
import { runOn } from '../support/command-room.ts';
import { each } from '../support/fake-verbs.ts';
import { seededBytes, seededRandom } from '../support/random.ts';
import { TestRepository } from '../support/repository.ts';
import { makeTestFolder } from '../support/test-folder.ts';

const DAY = 86_400_000;
let folder: string;
let store: ArchiveStore;
let test: TestRepository;

beforeAll(async () => {
  folder = makeTestFolder('cost');
  mkdirSync(join(folder, 'source'));
  writeFileSync(join(folder, 'source', 'a.bin'), seededBytes(600_000, 1));
  store = new ArchiveStore();
  test = await TestRepository.create({ store, chunkBytes: 1 << 16, packBytes: 1 << 18 });
  await test.backup([join(folder, 'source')]);
  for (const name of store.names('packs/')) store.move(name, 'DEEP_ARCHIVE');
});
afterAll(() => {
  test.remove();
  rmSync(folder, { recursive: true, force: true });
});

describe('the sums of a listing', () => {
  it('cost what the objects cost one by one', async () => {
    const seed = 3;
    const random = seededRandom(seed);
    const provider = findProvider({});
    const terms = { provider, prices: findPrices('aws', 'us-east-1') };
    const now = 1000 * DAY;
    const classes = ['STANDARD', 'STANDARD_IA', 'GLACIER_IR', 'GLACIER', 'DEEP_ARCHIVE', 'INTELLIGENT_TIERING'];
    const listed: ObjectInfo[] = Array.from({ length: 3000 }, (_, i) => ({
      name: `packs/${i}`,
      size: Math.floor(2 ** (random() * 26)),
      modified: now - random() * 500 * DAY,
      storageClass: classes[i % classes.length]!,
    }));
    const single: StoredObjects[] = listed.map(({ storageClass, size, modified }) => {
      const ageDays = Math.floor((now - modified) / DAY);
      return { storageClass, size, kind: 'other', count: 1, ageDays };
    });
    const sums = await sumStored(each(...listed), [128 * 1024], now);
    expect(sums.count).toBe(3000);
    const monthly = storageCost(sums.objects, terms).monthlyUsd as number;
    expect(monthly, `seed ${seed}`).toBeCloseTo(storageCost(single, terms).monthlyUsd as number, 9);
    const early = earlyDeleteCost(sums.objects, terms) as number;
    expect(early, `seed ${seed}`).toBeCloseTo(earlyDeleteCost(single, terms) as number, 9);
  });
});

describe('icecore cost', () => {
  it('shows the month by class and kind, other classes, tiers, and what deleting costs', async () => {
    const ran = await runOn(test, ['cost', '--runs', '0']);
    expect(ran.err).toBe('');
    expect(ran.exit).toBe(0);
    expect(ran.out).toMatch(/prices of \d{4}-\d\d.* for aws, region us-east-1/);
    expect(ran.out).toMatch(/DEEP_ARCHIVE +data +\d+ /);
    expect(ran.out).toMatch(/STANDARD +index +\d+ /);
    expect(ran.out).toMatch(/bulk +<?\$.* up to 48 h/);
    expect(ran.out).toMatch(/DEEP_ARCHIVE .* 180 days /);
    expect(ran.out).toContain('for the rest of minimum durations');
  });

  it('is one object in JSON, with amounts as numbers', async () => {
    const lines = (await runOn(test, ['cost', '--json'])).lines();
    expect(lines).toHaveLength(1);
    const summary = lines[0] as { storage: { monthlyUsd: number; rows: { kind: string }[] }; whatIf: unknown[] };
    expect(summary.storage.monthlyUsd).toBeGreaterThan(0);
    expect(summary.storage.rows.map(({ kind }) => kind)).toContain('data');
    expect(summary.whatIf.length).toBeGreaterThan(5);
    expect(summary).toMatchObject({ command: 'cost', provider: 'aws', region: 'us-east-1', exitCode: 0 });
  });

  it('says that prices are unknown, and shows quantities', async () => {
    const ran = await runOn(test, ['cost', '--region', 'mars-north-1', '--runs', '0']);
    expect(ran.exit).toBe(0);
    expect(ran.out).toContain('prices for aws, region mars-north-1 are not known: quantities only');
    expect(ran.out).toMatch(/DEEP_ARCHIVE +data +\d+ .*unknown/);
  });

  it("takes a user's prices", async () => {
    const file = join(folder, 'prices.json');
    const classes = { STANDARD: { storagePerGib: 1 }, DEEP_ARCHIVE: { storagePerGib: 1 } };
    const prices = [{ provider: 'aws', region: 'mars-north-1', asOf: '2026-11', source: 'the bill', classes }];
    writeFileSync(file, JSON.stringify({ prices }));
    const ran = await runOn(test, ['cost', '--region', 'mars-north-1', '--prices', file, '--runs', '0']);
    expect(ran.err).toBe('');
    expect(ran.out).toContain('prices of 2026-11 for aws, region mars-north-1 (the bill)');
  });

  it('keeps what runs asked for, and prices it', async () => {
    await runOn(test, ['snapshots']);
    const ran = await runOn(test, ['cost', '--runs', '3']);
    expect(ran.out).toMatch(/the last runs of this host\n/);
    expect(ran.out).toMatch(/snapshots +\d+ .*\$/);
  });

  it('tells people with a local repository how to ask what a bucket would cost', async () => {
    const local = await TestRepository.create();
    const plain = await runOn(local, ['cost']);
    expect(plain.err).toContain('--provider and --region say what it would cost there');
    expect(plain.out).toContain('quantities only');
    const asked = await runOn(local, ['cost', '--provider', 'aws', '--region', 'us-east-1']);
    expect(asked.out).toMatch(/DEEP_ARCHIVE +<?\$/);
    expect(readRuns(local.places.state, 'x' as never, 5)).toEqual([]);
    local.remove();
  });
});

describe('icecore verify', () => {
  it('prints what it asks for and what that costs, and then does it', async () => {
    const ran = await runOn(test, ['verify', '--level', 'checksums']);
    expect(ran.exit).toBe(0);
    expect(ran.err).toMatch(/this takes \d+ requests for checksums, and costs <?\$0\.0+\d+/);
    expect(ran.out).toContain('everything is there, and what the store keeps of each pack is what was written');
  });

  it('stops at --max-cost before it asks, with exit 15, and where prices are unknown', async () => {
    const looks = store.asked('HeadObject');
    const ran = await runOn(test, ['verify', '--level', 'checksums', '--max-cost', '0']);
    expect(ran.exit).toBe(15);
    expect(ran.err).toContain('more than $0');
    store.region = 'mars-north-1';
    const unknown = await runOn(test, ['verify', '--level', 'checksums', '--max-cost', '100']);
    store.region = 'us-east-1';
    expect(unknown.exit).toBe(15);
    expect(unknown.err).toContain('--prices');
    expect(store.asked('HeadObject')).toBe(looks);
  });

  it('says that archived packs were not read', async () => {
    const ran = await runOn(test, ['verify', '--level', 'data']);
    expect(ran.exit).toBe(0);
    expect(ran.out).toMatch(/archived +\d+ packs?, not read/);
    const json = (await runOn(test, ['verify', '--level', 'data', '--json'])).lines();
    expect(json.at(-1)).toMatchObject({ packsArchived: store.names('packs/').length, level: 'data' });
  });
});

describe('the history of runs', () => {
  it('passes over lines that cannot be read, and does not grow for ever', () => {
    const repo = 'history' as never;
    const run = (n: number) => ({
      time: '2026-11-17T10:05:00.000Z',
      command: `run ${n} ${'x'.repeat(2000)}`,
      billed: [{ operation: 'PutObject', storageClass: 'STANDARD', count: n }],
      storedBytes: 0,
      fetchedBytes: 0,
    });
    mkdirSync(join(folder, 'history'), { recursive: true });
    writeFileSync(join(folder, 'history', 'runs.jsonl'), '{"torn":\n[]\n{"time":1}\n');
    for (let n = 1; n <= 600; n++) keepRun(folder, repo, run(n));
    const kept = readRuns(folder, repo, 10_000);
    expect(kept.length).toBeLessThan(600);
    expect(kept.at(-1)).toEqual(run(600));
    expect(readRuns(folder, repo, 2)).toEqual([run(599), run(600)]);
  });
});
