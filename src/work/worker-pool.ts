/**
 * Starts worker threads of this program and carries messages; what the messages mean is the caller's. A worker that
 * dies fails the run: its error reaches whoever waits on {@link WorkerPool.failure}.
 */
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { bug, IcecoreError, messageOf } from '../base/errors.ts';

/** Asks a worker of any role to end. */
export interface QuitMessage {
  readonly type: 'quit';
}

/** How an IcecoreError travels between threads: structured cloning would keep the message only. */
export interface ErrorMessage {
  readonly type: 'error';
  readonly error: {
    readonly kind: string;
    readonly code: string;
    readonly message: string;
    readonly hint?: string;
    readonly data: Readonly<Record<string, unknown>>;
  };
}

/** Room for short-lived objects in a worker's heap: a worker holds buffers, not objects. */
const YOUNG_MB = 8;

/** How long a worker may take to end when it is asked. */
const PATIENCE_MS = 2000;

/** How many workers a run uses when it is not told: one a core. */
export function defaultWorkers(): number {
  return Math.max(1, Math.min(16, availableParallelism()));
}

/** A fixed set of worker threads. */
export class WorkerPool<To, From extends { readonly type: string }> {
  readonly #workers: Worker[];
  readonly failure: Promise<never>;
  #isClosing = false;

  constructor(count: number, onMessage: (worker: number, message: From) => void) {
    const { promise, reject } = Promise.withResolvers<never>();
    this.failure = promise;
    promise.catch(() => {});
    // In a checkout Node runs the sources themselves; a built program has its worker beside it.
    const isSource = import.meta.url.endsWith('.ts');
    const url = new URL(isSource ? './worker.ts' : './worker.js', import.meta.url);
    this.#workers = Array.from({ length: count }, (_, index) => {
      const worker = new Worker(url, {
        trackUnmanagedFds: false,
        resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
      });
      worker.on('message', (message: From | ErrorMessage) => {
        if (message.type === 'error') reject(decodeError((message as ErrorMessage).error));
        else onMessage(index, message as From);
      });
      worker.on('error', (error) => reject(bug(`a worker thread failed: ${messageOf(error)}`, error)));
      worker.on('exit', (code) => {
        if (!this.#isClosing) reject(bug(`a worker thread ended early (${code})`));
      });
      return worker;
    });
  }

  get size(): number {
    return this.#workers.length;
  }

  post(worker: number, message: To, transfer: readonly ArrayBuffer[] = []): void {
    this.#workers[worker]!.postMessage(message, transfer as ArrayBuffer[]);
  }

  /**
   * Ends all workers. They are asked first: a thread that is stopped while it loads or calls a native library takes the
   * process with it. One that is held up in a system call is stopped after {@link PATIENCE_MS}.
   */
  async close(): Promise<void> {
    if (this.#isClosing) return;
    this.#isClosing = true;
    const quit: QuitMessage = { type: 'quit' };
    const alive = this.#workers.filter((worker) => worker.threadId !== -1);
    const exits = alive.map((worker) => once(worker, 'exit'));
    for (const worker of alive) worker.postMessage(quit);
    const patience = AbortSignal.timeout(PATIENCE_MS);
    const impatient = once(patience, 'abort');
    await Promise.race([Promise.all(exits), impatient]);
    if (patience.aborted) await Promise.all(alive.map((worker) => worker.terminate()));
  }
}

/** Prepares an error for another thread. */
export function encodeError(error: unknown): ErrorMessage {
  const known = error instanceof IcecoreError ? error : bug(messageOf(error) || 'unknown error', error);
  const detail = known.code === 'bug' && error instanceof Error ? { stack: error.stack } : {};
  return {
    type: 'error',
    error: {
      kind: known.kind,
      code: known.code,
      message: known.message,
      data: { ...known.data, ...detail },
      ...(known.hint === undefined ? {} : { hint: known.hint }),
    },
  };
}

function decodeError(error: ErrorMessage['error']): IcecoreError {
  const { kind, code, message, hint, data } = error;
  return new IcecoreError(kind as IcecoreError['kind'], code, message, {
    data,
    ...(hint === undefined ? {} : { hint }),
  });
}
