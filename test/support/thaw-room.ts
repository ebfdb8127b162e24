/**
 * A repository whose packs are archived, on the test S3 server and its virtual clock: hours pass when a test, or a
 * restore that waits, lets them. Small packs are archived too.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Monitor, silentMonitor } from '../../src/base/monitor.ts';
import { rawFromText } from '../../src/base/raw.ts';
import type { PriceList } from '../../src/plan/prices.ts';
import type { Repository } from '../../src/repo/repository.ts';
import { loadSnapshots } from '../../src/repo/snapshots.ts';
import { findThawJob } from '../../src/repo/thaw-jobs.ts';
import { openS3Store } from '../../src/store/s3.ts';
import type { S3StoreOptions } from '../../src/store/s3-options.ts';
import type { Store } from '../../src/store/store.ts';
import type { SnapshotInfo } from '../../src/work/browse.ts';
import { runDump } from '../../src/work/dump.ts';
import type { DumpStats } from '../../src/work/dump-types.ts';
import type { InitOptions } from '../../src/work/init.ts';
import { restoreFrom, resumeJob } from '../../src/work/restore-cold.ts';
import type { RestoreOptions } from '../../src/work/restore-options.ts';
import type { RestoreOffer, ThawOptions, ThawOutcome, ThawStatus } from '../../src/work/thaw-options.ts';
import { seededBytes } from './random.ts';
import { collectingMonitor, TestRepository } from './repository.ts';
import { VirtualClock } from './s3/clock.ts';
import { type S3TestServer, startS3Server } from './s3/server.ts';
import { type S3ServerOptions, TEST_CREDENTIALS } from './s3/world.ts';

export const HOUR = 3_600_000;
export const START = Date.UTC(2026, 10, 2, 10, 30);
const BUCKET = 'cold';

/** What a restore did, and what was seen of it. */
export interface Thawed {
  readonly outcome: ThawOutcome;
  readonly offers: readonly RestoreOffer[];
  readonly statuses: readonly ThawStatus[];
  readonly problems: ReturnType<typeof collectingMonitor>['problems'];
}

/** What a test may change. */
export interface ThawTrial extends Partial<Omit<ThawOptions, 'prices'>> {
  readonly path?: string;
  readonly planOnly?: boolean;
  readonly include?: readonly string[];
  readonly verify?: boolean;
  readonly approve?: boolean;
  readonly prices?: readonly PriceList[];
  readonly on?: Store;
  readonly onStatus?: (status: ThawStatus) => void;
  readonly signal?: AbortSignal;
  /** Not that of the room's repository. */
  readonly as?: string;
}

/** The room. */
export class ThawRoom {
  readonly server: S3TestServer;
  readonly repo: TestRepository;
  readonly store: Store;
  readonly source: string;
  readonly #before: NodeJS.ProcessEnv;

  private constructor(server: S3TestServer, store: Store, repo: TestRepository, before: NodeJS.ProcessEnv) {
    this.server = server;
    this.store = store;
    this.repo = repo;
    this.source = join(repo.folder, 'source');
    this.#before = before;
    mkdirSync(this.source);
  }

