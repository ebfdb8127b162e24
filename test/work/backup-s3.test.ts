/** The command line on a bucket of the test S3 server: what is asked, with what objects are put, what a kill leaves. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { findPlaces } from '../../src/cli/places.ts';
import type { LocalPlaces } from '../../src/repo/access.ts';
import { openStore } from '../../src/store/open-store.ts';
import { initRepository } from '../../src/work/init.ts';
import { Program } from '../support/program.ts';
import { seededBytes, seededRandom } from '../support/random.ts';
import { type LoggedRequest, type S3TestServer, startS3Server } from '../support/s3/server.ts';
import { TEST_CREDENTIALS } from '../support/s3/world.ts';
import { makeTestFolder } from '../support/test-folder.ts';
import { describeTree } from '../support/trees.ts';
import { type Ran, run } from '../support/world.ts';

const BUCKET = 'backups';
const MIB = 1 << 20;
/** What an unchanged backup may ask for, however large the repository is. */
const UNCHANGED_REQUESTS = 12;

let folder: string;
let server: S3TestServer;
beforeAll(async () => {
  folder = makeTestFolder('backup-s3');
  mkdirSync(join(folder, 'source', 'some'), { recursive: true });
  const random = seededRandom(5);
  const content = Buffer.alloc(20 * MIB);
  for (let i = 0; i < content.length; i += 4) content.writeUInt32LE(Math.floor(random() * 2 ** 32), i);
  writeFileSync(join(folder, 'source', 'large'), content);
  for (let i = 0; i < 20; i++) writeFileSync(join(folder, 'source', 'some', `${i}`), `file ${i}\n`);
  // What was changed in the second of a backup is read again by the next one.
  const written = Date.now();
  await vi.waitUntil(() => Date.now() > written + 1100, { timeout: 10_000 });
  writeFileSync(join(folder, 'passphrase'), 'correct horse\n', { mode: 0o600 });
  server = await startS3Server({ buckets: [BUCKET], region: 'eu-central-1' });
  vi.stubEnv('AWS_ACCESS_KEY_ID', TEST_CREDENTIALS.accessKeyId);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', TEST_CREDENTIALS.secretAccessKey);
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await server.close();
  rmSync(folder, { recursive: true });
});

const urlOf = (prefix: string) => `s3://${BUCKET}/${prefix}?endpoint=${server.url}&region=eu-central-1&provider=aws`;

/** Makes a repository whose passphrase takes no time. */
async function make(prefix: string, places: LocalPlaces, url = urlOf(prefix), packBytes = 16 * MIB): Promise<void> {
  const store = await openStore(url);
  const { repository } = await initRepository(
    store,
    places,
    {
      ...{ passphrase: 'correct horse', scryptLogN: 1, ageType: 'x25519', host: 'host', user: 'user' },
      ...{ chunkBytes: MIB, packBytes, storageClass: 'STANDARD', compression: 3, existsOk: false },
    },
    systemClock,
  );
  await repository.close();
}

/** Runs a command in-process, on a repository of this prefix, and gives its summary. */
async function icecore(
  prefix: string,
  argv: readonly string[],
  url = urlOf(prefix),
): Promise<{ ran: Ran; summary: Record<string, unknown> }> {
  const ran = await run([...argv, '--json'], {
    env: { ICECORE_REPOSITORY: url, ICECORE_PASSWORD_FILE: join(folder, 'passphrase') },
    home: join(folder, 'home'),
    cwd: folder,
  });
  expect(ran.exit, ran.out + ran.err).toBe(0);
  return { ran, summary: ran.lines().at(-1)! };
}

/** The log of what was asked while `work` ran. */
async function requestsOf<T>(work: () => Promise<T>): Promise<{ result: T; requests: readonly LoggedRequest[] }> {
  const before = server.requests.length;
  const result = await work();
  return { result, requests: server.requests.slice(before) };
}

function totalOf(summary: Record<string, unknown>): number {
  return Object.values(summary.requests as Record<string, number>).reduce((sum, n) => sum + n, 0);
}

