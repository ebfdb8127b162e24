/** Restores of trees: what comes back, into what, and what is left alone. */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listTree, makeNastyTree } from '../support/nasty-tree.ts';
import { seededBytes } from '../support/random.ts';
import { collectingMonitor, TestRepository } from '../support/repository.ts';
import { restore } from '../support/restoring.ts';
import { makeTestFolder } from '../support/test-folder.ts';

let room: string;
let source: string;
let nasty: TestRepository;
let count = 0;

/** A target that does not exist yet. */
const newTarget = (): string => join(room, `out${count++}`);

/** A small tree in a repository of its own. */
async function smallRepository(
  files: Readonly<Record<string, string>>,
): Promise<{ repo: TestRepository; from: string }> {
  const from = join(room, `from${count++}`);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(from, path, '..'), { recursive: true });
    writeFileSync(join(from, path), content);
  }
  const repo = await TestRepository.create();
  repositories.push(repo);
  await repo.backup([from]);
  return { repo, from };
}
const repositories: TestRepository[] = [];

beforeAll(async () => {
  room = makeTestFolder('restore');
  source = join(room, 'source');
  makeNastyTree(source);
  nasty = await TestRepository.create({ chunkBytes: 65_536, packBytes: 300_000 });
  repositories.push(nasty);
  await nasty.backup([source]);
});

afterAll(() => {
  for (const repo of repositories) repo.remove();
  rmSync(room, { recursive: true, force: true });
});

describe('what comes back', () => {
  it('is everything, exactly: names, types, owners, modes, times, attributes, holes and links', async () => {
    const target = newTarget();
    const { stats, problems } = await restore(nasty, target, { path: source, workers: 3 });
    expect(problems).toEqual([]);
    expect(listTree(target)).toEqual(listTree(source));
    expect(statSync(join(target, 'sparse')).blocks).toBeLessThan(2000);
    expect(statSync(join(target, 'all hole')).blocks).toBe(0);
    expect(stats.errors).toBe(0);
    expect(stats.filesRestored).toBe(stats.plan.files);
    expect(stats.dirs).toBe(stats.plan.dirs);
  });

  it('is the same whatever is planned at a time', async () => {
    for (const limits of [
      { entries: 1, chunks: 1, bigFiles: 1 },
      { entries: 7, chunks: 5, bigFiles: 2 },
    ]) {
      const target = newTarget();
      const { problems } = await restore(nasty, target, { path: source, limits, verify: true });
      expect(problems).toEqual([]);
      expect(listTree(target)).toEqual(listTree(source));
    }
  });

  it('is found below the target under its whole path when everything is restored', async () => {
    const target = newTarget();
    const { problems } = await restore(nasty, target);
    expect(problems).toEqual([]);
    expect(listTree(target + source)).toEqual(listTree(source));
  });

  it('is one file, directly in the target, when one is named', async () => {
    const target = newTarget();
    const { stats } = await restore(nasty, target, { path: `${source}/several chunks` });
    expect(readdirSync(target)).toEqual(['several chunks']);
    expect(readFileSync(join(target, 'several chunks'))).toEqual(seededBytes(900_000, 1));
    expect(stats.plan).toMatchObject({ files: 1, dirs: 0, bytes: 900_000 });
  });

  it('is a file by itself when the first name of it lies elsewhere', async () => {
    const target = newTarget();
    await restore(nasty, target, { path: `${source}/linked` });
    expect(statSync(join(target, 'a')).ino).toBe(statSync(join(target, 'b')).ino);
    const other = newTarget();
    const { problems } = await restore(nasty, other, { path: source, include: ['b', 'later name'] });
    expect(problems).toEqual([]);
    expect(readFileSync(join(other, 'linked/b'))).toEqual(seededBytes(5000, 2));
    expect(readdirSync(other).sort()).toEqual(['later name', 'linked']);
    expect(readFileSync(join(other, 'later name'))).toEqual(seededBytes(5000, 2));
  });

  it('has holes for zeros when that is asked for', async () => {
    const target = newTarget();
    const { problems } = await restore(nasty, target, { path: source, sparse: true });
    expect(problems).toEqual([]);
    expect(statSync(join(target, 'zeros')).blocks).toBe(0);
    expect(listTree(target)).toEqual(listTree(source));
  });

  it('comes from lists of chunks where a file has thousands of them', async () => {
    const from = join(room, 'large');
    mkdirSync(from);
    // 1,100 chunks and more, all different but small: text that compresses.
    const lines = Array.from({ length: 11_000_000 / 8 }, (_, i) => i.toString(36).padStart(7, '0'));
    const content = `${lines.join('\n')}\n`;
    writeFileSync(join(from, 'f'), content);
    writeFileSync(join(from, 'g'), 'after');
    const repo = await TestRepository.create({ chunkBytes: 8192, packBytes: 200_000 });
    repositories.push(repo);
    await repo.backup([from]);
    for (const limits of [undefined, { entries: 10, chunks: 100, bigFiles: 4 }]) {
      const target = newTarget();
      const { problems, stats } = await restore(repo, target, {
        path: from,
        verify: true,
        ...(limits ? { limits } : {}),
      });
      expect(problems).toEqual([]);
      expect(readFileSync(join(target, 'f'), 'utf8') === content).toBe(true);
      expect(stats.filesVerified).toBe(2);
    }
  });

  it('is nothing, with a message, when the path is not in the snapshot', async () => {
    await expect(restore(nasty, newTarget(), { path: '/nowhere' })).rejects.toMatchObject({ code: 'no-such-path' });
  });
});

