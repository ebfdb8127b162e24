/**
 * Two wrappers that make a store misbehave. FaultyStore: seeded faults, as networks and services have them.
 * KillableStore: stops the "process" at the n-th operation, for the tests that walk through every stop point.
 */
import { IcecoreError } from '../../src/base/errors.ts';
import type { Bucket } from '../../src/store/bucket.ts';
import type {
  ByteRange,
  ObjectInfo,
  PutBody,
  PutOptions,
  PutResult,
  Store,
  StoreOperation,
} from '../../src/store/store.ts';
import type { Thaw } from '../../src/store/thaw.ts';
import { type Random, seededRandom } from './random.ts';

/**
 * `error-before`: fails, nothing happened. `error-after`: happened, but the answer is lost. `error-amid`: a put fails
 * after half of its body, a listing after half of its objects. `truncated`: a get returns a shorter body. `wrong-bytes`:
 * one bit of it is flipped. `absent`: a get or stat denies an object. `stale-list`: a listing lacks the objects that
 * were stored last through this wrapper, and may show ones that were deleted last.
 */
export type FaultKind =
  | 'error-before'
  | 'error-after'
  | 'error-amid'
  | 'truncated'
  | 'wrong-bytes'
  | 'absent'
  | 'stale-list';

const FAULTS_OF: Readonly<Record<StoreOperation, readonly FaultKind[]>> = {
  put: ['error-before', 'error-after', 'error-amid'],
  get: ['error-before', 'error-after', 'truncated', 'wrong-bytes', 'absent'],
  list: ['error-before', 'error-amid', 'stale-list'],
  stat: ['error-before', 'error-after', 'absent'],
  delete: ['error-before', 'error-after'],
};

/** How faults are chosen. */
export interface FaultOptions {
  readonly seed: number;
  /** The share of operations that go wrong, 0 to 1. */
  readonly rate: number;
  /** Only these kinds; all that fit the operation by default. */
  readonly kinds?: readonly FaultKind[];
  /** Only these operations. */
  readonly operations?: readonly StoreOperation[];
  /** No more than this many faults. */
  readonly limit?: number;
}

/** A fault that happened; `call` counts the operations from 1. */
export interface InjectedFault {
  readonly call: number;
  readonly operation: StoreOperation;
  readonly name: string;
  readonly kind: FaultKind;
}

/** Wraps a store and makes a seeded choice of its operations go wrong. `faults` says which, for the failure message. */
export class FaultyStore implements Store {
  readonly faults: InjectedFault[] = [];
  readonly inner: Store;
  readonly #options: FaultOptions;
  readonly #random: Random;
  #calls = 0;
  /** What the last few puts and deletes did, for stale listings. */
  readonly #recent: { readonly name: string; readonly deleted?: ObjectInfo }[] = [];

  constructor(inner: Store, options: FaultOptions) {
    this.inner = inner;
    this.#options = options;
    this.#random = seededRandom(options.seed);
  }

  get location(): string {
    return this.inner.location;
  }

  get concurrency(): number {
    return this.inner.concurrency;
  }

  async put(name: string, body: PutBody, options: PutOptions): Promise<PutResult> {
    const kind = this.#choose('put', name);
    if (kind === 'error-before') throw fault(kind, name);
    const result = await this.inner.put(name, kind === 'error-amid' ? half(body, name) : body, options);
    if (result.outcome === 'stored') this.#remember({ name });
    if (kind === 'error-after') throw fault(kind, name);
    return result;
  }

