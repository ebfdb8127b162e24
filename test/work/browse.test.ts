/** Looking into snapshots of real repositories: list, resolve, ls, find, diff, and how much of a manifest they read. */
import { chmodSync, linkSync, mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeSessionId } from '../../src/base/ids.ts';
import { type Raw, rawFromText } from '../../src/base/raw.ts';
import { snapshotName } from '../../src/format/layout.ts';
import { comparePositions } from '../../src/format/path-rules.ts';
import { encodeSnapshot } from '../../src/format/snapshot.ts';
import type { Repository } from '../../src/repo/repository.ts';
import { loadSnapshots } from '../../src/repo/snapshots.ts';
import { createHeader } from '../../src/seal/age-header.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import type { Difference, FindOptions, ListedEntry, SnapshotFilter, SnapshotInfo } from '../../src/work/browse.ts';
import { diffSnapshots } from '../../src/work/difference.ts';
import { compareEntries } from '../../src/work/entry-comparison.ts';
import { findEntries } from '../../src/work/find.ts';
import { listEntries } from '../../src/work/listing.ts';
import { listSnapshots, resolveSnapshot } from '../../src/work/snapshot-list.ts';
import { seededBytes, seededRandom } from '../support/random.ts';
import { RecordingStore } from '../support/recording-store.ts';
import { collectingMonitor, TestRepository } from '../support/repository.ts';
import { makeTestFolder } from '../support/test-folder.ts';

const raw = rawFromText;
const ALL: SnapshotFilter = { hosts: [], tags: [], paths: [] };
const FIND: FindOptions = { patterns: [], ignoreCase: false, filter: ALL };

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

const latest = (repo: Repository, spec = 'latest'): Promise<SnapshotInfo> => resolveSnapshot(repo, spec, ALL);

async function pathsOf(items: AsyncIterable<ListedEntry>): Promise<Raw[]> {
  return (await collect(items)).map(({ path }) => path);
}

