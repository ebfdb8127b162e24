/**
 * Worker threads of the program that run in the test's own thread, so that thousands of runs fit into a test and file
 * system faults reach the code of the workers. Messages are cloned and arrive later, in order, as between threads; what
 * is missing is parallelism, which the tests that spawn the program have. Use it in place of the platform's class:
 *
 *     vi.mock('node:worker_threads', async (original) => withInProcessWorkers(await original()));
 */
import { EventEmitter } from 'node:events';
import type * as WorkerThreads from 'node:worker_threads';

interface Receiver {
  receive(message: never): Promise<void> | undefined;
}

interface Setup {
  readonly role: 'backup' | 'restore' | 'verify' | 'totals';
}

type Send = (message: unknown, transfer?: readonly ArrayBuffer[]) => void;

/** As worker.ts does it. */
async function startRole(setup: Setup, send: Send): Promise<Receiver> {
  switch (setup.role) {
    case 'backup': {
      const { BackupWorker } = await import('../../src/work/backup-worker.ts');
      return new BackupWorker(setup as never, send as never);
    }
    case 'restore': {
      const { RestoreWorker } = await import('../../src/work/restore-worker.ts');
      return new RestoreWorker(setup as never, send as never);
    }
    case 'verify': {
      const { VerifyWorker } = await import('../../src/work/verify-worker.ts');
      return new VerifyWorker(setup as never, send as never);
    }
    case 'totals': {
      const { countTotals } = await import('../../src/work/backup-totals.ts');
      const counted = countTotals(setup as never);
      if (counted) send(counted);
      return { receive: () => undefined };
    }
    default:
      return setup.role satisfies never;
  }
}

/** Stands for node's Worker, as far as WorkerPool uses it. */
class InProcessWorker extends EventEmitter {
  #receiver: Promise<Receiver> | undefined;
  #isOver = false;

  postMessage(message: { readonly type: string; readonly setup?: Setup }, transfer: readonly ArrayBuffer[] = []): void {
    const copy = structuredClone(message, { transfer: transfer as ArrayBuffer[] });
    setImmediate(() => {
      if (this.#isOver) return;
      if (copy.type === 'quit') this.#end(0);
      else if (copy.type === 'setup') this.#receiver = startRole(copy.setup!, this.#send);
      else this.#receiver!.then((receiver) => receiver.receive(copy as never)).catch(this.#fail);
    });
  }

  // Imported late: what loads while the platform's module is being replaced would get the real one.
  readonly #fail = async (error: unknown): Promise<void> => {
    const { encodeError } = await import('../../src/work/worker-pool.ts');
    this.#send(encodeError(error));
  };

  /** -1 when it has ended. */
  get threadId(): number {
    return this.#isOver ? -1 : 1;
  }

  async terminate(): Promise<number> {
    this.#end(1);
    return 1;
  }

  #end(code: number): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.emit('exit', code);
  }

  readonly #send: Send = (message, transfer = []) => {
    if (this.#isOver) return;
    const copy: unknown = structuredClone(message, { transfer: transfer as ArrayBuffer[] });
    setImmediate(() => {
      if (!this.#isOver) this.emit('message', copy);
    });
  };
}

/** The module with its Worker replaced. */
export function withInProcessWorkers(original: unknown): typeof WorkerThreads {
  return { ...(original as typeof WorkerThreads), Worker: InProcessWorker as unknown as typeof WorkerThreads.Worker };
}
