/** What a repository does that is in a bucket and not in a folder: region, classes, tags, requests that are billed. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { silentMonitor } from '../../src/base/monitor.ts';
import { parseName } from '../../src/format/layout.ts';
import { loadIndex } from '../../src/repo/index-loader.ts';
import { initRepository } from '../../src/work/init.ts';
import { BucketStore } from '../support/bucket-store.ts';
import { seededRandom } from '../support/random.ts';
import { TestRepository } from '../support/repository.ts';
import { makeTestFolder } from '../support/test-folder.ts';

let folder: string;
const made: TestRepository[] = [];
beforeAll(() => {
  folder = makeTestFolder('buckets');
  mkdirSync(join(folder, 'small'));
  writeFileSync(join(folder, 'small', 'a'), 'a');
  mkdirSync(join(folder, 'large'));
  const random = seededRandom(4);
  const content = Buffer.alloc(20 << 20);
  for (let i = 0; i < content.length; i += 4) content.writeUInt32LE(Math.floor(random() * 2 ** 32), i);
  writeFileSync(join(folder, 'large', 'b'), content);
});
afterAll(() => {
  for (const repository of made) repository.remove();
  rmSync(folder, { recursive: true });
});

async function create(
  store: BucketStore,
  options: Parameters<typeof TestRepository.create>[0] = {},
): Promise<TestRepository> {
  const repository = await TestRepository.create({ ...options, store });
  made.push(repository);
  return repository;
}

/** By kind, what its objects were put with. */
function putsByKind(store: BucketStore): Record<string, unknown> {
  return Object.fromEntries(
    [...store.puts].map(([name, { storageClass, tags }]) => [
      parseName(name)?.kind ?? 'none',
      [storageClass, ...Object.entries(tags).map(([key, value]) => `${key}=${value}`)].join(' '),
    ]),
  );
}

describe('object tags', () => {
  test('go with every object by its kind, the probe too, and those of one backup with its own', async () => {
    const store = new BucketStore();
    const repository = await create(store, {
      objectTags: [
        { key: 'team', value: 'ops' },
        { kind: 'data', key: 'keep', value: 'long' },
        { kind: 'snapshot', key: 'list', value: 'yes' },
      ],
    });
    expect(putsByKind(store)).toEqual({
      none: 'STANDARD team=ops keep=long',
      key: 'STANDARD team=ops',
      config: 'STANDARD team=ops',
      recovery: 'STANDARD team=ops',
      marker: 'STANDARD team=ops',
    });
    store.puts.clear();
    await repository.backup([join(folder, 'small')], {
      objectTags: [
        { key: 'run', value: '7' },
        { kind: 'data', key: 'team', value: 'web' },
      ],
    });
    expect(putsByKind(store)).toEqual({
      claim: 'STANDARD team=ops run=7',
      pack: 'STANDARD team=web keep=long run=7',
      meta: 'STANDARD team=ops run=7',
      index: 'STANDARD team=ops run=7',
      snapshot: 'STANDARD team=ops list=yes run=7',
    });
    store.puts.clear();
    await repository.backup([join(folder, 'small')]);
    expect(putsByKind(store)).toMatchObject({ claim: 'STANDARD team=ops', snapshot: 'STANDARD team=ops list=yes' });
  });

  test('are refused where the store is not known to keep them', async () => {
    const store = new BucketStore({ provider: 'generic' });
    await expect(create(store, { objectTags: [{ key: 'a', value: 'b' }] })).rejects.toMatchObject({ code: 'no-tags' });
    expect(store.puts.size).toBe(0);
    const repository = await create(store);
    const tagged = repository.backup([join(folder, 'small')], { objectTags: [{ key: 'a', value: 'b' }] });
    await expect(tagged).rejects.toMatchObject({ kind: 'usage', code: 'no-tags' });
    await repository.backup([join(folder, 'small')], { objectTags: [] });
  });

  test('are absent where nobody asked for any', async () => {
    const store = new BucketStore();
    await (await create(store)).backup([join(folder, 'small')]);
    for (const { tags } of store.puts.values()) expect(tags).toEqual({});
  });
});