/** Requests by operation. */
function operationsOf(requests: readonly LoggedRequest[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { operation } of requests) counts[operation] = (counts[operation] ?? 0) + 1;
  return counts;
}

/** The tally of a summary by operation. */
function billedOf(summary: Record<string, unknown>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { operation, count } of summary.billed as { operation: string; count: number }[]) {
    counts[operation] = (counts[operation] ?? 0) + count;
  }
  return counts;
}

/** The objects of a repository, by name. */
function objectsOf(prefix: string): Map<string, { storageClass: string; tags: Readonly<Record<string, string>> }> {
  const bucket = server.bucket(BUCKET);
  return new Map(
    bucket.keys().flatMap((key) => {
      const version = bucket.current(key);
      return key.startsWith(`${prefix}/`) && version ? [[key.slice(prefix.length + 1), version] as const] : [];
    }),
  );
}

describe('a repository in a bucket', () => {
  const source = () => join(folder, 'source');

  it('is made, filled, verified and restored; every summary says what was really asked', async () => {
    await make(
      'life',
      findPlaces({}, () => join(folder, 'home')),
    );
    const backup = await requestsOf(() => icecore('life', ['backup', source()]));
    expect(billedOf(backup.result.summary)).toEqual(operationsOf(backup.requests));
    expect(backup.result.summary.packs).toBeGreaterThan(1);
    const verify = await requestsOf(() => icecore('life', ['verify', '--level', 'data']));
    expect(billedOf(verify.result.summary)).toEqual(operationsOf(verify.requests));
    const target = join(folder, 'restored');
    const restore = await requestsOf(() => icecore('life', ['restore', `latest:${source()}`, '--target', target]));
    expect(billedOf(restore.result.summary)).toEqual(operationsOf(restore.requests));
    expect(totalOf(restore.result.summary)).toBe(restore.requests.length);
    expect(describeTree(target)).toEqual(describeTree(source()));
    expect(server.bucket(BUCKET).uploads.size).toBe(0);
  });

  it('that has not changed takes a dozen requests at most', async () => {
    const { result, requests } = await requestsOf(() => icecore('life', ['backup', source()]));
    expect(requests.length, JSON.stringify(operationsOf(requests))).toBeLessThanOrEqual(UNCHANGED_REQUESTS);
    expect(totalOf(result.summary)).toBe(requests.length);
    expect(result.summary).toMatchObject({ filesNew: 0, filesChanged: 0, filesUnchanged: 21 });
  });

  it('takes no more at a store that nobody has described, once a probe has shown that names are created once', async () => {
    const plain = urlOf('plain').replace('&provider=aws', '');
    await make(
      'plain',
      findPlaces({}, () => join(folder, 'home')),
      plain,
    );
    await icecore('plain', ['backup', join(source(), 'some')], plain);
    const { requests } = await requestsOf(() => icecore('plain', ['backup', join(source(), 'some')], plain));
    expect(requests.length, JSON.stringify(operationsOf(requests))).toBeLessThanOrEqual(UNCHANGED_REQUESTS);
    expect(operationsOf(requests)).not.toHaveProperty('HeadObject');
  });

  it('has its packs in their class with their tags, and everything else in STANDARD', async () => {
    const options = ['--storage-class', 'DEEP_ARCHIVE', '--region', 'eu-central-1', '--object-tag', 'team=ops'];
    const init = await requestsOf(() =>
      icecore('cold', ['init', '--age-type', 'x25519', ...options, '--object-tag', 'snapshot:list=yes']),
    );
    expect(billedOf(init.result.summary)).toEqual(operationsOf(init.requests));
    await icecore('cold', ['backup', source(), '--workers', '1', '--object-tag', 'data:run=7']);
    const found = new Map<string, Set<string>>();
    for (const [name, { storageClass, tags }] of objectsOf('cold')) {
      const kind = name.split('/')[0]!;
      const told = [storageClass, ...Object.entries(tags).map(([key, value]) => `${key}=${value}`)].join(' ');
      found.set(kind, (found.get(kind) ?? new Set()).add(told));
    }
    expect(Object.fromEntries([...found].map(([kind, told]) => [kind, [...told]]))).toEqual({
      'RECOVERY.md': ['STANDARD team=ops'],
      'icecore.json': ['STANDARD team=ops'],
      'recover.sh': ['STANDARD team=ops'],
      claims: ['STANDARD team=ops'],
      config: ['STANDARD team=ops'],
      index: ['STANDARD team=ops'],
      keys: ['STANDARD team=ops'],
      meta: ['STANDARD team=ops'],
      packs: ['DEEP_ARCHIVE team=ops run=7'],
      snapshots: ['STANDARD team=ops list=yes'],
    });
    const unchanged = await requestsOf(() => icecore('cold', ['backup', source()]));
    expect(unchanged.requests.length).toBeLessThanOrEqual(UNCHANGED_REQUESTS);
    expect(operationsOf(unchanged.requests).HeadBucket).toBe(1);
  });

  it('is refused where it is pinned to another region', async () => {
    server.bucket(BUCKET).settings.region = 'us-west-2';
    try {
      const ran = await run(['snapshots'], {
        env: { ICECORE_REPOSITORY: urlOf('cold'), ICECORE_PASSWORD_FILE: join(folder, 'passphrase') },
        home: join(folder, 'home'),
      });
      expect(ran.exit).toBe(1);
      expect(ran.err).toMatch(/us-west-2/);
    } finally {
      server.bucket(BUCKET).settings.region = 'eu-central-1';
    }
  });

  it('goes through errors that pass, counts each attempt, and keeps the rates', async () => {
    server.faults.add({ fault: { type: 'error', code: 'InternalError' }, operations: ['PutObject'], nth: 1 });
    const { result, requests } = await requestsOf(() =>
      icecore('life', ['backup', source(), '--limit-upload', '50MiB/s', '--limit-download', '50MiB/s']),
    );
    server.faults.clear();
    expect(requests.filter(({ status }) => status === 500)).toHaveLength(1);
    expect(totalOf(result.summary)).toBe(requests.length);
  });
});

