/** Bounds on concurrency: a semaphore and an ordered window. Both are fair (first come, first served). */

/** Lets at most `capacity` units be held at a time; a request larger than the capacity is clamped to it. */
export class Semaphore {
  readonly #capacity: number;
  #free: number;
  readonly #waiting: { units: number; grant: () => void }[] = [];

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#free = capacity;
  }

  /** Units not held at the moment. */
  get free(): number {
    return this.#free;
  }

  /** Waits until `units` are free and takes them; resolves to the function that gives them back (call it once). */
  async acquire(units = 1): Promise<() => void> {
    const wanted = Math.min(units, this.#capacity);
    if (this.#waiting.length > 0 || this.#free < wanted) {
      await new Promise<void>((grant) => this.#waiting.push({ units: wanted, grant }));
    } else {
      this.#free -= wanted;
    }
    return () => this.#release(wanted);
  }

  /** Runs `work` while holding `units`. */
  async run<T>(work: () => Promise<T>, units = 1): Promise<T> {
    const release = await this.acquire(units);
    try {
      return await work();
    } finally {
      release();
    }
  }

  #release(units: number): void {
    this.#free += units;
    while (this.#waiting.length > 0 && this.#waiting[0]!.units <= this.#free) {
      const next = this.#waiting.shift()!;
      this.#free -= next.units;
      next.grant();
    }
  }
}

/**
 * Maps items with at most `concurrency` in flight and yields the results in the order of the items. A failure is
 * thrown at its place in the order, after which nothing more is started; what is in flight is awaited first.
 */
export async function* mapOrdered<T, R>(
  items: AsyncIterable<T> | Iterable<T>,
  concurrency: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const running: Promise<R>[] = [];
  try {
    for await (const item of items) {
      const promise = work(item);
      promise.catch(() => {});
      running.push(promise);
      if (running.length >= concurrency) yield await running.shift()!;
    }
    while (running.length > 0) yield await running.shift()!;
  } finally {
    await Promise.allSettled(running);
  }
}
