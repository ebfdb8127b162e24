/** ChunkReader and ManifestReader on real repositories: what they find, what they ask of the store, and what damage does. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IcecoreError } from '../../src/base/errors.ts';
import { joinRaw, type Raw, rawFromText } from '../../src/base/raw.ts';
import type { Entry } from '../../src/format/entry.ts';
import { snapshotName } from '../../src/format/layout.ts';
import { comparePositions } from '../../src/format/path-rules.ts';
import { ChunkReader } from '../../src/repo/chunk-reader.ts';
import { chunksOf } from '../../src/repo/file-chunks.ts';
import { ManifestReader } from '../../src/repo/manifest-reader.ts';
import type { Repository } from '../../src/repo/repository.ts';
import { loadSnapshots } from '../../src/repo/snapshots.ts';
import { hmac } from '../../src/seal/signatures.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { seededBytes } from '../support/random.ts';
import { RecordingStore } from '../support/recording-store.ts';
import { collectingMonitor, TestRepository } from '../support/repository.ts';
import { makeTestFolder } from '../support/test-folder.ts';

const raw = rawFromText;

async function newest(repo: Repository, chunks: ChunkReader): Promise<ManifestReader> {
  const { snapshot } = (await loadSnapshots(repo)).snapshots.at(-1)!;
  return new ManifestReader(chunks, snapshot.root, snapshotName(snapshot.id));
}

async function pathsOf(reader: ManifestReader, ...args: Parameters<ManifestReader['segments']>): Promise<Raw[]> {
  const paths: Raw[] = [];
  for await (const { path, entries } of reader.segments(...args)) {
    for (const entry of entries) paths.push(joinRaw(path, entry.name));
  }
  return paths;
}

async function contentOf(chunks: ChunkReader, entry: Entry): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const id of chunksOf(chunks, entry)) parts.push(await chunks.get(id, 'data'));
  return Buffer.concat(parts);
}

/** Flips a byte in the middle of an object, and gives it back. */
async function damageObject(store: MemoryStore, name: string): Promise<() => Promise<void>> {
  const bytes = (await store.get(name))!;
  const bad = Buffer.from(bytes);
  bad[bad.length >> 1]! ^= 1;
  await store.put(name, bad, { ifAbsent: false });
  return async () => void (await store.put(name, bytes, { ifAbsent: false }));
}

