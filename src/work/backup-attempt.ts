/**
 * One attempt of a backup within a session: sets up the parent, the workers and the manifest, runs the pass, and ends
 * the packs. The result is what the snapshot will say; committing is backup.ts's.
 */
import { cancelled, throwIfAborted } from '../base/errors.ts';
import type { SessionId } from '../base/ids.ts';
import type { Monitor, Problem } from '../base/monitor.ts';
import { type Raw, rawToBytes } from '../base/raw.ts';
import { nodeFileSystem } from '../files/fs.ts';
import { type Libc, loadLibc } from '../files/libc.ts';
import { OwnerNames } from '../files/owners.ts';
import type { ScanPage } from '../files/scan-types.ts';
import type { Entry } from '../format/entry.ts';
import { isSegmentBoundary } from '../format/segment.ts';
import type { KnownChunks } from '../repo/known-chunks.ts';
import { ManifestWriter } from '../repo/manifest-writer.ts';
import type { ParentReader, ParentWriter } from '../repo/parent-file.ts';
import type { Journal, ParentHeader, ParentState } from '../repo/parent-state.ts';
import type { Repository } from '../repo/repository.ts';
import type { SnapshotContent, WriteSession } from '../repo/session.ts';
import { hmac } from '../seal/signatures.ts';
import type { BackupCounts } from './backup-counts.ts';
import { BackupEngine } from './backup-engine.ts';
import { EntryMaker } from './backup-entries.ts';
import type { BackupOptions } from './backup-options.ts';
import { BackupPass } from './backup-pass.ts';
import { BackupProgress } from './backup-progress.ts';
import { FileReads, pretendedReads } from './backup-reads.ts';
import { readStream } from './backup-stream.ts';
import { BackupTotals } from './backup-totals.ts';
import { type ChunkFields, ChunkLists } from './chunk-lists.ts';
import { Comparison } from './comparison.ts';
import { HardLinks } from './hard-links.ts';
import { programName } from './program.ts';
import { defaultWorkers } from './worker-pool.ts';

/** What an attempt builds on. */
export interface BackupBasis {
  /** Milliseconds when the run began. */
  readonly started: number;
  readonly header: ParentHeader | undefined;
  readonly parent: SessionId | undefined;
  /** The parent's snapshot is there and nothing that it needs is condemned. */
  readonly isParentSafe: boolean;
}

/** What an attempt made. */
export interface AttemptResult {
  readonly content: SnapshotContent;
  readonly isPartial: boolean;
}

/** Begins the walk. */
type WalkOf = (libc: Libc | undefined) => Iterable<ScanPage>;

/** One attempt. Without a session it is a dry run. */
export class BackupAttempt {
  readonly #repo: Repository;
  readonly #session: WriteSession | undefined;
  readonly #parents: ParentState;
  readonly #options: BackupOptions;
  readonly #basis: BackupBasis;
  readonly #counts: BackupCounts;
  readonly #monitor: Monitor;
  readonly #stop: AbortSignal;
  readonly #hard: AbortController;
  readonly #libc = loadLibc();
  #engine: BackupEngine | undefined;
  /** Meta chunks of the parent, in hex: a segment that is made anew and comes out the same is there already. */
  readonly #assumed: Set<string>;
  #parentWriter: ParentWriter | undefined;
  #rootNodes: readonly string[] = [];
  #isPartial = false;

  constructor(
    repo: Repository,
    session: WriteSession | undefined,
    parents: ParentState,
    options: BackupOptions,
    basis: BackupBasis,
    counts: BackupCounts,
    monitor: Monitor,
    stop: AbortSignal,
    hard: AbortController,
  ) {
    this.#repo = repo;
    this.#session = session;
    this.#parents = parents;
    this.#options = options;
    this.#basis = basis;
    this.#assumed = new Set(basis.header?.rootNodes);
    this.#counts = counts;
    this.#monitor = monitor;
    this.#stop = stop;
    this.#hard = hard;
  }

