/**
 * Restores a snapshot or a part of it into a directory: plans, asks for approval, checks the target, and carries out
 * the plan window by window. A plan that fits one window is made once; of a longer one only the sums are kept, and it
 * is made again while it is carried out, so that memory does not grow with the snapshot.
 */
import { randomInt } from 'node:crypto';
import { throwIfAborted } from '../base/errors.ts';
import type { Monitor, Problem } from '../base/monitor.ts';
import { joinRaw, type Raw, rawFromText } from '../base/raw.ts';
import { TargetTree } from '../files/target.ts';
import { loadTargetCalls } from '../files/target-load.ts';
import { requireFreeSpace } from '../files/target-space.ts';
import { ChunkReader } from '../repo/chunk-reader.ts';
import type { Repository } from '../repo/repository.ts';
import { peakRssBytes } from './process-facts.ts';
import { loadBasis, type RestoreBasis, requireWritable } from './restore-basis.ts';
import { addCopies, addReads } from './restore-copies.ts';
import { PlanCounts, RestoreCounts } from './restore-counts.ts';
import { ExistingTarget } from './restore-existing.ts';
import { findFrozen } from './restore-gate.ts';
import type { RestoreSetup } from './restore-messages.ts';
import type { RestoreOptions, RestorePlan, RestoreStats } from './restore-options.ts';
import { RestorePlanner } from './restore-planner.ts';
import type { PlannerOptions } from './restore-planning.ts';
import { fatalError } from './restore-problems.ts';
import { RestoreProgress } from './restore-progress.ts';
import { type PreparedWindow, RestoreRun } from './restore-run.ts';
import { RestoreSite } from './restore-site.ts';
import { buildUnits } from './restore-units.ts';
import { findEqual, verifyRestored } from './restore-verify.ts';
import { type RestoreWindow, WINDOW_LIMITS, type WindowLimits } from './restore-window.ts';
import { RestoreWorkers } from './restore-workers.ts';
import { defaultWorkers } from './worker-pool.ts';

export type { OverwritePolicy, RestoreOptions, RestorePlan, RestoreStats } from './restore-options.ts';

/** Decompressed metadata that is kept: the manifest is read in order, once. */
const CACHE_BYTES = 12 << 20;

/**
 * Restores. What goes wrong with single items is reported to the monitor, and the others go on.
 * @param approve sees the plan before anything is written; false stops
 * @param limits of what is planned at a time; another value changes memory and speed, not the result
 * @throws `user` when there is nothing at the path, or the target cannot be written or is too small; `cancelled` after
 *   an interrupt, when nothing incomplete is left in the target; `damage` when the manifest cannot be read at all.
 */
export async function runRestore(
  repo: Repository,
  options: RestoreOptions,
  approve: (plan: RestorePlan) => Promise<boolean>,
  monitor: Monitor,
  signal: AbortSignal,
  limits: WindowLimits = WINDOW_LIMITS,
): Promise<RestoreStats> {
  const restore = new Restore(repo, options, monitor, signal, limits);
  try {
    return await restore.run(approve);
  } finally {
    await restore.close();
  }
}

/** What a first pass over the manifest has found. */
interface Survey {
  readonly counts: PlanCounts;
  readonly planner: RestorePlanner;
  /** All of it, where it fits. */
  readonly whole: PreparedWindow | undefined;
}

/** The state of one restore. */
class Restore {
  readonly #repo: Repository;
  readonly #options: RestoreOptions;
  readonly #signal: AbortSignal;
  readonly #started: number;
  readonly #target: Raw;
  readonly #counts: RestoreCounts;
  readonly #progress: RestoreProgress;
  readonly #chunks: ChunkReader;
  readonly #calls = loadTargetCalls();
  /** Aborted by an interrupt, and by what makes going on useless. */
  readonly #end = new AbortController();
  readonly #stop = new Int32Array(new SharedArrayBuffer(4));
  readonly #missing = new Set<Raw>();
  readonly #frozenParts = new Set<Raw>();
  readonly #setup: RestoreSetup;
  readonly #workers: RestoreWorkers;
  readonly #onAbort = (): void => this.#stopAll();
  readonly #limits: WindowLimits;
  #tree: TargetTree | undefined;

