/**
 * Gets files read: gathers small ones into batches, cuts large ones into slices so that one file keeps all workers
 * busy, and puts what comes back together as the content of one file.
 */
import type { ChunkId } from '../base/ids.ts';
import type { Problem } from '../base/monitor.ts';
import type { Raw } from '../base/raw.ts';
import { FactsTable, type FileFacts, toFacts } from '../files/facts.ts';
import type { FileSystem } from '../files/fs.ts';
import type { Libc } from '../files/libc.ts';
import { openSource } from '../files/source.ts';
import { type Extents, mayBeSparse } from '../files/sparse.ts';
import type { FileStat } from '../files/stat.ts';
import type { FileContent } from './backup-entries.ts';
import { BATCH_BYTES } from './backup-worker.ts';
import type { BackupWorkers, TaskResult } from './backup-workers.ts';
import type { ChunkLists } from './chunk-lists.ts';
import {
  clipExtents,
  cutSlices,
  endOf,
  type FileRead,
  isSameState,
  lengthOf,
  markChanged,
  mergeSlices,
  readWhole,
} from './file-slices.ts';

/** A batch has at most this many files, so that the first results of a tree of tiny files come soon. */
const BATCH_FILES = 512;
const ID_BYTES = 32;

/** How reading a file ended. */
export type ReadFile =
  | {
      readonly type: 'read';
      readonly path: Raw;
      readonly facts: FileFacts;
      readonly content: FileContent;
      readonly bytes: number;
      readonly problems: readonly Problem[];
    }
  /** The run was interrupted before it was read. */
  | { readonly type: 'abandoned'; readonly path: Raw }
  | {
      readonly type: 'failed';
      readonly path: Raw;
      readonly isVanished: boolean;
      readonly problems: readonly Problem[];
    };

/** A file that is being read. Its stat is a row of a table: thousands wait at a time. */
interface Pending {
  readonly path: Raw;
  readonly facts: FactsTable;
  readonly row: number;
  readonly target: ReadTarget;
}

/** What reading takes. */
export interface FileReadsOptions {
  readonly workers: () => BackupWorkers;
  readonly lists: ChunkLists;
  readonly libc: Libc | undefined;
  readonly fs: FileSystem;
  /** A file is done; so many of its bytes were not read. */
  readonly onSettled: (rest: number) => void;
}

/** Who waits for a file. */
export interface ReadTarget {
  read: ReadFile | undefined;
}

/** Gets files read, somehow: {@link FileReads}, or nothing at all in a dry run. */
export interface FileReader {
  readonly isSaturated: boolean;
  room(): Promise<void>;
  /** Sets `target.read` as soon as the file is read, which may be at once. */
  read(path: Raw, stat: FileStat, target: ReadTarget): void;
  flush(): Promise<void>;
}

/** Says of every file that it was read, without a look: for dry runs. `onSettled` as in {@link FileReadsOptions}. */
export function pretendedReads(onSettled: (rest: number) => void): FileReader {
  return {
    isSaturated: false,
    async room() {},
    read(path, stat, target) {
      const bytes = Number(stat.size);
      target.read = { type: 'read', path, facts: toFacts(stat), content: {}, bytes, problems: [] };
      onSettled(bytes);
    },
    async flush() {},
  };
}

/** The reads of one pass. */
export class FileReads implements FileReader {
  readonly #options: FileReadsOptions;
  #batch: Pending[] = [];
  #facts = new FactsTable(BATCH_FILES / 2);
  #batchBytes = 0;
  readonly #running = new Set<Promise<void>>();
  #workers: BackupWorkers | undefined;

  constructor(options: FileReadsOptions) {
    this.#options = options;
  }

  /** True when the workers have enough to do. */
  get isSaturated(): boolean {
    return this.#workers?.isSaturated ?? false;
  }

  /** Resolves when the workers want more. */
  async room(): Promise<void> {
    await this.#workers?.room();
  }