  static async open(
    storageClass: string,
    {
      server: serverOptions = {},
      store: storeOptions = {},
      init = {},
    }: {
      readonly server?: S3ServerOptions;
      readonly store?: Partial<S3StoreOptions>;
      readonly init?: Partial<InitOptions>;
    } = {},
  ): Promise<ThawRoom> {
    const before = { ...process.env };
    for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name];
    process.env.AWS_ACCESS_KEY_ID = TEST_CREDENTIALS.accessKeyId;
    process.env.AWS_SECRET_ACCESS_KEY = TEST_CREDENTIALS.secretAccessKey;
    process.env.AWS_EC2_METADATA_DISABLED = 'true';
    const server = await startS3Server({ buckets: [BUCKET], clock: new VirtualClock(START), ...serverOptions });
    const store = await openS3Store({
      ...{
        bucket: BUCKET,
        prefix: 'nas',
        endpoint: server.url,
        provider: 'aws',
        isPathStyle: true,
        region: 'us-east-1',
      },
      ...storeOptions,
    });
    const repo = await TestRepository.create({
      ...{ store, storageClass, coldMinimum: 0 },
      ...init,
    });
    return new ThawRoom(server, store, repo, before);
  }

  /** Writes a file of content that does not compress. */
  file(path: string, bytes: number, seed = path.length * 7919 + bytes): void {
    const target = join(this.source, path);
    mkdirSync(join(target, '..'), { recursive: true });
    writeFileSync(target, seededBytes(bytes, seed));
  }

  /** Directories of four files each, backed up one after the other: each is a session with a pack of its own. */
  async fill(directories = ['a', 'b', 'c']): Promise<void> {
    for (const [at, directory] of directories.entries()) {
      for (let i = 0; i < 4; i++) this.file(`${directory}/${i}.bin`, 10_000 + i, at * 100 + i);
      await this.repo.backup([this.source]);
    }
  }

  /** Passes time at the server. */
  readonly sleep = async (ms: number): Promise<void> => this.server.clock.advance(ms);

  /** The repository as the command line names it. */
  get url(): string {
    return `s3://${BUCKET}/nas?endpoint=${this.server.url}&provider=aws&path-style=true&region=us-east-1`;
  }

  /** What a command needs to open it: a home of its own, and the passphrase. */
  world(): { readonly home: string; readonly env: Record<string, string> } {
    const password = join(this.repo.folder, 'password');
    writeFileSync(password, 'correct horse\n', { mode: 0o600 });
    return { home: join(this.repo.folder, 'home'), env: { ICECORE_PASSWORD_FILE: password } };
  }

  target(name = 'target'): string {
    return join(this.repo.folder, name);
  }

  /** Restores the newest snapshot (below `path`), approving of everything. */
  async restore(target: string, trial: ThawTrial = {}): Promise<Thawed> {
    return await this.#run(trial, async (repo, thaw, view, monitor, signal) => {
      const { snapshots } = await loadSnapshots(repo);
      const options: RestoreOptions = {
        snapshot: { id: snapshots.at(-1)!.snapshot.id },
        path: rawFromText(this.source + (trial.path ?? '')),
        target,
        include: trial.include ?? [],
        ...{ exclude: [], overwrite: 'if-changed', delete: false, verify: trial.verify ?? false, sparse: false },
        ...{ numericIds: false, planOnly: trial.planOnly ?? false, workers: 1 },
      };
      return await restoreFrom(repo, options, thaw, view, monitor, signal);
    });
  }

  /** Goes on with a job. */
  async resume(job: string, trial: ThawTrial & { readonly target?: string } = {}): Promise<Thawed> {
    return await this.#run(trial, async (repo, thaw, view, monitor, signal) => {
      const target = trial.target === undefined ? {} : { target: trial.target };
      const stored = await findThawJob(repo, job);
      return await resumeJob(repo, stored, { ...target, workers: 1 }, thaw, view, monitor, signal);
    });
  }

  /** Dumps what lies below the source. */
  async dump(path: string): Promise<{ stats: DumpStats; problems: Thawed['problems'] }> {
    const monitor = collectingMonitor();
    const stats = await this.repo.use(async (repo) => {
      const { snapshots } = await loadSnapshots(repo);
      const snapshot = { id: snapshots.at(-1)!.snapshot.id } as SnapshotInfo;
      const options = { snapshot, path: rawFromText(this.source + path), archive: false };
      const sink = { write: async () => {} };
      return await runDump(repo, options, sink, monitor, new AbortController().signal);
    });
    return { stats, problems: monitor.problems };
  }

  /** How often the server was asked for something that it took. */
  count(operation: string): number {
    return this.server.requests.filter((request) => request.operation === operation && request.status < 300).length;
  }

  async close(): Promise<void> {
    await this.store.close();
    await this.server.close();
    this.repo.remove();
    process.env = this.#before;
  }

  async #run(
    trial: ThawTrial,
    work: (
      repo: Repository,
      options: ThawOptions,
      view: Parameters<typeof restoreFrom>[3],
      monitor: Monitor,
      signal: AbortSignal,
    ) => Promise<ThawOutcome>,
  ): Promise<Thawed> {
    const monitor = collectingMonitor();
    const offers: RestoreOffer[] = [];
    const statuses: ThawStatus[] = [];
    const view = {
      show: async (offer: RestoreOffer) => void offers.push(offer),
      approve: async () => trial.approve ?? true,
      approveUpgrade: async () => trial.approve ?? true,
      onJob: () => {},
      onStatus: (status: ThawStatus) => {
        statuses.push(status);
        trial.onStatus?.(status);
      },
    };
    const {
      path: _,
      planOnly: _p,
      include: _i,
      verify: _v,
      approve: _a,
      on,
      onStatus: _o,
      signal: _s,
      as,
      ...thaw
    } = trial;
    const options: ThawOptions = {
      ...{ host: as ?? 'host', user: 'user', waits: false, egress: 'internet', prices: [], sleep: this.sleep },
      ...thaw,
    };
    const repo = await (on ? this.repo.on(on) : this.repo).open('read', silentMonitor, as ?? 'host');
    try {
      const outcome = await work(repo, options, view, monitor, trial.signal ?? new AbortController().signal);
      return { outcome, offers, statuses, problems: monitor.problems };
    } finally {
      await repo.close();
    }
  }
}
