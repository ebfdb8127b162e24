/**
 * A store in memory that behaves like a bucket at AWS as far as checks and costs ask: classes, entity tags in listings,
 * checksums in looks, archived objects that cannot be read before they are thawed. It counts what is billed. The test S3
 * server is the real thing over HTTP; this one is for what happens above the store.
 */
import { createHash } from 'node:crypto';
import { IcecoreError } from '../../src/base/errors.ts';
import { findProvider } from '../../src/plan/find-provider.ts';
import type { Bucket } from '../../src/store/bucket.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import type {
  ByteRange,
  ObjectInfo,
  PutBody,
  PutOptions,
  PutResult,
  RequestTally,
  Store,
} from '../../src/store/store.ts';
import type { Thaw, ThawAnswer, ThawInfo, ThawState } from '../../src/store/thaw.ts';

/** What the store keeps of an object; tests change it. */
export interface Kept {
  storageClass: string;
  etag: string | undefined;
  checksum: string | undefined;
  state: ThawState;
}

export class ArchiveStore implements Store {
  readonly location = 's3://test';
  readonly concurrency = 8;
  readonly kept = new Map<string, Kept>();
  readonly bucket: Bucket;
  readonly thaw: Thaw;
  /** What the bucket says of itself; undefined when it does not. */
  region: string | undefined = 'us-east-1';
  readonly #inner = new MemoryStore();
  readonly #tally = new Map<string, number>();

  constructor() {
    this.bucket = {
      name: 'test',
      keyPrefix: '',
      provider: findProvider({}),
      region: async () => this.region,
    } as Partial<Bucket> as Bucket;
    this.thaw = {
      request: async (name) => this.#request(name),
      listsStates: true,
      look: async (name) => {
        const kept = this.kept.get(name);
        return kept && { storageClass: kept.storageClass, state: kept.state };
      },
      states: (prefix) => this.#states(prefix),
    };
  }

  tally(): readonly RequestTally[] {
    return [...this.#tally].sort().map(([key, count]) => {
      const [operation, storageClass] = key.split(' ') as [string, string];
      return { operation, storageClass, count };
    });
  }

  /** How often an operation was asked for. */
  asked(operation: string): number {
    return this.tally().reduce((sum, each) => sum + (each.operation === operation ? each.count : 0), 0);
  }

  async put(name: string, body: PutBody, options: PutOptions): Promise<PutResult> {
    const parts: Buffer[] = [];
    for await (const part of body instanceof Uint8Array ? [body] : body) parts.push(Buffer.from(part));
    const bytes = Buffer.concat(parts);
    const storageClass = options.storageClass ?? 'STANDARD';
    this.#count('PutObject', storageClass);
    const result = await this.#inner.put(name, bytes, options);
    if (result.outcome === 'exists') return result;
    const kept: Kept = {
      storageClass,
      etag: createHash('md5').update(bytes).digest('hex'),
      checksum: `sha256:${createHash('sha256').update(bytes).digest('base64')}`,
      state: { type: this.bucket.provider.classes[storageClass]?.isOnline === false ? 'cold' : 'online' },
    };
    this.kept.set(name, kept);
    return { ...result, checksum: kept.checksum!, etag: kept.etag! };
  }

  async get(name: string, range?: ByteRange, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    const kept = this.kept.get(name);
    this.#count('GetObject', kept?.storageClass ?? 'STANDARD');
    if (kept && (kept.state.type === 'cold' || kept.state.type === 'warming')) {
      throw new IcecoreError('store', 'archived', `${name} is archived`);
    }
    return await this.#inner.get(name, range, signal);
  }

  async *list(prefix: string, signal?: AbortSignal): AsyncIterable<ObjectInfo> {
    let count = 0;
    for await (const info of this.#inner.list(prefix, signal)) {
      if (count++ % 1000 === 0) this.#count('ListObjectsV2', 'STANDARD');
      const { storageClass, etag } = this.kept.get(info.name)!;
      yield { ...info, storageClass, ...(etag === undefined ? {} : { etag }) };
    }
    if (count === 0) this.#count('ListObjectsV2', 'STANDARD');
  }

  async stat(name: string, signal?: AbortSignal): Promise<ObjectInfo | undefined> {
    const kept = this.kept.get(name);
    this.#count('HeadObject', kept?.storageClass ?? 'STANDARD');
    const info = await this.#inner.stat(name, signal);
    if (!info || !kept) return undefined;
    const { storageClass, etag, checksum } = kept;
    return {
      ...info,
      storageClass,
      ...(etag === undefined ? {} : { etag }),
      ...(checksum === undefined ? {} : { checksum }),
    };
  }

  async delete(name: string, signal?: AbortSignal): Promise<void> {
    this.#count('DeleteObject', 'STANDARD');
    this.kept.delete(name);
    await this.#inner.delete(name, signal);
  }

  async close(): Promise<void> {}

  /** Moves an object to another class, as a lifecycle rule does. */
  move(name: string, storageClass: string): void {
    const kept = this.kept.get(name)!;
    kept.storageClass = storageClass;
    kept.state = { type: this.bucket.provider.classes[storageClass]?.isOnline === false ? 'cold' : 'online' };
  }

  /** Replaces an object's bytes and marks, as somebody with rights to the bucket can. */
  async replace(name: string, bytes: Uint8Array): Promise<void> {
    const { storageClass } = this.kept.get(name)!;
    await this.delete(name);
    await this.put(name, bytes, { ifAbsent: true, storageClass });
  }

  names(prefix: string): string[] {
    return [...this.kept.keys()].filter((name) => name.startsWith(prefix)).sort();
  }

  /** Asks for an object; {@link warmUp} makes those that were asked for readable. */
  #request(name: string): ThawAnswer {
    const kept = this.kept.get(name);
    if (!kept) return 'absent';
    this.#count('RestoreObject', kept.storageClass);
    if (kept.state.type === 'online') return 'online';
    if (kept.state.type === 'warming') return 'in-progress';
    if (kept.state.type === 'warm') return 'extended';
    kept.state = { type: 'warming' };
    return 'started';
  }

  /** What was asked for is readable from now on. */
  warmUp(until: number): void {
    for (const kept of this.kept.values()) if (kept.state.type === 'warming') kept.state = { type: 'warm', until };
  }

  async *#states(prefix: string): AsyncGenerator<ThawInfo> {
    for await (const { name, size } of this.list(prefix)) {
      const { storageClass, state } = this.kept.get(name)!;
      yield { name, size, storageClass, state };
    }
  }

  #count(operation: string, storageClass: string): void {
    const key = `${operation} ${storageClass}`;
    this.#tally.set(key, (this.#tally.get(key) ?? 0) + 1);
  }
}
