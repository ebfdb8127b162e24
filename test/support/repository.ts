/**
 * Real repositories for tests: init, backup and opening as the command line does them, on a store in memory (or any
 * other), with keys that are made fast. Everything that would be on the host lies in one folder, removed by `remove`.
 */
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../src/base/clock.ts';
import { type Monitor, type Problem, silentMonitor } from '../../src/base/monitor.ts';
import { rawFromText } from '../../src/base/raw.ts';
import type { Access, LocalPlaces } from '../../src/repo/access.ts';
import { openRepository, type Repository } from '../../src/repo/repository.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import type { Store } from '../../src/store/store.ts';
import { runBackup } from '../../src/work/backup.ts';
import type { BackupOptions, BackupStats } from '../../src/work/backup-options.ts';
import { type InitOptions, initRepository } from '../../src/work/init.ts';
import { runRestore } from '../../src/work/restore.ts';
import type { RestoreOptions, RestoreStats } from '../../src/work/restore-options.ts';
import { resolveSnapshot } from '../../src/work/snapshot-list.ts';
import { makeTestFolder } from './test-folder.ts';

const PASSPHRASE = 'correct horse';

/** A monitor that keeps the problems. */
export function collectingMonitor(): Monitor & { readonly problems: Problem[] } {
  const problems: Problem[] = [];
  return { ...silentMonitor, problems, problem: (problem) => void problems.push(problem) };
}

/**
 * The machine's clock, except that no two moments are the same: snapshots made in turn sort in turn. One that is `ahead`
 * (milliseconds) makes all files look old, so that a backup need not read again what was made a moment before it.
 */
export function steppingClock(ahead = 0): Clock {
  let last = 0;
  return {
    now: () => {
      last = Math.max(last + 1, Date.now() + ahead);
      return last;
    },
    monotonic: () => performance.now(),
  };
}

/** A repository, and the host that uses it. */
export class TestRepository {
  readonly folder: string;
  readonly store: Store;
  readonly places: LocalPlaces;
  readonly clock: Clock;

  private constructor(folder: string, store: Store, clock: Clock) {
    this.folder = folder;
    this.store = store;
    this.places = placesIn(folder, 'host');
    this.clock = clock;
  }

  /** Makes an empty repository. */
  static async create(
    options: Partial<InitOptions> & { readonly store?: Store; readonly clock?: Clock } = {},
  ): Promise<TestRepository> {
    const { store = new MemoryStore(), clock = steppingClock(), ...init } = options;
    const made = new TestRepository(makeTestFolder('repository'), store, clock);
    const { repository } = await initRepository(
      store,
      made.places,
      {
        passphrase: PASSPHRASE,
        ageType: 'x25519',
        chunkBytes: 1 << 20,
        packBytes: 16 << 20,
        storageClass: 'STANDARD',
        compression: 3,
        host: 'host',
        user: 'user',
        existsOk: false,
        scryptLogN: 1,
        ...init,
      },
      clock,
    );
    await repository.close();
    return made;
  }

  /** The same repository as it stands in another store, with the same host. */
  on(store: Store): TestRepository {
    return new TestRepository(this.folder, store, this.clock);
  }

  /** A copy that goes its own way: what the store holds, and what is on the host. Give the copy's store. */
  fork(store: Store): TestRepository {
    const folder = makeTestFolder('repository');
    cpSync(this.folder, folder, { recursive: true, preserveTimestamps: true });
    return new TestRepository(folder, store, this.clock);
  }

  /** Loses what the host may lose: cache and state. The key stays. */
  loseLocalState(): void {
    rmSync(this.places.cache, { recursive: true, force: true });
    rmSync(this.places.state, { recursive: true, force: true });
  }

  /** Opens it; `host` other than `host` is one that knows nothing yet. Close it when done. */
  open(access: Access = 'read', monitor: Monitor = silentMonitor, host = 'host'): Promise<Repository> {
    const { store, clock } = this;
    const credentials = { passphrase: async () => PASSPHRASE };
    return openRepository(keptOpen(store), {
      access,
      credentials,
      places: placesIn(this.folder, host),
      clock,
      monitor,
    });
  }

  /** Backs up absolute paths, with one worker thread unless told otherwise. */
  async backup(
    paths: readonly string[],
    options: Partial<BackupOptions> = {},
    monitor: Monitor = silentMonitor,
  ): Promise<BackupStats> {
    const repo = await this.open('write', monitor);
    try {
      return await runBackup(
        repo,
        {
          paths: paths.map(rawFromText),
          host: 'host',
          user: 'user',
          tags: [],
          exclude: { patterns: [], files: [], ignoreFileNames: [], ifPresent: [], caches: false },
          oneFileSystem: false,
          force: false,
          ignoreCtime: false,
          ignoreInode: false,
          withAtime: false,
          dryRun: false,
          allowEmpty: false,
          workers: 1,
          ...options,
        },
        monitor,
        new AbortController().signal,
      );
    } catch (error) {
      throw repo.catalogFailure(error) ?? error;
    } finally {
      await repo.close();
    }
  }

  /** Restores what lies below a path into a folder, with one worker thread unless told otherwise. */
  async restore(
    snapshot: string,
    path: string,
    target: string,
    options: Partial<RestoreOptions> = {},
    monitor: Monitor = silentMonitor,
  ): Promise<RestoreStats> {
    return await this.use(
      async (repo) =>
        await runRestore(
          repo,
          {
            snapshot: await resolveSnapshot(repo, snapshot, { hosts: [], tags: [], paths: [] }),
            path: rawFromText(path),
            target,
            include: [],
            exclude: [],
            overwrite: 'if-changed',
            delete: false,
            verify: false,
            sparse: false,
            numericIds: false,
            planOnly: false,
            workers: 1,
            ...options,
          },
          async () => true,
          monitor,
          new AbortController().signal,
        ),
      'read',
      monitor,
    );
  }

  /** Runs `work` with the repository open, and closes it. */
  async use<T>(work: (repo: Repository) => Promise<T>, access: Access = 'read', monitor?: Monitor): Promise<T> {
    const repo = await this.open(access, monitor);
    try {
      return await work(repo);
    } finally {
      await repo.close();
    }
  }

  /** Removes all that is on disk. */
  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function placesIn(folder: string, host: string): LocalPlaces {
  return {
    config: join(folder, host, 'config'),
    cache: join(folder, host, 'cache'),
    state: join(folder, host, 'state'),
  };
}

/** A repository closes its store with itself; a test goes on using it. */
function keptOpen(store: Store): Store {
  return new Proxy(store, {
    get(target, property) {
      if (property === 'close') return async () => {};
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
