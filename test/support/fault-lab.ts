/**
 * A backup, another one, a verify and a restore on stores that misbehave, judged by what an honest store shows
 * afterwards: what was said to have worked has worked, and what has not is an error with a name. How the stores misbehave
 * is the test's business.
 */
import { rmSync } from 'node:fs';
import { IcecoreError } from '../../src/base/errors.ts';
import { silentMonitor } from '../../src/base/monitor.ts';
import type { Store } from '../../src/store/store.ts';
import { runVerify } from '../../src/work/verify.ts';
import { collectingMonitor, type TestRepository } from './repository.ts';
import { makeTestFolder } from './test-folder.ts';
import { treeDifferences, treeState } from './tree-state.ts';

/** Where a trial takes place. */
export interface Ground {
  /** The store as a new process opens it, and as it misbehaves. */
  faulty(): Promise<Store>;
  /** The same without faults, to judge by. */
  honest(): Promise<Store>;
}

/** What is tried. */
export interface Life {
  /** An empty repository, on any store. */
  readonly test: TestRepository;
  readonly source: string;
  /** Changes the source between two backups. */
  readonly edit: () => void;
  /** Damages what a store keeps of data, for the last verify. */
  readonly damage: (store: Store) => Promise<void>;
}

/** What came of it. */
export interface Outcome {
  /** What must not be, one line each. */
  readonly wrong: string[];
  /** Runs that succeeded. */
  succeeded: number;
  /** Codes of the errors of those that did not. */
  readonly refusals: string[];
}

/** Runs everything once. */
export async function tryLife(life: Life, ground: Ground): Promise<Outcome> {
  const outcome: Outcome = { wrong: [], succeeded: 0, refusals: [] };
  const trial = new Trial(life, ground, outcome);
  await trial.backUp('the first backup');
  life.edit();
  await trial.backUp('the second backup');
  await trial.restore();
  await trial.verify('verify', false);
  await life.damage(await ground.honest());
  await trial.verify('verify of a damaged repository', true);
  return outcome;
}

class Trial {
  readonly #life: Life;
  readonly #ground: Ground;
  readonly #outcome: Outcome;

  constructor(life: Life, ground: Ground, outcome: Outcome) {
    this.#life = life;
    this.#ground = ground;
    this.#outcome = outcome;
  }

  async backUp(what: string): Promise<void> {
    const { test, source } = this.#life;
    const made = await this.#run(what, async (store) => {
      const stats = await test.on(store).backup([source]);
      return stats.errors === 0 && !stats.partial && stats.snapshot !== undefined ? stats.snapshot : undefined;
    });
    const honest = test.on(await this.#ground.honest());
    if (made === undefined) {
      for (const line of await findings(honest, 'list')) this.#wrong(`${what} failed, and left damage: ${line}`);
      await honest.backup([source]);
    }
    await this.#checkLatest(honest, what);
  }

  async restore(): Promise<void> {
    const { test, source } = this.#life;
    const target = makeTestFolder('target');
    try {
      const isDone = await this.#run('the restore', async (store) => {
        const monitor = collectingMonitor();
        const stats = await test.on(store).restore('latest', source, target, {}, monitor);
        return stats.errors === 0 && monitor.problems.length === 0 ? true : undefined;
      });
      const differences = treeDifferences(treeState(source), treeState(target, '.ic-'));
      // A restore that failed may lack files and times, and never has wrong content.
      const bad = differences.filter((line) => isDone || isOtherContent(line));
      for (const line of bad) this.#wrong(`the restore ${isDone ? 'succeeded' : 'failed'}: ${line}`);
    } finally {
      rmSync(target, { recursive: true, force: true });
    }
  }

  async verify(what: string, isDamaged: boolean): Promise<void> {
    const isClean = await this.#run(what, async (store) =>
      (await findings(this.#life.test.on(store), 'data')).length === 0 ? true : undefined,
    );
    if (isDamaged && isClean) this.#wrong(`${what} finds nothing`);
  }

  async #checkLatest(honest: TestRepository, what: string): Promise<void> {
    const { source } = this.#life;
    for (const line of await findings(honest, 'data')) this.#wrong(`after ${what}: ${line}`);
    const target = makeTestFolder('target');
    await honest.restore('latest', source, target);
    for (const line of treeDifferences(treeState(source), treeState(target))) this.#wrong(`after ${what}: ${line}`);
    rmSync(target, { recursive: true, force: true });
  }

  /** @returns undefined for a run that says that it did not succeed, by an error with a name or by what it reports */
  async #run<T>(what: string, work: (store: Store) => Promise<T | undefined>): Promise<T | undefined> {
    const store = await this.#ground.faulty();
    try {
      const result = await work(store);
      if (result === undefined) this.#outcome.refusals.push('reported');
      else this.#outcome.succeeded++;
      return result;
    } catch (error) {
      const isNamed = error instanceof IcecoreError && error.kind !== 'bug' && error.kind !== 'cancelled';
      if (isNamed) this.#outcome.refusals.push(error.code);
      else this.#wrong(`${what}: ${error instanceof Error ? error.stack : String(error)}`);
      return undefined;
    }
  }

  #wrong(line: string): void {
    this.#outcome.wrong.push(line);
  }
}

/** Of a line of `treeDifferences`: that a file is there and has other bytes. */
function isOtherContent(line: string): boolean {
  const [expected, found] = line.split(' | ').map((state) => / \d+ [0-9a-f]{64}/.exec(state)?.[0]);
  return line.startsWith('differs:') && expected !== undefined && expected !== found;
}

async function findings(test: TestRepository, level: 'list' | 'data'): Promise<string[]> {
  const stats = await test.use((repo) =>
    runVerify(repo, { level, workers: 1 }, silentMonitor, new AbortController().signal),
  );
  return stats.findings.map(({ object, code, message }) => `${level}: ${object}: ${code}: ${message}`);
}
