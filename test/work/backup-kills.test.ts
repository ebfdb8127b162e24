/** Backups and restores that are killed at every operation of the store: nothing is lost, and the next run succeeds. */
import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { copyStore, countOperations, type Death, deathsOf, type Scenario, survive } from '../support/crash-lab.ts';
import { type Random, seededBytes, seededRandom } from '../support/random.ts';
import { steppingClock, TestRepository } from '../support/repository.ts';
import { makeTestFolder } from '../support/test-folder.ts';
import { type TreeState, treeState } from '../support/tree-state.ts';

vi.mock('node:worker_threads', async (original) => {
  const { withInProcessWorkers } = await import('../support/in-process-workers.ts');
  return withInProcessWorkers(await original());
});

const SLOW = process.env.SLOW !== undefined;
/** Deaths a scenario without SLOW. */
const SAMPLE = 4;
const SEEDS = SLOW ? [1, 2, 3, 4] : [Number(process.env.SEED ?? 1)];
const AHEAD_MS = 3_600_000;
const folders: string[] = [];

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function newFolder(what: string): string {
  const folder = makeTestFolder(what);
  folders.push(folder);
  return folder;
}

/** A tree with something of everything; `bytes` of it in large files, enough of them make several packs. */
function makeTree(seed: number, bytes: number): string {
  const source = newFolder('source');
  const random = seededRandom(seed);
  for (let i = 0; i < 12; i++) {
    const folder = join(source, `dir ${i % 4}`, i % 3 === 0 ? 'inner' : '.');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `file ${i}`), seededBytes(Math.floor(random() * 9000), seed * 100 + i));
  }
  for (let at = 0, i = 0; at < bytes; at += 700_000, i++)
    writeFileSync(join(source, `large ${i}`), seededBytes(700_000, seed * 1000 + i));
  mkdirSync(join(source, 'empty'));
  writeFileSync(join(source, 'nothing'), '');
  linkSync(join(source, 'dir 1', 'file 1'), join(source, 'linked'));
  symlinkSync('dir 1/file 1', join(source, 'symlink'));
  chmodSync(join(source, 'nothing'), 0o640);
  utimesSync(join(source, 'empty'), 1_000_000_000, 1_234_567_890.5);
  return source;
}

function editTree(source: string, seed: number, bytes: number): void {
  writeFileSync(join(source, 'dir 2', 'file 2'), seededBytes(3000, seed * 10_000));
  appendFileSync(join(source, 'large 0'), 'more');
  unlinkSync(join(source, 'dir 1', 'file 5'));
  renameSync(join(source, 'dir 3'), join(source, 'moved'));
  rmSync(join(source, 'empty'), { recursive: true });
  writeFileSync(join(source, 'empty'), 'is a file now');
  for (let at = 0, i = 0; at < bytes; at += 700_000, i++)
    writeFileSync(join(source, `new ${i}`), seededBytes(700_000, seed * 3000 + i));
}

async function newRepository(): Promise<TestRepository> {
  const test = await TestRepository.create({ chunkBytes: 16_384, packBytes: 65_536, clock: steppingClock(AHEAD_MS) });
  folders.push(test.folder);
  return test;
}

async function firstBackup(seed: number, bytes: number): Promise<Scenario> {
  const source = makeTree(seed, bytes);
  const run = (test: TestRepository) => test.backup([source]);
  return {
    name: `a first backup of ${bytes} bytes`,
    base: await newRepository(),
    source,
    snapshots: new Map(),
    run,
    makes: treeState(source),
  };
}

async function incremental(seed: number, bytes: number): Promise<Scenario> {
  const source = makeTree(seed, 700_000);
  const base = await newRepository();
  const first = treeState(source);
  const { snapshot } = await base.backup([source]);
  editTree(source, seed, bytes);
  const run = (test: TestRepository) => test.backup([source]);
  return {
    name: `an incremental backup of ${bytes} bytes more`,
    base,
    source,
    snapshots: new Map([[snapshot!, first]]),
    run,
    makes: treeState(source),
  };
}

