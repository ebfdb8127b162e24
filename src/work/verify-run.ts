/**
 * One run of a verify, phase by phase: small objects, index, packs, manifests, and, when something is damaged, what
 * needs it. Data packs are read by worker threads while the index is still being taken in; meta packs need all of it,
 * because their segments are looked up there.
 */
import { IcecoreError } from '../base/errors.ts';
import type { SessionId } from '../base/ids.ts';
import type { Monitor } from '../base/monitor.ts';
import type { PackRecord } from '../format/index-object.ts';
import { kindPrefix, snapshotName } from '../format/layout.ts';
import type { Snapshot } from '../format/snapshot.ts';
import { ChunkLookup } from '../repo/chunk-lookup.ts';
import { ChunkReader } from '../repo/chunk-reader.ts';
import type { GcState } from '../repo/gc-records.ts';
import { writerKeys } from '../repo/repository.ts';
import type { ScratchCatalog } from '../repo/scratch-catalog.ts';
import { BLOCK_LENGTH, SEALED_BLOCK_LENGTH } from '../seal/age-stream.ts';
import { checkConfigs, checkGc } from './verify-chains.ts';
import type { VerifyContext } from './verify-context.ts';
import { checkDecisions } from './verify-decisions.ts';
import { checkIndexNames, checkPresence, listIndex, openIndex } from './verify-index.ts';
import { VerifyManifests } from './verify-manifests.ts';
import { LostPlaces, VerifyNeeds } from './verify-needs.ts';
import { checkClaims, checkPlainObjects } from './verify-objects.ts';
import { type PackJob, type PackOutcome, VerifyPacks } from './verify-packs.ts';
import { choosePacks, type Sample } from './verify-sample.ts';

/** What is to be checked. */
export interface RunOptions {
  readonly level: 'list' | 'data';
  readonly sample?: Sample;
  readonly snapshot?: SessionId;
  readonly workers: number;
  readonly random: () => number;
}

/** What a run counted. */
export interface RunCounts {
  readonly snapshots: number;
  readonly packs: number;
  readonly packsRead: number;
  readonly unindexedPacks: number;
  readonly chunks: number;
}

/** One run. Close it in any case. */
export class VerifyRun {
  readonly #context: VerifyContext;
  readonly #scratch: ScratchCatalog;
  readonly #monitor: Monitor;
  readonly #options: RunOptions;
  readonly #lost = new LostPlaces();
  /** Packs that could not be read in whole, by name: their numbers may not be known yet. */
  readonly #bad = new Map<string, 'all' | readonly number[]>();
  #gc!: GcState;
  #packs: VerifyPacks | undefined;
  #lookup: ChunkLookup | undefined;
  #manifests: VerifyManifests | undefined;
  #packsRead = 0;
  #bytesDone = 0;
  #bytesTotal = 0;
  #packsTotal = 0;

  constructor(context: VerifyContext, scratch: ScratchCatalog, monitor: Monitor, options: RunOptions) {
    this.#context = context;
    this.#scratch = scratch;
    this.#monitor = monitor;
    this.#options = options;
  }

