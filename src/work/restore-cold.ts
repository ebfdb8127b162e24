/**
 * Restores from wherever the packs lie: at once where all can be read, else as a thaw job that any host may go on with.
 * Owns the order of things: plan, look, offer, approval, job, requests, and only then files.
 */
import { IcecoreError } from '../base/errors.ts';
import type { Monitor } from '../base/monitor.ts';
import type { PriceList } from '../plan/prices.ts';
import type { Repository } from '../repo/repository.ts';
import { createThawJob, holdThawJob, type StoredThawJob } from '../repo/thaw-jobs.ts';
import type { ThawLook } from '../store/thaw.ts';
import { programName } from './program.ts';
import { termsOfRepository } from './repository-terms.ts';
import { runRestore } from './restore.ts';
import type { RestoreOptions, RestorePlan, RestoreStats } from './restore-options.ts';
import { BatchThaw, requireBatchThaw, writeThawBatches } from './thaw-batch.ts';
import { CommandThaw } from './thaw-command.ts';
import { thawMoney } from './thaw-cost.ts';
import { findSameJob, jobTarget, restoreOptionsOf } from './thaw-job-options.ts';
import { offerOf, requirePossible } from './thaw-offer.ts';
import type { RestoreOffer, ThawOptions, ThawOutcome, ThawView } from './thaw-options.ts';
import { addStats, effective, makePass, onceMonitor, type Pass, runPass, type ThawParts, ThawRun } from './thaw-run.ts';
import { StoreThaw, type ThawSource } from './thaw-source.ts';

/**
 * Restores a snapshot or a part of it. Where nothing has to be thawed this is {@link runRestore}, with the cost of what
 * is billed in the offer.
 * @throws what runRestore throws; kind `user`, `no-thaw`, `tier-not-offered`; kind `cost`, `cost-limit`, `cost-unknown`
 */
export async function restoreFrom(
  repo: Repository,
  restore: RestoreOptions,
  options: ThawOptions,
  view: ThawView,
  monitor: Monitor,
  signal: AbortSignal,
): Promise<ThawOutcome> {
  if (options.batch) await requireBatchThaw(repo, options.batch, options.tier, signal);
  const source = thawSource(repo, options);
  if (!source) return await restoreOnline(repo, restore, view, monitor, signal);
  const parts = partsOf({ repo, source, restore, options, view, monitor, signal });
  const looks = new Map<string, ThawLook>();
  let stats: RestoreStats | undefined;
  for (let i = 0; i < ATTEMPTS; i++) {
    const tried = await attempt(parts, looks);
    if (tried.stats) stats = stats ? addStats(stats, tried.stats) : tried.stats;
    if (tried.type === 'ended') {
      const { outcome } = tried;
      const ended = stats ? { ...outcome, stats: addStats(stats, outcome.stats) } : outcome;
      if (!options.batch || ended.type !== 'warming' || !ended.status) return ended;
      const batches = await writeThawBatches(repo, ended.status.job, source, options.batch, signal);
      return { ...ended, batches };
    }
    for (const [name, look] of await source.look(tried.packs, signal)) {
      // What a read found archived is so, whatever its class may be.
      const isFrozen = tried.frozen.has(name) && look.state.type === 'online';
      looks.set(name, isFrozen ? { ...look, state: { type: 'cold' } } : look);
    }
  }
  throw new IcecoreError('store', 'packs-froze', 'packs froze again and again while they were read', {
    hint: 'see what moves objects in the bucket to an archive (icecore doctor shows its rules)',
  });
}

/** Goes on with a job: one step, or all of them where the options say to wait. */
export async function resumeJob(
  repo: Repository,
  stored: StoredThawJob,
  { target, workers }: { readonly target?: string; readonly workers?: number },
  options: ThawOptions,
  view: ThawView,
  monitor: Monitor,
  signal: AbortSignal,
): Promise<ThawOutcome> {
  const source = thawSource(repo, options);
  if (!source) throw new IcecoreError('user', 'no-thaw', 'nothing in this repository has to be thawed');
  const restore = restoreOptionsOf(stored.job, target, workers);
  const parts = partsOf({ repo, source, restore, options, view, monitor, signal });
  const run = new ThawRun(parts, stored, options.tier, options.tier !== undefined);
  const release = holdThawJob(repo, stored.id);
  try {
    let stats = await run.step();
    if (stats.filesFrozen > 0 && options.waits) stats = await run.wait(stats);
    return outcomeOf({ plan: stats.plan }, stats, run);
  } finally {
    release();
  }
}

function partsOf(parts: Omit<ThawParts, 'prices'>): ThawParts {
  const { repo, options, monitor, signal } = parts;
  let prices: Promise<PriceList> | undefined;
  return {
    ...parts,
    prices: () => (prices ??= termsOfRepository(repo, options.prices, signal).then((terms) => terms!.prices)),
    monitor: onceMonitor(monitor),
  };
}

function outcomeOf(offer: RestoreOffer, stats: RestoreStats, run: ThawRun): ThawOutcome {
  const type = stats.filesFrozen > 0 ? 'warming' : 'restored';
  return { type, offer, stats, ...(run.status === undefined ? {} : { status: run.status }) };
}

/** A pack may turn out to be archived only when it is read; twice the same is a fault of somebody else's. */
const ATTEMPTS = 3;

