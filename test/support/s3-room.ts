/**
 * A test S3 server and stores on it, for tests of the S3 store: credentials in the environment and nothing else of the
 * host's, pauses between attempts that take no time, everything closed at the end.
 */
import { afterEach, beforeEach } from 'vitest';
import { openS3Store } from '../../src/store/s3.ts';
import type { RetryClock, S3StoreOptions, WaitNotice } from '../../src/store/s3-options.ts';
import type { Store } from '../../src/store/store.ts';
import { type S3TestServer, startS3Server } from './s3/server.ts';
import { type S3ServerOptions, TEST_CREDENTIALS } from './s3/world.ts';

export const BUCKET = 'icecore-test';

/** A clock on which sleeping passes time at once. */
export class SleeplessClock implements RetryClock {
  readonly sleeps: number[] = [];
  #passedMs = 0;

  now(): number {
    return Date.now() + this.#passedMs;
  }

  monotonic(): number {
    return performance.now() + this.#passedMs;
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.sleeps.push(ms);
    this.#passedMs += ms;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** What a test works with. */
export class S3Room {
  readonly clock = new SleeplessClock();
  readonly waits: WaitNotice[] = [];
  readonly #stores: Store[] = [];
  readonly #servers: S3TestServer[] = [];

  /** Starts a server with one bucket. */
  async serve(options: S3ServerOptions = {}): Promise<S3TestServer> {
    const server = await startS3Server({ buckets: [BUCKET], ...options });
    this.#servers.push(server);
    return server;
  }

  /** Opens a store at an endpoint, as AWS unless told otherwise. */
  async open(endpoint: string, options: Partial<S3StoreOptions> = {}): Promise<Store> {
    const store = await openS3Store({
      bucket: BUCKET,
      prefix: 'some/where',
      endpoint,
      provider: 'aws',
      isPathStyle: true,
      clock: this.clock,
      onWait: (notice) => this.waits.push(notice),
      ...options,
    });
    this.#stores.push(store);
    return store;
  }

  async close(): Promise<void> {
    for (const store of this.#stores) await store.close();
    for (const server of this.#servers) await server.close();
  }
}

/** Sets the environment of a test file, and gives each test a room. */
export function useS3Room(): () => S3Room {
  let room: S3Room;
  let before: NodeJS.ProcessEnv;
  beforeEach(() => {
    before = { ...process.env };
    for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name];
    process.env.AWS_ACCESS_KEY_ID = TEST_CREDENTIALS.accessKeyId;
    process.env.AWS_SECRET_ACCESS_KEY = TEST_CREDENTIALS.secretAccessKey;
    process.env.AWS_EC2_METADATA_DISABLED = 'true';
    process.env.AWS_CONFIG_FILE = '/nonexistent/config';
    process.env.AWS_SHARED_CREDENTIALS_FILE = '/nonexistent/credentials';
    room = new S3Room();
  });
  afterEach(async () => {
    await room.close();
    process.env = before;
  });
  return () => room;
}

/** Bytes in pieces that arrive one by one. */
export async function* inPieces(bytes: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}
