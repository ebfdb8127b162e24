/**
 * Makes a snapshot of paths: opens a write session, runs passes over the file system until nothing that it relies on is
 * condemned, and commits. A first interrupt ends the walk and commits what is there as a partial snapshot.
 */
import { bug, cancelled, IcecoreError } from '../base/errors.ts';
import type { Monitor } from '../base/monitor.ts';
import { isProcessAlive } from '../base/process-alive.ts';
import { rawFromText } from '../base/raw.ts';
import type { ExcludeMatcher } from '../files/exclude.ts';
import type { Libc } from '../files/libc.ts';
import { scan } from '../files/scan.ts';
import type { ScanPage } from '../files/scan-types.ts';
import { checkBucketChoices } from '../repo/bucket-choices.ts';
import { ParentState } from '../repo/parent-state.ts';
import type { Repository } from '../repo/repository.ts';
import { WriteSession } from '../repo/session.ts';
import { loadSnapshots } from '../repo/snapshots.ts';
import { BackupAttempt, type BackupBasis } from './backup-attempt.ts';
import { BackupCounts } from './backup-counts.ts';
import { makeExcludes, reportUnusedRules } from './backup-excludes.ts';
import type { BackupOptions, BackupStats } from './backup-options.ts';
import { peakRssBytes } from './process-facts.ts';

export type { BackupOptions, BackupStats, ExcludeOptions } from './backup-options.ts';

/** After an interrupt, uploads that have not ended by themselves are given up after this long. */
const GRACE_MS = 4000;
/** How often a run starts over because what it relied on was condemned meanwhile. */
const ATTEMPTS = 5;

/**
 * Backs up. What goes wrong with single items is reported to the monitor; the snapshot then says that it is incomplete.
 * @throws `usage` for a class or tags that the store does not have; `user` when a path to back up cannot be read or the source is empty where it was not; `cancelled` when it was
 *   interrupted before there was anything to keep; `store`, `key`.
 */
export async function runBackup(
  opened: Repository,
  options: BackupOptions,
  monitor: Monitor,
  signal: AbortSignal,
): Promise<BackupStats> {
  const repo = options.objectTags?.length ? opened.withTags(options.objectTags) : opened;
  checkBucketChoices(repo.store, options);
  const began = repo.clock.monotonic();
  const hard = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const onInterrupt = () => {
    timer = setTimeout(() => hard.abort(), GRACE_MS);
  };
  if (signal.aborted) throw cancelled();
  signal.addEventListener('abort', onInterrupt, { once: true });
  try {
    const result = options.dryRun
      ? await dryRun(repo, options, monitor, signal)
      : await realRun(repo, options, monitor, signal, hard);
    const { counts } = result;
    const use = repo.use();
    return {
      ...(result.snapshot === undefined ? {} : { snapshot: result.snapshot }),
      ...(result.parent === undefined ? {} : { parent: result.parent }),
      filesNew: counts.filesNew,
      filesChanged: counts.filesChanged,
      filesUnchanged: counts.filesUnchanged,
      dirs: counts.dirs,
      others: counts.symlinks + counts.others,
      skipped: counts.skipped,
      excluded: counts.excluded,
      errors: counts.errors,
      vanished: counts.vanished,
      bytesScanned: counts.bytesScanned,
      bytesRead: counts.bytesRead,
      bytesNew: counts.bytesNew,
      bytesStored: use.storedBytes,
      packs: result.packs,
      ...repo.requestStats(),
      seconds: (repo.clock.monotonic() - began) / 1000,
      peakRssBytes: peakRssBytes(),
      partial: result.partial,
    };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onInterrupt);
  }
}

/** What a run leaves for its summary. */
interface RunResult {
  readonly counts: BackupCounts;
  readonly snapshot?: string;
  readonly parent?: string;
  readonly packs: number;
  readonly partial: boolean;
}

