/**
 * The main thread's side of a backup's workers: hands out tasks, answers which chunks are new, and stores the packs
 * that come back. It never touches file content.
 */
import { throwIfAborted } from '../base/errors.ts';
import type { Problem } from '../base/monitor.ts';
import { type Raw, rawFromText } from '../base/raw.ts';
import type { KnownChunks } from '../repo/known-chunks.ts';
import { type PackDestination, PackUpload } from '../repo/pack-upload.ts';
import type { PackDescription } from '../repo/pack-writer.ts';
import type { BackupSetup, FromBackupWorker, TaskEnd, ToBackupWorker } from './backup-messages.ts';
import { StallWatch } from './stall-watch.ts';
import { WorkerPool } from './worker-pool.ts';

/** Tasks that a worker has at a time: enough that it never waits for the main thread. */
const TASKS_PER_WORKER = 3;

/** A task without its number. */
export type BackupTask =
  Extract<ToBackupWorker, { type: 'files' | 'slice' | 'bytes' }> extends infer T
    ? T extends unknown
      ? Omit<T, 'task'>
      : never
    : never;

/** What a task found: how it ended, and the ids (32 bytes each) of all its chunks in order. */
export interface TaskResult extends TaskEnd {
  readonly ids: Buffer;
}

const ABANDONED: TaskResult = {
  chunkCounts: new Uint32Array(0),
  outcomes: new Map(),
  isAbandoned: true,
  ids: Buffer.alloc(0),
};

/** What the pool of workers needs. */
export interface BackupWorkersOptions {
  readonly count: number;
  readonly setup: Promise<BackupSetup>;
  /** Resolves when the index is loaded; asked when the first chunks come. */
  readonly known: () => Promise<KnownChunks>;
  readonly destination: PackDestination;
  /** The flag of {@link BackupSetup}. */
  readonly stop: SharedArrayBuffer;
  readonly onPack: (pack: PackDescription) => void;
  /** Plaintext bytes that were read and hashed. */
  readonly onHashed: (bytes: number) => void;
  /** A worker has been silent for long. */
  readonly onStall: (problem: Problem) => void;
  /** Plaintext bytes that were new. */
  readonly onNewBytes: (bytes: number) => void;
  readonly signal: AbortSignal;
}

/** The workers of one backup. */
export class BackupWorkers {
  readonly #options: BackupWorkersOptions;
  readonly #pool: WorkerPool<ToBackupWorker, FromBackupWorker>;
  readonly #queue: { task: BackupTask; number: number }[] = [];
  readonly #results = new Map<number, { ids: Uint8Array[]; resolve: (result: TaskResult) => void }>();
  readonly #watch: StallWatch;
  readonly #uploads = new Map<string, PackUpload>();
  readonly #storing = new Set<Promise<void>>();
  readonly #failure: Promise<never>;
  readonly #fail: (error: unknown) => void;
  #known: KnownChunks | undefined;
  #asking: Promise<void> = Promise.resolve();
  #isReady = false;
  #next = 0;
  #room: (() => void) | undefined;
  #finished = 0;
  #onFinished: (() => void) | undefined;