describe('a set of snapshots', () => {
  const source = makeTestFolder('snapshots');
  let test: TestRepository;
  let ids: string[];

  beforeAll(async () => {
    for (const name of ['a', 'b']) {
      mkdirSync(join(source, name));
      writeFileSync(join(source, name, 'file'), name);
    }
    test = await TestRepository.create();
    const runs = [
      [['a'], { host: 'nas', tags: ['daily', 'home'] }],
      [['a', 'b'], { host: 'nas', tags: ['daily'] }],
      [['b'], { host: 'laptop', tags: ['home'] }],
    ] as const;
    ids = [];
    for (const [names, options] of runs) {
      ids.push(
        (
          await test.backup(
            names.map((name) => join(source, name)),
            options,
          )
        ).snapshot!,
      );
    }
  });
  afterAll(() => {
    test.remove();
    rmSync(source, { recursive: true, force: true });
  });

  it('is listed oldest first', async () => {
    await test.use(async (repo) => {
      const listed = await listSnapshots(repo, ALL);
      expect(listed.map(({ id }) => id)).toEqual(ids);
      expect(listed[1]).toMatchObject({
        host: 'nas',
        user: 'user',
        tags: ['daily'],
        files: 2,
        errors: 0,
        complete: true,
        partial: false,
      });
      expect(listed[1]!.paths).toEqual([raw(join(source, 'a')), raw(join(source, 'b'))]);
    }, 'write');
  });

  it('is narrowed by any of the hosts, all of the tags and all of the paths', async () => {
    await test.use(async (repo) => {
      const numbers = async (filter: Partial<SnapshotFilter>): Promise<number[]> =>
        (await listSnapshots(repo, { ...ALL, ...filter })).map(({ id }) => ids.indexOf(id));
      const [a, b] = [raw(join(source, 'a')), raw(join(source, 'b'))];
      expect(await numbers({ hosts: ['nas'] })).toEqual([0, 1]);
      expect(await numbers({ hosts: ['nas', 'laptop'] })).toEqual([0, 1, 2]);
      expect(await numbers({ hosts: ['n'] })).toEqual([]);
      expect(await numbers({ tags: ['home'] })).toEqual([0, 2]);
      expect(await numbers({ tags: ['home', 'daily'] })).toEqual([0]);
      expect(await numbers({ paths: [a] })).toEqual([0, 1]);
      expect(await numbers({ paths: [b, a] })).toEqual([1]);
      expect(await numbers({ paths: [raw(source)] })).toEqual([]);
      expect(await numbers({ hosts: ['laptop'], tags: ['home'], paths: [b] })).toEqual([2]);
      expect(await numbers({ hosts: ['laptop'], tags: ['daily'] })).toEqual([]);
    });
  });

  it('is searched for an id, a prefix in any case, latest and latest~N', async () => {
    await test.use(async (repo) => {
      const resolve = async (spec: string, filter: Partial<SnapshotFilter> = {}): Promise<string> =>
        (await resolveSnapshot(repo, spec, { ...ALL, ...filter })).id;
      expect(await resolve('latest')).toBe(ids[2]);
      expect(await resolve('latest~0')).toBe(ids[2]);
      expect(await resolve('latest~2')).toBe(ids[0]);
      expect(await resolve('latest', { hosts: ['nas'] })).toBe(ids[1]);
      expect(await resolve('latest~1', { hosts: ['nas'] })).toBe(ids[0]);
      for (const id of ids) {
        expect(await resolve(id)).toBe(id);
        expect(await resolve(id.toLowerCase())).toBe(id);
        expect(await resolve(id.slice(0, 20))).toBe(id);
      }
      // Narrowed to one, a short prefix is enough.
      expect(await resolve(ids[2]!.slice(0, 4), { hosts: ['laptop'] })).toBe(ids[2]);
    });
  });

  it('passes over partial snapshots for latest, and finds them by id', async () => {
    const own = await TestRepository.create();
    const id = (await own.backup([join(source, 'a')])).snapshot!;
    await own.use(async (repo) => {
      const { snapshot, hash } = (await loadSnapshots(repo)).snapshots[0]!;
      const sid = makeSessionId(own.clock.now(), seededBytes(10, 1));
      const partial = { ...snapshot, id: sid, seq: 2, prev: hash, partial: true };
      const header = await createHeader(repo.config.recipients.meta);
      await repo.objects.save('snapshot', snapshotName(sid), encodeSnapshot(partial), header, { cache: false });
      expect((await listSnapshots(repo, ALL)).map((listed) => [listed.id, listed.partial])).toEqual([
        [id, false],
        [sid, true],
      ]);
      expect((await latest(repo)).id).toBe(id);
      expect((await latest(repo, sid)).id).toBe(sid);
      await expect(latest(repo, 'latest~1')).rejects.toMatchObject({ code: 'no-such-snapshot' });
    }, 'write');
    own.remove();
  });

  it('says what it has when the one that is meant is not clear', async () => {
    await test.use(async (repo) => {
      const failure = (spec: string, filter: Partial<SnapshotFilter> = {}): Promise<unknown> =>
        resolveSnapshot(repo, spec, { ...ALL, ...filter }).catch((error) => error);
      const user = { kind: 'user', code: 'no-such-snapshot' };
      expect(await failure(ids[0]!.slice(0, 5))).toMatchObject({
        kind: 'user',
        code: 'ambiguous-snapshot',
        data: { candidates: ids },
      });
      expect(await failure('latest~3')).toMatchObject({
        ...user,
        message: expect.stringContaining('only 3'),
        data: { candidates: ids },
      });
      expect(await failure('7ZZZ')).toMatchObject({ ...user, data: { candidates: ids } });
      expect(await failure('abc')).toMatchObject(user);
      expect(await failure('latest~')).toMatchObject(user);
      expect(await failure('latest', { hosts: ['x'] })).toMatchObject({
        ...user,
        message: expect.stringContaining('--host'),
      });
      expect(await failure(ids[0]!, { hosts: ['laptop'] })).toMatchObject({
        ...user,
        hint: expect.stringContaining('--host'),
      });
    });
    const empty = await TestRepository.create();
    await empty.use(async (repo) => {
      await expect(latest(repo)).rejects.toMatchObject({
        code: 'no-such-snapshot',
        hint: expect.stringContaining('backup'),
      });
    });
    empty.remove();
  });
});