  constructor(repo: Repository, options: RestoreOptions, monitor: Monitor, signal: AbortSignal, limits: WindowLimits) {
    this.#limits = limits;
    this.#repo = repo;
    this.#options = options;
    this.#signal = signal;
    this.#started = repo.clock.monotonic();
    this.#target = rawFromText(options.target);
    this.#counts = new RestoreCounts(monitor);
    this.#chunks = new ChunkReader(repo, { cacheBytes: CACHE_BYTES });
    this.#setup = {
      role: 'restore',
      target: this.#target,
      run: { pid: process.pid, token: randomInt(1024), started: Date.now() },
      chunkIdKey: repo.derived.chunkId,
      overwrite: options.overwrite === 'never' ? 'never' : 'always',
      sparse: options.sparse,
      stop: this.#stop,
    };
    this.#workers = new RestoreWorkers(options.workers ?? defaultWorkers(), this.#setup);
    this.#progress = new RestoreProgress(monitor, this.#counts);
    signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  async close(): Promise<void> {
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.#progress.close();
    await this.#workers.close();
    this.#tree?.close();
  }

  async run(approve: (plan: RestorePlan) => Promise<boolean>): Promise<RestoreStats> {
    const { planOnly, verify } = this.#options;
    throwIfAborted(this.#signal);
    if (!planOnly) {
      requireWritable(this.#target);
      // They come up while the plan is made.
      this.#workers.start();
    }
    this.#progress.enter('plan');
    const basis = await loadBasis(this.#repo, this.#options, this.#chunks, this.#calls.timeGrain - 1n, this.#signal);
    const survey = await this.#survey(basis);
    const plan = survey.counts.plan();
    // Before anybody approves of what may cost money.
    if (!planOnly) {
      requireFreeSpace(this.#target, { bytes: survey.counts.neededBytes, files: survey.counts.neededFiles });
    }
    if (!(await approve(plan)) || planOnly) return this.#stats(survey.counts);
    throwIfAborted(this.#signal);
    this.#progress.enter('restore', plan);
    const site = await this.#carryOut(basis, survey);
    // What is left for a later pass is verified with it.
    if (verify && this.#counts.filesFrozen === 0) {
      this.#progress.enter('verify', plan);
      const existing = new ExistingTarget(this.#target, { isTakenForEmpty: true });
      const reader = this.#planner(basis, { existing, onProblem: () => {} });
      await verifyRestored(site, reader, this.#workers, this.#progress, this.#signal);
      throwIfAborted(this.#signal);
    }
    return this.#stats(survey.counts);
  }

  /** Finds out what the restore comes to. */
  async #survey(basis: RestoreBasis): Promise<Survey> {
    const counts = new PlanCounts();
    const problems: Problem[] = [];
    const planner = this.#planner(basis, { counts, onProblem: (problem) => problems.push(problem) });
    let whole: PreparedWindow | undefined;
    let windows = 0;
    const { gate, reads } = this.#options;
    const groups = new Set<Raw>();
    const sources = { catalog: this.#repo.catalog, gate, signal: this.#end.signal };
    for await (const window of planner.windows()) {
      const prepared = await this.#prepare(window, counts);
      if (reads) await addCopies(window.links, { ...sources, manifest: basis.manifest }, groups, counts, reads);
      whole = windows++ === 0 ? prepared : undefined;
    }
    // A plan that is made again meets its problems again.
    if (whole || this.#options.planOnly) for (const problem of problems) this.#counts.problem(problem);
    return { counts, planner, whole };
  }

  async #prepare(window: RestoreWindow, counts: PlanCounts): Promise<PreparedWindow> {
    const candidates = window.candidates.filter((file) => !window.refused.has(file));
    const { gate } = this.#options;
    const unchanged = await findEqual(window, candidates, this.#workers);
    for (const file of unchanged) {
      counts.filesUnchanged++;
      window.refresh.push(window.file(file));
    }
    const isLeft = (file: number): boolean => unchanged.has(file) || window.refused.has(file);
    const { catalog } = this.#repo;
    const frozen = gate ? findFrozen(window, catalog, gate, this.#frozenParts).filter((file) => !isLeft(file)) : [];
    const waits = new Set(frozen);
    const units = buildUnits(window, catalog, (file) => isLeft(file) || waits.has(file));
    addReads(units.units, counts, this.#options.reads);
    // What is read together otherwise is read apart when a part of it has to wait.
    const later = waits.size > 0 ? buildUnits(window, catalog, (file) => isLeft(file) || !waits.has(file)).units : [];
    addReads(later, counts, this.#options.reads);
    return { window, units, frozen };
  }

  async #carryOut(basis: RestoreBasis, survey: Survey): Promise<RestoreSite> {
    const { run, target } = { run: this.#setup.run, target: this.#target };
    const report = (problem: Problem): void => this.#counts.problem(problem);
    const tree = new TargetTree(target, this.#calls, { run, setsOwners: true, report });
    this.#tree = tree;
    const nameRules = tree.probe();
    tree.makeDirectory('/' as Raw);
    const isStrict = !nameRules.ignoresCase && !nameRules.ignoresNormalization;
    const isWhole = survey.whole !== undefined && isStrict;
    const planner = isWhole ? survey.planner : this.#planner(basis, { nameRules });
    const shared = {
      options: this.#options,
      tree,
      counts: this.#counts,
      chunks: this.#chunks,
      manifest: basis.manifest,
    };
    const rest = { directories: planner.directories, missing: this.#missing };
    const site = new RestoreSite({ ...shared, ...rest }, () => this.#stopAll());
    const windows = isWhole ? [survey.whole!] : this.#prepared(planner);
    const signal = this.#end.signal;
    const work = new RestoreRun(this.#repo, site, this.#workers, basis.selection, this.#progress, signal);
    try {
      for await (const prepared of windows) {
        if (signal.aborted) break;
        await work.carryOut(prepared);
      }
      if (!signal.aborted) work.finish();
    } catch (error) {
      this.#stopAll();
      // A worker must not write to descriptors that are closed below.
      await this.#workers.close();
      throw error;
    } finally {
      if (signal.aborted) work.abandon();
    }
    if (site.fatal) throw fatalError(site.fatal);
    throwIfAborted(this.#signal);
    return site;
  }

  async *#prepared(planner: RestorePlanner): AsyncGenerator<PreparedWindow> {
    const counts = new PlanCounts();
    for await (const window of planner.windows()) yield await this.#prepare(window, counts);
  }

  #planner(basis: RestoreBasis, changes: Partial<PlannerOptions>): RestorePlanner {
    return new RestorePlanner({
      ...basis,
      existing: new ExistingTarget(this.#target),
      nameRules: undefined,
      limits: this.#limits,
      counts: new PlanCounts(),
      locate: (path) => (path === '/' ? this.#target : (((this.#target === '/' ? '' : this.#target) + path) as Raw)),
      onProblem: (problem) => this.#counts.problem(problem),
      onSkipped: (node, name, isLinked) => {
        if (isLinked || this.#options.verify) this.#missing.add(joinRaw(node.path, name));
      },
      signal: this.#end.signal,
      ...changes,
    });
  }

  #stopAll(): void {
    Atomics.store(this.#stop, 0, 1);
    this.#end.abort();
  }

  #stats(planned: PlanCounts): RestoreStats {
    const { filesRestored, filesRemoved, filesVerified, dirs, others, bytesWritten, bytesFetched } = this.#counts;
    return {
      plan: planned.plan(),
      ...{ filesRestored, filesRemoved, filesVerified, dirs, others, bytesWritten, bytesFetched },
      filesUnchanged: planned.filesUnchanged,
      filesSkipped: planned.filesSkipped + this.#counts.filesSkipped,
      filesFrozen: this.#counts.filesFrozen,
      errors: this.#counts.errors,
      warnings: this.#counts.warnings,
      ...this.#repo.requestStats(),
      seconds: (this.#repo.clock.monotonic() - this.#started) / 1000,
      peakRssBytes: peakRssBytes(),
    };
  }
}
