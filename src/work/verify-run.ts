/**
 * One run of a verify, phase by phase: small objects, index, packs, manifests, and, when something is damaged, what
 * needs it. Data packs are read by worker threads while the index is still being taken in; meta packs need all of it,
 * because their segments are looked up there.
 */
import { IcecoreError } from '../base/errors.ts';
import type { SessionId } from '../base/ids.ts';
import type { Monitor } from '../base/monitor.ts';
import type { PackRecord } from '../format/index-object.ts';
import { snapshotName } from '../format/layout.ts';
import type { Snapshot } from '../format/snapshot.ts';
import type { VerifyPart, VerifyPlan } from '../plan/verify-cost.ts';
import { ChunkLookup } from '../repo/chunk-lookup.ts';
import { ChunkReader } from '../repo/chunk-reader.ts';
import type { GcState } from '../repo/gc-records.ts';
import { writerKeys } from '../repo/repository.ts';
import type { ScratchCatalog } from '../repo/scratch-catalog.ts';
import type { VerifyLevel } from '../repo/verify-record.ts';
import { listData, listMeta } from './verify-archived.ts';
import { checkConfigs, checkGc } from './verify-chains.ts';
import { chooseData, readingAll, sumData } from './verify-choice.ts';
import type { VerifyContext } from './verify-context.ts';
import { checkDecisions } from './verify-decisions.ts';
import { checkIndexNames, listIndex, openIndex } from './verify-index.ts';
import { VerifyLedger } from './verify-ledger.ts';
import { VerifyLosses } from './verify-losses.ts';
import { VerifyManifests } from './verify-manifests.ts';
import { checkClaims, checkPlainObjects } from './verify-objects.ts';
import { type PackJob, type PackOutcome, rangeBytesFor, VerifyPacks } from './verify-packs.ts';
import type { Sample } from './verify-sample.ts';
import { type StoredCounts, VerifyStored } from './verify-stored.ts';

/** What is to be checked. */
export interface RunOptions {
  readonly level: VerifyLevel;
  readonly sample?: Sample;
  readonly snapshot?: SessionId;
  readonly looks: boolean;
  readonly reports: readonly string[];
  readonly workers: number;
  readonly random: () => number;
  /** Sees what data packs will be asked for before the first of them is. Throws to stop the run. */
  readonly approve: (plan: VerifyPlan) => Promise<void>;
}

/** What a run counted. */
export interface RunCounts {
  readonly snapshots: number;
  readonly packs: number;
  readonly packsRead: number;
  readonly packsArchived: number;
  readonly stored?: StoredCounts;
  readonly unindexedPacks: number;
  readonly chunks: number;
}

/** One run. Close it in any case. */
export class VerifyRun {
  readonly #context: VerifyContext;
  readonly #scratch: ScratchCatalog;
  readonly #monitor: Monitor;
  readonly #options: RunOptions;
  readonly #losses: VerifyLosses;
  #gc!: GcState;
  #packs: VerifyPacks | undefined;
  #lookup: ChunkLookup | undefined;
  #manifests: VerifyManifests | undefined;
  readonly #ledger: VerifyLedger;
  #packsArchived = 0;
  #packsRead = 0;
  /** Bytes of the data packs that were read. */
  #dataBytes = 0;
  #bytesDone = 0;
  #bytesTotal = 0;
  #packsTotal = 0;

  constructor(context: VerifyContext, scratch: ScratchCatalog, monitor: Monitor, options: RunOptions) {
    this.#context = context;
    this.#scratch = scratch;
    this.#monitor = monitor;
    this.#options = options;
    this.#losses = new VerifyLosses(context, scratch);
    this.#ledger = new VerifyLedger(context.repo, monitor);
  }

