/**
 * MeteredStore: counts what a run asks of a store and how many bytes go either way, for summaries, cost figures and
 * tests. Changes nothing about what the store does.
 */
import type { Bucket } from './bucket.ts';
import type {
  ByteRange,
  ObjectInfo,
  PutBody,
  PutOptions,
  PutResult,
  RequestCounts,
  RequestTally,
  Store,
  StoreOperation,
} from './store.ts';
import type { Thaw } from './thaw.ts';

/** A reading of the meter; never changes. */
export interface StoreUse {
  /** Calls by kind, failed ones included. A listing is one, however many objects it yields. */
  readonly requests: RequestCounts;
  readonly totalRequests: number;
  /** Bytes of objects that were really stored (`exists` counts nothing). */
  readonly storedBytes: number;
  /** Bytes that `get` returned. */
  readonly fetchedBytes: number;
  /** Bytes handed to the store so far, unfinished and failed puts included: for progress. */
  readonly sentBytes: number;
}

/** Wraps a store and counts. Closing it closes the store inside. */
export class MeteredStore implements Store {
  readonly #store: Store;
  readonly #requests: Record<StoreOperation, number> = { put: 0, get: 0, list: 0, stat: 0, delete: 0 };
  #storedBytes = 0;
  #fetchedBytes = 0;
  #sentBytes = 0;

  constructor(store: Store) {
    this.#store = store;
  }

  get location(): string {
    return this.#store.location;
  }

  get concurrency(): number {
    return this.#store.concurrency;
  }

  get bucket(): Bucket | undefined {
    return this.#store.bucket;
  }

  get thaw(): Thaw | undefined {
    return this.#store.thaw;
  }

  relyOnCreateOnly(): void {
    this.#store.relyOnCreateOnly?.();
  }

  tally(): readonly RequestTally[] | undefined {
    return this.#store.tally?.();
  }

  /** What was used since the instance was made. */
  get use(): StoreUse {
    const requests = { ...this.#requests };
    return {
      requests,
      totalRequests: Object.values(requests).reduce((sum, count) => sum + count, 0),
      storedBytes: this.#storedBytes,
      fetchedBytes: this.#fetchedBytes,
      sentBytes: this.#sentBytes,
    };
  }

  async put(name: string, body: PutBody, options: PutOptions): Promise<PutResult> {
    this.#requests.put++;
    const isWhole = body instanceof Uint8Array;
    if (isWhole) this.#sentBytes += body.length;
    const result = await this.#store.put(name, isWhole ? body : this.#counted(body), options);
    if (result.outcome === 'stored') this.#storedBytes += result.size;
    return result;
  }

  async get(name: string, range?: ByteRange, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    this.#requests.get++;
    const bytes = await this.#store.get(name, range, signal);
    this.#fetchedBytes += bytes?.length ?? 0;
    return bytes;
  }

  list(prefix: string, signal?: AbortSignal): AsyncIterable<ObjectInfo> {
    this.#requests.list++;
    return this.#store.list(prefix, signal);
  }

  stat(name: string, signal?: AbortSignal): Promise<ObjectInfo | undefined> {
    this.#requests.stat++;
    return this.#store.stat(name, signal);
  }

  delete(name: string, signal?: AbortSignal): Promise<void> {
    this.#requests.delete++;
    return this.#store.delete(name, signal);
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  async *#counted(body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    for await (const part of body) {
      this.#sentBytes += part.length;
      yield part;
    }
  }
}
