/** Where packs are checked: in worker threads, or, where there is too little to do to start any, on this one. */
import type { FromVerifyWorker, ToVerifyWorker } from './verify-messages.ts';
import { VerifyWorker } from './verify-worker.ts';
import { WorkerPool } from './worker-pool.ts';

/** Below this many bytes of packs, starting threads takes longer than checking. */
const SMALL_BYTES = 4 * 1_048_576;

/** What a {@link WorkerPool} can do. */
export interface VerifyThreads {
  readonly size: number;
  readonly failure: Promise<never>;
  post(worker: number, message: ToVerifyWorker, transfer?: readonly ArrayBuffer[]): void;
  close(): Promise<void>;
}

/** Starts what is right for so many bytes. */
export function startThreads(
  count: number,
  bytes: number,
  onMessage: (worker: number, message: FromVerifyWorker) => void,
): VerifyThreads {
  return bytes < SMALL_BYTES ? new OwnThread(onMessage) : new WorkerPool(count, onMessage);
}

/** Does the work of one worker when it is posted. */
class OwnThread implements VerifyThreads {
  readonly size = 1;
  readonly failure: Promise<never>;
  readonly #fail: (error: unknown) => void;
  readonly #onMessage: (worker: number, message: FromVerifyWorker) => void;
  #worker: VerifyWorker | undefined;

  constructor(onMessage: (worker: number, message: FromVerifyWorker) => void) {
    const { promise, reject } = Promise.withResolvers<never>();
    this.failure = promise;
    promise.catch(() => {});
    this.#fail = reject;
    this.#onMessage = onMessage;
  }

  post(_worker: number, message: ToVerifyWorker): void {
    try {
      if (message.type === 'setup') {
        this.#worker = new VerifyWorker(message.setup, (answer) => this.#onMessage(0, answer));
      } else {
        this.#worker!.receive(message);
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  async close(): Promise<void> {
    this.#worker?.close();
  }
}