  async run(): Promise<RunCounts> {
    const { level, sample, snapshot } = this.#options;
    const snapshots = await this.#checkSmallObjects();
    const indexNames = await listIndex(this.#context);
    await this.#scratch.addListing(listData(this.#context, level === 'data'));
    await this.#scratch.addListing(listMeta(this.#context));
    // Threads start while the index is opened.
    if (level === 'data') this.#workers(this.#options.workers, this.#scratch.listedBytes());
    const readsAll = level === 'data' && sample === undefined && snapshot === undefined;
    if (readsAll) await this.#approve(readingAll(this.#scratch, rangeBytesFor(this.#options.workers)));
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
    this.#losses.checkPresence(this.#gc, (pack) => needed === undefined || needed.has(pack));
    if (level === 'data' && !readsAll) await this.#readChosen(indexNames, needed);
    const stored = level === 'checksums' ? await this.#compare(needed) : undefined;
    await this.#losses.findNeeds(snapshots, indexNames, chunks, manifests.hasUnknownChunks);
    const counts = this.#scratch.counts();
    this.#finish(snapshots, needed);
    return {
      snapshots: snapshots.length,
      packs: needed?.size ?? counts.packs,
      packsRead: this.#packsRead,
      packsArchived: this.#packsArchived,
      ...(stored === undefined ? {} : { stored }),
      unindexedPacks: this.#scratch.unindexed(),
      chunks: counts.chunks,
    };
  }

  async close(): Promise<void> {
    await this.#packs?.close();
    this.#ledger.close();
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
    const { sample, random, workers } = this.#options;
    const options = { needed, sample, random, rangeBytes: rangeBytesFor(workers) };
    const { packs: chosen, parts } = chooseData(this.#scratch, this.#ledger, options);
    await this.#approve(parts);
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

  /** Compares what the store keeps of the packs with the index. */
  async #compare(needed: ReadonlySet<number> | undefined): Promise<StoredCounts> {
    const isWanted = (pack: number) => needed === undefined || needed.has(pack);
    const { looks, reports } = this.#options;
    const stored = new VerifyStored(this.#context, this.#scratch, this.#monitor, { isWanted, looks });
    await stored.takeReports(reports);
    await this.#approve(stored.plan());
    return await stored.run(
      {
        sound: (name) => this.#ledger.sawSound('compared', name),
        damaged: (name) => {
          this.#losses.lose(name, 'all');
          this.#ledger.sawDamaged(name);
        },
      },
      needed?.size ?? this.#scratch.counts().packs,
    );
  }

  async #approve(parts: readonly VerifyPart[]): Promise<void> {
    const { level, approve } = this.#options;
    const classes = this.#scratch.listedClasses('pack');
    const packsArchived = classes.reduce((sum, { packs, isReadable }) => sum + (isReadable ? 0 : packs), 0);
    await approve({ level: level === 'data' ? 'data' : 'checksums', parts, packsArchived });
  }

  /** Writes down what was checked. */
  #finish(snapshots: readonly Snapshot[], needed: ReadonlySet<number> | undefined): void {
    const { level } = this.#options;
    const { total, archived } = sumData(this.#scratch, needed);
    this.#packsArchived = level === 'data' ? archived : 0;
    const share = level === 'data' && total > 0 ? Math.min(1, this.#dataBytes / total) : 1;
    const isPackThere = needed ? undefined : (name: string) => this.#scratch.listedSize(name) !== undefined;
    this.#ledger.finish(snapshots, { level, share }, this.#context.findings, isPackThere);
  }

  #jobOf(record: PackRecord, lines: () => Uint8Array): PackJob | undefined {
    // What is not there is found by comparing the listing.
    const listed = this.#scratch.listedSize(record.name);
    if (listed === undefined || !this.#scratch.isReadable(record.name)) return undefined;
    return { record, index: lines(), listed };
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
      this.#losses.lose(name, 'all');
      this.#ledger.sawDamaged(name);
      const isPruned = failure.code === 'pack-missing' && this.#gc.isCondemned(name);
      if (!isPruned) findings.add(name, failure.code, failure.message);
    } else if (report) {
      this.#packsRead++;
      this.#bytesDone += report.bytes;
      for (const { code, message } of report.problems) findings.add(name, code, message);
      this.#losses.lose(name, report.badFrames);
      if (record.kind === 'data') this.#dataBytes += record.size;
      if (report.problems.length > 0) this.#ledger.sawDamaged(name);
      else this.#ledger.sawSound('read', name);
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