describe('a deep tree', () => {
  it('comes back, at 3,000 levels', async () => {
    const from = join(room, 'deep');
    mkdirSync(from);
    const cwd = process.cwd();
    const levels = 3000;
    const make = (name: string): void => {
      mkdirSync(name);
      process.chdir(name);
    };
    try {
      process.chdir(from);
      for (let i = 0; i < levels; i++) make('deeper');
      writeFileSync('bottom', 'here');
    } finally {
      process.chdir(cwd);
    }
    const repo = await TestRepository.create();
    repositories.push(repo);
    await repo.backup([from]);
    const target = newTarget();
    const { stats, problems } = await restore(repo, target, { path: from });
    expect(problems).toEqual([]);
    expect(stats).toMatchObject({ dirs: levels, filesRestored: 1 });
    try {
      process.chdir(target);
      for (let i = 0; i < levels; i++) process.chdir('deeper');
      expect(readFileSync('bottom', 'utf8')).toBe('here');
    } finally {
      process.chdir(cwd);
    }
  });
});

describe('a plan', () => {
  it('says what would be done, and writes nothing', async () => {
    const target = newTarget();
    const { stats } = await restore(nasty, target, { path: source, planOnly: true });
    expect(existsSync(target)).toBe(false);
    expect(stats.plan.files).toBeGreaterThan(15);
    expect(stats.plan.packBytes).toBeGreaterThan(900_000);
    expect(stats.plan.packs).toBeGreaterThan(0);
  });

  it('is shown before anything is written, and may be turned down', async () => {
    const target = newTarget();
    const approve = async (): Promise<boolean> => {
      expect(existsSync(target)).toBe(false);
      return false;
    };
    await restore(nasty, target, { path: source, approve });
    expect(existsSync(target)).toBe(false);
  });
});

