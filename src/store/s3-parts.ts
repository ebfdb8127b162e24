/**
 * Parts: from a body that arrives in pieces to buffers of one size, and the memory that they take. A piece is gone when
 * the next one is asked for, so it is copied. Sends nothing.
 */
import { cancelled } from '../base/errors.ts';
import { Semaphore } from '../base/limit.ts';
import { releaseMemory } from '../base/release.ts';

/** How long a body may take to clear up behind itself. */
const CLOSE_MS = 1000;

/**
 * Bounds the parts in flight of all uploads of a store. A buffer that is being filled is not among them: who fills it may
 * wait for another upload, and that must be able to go on.
 */
export class PartMemory {
  readonly #slots: Semaphore;

  constructor(parts: number) {
    this.#slots = new Semaphore(parts);
  }

  /** Waits until one more part may be sent; the result gives the place back, and frees the part if it was sent cleanly. */
  async admit(part: Uint8Array): Promise<(wasClean: boolean) => void> {
    const release = await this.#slots.acquire();
    return (wasClean) => {
      // After a failure the garbage collector decides: it knows whether a socket still looks at the memory.
      if (wasClean) releaseMemory(part);
      release();
    };
  }
}

/** Cuts a body into parts. */
export class PartCutter {
  readonly #iterator: AsyncIterator<Uint8Array>;
  readonly #partBytes: number;
  readonly #signal: AbortSignal | undefined;
  /** What did not fit into the part before. */
  #rest: Uint8Array = new Uint8Array(0);
  #isDone = false;

  constructor(body: AsyncIterable<Uint8Array>, partBytes: number, signal: AbortSignal | undefined) {
    this.#iterator = body[Symbol.asyncIterator]();
    this.#partBytes = partBytes;
    this.#signal = signal;
  }

  /** True when the part that was given last is the last. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /**
   * The next part: `partBytes` long unless it is the last, which is empty only when the body is.
   * @param failure rejects when nobody wants the parts any more
   * @throws what the body throws, what `failure` rejects with, or `cancelled`
   */
  async next(failure?: Promise<never>): Promise<Uint8Array> {
    const part = Buffer.allocUnsafeSlow(this.#partBytes);
    let filled = 0;
    for (;;) {
      const taken = this.#rest.subarray(0, this.#partBytes - filled);
      part.set(taken, filled);
      filled += taken.length;
      this.#rest = this.#rest.subarray(taken.length);
      // Full, and there is more: only then it is certain that this is not the last.
      if (this.#rest.length > 0) return part;
      const result = await this.#pull(failure);
      if (result.done) {
        this.#isDone = true;
        return part.subarray(0, filled);
      }
      this.#rest = result.value;
    }
  }

  /** Tells the body that no more is wanted. Waits for it, but not long: it may be making a piece that never comes. */
  async close(): Promise<void> {
    if (this.#isDone) return;
    const closed = this.#iterator.return?.().catch(() => {});
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, CLOSE_MS);
    await Promise.race([closed, late]);
    clearTimeout(timer);
  }

  async #pull(failure: Promise<never> | undefined): Promise<IteratorResult<Uint8Array>> {
    const pending = this.#iterator.next();
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const onAbort = (): void => reject(cancelled());
    this.#signal?.addEventListener('abort', onAbort, { once: true });
    try {
      if (this.#signal?.aborted) onAbort();
      return await Promise.race([aborted, ...(failure ? [failure] : []), pending]);
    } finally {
      this.#signal?.removeEventListener('abort', onAbort);
      aborted.catch(() => {});
      pending.catch(() => {});
    }
  }
}