type Attempt =
  | { readonly type: 'ended'; readonly outcome: ThawOutcome; readonly stats?: undefined }
  /** Packs have to be looked at first; `stats` of what was restored before that was known. */
  | {
      readonly type: 'look';
      readonly packs: Pass['reads']['archived'];
      readonly frozen: ReadonlySet<string>;
      readonly stats?: RestoreStats;
    };

/** Plans with what is known of packs, and goes on as far as that reaches. */
async function attempt(parts: ThawParts, looks: Map<string, ThawLook>): Promise<Attempt> {
  const { source, restore, options, view, prices } = parts;
  const pass = makePass(source, looks);
  let offer: RestoreOffer | undefined;
  let isApproved = false;
  let run: ThawRun | undefined;
  let givenUp: readonly string[] = [];
  let release = (): void => {};
  try {
    const stats = await runPass(parts, pass, async (plan: RestorePlan) => {
      const { archived } = pass.reads;
      if (looks.size === 0 && archived.length > 0) return false;
      const isAsked = restore.planOnly || options.maxCost !== undefined || options.wantsCost === true;
      const isBilled = archived.length > 0 || isAsked;
      const cost = isBilled ? offerOf(plan, pass.reads, looks, { source, prices: await prices(), options }) : undefined;
      offer = { plan, ...(cost ? { cost } : {}) };
      await view.show(offer);
      if (restore.planOnly) return false;
      if (cost) requirePossible(cost, options.maxCost);
      isApproved = await view.approve(offer);
      if (!isApproved || !cost || cost.cold.packs + cost.warming.packs === 0) return isApproved;
      const stored = await openJob(parts, pass, offer);
      release = holdThawJob(parts.repo, stored.id);
      run = new ThawRun(parts, stored, cost.way?.tier ?? options.tier);
      givenUp = await run.ask(pass);
      return true;
    });
    if (!offer) return { type: 'look', packs: pass.reads.archived, frozen: pass.gate.refrozen };
    if (!isApproved) {
      const type = restore.planOnly ? 'planned' : 'declined';
      return { type: 'ended', outcome: { type, offer, stats } };
    }
    if (!run) {
      if (stats.filesFrozen === 0) return { type: 'ended', outcome: { type: 'restored', offer, stats } };
      return { type: 'look', packs: frozenPacks(parts, pass), frozen: pass.gate.refrozen, stats };
    }
    let sum = await run.settle(pass, stats, givenUp);
    if (sum.filesFrozen > 0 && options.waits) sum = await run.wait(sum);
    return { type: 'ended', outcome: outcomeOf(offer, sum, run) };
  } finally {
    release();
  }
}

/** Packs that a read found archived though the index says otherwise: a rule of the bucket has moved them. */
function frozenPacks({ repo }: ThawParts, { gate, reads }: Pass): Pass['reads']['archived'] {
  const known = new Map(reads.archived.map((pack) => [pack.name, pack]));
  for (const name of gate.refrozen) {
    const pack = repo.catalog.packByName(name);
    if (pack && !known.has(name)) {
      known.set(name, { name, size: pack.size, storageClass: pack.storageClass, wantedBytes: 0, gets: 0 });
    }
  }
  return [...known.values()];
}

/** Finds the job of the same restore, or makes one. */
async function openJob(parts: ThawParts, { reads, looks }: Pass, { cost }: RestoreOffer): Promise<StoredThawJob> {
  const { repo, restore, options, view } = parts;
  const packs = effective(reads.archived, looks);
  const found = await findSameJob(repo, restore, options.host, packs);
  if (found) {
    view.onJob(found.id, false);
    return found;
  }
  const money = cost?.way?.money;
  const total = money?.total;
  const thaws = money && thawMoney(money);
  // What reading costs is not the job's: the rest of the limit is what may be asked for.
  const budget =
    options.maxCost !== undefined && typeof total === 'number' && typeof thaws === 'number'
      ? { budget: Math.floor((options.maxCost - (total - thaws)) * 1e6) }
      : {};
  const tier = cost?.way?.tier;
  const stored = await createThawJob(repo, {
    ...{ host: options.host, user: options.user, program: programName, ...jobTarget(restore) },
    ...(tier === undefined ? {} : { tier }),
    days: cost?.days ?? 1,
    ...budget,
    packs,
  });
  view.onJob(stored.id, true);
  return stored;
}

function thawSource(repo: Repository, { command, batch }: ThawOptions): ThawSource | undefined {
  const { bucket, thaw } = repo.store;
  if (!bucket) return undefined;
  if (command) return new CommandThaw(repo.store, bucket, [repo.config.storageClass], command);
  const source = thaw && new StoreThaw(repo.store, thaw, bucket.provider);
  return source && batch ? new BatchThaw(source) : source;
}

async function restoreOnline(
  repo: Repository,
  restore: RestoreOptions,
  view: ThawView,
  monitor: Monitor,
  signal: AbortSignal,
): Promise<ThawOutcome> {
  let offer: RestoreOffer | undefined;
  let isApproved = false;
  const approve = async (plan: RestorePlan): Promise<boolean> => {
    offer = { plan };
    await view.show(offer);
    isApproved = !restore.planOnly && (await view.approve(offer));
    return isApproved;
  };
  const stats = await runRestore(repo, restore, approve, monitor, signal);
  const type = restore.planOnly ? 'planned' : isApproved ? 'restored' : 'declined';
  return { type, offer: offer ?? { plan: stats.plan }, stats };
}