  constructor(options: BackupWorkersOptions) {
    this.#options = options;
    const { promise, reject } = Promise.withResolvers<never>();
    this.#failure = promise;
    this.#fail = reject;
    promise.catch(() => {});
    this.#pool = new WorkerPool(options.count, (worker, message) => this.#receive(worker, message));
    this.#pool.failure.catch(reject);
    options.setup.then((setup) => this.#begin(setup)).catch(reject);
    this.#watch = new StallWatch(options.count, options.onStall);
  }

  /** Rejects when a worker or the store has failed. */
  get failure(): Promise<never> {
    return this.#failure;
  }

  /** True when a task would only wait in the queue. */
  get isSaturated(): boolean {
    return this.#queue.length >= this.#options.count;
  }

  /** Gives up files that are not read yet: their tasks, and all that are still to come, end as abandoned. */
  abandon(): void {
    Atomics.store(new Int32Array(this.#options.stop), 0, 1);
    for (const { number } of this.#queue.splice(0)) {
      this.#results.get(number)!.resolve(ABANDONED);
      this.#results.delete(number);
    }
    this.#dispatch();
  }

  /** Hands a task to a worker as soon as one has room; resolves when its files are read and hashed. */
  submit(task: BackupTask): Promise<TaskResult> {
    const number = this.#next++;
    const { promise, resolve } = Promise.withResolvers<TaskResult>();
    this.#results.set(number, { ids: [], resolve });
    this.#queue.push({ task, number });
    this.#dispatch();
    return promise;
  }

  /** Resolves when a task more would be taken at once. */
  async room(): Promise<void> {
    throwIfAborted(this.#options.signal);
    if (!this.isSaturated) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#room = resolve;
    await Promise.race([promise, this.#failure]);
  }

  /** Lets the workers end their packs and waits until all are stored. Only when every task is done. */
  async finish(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onFinished = resolve;
    for (let i = 0; i < this.#pool.size; i++) this.#pool.post(i, { type: 'finish' });
    await Promise.race([promise, this.#failure]);
    await Promise.race([Promise.all(this.#storing), this.#failure]);
  }

  async close(): Promise<void> {
    this.#watch.close();
    await this.#pool.close();
  }

  #begin(setup: BackupSetup): void {
    for (let i = 0; i < this.#pool.size; i++) this.#pool.post(i, { type: 'setup', setup });
    this.#isReady = true;
    this.#dispatch();
  }

  #dispatch(): void {
    if (!this.#isReady) return;
    while (this.#queue.length > 0) {
      const worker = this.#leastBusy();
      if (this.#watch.load(worker) >= TASKS_PER_WORKER) break;
      const { task, number } = this.#queue.shift()!;
      this.#watch.gave(worker, placeOf(task));
      this.#pool.post(worker, { ...task, task: number });
    }
    if (!this.isSaturated) {
      const room = this.#room;
      this.#room = undefined;
      room?.();
    }
  }

  #leastBusy(): number {
    let least = 0;
    for (let i = 1; i < this.#pool.size; i++) if (this.#watch.load(i) < this.#watch.load(least)) least = i;
    return least;
  }

  #receive(worker: number, message: FromBackupWorker): void {
    this.#watch.heard(worker);
    switch (message.type) {
      case 'hashed':
        if (message.ids.length > 0) {
          this.#options.onHashed(message.lengths.reduce((sum, length) => sum + length, 0));
          this.#answer(worker, message.ids, message.lengths);
        }
        this.#collect(worker, message);
        return;
      case 'pack-start':
        this.#uploads.set(message.name, new PackUpload(message.name, this.#options.destination, this.#options.signal));
        return;
      case 'piece': {
        // Asked now: the upload gives the memory back when the store has taken it.
        const bytes = message.bytes.length;
        const upload = this.#uploads.get(message.name)!;
        this.#track(upload.push(message.bytes).then(() => this.#pool.post(worker, { type: 'taken', bytes })));
        return;
      }
      case 'pack-end': {
        const upload = this.#uploads.get(message.name)!;
        this.#uploads.delete(message.name);
        this.#track(upload.finish(message.pack).then(this.#options.onPack));
        return;
      }
      case 'finished':
        if (++this.#finished === this.#pool.size) this.#onFinished?.();
        return;
      default:
        message satisfies never;
    }
  }

  #collect(worker: number, { task, ids, end }: Extract<FromBackupWorker, { type: 'hashed' }>): void {
    const result = this.#results.get(task)!;
    if (ids.length > 0) result.ids.push(ids);
    if (!end) return;
    this.#results.delete(task);
    this.#watch.done(worker);
    const [only] = result.ids;
    const isOne = only !== undefined && result.ids.length === 1;
    result.resolve({
      ...end,
      ids: isOne ? Buffer.from(only.buffer, only.byteOffset, only.length) : Buffer.concat(result.ids),
    });
    this.#dispatch();
  }

  /** Answers in the order of the questions: two workers may ask for the same chunk, and one of them stores it. */
  #answer(worker: number, ids: Uint8Array, lengths: Uint32Array): void {
    if (this.#known) {
      this.#verdict(worker, this.#known, ids, lengths);
      return;
    }
    this.#asking = this.#asking.then(async () => {
      this.#known ??= await this.#options.known();
      this.#verdict(worker, this.#known, ids, lengths);
    });
    this.#asking.catch(this.#fail);
  }

  #verdict(worker: number, known: KnownChunks, ids: Uint8Array, lengths: Uint32Array): void {
    const fresh = known.claimNew(ids);
    let bytes = 0;
    for (let i = 0; i < fresh.length; i++) if (fresh[i] === 1) bytes += lengths[i]!;
    if (bytes > 0) this.#options.onNewBytes(bytes);
    this.#pool.post(worker, { type: 'verdict', fresh });
  }

  #track(work: Promise<void>): void {
    this.#storing.add(work);
    work.then(
      () => this.#storing.delete(work),
      (error: unknown) => this.#fail(error),
    );
  }
}

/** Where a task begins, for people. */
function placeOf(task: BackupTask): Raw {
  if (task.type === 'files') return task.paths[0]!;
  return task.type === 'slice' ? task.path : rawFromText('standard input');
}
