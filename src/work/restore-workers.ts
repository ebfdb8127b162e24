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

/** The workers of one restore. */
export class RestoreWorkers {
  readonly #pool: WorkerPool<ToRestoreWorker, FromRestoreWorker>;
  readonly #queue: Queued[] = [];
  readonly #busy: number[];
  readonly #results = new Map<number, (result: FromRestoreWorker) => void>();
  #next = 0;

  constructor(count: number, setup: RestoreSetup) {
    this.#busy = Array.from({ length: count }, () => 0);
    this.#pool = new WorkerPool(count, (worker, message) => {
      this.#busy[worker]!--;
      this.#dispatch();
      this.#results.get(message.task)!(message);
      this.#results.delete(message.task);
    });
    for (let i = 0; i < count; i++) this.#pool.post(i, { type: 'setup', setup });
  }

  /** How many tasks the workers have room for together. */
  get capacity(): number {
    return this.#pool.size * TASKS_PER_WORKER;
  }

  /** Rejects when a worker has failed. */
  get failure(): Promise<never> {
    return this.#pool.failure;
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

  async close(): Promise<void> {
    await this.#pool.close();
  }

  async #run(
    message: Omit<RestoreUnit, 'task'> | Omit<CompareTask, 'task'>,
    transfer: readonly ArrayBuffer[],
  ): Promise<FromRestoreWorker> {
    const task = this.#next++;
    const { promise, resolve } = Promise.withResolvers<FromRestoreWorker>();
    this.#results.set(task, resolve);
    this.#queue.push({ message: { ...message, task }, transfer });
    this.#dispatch();
    return await Promise.race([promise, this.failure]);
  }

  #dispatch(): void {
    while (this.#queue.length > 0) {
      const least = Math.min(...this.#busy);
      if (least >= TASKS_PER_WORKER) return;
      const worker = this.#busy.indexOf(least);
      const { message, transfer } = this.#queue.shift()!;
      this.#busy[worker]!++;
      this.#pool.post(worker, message, transfer);
    }
  }
}
