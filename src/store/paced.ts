/** PacedStore: any store behind bandwidth limits, for stores that cannot shape their own traffic (a folder on a NAS). */
import { type Bandwidth, PACED_BYTES } from './bandwidth.ts';
import type { Bucket } from './bucket.ts';
import type { ByteRange, ObjectInfo, PutBody, PutOptions, PutResult, RequestTally, Store } from './store.ts';
import type { Thaw } from './thaw.ts';

/** Wraps a store. Bytes that are read come in the pieces that are asked for; the wait follows each. */
export class PacedStore implements Store {
  readonly #store: Store;
  readonly #bandwidth: Bandwidth;

  constructor(store: Store, bandwidth: Bandwidth) {
    this.#store = store;
    this.#bandwidth = bandwidth;
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

  tally(): readonly RequestTally[] | undefined {
    return this.#store.tally?.();
  }

  put(name: string, body: PutBody, options: PutOptions): Promise<PutResult> {
    if (!this.#bandwidth.upload) return this.#store.put(name, body, options);
    return this.#store.put(name, this.#paced(body, options.signal), options);
  }

  async get(name: string, range?: ByteRange, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    const bytes = await this.#store.get(name, range, signal);
    if (bytes) await this.#bandwidth.download?.take(bytes.length, signal);
    return bytes;
  }

  list(prefix: string, signal?: AbortSignal): AsyncIterable<ObjectInfo> {
    return this.#store.list(prefix, signal);
  }

  stat(name: string, signal?: AbortSignal): Promise<ObjectInfo | undefined> {
    return this.#store.stat(name, signal);
  }

  delete(name: string, signal?: AbortSignal): Promise<void> {
    return this.#store.delete(name, signal);
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  async *#paced(body: PutBody, signal: AbortSignal | undefined): AsyncIterable<Uint8Array> {
    for await (const part of body instanceof Uint8Array ? [body] : body) {
      for (let at = 0; at < part.length; at += PACED_BYTES) {
        const piece = part.subarray(at, at + PACED_BYTES);
        await this.#bandwidth.upload?.take(piece.length, signal);
        yield piece;
      }
    }
  }
}