  /** Runs the pass; when it returns, everything that the snapshot needs is stored. */
  async run(pages: WalkOf): Promise<AttemptResult> {
    const { header } = this.#basis;
    const isCountable = this.#session && !this.#options.stream;
    const basis = { header, ...(isCountable ? { count: () => new BackupTotals(this.#options) } : {}) };
    const progress = new BackupProgress(this.#repo, this.#counts, basis, this.#monitor);
    const parent = header && this.#parents.reader(({ id }) => this.#assumed.add(Buffer.from(id).toString('hex')));
    const journal = this.#options.force || !this.#session ? undefined : this.#parents.journal();
    try {
      const mustLook = journal !== undefined || (parent !== undefined && !this.#basis.isParentSafe);
      const known = mustLook ? await this.#session?.known() : undefined;
      this.#engine = this.#session && this.#makeEngine(this.#session);
      const manifest = await this.#runPass(pages, parent, journal, known?.data, progress);
      progress.commit();
      await this.#engine?.finish();
      return { content: manifest, isPartial: this.#isPartial };
    } catch (error) {
      this.#hard.abort();
      // What was ended because of a failure says that it was interrupted: the failure is what matters.
      throw this.#engine?.failure ?? error;
    } finally {
      await progress.close();
      parent?.close();
      journal?.reader.close();
      // Only a whole one becomes the next parent; the journal of a run that was cut off needs no sync.
      this.#parentWriter?.close(!this.#isPartial);
      await this.#engine?.close();
    }
  }

  /** After the commit: what this run has seen is the next one's parent. A partial run leaves its journal instead. */
  keepParent(snapshot: SessionId): void {
    if (!this.#parentWriter || this.#isPartial) return;
    if (this.#parentWriter.isBroken) {
      this.#parents.discard();
      return;
    }
    const { files, entries, bytes } = this.#counts.totals;
    const packs = this.#session!.reliedPacks();
    const { started } = this.#basis;
    try {
      this.#parents.commit({ snapshot, started, packs, rootNodes: this.#rootNodes, files, entries, bytes });
    } catch {
      // The snapshot is committed all the same. Without a parent the next run reads everything again.
    }
  }

  async #runPass(
    pages: WalkOf,
    parent: ParentReader | undefined,
    journal: Journal | undefined,
    known: KnownChunks | undefined,
    progress: BackupProgress,
  ): Promise<SnapshotContent> {
    const chunkerKey = this.#repo.derived.chunker;
    const engine = this.#engine;
    const storeMeta = (content: Uint8Array) => engine?.meta.store(content) ?? hmac(this.#repo.derived.chunkId, content);
    const lists = new ChunkLists(storeMeta, this.#repo.catalog);
    this.#parentWriter = this.#session && this.#openParentWriter();
    const manifest = new ManifestWriter({
      isBoundary: (path: Raw) => isSegmentBoundary(hmac(chunkerKey, rawToBytes(path))),
      storeChunk: storeMeta,
      parent: this.#parentWriter,
    });
    const onProblem = (problem: Problem) => {
      this.#counts.problem(problem);
      this.#monitor.problem(problem);
    };
    if (!this.#libc) {
      onProblem({
        severity: 'warning',
        code: 'no-libc',
        message: 'extended attributes and holes cannot be read on this system: the native library does not load',
      });
    }
    const entries = new EntryMaker({
      owners: new OwnerNames(),
      libc: this.#libc,
      fs: nodeFileSystem,
      withAtime: this.#options.withAtime,
      onProblem,
    });
    const onSettled = (rest: number) => this.#counts.settled(rest);
    const reads = engine
      ? new FileReads({ workers: () => engine.workers(), lists, libc: this.#libc, fs: nodeFileSystem, onSettled })
      : pretendedReads(onSettled);
    const breathe = async () => {
      throwIfAborted(this.#hard.signal);
      if (engine?.meta.isWaiting) await engine.meta.room();
    };
    let root: SnapshotContent['root'];
    if (this.#options.stream) {
      const made = await readStream(this.#options.stream, engine!.workers(1), entries, lists, this.#counts, this.#stop);
      manifest.add('/' as Raw, made.entry.name, made.line, made.stat);
      root = manifest.finish();
    } else {
      const comparison = new Comparison({
        parent,
        journal: journal?.reader,
        parentStarted: BigInt(this.#basis.header?.started ?? 0) * 1_000_000n,
        journalStarted: BigInt(journal?.started ?? 0) * 1_000_000n,
        mustRead: this.#options.force,
        ignoreCtime: this.#options.ignoreCtime,
        ignoreInode: this.#options.ignoreInode,
        isParentSafe: this.#basis.isParentSafe,
        storedChunks: (entry) => known && findStored(entry, known, lists),
      });
      const pass = new BackupPass({
        pages: pages(this.#libc),
        comparison,
        entries,
        hardLinks: new HardLinks(),
        reads,
        manifest,
        counts: this.#counts,
        monitor: this.#monitor,
        breathe,
        stop: this.#stop,
      });
      progress.start();
      const onStop = () => engine?.abandonReads();
      this.#stop.addEventListener('abort', onStop, { once: true });
      try {
        root = await pass.run();
      } finally {
        this.#stop.removeEventListener('abort', onStop);
      }
    }
    this.#rootNodes = manifest.rootNodes;
    this.#isPartial = this.#stop.aborted;
    if (this.#isPartial && this.#counts.totals.files === 0) throw cancelled();
    return this.#content(root);
  }

  #content(root: SnapshotContent['root']): SnapshotContent {
    const { host, user, tags, exclude, stream, paths } = this.#options;
    const { errors } = this.#counts;
    return {
      time: new Date(this.#basis.started).toISOString(),
      host,
      user,
      paths: stream
        ? [`/${stream.name}` as Raw]
        : paths.map((path) => (path === '/' ? path : (path.replace(/\/+$/, '') as Raw))),
      tags,
      excludes: [...exclude.patterns],
      root,
      totals: this.#counts.totals,
      ...(this.#basis.parent === undefined ? {} : { parent: this.#basis.parent }),
      partial: this.#isPartial,
      complete: errors === 0 && !this.#isPartial,
      errors,
      program: programName,
    };
  }

  #openParentWriter(): ParentWriter | undefined {
    try {
      return this.#parents.writer();
    } catch {
      // Without it the next run reads everything again, and stores nothing twice. The catalog has warned already.
      return undefined;
    }
  }

  #makeEngine(session: WriteSession): BackupEngine {
    const { isParentSafe, started } = this.#basis;
    const { config } = this.#repo;
    return new BackupEngine({
      repo: this.#repo,
      session,
      level: this.#options.compression ?? config.compression,
      storageClass: this.#options.storageClass ?? config.storageClass,
      packBytes: Math.max(config.packSize, this.#options.packBytes ?? 0),
      workers: this.#options.workers ?? defaultWorkers(),
      created: new Date(started).toISOString(),
      // With a parent that may have lost packs, or at the user's word, nothing is taken for granted.
      assumed: isParentSafe && !this.#options.force ? this.#assumed : new Set(),
      onHashed: (bytes) => this.#counts.hashed(bytes),
      onNewBytes: (bytes) => {
        this.#counts.bytesNew += bytes;
      },
      hard: this.#hard,
    });
  }
}

/** How an entry names its chunks, when all of them are stored. */
function findStored(entry: Entry, known: KnownChunks, lists: ChunkLists): ChunkFields | undefined {
  const chunks = entry.list === undefined ? (entry.chunks ?? []) : lists.recall(entry.list);
  return chunks?.every((id) => known.has(Buffer.from(id, 'hex'))) ? lists.name(chunks) : undefined;
}
