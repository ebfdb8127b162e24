/** Tally: how often each operation went out, by the storage class that sets its price. Every attempt is one. */
import type { RequestTally } from './store.ts';

/** Counts requests. */
export class Tally {
  readonly #counts = new Map<string, { operation: string; storageClass: string; count: number }>();

  /** Counts one. */
  add(operation: string, storageClass: string): void {
    const key = `${operation} ${storageClass}`;
    const entry = this.#counts.get(key);
    if (entry) entry.count++;
    else this.#counts.set(key, { operation, storageClass, count: 1 });
  }

  /** What was counted so far, sorted by operation and class. */
  read(): readonly RequestTally[] {
    const keys = [...this.#counts.keys()].sort();
    return keys.map((key) => ({ ...this.#counts.get(key)! }));
  }
}
