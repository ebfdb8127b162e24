/** The main thread's side of a restore's workers: hands out tasks, and resolves them when they are done. */
import { bug } from '../base/errors.ts';
import type {
  CompareResult,
  CompareTask,
  FromRestoreWorker,
  RestoreSetup,
  RestoreUnit,
  ToRestoreWorker,
  UnitResult,
} from './restore-messages.ts';
import { WorkerPool } from './worker-pool.ts';

/** Tasks that a worker has at a time: one that it does, and one so that it never waits for the main thread. */
const TASKS_PER_WORKER = 2;

interface Queued {
  readonly message: RestoreUnit | CompareTask;
  readonly transfer: readonly ArrayBuffer[];
}

/** The workers of one restore. They start with the first task, or when told. */
export class RestoreWorkers {
  readonly #count: number;
  readonly #setup: RestoreSetup;
  readonly #queue: Queued[] = [];
  readonly #busy: number[];
  readonly #results = new Map<number, (result: UnitResult | CompareResult) => void>();
  #pool: WorkerPool<ToRestoreWorker, FromRestoreWorker> | undefined;
  readonly #ended = Promise.withResolvers<void>();
  #running: number;
  #next = 0;

  constructor(count: number, setup: RestoreSetup) {
    this.#count = count;
    this.#running = count;
    this.#setup = setup;
    this.#busy = Array.from({ length: count }, () => 0);
  }

  /** How many tasks the workers have room for together. */
  get capacity(): number {
    return this.#count * TASKS_PER_WORKER;
  }

  /** Starts the threads, which takes them a moment. */
  start(): WorkerPool<ToRestoreWorker, FromRestoreWorker> {
    if (this.#pool) return this.#pool;
    this.#pool = new WorkerPool(this.#count, (worker, message) => this.#receive(worker, message));
    for (let i = 0; i < this.#count; i++) this.#pool.post(i, { type: 'setup', setup: this.#setup });
    return this.#pool;
  }

  async write(unit: Omit<RestoreUnit, 'task'>): Promise<UnitResult> {
    const { pack } = unit;
    const isOwn = pack && pack.sealed.byteOffset === 0 && pack.sealed.byteLength === pack.sealed.buffer.byteLength;
    const result = await this.#run(unit, isOwn ? [pack.sealed.buffer as ArrayBuffer] : []);
    if (result.type !== 'unit-done') throw bug('a worker gave the answer to another task');
    return result;
  }

  async compare(task: Omit<CompareTask, 'task'>): Promise<CompareResult> {
    const result = await this.#run(task, []);
    if (result.type !== 'compared') throw bug('a worker gave the answer to another task');
    return result;
  }

  /**
   * Ends the threads; what is queued is not begun. They are asked, not stopped: a thread that is stopped while it loads
   * or calls a native library takes the process with it. Tasks that run end first.
   */
  async close(): Promise<void> {
    const pool = this.#pool;
    if (!pool) return;
    this.#queue.length = 0;
    for (let i = 0; i < this.#count; i++) pool.post(i, { type: 'end' });
    await Promise.race([this.#ended.promise, pool.failure.catch(() => {})]);
    await pool.close();
  }

  #receive(worker: number, message: FromRestoreWorker): void {
    if (message.type === 'ended') {
      if (--this.#running === 0) this.#ended.resolve();
      return;
    }
    this.#busy[worker]!--;
    this.#dispatch();
    this.#results.get(message.task)!(message);
    this.#results.delete(message.task);
  }

  async #run(
    message: Omit<RestoreUnit, 'task'> | Omit<CompareTask, 'task'>,
    transfer: readonly ArrayBuffer[],
  ): Promise<UnitResult | CompareResult> {
    const task = this.#next++;
    const { failure } = this.start();
    const { promise, resolve } = Promise.withResolvers<UnitResult | CompareResult>();
    this.#results.set(task, resolve);
    this.#queue.push({ message: { ...message, task }, transfer });
    this.#dispatch();
    return await Promise.race([promise, failure]);
  }

  #dispatch(): void {
    while (this.#queue.length > 0) {
      const least = Math.min(...this.#busy);
      if (least >= TASKS_PER_WORKER) return;
      const worker = this.#busy.indexOf(least);
      const { message, transfer } = this.#queue.shift()!;
      this.#busy[worker]!++;
      this.start().post(worker, message, transfer);
    }
  }
}