  async run(): Promise<RunCounts> {
    const { level, sample, snapshot } = this.#options;
    const snapshots = await this.#checkSmallObjects();
    const indexNames = await listIndex(this.#context);
    const { store } = this.#context.repo;
    for (const kind of ['pack', 'meta'] as const) {
      await this.#scratch.addListing(store.list(kindPrefix(kind), this.#context.signal));
    }
    // Threads start while the index is opened.
    if (level === 'data') this.#workers(this.#options.workers, this.#scratch.listedBytes());
    const readsAll = level === 'data' && sample === undefined && snapshot === undefined;
    const metaJobs = await this.#takeIndex(indexNames, readsAll);
    checkIndexNames(this.#context, this.#scratch, snapshots, new Set(indexNames));

    const chunks = new ChunkReader(this.#context.repo);
    this.#lookup = new ChunkLookup(this.#scratch.path);
    const manifests = new VerifyManifests(this.#context, chunks, this.#lookup, snapshot !== undefined);
    this.#manifests = manifests;
    const needed = snapshot === undefined ? undefined : new Set<number>();
    for (const each of needed ? snapshots : []) for (const pack of await manifests.packsOf(each)) needed!.add(pack);
    this.#checkMeta(metaJobs, needed);
    await this.#packs?.drain();
    for (const each of snapshots) await manifests.check(each);
    if (needed) for (const pack of manifests.neededPacks) needed.add(pack);
    this.#checkPresence(needed);
    if (level === 'data' && !readsAll) await this.#readChosen(indexNames, needed);
    await this.#findNeeds(snapshots, indexNames, chunks);
    const counts = this.#scratch.counts();
    return {
      snapshots: snapshots.length,
      packs: needed?.size ?? counts.packs,
      packsRead: this.#packsRead,
      unindexedPacks: this.#scratch.unindexed(),
      chunks: counts.chunks,
    };
  }

  async close(): Promise<void> {
    await this.#packs?.close();
    this.#lookup?.close();
  }

  async #checkSmallObjects(): Promise<Snapshot[]> {
    const wanted = this.#options.snapshot;
    const { findings } = this.#context;
    this.#gc = await checkGc(this.#context);
    // Before index and packs are listed: what a snapshot needs was stored before it.
    const snapshots = await checkDecisions(this.#context, this.#gc);
    await checkConfigs(this.#context);
    await checkPlainObjects(this.#context, this.#monitor);
    if (wanted === undefined) {
      await checkClaims(this.#context);
      return snapshots;
    }
    const chosen = snapshots.filter(({ id }) => id === wanted);
    if (chosen.length === 0 && !findings.has(snapshotName(wanted))) {
      throw new IcecoreError('user', 'no-such-snapshot', `there is no snapshot ${wanted}`);
    }
    return chosen;
  }

  /** Takes in the index; returns the meta packs, which can only be checked when all of it is there. */
  async #takeIndex(names: readonly string[], readsAll: boolean): Promise<PackJob[]> {
    const { catalog } = this.#scratch;
    const metaJobs: PackJob[] = [];
    for await (const { name, records, lines } of openIndex(this.#context, names)) {
      const jobs: PackJob[] = [];
      for (const [i, record] of records.entries()) {
        if (record.kind === 'data' && !readsAll) continue;
        if (catalog.packByName(record.name)) continue;
        const job = this.#jobOf(record, () => lines(i));
        if (job) (record.kind === 'meta' ? metaJobs : jobs).push(job);
      }
      // The large ones first: what is left for the end is small, and the workers end together.
      for (const job of jobs.sort((a, b) => b.record.size - a.record.size)) this.#read(job);
      await this.#packs?.primed();
      catalog.importIndex(name, records);
      await this.#packs?.room();
    }
    return metaJobs;
  }

  #checkMeta(jobs: readonly PackJob[], needed: ReadonlySet<number> | undefined): void {
    const { catalog } = this.#scratch;
    const wanted = needed ? jobs.filter(({ record }) => needed.has(catalog.packByName(record.name)!.id)) : jobs;
    if (wanted.length === 0) return;
    const bytes = wanted.reduce((sum, { listed }) => sum + listed, 0);
    this.#workers(Math.min(wanted.length, this.#options.workers), bytes);
    for (const job of wanted) this.#read(job, true);
  }

  /** Reads a sample, or what one snapshot needs: known only now, so the index is opened a second time. */
  async #readChosen(indexNames: readonly string[], needed: ReadonlySet<number> | undefined): Promise<void> {
    const { sample, random } = this.#options;
    const candidates = this.#scratch.packSizes('data').filter(({ pack }) => !needed || needed.has(pack));
    const chosen = sample ? choosePacks(candidates, sample, random) : new Set(candidates.map(({ pack }) => pack));
    for await (const { records, lines } of openIndex(this.#context, chosen.size === 0 ? [] : indexNames)) {
      for (const [i, record] of records.entries()) {
        const pack = record.kind === 'data' && this.#scratch.catalog.packByName(record.name);
        if (!pack || !chosen.delete(pack.id)) continue;
        const job = this.#jobOf(record, () => lines(i));
        if (job) this.#read(job);
      }
      await this.#packs?.room();
    }
    await this.#packs?.drain();
  }

  async #findNeeds(snapshots: readonly Snapshot[], indexNames: readonly string[], chunks: ChunkReader): Promise<void> {
    const { findings } = this.#context;
    if (findings.size === 0) return;
    for (const [name, frames] of this.#bad) {
      const pack = this.#scratch.catalog.packByName(name);
      if (!pack) continue;
      if (frames === 'all') this.#lost.losePack(pack.id);
      else this.#lost.loseFrames(pack.id, frames);
    }
    const lostIndex = [...indexNames, ...snapshots.flatMap(({ index }) => index)].filter((name) => findings.has(name));
    for (const { id, index } of snapshots) {
      for (const name of lostIndex) if (index.includes(name)) findings.needs(name, id);
    }
    if (this.#lost.isEmpty && lostIndex.length === 0 && !this.#manifests!.hasUnknownChunks) return;
    const needs = new VerifyNeeds(this.#context, chunks, this.#lost, [...new Set(lostIndex)]);
    for (const snapshot of snapshots) await needs.find(snapshot);
  }

  #checkPresence(needed: ReadonlySet<number> | undefined): void {
    const { catalog } = this.#scratch;
    const isWanted = (pack: number) => needed === undefined || needed.has(pack);
    for (const { pack, listed } of checkPresence(this.#context, this.#scratch.mismatches(), this.#gc, isWanted)) {
      if (listed === undefined) {
        this.#lost.losePack(pack);
        continue;
      }
      const head = catalog.pack(pack).header.length;
      const frames = catalog.frames(pack).map(({ offset, length }, frame) => {
        const end = head + Math.ceil((offset + length) / BLOCK_LENGTH) * SEALED_BLOCK_LENGTH;
        return end > listed ? frame : -1;
      });
      this.#lost.loseFrames(
        pack,
        frames.filter((frame) => frame >= 0),
      );
    }
  }

  #jobOf(record: PackRecord, lines: () => Uint8Array): PackJob | undefined {
    // What is not there is found by comparing the listing.
    const listed = this.#scratch.listedSize(record.name);
    return listed === undefined ? undefined : { record, index: lines(), listed };
  }

  #read(job: PackJob, isUrgent = false): void {
    this.#packsTotal++;
    this.#bytesTotal += job.listed;
    this.#packs!.add(job, isUrgent);
  }

  #workers(count: number, bytes: number): void {
    if (this.#packs) return;
    const { repo, signal } = this.#context;
    this.#packs = new VerifyPacks(
      repo,
      { count, bytes },
      {
        role: 'verify',
        keys: {
          repo: repo.id,
          chunkId: repo.derived.chunkId,
          object: repo.derived.object,
          writers: writerKeys(repo.config),
        },
        catalogPath: this.#scratch.path,
        wantsPacks: this.#options.snapshot !== undefined,
      },
      signal,
      (outcome) => this.#takeOutcome(outcome),
    );
  }

  #takeOutcome({ record, report, segments, failure }: PackOutcome): void {
    const { findings } = this.#context;
    const { name } = record;
    if (failure) {
      this.#bad.set(name, 'all');
      const isPruned = failure.code === 'pack-missing' && this.#gc.isCondemned(name);
      if (!isPruned) findings.add(name, failure.code, failure.message);
    } else if (report) {
      this.#packsRead++;
      this.#bytesDone += report.bytes;
      for (const { code, message } of report.problems) findings.add(name, code, message);
      if (report.badFrames.length > 0) this.#bad.set(name, report.badFrames);
      this.#manifests?.add(segments);
    }
    this.#monitor.progress({
      phase: 'verify',
      unit: 'pack',
      filesDone: this.#packsRead,
      filesTotal: this.#packsTotal,
      bytesDone: this.#bytesDone,
      bytesTotal: this.#bytesTotal,
      errors: findings.size,
    });
  }
}
