/** The program itself, killed with -9, and stopped and continued, at random times: nothing is lost, and it goes on. */
import { appendFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentMonitor } from '../../src/base/monitor.ts';
import { loadSnapshots } from '../../src/repo/snapshots.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import type { Store } from '../../src/store/store.ts';
import { runVerify } from '../../src/work/verify.ts';
import { Program, type ProgramEnd, type ProgramRun } from '../support/program.ts';
import { type Random, seededBytes, seededRandom } from '../support/random.ts';
import { TestRepository } from '../support/repository.ts';
import { makeTestFolder } from '../support/test-folder.ts';
import { type TreeState, treeDifferences, treeState } from '../support/tree-state.ts';

const SLOW = process.env.SLOW !== undefined;
const SEED = Number(process.env.SEED ?? 7);
const KILLS = SLOW ? 120 : 3;
const STOPS = SLOW ? 20 : 1;

let program: Program;
beforeAll(() => {
  program = new Program();
});
afterAll(() => program.remove());

/** A repository in a directory, and a tree to back up with the program. */
class Host {
  readonly folder = makeTestFolder('host');
  readonly source = join(this.folder, 'source');
  readonly expected = new Map<string, TreeState>();
  test!: TestRepository;
  store!: Store;

  static async create(): Promise<Host> {
    const host = new Host();
    mkdirSync(host.source);
    mkdirSync(join(host.folder, 'repository'));
    host.store = await openDirectoryStore(join(host.folder, 'repository'));
    host.test = await TestRepository.create({ store: host.store, chunkBytes: 65_536, packBytes: 262_144 });
    return host;
  }

  start(...options: string[]): ProgramRun {
    const repository = join(this.folder, 'repository');
    return program.start(this.test.places, ['backup', '-r', repository, '--json', ...options, this.source]);
  }

  async backup(): Promise<{ snapshot: string; bytesRead: number }> {
    return summaryOf(await this.start().ended);
  }

  /** The snapshots that are there now; those that were there before must be among them, and new ones are as the tree is. */
  async snapshots(): Promise<string[]> {
    const ids = await this.test.use(async (repo) =>
      (await loadSnapshots(repo)).snapshots.map(({ snapshot }) => snapshot.id),
    );
    for (const id of this.expected.keys()) expect(ids).toContain(id);
    const now = treeState(this.source);
    for (const id of ids) if (!this.expected.has(id)) this.expected.set(id, now);
    return ids;
  }

  async differences(id: string): Promise<string[]> {
    const target = makeTestFolder('target');
    try {
      await this.test.restore(id, this.source, target);
      return treeDifferences(this.expected.get(id)!, treeState(target));
    } finally {
      rmSync(target, { recursive: true, force: true });
    }
  }

  async findings(): Promise<readonly unknown[]> {
    const options = { level: 'data', workers: 1 } as const;
    return (await this.test.use((repo) => runVerify(repo, options, silentMonitor, new AbortController().signal)))
      .findings;
  }