describe('looking into a snapshot', () => {
  const source = makeTestFolder('listing');
  const store = new RecordingStore(new MemoryStore());
  let test: TestRepository;
  const at = (path: string): Raw => raw(join(source, path));

  beforeAll(async () => {
    for (let i = 0; i < 100; i++) {
      const folder = join(source, 'tree', `dir-${i}`);
      mkdirSync(folder, { recursive: true });
      for (let j = 0; j < 100; j++) writeFileSync(join(folder, `file-${j}`), '');
    }
    for (const name of ['Photo.JPG', 'é.jpg', 'photo.jpg', '!x', '{a,b}', 'a[1]', 'sub']) {
      if (name === 'sub') mkdirSync(join(source, 'names', 'sub', 'deep'), { recursive: true });
      else {
        mkdirSync(join(source, 'names'), { recursive: true });
        writeFileSync(join(source, 'names', name), 'x'.repeat(name.length));
      }
    }
    writeFileSync(
      Buffer.concat([Buffer.from(join(source, 'names', 'b')), Buffer.from([0xff]), Buffer.from('.jpg')]),
      '',
    );
    writeFileSync(join(source, 'names', 'sub', 'deep', 'photo.jpg'), '12345');
    symlinkSync('nowhere', join(source, 'names', 'link.jpg'));
    utimesSync(join(source, 'names', 'Photo.JPG'), 1000, 1000);
    test = await TestRepository.create({ store });
    await test.backup([source]);
  });
  afterAll(() => {
    test.remove();
    rmSync(source, { recursive: true, force: true });
  });

  it('lists a directory, a tree, and a single file', async () => {
    await test.use(async (repo) => {
      const snapshot = await latest(repo);
      const ls = (path: string, recursive = false) => pathsOf(listEntries(repo, snapshot, raw(path), recursive));
      expect(await ls(source)).toEqual([at('names'), at('tree')]);
      expect(await ls(`${source}/`)).toEqual([at('names'), at('tree')]);
      expect((await ls(join(source, 'tree'))).length).toBe(100);
      expect((await ls(join(source, 'tree', 'dir-5'))).length).toBe(100);
      expect(await ls(join(source, 'names', 'sub'), true)).toEqual([
        at('names/sub/deep'),
        at('names/sub/deep/photo.jpg'),
      ]);
      expect(await ls(join(source, 'names', 'photo.jpg'), true)).toEqual([at('names/photo.jpg')]);
      const all = await ls('/', true);
      expect(all).toEqual([...all].sort(comparePositions));
      expect(all.filter((path) => path.startsWith(`${source}/`)).length).toBe(100 * 101 + 1 + 1 + 8 + 3);
      expect((await ls('/')).length).toBe(1);
    });
  });

  it('lists one directory with a few requests, however large the rest is', async () => {
    await test.use(async (repo) => {
      const snapshot = await latest(repo);
      store.calls.length = 0;
      await pathsOf(listEntries(repo, snapshot, at('tree/dir-50'), false));
      expect(store.calls.filter(({ operation }) => operation === 'get').length).toBeLessThanOrEqual(2);
    });
  });

  it('says so when there is no such path', async () => {
    await test.use(async (repo) => {
      const snapshot = await latest(repo);
      for (const path of [at('none'), at('tree/dir-5/file-1/x'), raw('/tmp/none')]) {
        await expect(pathsOf(listEntries(repo, snapshot, path, false))).rejects.toMatchObject({
          kind: 'user',
          code: 'no-such-path',
        });
      }
    });
  });

  it('finds by name, by path, in any case, and takes special characters literally', async () => {
    await test.use(async (repo) => {
      const find = async (pattern: string, more: Partial<FindOptions> = {}): Promise<string[]> =>
        (await pathsOf(findEntries(repo, { ...FIND, patterns: [pattern], ...more })))
          .map((path) => path.slice(source.length + 1))
          .sort();
      const names = (...list: string[]): string[] => list.map((name) => `names/${raw(name)}`).sort();
      const jpgs = [...names('photo.jpg', 'é.jpg', 'link.jpg', 'sub/deep/photo.jpg'), 'names/b\xff.jpg'].sort();
      expect(await find('*.jpg')).toEqual(jpgs);
      expect(await find('*.jpg', { ignoreCase: true })).toEqual([...jpgs, 'names/Photo.JPG'].sort());
      expect(await find('?.jpg')).toEqual(names('é.jpg'));
      expect(await find('[[:upper:]]*')).toEqual(names('Photo.JPG'));
      expect(await find('[[:upper:]]hoto.*', { ignoreCase: true })).toEqual(
        names('Photo.JPG', 'photo.jpg', 'sub/deep/photo.jpg'),
      );
      expect(await find('!x')).toEqual(names('!x'));
      expect(await find('{a,b}')).toEqual(names('{a,b}'));
      expect(await find('a\\[1\\]')).toEqual(names('a[1]'));
      expect(await find(`${source}/names/*.jpg`)).toEqual(
        names('photo.jpg', 'é.jpg', 'link.jpg').concat('names/b\xff.jpg').sort(),
      );
      expect(await find(`${source}/names/**/photo.jpg`)).toEqual(names('photo.jpg', 'sub/deep/photo.jpg'));
      expect(await find(`${source}/names/photo.jpg`)).toEqual(names('photo.jpg'));
      expect(await find('sub/*/photo.jpg')).toEqual(names('sub/deep/photo.jpg'));
      expect(await find('names/sub/')).toEqual(names('sub'));
      expect(await find('NAMES/SUB', { ignoreCase: true })).toEqual(names('sub'));
      expect(await find('dir-7')).toEqual(['tree/dir-7']);
      expect((await find('dir-7/*')).length).toBe(100);
      expect(await find('nothing')).toEqual([]);
      await expect(find('[a')).rejects.toMatchObject({ kind: 'usage', code: 'bad-pattern' });
    });
  });

  it('finds by type, time and size', async () => {
    await test.use(async (repo) => {
      const find = async (more: Partial<FindOptions>): Promise<string[]> =>
        (await pathsOf(findEntries(repo, { ...FIND, patterns: ['*'], ...more })))
          .map((path) => path.slice(source.length + 7))
          .sort();
      expect(await find({ type: 'symlink' })).toEqual(['link.jpg']);
      expect(await find({ olderThan: 1_000_000_000_001n })).toEqual(['Photo.JPG']);
      expect(await find({ olderThan: 1_000_000_000_000n })).toEqual([]);
      expect(await find({ newerThan: 999_999_999_999n, olderThan: 10n ** 18n })).toEqual(['Photo.JPG']);
      expect(await find({ minSize: 6 })).toEqual(['Photo.JPG', 'photo.jpg']);
      expect(await find({ minSize: 5, maxSize: 5 })).toEqual([raw('é.jpg'), '{a,b}', 'sub/deep/photo.jpg'].sort());
    });
  });

  it('takes no longer for a hostile pattern', async () => {
    await test.use(async (repo) => {
      const begin = performance.now();
      await collect(findEntries(repo, { ...FIND, patterns: [`${'*a'.repeat(200)}b`, `/${'**/*/'.repeat(60)}x`] }));
      expect(performance.now() - begin).toBeLessThan(5000);
    });
  });

  it('reads each segment once for all snapshots', async () => {
    const own = new RecordingStore(new MemoryStore());
    const fresh = await TestRepository.create({ store: own });
    try {
      for (let i = 0; i < 5; i++) {
        writeFileSync(join(source, 'tree', 'dir-50', 'new'), `${i}`);
        await fresh.backup([join(source, 'tree')]);
      }
      await fresh.use(async (repo) => {
        const found = await collect(findEntries(repo, { ...FIND, patterns: ['file-77'] }));
        expect(found.length).toBe(500);
        expect(new Set(found.map(({ snapshot }) => snapshot.id)).size).toBe(5);
        const ids = found.map(({ snapshot }) => snapshot.id);
        expect(ids).toEqual([...ids].sort().reverse());
        expect(await collect(findEntries(repo, { ...FIND, patterns: ['file-77'], snapshot: 'latest~1' }))).toHaveLength(
          100,
        );
        // 5 versions of at most 2 segments, 5 roots, and what was never changed: each frame once.
        const frames = own.calls.filter(({ name, operation }) => operation === 'get' && name.startsWith('meta/'));
        expect(frames.length).toBeLessThanOrEqual(12);
      });
    } finally {
      fresh.remove();
      rmSync(join(source, 'tree', 'dir-50', 'new'));
    }
  });
});

