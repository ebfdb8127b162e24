/**
 * A backup's worker thread: reads files into a buffer, cuts and hashes, asks the main thread which chunks are new, and
 * packs those. Two buffers are in flight, so that reading the next hides the wait for the answer on the last. It owns
 * one open pack from end to end and decides nothing about what is backed up.
 */
import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import type { Problem } from '../base/monitor.ts';
import { FactsTable, toFacts } from '../files/facts.ts';
import { fileProblem } from '../files/file-problems.ts';
import { type Libc, loadLibc } from '../files/libc.ts';
import { readSmallSource, xattrProblem } from '../files/small-source.ts';
import { openSource, type SourceOutcome, type SourceReader } from '../files/source.ts';
import type { Extents } from '../files/sparse.ts';
import { readXattrs } from '../files/xattrs.ts';
import { Chunker } from '../format/chunker.ts';
import type { Xattrs } from '../format/entry.ts';
import type { BackupSetup, FileOutcome, TaskEnd, ToBackupWorker } from './backup-messages.ts';
import { PackOutput, type SendMessage } from './pack-output.ts';

/** The most that a batch of small files holds, and what a slice reads at a time on top of an unfinished chunk. */
export const BATCH_BYTES = 4 * 1_048_576;
const ID_BYTES = 32;
const BUFFERS = 2;

/** Chunks that wait for a verdict, with the buffer that holds them. */
interface Asked {
  readonly buffer: Buffer;
  readonly cuts: readonly (readonly [offset: number, length: number])[];
  readonly ids: Buffer;
  readonly verdict: Promise<Uint8Array>;
}

/** The state of one worker. Tasks run one after the other. */
export class BackupWorker {
  readonly #setup: BackupSetup;
  readonly #send: SendMessage;
  readonly #stop: Int32Array;
  readonly #key: KeyObject;
  readonly #chunker: Chunker;
  readonly #output: PackOutput;
  readonly #libc: Libc | undefined;
  readonly #free: Buffer[];
  readonly #asked: Asked[] = [];
  readonly #verdicts: ((fresh: Uint8Array) => void)[] = [];
  #tasks: Promise<void> = Promise.resolve();
  /** Bytes of a stream that are not a whole chunk yet. */
  #rest: Buffer = Buffer.alloc(0);

  constructor(setup: BackupSetup, send: SendMessage) {
    this.#setup = setup;
    this.#send = send;
    this.#stop = new Int32Array(setup.stop);
    this.#key = createSecretKey(setup.chunkIdKey);
    this.#chunker = new Chunker(setup.gearTable, setup.chunkSizes);
    this.#output = new PackOutput(setup, send);
    this.#libc = loadLibc();
    const bytes = BATCH_BYTES + setup.chunkSizes.max;
    this.#free = Array.from({ length: BUFFERS }, () => Buffer.allocUnsafeSlow(bytes));
  }

  /** Takes a message. @returns a promise for tasks, which rejects when the worker cannot go on */
  receive(message: ToBackupWorker): Promise<void> | undefined {
    switch (message.type) {
      case 'verdict':
        this.#verdicts.shift()!(message.fresh);
        return undefined;
      case 'taken':
        this.#output.taken(message.bytes);
        return undefined;
      case 'setup':
        return undefined;
      default:
        this.#tasks = this.#tasks.then(() => this.#run(message));
        return this.#tasks;
    }
  }

  async #run(task: Exclude<ToBackupWorker, { type: 'verdict' | 'taken' | 'setup' }>): Promise<void> {
    switch (task.type) {
      case 'files':
        return this.#isStopped ? this.#abandon(task.task) : this.#runFiles(task);
      case 'slice':
        return this.#isStopped ? this.#abandon(task.task) : this.#runSlice(task);
      case 'bytes':
        return this.#runBytes(task);
      case 'finish':
        while (this.#asked.length > 0) await this.#settleOldest();
        await this.#output.finish();
        this.#send({ type: 'finished' });
        return;
      default:
        task satisfies never;
    }
  }

