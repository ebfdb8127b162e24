/** RecordingStore: writes down every call, for tests about how much work a command asks of the store, and in which order. */
import type {
  ByteRange,
  ObjectInfo,
  PutBody,
  PutOptions,
  PutResult,
  Store,
  StoreOperation,
} from '../../src/store/store.ts';

/** One call, in the order of the calls. `name` is the prefix for a listing. */
export interface RecordedCall {
  readonly operation: StoreOperation;
  readonly name: string;
  readonly range?: ByteRange;
  /** Set when it has ended: what came of it. */
  outcome?: 'stored' | 'exists' | 'found' | 'absent' | 'listed' | 'deleted' | 'failed';
  /** Bytes stored or returned, or objects listed. */
  size?: number;
}

/** Wraps a store and records. */
export class RecordingStore implements Store {
  readonly calls: RecordedCall[] = [];
  readonly inner: Store;

  constructor(inner: Store) {
    this.inner = inner;
  }

  get location(): string {
    return this.inner.location;
  }

  get concurrency(): number {
    return this.inner.concurrency;
  }

  /** The calls as `put packs/…` lines, optionally of one operation only. */
  lines(operation?: StoreOperation): string[] {
    const calls = operation ? this.calls.filter((call) => call.operation === operation) : this.calls;
    return calls.map((call) => `${call.operation} ${call.name}`);
  }

  /** Forgets what was recorded. */
  clear(): void {
    this.calls.length = 0;
  }

  put(name: string, body: PutBody, options: PutOptions): Promise<PutResult> {
    return this.#record({ operation: 'put', name }, async (call) => {
      const result = await this.inner.put(name, body, options);
      call.outcome = result.outcome;
      call.size = result.size;
      return result;
    });
  }

  get(name: string, range?: ByteRange, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    return this.#record({ operation: 'get', name, ...(range ? { range } : {}) }, async (call) => {
      const bytes = await this.inner.get(name, range, signal);
      call.outcome = bytes ? 'found' : 'absent';
      call.size = bytes?.length ?? 0;
      return bytes;
    });
  }

  async *list(prefix: string, signal?: AbortSignal): AsyncIterable<ObjectInfo> {
    const call: RecordedCall = { operation: 'list', name: prefix, size: 0 };
    this.calls.push(call);
    call.outcome = 'failed';
    for await (const info of this.inner.list(prefix, signal)) {
      call.size = (call.size ?? 0) + 1;
      yield info;
    }
    call.outcome = 'listed';
  }

  stat(name: string, signal?: AbortSignal): Promise<ObjectInfo | undefined> {
    return this.#record({ operation: 'stat', name }, async (call) => {
      const info = await this.inner.stat(name, signal);
      call.outcome = info ? 'found' : 'absent';
      return info;
    });
  }

  delete(name: string, signal?: AbortSignal): Promise<void> {
    return this.#record({ operation: 'delete', name }, async (call) => {
      await this.inner.delete(name, signal);
      call.outcome = 'deleted';
    });
  }

  close(): Promise<void> {
    return this.inner.close();
  }

  async #record<T>(call: RecordedCall, work: (call: RecordedCall) => Promise<T>): Promise<T> {
    this.calls.push(call);
    try {
      return await work(call);
    } catch (error) {
      call.outcome = 'failed';
      throw error;
    }
  }
}