describe('what is there already', () => {
  it('is kept when it is the same, and nothing is fetched', async () => {
    const target = newTarget();
    await restore(nasty, target, { path: source });
    const { stats } = await restore(nasty, target, { path: source });
    expect(stats.bytesFetched).toBe(0);
    expect(stats.plan.filesUnchanged).toBeGreaterThan(15);
    expect(listTree(target)).toEqual(listTree(source));
  });

  it('is not written again when only its time differs', async () => {
    const { repo, from } = await smallRepository({ a: 'one', b: 'two' });
    const target = newTarget();
    await restore(repo, target, { path: from });
    const before = statSync(join(target, 'a')).ino;
    utimesSync(join(target, 'a'), 5, 5);
    const { stats } = await restore(repo, target, { path: from });
    expect(statSync(join(target, 'a')).ino).toBe(before);
    expect(stats).toMatchObject({ filesUnchanged: 2, filesRestored: 0, bytesFetched: 0 });
    expect(listTree(target)).toEqual(listTree(from));
  });

  it('is replaced by policy', async () => {
    const { repo, from } = await smallRepository({ a: 'one', b: 'two', c: 'six' });
    const made = statSync(join(from, 'a')).mtimeMs / 1000;
    const prepare = (): string => {
      const target = newTarget();
      mkdirSync(target);
      writeFileSync(join(target, 'a'), 'NEW');
      utimesSync(join(target, 'a'), made + 100, made + 100);
      writeFileSync(join(target, 'b'), 'OLD');
      utimesSync(join(target, 'b'), made - 100, made - 100);
      return target;
    };
    const read = (target: string): string =>
      ['a', 'b', 'c'].map((name) => readFileSync(join(target, name), 'utf8')).join();
    const expected = {
      always: 'one,two,six',
      'if-changed': 'one,two,six',
      'if-newer': 'NEW,two,six',
      never: 'NEW,OLD,six',
    };
    for (const [overwrite, content] of Object.entries(expected)) {
      const target = prepare();
      const { stats } = await restore(repo, target, { path: from, overwrite: overwrite as 'always' });
      expect(read(target), overwrite).toBe(content);
      expect(stats.filesSkipped).toBe({ always: 0, 'if-changed': 0, 'if-newer': 1, never: 2 }[overwrite]);
    }
  });

  it('is read when nothing is to be believed: same size and time do not hide another content', async () => {
    const { repo, from } = await smallRepository({ a: 'one' });
    const target = newTarget();
    await restore(repo, target, { path: from });
    const { atime, mtime } = statSync(join(from, 'a'));
    writeFileSync(join(target, 'a'), 'eno');
    utimesSync(join(target, 'a'), atime, mtime);
    const { stats } = await restore(repo, target, { path: from, overwrite: 'always' });
    expect(stats.filesRestored).toBe(1);
    expect(readFileSync(join(target, 'a'), 'utf8')).toBe('one');
  });

  it('stays when it is of another type, and is named', async () => {
    const { repo, from } = await smallRepository({ a: 'one', 'd/in': 'two', e: 'three' });
    const target = newTarget();
    mkdirSync(join(target, 'a/keep'), { recursive: true });
    writeFileSync(join(target, 'd'), 'a file');
    const { codes, stats } = await restore(repo, target, { path: from });
    expect([...codes].sort()).toEqual(['directory-in-the-way', 'file-in-the-way']);
    expect(existsSync(join(target, 'a/keep'))).toBe(true);
    expect(readFileSync(join(target, 'd'), 'utf8')).toBe('a file');
    expect(readFileSync(join(target, 'e'), 'utf8')).toBe('three');
    expect(stats.errors).toBe(2);
  });

  it('is not written through where it is a link', async () => {
    const { repo, from } = await smallRepository({ 'd/in': 'two', e: 'three' });
    const target = newTarget();
    const outside = newTarget();
    mkdirSync(target);
    mkdirSync(outside);
    symlinkSync(outside, join(target, 'd'));
    symlinkSync(join(outside, 'e'), join(target, 'e'));
    const { codes } = await restore(repo, target, { path: from });
    expect(codes).toEqual(['symlink-in-the-way']);
    expect(readdirSync(outside)).toEqual([]);
    expect(lstatSync(join(target, 'e')).isFile()).toBe(true);
  });
});