describe('readers', () => {
  const source = makeTestFolder('readers');
  const store = new MemoryStore();
  const recording = new RecordingStore(store);
  const big = seededBytes(3_000_000, 1);
  let test: TestRepository;
  let paths: Raw[];

  beforeAll(async () => {
    paths = [];
    for (let i = 0; i < 100; i++) {
      const folder = join(source, `dir-${i % 20}`, `sub-${i}`);
      mkdirSync(folder, { recursive: true });
      for (let j = 0; j < 100; j++) {
        writeFileSync(join(folder, `file ${j}`), j % 10 === 0 ? `content ${i} ${j}` : '');
        paths.push(raw(join(folder, `file ${j}`)));
      }
    }
    writeFileSync(join(source, 'big'), big);
    test = await TestRepository.create({ store: recording, chunkBytes: 1 << 18 });
    await test.backup([source]);
  });

  afterAll(() => {
    test.remove();
    rmSync(source, { recursive: true, force: true });
  });

  it('yield every entry once, in the order of the manifest', async () => {
    await test.use(async (repo) => {
      const found = await pathsOf(await newest(repo, new ChunkReader(repo)));
      const seen = new Set(found);
      expect(seen.size).toBe(found.length);
      expect(found).toEqual([...found].sort(comparePositions));
      expect(paths.filter((path) => !seen.has(path))).toEqual([]);
    });
  });

  it('find any path, and say undefined for what is not there', async () => {
    await test.use(async (repo) => {
      const reader = await newest(repo, new ChunkReader(repo));
      for (let i = 0; i < paths.length; i += 97) {
        expect((await reader.find(paths[i]!))?.name).toBe(paths[i]!.slice(paths[i]!.lastIndexOf('/') + 1));
      }
      expect((await reader.find(raw(join(source, 'dir-3'))))?.type).toBe('dir');
      for (const absent of ['/', '/zzz', '/ ', `${source}/dir-3/x`, `${source}/big/x`, `${paths[7]}x`]) {
        expect(await reader.find(raw(absent))).toBeUndefined();
      }
    });
  });

  it('yield one directory, or a tree, and nothing else', async () => {
    await test.use(async (repo) => {
      const reader = await newest(repo, new ChunkReader(repo));
      const tree = `${source}/dir-7`;
      const inTree = paths.filter((path) => path.startsWith(`${tree}/`));
      const subs = ['sub-27', 'sub-47', 'sub-67', 'sub-7', 'sub-87'].map((name) => `${tree}/${name}`);
      expect(await pathsOf(reader, { directory: raw(tree), recursive: false })).toEqual(subs);
      expect((await pathsOf(reader, { directory: raw(tree), recursive: true })).sort()).toEqual(
        [...subs, ...inTree].sort(),
      );
      expect(await pathsOf(reader, { directory: raw(`${tree}/none`), recursive: true })).toEqual([]);
    });
  });

  it('read the segments of one directory only', async () => {
    await test.use(async (repo) => {
      const chunks = new ChunkReader(repo);
      const reader = await newest(repo, chunks);
      const all: string[] = [];
      for await (const ref of reader.refs()) all.push(ref.id);
      const one: string[] = [];
      for await (const ref of reader.refs({ directory: raw(`${source}/dir-7/sub-7`), recursive: false }))
        one.push(ref.id);
      expect(all.length).toBeGreaterThan(2);
      expect(one.length).toBeLessThanOrEqual(2);
    });
  });

  it('give back content, and ask for each frame once', async () => {
    await test.use(async (repo) => {
      const chunks = new ChunkReader(repo);
      const entry = (await (await newest(repo, chunks)).find(raw(join(source, 'big'))))!;
      expect(entry.chunks!.length).toBeGreaterThan(4);
      recording.calls.length = 0;
      const ids = [...entry.chunks!, ...entry.chunks!];
      const parts = await Promise.all(ids.map((id) => chunks.get(id, 'data')));
      expect(Buffer.concat(parts).equals(Buffer.concat([big, big]))).toBe(true);
      const asked = recording.calls.filter(({ operation }) => operation === 'get');
      expect(new Set(asked.map(({ name, range }) => `${name} ${range?.offset}`)).size).toBe(asked.length);
      expect(asked.every(({ range }) => range !== undefined)).toBe(true);
    });
  });

  it('hold a bounded number of frames', async () => {
    await test.use(async (repo) => {
      const chunks = new ChunkReader(repo, { cacheBytes: 1 });
      const entry = (await (await newest(repo, chunks)).find(raw(join(source, 'big'))))!;
      expect((await contentOf(chunks, entry)).equals(big)).toBe(true);
      expect((await contentOf(chunks, entry)).equals(big)).toBe(true);
    });
  });

  it('stop waiting when they are told to, without failing others', async () => {
    await test.use(async (repo) => {
      const chunks = new ChunkReader(repo);
      const entry = (await (await newest(repo, chunks)).find(raw(join(source, 'big'))))!;
      const stop = new AbortController();
      const aborted = chunks.get(entry.chunks![0]!, 'data', stop.signal);
      const other = chunks.get(entry.chunks![0]!, 'data');
      stop.abort();
      await expect(aborted).rejects.toMatchObject({ kind: 'cancelled' });
      expect((await other).length).toBeGreaterThan(0);
      await expect(chunks.get(entry.chunks![0]!, 'data', stop.signal)).rejects.toMatchObject({ kind: 'cancelled' });
    });
  });

  it('say which chunk no index names', async () => {
    await test.use(async (repo) => {
      const id = 'ab'.repeat(32);
      await expect(new ChunkReader(repo).get(Buffer.from(id, 'hex'), 'data')).rejects.toMatchObject({
        kind: 'damage',
        code: 'chunk-unknown',
        data: { chunk: id },
      });
    });
  });

  it('need a key that reads', async () => {
    await test.use(async (repo) => {
      expect(() => new ChunkReader(repo)).toThrow(expect.objectContaining({ kind: 'key', code: 'insufficient-key' }));
    }, 'write');
  });

  it('name the pack and the snapshot when a manifest is damaged or gone', async () => {
    const [pack] = await names(store, 'meta/');
    const restore = await damageObject(store, pack!);
    await test.use(async (repo) => {
      const failed = pathsOf(await newest(repo, new ChunkReader(repo)));
      await expect(failed).rejects.toMatchObject({
        kind: 'damage',
        data: { object: pack, snapshot: expect.stringMatching(/^snapshots\//) },
      });
    });
    await store.delete(pack!);
    await test.use(async (repo) => {
      const failed = pathsOf(await newest(repo, new ChunkReader(repo)));
      await expect(failed).rejects.toMatchObject({ kind: 'damage', code: 'pack-missing', data: { object: pack } });
    });
    await restore();
  });

  it('go on behind a damaged segment when that is asked for', async () => {
    await test.use(async (repo) => {
      const chunks = new ChunkReader(repo);
      const reader = await newest(repo, chunks);
      const all = await pathsOf(reader);
      const refs = [];
      for await (const ref of reader.refs()) refs.push(ref);
      const bad = refs[2]!;
      const get = chunks.get.bind(chunks);
      chunks.get = async (id, kind, signal) => {
        if (id === bad.id) throw new IcecoreError('damage', 'chunk-damaged', 'x', { data: { object: 'p' } });
        return await get(id, kind, signal);
      };
      const lost: [string, number][] = [];
      const found = await pathsOf(reader, undefined, {
        onDamage: (error, ref) => lost.push([error.code, ref.entries]),
      });
      expect(lost).toEqual([['chunk-damaged', bad.entries]]);
      expect(found.length).toBe(all.length - bad.entries);
      await expect(pathsOf(reader)).rejects.toMatchObject({ code: 'chunk-damaged', data: { from: bad.first } });
    });
  });

  it('refuse a segment that is not the one the root describes', async () => {
    await test.use(async (repo) => {
      const chunks = new ChunkReader(repo);
      const reader = await newest(repo, chunks);
      const refs = [];
      for await (const ref of reader.refs()) refs.push(ref);
      const swapped = { ...refs[1]!, id: refs[2]!.id };
      await expect(reader.segment(swapped)).rejects.toMatchObject({ kind: 'damage', code: 'segment-mismatch' });
    });
  });
});

describe('a chunk with two places', () => {
  const source = makeTestFolder('places');
  afterAll(() => rmSync(source, { recursive: true, force: true }));

  it('is read from the other one when a pack is damaged or missing', async () => {
    const store = new MemoryStore();
    const test = await TestRepository.create({ store });
    try {
      const content = seededBytes(100_000, 3);
      writeFileSync(join(source, 'file'), content);
      await test.backup([source]);
      // A second host whose catalog misses the first index stores the chunk again.
      const [index] = await names(store, 'index/');
      const bytes = (await store.get(index!))!;
      await store.delete(index!);
      writeFileSync(join(source, 'other'), 'x');
      await test.backup([source], { force: true });
      await store.put(index!, bytes, { ifAbsent: true });
      const packs = await names(store, 'packs/');
      expect(packs).toHaveLength(2);
      for (const [i, pack] of packs.entries()) {
        const restore = await damageObject(store, pack);
        if (i === 1) await store.delete(pack);
        const monitor = collectingMonitor();
        const repo = await test.open('read', monitor, `reader-${i}`);
        const id = hmac(repo.derived.chunkId, content);
        expect((await new ChunkReader(repo).get(id, 'data')).equals(content)).toBe(true);
        await repo.close();
        await restore();
      }
    } finally {
      test.remove();
    }
  });
});

async function names(store: MemoryStore, prefix: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of store.list(prefix)) found.push(name);
  return found;
}
