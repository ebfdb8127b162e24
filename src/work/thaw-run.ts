/**
 * One step of a thaw job: look at the packs that the restore still needs, ask for the cold ones, and restore what is
 * warm. A step may be stopped anywhere, and be made again by anyone: what it knows comes from the store, the job and the
 * target. Waiting between steps is here too.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { cancelled, IcecoreError } from '../base/errors.ts';
import type { Monitor, Problem } from '../base/monitor.ts';
import type { PriceList } from '../plan/prices.ts';
import type { Repository } from '../repo/repository.ts';
import { addThawEvent, refreshThawJob, type StoredThawJob } from '../repo/thaw-jobs.ts';
import type { ThawLook, ThawTierName } from '../store/thaw.ts';
import { runRestore } from './restore.ts';
import type { RestoreOptions, RestorePlan, RestoreStats } from './restore-options.ts';
import { PackReads } from './restore-reads.ts';
import { ThawAsking } from './thaw-asking.ts';
import { ThawGate } from './thaw-gate.ts';
import type { ThawOptions, ThawStatus, ThawView } from './thaw-options.ts';
import type { ColdPack, ThawSource } from './thaw-source.ts';

/** Time between two looks when nothing says when to look again, and at most, in milliseconds. */
const LOOK_MS = 600_000;
const MAX_LOOK_MS = 1_800_000;

/** What the steps of a run share. */
export interface ThawParts {
  readonly repo: Repository;
  readonly source: ThawSource;
  /** Asked for when they are needed: finding the place takes a request. */
  readonly prices: () => Promise<PriceList>;
  readonly restore: RestoreOptions;
  readonly options: ThawOptions;
  readonly view: ThawView;
  readonly monitor: Monitor;
  readonly signal: AbortSignal;
}

/** What one pass of a restore needs, and found. */
export interface Pass {
  readonly gate: ThawGate;
  readonly reads: PackReads;
  /** What the store says of the packs; kept up to date. */
  readonly looks: Map<string, ThawLook>;
}

/** Runs the steps of one job. */
export class ThawRun {
  readonly #parts: ThawParts;
  readonly #stored: StoredThawJob;
  readonly #tier: ThawTierName;
  readonly #isFaster: boolean;
  #status: ThawStatus | undefined;
  /** What the last pass needed, and which of it could be read. */
  #needed: readonly ColdPack[] = [];
  #readable: ReadonlySet<string> = new Set();

  /**
   * @param tier what is cold is asked for in; by default the job's, or else the slowest
   * @param isFaster ask for what is warming in that tier too, where it is faster
   */
  constructor(parts: ThawParts, stored: StoredThawJob, tier: ThawTierName | undefined, isFaster = false) {
    this.#parts = parts;
    this.#stored = stored;
    this.#tier = tier ?? stored.job.tier ?? 'bulk';
    this.#isFaster = isFaster;
  }

  /** How far the job was when last looked at; undefined before the first step. */
  get status(): ThawStatus | undefined {
    return this.#status;
  }