describe('patterns', () => {
  it('choose what is restored, relative to the path', async () => {
    const { repo, from } = await smallRepository({
      'a.txt': '1',
      'b.doc': '2',
      'd/c.txt': '3',
      'd/e/f.txt': '4',
      'x/y.doc': '5',
      'x/.cache/z.txt': '6',
    });
    const names = async (options: { include?: string[]; exclude?: string[] }): Promise<string[]> => {
      const target = newTarget();
      await restore(repo, target, { path: from, ...options });
      return [...listTree(target).keys()].map((path) => path.slice(1));
    };
    expect(await names({ include: ['*.txt'], exclude: ['.cache'] })).toEqual([
      'a.txt',
      'd',
      'd/c.txt',
      'd/e',
      'd/e/f.txt',
    ]);
    expect(await names({ include: ['/d'] })).toEqual(['d', 'd/c.txt', 'd/e', 'd/e/f.txt']);
    expect(await names({ exclude: ['/d/e', '*.doc'] })).toEqual([
      'a.txt',
      'd',
      'd/c.txt',
      'x',
      'x/.cache',
      'x/.cache/z.txt',
    ]);
    expect(await names({ include: ['d/*', '!d/c.txt'] })).toEqual(['d', 'd/e', 'd/e/f.txt']);
  });

  it('that are malformed are refused before anything is read', async () => {
    await expect(restore(nasty, newTarget(), { include: ['a['] })).rejects.toMatchObject({ kind: 'usage' });
  });
});

describe('--delete', () => {
  it('removes what the snapshot has not, and spares what patterns exclude and what lies behind links', async () => {
    const { repo, from } = await smallRepository({ a: '1', 'd/b': '2' });
    const target = newTarget();
    const outside = newTarget();
    mkdirSync(join(target, 'd/old/older'), { recursive: true });
    mkdirSync(outside);
    writeFileSync(join(outside, 'precious'), '');
    for (const name of ['extra', 'd/extra', 'd/old/older/x', 'keep.me', 'd/old/keep.me'])
      writeFileSync(join(target, name), '');
    symlinkSync(outside, join(target, 'd/link'));
    const { stats, problems } = await restore(repo, target, { path: from, delete: true, exclude: ['*.me'] });
    expect(problems).toEqual([]);
    expect([...listTree(target).keys()]).toEqual(['/a', '/d', '/d/b', '/d/old', '/d/old/keep.me', '/keep.me']);
    expect(readdirSync(outside)).toEqual(['precious']);
    expect(stats.filesRemoved).toBe(4);
  });

  it('removes only what is included, where patterns include', async () => {
    const { repo, from } = await smallRepository({ 'a.txt': '1', b: '2' });
    const target = newTarget();
    mkdirSync(target);
    for (const name of ['extra.txt', 'extra']) writeFileSync(join(target, name), '');
    await restore(repo, target, { path: from, delete: true, include: ['*.txt'] });
    expect(readdirSync(target).sort()).toEqual(['a.txt', 'extra']);
  });

  it('clears the way for another type', async () => {
    const { repo, from } = await smallRepository({ a: '1', 'd/b': '2' });
    const target = newTarget();
    mkdirSync(join(target, 'a/sub'), { recursive: true });
    writeFileSync(join(target, 'd'), 'file');
    const { problems } = await restore(repo, target, { path: from, delete: true });
    expect(problems).toEqual([]);
    expect(listTree(target)).toEqual(listTree(from));
  });

  it('removes nothing beside the paths that were backed up', async () => {
    const { repo, from } = await smallRepository({ a: '1' });
    const target = newTarget();
    mkdirSync(target + from, { recursive: true });
    writeFileSync(join(target, 'beside'), '');
    writeFileSync(join(target + from, 'extra'), '');
    await restore(repo, target, { delete: true });
    expect(readdirSync(target)).toContain('beside');
    expect(readdirSync(target + from)).toEqual(['a']);
  });
});

describe('--verify', () => {
  it('reads everything back, and names what is not as it should be', async () => {
    const { repo, from } = await smallRepository({ a: 'one', b: 'two' });
    const target = newTarget();
    const monitor = collectingMonitor();
    const spoiling = {
      ...monitor,
      progress: ({ phase }: { phase: string }) => {
        if (phase === 'verify') writeFileSync(join(target, 'b'), 'owt');
      },
    };
    const { stats, codes } = await restore(repo, target, { path: from, verify: true, monitor: spoiling });
    expect(codes).toEqual(['verify-mismatch']);
    expect(stats).toMatchObject({ filesVerified: 1, errors: 1 });
  });
});
