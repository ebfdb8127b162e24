/**
 * Carries out windows: fetches the units of one, hands them to the workers, and deals with what comes back. A bounded
 * number of units is in flight; that bound is what the sealed bytes in memory are.
 */
import { damage } from '../base/errors.ts';
import { openPackHeader } from '../repo/chunk-reader.ts';
import type { Repository } from '../repo/repository.ts';
import { SealedPack } from '../repo/sealed-pack.ts';
import { BigFiles } from './restore-big.ts';
import { type ChunkUse, composeUnit, type UnitMessage } from './restore-compose.ts';
import { DirectoryEndings } from './restore-endings.ts';
import { isColdError } from './restore-gate.ts';
import { OUTCOME, type RestoreUnit, type UnitResult } from './restore-messages.ts';
import { isDamage } from './restore-problems.ts';
import type { RestoreProgress } from './restore-progress.ts';
import { repairFile } from './restore-repair.ts';
import type { SelectionScope } from './restore-selection.ts';
import type { RestoreSite } from './restore-site.ts';
import { Specials } from './restore-specials.ts';
import { fetchedBytes, type UnitPlan, type WindowUnits } from './restore-units.ts';
import type { RestoreWindow } from './restore-window.ts';
import type { RestoreWorkers } from './restore-workers.ts';

/** Units that are being fetched besides those that the workers have. */
const FETCH_AHEAD = 2;

/** A window, and its units. */
export interface PreparedWindow {
  readonly window: RestoreWindow;
  readonly units: WindowUnits;
  /** Files that are left for a later pass. */
  readonly frozen: readonly number[];
}

/** One run. Windows are carried out one after the other. */
export class RestoreRun {
  readonly #repo: Repository;
  readonly #site: RestoreSite;
  readonly #workers: RestoreWorkers;
  readonly #progress: RestoreProgress;
  readonly #signal: AbortSignal;
  readonly #big: BigFiles;
  readonly #specials: Specials;
  readonly #endings: DirectoryEndings;
  #broken: number[] = [];

  /** @param signal ends the run; set by an interrupt and by a problem that makes going on useless */
  constructor(
    repo: Repository,
    site: RestoreSite,
    workers: RestoreWorkers,
    selection: SelectionScope,
    progress: RestoreProgress,
    signal: AbortSignal,
  ) {
    this.#repo = repo;
    this.#site = site;
    this.#workers = workers;
    this.#progress = progress;
    this.#signal = signal;
    this.#big = new BigFiles(site);
    this.#specials = new Specials(site, signal);
    this.#endings = new DirectoryEndings(site, selection);
  }

