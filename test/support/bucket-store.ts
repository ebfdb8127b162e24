/** BucketStore: a store in memory that is in a bucket, and writes down with what every object was put. */
import type { Bucket } from '../../src/store/bucket.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import type { ByteRange, PutBody, PutOptions, PutResult, RequestTally } from '../../src/store/store.ts';
import { type FakeBucketOptions, fakeBucket } from './odd-store.ts';

/** What an object was put with. */
export interface RecordedPut {
  readonly storageClass: string;
  readonly tags: Readonly<Record<string, string>>;
}

export class BucketStore extends MemoryStore {
  readonly bucket: Bucket;
  /** By name; what was put twice counts as it was the last time. */
  readonly puts = new Map<string, RecordedPut>();
  /** What was asked of the bucket. */
  readonly asked: string[] = [];
  readonly #tally = new Map<string, RequestTally>();

  /** `faults`: what the bucket answers instead, by the name of the method. */
  constructor(options: FakeBucketOptions = {}, faults: Partial<Record<keyof Bucket, Error>> = {}) {
    super();
    const bucket = fakeBucket(options);
    this.bucket = new Proxy(bucket, {
      get: (target, property: keyof Bucket) => {
        const value: unknown = target[property];
        if (typeof value !== 'function') return value;
        return (...about: unknown[]) => {
          this.asked.push([property, ...about.filter((item) => typeof item === 'string')].join(' '));
          const fault = faults[property];
          if (fault) throw fault;
          return value.apply(target, about);
        };
      },
    });
  }

  tally(): readonly RequestTally[] {
    return [...this.#tally.values()];
  }

  override async put(name: string, body: PutBody, options: PutOptions): Promise<PutResult> {
    const { storageClass = 'STANDARD', tags = {} } = options;
    this.puts.set(name, { storageClass, tags });
    this.#count('PutObject', storageClass);
    const result = await super.put(name, body, options);
    return { ...result, checksum: `sha256:${name.length}`, etag: `e-${name.length}` };
  }

  override async get(name: string, range?: ByteRange, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    this.#count('GetObject', 'STANDARD');
    return await super.get(name, range, signal);
  }

  #count(operation: string, storageClass: string): void {
    const key = `${operation} ${storageClass}`;
    const count = (this.#tally.get(key)?.count ?? 0) + 1;
    this.#tally.set(key, { operation, storageClass, count });
  }
}