/** The content is stored already, under other paths, and there is no parent: everything relied on is claimed. */
async function renamedRoot(seed: number): Promise<Scenario> {
  const original = makeTree(seed, 700_000);
  const base = await newRepository();
  await base.backup([original]);
  const source = `${original} renamed`;
  renameSync(original, source);
  folders.push(source);
  writeFileSync(join(source, 'one more'), seededBytes(20_000, seed * 77));
  const run = (test: TestRepository) => test.backup([source]);
  // The base's snapshot has other paths: only what is new is restored and compared.
  const store = await copyStore(base.store);
  for await (const { name } of store.list('snapshots/')) await store.delete(name);
  const fork = base.fork(store);
  folders.push(fork.folder);
  fork.loseLocalState();
  return {
    name: 'a backup that relies on packs of others',
    base: fork,
    source,
    snapshots: new Map(),
    run,
    makes: treeState(source),
  };
}

/** A restore into an empty folder, or over what an older snapshot has left there. */
async function restoring(seed: number, isOver: boolean): Promise<Scenario> {
  const source = makeTree(seed, 3_500_000);
  const base = await newRepository();
  const snapshots = new Map<string, TreeState>();
  const first = (await base.backup([source])).snapshot!;
  const before = treeState(source);
  snapshots.set(first, before);
  editTree(source, seed, 1_400_000);
  const second = (await base.backup([source])).snapshot!;
  const restores = { from: isOver ? before : new Map(), to: treeState(source) };
  snapshots.set(second, restores.to);
  const run = async (test: TestRepository, target: string) => {
    // What was there before comes from a store that does not die.
    if (isOver) await base.restore(first, source, target, { delete: true });
    await test.restore(second, source, target, { delete: true });
  };
  return { name: isOver ? 'a restore over an older one' : 'a restore', base, source, snapshots, run, restores };
}

function sample(deaths: readonly Death[], random: Random): Death[] {
  if (SLOW) return [...deaths];
  return deaths
    .map((death) => ({ death, order: random() }))
    .sort((a, b) => a.order - b.order)
    .slice(0, SAMPLE)
    .map(({ death }) => death);
}

const SCENARIOS: readonly (readonly [string, (seed: number) => Promise<Scenario>])[] = [
  ['a first backup', (seed) => firstBackup(seed, 700_000)],
  ['a first backup of several packs', (seed) => firstBackup(seed, 5_600_000)],
  ['an incremental backup', (seed) => incremental(seed, 0)],
  ['an incremental backup of several packs', (seed) => incremental(seed, 4_200_000)],
  ['a backup that relies on packs of others', renamedRoot],
  ['a restore', (seed) => restoring(seed, false)],
  ['a restore over an older one', (seed) => restoring(seed, true)],
];

describe.each(SCENARIOS)('%s that is killed', (name, make) => {
  for (const seed of SEEDS) {
    it(`loses nothing at any operation of the store (seed ${seed})`, { timeout: 1_800_000 }, async () => {
      const scenario = await make(seed);
      const operations = await countOperations(scenario);
      const random = seededRandom(seed);
      const wrong: unknown[] = [];
      const deaths = sample(deathsOf(operations), random);
      for (const death of deaths) {
        const lines = await survive(scenario, death);
        if (lines.length > 0) wrong.push({ seed, ...death, lines });
      }
      const twice = SLOW ? 24 : 2;
      for (let i = 0; i < twice; i++) {
        const death = deathsOf(operations)[Math.floor(random() * operations * 6)]!;
        const point = { operation: 1 + Math.floor(random() * operations), when: 'after' as const };
        const lines = await survive(scenario, death, point);
        if (lines.length > 0) wrong.push({ seed, ...death, again: point, lines });
      }
      if (SLOW) console.info(`${name}, seed ${seed}: ${operations} operations, ${deaths.length + twice} deaths`);
      expect(wrong).toEqual([]);
    });
  }
});
