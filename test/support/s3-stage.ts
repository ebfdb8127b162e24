/**
 * The stage of the crash lab in a bucket of the test S3 server: every HTTP request is a point to die at, before it has
 * its effect or before it is answered. Each stage is a bucket of its own with a copy of the base's objects, as they are.
 */
import { MemoryStore } from '../../src/store/memory.ts';
import { openS3Store } from '../../src/store/s3.ts';
import type { S3StoreOptions } from '../../src/store/s3-options.ts';
import type { Store } from '../../src/store/store.ts';
import type { Death, SetStage, Stage } from './crash-lab.ts';
import { Killed } from './faulty-store.ts';
import type { BucketState } from './s3/bucket.ts';
import type { S3TestServer } from './s3/server.ts';
import { SleeplessClock } from './s3-room.ts';

const PREFIX = 'some/where';
/** The least that S3 takes for a part that is not the last. */
export const PART_BYTES = 5 << 20;

/** Opens a bucket of the server as a store of its own. */
export async function openBucket(
  server: S3TestServer,
  bucket: string,
  options: Partial<S3StoreOptions> = {},
): Promise<Store> {
  return await openS3Store({
    bucket,
    prefix: PREFIX,
    endpoint: server.url,
    provider: 'aws',
    isPathStyle: true,
    partBytes: PART_BYTES,
    clock: new SleeplessClock(),
    ...options,
  });
}

/** The objects of a repository in a bucket, in memory: to look at them takes no requests. */
export async function contentOf(bucket: BucketState): Promise<MemoryStore> {
  const copy = new MemoryStore();
  for (const key of bucket.keys()) {
    const bytes = Uint8Array.from(bucket.get(key)!.content.bytes());
    await copy.put(key.slice(PREFIX.length + 1), bytes, { ifAbsent: true });
  }
  return copy;
}

/** All bytes that a bucket keeps and bills, parts of unfinished uploads included. */
export function bytesOf(bucket: BucketState): number {
  const objects = bucket.keys().reduce((sum, key) => sum + bucket.get(key)!.content.size, 0);
  const parts = [...bucket.uploads.values()].flatMap((upload) => [...upload.parts.values()]);
  return parts.reduce((sum, part) => sum + part.content.size, objects);
}

/** What stages saw of what runs left behind. */
export interface Remains {
  /** The most bytes in a bucket after the run that followed a death. */
  mostBytes: number;
  /** Unfinished uploads that deaths left. */
  strayUploads: number;
}

/**
 * Stages on copies of a bucket, whatever store they are set for.
 * @param remains is told what was left
 */
export function inBuckets(server: S3TestServer, base: BucketState, remains: Remains): SetStage {
  let count = 0;
  return async () => {
    const bucket = server.world.addBucket(`${base.name}-${process.hrtime.bigint()}-${++count}`, server.world.region);
    for (const key of base.keys()) {
      const { content, versionId: _, isDeleteMarker: __, key: ___, ...attributes } = base.get(key)!;
      bucket.put(key, content, attributes);
    }
    return new BucketStage(server, bucket, remains);
  };
}

class BucketStage implements Stage {
  readonly #server: S3TestServer;
  readonly #bucket: BucketState;
  readonly #remains: Remains;
  readonly #open: Store[] = [];
  #operations = 0;

  constructor(server: S3TestServer, bucket: BucketState, remains: Remains) {
    this.#server = server;
    this.#bucket = bucket;
    this.#remains = remains;
  }

  get operations(): number {
    return this.#operations;
  }

  kept(): Promise<Store> {
    return contentOf(this.#bucket);
  }

  async dying({ operation, when }: Death['point']): Promise<{ readonly store: Store; readonly isKilled: boolean }> {
    const { faults } = this.#server;
    faults.clear();
    faults.revive();
    faults.add({ fault: { type: 'kill', when: when === 'after' ? 'after' : 'before' }, nth: operation });
    const store = await this.#openStore({ retryForMs: 0 });
    return {
      store: new DyingStore(store, () => faults.isDead),
      get isKilled() {
        return faults.isDead;
      },
    };
  }

  async living(): Promise<{ readonly store: Store; flaws(death: Death): Promise<string[]> }> {
    const server = this.#server;
    const bucket = this.#bucket;
    server.faults.clear();
    server.faults.revive();
    this.#remains.strayUploads += bucket.uploads.size;
    const first = server.requests.length;
    return {
      store: await this.#openStore(),
      flaws: async ({ local }) => {
        const requests = server.requests.slice(first).filter((request) => request.bucket === bucket.name);
        this.#operations += requests.length;
        this.#remains.mostBytes = Math.max(this.#remains.mostBytes, bytesOf(bucket));
        const deletes = requests.filter(({ operation }) => /^DeleteObject/.test(operation));
        const failed = requests.filter(({ status }) => status >= 500);
        // Who has lost its memory cannot know whose uploads they are; doctor shows them.
        const uploads = local === 'kept' ? [...bucket.uploads.values()] : [];
        return [
          ...deletes.map(({ key }) => `${key} was deleted: nothing but prune deletes`),
          ...failed.map(({ operation, status }) => `${operation} was answered ${status}`),
          ...uploads.map(({ key }) => `an upload of ${key} was left`),
        ];
      },
    };
  }

  async remove(): Promise<void> {
    this.#server.faults.clear();
    this.#server.faults.revive();
    for (const store of this.#open) await store.close();
    this.#server.world.buckets.delete(this.#bucket.name);
  }

  async #openStore(options: Partial<S3StoreOptions> = {}): Promise<Store> {
    const store = await openBucket(this.#server, this.#bucket.name, options);
    this.#open.push(store);
    return store;
  }
}

/** A store of a process that dies with its server: what fails from then on is no answer that anybody could act on. */
class DyingStore implements Store {
  readonly #inner: Store;
  readonly #isDead: () => boolean;

  constructor(inner: Store, isDead: () => boolean) {
    this.#inner = inner;
    this.#isDead = isDead;
  }

  get location(): string {
    return this.#inner.location;
  }

  get concurrency(): number {
    return this.#inner.concurrency;
  }

  get bucket(): Store['bucket'] {
    return this.#inner.bucket;
  }

  get thaw(): Store['thaw'] {
    return this.#inner.thaw;
  }

  put(...args: Parameters<Store['put']>): ReturnType<Store['put']> {
    return this.#guard(this.#inner.put(...args));
  }

  get(...args: Parameters<Store['get']>): ReturnType<Store['get']> {
    return this.#guard(this.#inner.get(...args));
  }

  async *list(...args: Parameters<Store['list']>): ReturnType<Store['list']> {
    try {
      yield* this.#inner.list(...args);
    } catch (error) {
      throw this.#isDead() ? new Killed('during a listing') : error;
    }
  }

  stat(...args: Parameters<Store['stat']>): ReturnType<Store['stat']> {
    return this.#guard(this.#inner.stat(...args));
  }

  delete(...args: Parameters<Store['delete']>): ReturnType<Store['delete']> {
    return this.#guard(this.#inner.delete(...args));
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  async #guard<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      throw this.#isDead() ? new Killed('with its server') : error;
    }
  }
}