  read(path: Raw, stat: FileStat, target: ReadTarget): void {
    const size = Number(stat.size);
    if (size > BATCH_BYTES || mayBeSparse(stat)) {
      const facts = new FactsTable(1);
      this.#run(this.#readLarge({ path, facts, row: facts.add(stat), target }));
      return;
    }
    if (this.#batchBytes + size > BATCH_BYTES) this.#send();
    const facts = this.#facts;
    this.#batch.push({ path, facts, row: facts.add(stat), target });
    this.#batchBytes += size;
    if (this.#batch.length >= BATCH_FILES) this.#send();
  }

  /** Sends what is gathered and waits for everything that is being read. */
  async flush(): Promise<void> {
    this.#send();
    // A file that has grown out of its batch is read anew while the others end.
    while (this.#running.size > 0) {
      const all = Promise.all(this.#running);
      await (this.#workers ? Promise.race([all, this.#workers.failure]) : all);
    }
  }

  #send(): void {
    if (this.#batch.length === 0) return;
    const batch = this.#batch;
    this.#batch = [];
    this.#facts = new FactsTable(BATCH_FILES / 2);
    this.#batchBytes = 0;
    this.#run(this.#readBatch(batch));
  }

  #run(work: Promise<void>): void {
    this.#running.add(work);
    // A failure is the workers' and reaches everybody through them; here it must only not be unhandled.
    work.then(
      () => this.#running.delete(work),
      () => {},
    );
  }

  #submit(task: Parameters<BackupWorkers['submit']>[0]): Promise<TaskResult> {
    this.#workers ??= this.#options.workers();
    return this.#workers.submit(task);
  }

  async #readBatch(batch: readonly Pending[]): Promise<void> {
    const paths = batch.map(({ path }) => path);
    const table = batch[0]!.facts;
    const result = await this.#submit({ type: 'files', paths, facts: table.values });
    if (result.isAbandoned) {
      for (const { target, path } of batch) target.read = { type: 'abandoned', path };
      return;
    }
    const { chunkCounts, outcomes, ids } = result;
    const hex = ids.toString('hex');
    let chunk = 0;
    for (const [i, pending] of batch.entries()) {
      const outcome = outcomes.get(i);
      if (outcome?.type === 'grown') {
        this.#run(this.#readLarge({ ...pending, facts: table.only(pending.row), row: 0 }));
      } else if (outcome?.type === 'problem') {
        this.#settle(pending, failed(pending.path, outcome.problem));
      } else {
        const chunks = chunkIds(hex, chunk, chunkCounts[i]!);
        const size = table.size(pending.row);
        const read = outcome ?? readWhole(size);
        this.#settle(pending, this.#finish(pending, read, chunks, read.facts?.size ?? size));
      }
      chunk += chunkCounts[i]!;
    }
  }

  async #readLarge(pending: Pending): Promise<void> {
    const read = await this.#readSlices(pending, true);
    // It changed between the look at its size and the reading; by now it may be at rest.
    this.#settle(pending, read ?? (await this.#readSlices(pending, false))!);
  }

  #settle({ facts, row, target }: Pending, read: ReadFile): void {
    target.read = read;
    this.#options.onSettled(Math.max(0, facts.size(row) - (read.type === 'read' ? read.bytes : 0)));
  }

  /** Reads a large file once. Undefined, where `mayRetry`: all of it is in one state, but not in the one that was cut. */
  async #readSlices(pending: Pending, mayRetry: boolean): Promise<ReadFile | undefined> {
    const { path, facts: table, row } = pending;
    const opened = openSource(path, table.identity(row), this.#options.fs);
    if (opened.type === 'problem') return failed(path, opened.problem);
    const { size, stat } = opened.source;
    const sparse = opened.source.extents(this.#options.libc);
    opened.source.close();
    const slices = cutSlices(sparse ?? (size > 0 ? [[0, size]] : []));
    const facts = table.values;
    const results = await Promise.all(slices.map((ranges) => this.#submit({ type: 'slice', path, facts, ranges })));
    if (results.some(({ isAbandoned }) => isAbandoned)) return { type: 'abandoned', path };
    const reads: FileRead[] = [];
    const chunks: ChunkId[] = [];
    for (const [i, { outcomes, ids, chunkCounts }] of results.entries()) {
      const outcome = outcomes.get(0);
      if (outcome?.type === 'problem') return failed(path, outcome.problem);
      const length = lengthOf(slices[i]!);
      const read = outcome?.type === 'read' ? outcome : readWhole(length);
      reads.push(read);
      for (const id of chunkIds(ids.toString('hex'), 0, chunkCounts[0]!)) chunks.push(id);
      // What lies behind a gap would move to another place of the file.
      if (read.bytes < length) break;
    }
    const merged = mergeSlices(reads);
    const walked = table.get(row);
    const state = reads[0]!.facts ?? walked;
    const isOneState = reads.every((read) => isSameState(read.facts ?? walked, state));
    if (isOneState && isSameState(state, toFacts(stat))) return this.#finish(pending, merged, chunks, size, sparse);
    if (mayRetry && isOneState && merged.flaw === undefined) return undefined;
    return this.#finish(pending, markChanged(merged, path), chunks, size, sparse);
  }

  #finish(
    { path, facts: table, row }: Pending,
    read: FileRead,
    chunks: readonly ChunkId[],
    size: number,
    sparse?: Extents,
  ): ReadFile {
    const { bytes, facts, flaw, xattrs, problems } = read;
    // What ended early keeps only what was read: no zeros are made up.
    const isShort = bytes < (sparse ? lengthOf(sparse) : size);
    const kept = sparse && isShort ? clipExtents(sparse, bytes) : sparse;
    const content: FileContent = {
      size: isShort ? (kept ? endOf(kept) : bytes) : size,
      ...this.#options.lists.name(chunks),
      ...(kept ? { sparse: kept } : {}),
      ...(xattrs ? { xattrs } : {}),
      ...(isShort ? { flaw: 'truncated' as const } : flaw ? { flaw } : {}),
    };
    return { type: 'read', path, facts: facts ?? table.get(row), content, bytes, problems };
  }
}

function failed(path: Raw, problem: Problem): ReadFile {
  return { type: 'failed', path, isVanished: problem.code === 'vanished', problems: [problem] };
}

function chunkIds(hex: string, from: number, count: number): ChunkId[] {
  const digits = ID_BYTES * 2;
  return Array.from({ length: count }, (_, i) => hex.slice((from + i) * digits, (from + i + 1) * digits) as ChunkId);
}
