/**
 * The main thread's side of checking packs: fetches them, whole or in a few ranges, and hands
 * the bytes to worker threads, which own them from then on. What may be on the way at a time is bounded, and so is what
 * waits. It knows nothing of what is in a pack.
 */
import { cancelled, damage, type IcecoreError, isIcecoreError, throwIfAborted } from '../base/errors.ts';
import type { PackRecord } from '../format/index-object.ts';
import { openPackHeader } from '../repo/chunk-reader.ts';
import { PackCheck, type PackReport } from '../repo/pack-check.ts';
import type { Repository } from '../repo/repository.ts';
import { SEALED_BLOCK_LENGTH } from '../seal/age-stream.ts';
import type { FromVerifyWorker, SegmentReport, VerifySetup } from './verify-messages.ts';
import { startThreads, type VerifyThreads } from './verify-threads.ts';

/**
 * Larger packs come in pieces of equal length, below this: two of them for a pack of the usual 16 MiB, so that a worker
 * has the next at hand and what is on the way stays small.
 */
const PIECE_BYTES = 12 * 1_048_576;
/** With many workers the pieces are smaller, so that all that is on the way stays the same. */
const WINDOW_BYTES = 64 * 1_048_576;
/** Pieces that a worker has at a time: one that it checks, and the next. */
const PIECES = 2;
/** Index lines that may wait with their packs. */
const WAITING_BYTES = 32 * 1_048_576;
/** So many packs in a row that the store cannot deliver mean that the store is gone, and not that packs are. */
const MAX_MISSES = 8;

/** The longest range that one of so many workers fetches at a time. */
export function rangeBytesFor(workers: number): number {
  return Math.min(PIECE_BYTES, Math.floor(WINDOW_BYTES / PIECES / workers));
}

/** A pack to be read, and what to do with what was found. */
export interface PackJob {
  readonly record: PackRecord;
  /** Its lines in the index object. */
  readonly index: Uint8Array;
  /** Its size in the store. */
  readonly listed: number;
}

/** What became of a pack. `failure`: it could not be read at all. */
export interface PackOutcome {
  readonly record: PackRecord;
  readonly report?: PackReport;
  readonly segments: readonly SegmentReport[];
  readonly failure?: IcecoreError;
}

/** The workers of one verify. Add jobs, then `finish`; close in any case. */
export class VerifyPacks {
  readonly #repo: Repository;
  readonly #signal: AbortSignal;
  readonly #onOutcome: (outcome: PackOutcome) => void;
  readonly #pool: VerifyThreads;
  readonly #queue: PackJob[] = [];
  #waitingBytes = 0;
  readonly #checking = new Map<number, PackRecord>();
  readonly #outstanding: number[];
  readonly #serving: Promise<void>[];
  #changed = Promise.withResolvers<void>();
  #nextTask = 0;
  #isEnding = false;
  /** Packs in a row that could not be fetched. */
  #misses = 0;
  /** What ended the run. Kept here, because racing against a promise that never resolves leaks. */
  #failure: { readonly error: unknown } | undefined;

