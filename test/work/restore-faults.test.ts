/** Restores when things go wrong: stores that fail, packs that are damaged, processes that are killed, hostile data. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { isIcecoreError } from '../../src/base/errors.ts';
import type { Raw } from '../../src/base/raw.ts';
import type { Entry } from '../../src/format/entry.ts';
import { ManifestReader } from '../../src/repo/manifest-reader.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import type { Store } from '../../src/store/store.ts';
import { FaultyStore, KillableStore, Killed } from '../support/faulty-store.ts';
import { listTree } from '../support/nasty-tree.ts';
import { seededBytes, seededRandom } from '../support/random.ts';
import { collectingMonitor, TestRepository } from '../support/repository.ts';
import type { RestoreTask } from '../support/restore-child.ts';
import { restore, withStore } from '../support/restoring.ts';
import { makeTestFolder } from '../support/test-folder.ts';

const SEEDS = process.env.SLOW ? 200 : 6;

let room: string;
let source: string;
let repo: TestRepository;
let count = 0;
const newTarget = (): string => join(room, `out${count++}`);

beforeAll(async () => {
  room = makeTestFolder('restore-faults');
  source = join(room, 'source');
  for (let d = 0; d < 6; d++) {
    mkdirSync(join(source, `d${d}`), { recursive: true });
    for (let f = 0; f < 8; f++) writeFileSync(join(source, `d${d}`, `f${f}`), seededBytes(9000, d * 10 + f));
    writeFileSync(join(source, `d${d}`, 'big'), seededBytes(700_000, 100 + d));
  }
  // Small packs: big files lie in several.
  repo = await TestRepository.create({ chunkBytes: 65_536, packBytes: 400_000 });
  await repo.backup([source]);
});

afterAll(() => {
  repo.remove();
  rmSync(room, { recursive: true, force: true });
});

/** Everything in the target is what it is in the source; there is nothing else. */
function expectPart(target: string): void {
  const whole = listTree(source, { withTimes: false });
  const content = (line: string | undefined): string | undefined => line?.split(' ').slice(3).join(' ');
  for (const [path, line] of existsSync(target) ? listTree(target, { withTimes: false }) : []) {
    expect(path).not.toMatch(/\.ic-/);
    if (line.startsWith('10')) expect([path, content(line)]).toEqual([path, content(whole.get(path))]);
  }
}

async function packs(store: Store): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of store.list('packs/')) names.push(name);
  return names;
}

/** A store that shows other bytes under some names; undefined: nothing. */
function altered(store: Store, change: (name: string, bytes: Buffer) => Buffer | undefined): Store {
  return new Proxy(store, {
    get(inner, key) {
      const value: unknown = Reflect.get(inner, key, inner);
      if (key !== 'get') return typeof value === 'function' ? value.bind(inner) : value;
      return async (name: string, range?: { offset: number; length?: number }): Promise<Uint8Array | undefined> => {
        const whole = await inner.get(name);
        const bytes = whole && change(name, Buffer.from(whole));
        if (!bytes || !range) return bytes && new Uint8Array(bytes);
        const start = range.offset < 0 ? Math.max(0, bytes.length + range.offset) : range.offset;
        return new Uint8Array(bytes.subarray(start, range.length === undefined ? undefined : start + range.length));
      };
    },
  });
}

