/**
 * MemoryStore: objects in a map, for tests and for trying things out. As strict as the real stores: it refuses the same
 * names, copies what it is given and what it gives, and a put that fails or is aborted leaves nothing.
 */
import { type Clock, systemClock } from '../base/clock.ts';
import { throwIfAborted } from '../base/errors.ts';
import { checkName, checkPrefix, resolveRange } from './names.ts';
import type { ByteRange, ObjectInfo, PutBody, PutOptions, PutResult, Store } from './store.ts';

interface StoredObject {
  readonly bytes: Uint8Array;
  readonly modified: number;
  readonly storageClass: string;
}

/** A store that lives as long as the instance. The clock only stamps `modified`. */
export class MemoryStore implements Store {
  readonly location = 'memory';
  readonly concurrency = 16;
  readonly #objects = new Map<string, StoredObject>();
  readonly #clock: Clock;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  async put(name: string, body: PutBody, options: PutOptions): Promise<PutResult> {
    checkName(name);
    throwIfAborted(options.signal);
    const parts: Uint8Array[] = [];
    for await (const part of body instanceof Uint8Array ? [body] : body) {
      throwIfAborted(options.signal);
      parts.push(Uint8Array.from(part));
    }
    throwIfAborted(options.signal);
    if (options.ifAbsent && this.#objects.has(name)) return { outcome: 'exists', size: 0 };
    const bytes = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
    const storageClass = options.storageClass ?? 'STANDARD';
    this.#objects.set(name, { bytes, modified: this.#clock.now(), storageClass });
    return { outcome: 'stored', size: bytes.length };
  }

  async get(name: string, range?: ByteRange, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    checkName(name);
    throwIfAborted(signal);
    const object = this.#objects.get(name);
    if (object === undefined) return undefined;
    const { start, end } = resolveRange(object.bytes.length, range);
    const bytes = Buffer.allocUnsafeSlow(end - start);
    bytes.set(object.bytes.subarray(start, end));
    return bytes;
  }

  async *list(prefix: string, signal?: AbortSignal): AsyncIterable<ObjectInfo> {
    checkPrefix(prefix);
    const names = [...this.#objects.keys()].filter((name) => name.startsWith(prefix)).sort();
    for (const name of names) {
      throwIfAborted(signal);
      const info = this.#info(name);
      if (info) yield info;
    }
  }

  async stat(name: string, signal?: AbortSignal): Promise<ObjectInfo | undefined> {
    checkName(name);
    throwIfAborted(signal);
    return this.#info(name);
  }

  async delete(name: string, signal?: AbortSignal): Promise<void> {
    checkName(name);
    throwIfAborted(signal);
    this.#objects.delete(name);
  }

  async close(): Promise<void> {}

  #info(name: string): ObjectInfo | undefined {
    const object = this.#objects.get(name);
    if (object === undefined) return undefined;
    const { bytes, modified, storageClass } = object;
    return { name, size: bytes.length, modified, storageClass };
  }
}