  /** Restores a window; when it returns, everything of it is in place but big files that the next one goes on with. */
  async carryOut({ window, units, frozen }: PreparedWindow): Promise<void> {
    this.#endings.clear(window);
    this.#refresh(window);
    this.#freeze(window, frozen);
    for (const file of window.big.values()) this.#big.expect(file);
    this.#broken = [...units.broken];
    await Promise.all([this.#specials.makeAll(window.specials), this.#writeUnits(window, units)]);
    for (const file of this.#broken) {
      if (this.#signal.aborted) return;
      await this.#repair(window, file);
    }
    await this.#specials.linkAll(window.links);
    if (!this.#signal.aborted) this.#endings.endReady();
  }

  /** After the last window. */
  finish(): void {
    this.#big.finish();
    this.#endings.endReady();
  }

  /** Removes what is not complete. Only when no worker writes any more. */
  abandon(): void {
    this.#big.discardAll();
  }

  #refresh(window: RestoreWindow): void {
    const { tree, directories } = this.#site;
    for (const { node, name, meta, extras } of window.refresh) {
      this.#site.attempt(node, name, () => void tree.refreshFile(node.path, name, { ...meta, ...extras }));
      directories.release(node);
    }
  }

  #freeze(window: RestoreWindow, frozen: readonly number[]): void {
    for (const file of frozen) {
      const { node, name, isLinked, big } = window.file(file);
      if (big) {
        this.#big.freeze(big);
        continue;
      }
      this.#site.freeze(node, name, isLinked);
      this.#site.directories.release(node);
    }
  }

  async #writeUnits(window: RestoreWindow, units: WindowUnits): Promise<void> {
    const limit = this.#workers.capacity + FETCH_AHEAD;
    const running = new Set<Promise<void>>();
    try {
      for (const plan of units.units) {
        if (this.#signal.aborted) break;
        const work = this.#writeUnit(window, units, plan).finally(() => running.delete(work));
        work.catch(() => {});
        running.add(work);
        if (running.size >= limit) await Promise.race(running);
      }
      await Promise.all(running);
    } finally {
      await Promise.allSettled(running);
    }
  }

  async #writeUnit(window: RestoreWindow, units: WindowUnits, plan: UnitPlan): Promise<void> {
    let pack: RestoreUnit['pack'];
    let failure: unknown;
    try {
      pack = await this.#fetch(plan);
    } catch (error) {
      if (this.#signal.aborted) return;
      if (!isDamage(error)) throw error;
      failure = error;
    }
    if (this.#signal.aborted) return;
    const composed = composeUnit(window, units, plan);
    const { message, big, uses } = composed;
    const temps = big.map((file) => this.#big.use(file));
    const gate = this.#site.options.gate;
    if (failure && gate && isColdError(failure)) {
      gate.wentCold(plan.pack!.name);
      this.#freeze(window, plan.files);
      for (const file of big) {
        this.#big.freeze(file);
        this.#big.release(file, 0);
      }
      return;
    }
    if (failure) {
      this.#broken.push(...plan.files);
      for (const of of uses) await this.#repairUses(window, composed, of);
      for (const file of big) this.#big.release(file, 0);
      return;
    }
    const result = await this.#workers.write({ ...message, temps, ...(pack ? { pack } : {}) });
    this.#settleFiles(window, plan, result);
    for (const problem of result.problems) this.#site.report(problem);
    for (const { chunk } of result.failedChunks) await this.#repairUses(window, composed, uses[chunk]!);
    for (const [i, file] of big.entries()) {
      const problem = result.tempProblems.get(i);
      if (problem) this.#big.giveUpAs(file, problem);
      this.#big.release(file, result.tempBytes[i]!);
    }
    this.#site.counts.bytesWritten += result.bytesWritten;
    this.#progress.wrote(message.files.count, result.bytesWritten);
    if (!this.#signal.aborted) this.#endings.endReady();
  }

  async #fetch(plan: UnitPlan): Promise<RestoreUnit['pack']> {
    const { pack, range } = plan;
    if (!pack || !range) return undefined;
    const { name, header: head, size } = pack;
    const fileKey = await openPackHeader(this.#repo, head, name);
    const { offset, length } = new SealedPack(name, head, size, fileKey).range(range.offset, range.length);
    const sealed = await this.#repo.store.get(name, { offset, length }, this.#signal);
    if (!sealed) throw damage('pack-missing', `${name} is missing`, { object: name });
    this.#site.counts.bytesFetched += Math.min(sealed.length, fetchedBytes(plan));
    return { name, head, size, fileKey, offset: range.offset, length: range.length, sealed };
  }

  #settleFiles(window: RestoreWindow, plan: UnitPlan, { outcomes }: UnitResult): void {
    const { counts, directories } = this.#site;
    for (const [i, file] of plan.files.entries()) {
      const outcome = outcomes[i]!;
      if (outcome === OUTCOME.open) {
        this.#broken.push(file);
        continue;
      }
      const { node, name, isLinked, size } = window.file(file);
      if (outcome === OUTCOME.written) {
        counts.filesRestored++;
        this.#site.note(node, name, 'restored', size);
      } else {
        if (outcome === OUTCOME.kept) counts.filesSkipped++;
        this.#site.lacks(node, name, isLinked);
      }
      directories.release(node);
    }
  }

  /** Writes a chunk that a unit did not have to the big files that use it, from wherever it can be had. */
  async #repairUses(window: RestoreWindow, { big }: UnitMessage, uses: readonly ChunkUse[]): Promise<void> {
    let content: Uint8Array | undefined;
    for (const { chunk, big: index } of uses) {
      const file = index === undefined ? undefined : big[index]!;
      if (!file || file.isFailed || this.#signal.aborted) continue;
      try {
        content ??= await this.#site.chunks.get(window.id(chunk), 'data', this.#signal);
        // While the chunk was fetched the file may have failed for another reason.
        if (file.isFailed || file.isEnded || !file.temp) continue;
        this.#site.tree.writeTemp(file.temp, content, window.contentOffset(chunk));
        file.written += content.length;
        this.#site.counts.bytesWritten += content.length;
      } catch (error) {
        if (!this.#signal.aborted) this.#big.giveUp(file, error);
      }
    }
  }

  async #repair(window: RestoreWindow, file: number): Promise<void> {
    const { node, name, meta, size, extras, isLinked } = window.file(file);
    const chunks: Uint8Array[] = [];
    for (let at = window.firstChunk(file); at < window.firstChunk(file + 1); at++) chunks.push(window.id(at));
    const repaired = { node, name, meta: { ...meta, ...extras }, size, chunks };
    if (!(await repairFile(this.#site, repaired, this.#signal))) this.#site.lacks(node, name, isLinked);
    this.#site.directories.release(node);
  }
}
