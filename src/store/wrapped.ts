/**
 * WrappedStore: a store that passes everything on to the one inside. What counts, paces or tags extends it and overrides
 * what it is about, so that nothing that a store can do gets lost on the way through.
 */
import type { Bucket } from './bucket.ts';
import type { ByteRange, ObjectInfo, PutBody, PutOptions, PutResult, RequestTally, Store } from './store.ts';
import type { Thaw } from './thaw.ts';

/** Wraps a store. Closing it closes the store inside. */
export class WrappedStore implements Store {
  protected readonly inner: Store;

  constructor(inner: Store) {
    this.inner = inner;
  }

  get location(): string {
    return this.inner.location;
  }

  get concurrency(): number {
    return this.inner.concurrency;
  }

  get bucket(): Bucket | undefined {
    return this.inner.bucket;
  }

  get thaw(): Thaw | undefined {
    return this.inner.thaw;
  }

  tally(): readonly RequestTally[] | undefined {
    return this.inner.tally?.();
  }

  relyOnCreateOnly(): void {
    this.inner.relyOnCreateOnly?.();
  }

  put(name: string, body: PutBody, options: PutOptions): Promise<PutResult> {
    return this.inner.put(name, body, options);
  }

  get(name: string, range?: ByteRange, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    return this.inner.get(name, range, signal);
  }

  list(prefix: string, signal?: AbortSignal): AsyncIterable<ObjectInfo> {
    return this.inner.list(prefix, signal);
  }

  stat(name: string, signal?: AbortSignal): Promise<ObjectInfo | undefined> {
    return this.inner.stat(name, signal);
  }

  delete(name: string, signal?: AbortSignal): Promise<void> {
    return this.inner.delete(name, signal);
  }

  close(): Promise<void> {
    return this.inner.close();
  }
}
