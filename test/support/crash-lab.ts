/**
 * Runs a command against a copy of a repository, kills it at an operation of the store, and checks what must hold then
 * (docs/protocol.md, invariants): what was committed is whole, names never change content, and the next run succeeds
 * without a repair.
 */
import { rmSync } from 'node:fs';
import { silentMonitor } from '../../src/base/monitor.ts';
import { loadSnapshots } from '../../src/repo/snapshots.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import type { Store } from '../../src/store/store.ts';
import { runVerify } from '../../src/work/verify.ts';
import { KillableStore, type KillPoint } from './faulty-store.ts';
import { RecordingStore } from './recording-store.ts';
import type { TestRepository } from './repository.ts';
import { makeTestFolder } from './test-folder.ts';
import { type TreeState, treeDifferences, treeState } from './tree-state.ts';

/** A command that will be killed. */
export interface Scenario {
  readonly name: string;
  readonly base: TestRepository;
  /** What is backed up, and below which restores take place. */
  readonly source: string;
  /** What the snapshots of the base are. */
  readonly snapshots: ReadonlyMap<string, TreeState>;
  /** The command, which writes into `target` when it restores. */
  run(test: TestRepository, target: string): Promise<unknown>;
  /** Absent for a restore: what a snapshot that it makes must be. */
  readonly makes?: TreeState;
  /** For a restore: what the target must become, and what it is before. */
  readonly restores?: { readonly from: TreeState; readonly to: TreeState };
}

/** A point at which a command dies, and whether the host keeps its local state. */
export interface Death {
  readonly point: KillPoint;
  readonly local: 'kept' | 'lost';
}

/** Temporary names of restores begin so. */
const TEMPORARY = '.ic-';

/** Copies all objects of a store into one of its own. */
export async function copyStore(store: Store): Promise<MemoryStore> {
  const copy = new MemoryStore();
  for await (const { name } of store.list('')) await copy.put(name, (await store.get(name))!, { ifAbsent: true });
  return copy;
}

/** Runs a scenario to its end once. @returns how many operations it takes */
export async function countOperations(scenario: Scenario): Promise<number> {
  const killable = new KillableStore(await copyStore(scenario.base.store));
  const target = makeTestFolder('target');
  const test = scenario.base.fork(killable);
  try {
    await scenario.run(test, target);
    return killable.operations;
  } finally {
    test.remove();
    rmSync(target, { recursive: true, force: true });
  }
}

/** All deaths of a scenario of so many operations. */
export function deathsOf(operations: number): Death[] {
  const deaths: Death[] = [];
  for (let operation = 1; operation <= operations; operation++) {
    for (const when of ['before', 'amid', 'after'] as const) {
      for (const local of ['kept', 'lost'] as const) deaths.push({ point: { operation, when }, local });
    }
  }
  return deaths;
}

/**
 * Kills a scenario and checks everything. `again` kills the run after that, too.
 * @returns what is wrong, one line each
 */
export async function survive(scenario: Scenario, { point, local }: Death, again?: KillPoint): Promise<string[]> {
  const store = await copyStore(scenario.base.store);
  const test = scenario.base.fork(store);
  const target = makeTestFolder('target');
  const wrong: string[] = [];
  try {
    const before = await contentsOf(store);
    let expected = scenario.snapshots;
    for (const death of again ? [point, again] : [point]) {
      await die(scenario, test, new KillableStore(store, death), target, wrong);
      if (local === 'lost') test.loseLocalState();
      expected = await checkSnapshots(scenario, test, expected, wrong);
      wrong.push(...(await findings(test, 'list')));
      if (scenario.restores) wrong.push(...wrongFiles(scenario.restores, target));
    }
    const recording = new RecordingStore(store);
    await scenario.run(test.on(recording), target);
    for (const line of recording.lines('delete')) wrong.push(`${line}: nothing but prune deletes`);
    const after = await checkSnapshots(scenario, test, expected, wrong);
    if (scenario.makes && after.size !== expected.size + 1)
      wrong.push(`the next run made ${after.size - expected.size} snapshots`);
    if (scenario.restores) wrong.push(...treeDifferences(scenario.restores.to, treeState(target, TEMPORARY)));
    wrong.push(...(await findings(test, 'data')));
    for (const [name, content] of before) {
      const now = await store.get(name);
      if (!now || Buffer.compare(now, content) !== 0) wrong.push(`${name} is not what it was`);
    }
  } catch (error) {
    wrong.push(`failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  } finally {
    test.remove();
    rmSync(target, { recursive: true, force: true });
  }
  return wrong;
}

async function die(
  scenario: Scenario,
  test: TestRepository,
  killable: KillableStore,
  target: string,
  wrong: string[],
): Promise<void> {
  const snapshots = (await snapshotsOf(test)).length;
  try {
    await scenario.run(test.on(killable), target);
    // It can only have been told of success when it was killed in an operation that does not matter to it.
    if (killable.isKilled && scenario.makes && (await snapshotsOf(test)).length === snapshots)
      wrong.push('it reports success without a snapshot');
  } catch (error) {
    if (!killable.isKilled) throw error;
  }
}

/** Restores every snapshot and compares. @returns all of them, with those that the scenario has made since */
async function checkSnapshots(
  scenario: Scenario,
  test: TestRepository,
  expected: ReadonlyMap<string, TreeState>,
  wrong: string[],
): Promise<Map<string, TreeState>> {
  const found = new Map<string, TreeState>();
  for (const id of await snapshotsOf(test)) {
    const state = expected.get(id) ?? scenario.makes;
    if (!state) {
      wrong.push(`${id} is a snapshot that nobody made`);
      continue;
    }
    found.set(id, state);
    const target = makeTestFolder('target');
    await test.restore(id, scenario.source, target);
    wrong.push(...treeDifferences(state, treeState(target)).map((line) => `${id}: ${line}`));
    rmSync(target, { recursive: true, force: true });
  }
  for (const id of expected.keys()) if (!found.has(id)) wrong.push(`${id} is gone`);
  if (found.size > expected.size + 1) wrong.push('one run made several snapshots');
  return found;
}

async function snapshotsOf(test: TestRepository): Promise<string[]> {
  return await test.use(async (repo) => (await loadSnapshots(repo)).snapshots.map(({ snapshot }) => snapshot.id));
}

async function findings(test: TestRepository, level: 'list' | 'data'): Promise<string[]> {
  const stats = await test.use((repo) =>
    runVerify(repo, { level, workers: 1 }, silentMonitor, new AbortController().signal),
  );
  return stats.findings.map(({ object, code, message }) => `${level}: ${object}: ${code}: ${message}`);
}

/** Files in the target of a killed restore that are neither what they were nor what they must become. */
function wrongFiles({ from, to }: NonNullable<Scenario['restores']>, target: string): string[] {
  const contentOf = (state: string | undefined) => state?.match(/ \d+ [0-9a-f]{64}/)?.[0];
  const isFine = (path: string, content: string) =>
    content === contentOf(from.get(path)) || content === contentOf(to.get(path));
  return [...treeState(target, TEMPORARY)].flatMap(([path, state]) => {
    const content = contentOf(state);
    return content === undefined || isFine(path, content) ? [] : [`after the kill, ${path} is ${state}`];
  });
}

async function contentsOf(store: Store): Promise<Map<string, Uint8Array>> {
  const contents = new Map<string, Uint8Array>();
  for await (const { name } of store.list('')) contents.set(name, (await store.get(name))!);
  return contents;
}
