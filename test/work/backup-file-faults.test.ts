/**
 * Backups during which the n-th call to the file system fails, of the walk, of reading files, of local state: whatever
 * n is, each file is in the snapshot as it is, or is named, or there is no snapshot and an error says why.
 */
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { errnoOf, IcecoreError } from '../../src/base/errors.ts';
import type { Problem } from '../../src/base/monitor.ts';
import { rawFromText } from '../../src/base/raw.ts';
import { loadSnapshots } from '../../src/repo/snapshots.ts';
import type { BackupStats } from '../../src/work/backup.ts';
import { copyStore } from '../support/crash-lab.ts';
import { fileFaults } from '../support/faulty-fs.ts';
import { seededBytes, seededRandom } from '../support/random.ts';
import { collectingMonitor, steppingClock, TestRepository } from '../support/repository.ts';
import { makeTestFolder } from '../support/test-folder.ts';
import { type TreeState, treeDifferences, treeState } from '../support/tree-state.ts';

vi.mock('node:worker_threads', async (original) => {
  const { withInProcessWorkers } = await import('../support/in-process-workers.ts');
  return withInProcessWorkers(await original());
});

vi.mock('../../src/files/libc.ts', async (original) => {
  const { wrapSync } = await import('../support/faulty-fs.ts');
  const real = await original<typeof import('../../src/files/libc.ts')>();
  const loadLibc = () => {
    const libc = real.loadLibc();
    return libc && Object.assign(libc, wrapSync<object>({ lstatat: libc.lstatat.bind(libc) }, ['lstatat' as never]));
  };
  return { ...real, loadLibc };
});

/** No read gives more bytes than this. */
const reads = vi.hoisted(() => ({ limit: Number.POSITIVE_INFINITY }));

vi.mock('node:fs', async (original) => {
  const { wrapSync } = await import('../support/faulty-fs.ts');
  const real = await original<typeof import('node:fs')>();
  const readSync = (fd: number, target: Uint8Array, offset: number, length: number, position: number | null) =>
    real.readSync(fd, target, offset, Math.min(length, reads.limit), position);
  return wrapSync({ ...real, readSync } as typeof real, [
    ...([
      'openSync',
      'closeSync',
      'readSync',
      'writeSync',
      'fstatSync',
      'lstatSync',
      'statSync',
      'readdirSync',
    ] as const),
    ...([
      'readlinkSync',
      'readFileSync',
      'writeFileSync',
      'mkdirSync',
      'renameSync',
      'rmSync',
      'fsyncSync',
      'existsSync',
    ] as const),
  ]);
});

const SLOW = process.env.SLOW !== undefined;
const CODES = ['EIO', 'ENOSPC', 'EACCES', 'EMFILE', 'ENOENT'] as const;
/** Faults a backup without SLOW, of all calls and codes. */
const SAMPLE = 10;
const AHEAD_MS = 3_600_000;

