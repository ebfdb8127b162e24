/**
 * MeteredStore: counts what a run asks of a store and how many bytes go either way, for summaries, cost figures and
 * tests. Changes nothing about what the store does.
 */
import type { ByteRange, ObjectInfo, PutBody, PutOptions, PutResult, RequestCounts, StoreOperation } from './store.ts';
import { WrappedStore } from './wrapped.ts';

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
export class MeteredStore extends WrappedStore {
  readonly #requests: Record<StoreOperation, number> = { put: 0, get: 0, list: 0, stat: 0, delete: 0 };
  #storedBytes = 0;
  #fetchedBytes = 0;
  #sentBytes = 0;

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

  override async put(name: string, body: PutBody, options: PutOptions): Promise<PutResult> {
    this.#requests.put++;
    const isWhole = body instanceof Uint8Array;
    if (isWhole) this.#sentBytes += body.length;
    const result = await super.put(name, isWhole ? body : this.#counted(body), options);
    if (result.outcome === 'stored') this.#storedBytes += result.size;
    return result;
  }

  override async get(name: string, range?: ByteRange, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    this.#requests.get++;
    const bytes = await super.get(name, range, signal);
    this.#fetchedBytes += bytes?.length ?? 0;
    return bytes;
  }

  override list(prefix: string, signal?: AbortSignal): AsyncIterable<ObjectInfo> {
    this.#requests.list++;
    return super.list(prefix, signal);
  }

  override stat(name: string, signal?: AbortSignal): Promise<ObjectInfo | undefined> {
    this.#requests.stat++;
    return super.stat(name, signal);
  }

  override delete(name: string, signal?: AbortSignal): Promise<void> {
    this.#requests.delete++;
    return super.delete(name, signal);
  }

  async *#counted(body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    for await (const part of body) {
      this.#sentBytes += part.length;
      yield part;
    }
  }
}