describe('a damaged repository', () => {
  it('costs the files in the damaged pack, which are named with the pack; the others come back', async () => {
    const [, victim] = await packs(repo.store);
    const damages: Readonly<Record<string, (bytes: Buffer) => Buffer | undefined>> = {
      missing: () => undefined,
      truncated: (bytes) => bytes.subarray(0, bytes.length >> 1),
      empty: () => Buffer.alloc(0),
      'flipped in the middle': (bytes) => {
        bytes[bytes.length >> 1]! ^= 1;
        return bytes;
      },
    };
    for (const [what, change] of Object.entries(damages)) {
      const target = newTarget();
      const bad = altered(repo.store, (name, bytes) => (name === victim ? change(bytes) : bytes));
      const { stats, problems } = await restore(withStore(repo, bad), target, { path: source, workers: 1 });
      expectPart(target);
      expect(problems.length, what).toBeGreaterThan(0);
      for (const problem of problems) {
        expect(problem, what).toMatchObject({ severity: 'error', object: victim });
        expect(existsSync(String(problem.path)), `${what}: ${problem.path}`).toBe(false);
      }
      expect(stats.filesRestored, what).toBe(54 - problems.length);
      expect(stats.filesRestored, what).toBeGreaterThan(20);
      // What was there is still as it was, and the next run completes the rest.
      const again = await restore(repo, target, { path: source, workers: 1 });
      expect(again.problems).toEqual([]);
      expect(listTree(target)).toEqual(listTree(source));
    }
  });

  it('does no harm where the chunks lie in another pack too', async () => {
    const twice = await TestRepository.create({ chunkBytes: 65_536, packBytes: 400_000 });
    try {
      await twice.backup([source]);
      const first = await packs(twice.store);
      // Another host that does not see the first index stores everything again.
      const blind = new Proxy(twice.store, {
        get(inner, key) {
          const value: unknown = Reflect.get(inner, key, inner);
          if (key !== 'list') return typeof value === 'function' ? value.bind(inner) : value;
          return async function* (prefix: string) {
            for await (const info of inner.list(prefix)) if (!info.name.startsWith('index/')) yield info;
          };
        },
      });
      rmSync(twice.places.cache, { recursive: true, force: true });
      await withStore(twice, blind).backup([source], { force: true });
      expect((await packs(twice.store)).length).toBe(first.length * 2);
      for (const name of first.slice(0, 3)) await twice.store.delete(name);
      rmSync(twice.places.cache, { recursive: true, force: true });
      const target = newTarget();
      const { problems } = await restore(twice, target, { path: source, workers: 1 });
      expect(problems).toEqual([]);
      expect(listTree(target)).toEqual(listTree(source));
    } finally {
      twice.remove();
    }
  });
});

describe('a store that fails', () => {
  it('gives the right data or a named error, at every operation that it stops at, and the next run completes', async () => {
    const counting = new KillableStore(repo.store);
    await restore(withStore(repo, counting), newTarget(), { path: source, workers: 1 });
    const { operations } = counting;
    expect(operations).toBeGreaterThan(10);
    const target = newTarget();
    const step = process.env.SLOW ? 1 : Math.ceil(operations / 6);
    for (let operation = 1; operation <= operations; operation += step) {
      rmSync(target, { recursive: true, force: true });
      const store = new KillableStore(repo.store, { operation, when: 'before' });
      const end = restore(withStore(repo, store), target, { path: source, workers: 1 });
      await expect(end, `operation ${operation}`).rejects.toBeInstanceOf(Killed);
      expectPart(target);
      const { problems } = await restore(repo, target, { path: source, workers: 1 });
      expect(problems).toEqual([]);
      expect(listTree(target)).toEqual(listTree(source));
    }
  });

  it('never makes it restore wrong bytes', async () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const target = newTarget();
      const store = new FaultyStore(repo.store, { seed, rate: 0.15, operations: ['get'] });
      try {
        const { stats } = await restore(withStore(repo, store), target, { path: source, workers: 1 });
        if (stats.errors === 0) expect(listTree(target), `seed ${seed}`).toEqual(listTree(source));
      } catch (error) {
        expect(isIcecoreError(error) && error.kind !== 'bug', `seed ${seed}: ${String(error)}`).toBe(true);
      }
      expectPart(target);
      rmSync(target, { recursive: true, force: true });
    }
  });
});

