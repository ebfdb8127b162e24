/** doctor and the policies against the test S3 server: what each role may do there, with real requests. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { buildLifecycle, buildPolicy, POLICY_ROLES, type PolicyRole } from '../../src/plan/policies.ts';
import { openS3Store } from '../../src/store/s3.ts';
import type { S3StoreOptions } from '../../src/store/s3-options.ts';
import { PART_BYTES } from '../../src/store/s3-options.ts';
import type { Store } from '../../src/store/store.ts';
import { type DoctorStats, runDoctor } from '../../src/work/doctor.ts';
import type { DoctorFinding } from '../../src/work/doctor-check.ts';
import { TestRepository } from '../support/repository.ts';
import { type S3TestServer, startS3Server } from '../support/s3/server.ts';
import type { S3Credentials } from '../support/s3/world.ts';
import { makeTestFolder } from '../support/test-folder.ts';

const BUCKET = 'bucket';
const PREFIX = 'nas';
/** More than one part. */
const MULTIPART = PART_BYTES + 100_000;
const keyOf = (role: PolicyRole | 'owner'): S3Credentials => ({
  accessKeyId: `AK${role.toUpperCase()}`,
  secretAccessKey: `secret of the ${role}`,
  ...(role === 'owner' ? {} : { policy: buildPolicy(role, { bucket: BUCKET, prefix: PREFIX, usesTags: true }) }),
});

const SET = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_REGION'] as const;
const before = new Map(SET.map((name) => [name, process.env[name]]));
let folder: string;
let server: S3TestServer;
const stores: Store[] = [];
beforeAll(() => {
  folder = makeTestFolder('doctor-s3');
});
beforeEach(async () => {
  server = await startS3Server({ buckets: [BUCKET], credentials: [keyOf('owner'), ...POLICY_ROLES.map(keyOf)] });
  server.bucket(BUCKET).settings.lifecycle = [
    { id: 'abort', prefix: `${PREFIX}/`, abortUploadsAfterDays: 7, noncurrentExpirationDays: 30 },
  ];
});
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
  await server.close();
});
afterAll(() => {
  for (const [name, value] of before) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  rmSync(folder, { recursive: true, force: true });
});

/** The repository's store with the credentials of a role. */
async function storeOf(role: PolicyRole | 'owner', options: Partial<S3StoreOptions> = {}): Promise<Store> {
  const { accessKeyId, secretAccessKey } = keyOf(role);
  process.env.AWS_ACCESS_KEY_ID = accessKeyId;
  process.env.AWS_SECRET_ACCESS_KEY = secretAccessKey;
  process.env.AWS_REGION = 'us-east-1';
  const provider = options.provider ?? 'aws';
  const place = { bucket: BUCKET, prefix: PREFIX, endpoint: server.url, isPathStyle: true, provider };
  const store = await openS3Store({ ...place, retryForMs: 2000, ...options });
  // The chain of credentials is asked by the first request: let that be now.
  await store.stat('icecore.json').catch(() => {});
  stores.push(store);
  return store;
}

interface Examined {
  readonly stats: DoctorStats;
  of(code: string): string[];
  readonly alarming: readonly string[];
}

/** What doctor finds; where an upload in parts is not what a test is about, it is kept small. */
async function examine(store: Store, places?: TestRepository['places'], multipartBytes = 10_000): Promise<Examined> {
  const own = { config: join(folder, 'config'), cache: join(folder, 'cache'), state: join(folder, 'state') };
  const findings: DoctorFinding[] = [];
  const stats = await runDoctor(
    store,
    { places: places ?? own, clock: systemClock, rounds: 2, multipartBytes },
    (finding) => void findings.push(finding),
    new AbortController().signal,
  );
  return {
    stats,
    of: (code) => findings.filter((f) => f.code === code).map((f) => `${f.severity} ${f.message}`),
    alarming: findings
      .filter((f) => f.severity === 'warning' || f.severity === 'error')
      .map((f) => `${f.code}: ${f.message}`),
  };
}

const probes = (): string[] =>
  server
    .bucket(BUCKET)
    .keys()
    .filter((key) => key.startsWith(`${PREFIX}/probe/`));