async function realRun(
  repo: Repository,
  options: BackupOptions,
  monitor: Monitor,
  stop: AbortSignal,
  hard: AbortController,
): Promise<RunResult> {
  const excludes = makeExcludes(options.exclude);
  const started = repo.clock.now();
  const parents = parentsOf(repo, options, started);
  const header = parents.header();
  let session = await WriteSession.open(repo, header?.packs ?? [], hard.signal);
  const { snapshots, heads } = await loadSnapshots(repo, session.gc);
  const isCurrent = header !== undefined && snapshots.some(({ snapshot }) => snapshot.id === header.snapshot);
  let isParentSafe = isCurrent && !session.reliesOnCondemned();
  if (!isParentSafe) await session.relyAnew();
  for (let attempt = 1; ; attempt++) {
    const counts = new BackupCounts();
    const basis: BackupBasis = {
      started,
      header,
      parent: isCurrent && !options.force ? header?.snapshot : undefined,
      isParentSafe,
    };
    const run = new BackupAttempt(repo, session, parents, options, basis, counts, monitor, stop, hard);
    const made = await run.run((libc) => pagesOf(options, excludes, counts, libc, monitor));
    checkNotEmpty(options, counts, header?.files ?? 0, made.isPartial);
    const result = await session.commit(made.content, heads);
    if (result.type === 'committed') {
      run.keepParent(result.id);
      if (!made.isPartial) reportUnusedRules(excludes, monitor);
      const shared = { counts, snapshot: result.id, packs: session.packs, partial: made.isPartial };
      return basis.parent === undefined ? shared : { ...shared, parent: basis.parent };
    }
    if (attempt === ATTEMPTS) {
      throw new IcecoreError('store', 'condemned', 'what this backup relies on keeps being removed by prune', {
        hint: 'run the backup again when prune has ended',
      });
    }
    isParentSafe = false;
    if (result.type === 'condemned') await session.relyAnew();
    // Somebody took this session for dead. Its packs are remembered, and the next session takes them over.
    if (result.type === 'revoked') session = await WriteSession.open(repo, [], hard.signal);
  }
}

/** Walks and compares, reads nothing, stores nothing. */
async function dryRun(
  repo: Repository,
  options: BackupOptions,
  monitor: Monitor,
  stop: AbortSignal,
): Promise<RunResult> {
  const excludes = makeExcludes(options.exclude);
  if (options.stream) throw new IcecoreError('usage', 'dry-run-stream', 'a stream cannot be backed up in a dry run');
  const started = repo.clock.now();
  const parents = parentsOf(repo, options, started);
  const header = parents.header();
  const counts = new BackupCounts();
  const basis: BackupBasis = { started, header, parent: header?.snapshot, isParentSafe: true };
  const run = new BackupAttempt(repo, undefined, parents, options, basis, counts, monitor, stop, new AbortController());
  await run.run((libc) => pagesOf(options, excludes, counts, libc, monitor));
  if (stop.aborted) throw cancelled();
  reportUnusedRules(excludes, monitor);
  return { counts, packs: 0, partial: false, ...(header ? { parent: header.snapshot } : {}) };
}

/** What this host keeps of the set of paths, or of the stream of that name. */
function parentsOf(repo: Repository, { stream, paths }: BackupOptions, started: number): ParentState {
  const key = stream ? [rawFromText(`stream:${stream.name}`)] : paths;
  return new ParentState(repo.cacheFolder(), key, { pid: process.pid, started }, isProcessAlive);
}

/** The walk, with what is left out reported. */
function pagesOf(
  options: BackupOptions,
  exclude: ExcludeMatcher,
  counts: BackupCounts,
  libc: Libc | undefined,
  monitor: Monitor,
): Iterable<ScanPage> {
  return scan(options.paths, {
    exclude,
    oneFileSystem: options.oneFileSystem,
    libc,
    onExcluded: (path, { reason }) => {
      counts.excluded++;
      if (monitor.wantsItems) monitor.item({ path, action: 'excluded', reason });
    },
    onProblem: (problem) => {
      if (problem.code === 'vanished') counts.vanished++;
      counts.problem(problem);
      monitor.problem(problem);
    },
  });
}

/** A source that was full and is empty now is more often an unmounted disk than what somebody wants to keep. */
function checkNotEmpty(options: BackupOptions, counts: BackupCounts, filesBefore: number, isPartial: boolean): void {
  if (options.stream || isPartial) return;
  const { files, symlinks, others, excluded } = counts;
  if (files === 0 && filesBefore > 0 && !options.allowEmpty) {
    throw new IcecoreError('user', 'source-empty', `there are no files, the last snapshot has ${filesBefore}`, {
      hint: 'check that the source is mounted; --allow-empty backs it up as it is',
    });
  }
  if (files + symlinks + others === 0 && excluded > 0 && !options.allowEmpty) {
    throw new IcecoreError('user', 'everything-excluded', 'everything is excluded: there is nothing to back up', {
      hint: 'icecore backup -nv says of each path which rule it was; --allow-empty goes on',
    });
  }
  if (counts.totals.entries === 0) throw bug('the walk found nothing, not even its roots');
}