  async #runFiles({ task, paths, facts }: Extract<ToBackupWorker, { type: 'files' }>): Promise<void> {
    const expected = new FactsTable(facts);
    const buffer = await this.#takeBuffer();
    const { min } = this.#setup.chunkSizes;
    const cuts: [number, number][] = [];
    const chunkCounts = new Uint32Array(paths.length);
    const outcomes = new Map<number, FileOutcome>();
    let used = 0;
    for (const [i, path] of paths.entries()) {
      const read = readSmallSource(path, expected.identity(i), buffer, used, this.#libc);
      if (read.type === 'problem') {
        outcomes.set(i, read);
      } else if (read.type === 'large') {
        outcomes.set(i, { type: 'grown' });
      } else {
        const before = cuts.length;
        if (read.length > 0 && read.length <= min) cuts.push([used, read.length]);
        else if (read.length > 0) this.#cut(buffer, used, used + read.length, true, cuts);
        used += read.length;
        chunkCounts[i] = cuts.length - before;
        const outcome = describeRead(read.length, read, expected, i, [read.problem, read.xattrProblem]);
        if (outcome) outcomes.set(i, outcome);
      }
    }
    this.#ask(task, buffer, cuts, { chunkCounts, outcomes });
  }

  async #runSlice({ task, path, facts, ranges }: Extract<ToBackupWorker, { type: 'slice' }>): Promise<void> {
    const expected = new FactsTable(facts);
    const opened = openSource(path, expected.identity(0));
    if (opened.type === 'problem') {
      this.#end(task, 0, opened);
      return;
    }
    const { source } = opened;
    const problems: (Problem | undefined)[] = [];
    let xattrs: ReturnType<typeof readXattrs>;
    let chunks = 0;
    try {
      try {
        if (this.#libc) xattrs = readXattrs(source.fd, this.#libc);
      } catch (error) {
        problems.push(xattrProblem(error, path));
      }
      const read = await this.#readRanges(task, source, ranges);
      if (!read) return this.#abandon(task);
      chunks = read.chunks;
      const outcome = source.finish();
      problems.push(outcome.problem);
      this.#end(
        task,
        chunks,
        describeRead(read.bytes, { ...outcome, ...(xattrs ? { xattrs } : {}) }, expected, 0, problems),
      );
    } catch (error) {
      this.#end(task, chunks, { type: 'problem', problem: fileProblem(error, path, 'read') });
    } finally {
      source.close();
    }
  }

  get #isStopped(): boolean {
    return Atomics.load(this.#stop, 0) !== 0;
  }

  #abandon(task: number): void {
    const end: TaskEnd = { chunkCounts: new Uint32Array(0), outcomes: new Map(), isAbandoned: true };
    this.#send({ type: 'hashed', task, ids: new Uint8Array(0), lengths: new Uint32Array(0), end });
  }

  /** Ends a task of one file whose chunks have been asked for. */
  #end(task: number, chunks: number, outcome: FileOutcome | undefined): void {
    const outcomes = new Map(outcome ? [[0, outcome]] : []);
    const end = { chunkCounts: Uint32Array.of(chunks), outcomes };
    this.#send({ type: 'hashed', task, ids: new Uint8Array(0), lengths: new Uint32Array(0), end });
  }

  /** Reads ranges as one content and asks for its chunks as it goes; undefined when it was stopped. */
  async #readRanges(
    task: number,
    source: SourceReader,
    ranges: Extents,
  ): Promise<{ bytes: number; chunks: number } | undefined> {
    this.#chunker.reset();
    const total = ranges.reduce((sum, [, length]) => sum + length, 0);
    let bytes = 0;
    let chunks = 0;
    let range = 0;
    let inRange = 0;
    let rest: Buffer = Buffer.alloc(0);
    let ended = total === 0;
    while (!ended) {
      if (this.#isStopped) return undefined;
      const buffer = await this.#takeBuffer();
      rest.copy(buffer);
      let used = rest.length;
      while (used < buffer.length && range < ranges.length) {
        const [offset, length] = ranges[range]!;
        const wanted = Math.min(buffer.length - used, length - inRange);
        const count = source.read(buffer, used, wanted, offset + inRange);
        used += count;
        inRange += count;
        bytes += count;
        if (count < wanted) range = ranges.length;
        else if (inRange === length) {
          range++;
          inRange = 0;
        }
      }
      ended = range >= ranges.length;
      const cuts: [number, number][] = [];
      const end = this.#cut(buffer, 0, used, ended, cuts);
      rest = Buffer.from(buffer.subarray(end, used));
      chunks += cuts.length;
      this.#ask(task, buffer, cuts);
    }
    return { bytes, chunks };
  }

  async #runBytes({ task, content, isEnd }: Extract<ToBackupWorker, { type: 'bytes' }>): Promise<void> {
    const buffer = await this.#takeBuffer();
    this.#rest.copy(buffer);
    buffer.set(content, this.#rest.length);
    const used = this.#rest.length + content.length;
    const cuts: [number, number][] = [];
    const end = this.#cut(buffer, 0, used, isEnd, cuts);
    this.#rest = Buffer.from(buffer.subarray(end, used));
    this.#ask(task, buffer, cuts, { chunkCounts: Uint32Array.of(cuts.length), outcomes: new Map() });
  }

  /** Cuts `buffer[start, end)`; returns where the first unfinished chunk begins. */
  #cut(buffer: Buffer, start: number, end: number, isEnd: boolean, cuts: [number, number][]): number {
    let at = start;
    while (at < end) {
      const length = this.#chunker.next(buffer, at, end, isEnd);
      if (length === 0) break;
      cuts.push([at, length]);
      at += length;
    }
    return at;
  }

  /** Hashes chunks and asks which are new; the buffer is given back when the answer has been acted on. */
  #ask(task: number, buffer: Buffer, cuts: readonly (readonly [number, number])[], end?: TaskEnd): void {
    // Not from Node's pool: a message would carry the whole of it.
    const ids = Buffer.allocUnsafeSlow(cuts.length * ID_BYTES);
    const lengths = new Uint32Array(cuts.length);
    for (const [i, [offset, length]] of cuts.entries()) {
      const digest = createHmac('sha256', this.#key)
        .update(buffer.subarray(offset, offset + length))
        .digest();
      digest.copy(ids, i * ID_BYTES);
      lengths[i] = length;
    }
    if (cuts.length === 0) {
      this.#free.push(buffer);
    } else {
      const verdict = new Promise<Uint8Array>((resolve) => this.#verdicts.push(resolve));
      this.#asked.push({ buffer, cuts, ids, verdict });
    }
    this.#send({ type: 'hashed', task, ids, lengths, ...(end ? { end } : {}) });
  }

  async #takeBuffer(): Promise<Buffer> {
    while (this.#free.length === 0) await this.#settleOldest();
    return this.#free.pop()!;
  }

  /** Waits for the oldest answer, packs what is new, and frees the buffer. */
  async #settleOldest(): Promise<void> {
    const { buffer, cuts, ids, verdict } = this.#asked[0]!;
    const fresh = await verdict;
    for (const [i, [offset, length]] of cuts.entries()) {
      if (fresh[i] === 0) continue;
      await this.#output.add(ids.subarray(i * ID_BYTES, (i + 1) * ID_BYTES), buffer.subarray(offset, offset + length));
    }
    this.#asked.shift();
    this.#free.push(buffer);
  }
}

/** The outcome of a file that was read; undefined for the ordinary one: whole, unchanged, nothing else to say. */
function describeRead(
  bytes: number,
  { stat, flaw, xattrs }: SourceOutcome & { readonly xattrs?: Xattrs },
  expected: FactsTable,
  row: number,
  problems: readonly (Problem | undefined)[],
): FileOutcome | undefined {
  const isExpected = expected.isSame(row, stat);
  const told = problems.filter((problem) => problem !== undefined);
  if (isExpected && !flaw && !xattrs && told.length === 0) return undefined;
  return {
    type: 'read',
    bytes,
    problems: told,
    ...(isExpected ? {} : { facts: toFacts(stat) }),
    ...(flaw ? { flaw } : {}),
    ...(xattrs ? { xattrs } : {}),
  };
}