  async get(name: string, range?: ByteRange, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    const kind = this.#choose('get', name);
    if (kind === 'error-before') throw fault(kind, name);
    const bytes = await this.inner.get(name, range, signal);
    if (kind === 'error-after') throw fault(kind, name);
    if (kind === 'absent') return undefined;
    if (bytes === undefined || bytes.length === 0) return bytes;
    if (kind === 'truncated') return bytes.slice(0, Math.floor(this.#random() * bytes.length));
    if (kind === 'wrong-bytes')
      bytes[Math.floor(this.#random() * bytes.length)]! ^= 1 << Math.floor(this.#random() * 8);
    return bytes;
  }

  async *list(prefix: string, signal?: AbortSignal): AsyncIterable<ObjectInfo> {
    const kind = this.#choose('list', prefix);
    if (kind === 'error-before') throw fault(kind, prefix);
    let objects: ObjectInfo[] = [];
    for await (const info of this.inner.list(prefix, signal)) objects.push(info);
    if (kind === 'stale-list') {
      const stale = this.#recent.slice(-1 - Math.floor(this.#random() * this.#recent.length));
      const names = new Set(stale.map((change) => change.name));
      objects = objects.filter((info) => !names.has(info.name));
      for (const { name, deleted } of stale) if (deleted && name.startsWith(prefix)) objects.push(deleted);
      objects.sort((a, b) => (a.name < b.name ? -1 : 1));
    }
    const end = kind === 'error-amid' ? Math.floor(objects.length / 2) : objects.length;
    yield* objects.slice(0, end);
    if (kind === 'error-amid') throw fault(kind, prefix);
  }

  async stat(name: string, signal?: AbortSignal): Promise<ObjectInfo | undefined> {
    const kind = this.#choose('stat', name);
    if (kind === 'error-before') throw fault(kind, name);
    const info = await this.inner.stat(name, signal);
    if (kind === 'error-after') throw fault(kind, name);
    return kind === 'absent' ? undefined : info;
  }

  async delete(name: string, signal?: AbortSignal): Promise<void> {
    const kind = this.#choose('delete', name);
    if (kind === 'error-before') throw fault(kind, name);
    const deleted = await this.inner.stat(name);
    await this.inner.delete(name, signal);
    if (deleted) this.#remember({ name, deleted });
    if (kind === 'error-after') throw fault(kind, name);
  }

  close(): Promise<void> {
    return this.inner.close();
  }

  #choose(operation: StoreOperation, name: string): FaultKind | undefined {
    const call = ++this.#calls;
    // Always two numbers, so that one fault less does not change all that follow.
    const chance = this.#random();
    const choice = this.#random();
    const { kinds, operations, limit, rate } = this.#options;
    const fitting = FAULTS_OF[operation].filter((kind) => kinds === undefined || kinds.includes(kind));
    if (chance >= rate || fitting.length === 0 || this.faults.length >= (limit ?? Number.POSITIVE_INFINITY)) {
      return undefined;
    }
    if (operations !== undefined && !operations.includes(operation)) return undefined;
    const kind = fitting[Math.floor(choice * fitting.length)]!;
    this.faults.push({ call, operation, name, kind });
    return kind;
  }

  #remember(change: { name: string; deleted?: ObjectInfo }): void {
    this.#recent.push(change);
    if (this.#recent.length > 3) this.#recent.shift();
  }
}

/** The process of this store was killed. Not an IcecoreError: product code must not take it for a store's answer. */
export class Killed extends Error {
  constructor(point: string) {
    super(`killed ${point}`);
    this.name = 'Killed';
  }
}

/**
 * Where to stop: `operation` counts from 1. `before`: without its effect. `amid`: a put has sent half of its body, a
 * listing has shown half of its objects; other operations as `before`. `after`: with its effect, without its answer.
 */
export interface KillPoint {
  readonly operation: number;
  readonly when: 'before' | 'amid' | 'after';
}

/**
 * Wraps a store; at the kill point, and at every operation after it, throws {@link Killed}. Operations in flight at
 * that moment take effect and lose their answers too. Without a point it only counts: first run so to learn how many
 * stop points there are.
 */
export class KillableStore implements Store {
  readonly inner: Store;
  readonly #point: KillPoint | undefined;
  #operations = 0;
  #isKilled = false;

  constructor(inner: Store, point?: KillPoint) {
    this.inner = inner;
    this.#point = point;
  }

  get location(): string {
    return this.inner.location;
  }

  get concurrency(): number {
    return this.inner.concurrency;
  }

  /** What is asked of the bucket is an operation too. */
  get bucket(): Bucket | undefined {
    const { bucket } = this.inner;
    return (
      bucket && {
        ...bucket,
        name: bucket.name,
        keyPrefix: bucket.keyPrefix,
        provider: bucket.provider,
        region: (signal) => this.#run('region', () => bucket.region(signal)),
        clock: (signal) => this.#run('clock', () => bucket.clock(signal)),
        settings: (signal) => this.#run('settings', () => bucket.settings(signal)),
        unfinishedUploads: (prefix, signal) => bucket.unfinishedUploads(prefix, signal),
        abortUpload: (upload, signal) => this.#run('abort', () => bucket.abortUpload(upload, signal)),
      }
    );
  }

  get thaw(): Thaw | undefined {
    const { thaw } = this.inner;
    if (!thaw) return undefined;
    const begin = (prefix: string) => this.#begin(`states ${prefix}`);
    return {
      listsStates: thaw.listsStates,
      request: (name, request, signal) => this.#run(`thaw ${name}`, () => thaw.request(name, request, signal)),
      look: (name, storageClass, signal) => this.#run(`look ${name}`, () => thaw.look(name, storageClass, signal)),
      async *states(prefix, signal) {
        const when = begin(prefix);
        yield* thaw.states(prefix, signal);
        if (when !== undefined) throw new Killed(`${when} states ${prefix}`);
      },
    };
  }

  /** Operations begun so far; those refused after the kill are not counted. */
  get operations(): number {
    return this.#operations;
  }

  get isKilled(): boolean {
    return this.#isKilled;
  }

  put(name: string, body: PutBody, options: PutOptions): Promise<PutResult> {
    return this.#run(`put ${name}`, async (isAmid) => {
      if (!isAmid) return this.inner.put(name, body, options);
      return this.inner.put(name, half(body, name), options);
    });
  }

  get(name: string, range?: ByteRange, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    return this.#run(`get ${name}`, () => this.inner.get(name, range, signal));
  }

  async *list(prefix: string, signal?: AbortSignal): AsyncIterable<ObjectInfo> {
    const when = this.#begin(`list ${prefix}`);
    const objects: ObjectInfo[] = [];
    for await (const info of this.inner.list(prefix, signal)) objects.push(info);
    const end = when === 'amid' ? Math.floor(objects.length / 2) : objects.length;
    for (const info of when === 'after' ? [] : objects.slice(0, end)) {
      if (this.#isKilled && when !== 'amid') throw new Killed(`during list ${prefix}`);
      yield info;
    }
    if (when !== undefined) throw new Killed(`${when} list ${prefix}`);
  }

  stat(name: string, signal?: AbortSignal): Promise<ObjectInfo | undefined> {
    return this.#run(`stat ${name}`, () => this.inner.stat(name, signal));
  }

  delete(name: string, signal?: AbortSignal): Promise<void> {
    return this.#run(`delete ${name}`, () => this.inner.delete(name, signal));
  }

  /** Works after a kill too: tests must be able to clean up. */
  close(): Promise<void> {
    return this.inner.close();
  }

  async #run<T>(what: string, work: (isAmid: boolean) => Promise<T>): Promise<T> {
    const when = this.#begin(what);
    if (when === 'amid' && !what.startsWith('put ')) throw new Killed(`before ${what}`);
    try {
      const result = await work(when === 'amid');
      if (this.#isKilled) throw new Killed(`${when ?? 'during'} ${what}`);
      return result;
    } catch (error) {
      if (this.#isKilled) throw new Killed(`${when ?? 'during'} ${what}`);
      throw error;
    }
  }

  #begin(what: string): 'amid' | 'after' | undefined {
    if (this.#isKilled) throw new Killed(`earlier than ${what}`);
    if (++this.#operations !== this.#point?.operation) return undefined;
    this.#isKilled = true;
    if (this.#point.when === 'before') throw new Killed(`before ${what}`);
    return this.#point.when;
  }
}

/** Half of a body, then an error. A body in parts: half of the first part is enough to have begun. */
async function* half(body: PutBody, name: string): AsyncIterable<Uint8Array> {
  if (body instanceof Uint8Array) {
    if (body.length > 1) yield body.subarray(0, body.length >> 1);
  } else {
    for await (const part of body) {
      if (part.length > 1) yield part.subarray(0, part.length >> 1);
      break;
    }
  }
  throw fault('error-amid', name);
}

function fault(kind: FaultKind, name: string): IcecoreError {
  return new IcecoreError('store', 'injected-fault', `injected ${kind} at ${name}`, {
    data: { object: name, fault: kind },
  });
}
