/** OddStore: a store in memory that breaks single promises, and a bucket around it with any settings. */
import { createHash } from 'node:crypto';
import { IcecoreError } from '../../src/base/errors.ts';
import { findProvider } from '../../src/plan/find-provider.ts';
import type { Bucket, BucketSettings, UnfinishedUpload } from '../../src/store/bucket.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import type { ByteRange, ObjectInfo, PutBody, PutOptions, PutResult } from '../../src/store/store.ts';

/** What is odd about a store. */
export interface Oddities {
  readonly replaces?: boolean;
  readonly hidesNew?: boolean;
  readonly keepsDeleted?: boolean;
  readonly garblesRanges?: boolean;
  readonly losesClass?: boolean;
  readonly forgetsChecksums?: boolean;
  /** Names (by operation) that the credentials may not touch. */
  readonly denies?: (
    operation: 'put' | 'get' | 'delete' | 'stat' | 'list',
    name: string,
    isReplacing: boolean,
  ) => boolean;
  readonly refusesClass?: string;
  readonly bucket?: FakeBucketOptions;
}

export interface FakeBucketOptions {
  readonly settings?: Partial<BucketSettings>;
  readonly keyPrefix?: string;
  readonly aheadMs?: number;
  readonly region?: string;
  readonly provider?: string;
  readonly uploads?: readonly UnfinishedUpload[];
}

const known = <T>(value: T): { type: 'known'; value: T } => ({ type: 'known', value });

/** Settings with which there is nothing to complain about. */
export const GOOD_SETTINGS: BucketSettings = {
  versioning: known('off' as const),
  lifecycle: known([
    { id: 'abort', isEnabled: true, prefix: '', isNarrowed: false, transitions: [], abortsUploadsAfterDays: 7 },
  ]),
  objectLock: known(undefined),
  publicAccessBlocked: known(true),
  encryption: known({ algorithm: 'AES256' }),
};

/** A bucket that answers from memory; uploads that are aborted are gone. */
export function fakeBucket(options: FakeBucketOptions = {}): Bucket {
  const uploads = [...(options.uploads ?? [])];
  const aheadMs = options.aheadMs ?? 0;
  return {
    name: 'bucket',
    keyPrefix: options.keyPrefix ?? 'nas/',
    provider: findProvider({ provider: options.provider ?? 'aws' }),
    region: async () => options.region ?? 'eu-west-1',
    settings: async () => ({ ...GOOD_SETTINGS, ...options.settings }),
    clock: async () => ({ time: Date.now() + aheadMs, aheadMs }),
    unfinishedUploads: async function* (prefix) {
      for (const upload of uploads) if (upload.name.startsWith(prefix)) yield upload;
    },
    abortUpload: async ({ uploadId }) => {
      uploads.splice(
        uploads.findIndex((upload) => upload.uploadId === uploadId),
        1,
      );
    },
  };
}

export class OddStore extends MemoryStore {
  #odd: Oddities = {};
  #bucket: Bucket | undefined;
  readonly #checksums = new Map<string, string>();
  #deleted = new Map<string, Uint8Array>();

  constructor(odd: Oddities = {}) {
    super();
    this.become(odd);
  }

  /** Is odd in another way from now on, with what it holds. */
  become(odd: Oddities): void {
    this.#odd = odd;
    this.#bucket = odd.bucket === undefined ? undefined : fakeBucket(odd.bucket);
  }

  get bucket(): Bucket | undefined {
    return this.#bucket;
  }

  override async put(name: string, body: PutBody, options: PutOptions): Promise<PutResult> {
    this.#check('put', name, !options.ifAbsent);
    if (options.storageClass !== undefined && options.storageClass === this.#odd.refusesClass) {
      throw new IcecoreError('store', 'store-refused', `the storage class ${options.storageClass} is not valid`);
    }
    const hash = createHash('sha256');
    async function* hashed(): AsyncIterable<Uint8Array> {
      for await (const part of body instanceof Uint8Array ? [body] : body) {
        hash.update(part);
        yield part;
      }
    }
    const { storageClass, ...others } = options;
    const result = await super.put(name, hashed(), {
      ...others,
      ...(storageClass === undefined || this.#odd.losesClass ? {} : { storageClass }),
      ...(this.#odd.replaces ? { ifAbsent: false } : {}),
    });
    if (result.outcome === 'exists' || this.#bucket === undefined) return result;
    const checksum = `sha256:${hash.digest('base64')}`;
    if (!this.#odd.forgetsChecksums) this.#checksums.set(name, checksum);
    return { ...result, checksum, etag: checksum.slice(7, 20) };
  }

  override async get(name: string, range?: ByteRange, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    this.#check('get', name);
    const bytes = (await super.get(name, range, signal)) ?? this.#deleted.get(name);
    if (range !== undefined && this.#odd.garblesRanges && bytes?.length) bytes[0] = bytes[0]! ^ 1;
    return bytes;
  }

  override async *list(prefix: string, signal?: AbortSignal): AsyncIterable<ObjectInfo> {
    this.#check('list', prefix);
    if (!this.#odd.hidesNew) yield* super.list(prefix, signal);
  }

  override async stat(name: string, signal?: AbortSignal): Promise<ObjectInfo | undefined> {
    this.#check('stat', name);
    const info = await super.stat(name, signal);
    const checksum = this.#checksums.get(name);
    return info && checksum ? { ...info, checksum, etag: checksum.slice(7, 20) } : info;
  }

  override async delete(name: string, signal?: AbortSignal): Promise<void> {
    this.#check('delete', name);
    const bytes = await super.get(name);
    if (this.#odd.keepsDeleted && bytes) this.#deleted.set(name, bytes);
    await super.delete(name, signal);
  }

  #check(operation: 'put' | 'get' | 'delete' | 'stat' | 'list', name: string, isReplacing = false): void {
    if (!this.#odd.denies?.(operation, name, isReplacing)) return;
    throw new IcecoreError('store', 'access-denied', `cannot ${operation} ${name}: access denied`, {
      data: { status: 403, errorCode: 'AccessDenied' },
    });
  }
}