describe('a restore that is ended', () => {
  it('by an interrupt leaves nothing incomplete, and goes on the next time', async () => {
    for (const after of [1, 20]) {
      const target = newTarget();
      const stop = new AbortController();
      let seen = 0;
      const monitor = {
        ...collectingMonitor(),
        wantsItems: true,
        item: () => {
          if (++seen === after) stop.abort();
        },
      };
      const end = restore(repo, target, { path: source, signal: stop.signal, monitor });
      await expect(end).rejects.toMatchObject({ kind: 'cancelled' });
      expectPart(target);
      const { problems } = await restore(repo, target, { path: source });
      expect(problems).toEqual([]);
      expect(listTree(target)).toEqual(listTree(source));
    }
  });

  it('by a kill leaves no short file under its name, and the next run completes it', async () => {
    const folder = join(room, 'killed');
    const tree = join(room, 'killed-source');
    for (let d = 0; d < 30; d++) {
      mkdirSync(join(tree, `d${d}`), { recursive: true });
      for (let f = 0; f < 60; f++) writeFileSync(join(tree, `d${d}`, `f${f}`), seededBytes(6000, d * 100 + f));
    }
    writeFileSync(join(tree, 'big'), seededBytes(9_000_000, 5));
    const store = await openDirectoryStore(folder, { create: true });
    const stored = await TestRepository.create({ store, packBytes: 1 << 20 });
    const random = seededRandom(7);
    try {
      await stored.backup([tree]);
      const child = fileURLToPath(new URL('../support/restore-child.ts', import.meta.url));
      let cut = 0;
      for (let round = 0; round < (process.env.SLOW ? 40 : 2); round++) {
        const target = newTarget();
        const passphrase = 'correct horse';
        const task: RestoreTask = { store: folder, places: stored.places, passphrase, target, path: tree };
        const run = spawn(process.execPath, [child, JSON.stringify(task)], { stdio: ['ignore', 'pipe', 'inherit'] });
        const ended = new Promise<NodeJS.Signals | null>((resolve) => run.once('exit', (_, signal) => resolve(signal)));
        await new Promise((resolve) => run.stdout.once('data', resolve));
        await new Promise((resolve) => setTimeout(resolve, 10 + random() * 200));
        run.kill('SIGKILL');
        if ((await ended) === 'SIGKILL') cut++;
        // What changed within 100 ms of a run's beginning may be another one's, and stays.
        await new Promise((resolve) => setTimeout(resolve, 150));
        const whole = listTree(tree);
        const names = existsSync(target) ? [...listTree(target, { withTimes: false }).keys()] : [];
        for (const path of names.filter((name) => !name.includes('/.ic-') && whole.get(name)?.startsWith('10'))) {
          expect(readFileSync(target + path).equals(readFileSync(tree + path)), path).toBe(true);
        }
        const { problems, stats } = await restore(stored, target, { path: tree });
        expect(problems).toEqual([]);
        expect(stats.filesUnchanged + stats.filesRestored).toBe(1801);
        expect(listTree(target)).toEqual(whole);
      }
      expect(cut).toBeGreaterThan(0);
    } finally {
      stored.remove();
    }
  });
});

describe('a hostile manifest', () => {
  it('writes nothing outside of the target', async () => {
    const target = newTarget();
    const outside = newTarget();
    mkdirSync(target);
    mkdirSync(outside);
    symlinkSync(outside, join(target, 'planted'));
    const base = { mode: 0o644, uid: 0, gid: 0, mtime: 0n };
    const file = (name: string): Entry => ({ ...base, name: name as Raw, type: 'file', size: 0 });
    const dir = (name: string): Entry => ({ ...base, name: name as Raw, type: 'dir', mode: 0o755 });
    const link = (name: string, to: string): Entry => ({
      ...base,
      name: name as Raw,
      type: 'symlink',
      target: to as Raw,
    });
    const spy = vi.spyOn(ManifestReader.prototype, 'segments').mockImplementation(async function* () {
      yield {
        path: '/' as Raw,
        entries: [file('../escaped'), file('..'), dir('planted'), link('way', outside), file('/abs')],
      };
      yield { path: '/..' as Raw, entries: [file('above')] };
      yield { path: '/planted' as Raw, entries: [file('through')] };
      yield { path: '/way' as Raw, entries: [file('along')] };
      yield { path: '/ok' as Raw, entries: [file('fine')] };
    });
    try {
      const { stats } = await restore(repo, target, { workers: 1 });
      expect(stats.errors).toBeGreaterThanOrEqual(5);
    } finally {
      spy.mockRestore();
    }
    expect(readdirSync(outside)).toEqual([]);
    expect(readdirSync(room).filter((name) => /escaped|above/.test(name))).toEqual([]);
    expect(readdirSync(join(target, 'ok'))).toEqual(['fine']);
  });
});

describe('a target that cannot be written', () => {
  it('is named before anything is fetched', async () => {
    const file = join(room, 'a-file');
    writeFileSync(file, '');
    const counting = new KillableStore(repo.store);
    await expect(restore(withStore(repo, counting), join(file, 'below'), { path: source })).rejects.toMatchObject({
      kind: 'user',
    });
    if (process.platform === 'linux') {
      await expect(restore(repo, '/proc/icecore', { path: source })).rejects.toMatchObject({ kind: 'user' });
    }
  });
});
