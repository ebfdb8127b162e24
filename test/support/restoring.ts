/** Restores from a TestRepository, with defaults for everything. */
import type { Problem } from '../../src/base/monitor.ts';
import { type Raw, rawFromText } from '../../src/base/raw.ts';
import type { Repository } from '../../src/repo/repository.ts';
import { loadSnapshots } from '../../src/repo/snapshots.ts';
import type { Store } from '../../src/store/store.ts';
import type { SnapshotInfo } from '../../src/work/browse.ts';
import { type RestoreOptions, type RestorePlan, type RestoreStats, runRestore } from '../../src/work/restore.ts';
import type { WindowLimits } from '../../src/work/restore-window.ts';
import { collectingMonitor, type TestRepository } from './repository.ts';

/** What a test may change. */
export interface RestoringOptions extends Partial<Omit<RestoreOptions, 'path' | 'snapshot'>> {
  readonly path?: string;
  readonly limits?: WindowLimits;
  readonly signal?: AbortSignal;
  readonly approve?: (plan: RestorePlan) => Promise<boolean>;
  readonly monitor?: ReturnType<typeof collectingMonitor>;
}

/** What came of it. */
export interface Restored {
  readonly stats: RestoreStats;
  readonly problems: readonly Problem[];
  readonly codes: readonly string[];
}

/** Restores the newest snapshot, with one worker thread unless told otherwise. */
export async function restore(
  from: TestRepository | Repository,
  target: string,
  options: RestoringOptions = {},
): Promise<Restored> {
  if ('use' in from && 'places' in from && 'backup' in from) {
    return await (from as TestRepository).use((repo) => restore(repo, target, options));
  }
  const repo = from as Repository;
  const {
    path = '/',
    limits,
    signal = new AbortController().signal,
    approve,
    monitor = collectingMonitor(),
    ...rest
  } = options;
  const { snapshots } = await loadSnapshots(repo);
  const stats = await runRestore(
    repo,
    {
      snapshot: { id: snapshots.at(-1)!.snapshot.id } as SnapshotInfo,
      path: rawFromText(path) as Raw,
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
      ...rest,
    },
    approve ?? (async () => true),
    monitor,
    signal,
    limits,
  );
  return { stats, problems: monitor.problems, codes: monitor.problems.map(({ code }) => code) };
}

/** The same repository and host, with something between it and the store. */
export function withStore(repo: TestRepository, store: Store): TestRepository {
  return Object.assign(Object.create(Object.getPrototypeOf(repo) as object) as TestRepository, { ...repo, store });
}
