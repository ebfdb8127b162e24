/** PacedStore: any store behind bandwidth limits, for stores that cannot shape their own traffic (a folder on a NAS). */
import { type Bandwidth, PACED_BYTES } from './bandwidth.ts';
import type { ByteRange, PutBody, PutOptions, PutResult, Store } from './store.ts';
import { WrappedStore } from './wrapped.ts';

/** Wraps a store. Bytes that are read come in the pieces that are asked for; the wait follows each. */
export class PacedStore extends WrappedStore {
  readonly #bandwidth: Bandwidth;

  constructor(store: Store, bandwidth: Bandwidth) {
    super(store);
    this.#bandwidth = bandwidth;
  }

  override put(name: string, body: PutBody, options: PutOptions): Promise<PutResult> {
    return super.put(name, this.#bandwidth.upload ? this.#paced(body, options.signal) : body, options);
  }

  override async get(name: string, range?: ByteRange, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    const bytes = await super.get(name, range, signal);
    if (bytes) await this.#bandwidth.download?.take(bytes.length, signal);
    return bytes;
  }

  async *#paced(body: PutBody, signal: AbortSignal | undefined): AsyncIterable<Uint8Array> {
    for await (const part of body instanceof Uint8Array ? [body] : body) {
      for (let at = 0; at < part.length; at += PACED_BYTES) {
        const piece = part.subarray(at, at + PACED_BYTES);
        await this.#bandwidth.upload?.take(piece.length, signal);
        yield piece;
      }
    }
  }
}