describe('doctor on the test S3 server', () => {
  it('finds a sound bucket sound, an upload in parts included, and leaves nothing', async () => {
    const { alarming, of, stats } = await examine(await storeOf('owner'), undefined, MULTIPART);
    expect(alarming).toEqual([]);
    expect(of('create-only')).toEqual(['ok of 8 creators of a name one wins, 2 rounds']);
    expect(of('multipart')[0]).toMatch(/^ok uploads in parts arrive .*, and of two completions one wins$/);
    expect(of('checksums')).toEqual(['ok the store checks and keeps SHA-256 checksums']);
    expect(of('region')).toEqual(['ok Amazon S3, bucket bucket in region us-east-1']);
    expect(of('public-access')).toEqual(['ok public access is blocked']);
    expect(of('unfinished-uploads')[0]).toMatch(/^ok/);
    expect(server.bucket(BUCKET).keys()).toEqual([]);
    expect(server.bucket(BUCKET).uploads.size).toBe(0);
    expect(stats.billed?.some(({ operation }) => operation === 'CompleteMultipartUpload')).toBe(true);
  });

  it('finds each setting that is wrong', async () => {
    const { settings } = server.bucket(BUCKET);
    settings.versioning = 'enabled';
    settings.publicAccessBlock = undefined;
    settings.objectLock = { mode: 'GOVERNANCE', days: 10 };
    settings.encryption = { algorithm: 'aws:kms', kmsKey: 'k-1' };
    settings.lifecycle = [
      { id: 'old', prefix: '', expirationDays: 30, hasOldForm: true },
      { id: 'cold', prefix: 'nas/packs/', transitions: [{ days: 5, storageClass: 'DEEP_ARCHIVE' }] },
    ];
    const { of } = await examine(await storeOf('owner'));
    expect(of('public-access')[0]).toMatch(/^error public access is not blocked/);
    expect(of('object-lock')[0]).toMatch(/^note Object Lock keeps every object for 10 days \(GOVERNANCE\)/);
    expect(of('encryption')[0]).toMatch(/^note the bucket encrypts with KMS \(aws:kms, key k-1\)/);
    expect(of('lifecycle')).toEqual([
      'error lifecycle rule "old" deletes everything after 30 days',
      'warning lifecycle rule "cold" moves packs to DEEP_ARCHIVE after 5 days: each move is billed, and icecore does not plan with it',
      'note no lifecycle rule ends unfinished uploads: what a host leaves that never comes back costs for ever',
      'warning the bucket keeps old versions and no rule expires them: what is deleted costs for ever',
    ]);
  });

  it('finds no fault with the lifecycle rules that it prints', async () => {
    const { settings } = server.bucket(BUCKET);
    settings.versioning = 'enabled';
    settings.lifecycle = buildLifecycle({ prefix: PREFIX }).Rules.map((rule) => ({
      id: rule.ID,
      prefix: rule.Filter.Prefix,
      ...(rule.AbortIncompleteMultipartUpload
        ? { abortUploadsAfterDays: rule.AbortIncompleteMultipartUpload.DaysAfterInitiation }
        : {}),
      ...(rule.NoncurrentVersionExpiration
        ? { noncurrentExpirationDays: rule.NoncurrentVersionExpiration.NoncurrentDays }
        : {}),
    }));
    expect((await examine(await storeOf('owner'))).alarming).toEqual([]);
  });

  it('sees a clock that is wrong', async () => {
    const store = await storeOf('owner');
    server.clock.skewBy(-7 * 60_000);
    expect((await examine(store)).of('clock')[0]).toMatch(/^warning this clock is 7 min ahead of the store’s$/);
  });

  it('tells of a store that ignores conditions, and of one without settings', async () => {
    await server.close();
    server = await startS3Server({
      buckets: [BUCKET],
      credentials: [keyOf('owner')],
      quirks: { conditionalPut: 'ignored', conditionalComplete: 'ignored', hasBucketSettings: false },
    });
    const { of } = await examine(await storeOf('owner'));
    expect(of('create-only')[0]).toMatch(/^warning several creators of a name/);
    expect(of('settings')).toEqual([
      'ok Amazon S3 does not tell: versioning, lifecycle rules, Object Lock, public access, encryption',
    ]);
  });
});

describe('the policies, enforced', () => {
  it('let the admin make a repository, the writer back up, the reader restore; and doctor agrees with each', async () => {
    const test = await TestRepository.create({
      store: await storeOf('admin'),
      storageClass: 'STANDARD_IA',
      objectTags: [{ key: 'team', value: 'a' }],
    });
    try {
      const source = join(folder, 'source');
      mkdirSync(source);
      for (let i = 0; i < 20; i++) writeFileSync(join(source, `${i}`), `content ${i}`.repeat(1000));

      const writer = test.on(await storeOf('writer'));
      const { snapshot } = await writer.backup([source]);
      expect(snapshot).toBeDefined();

      const writing = await examine(writer.store, test.places);
      expect(writing.alarming).toEqual([]);
      expect(writing.of('more-than-a-writer')).toEqual([
        'ok these credentials can add backups, and not delete, replace or fetch them',
      ]);
      expect(writing.of('settings')[0]).toMatch(/^note these credentials may not see: versioning/);
      expect(writing.of('region')[0]).toContain('us-east-1');
      expect(probes().length).toBe(2);

      const reading = await examine(await storeOf('reader'));
      expect(reading.alarming).toEqual([]);
      expect(reading.of('writes')).toEqual(['note these credentials may not write: nothing was tried']);
      await test.on(await storeOf('reader')).restore('latest', source, join(folder, 'target'));

      const administering = await examine(await storeOf('admin'));
      expect(administering.alarming).toEqual([]);
      expect(administering.of('multipart')[0]).toMatch(/^ok/);
    } finally {
      test.remove();
    }
  });

  it('let nobody replace an object, in one piece or in parts, nor copy over one', async () => {
    for (const role of ['writer', 'admin'] as const) {
      const store = await storeOf(role);
      await store.put(`snapshots/${role}`, Buffer.from('first'), { ifAbsent: true });
      await expect(store.put(`snapshots/${role}`, Buffer.from('second'), { ifAbsent: false })).rejects.toMatchObject({
        kind: 'store',
        data: { status: 403 },
      });
      const large = async function* (): AsyncIterable<Uint8Array> {
        for (let i = 0; i < 9; i++) yield Buffer.alloc(1 << 20, i);
      };
      await store.put(`packs/${role}/0`, large(), { ifAbsent: true });
      await expect(store.put(`packs/${role}/0`, large(), { ifAbsent: false })).rejects.toMatchObject({
        data: { status: 403 },
      });
      expect((await (await storeOf('owner')).get(`snapshots/${role}`))?.toString()).toBe('first');
    }
  });
});