  remove(): void {
    this.test.remove();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The summary of a run that succeeded. */
function summaryOf(end: ProgramEnd): { snapshot: string; bytesRead: number } {
  expect(end, end.err).toMatchObject({ exit: 0 });
  return JSON.parse(end.out.trim().split('\n').at(-1)!) as { snapshot: string; bytesRead: number };
}

/** Changes the tree so that there is something to do: some new content, some changes, a move. */
function edit(source: string, round: number, random: Random): void {
  const folder = join(source, `round ${round}`);
  mkdirSync(folder);
  for (let i = 0; i < 6; i++)
    writeFileSync(join(folder, `file ${i}`), seededBytes(Math.floor(random() * 900_000), round * 100 + i));
  for (const name of readdirSync(source)) {
    const chance = random();
    if (chance < 0.2) appendFileSync(join(source, name, 'file 1'), `round ${round}`);
    else if (chance < 0.3) renameSync(join(source, name), join(source, `${name}'`));
    else if (chance < 0.4 && name !== `round ${round}`) rmSync(join(source, name), { recursive: true });
  }
}

/** Waits until a folder of the repository holds so many packs, or the run has ended. */
async function waitForPacks(host: Host, count: number, run: ProgramRun): Promise<void> {
  const packs = join(host.folder, 'repository', 'packs');
  let isOver = false;
  void run.ended.then(() => (isOver = true));
  while (!isOver) {
    const sessions = existsSync(packs) ? readdirSync(packs) : [];
    if (sessions.some((sid) => readdirSync(join(packs, sid)).length >= count)) return;
    await sleep(2);
  }
}

describe('the program', () => {
  it('loses nothing when it is killed at any moment', { timeout: 1_200_000 }, async () => {
    const host = await Host.create();
    const random = seededRandom(SEED);
    let killed = 0;
    try {
      edit(host.source, 0, random);
      const began = performance.now();
      await host.backup();
      const usual = performance.now() - began;
      await host.snapshots();
      for (let round = 1; killed < KILLS; round++) {
        edit(host.source, round, random);
        const before = host.expected.size;
        for (let again = 0; again < 2; again++) {
          const run = host.start();
          await sleep(random() * usual * 1.1);
          run.child.kill('SIGKILL');
          if ((await run.ended).signal === 'SIGKILL') killed++;
        }
        const ids = await host.snapshots();
        expect(ids.length - before, `seed ${SEED}, round ${round}`).toBeLessThanOrEqual(2);
        const { snapshot } = await host.backup();
        await host.snapshots();
        expect(await host.differences(snapshot), `seed ${SEED}, round ${round}`).toEqual([]);
        const older = ids[Math.floor(random() * ids.length)]!;
        expect(await host.differences(older), `seed ${SEED}, round ${round}`).toEqual([]);
        if (round % 10 === 0) expect(await host.findings(), `seed ${SEED}, round ${round}`).toEqual([]);
      }
      expect(await host.findings(), `seed ${SEED}`).toEqual([]);
      for (const id of host.expected.keys()) expect(await host.differences(id), `seed ${SEED}, ${id}`).toEqual([]);
      if (SLOW) console.info(`${killed} kills, ${host.expected.size} snapshots`);
    } finally {
      host.remove();
    }
  });

  it('goes on after it was stopped, beside another that ran meanwhile', { timeout: 600_000 }, async () => {
    const host = await Host.create();
    const random = seededRandom(SEED);
    try {
      edit(host.source, 0, random);
      for (let round = 1; round <= STOPS; round++) {
        edit(host.source, round, random);
        const stopped = host.start();
        await sleep(100 + random() * 300);
        stopped.child.kill('SIGSTOP');
        // A stopped run that holds the lock of the commit makes others wait, not fail: it is not left stopped for long.
        const other = host.start();
        await Promise.race([other.ended, sleep(3000)]);
        stopped.child.kill('SIGCONT');
        const made = [summaryOf(await stopped.ended), summaryOf(await other.ended)];
        const ids = await host.snapshots();
        for (const { snapshot } of made) {
          expect(ids).toContain(snapshot);
          expect(await host.differences(snapshot), `seed ${SEED}, round ${round}`).toEqual([]);
        }
      }
      expect(await host.findings()).toEqual([]);
      const { snapshots } = await host.test.use((repo) => loadSnapshots(repo));
      const numbers = snapshots.map(({ snapshot }) => snapshot.seq).toSorted((a, b) => a - b);
      expect(numbers).toEqual(numbers.map((_, i) => i + 1));
    } finally {
      host.remove();
    }
  });

  it('does not read again what a killed first run has stored', { timeout: 120_000 }, async () => {
    const host = await Host.create();
    try {
      for (let i = 0; i < 12_000; i++) {
        if (i % 1000 === 0) mkdirSync(join(host.source, `dir ${i / 1000}`));
        writeFileSync(join(host.source, `dir ${Math.floor(i / 1000)}`, `file ${i}`), seededBytes(2000, i));
      }
      // What was written in the second in which a run begins is read again by the next.
      await sleep(1100);
      const run = host.start('--workers', '1');
      await waitForPacks(host, 9, run);
      run.child.kill('SIGKILL');
      expect((await run.ended).signal).toBe('SIGKILL');
      const { snapshot, bytesRead } = await host.backup();
      expect(bytesRead).toBeLessThan(24_000_000 * 0.8);
      await host.snapshots();
      expect(await host.differences(snapshot)).toEqual([]);
      expect(await host.findings()).toEqual([]);
    } finally {
      host.remove();
    }
  });
});