describe('differences', () => {
  it('name what was added, removed, modified, changed in metadata or type', async () => {
    const source = makeTestFolder('diff');
    const test = await TestRepository.create();
    const at = (path: string): string => join(source, path);
    try {
      for (const name of ['same', 'content', 'mode', 'gone', 'type', 'linked-1']) writeFileSync(at(name), name);
      for (const name of ['dir-gone', 'dir-same']) {
        mkdirSync(at(name));
        writeFileSync(at(`${name}/file`), '');
      }
      linkSync(at('linked-1'), at('linked-2'));
      linkSync(at('linked-1'), at('linked-3'));
      symlinkSync('a', at('symlink'));
      await test.backup([source]);
      writeFileSync(at('content'), 'another');
      chmodSync(at('mode'), 0o600);
      utimesSync(at('dir-same'), 5, 5);
      rmSync(at('gone'));
      rmSync(at('type'));
      mkdirSync(at('type'));
      rmSync(at('dir-gone'), { recursive: true });
      rmSync(at('symlink'));
      symlinkSync('b', at('symlink'));
      // The second name becomes the first of its group: nobody's content changes.
      rmSync(at('linked-1'));
      mkdirSync(at('dir-new'));
      writeFileSync(at('dir-new/file'), '');
      await test.backup([source]);
      await test.use(async (repo) => {
        const [a, b] = [await latest(repo, 'latest~1'), await latest(repo)];
        const diff = async (from: SnapshotInfo, to: SnapshotInfo, metadata: boolean, path?: string) =>
          (await collect(diffSnapshots(repo, from, to, { metadata, ...(path ? { path: raw(path) } : {}) }))).map(
            ({ change, path: found }) => `${change} ${found.slice(source.length + 1)}`,
          );
        const without = [
          'modified content',
          'removed dir-gone',
          'added dir-new',
          'removed gone',
          'removed linked-1',
          'modified symlink',
          'type type',
          'removed dir-gone/file',
          'added dir-new/file',
        ];
        expect(await diff(a, b, false)).toEqual(without);
        const metadata = (await diff(a, b, true)).filter((line) => line.startsWith('metadata'));
        expect(metadata.filter((line) => line !== 'metadata ')).toEqual([
          'metadata dir-same',
          'metadata linked-2',
          'metadata linked-3',
          'metadata mode',
        ]);
        expect(await diff(a, a, true)).toEqual([]);
        expect((await diff(b, a, false)).map((line) => line.replace(/^\w+ /, ''))).toEqual(
          without.map((line) => line.replace(/^\w+ /, '')),
        );
        expect(await diff(a, b, false, at('content'))).toEqual(['modified content']);
        expect(await diff(a, b, false, at('dir-new'))).toEqual(['added dir-new', 'added dir-new/file']);
        expect(await diff(a, b, false, at('dir-same'))).toEqual([]);
        await expect(diff(a, b, false, at('none'))).rejects.toMatchObject({ code: 'no-such-path' });
      });
    } finally {
      test.remove();
      rmSync(source, { recursive: true, force: true });
    }
  });

  it('are those of a naive comparison, for random changes, and cost few requests for few of them', async () => {
    const seed = 20261117;
    const random = seededRandom(seed);
    const pick = (n: number): number => Math.floor(random() * n);
    const source = makeTestFolder('diff-random');
    const store = new RecordingStore(new MemoryStore());
    const test = await TestRepository.create({ store });
    const fileAt = (): string => join(source, `d${pick(30)}`, `e${pick(8)}`, `f${pick(60)}`);
    try {
      for (let i = 0; i < 30; i++) {
        for (let j = 0; j < 8; j++) {
          mkdirSync(join(source, `d${i}`, `e${j}`), { recursive: true });
          for (let k = 0; k < 40; k++) writeFileSync(join(source, `d${i}`, `e${j}`, `f${k}`), '');
        }
      }
      await test.backup([source]);
      const edits: (() => void)[] = [
        () => writeFileSync(fileAt(), `${random()}`),
        () => rmSync(fileAt(), { recursive: true, force: true }),
        () => rmSync(join(source, `d${pick(30)}`, `e${pick(8)}`), { recursive: true, force: true }),
        () => mkdirSync(join(source, `d${pick(30)}`, `g${pick(100)}`, 'h'), { recursive: true }),
        () => renameSync(fileAt(), join(source, `r${pick(1000)}`)),
      ];
      for (const count of [1, 1, 5, 60]) {
        for (let i = 0; i < count; i++) {
          try {
            edits[count === 1 ? 0 : pick(edits.length)]!();
          } catch {
            // The file or its directory was not there: no edit.
          }
        }
        await test.backup([source]);
        await test.use(async (repo) => {
          const [a, b] = [await latest(repo, 'latest~1'), await latest(repo)];
          for (const from of [source, join(source, 'd7')]) {
            const expected = naive(
              (await collect(listEntries(repo, a, raw('/'), true))).filter(({ path }) => isAt(path, from)),
              (await collect(listEntries(repo, b, raw('/'), true))).filter(({ path }) => isAt(path, from)),
            );
            const path = raw(from);
            const found = (await collect(diffSnapshots(repo, a, b, { metadata: true, path }))).map(brief);
            expect(found.sort(), `seed ${seed}`).toEqual(expected.sort());
          }
          store.calls.length = 0;
          const all = await collect(diffSnapshots(repo, a, b, { metadata: false }));
          if (count === 1) {
            expect(all.length).toBeLessThanOrEqual(1);
            expect(store.calls.filter(({ operation }) => operation === 'get').length).toBeLessThanOrEqual(6);
          }
        });
      }
    } finally {
      test.remove();
      rmSync(source, { recursive: true, force: true });
    }
  });

  it('say nothing about what cannot be read, and report it', async () => {
    const source = makeTestFolder('diff-damage');
    const store = new MemoryStore();
    const test = await TestRepository.create({ store });
    try {
      // Long names that do not compress make a manifest of several frames, of which only the first will be damaged.
      const tails = seededBytes(1_200_000, 5).toString('hex');
      const names = Array.from(
        { length: 12_000 },
        (_, i) => `${String(i).padStart(5, '0')}${tails.slice(i * 200, i * 200 + 200)}`,
      );
      for (const name of names) writeFileSync(join(source, name), '');
      await test.backup([source]);
      for (const i of [10, 11_990]) writeFileSync(join(source, names[i]!), 'x');
      await test.backup([source]);
      const [pack, ...others] = (await collect(store.list('meta/'))).map(({ name }) => name);
      expect(others).toHaveLength(1);
      const bytes = Buffer.from((await store.get(pack!))!);
      bytes[1000]! ^= 1;
      await store.put(pack!, bytes, { ifAbsent: false });
      const monitor = collectingMonitor();
      await test.use(
        async (repo) => {
          const [a, b] = [await latest(repo, 'latest~1'), await latest(repo)];
          const found = await collect(diffSnapshots(repo, a, b, { metadata: false }));
          expect(found.map(brief)).toEqual([`modified ${join(source, names[11_990]!)}`]);
          expect(monitor.problems).toMatchObject([{ severity: 'error', object: pack }]);
          const listed = await collect(listEntries(repo, b, raw(source), false));
          expect(listed.length).toBeLessThan(12_000);
          expect(listed.at(-1)!.entry.name).toBe(names.at(-1));
        },
        'read',
        monitor,
      );
    } finally {
      test.remove();
      rmSync(source, { recursive: true, force: true });
    }
  });
});

function isAt(path: Raw, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}

function brief({ change, path }: Pick<Difference, 'change' | 'path'>): string {
  return `${change} ${path}`;
}

function naive(before: readonly ListedEntry[], after: readonly ListedEntry[]): string[] {
  const left = new Map(before.map(({ path, entry }) => [path, entry]));
  const right = new Map(after.map(({ path, entry }) => [path, entry]));
  const found: string[] = [];
  for (const path of new Set([...left.keys(), ...right.keys()])) {
    const [a, b] = [left.get(path), right.get(path)];
    const change = !a ? 'added' : !b ? 'removed' : compareEntries(a, b);
    if (change) found.push(brief({ change, path }));
  }
  return found;
}