describe('a backup to a bucket that is killed', () => {
  it('leaves an upload, which the next run of this host ends, and none after it looks for', async () => {
    const places: LocalPlaces = {
      config: join(folder, 'killed', 'config'),
      cache: join(folder, 'killed', 'cache'),
      state: join(folder, 'killed', 'state'),
    };
    const program = new Program();
    try {
      const start = (...args: readonly string[]) =>
        program.start(places, args, {
          AWS_ACCESS_KEY_ID: TEST_CREDENTIALS.accessKeyId,
          AWS_SECRET_ACCESS_KEY: TEST_CREDENTIALS.secretAccessKey,
          ICECORE_REPOSITORY: urlOf('killed'),
          ICECORE_PASSWORD_FILE: join(folder, 'passphrase'),
        });
      // Packs of more than one part.
      await make('killed', places, urlOf('killed'), 64 * MIB);
      writeFileSync(join(folder, 'source', 'larger'), seededBytes(42 * MIB, 3));
      server.faults.add({ fault: { type: 'hang' }, operations: ['UploadPart'], nth: 2 });
      const killed = start('backup', join(folder, 'source'), '--workers', '1');
      await vi.waitUntil(() => server.faults.injected.some(({ fault }) => fault.type === 'hang'), { timeout: 60_000 });
      killed.child.kill('SIGKILL');
      await killed.ended;
      server.faults.clear();
      expect(server.bucket(BUCKET).uploads.size).toBeGreaterThan(0);
      const { result, requests } = await requestsOf(() => start('backup', join(folder, 'source'), '-v').ended);
      expect(result, result.err).toMatchObject({ exit: 0 });
      expect(result.out).toMatch(/^requests +\d+ \(.*put/m);
      expect(server.bucket(BUCKET).uploads.size).toBe(0);
      expect(operationsOf(requests).ListMultipartUploads).toBe(2);
      const after = await requestsOf(() => start('backup', join(folder, 'source')).ended);
      expect(operationsOf(after.requests).ListMultipartUploads).toBeUndefined();
    } finally {
      program.remove();
    }
  });
});