describe('a backup during which a call to the file system fails', () => {
  const folder = makeTestFolder('file-faults');
  const source = join(folder, 'source');
  let empty: TestRepository;
  let used: TestRepository;
  let expected: TreeState;

  beforeAll(async () => {
    for (let i = 0; i < 14; i++) {
      mkdirSync(join(source, `dir ${i % 3}`, 'inner'), { recursive: true });
      writeFileSync(join(source, `dir ${i % 3}`, i % 2 === 0 ? 'inner' : '.', `file ${i}`), seededBytes(i * 1500, i));
    }
    // More than fits a batch: read as a slice.
    writeFileSync(join(source, 'large'), seededBytes(4_700_000, 99));
    linkSync(join(source, 'dir 1', 'file 1'), join(source, 'dir 1', 'linked 1'));
    linkSync(join(source, 'dir 1', 'file 1'), join(source, 'dir 2', 'linked 2'));
    symlinkSync('large', join(source, 'symlink'));
    const options = { chunkBytes: 65_536, packBytes: 65_536, clock: steppingClock(AHEAD_MS) };
    empty = await TestRepository.create(options);
    used = await TestRepository.create(options);
    await used.backup([source]);
    writeFileSync(join(source, 'dir 0', 'new'), seededBytes(3000, 77));
    writeFileSync(join(source, 'dir 2', 'file 5'), seededBytes(3000, 78));
    expected = treeState(source);
  });

  afterAll(() => {
    fileFaults.arm(0);
    empty.remove();
    used.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  const baseOf = (name: string): TestRepository => (name === 'first' ? empty : used);

  async function countCalls(base: TestRepository): Promise<number> {
    const fork = base.fork(await copyStore(base.store));
    await fork.use(async () => {}, 'write');
    fileFaults.arm(0);
    await fork.backup([source]);
    const { calls } = fileFaults;
    fork.remove();
    return calls;
  }

  async function differences(test: TestRepository, snapshot: string): Promise<string[]> {
    const target = mkdtempSync(join(folder, 'target-'));
    await test.restore(snapshot, source, target);
    const found = treeDifferences(expected, treeState(target));
    rmSync(target, { recursive: true, force: true });
    return found;
  }

  /** The differences of a snapshot that no problem names: those of a path, of one above it, or of its hard links. */
  function unnamed(lines: readonly string[], problems: readonly Problem[]): string[] {
    const prefix = `${rawFromText(source)}/`;
    const named = problems.flatMap(({ path }) => (path === undefined ? [] : [path]));
    const isNamed = (path: string) =>
      named.some((other) => other === prefix + path || `${prefix}${path}/`.startsWith(`${other}/`));
    return lines.filter((line) => {
      const path = line.replace(/^\w+: /, '').split(': ')[0]!;
      const group =
        expected
          .get(path)
          ?.match(/ with (.*)$/)?.[1]
          ?.split(',') ?? [];
      return !isNamed(path) && !group.some(isNamed);
    });
  }

  /** @returns what is wrong */
  async function check(base: TestRepository, call: number, code: string, isAfter: boolean): Promise<string[]> {
    const test = base.fork(await copyStore(base.store));
    const monitor = collectingMonitor();
    const idsOf = () => test.use(async (repo) => (await loadSnapshots(repo)).snapshots.map(({ snapshot }) => snapshot));
    const before = (await idsOf()).length;
    const wrong: string[] = [];
    let stats: BackupStats | undefined;
    try {
      fileFaults.arm(call, code, isAfter);
      stats = await test.backup([source], {}, monitor);
    } catch (error) {
      // Opening the repository may pass on what the system said; a mistake of the program is something else.
      const isNamed = error instanceof IcecoreError ? error.kind !== 'bug' : errnoOf(error) !== undefined;
      if (!isNamed) wrong.push(`not an error for people: ${String((error as Error).stack)}`);
    } finally {
      fileFaults.arm(0);
    }
    const snapshots = await idsOf();
    if (stats) {
      const lines = await differences(test, stats.snapshot!);
      wrong.push(...unnamed(lines, monitor.problems));
      const isComplete =
        snapshots.at(-1)!.complete && monitor.problems.every(({ code: found }) => found !== 'vanished');
      if (isComplete && lines.some((line) => line.startsWith('missing'))) wrong.push('it says that it is complete');
      const errors = monitor.problems.filter(({ severity }) => severity === 'error').length;
      if (stats.errors !== errors) wrong.push(`${errors} errors, ${stats.errors} counted`);
    } else if (snapshots.length !== before) {
      wrong.push('it failed and made a snapshot');
    }
    const next = await test.backup([source]);
    wrong.push(...(await differences(test, next.snapshot!)).map((line) => `afterwards: ${line}`));
    if (next.errors > 0) wrong.push('afterwards: errors');
    test.remove();
    return wrong;
  }

  it.each(['first', 'second'])('never succeeds falsely: the %s one', { timeout: 1_200_000 }, async (name) => {
    const base = baseOf(name);
    const calls = await countCalls(base);
    expect(calls).toBeGreaterThan(60);
    const points = Array.from({ length: calls }, (_, i) => i + 1).flatMap((call) =>
      CODES.map((code) => ({ call, code })),
    );
    const random = seededRandom(11);
    const chosen = points.filter(() => SLOW || random() < SAMPLE / points.length);
    const wrong: unknown[] = [];
    for (const { call, code } of chosen) {
      const isAfter = random() < 0.2;
      const lines = await check(base, call, code, isAfter);
      if (lines.length > 0) wrong.push({ call, code, isAfter, lines });
    }
    if (SLOW) console.info(`the ${name} backup: ${calls} calls, ${chosen.length} faults`);
    expect(wrong).toEqual([]);
  });

  it.each([1, 511, 70_000])('reads everything although no read gives more than %i bytes', async (limit) => {
    const few = join(folder, `short ${limit}`);
    mkdirSync(few);
    for (let i = 0; i < 5; i++) writeFileSync(join(few, `file ${i}`), seededBytes(i * 1100, i));
    if (limit > 1) writeFileSync(join(few, 'large'), seededBytes(4_300_000, 5));
    const test = empty.fork(await copyStore(empty.store));
    const target = mkdtempSync(join(folder, 'target-'));
    reads.limit = limit;
    const { snapshot } = await test.backup([few]);
    reads.limit = Number.POSITIVE_INFINITY;
    await test.restore(snapshot!, few, target);
    expect(treeDifferences(treeState(few), treeState(target))).toEqual([]);
    test.remove();
  });

  it('goes on without a cache where there can be none, and says so', async () => {
    const test = used.fork(await copyStore(used.store));
    rmSync(test.places.cache, { recursive: true });
    writeFileSync(test.places.cache, 'in the way');
    const monitor = collectingMonitor();
    const { snapshot } = await test.backup([source], {}, monitor);
    expect(monitor.problems.map(({ code }) => code)).toEqual(['no-cache']);
    expect(await differences(test, snapshot!)).toEqual([]);
    test.remove();
  });
});