  /** @param workers how many, and how many bytes of packs there are at most */
  constructor(
    repo: Repository,
    workers: { readonly count: number; readonly bytes: number },
    setup: VerifySetup,
    signal: AbortSignal,
    onOutcome: (outcome: PackOutcome) => void,
  ) {
    this.#repo = repo;
    this.#signal = signal;
    this.#onOutcome = onOutcome;
    this.#pool = startThreads(workers.count, workers.bytes, (worker, message) => this.#receive(worker, message));
    this.#outstanding = Array.from({ length: this.#pool.size }, () => 0);
    for (let worker = 0; worker < this.#pool.size; worker++) this.#pool.post(worker, { type: 'setup', setup });
    this.#serving = this.#outstanding.map((_, worker) => this.#serve(worker));
    const fail = (error: unknown) => {
      this.#failure ??= { error };
      this.#wake();
    };
    for (const serving of this.#serving) serving.catch(fail);
    this.#pool.failure.catch(fail);
  }

  /** Takes a pack to be checked; an urgent one goes before those that wait. */
  add(job: PackJob, isUrgent = false): void {
    if (isUrgent) this.#queue.unshift(job);
    else this.#queue.push(job);
    this.#waitingBytes += job.index.length;
    this.#wake();
  }

  /** Waits until what waits in the queue is bounded again. */
  async room(): Promise<void> {
    await this.#until(() => this.#waitingBytes <= WAITING_BYTES);
  }

  /** Waits until every worker has enough to do for a while, or the queue is empty. */
  async primed(): Promise<void> {
    await this.#until(() => this.#queue.length === 0 || this.#outstanding.every((pieces) => pieces >= PIECES));
  }

  /** Waits until all packs that were added are checked. More can be added afterwards. */
  async drain(): Promise<void> {
    await this.#until(() => this.#queue.length === 0 && this.#checking.size === 0);
  }

  /** Stops the workers. */
  async close(): Promise<void> {
    this.#isEnding = true;
    this.#wake();
    await this.#pool.close();
    await Promise.allSettled(this.#serving);
  }

  async #until(isTrue: () => boolean): Promise<void> {
    for (;;) {
      if (this.#failure) throw this.#failure.error;
      throwIfAborted(this.#signal);
      if (isTrue()) return;
      await this.#changed.promise;
    }
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }

  /** Feeds one worker. */
  async #serve(worker: number): Promise<void> {
    for (;;) {
      while (this.#queue.length === 0) {
        if (this.#isEnding || this.#failure) return;
        await this.#changed.promise;
      }
      throwIfAborted(this.#signal);
      const job = this.#queue.shift()!;
      this.#waitingBytes -= job.index.length;
      const task = this.#nextTask++;
      this.#checking.set(task, job.record);
      try {
        await this.#feed(worker, task, job);
        this.#misses = 0;
      } catch (error) {
        if (!isIcecoreError(error, 'damage') && !isIcecoreError(error, 'store')) throw error;
        if (error.kind === 'store' && ++this.#misses >= MAX_MISSES) throw error;
        this.#checking.delete(task);
        this.#onOutcome({ record: job.record, segments: [], failure: error });
      }
      this.#wake();
    }
  }

  async #feed(worker: number, task: number, { record, index, listed }: PackJob): Promise<void> {
    const { name, header, kind } = record;
    const fileKey = await openPackHeader(this.#repo, header, name);
    const size = Math.min(record.size, listed);
    if (size <= header.length) throw damage('pack-truncated', `${name}: is nearly empty`, { object: name });
    let begun = false;
    for (const [from, to] of this.#ranges(size, header.length)) {
      while (this.#outstanding[worker]! >= PIECES) {
        if (this.#isEnding || this.#failure) throw cancelled();
        await this.#changed.promise;
      }
      throwIfAborted(this.#signal);
      this.#outstanding[worker]!++;
      let bytes: Uint8Array | undefined;
      try {
        const range = to - from === record.size ? undefined : { offset: from, length: to - from };
        bytes = await this.#repo.store.get(name, range, this.#signal);
        if (!bytes) throw damage('pack-missing', `${name} is missing`, { object: name });
      } catch (error) {
        this.#outstanding[worker]!--;
        throw error;
      }
      if (!begun) this.#pool.post(worker, { type: 'pack', task, index, fileKey, isMeta: kind === 'meta' });
      begun = true;
      const whole = bytes.byteLength === bytes.buffer.byteLength ? bytes : Uint8Array.from(bytes);
      this.#pool.post(worker, { type: 'piece', task, bytes: whole }, [whole.buffer as ArrayBuffer]);
    }
    this.#pool.post(worker, { type: 'end', task });
  }

  #ranges(size: number, head: number): [from: number, to: number][] {
    const most = rangeBytesFor(this.#pool.size);
    const bytes = Math.ceil(size / Math.ceil(size / most)) + SEALED_BLOCK_LENGTH;
    const ranges: [number, number][] = [];
    const step = PackCheck.cut(0, bytes);
    for (let from = 0, to = Math.min(size, PackCheck.cut(head, bytes)); from < size; to = Math.min(size, to + step)) {
      ranges.push([from, to]);
      from = to;
    }
    return ranges;
  }

  #receive(worker: number, message: FromVerifyWorker): void {
    if (message.type === 'taken') {
      this.#outstanding[worker]!--;
    } else {
      const record = this.#checking.get(message.task);
      this.#checking.delete(message.task);
      if (record) this.#onOutcome({ record, report: message.report, segments: message.segments });
    }
    this.#wake();
  }
}
