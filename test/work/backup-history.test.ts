/** Random histories: a tree changes, backups are made in between, and each snapshot is the tree as it was then. */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { silentMonitor } from '../../src/base/monitor.ts';
import { runVerify } from '../../src/work/verify.ts';
import { TreeHistory } from '../support/history.ts';
import { seededRandom } from '../support/random.ts';
import { collectingMonitor, steppingClock, TestRepository } from '../support/repository.ts';
import { type TreeState, treeDifferences, treeState } from '../support/tree-state.ts';

vi.mock('node:worker_threads', async (original) => {
  const { withInProcessWorkers } = await import('../support/in-process-workers.ts');
  return withInProcessWorkers(await original());
});

const SLOW = process.env.SLOW !== undefined;
const HISTORIES = SLOW ? 150 : 6;
const FIRST = Number(process.env.SEED ?? 1);
const BACKUPS = 7;
const AHEAD_MS = 3_600_000;

/** Lives one history. @returns what is wrong, and how many files backups have taken for unchanged */
async function live(seed: number): Promise<{ wrong: string[]; unchanged: number; snapshots: number }> {
  const random = seededRandom(seed);
  // With the machine's clock, what was changed in the second of a backup is read again; with one that is ahead, what
  // the file system says of a file decides alone.
  const test = await TestRepository.create({
    chunkBytes: 4096,
    packBytes: 65_536,
    clock: steppingClock(seed % 2 === 0 ? AHEAD_MS : 0),
  });
  const source = join(test.folder, 'source');
  const history = new TreeHistory(source, random);
  // A manifest of several segments, some of which stay as they are.
  if (seed % 3 === 0) history.createMany(SLOW ? 1500 : 700);
  const wrong: string[] = [];
  const made = new Map<string, TreeState>();
  const steps: string[] = [];
  let unchanged = 0;
  const check = async (id: string): Promise<void> => {
    const target = mkdtempSync(join(test.folder, 'target-'));
    const monitor = collectingMonitor();
    await test.restore(id, source, target, {}, monitor);
    const lines = treeDifferences(made.get(id)!, treeState(target));
    if (lines.length + monitor.problems.length > 0) {
      wrong.push(`seed ${seed}, snapshot ${[...made.keys()].indexOf(id)}`, ...lines);
      wrong.push(...monitor.problems.map(({ code, message }) => `${code}: ${message}`), ...steps);
    }
    rmSync(target, { recursive: true });
  };
  try {
    for (let backup = 0; backup < BACKUPS; backup++) {
      const changes = backup === 0 ? 60 : Math.floor(random() * 14);
      for (let i = 0; i < changes; i++) steps.push(history.change());
      // Two contents of one length within a tick of the kernel's clock cannot be told apart by anybody.
      if (seed % 2 === 0) await sleep(12);
      steps.push(`backup ${backup}`);
      if (random() < 0.1) test.loseLocalState();
      const now = treeState(source);
      const stats = await test.backup([source]);
      if (stats.errors > 0) wrong.push(`seed ${seed}: ${stats.errors} errors`);
      unchanged += stats.filesUnchanged;
      made.set(stats.snapshot!, now);
      await check(stats.snapshot!);
    }
    for (const id of made.keys()) await check(id);
    const options = { level: 'data', workers: 1 } as const;
    const verified = await test.use((repo) => runVerify(repo, options, silentMonitor, new AbortController().signal));
    wrong.push(...verified.findings.map(({ object, message }) => `seed ${seed}: ${object}: ${message}`));
    return { wrong, unchanged, snapshots: made.size };
  } finally {
    test.remove();
  }
}

describe('a history of changes and backups', () => {
  it('has the tree as it was in each of its snapshots', { timeout: 1_200_000 }, async () => {
    const wrong: string[] = [];
    let unchanged = 0;
    let snapshots = 0;
    for (let seed = FIRST; seed < FIRST + HISTORIES; seed++) {
      const lived = await live(seed);
      wrong.push(...lived.wrong);
      unchanged += lived.unchanged;
      snapshots += lived.snapshots;
    }
    if (SLOW) console.info(`${HISTORIES} histories, ${snapshots} snapshots, ${unchanged} files taken for unchanged`);
    expect(wrong).toEqual([]);
    expect(unchanged).toBeGreaterThan(HISTORIES * 20);
  });
});