  /**
   * Asks for what a pass needs, or for a part of it.
   * @returns packs that nobody will ask for
   */
  async ask(pass: Pass, packs: readonly ColdPack[] = pass.reads.archived): Promise<readonly string[]> {
    const { repo, source, prices, options, view, signal } = this.#parts;
    const now = await storeTime(repo, signal);
    const needed = effective(packs, pass.looks);
    this.#needed = needed;
    // As the pass was planned: what an answer turns out to be readable is a reason for another pass.
    this.#readable = readableNames(needed, pass.looks);
    const upgrade = this.#isFaster ? { approveUpgrade: view.approveUpgrade.bind(view) } : {};
    const how = { host: options.host, tier: this.#tier, prices: await prices(), ...upgrade };
    const asking = new ThawAsking(repo, source, this.#stored, how, pass.looks, now);
    const { actions, givenUp } = await asking.ask(needed, signal);
    this.#status = this.#statusOf(needed, pass.looks, now, actions);
    return givenUp;
  }

  /**
   * Looks, asks, and restores what can be read.
   * @param looks what a look at all packs of the job has told just now
   * @returns what the pass did
   */
  async step(looks?: Map<string, ThawLook>): Promise<RestoreStats> {
    const { source, signal } = this.#parts;
    const pass = makePass(source, looks ?? (await source.look(this.#stored.job.packs, signal)));
    let givenUp: readonly string[] = [];
    const stats = await runPass(this.#parts, pass, async () => {
      givenUp = await this.ask(pass);
      return true;
    });
    return await this.settle(pass, stats, givenUp);
  }

  /** After a pass: ends the job when nothing waits any more, and asks for what froze while it was read. */
  async settle(pass: Pass, stats: RestoreStats, givenUp: readonly string[]): Promise<RestoreStats> {
    const { view } = this.#parts;
    if (stats.filesFrozen === 0) {
      await this.#end();
      return stats;
    }
    for (const name of pass.gate.refrozen) {
      const look = pass.looks.get(name);
      const storageClass =
        look?.storageClass ?? this.#stored.job.packs.find((pack) => pack.name === name)?.storageClass;
      if (storageClass !== undefined) pass.looks.set(name, { storageClass, ...look, state: { type: 'cold' } });
    }
    // What was read in the pass is not asked for again.
    const rest = pass.reads.archived.filter(({ name }) => pass.gate.refrozen.has(name) || !this.#readable.has(name));
    const lost = pass.gate.refrozen.size > 0 ? await this.ask(pass, rest) : givenUp;
    this.#status = { ...this.#status!, filesWaiting: stats.filesFrozen };
    view.onStatus(this.#status);
    if (this.#status.warming > 0 || this.#status.readable > 0 || lost.length === 0) return stats;
    throw new IcecoreError(
      'user',
      'packs-not-asked-for',
      `${lost.length} packs that are still needed are not asked for by this job`,
      {
        hint: 'they were asked for three times without being read, or are not part of the job: cancel it, and restore again',
        data: { packs: lost.slice(0, 100) },
      },
    );
  }

  /** Waits and steps until nothing waits any more. `stats` are those of the last pass. */
  async wait(stats: RestoreStats): Promise<RestoreStats> {
    const { repo, source, view, signal } = this.#parts;
    const sleep =
      this.#parts.options.sleep ?? ((ms: number, until: AbortSignal) => delay(ms, undefined, { signal: until }));
    let sum = stats;
    while (sum.filesFrozen > 0) {
      const { lookAt, time } = this.#status!;
      const pause = lookAt === undefined ? LOOK_MS : Math.min(MAX_LOOK_MS, Math.max(1000, lookAt - time));
      await sleep(pause, signal).catch((error: unknown) => {
        throw signal.aborted ? cancelled() : error;
      });
      await refreshThawJob(repo, this.#stored);
      if (this.#stored.state === 'cancelled') {
        throw new IcecoreError('user', 'thaw-job-over', 'the thaw job was cancelled meanwhile');
      }
      const looks = await source.look(this.#stored.job.packs, signal);
      const readable = readableNames(this.#needed, looks);
      const isUnchanged =
        readable.size === this.#readable.size && [...readable].every((name) => this.#readable.has(name));
      const hasCold = this.#needed.some(({ name }) => looks.get(name)?.state.type === 'cold');
      if (isUnchanged && !hasCold) {
        const at = await storeTime(repo, signal);
        this.#status = { ...this.#status!, time: at, lookAt: at + pause };
        view.onStatus(this.#status);
        continue;
      }
      sum = addStats(sum, await this.step(looks));
    }
    return sum;
  }

  async #end(): Promise<void> {
    const { repo, options, signal } = this.#parts;
    while (this.#stored.state === 'open') {
      const now = await storeTime(repo, signal);
      await addThawEvent(repo, this.#stored, { event: 'ended', host: options.host, now });
    }
  }

  #statusOf(
    needed: readonly ColdPack[],
    looks: ReadonlyMap<string, ThawLook>,
    time: number,
    { due, pollAt }: { readonly due?: ThawStatus['due']; readonly pollAt?: number },
  ): ThawStatus {
    const counts = { readable: 0, warming: 0, cold: 0 };
    for (const { name } of needed) {
      const type = looks.get(name)?.state.type ?? 'online';
      counts[type === 'warming' || type === 'cold' ? type : 'readable']++;
    }
    return {
      ...{ job: this.#stored.id, packs: this.#stored.job.packs.length, needed: needed.length, ...counts, time },
      ...(due === undefined ? {} : { due }),
      ...(pollAt === undefined ? {} : { lookAt: pollAt }),
      filesWaiting: this.#status?.filesWaiting ?? 0,
    };
  }
}

/** Makes what a pass needs, from what a look told. */
export function makePass(source: ThawSource, looks: Map<string, ThawLook>): Pass {
  const isArchive = (storageClass: string): boolean => source.provider.classes[storageClass]?.isOnline === false;
  const reads = new PackReads(({ name, storageClass }) => source.mayBeArchived(storageClass) || looks.has(name));
  return { gate: new ThawGate(looks, isArchive), reads, looks };
}

/** Runs one pass; `approve` is asked between planning it and doing it. */
export async function runPass(
  { repo, restore, monitor, signal }: Pick<ThawParts, 'repo' | 'restore' | 'monitor' | 'signal'>,
  { gate, reads }: Pick<Pass, 'gate' | 'reads'>,
  approve: (plan: RestorePlan) => Promise<boolean>,
): Promise<RestoreStats> {
  return await runRestore(repo, { ...restore, gate, reads }, approve, monitor, signal);
}

/** Packs in the classes that they have now: a rule of the bucket may have moved them. */
export function effective(packs: readonly ColdPack[], looks: ReadonlyMap<string, ThawLook>): ColdPack[] {
  return packs.map(({ name, size, storageClass }) => ({
    name,
    size,
    storageClass: looks.get(name)?.storageClass ?? storageClass,
  }));
}

/** The sums of two passes, one after the other. */
export function addStats(before: RestoreStats, after: RestoreStats): RestoreStats {
  return {
    ...after,
    plan: before.plan,
    filesRestored: before.filesRestored + after.filesRestored,
    filesUnchanged: before.filesUnchanged,
    filesRemoved: before.filesRemoved + after.filesRemoved,
    bytesWritten: before.bytesWritten + after.bytesWritten,
    bytesFetched: before.bytesFetched + after.bytesFetched,
    seconds: before.seconds + after.seconds,
    peakRssBytes: Math.max(before.peakRssBytes, after.peakRssBytes),
  };
}

/** Tells each problem once, however many passes meet it. */
export function onceMonitor(monitor: Monitor): Monitor {
  const told = new Set<string>();
  return {
    wantsItems: monitor.wantsItems,
    ...(monitor.wantsProgress === undefined ? {} : { wantsProgress: monitor.wantsProgress }),
    progress: (progress) => monitor.progress(progress),
    item: (note) => monitor.item(note),
    problem(problem: Problem) {
      const key = `${problem.code} ${problem.path ?? problem.object ?? ''} ${problem.message}`;
      if (told.has(key)) return;
      if (told.size < 100_000) told.add(key);
      monitor.problem(problem);
    },
  };
}

/** The time by the store's clock, which is what expiry goes by. */
export async function storeTime(repo: Repository, signal: AbortSignal): Promise<number> {
  return (await repo.store.bucket?.clock(signal))?.time ?? repo.clock.now();
}

function readableNames(packs: readonly ColdPack[], looks: ReadonlyMap<string, ThawLook>): Set<string> {
  const isReadable = (type: ThawLook['state']['type'] | undefined): boolean => type === 'warm' || type === 'online';
  return new Set(packs.map(({ name }) => name).filter((name) => isReadable(looks.get(name)?.state.type)));
}
