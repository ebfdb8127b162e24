/** HookStore: runs a test's code before or after operations of a store; what it throws is the answer. */
import type {
  ByteRange,
  ObjectInfo,
  PutBody,
  PutOptions,
  PutResult,
  Store,
  StoreOperation,
} from '../../src/store/store.ts';

export type StoreHook = (operation: StoreOperation, name: string) => void | Promise<void>;

/** Wraps a store. `name` is the prefix for a listing. `after` of a listing is never called. */
export class HookStore implements Store {
  readonly inner: Store;
  readonly #before: StoreHook | undefined;
  readonly #after: StoreHook | undefined;

  constructor(inner: Store, hooks: { readonly before?: StoreHook; readonly after?: StoreHook }) {
    this.inner = inner;
    this.#before = hooks.before;
    this.#after = hooks.after;
  }

  get location(): string {
    return this.inner.location;
  }

  get concurrency(): number {
    return this.inner.concurrency;
  }

  put(name: string, body: PutBody, options: PutOptions): Promise<PutResult> {
    return this.#run('put', name, () => this.inner.put(name, body, options));
  }

  get(name: string, range?: ByteRange, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    return this.#run('get', name, () => this.inner.get(name, range, signal));
  }

  async *list(prefix: string, signal?: AbortSignal): AsyncIterable<ObjectInfo> {
    await this.#before?.('list', prefix);
    yield* this.inner.list(prefix, signal);
  }

  stat(name: string, signal?: AbortSignal): Promise<ObjectInfo | undefined> {
    return this.#run('stat', name, () => this.inner.stat(name, signal));
  }

  delete(name: string, signal?: AbortSignal): Promise<void> {
    return this.#run('delete', name, () => this.inner.delete(name, signal));
  }

  close(): Promise<void> {
    return this.inner.close();
  }

  async #run<T>(operation: StoreOperation, name: string, work: () => Promise<T>): Promise<T> {
    await this.#before?.(operation, name);
    const result = await work();
    await this.#after?.(operation, name);
    return result;
  }
}
