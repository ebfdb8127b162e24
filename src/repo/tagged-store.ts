/**
 * TaggedStore: puts every object with the tags that the rules of the repository give to its name. Changes nothing else
 * about what the store does; a store without tags passes over them.
 */
import { type TagRule, tagsOf } from '../format/object-tags.ts';
import type { Bucket } from '../store/bucket.ts';
import type { ByteRange, ObjectInfo, PutBody, PutOptions, PutResult, RequestTally, Store } from '../store/store.ts';
import type { Thaw } from '../store/thaw.ts';

/** Wraps a store. Closing it closes the store inside. */
export class TaggedStore implements Store {
  readonly #store: Store;
  readonly #rules: readonly TagRule[];

  constructor(store: Store, rules: readonly TagRule[]) {
    this.#store = store;
    this.#rules = rules;
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
    const tags = tagsOf(name, this.#rules);
    return this.#store.put(name, body, tags === undefined ? options : { ...options, tags });
  }

  get(name: string, range?: ByteRange, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    return this.#store.get(name, range, signal);
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
}