describe('storage classes', () => {
  test('are for packs of data of the cold minimum or more: metadata and small packs stay in STANDARD', async () => {
    const store = new BucketStore();
    const repository = await create(store, { storageClass: 'DEEP_ARCHIVE', packBytes: 128 << 20 });
    store.puts.clear();
    await repository.backup([join(folder, 'small')]);
    expect(putsByKind(store).pack).toBe('STANDARD');
    store.puts.clear();
    await repository.backup([join(folder, 'large')]);
    const { pack, ...others } = putsByKind(store);
    expect(pack).toBe('DEEP_ARCHIVE');
    expect(new Set(Object.values(others))).toEqual(new Set(['STANDARD']));
  });

  test('may be another one for a run, and the index says which', async () => {
    const store = new BucketStore();
    const repository = await create(store);
    store.puts.clear();
    await repository.backup([join(folder, 'large')], { storageClass: 'GLACIER_IR', packBytes: 128 << 20 });
    const packs = [...store.puts].filter(([name]) => parseName(name)?.kind === 'pack');
    expect(packs.map(([, { storageClass }]) => storageClass)).toEqual(['GLACIER_IR']);
    await repository.use(async (repo) => {
      await loadIndex(repo, new AbortController().signal);
      const known = repo.catalog.packByName(packs[0]![0])!;
      expect(known).toMatchObject({ storageClass: 'GLACIER_IR', checksum: 'sha256:53', etag: 'e-53' });
    });
  });

  test('that the provider does not have are refused, by init before anything is written', async () => {
    const store = new BucketStore();
    await expect(create(store, { storageClass: 'ARCHIVE' })).rejects.toMatchObject({
      code: 'unknown-class',
      hint: expect.stringContaining('DEEP_ARCHIVE'),
    });
    expect(store.puts.size).toBe(0);
    const repository = await create(new BucketStore());
    await expect(repository.backup([folder], { storageClass: 'ARCHIVE' })).rejects.toMatchObject({
      code: 'unknown-class',
    });
  });

  test('of a server whose owner makes them up are taken', async () => {
    const store = new BucketStore({ provider: 'ceph' });
    await create(store, { storageClass: 'TAPE' });
    expect(store.puts.size).toBeGreaterThan(0);
  });
});

describe('a pinned region', () => {
  test('is asked for once at every opening', async () => {
    const store = new BucketStore({ region: 'eu-central-1' });
    const repository = await create(store, { region: 'eu-central-1' });
    store.asked.length = 0;
    await repository.use(async () => {});
    expect(store.asked).toEqual(['region']);
  });

  test('is not asked for where none was pinned', async () => {
    const store = new BucketStore();
    const repository = await create(store);
    await repository.use(async () => {});
    expect(store.asked).toEqual([]);
  });

  test('refuses a bucket that is elsewhere, for init before anything is written', async () => {
    const store = new BucketStore({ region: 'us-east-1' });
    await expect(create(store, { region: 'eu-central-1' })).rejects.toMatchObject({
      kind: 'config',
      code: 'wrong-region',
      message: expect.stringMatching(/eu-central-1.*us-east-1/),
    });
    expect(store.puts.size).toBe(0);
  });

  test('refuses a copy of the repository in another region, and lets one in a folder be opened', async () => {
    const home = new BucketStore({ region: 'eu-central-1' });
    const repository = await create(home, { region: 'eu-central-1' });
    const away = new BucketStore({ region: 'us-east-1' });
    for await (const { name } of home.list('')) await away.put(name, (await home.get(name))!, { ifAbsent: true });
    await expect(repository.on(away).open()).rejects.toMatchObject({ code: 'wrong-region' });
    const { store: kept } = repository.on(away);
    Object.defineProperty(kept, 'bucket', { value: undefined });
    await repository.on(kept).use(async (repo) => expect(repo.config.region).toBe('eu-central-1'));
  });

  test('refuses a store that does not say where it lies', async () => {
    const store = new BucketStore();
    store.bucket.region = async () => undefined;
    await expect(create(store, { region: 'eu-west-1' })).rejects.toMatchObject({
      code: 'wrong-region',
      message: expect.stringContaining('does not say'),
    });
  });
});

describe('requests', () => {
  test('in summaries are those that the service counted, by kind and as it bills them', async () => {
    const store = new BucketStore();
    const repository = await create(store);
    const before = store.tally();
    const stats = await repository.backup([join(folder, 'small')]);
    expect(stats.billed).toEqual(store.tally());
    const puts = stats.billed!.find(({ operation }) => operation === 'PutObject')!.count;
    expect(stats.requests).toEqual({
      put: puts,
      get: stats.billed!.find(({ operation }) => operation === 'GetObject')!.count,
      list: 0,
      stat: 0,
      delete: 0,
    });
    expect(puts).toBeGreaterThan(before.find(({ operation }) => operation === 'PutObject')!.count);
  });

  test('are told by init', async () => {
    const store = new BucketStore();
    const repository = await create(store);
    const { billed, repository: opened } = await initRepository(
      store,
      repository.places,
      {
        ...{ passphrase: 'correct horse', ageType: 'x25519', chunkBytes: 1 << 20, packBytes: 16 << 20 },
        ...{ storageClass: 'STANDARD', compression: 3, host: 'host', user: 'user', existsOk: true, scryptLogN: 1 },
      },
      repository.clock,
      silentMonitor,
    );
    await opened.close();
    expect(billed).toEqual(store.tally());
  });

  test('of a folder are calls, and nobody bills them', async () => {
    const repository = await TestRepository.create();
    made.push(repository);
    const stats = await repository.backup([join(folder, 'small')]);
    expect(stats.requests.put).toBeGreaterThan(0);
    expect(stats).not.toHaveProperty('billed');
  });
});
