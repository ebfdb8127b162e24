/**
 * Runs a command against a copy of a repository, kills it at an operation of the store, and checks what must hold then
 * (docs/protocol.md, invariants): what was committed is whole, names never change content, and the next run succeeds
 * without a repair. Where the copy lies, and how a command dies there, is the stage's business: memory here, a bucket in
 * s3-stage.ts.
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
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

/** A copy of a repository that a command runs on, dies on, and runs on again. */
export interface Stage {
  /** What it keeps now, to be looked at. */
  kept(): Promise<Store>;
  /** The store of a process that will die at that point. */
  dying(point: KillPoint): Promise<{ readonly store: Store; readonly isKilled: boolean }>;
  /** The store of a process that lives; afterwards, what it did or left behind that it must not. */
  living(): Promise<{ readonly store: Store; flaws(death: Death): Promise<string[]> }>;
  /** Operations so far of the processes that lived. */
  readonly operations: number;
  remove(): Promise<void>;
}

/** Sets a stage with a copy of what a store holds. */
export type SetStage = (base: Store) => Promise<Stage>;

/** Temporary names of restores begin so. */
const TEMPORARY = '.ic-';

/** None that anything dies of. */
const ALIVE: Death = { point: { operation: 0, when: 'before' }, local: 'kept' };

/** Copies all objects of a store into one of its own. */
export async function copyStore(store: Store): Promise<MemoryStore> {
  const copy = new MemoryStore();
  for await (const { name } of store.list('')) await copy.put(name, (await store.get(name))!, { ifAbsent: true });
  return copy;
}

/** The stage in memory: every operation of the store is a point to die at. */
export const inMemory: SetStage = async (base) => {
  const store = await copyStore(base);
  let operations = 0;
  return {
    kept: async () => store,
    dying: async (point) => {
      const killable = new KillableStore(store, point);
      return {
        store: killable,
        get isKilled() {
          return killable.isKilled;
        },
      };
    },
    living: async () => {
      const counting = new KillableStore(store);
      const recording = new RecordingStore(counting);
      return {
        store: recording,
        flaws: async () => {
          operations += counting.operations;
          return recording.lines('delete').map((line) => `${line}: nothing but prune deletes`);
        },
      };
    },
    get operations() {
      return operations;
    },
    remove: async () => {},
  };
};

/** Runs a scenario to its end once. @returns how many operations it takes */
export async function countOperations(scenario: Scenario, setStage = inMemory): Promise<number> {
  const stage = await setStage(scenario.base.store);
  const target = makeTestFolder('target');
  const { store, flaws } = await stage.living();
  const test = scenario.base.fork(store);
  try {
    await scenario.run(test, target);
    await flaws(ALIVE);
    return stage.operations;
  } finally {
    test.remove();
    rmSync(target, { recursive: true, force: true });
    await stage.remove();
  }
}

/** All deaths of a scenario of so many operations. */
export function deathsOf(operations: number, moments = MOMENTS): Death[] {
  const deaths: Death[] = [];
  for (let operation = 1; operation <= operations; operation++) {
    for (const when of moments) {
      for (const local of ['kept', 'lost'] as const) deaths.push({ point: { operation, when }, local });
    }
  }
  return deaths;
}

const MOMENTS: readonly KillPoint['when'][] = ['before', 'amid', 'after'];

/**
 * Kills a scenario and checks everything. `again` kills the run after that, too.
 * @returns what is wrong, one line each
 */
export async function survive(
  scenario: Scenario,
  death: Death,
  again?: KillPoint,
  setStage: SetStage = inMemory,
): Promise<string[]> {
  const stage = await setStage(scenario.base.store);
  const test = scenario.base.fork(await stage.kept());
  const target = makeTestFolder('target');
  const wrong: string[] = [];
  try {
    const before = await contentsOf(await stage.kept());
    let expected = scenario.snapshots;
    for (const point of again ? [death.point, again] : [death.point]) {
      await die(scenario, test, stage, point, target, wrong);
      if (death.local === 'lost') test.loseLocalState();
      const left = test.on(await stage.kept());
      expected = await checkSnapshots(scenario, left, expected, wrong);
      wrong.push(...(await findings(left, 'list')));
      if (scenario.restores) wrong.push(...wrongFiles(scenario.restores, target));
    }
    const { store, flaws } = await stage.living();
    await scenario.run(test.on(store), target);
    wrong.push(...(await flaws(death)));
    const made = test.on(await stage.kept());
    const after = await checkSnapshots(scenario, made, expected, wrong);
    if (scenario.makes && after.size !== expected.size + 1)
      wrong.push(`the next run made ${after.size - expected.size} snapshots`);
    if (scenario.restores) wrong.push(...treeDifferences(scenario.restores.to, treeState(target, TEMPORARY)));
    wrong.push(...(await findings(made, 'data')));
    for (const [name, content] of before) {
      const now = await made.store.get(name);
      if (!now || Buffer.compare(now, content) !== 0) wrong.push(`${name} is not what it was`);
    }
  } catch (error) {
    wrong.push(`failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  } finally {
    test.remove();
    rmSync(target, { recursive: true, force: true });
    await stage.remove();
  }
  return wrong;
}

async function die(
  scenario: Scenario,
  test: TestRepository,
  stage: Stage,
  point: KillPoint,
  target: string,
  wrong: string[],
): Promise<void> {
  const snapshots = (await snapshotsOf(test.on(await stage.kept()))).length;
  const dying = await stage.dying(point);
  try {
    await scenario.run(test.on(dying.store), target);
    // It can only have been told of success when it was killed in an operation that does not matter to it.
    if (dying.isKilled && scenario.makes && (await snapshotsOf(test.on(await stage.kept()))).length === snapshots)
      wrong.push('it reports success without a snapshot');
  } catch (error) {
    if (!dying.isKilled) throw error;
  }
  endProcess(test);
}

/** What the host remembers of sessions that are under way names this process, which lives: now it is an earlier one. */
function endProcess(test: TestRepository): void {
  const { state } = test.places;
  for (const repository of existsSync(state) ? readdirSync(state) : []) {
    const sessions = join(state, repository, 'sessions');
    for (const sid of existsSync(sessions) ? readdirSync(sessions) : []) {
      const [pid, space] = readFileSync(join(sessions, sid), 'utf8').split(' ');
      writeFileSync(join(sessions, sid), `${pid} ${space} 0`);
    }
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
