/** Verify over HTTP on the test S3 server, with packs in DEEP_ARCHIVE: nothing is thawed, and the price is the bill's. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findPrices } from '../../src/plan/find-prices.ts';
import { findProvider } from '../../src/plan/find-provider.ts';
import { requestCost } from '../../src/plan/request-cost.ts';
import { type VerifyPlan, verifyCost } from '../../src/plan/verify-cost.ts';
import { openS3Store } from '../../src/store/s3.ts';
import type { Store } from '../../src/store/store.ts';
import { runVerify, type VerifyOptions, type VerifyStats } from '../../src/work/verify.ts';
import { seededBytes } from '../support/random.ts';
import { collectingMonitor, TestRepository } from '../support/repository.ts';
import { type S3TestServer, startS3Server } from '../support/s3/server.ts';
import { TEST_CREDENTIALS } from '../support/s3/world.ts';
import { makeTestFolder } from '../support/test-folder.ts';

const BUCKET = 'bucket';
const SET = { ...toEnvironment(TEST_CREDENTIALS), AWS_REGION: 'us-east-1' };
const before = new Map(Object.keys(SET).map((name) => [name, process.env[name]]));
let folder: string;
let server: S3TestServer;
let store: Store;
let test: TestRepository;

function toEnvironment(keys: { readonly accessKeyId: string; readonly secretAccessKey: string }) {
  return { AWS_ACCESS_KEY_ID: keys.accessKeyId, AWS_SECRET_ACCESS_KEY: keys.secretAccessKey };
}

beforeAll(async () => {
  Object.assign(process.env, SET);
  folder = makeTestFolder('verify-s3');
  mkdirSync(join(folder, 'source'));
  writeFileSync(join(folder, 'source', 'a.bin'), seededBytes(41_000_000, 1));
  server = await startS3Server({ buckets: [BUCKET] });
  const place = { bucket: BUCKET, prefix: 'nas', endpoint: server.url, isPathStyle: true, provider: 'aws' };
  store = await openS3Store(place);
  test = await TestRepository.create({ store, storageClass: 'DEEP_ARCHIVE', packBytes: 17 << 20 });
  await test.backup([join(folder, 'source')]);
});
afterAll(async () => {
  test.remove();
  await store.close();
  await server.close();
  rmSync(folder, { recursive: true, force: true });
  for (const [name, value] of before) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
});

interface Checked {
  readonly stats: VerifyStats;
  readonly problems: readonly string[];
  readonly plans: readonly VerifyPlan[];
}

async function verify(options: VerifyOptions): Promise<Checked> {
  const monitor = collectingMonitor();
  const plans: VerifyPlan[] = [];
  const approve = async (plan: VerifyPlan) => void plans.push(plan);
  const stats = await test.use((repo) =>
    runVerify(repo, { workers: 1, approve, ...options }, monitor, new AbortController().signal),
  );
  return { stats, plans, problems: monitor.problems.map(({ severity, code }) => `${severity} ${code}`) };
}

const terms = { provider: findProvider({}), prices: findPrices('aws', 'us-east-1') };

describe('verify on a bucket with archived packs', () => {
  it('compares checksums of whole and of multipart objects without a thaw, at the price that it named', async () => {
    server.meter.reset();
    const { stats, plans, problems } = await verify({ level: 'checksums' });
    expect(problems).toEqual([]);
    expect(stats.findings).toEqual([]);
    expect(stats.stored).toMatchObject({ packsCompared: stats.packs, packsUnmarked: 0, packsMoved: 0 });
    const usage = server.meter.usage();
    expect(usage.retrievals).toEqual([]);
    const looked = usage.requests.filter(({ operation }) => operation === 'HeadObject');
    expect(looked.some(({ storageClass, count }) => storageClass === 'DEEP_ARCHIVE' && count >= 2)).toBe(true);
    expect(requestCost(looked, terms).usd).toBeCloseTo(verifyCost(plans[0]!, terms).total as number, 12);
  });

  it('asks for nothing beyond listings when entity tags must do', async () => {
    server.meter.reset();
    const { stats } = await verify({ level: 'checksums', looks: false });
    expect(stats).toMatchObject({ stored: { packsCompared: stats.packs }, packsArchived: 0 });
    expect(server.meter.usage().requests.map(({ operation }) => operation)).not.toContain('HeadObject');
  });

  it('leaves archived packs out at level data', async () => {
    const { stats, problems } = await verify({ level: 'data', sample: { share: 1 } });
    expect(problems).toEqual([]);
    expect(stats.findings).toEqual([]);
    expect(stats.packsArchived).toBeGreaterThanOrEqual(2);
    expect(server.meter.usage().retrievals).toEqual([]);
  });

  it('finds a pack whose content somebody has replaced by as many other bytes', async () => {
    let name = '';
    for await (const info of store.list('packs/')) if (info.storageClass === 'DEEP_ARCHIVE') name = info.name;
    const size = (await store.stat(name))!.size;
    await store.put(name, seededBytes(size, 9), { ifAbsent: false, storageClass: 'DEEP_ARCHIVE' });
    const { stats } = await verify({ level: 'checksums' });
    expect(stats.findings.map(({ object, code }) => `${object} ${code}`)).toEqual([`${name} pack-checksum`]);
    expect(stats.findings[0]!.paths.join()).toContain('a.bin');
  });
});
