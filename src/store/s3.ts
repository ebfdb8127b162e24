/**
 * S3Store: a repository in a bucket, on AWS or on any store that speaks S3. From the store contract to operations, each
 * of which has its own file; what requests go through is s3-requests.ts.
 */
import { setTimeout as sleepFor } from 'node:timers/promises';
import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { systemClock } from '../base/clock.ts';
import { cancelled, throwIfAborted } from '../base/errors.ts';
import type { Bandwidth } from './bandwidth.ts';
import type { Bucket } from './bucket.ts';
import { checkName, checkPrefix, resolveRange } from './names.ts';
import { S3Bucket } from './s3-bucket.ts';
import { connect, type S3Connection } from './s3-client.ts';
import { factsOf } from './s3-faults.ts';
import { describeObject, listObjects } from './s3-listing.ts';
import { Manner } from './s3-manner.ts';
import type { RetryClock, S3StoreOptions } from './s3-options.ts';
import { PartMemory } from './s3-parts.ts';
import { readObject } from './s3-reader.ts';
import { S3Requests } from './s3-requests.ts';
import { S3Thaw } from './s3-thaw.ts';
import { S3Writer } from './s3-writer.ts';
import type { ByteRange, ObjectInfo, PutBody, PutOptions, PutResult, RequestTally, Store } from './store.ts';
import type { Thaw } from './thaw.ts';

const CONCURRENCY = 16;
/** Parts in flight over all uploads: enough for a long line, and 54 MiB. */
const PARTS_IN_FLIGHT = 3;

const retryClock: RetryClock = {
  ...systemClock,
  sleep: async (ms, signal) => {
    await sleepFor(ms, undefined, signal ? { signal } : {}).catch(() => {
      throw cancelled();
    });
  },
};

/**
 * Opens a bucket, or what lies below a prefix in one, as a store. Sends nothing yet.
 * @throws kind `usage` for an endpoint or a provider that makes no sense
 */
export async function openS3Store(options: S3StoreOptions): Promise<Store> {
  const concurrency = options.concurrency ?? CONCURRENCY;
  const connection = await connect(options, concurrency);
  const requests = new S3Requests(connection, options, concurrency, options.clock ?? retryClock);
  return new S3Store(connection, requests, options, concurrency);
}

/** A bucket as a store; see {@link openS3Store}. Bytes given to `put` must not change until it has resolved. */
class S3Store implements Store {
  readonly location: string;
  readonly concurrency: number;
  readonly bucket: Bucket;
  readonly thaw: Thaw | undefined;
  readonly #connection: S3Connection;
  readonly #requests: S3Requests;
  readonly #manner: Manner;
  readonly #writer: S3Writer;
  readonly #bandwidth: Bandwidth;

  constructor(connection: S3Connection, requests: S3Requests, options: S3StoreOptions, concurrency: number) {
    this.location = requests.location;
    this.concurrency = concurrency;
    this.bucket = new S3Bucket(requests);
    this.thaw = connection.profile.quirks.restore === 'none' ? undefined : new S3Thaw(requests, concurrency);
    this.#connection = connection;
    this.#requests = requests;
    this.#manner = new Manner(connection.profile);
    this.#writer = new S3Writer(requests, this.#manner, options, new PartMemory(PARTS_IN_FLIGHT));
    this.#bandwidth = options.bandwidth ?? {};
  }

  relyOnCreateOnly(): void {
    this.#manner.sawCondition();
  }

  tally(): readonly RequestTally[] {
    return this.#requests.tally.read();
  }

  async put(name: string, body: PutBody, options: PutOptions): Promise<PutResult> {
    checkName(name);
    throwIfAborted(options.signal);
    return await this.#writer.put(name, body, options);
  }

  async get(name: string, range?: ByteRange, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    checkName(name);
    throwIfAborted(signal);
    resolveRange(0, range);
    // HTTP has no empty ranges.
    if (range?.length === 0) return (await this.stat(name, signal)) && Buffer.allocUnsafeSlow(0);
    return await readObject(this.#requests, name, range, this.#bandwidth.download, signal);
  }

  async *list(prefix: string, signal?: AbortSignal): AsyncIterable<ObjectInfo> {
    checkPrefix(prefix);
    throwIfAborted(signal);
    yield* listObjects(this.#requests, prefix, signal);
  }

  async stat(name: string, signal?: AbortSignal): Promise<ObjectInfo | undefined> {
    checkName(name);
    throwIfAborted(signal);
    return await describeObject(this.#requests, name, this.#manner.dress.checksum, signal);
  }

  async delete(name: string, signal?: AbortSignal): Promise<void> {
    checkName(name);
    throwIfAborted(signal);
    const requests = this.#requests;
    const isGone = (error: unknown): boolean => factsOf(error).code === 'NoSuchKey';
    try {
      await requests.send(
        () =>
          new DeleteObjectCommand({
            Bucket: requests.bucket,
            Key: requests.keyPrefix + name,
            ...requests.requestParams(),
          }),
        { signal, name, isAnswer: isGone },
      );
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }

  async close(): Promise<void> {
    this.#connection.close();
  }
}
