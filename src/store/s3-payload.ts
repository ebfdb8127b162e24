/**
 * Payload: the bytes of one request, hashed once, and given to each attempt in the form that it takes: one buffer where
 * that is possible, a stream made anew where they lie in pieces or a bandwidth limit holds them back.
 */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { RateLimit } from './bandwidth.ts';

/** Bytes to be sent. They must not change until the last attempt has ended. */
export class Payload {
  readonly size: number;
  readonly sha256: Buffer;
  readonly #pieces: readonly Uint8Array[];

  constructor(pieces: readonly Uint8Array[]) {
    const hash = createHash('sha256');
    let size = 0;
    for (const piece of pieces) {
      hash.update(piece);
      size += piece.length;
    }
    this.size = size;
    this.sha256 = hash.digest();
    this.#pieces = pieces;
  }

  /** As `x-amz-content-sha256` has it. */
  get sha256Hex(): string {
    return this.sha256.toString('hex');
  }

  /** As checksums of objects are written. */
  get sha256Base64(): string {
    return this.sha256.toString('base64');
  }

  /** Of what the entity tag of an object in one part is made. */
  md5(): Buffer {
    const hash = createHash('md5');
    for (const piece of this.#pieces) hash.update(piece);
    return hash.digest();
  }

  /** A body for one attempt. Of a stream, an error shows as one that does not go on: the signal ends the request. */
  body(limit: RateLimit | undefined, signal: AbortSignal | undefined): Buffer | Readable {
    const [first] = this.#pieces;
    if (limit === undefined && this.#pieces.length <= 1) {
      if (first === undefined) return Buffer.alloc(0);
      return Buffer.from(first.buffer, first.byteOffset, first.length);
    }
    const stream = Readable.from(this.#paced(limit, signal), { objectMode: false });
    stream.on('error', () => {});
    return stream;
  }

  async *#paced(limit: RateLimit | undefined, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
    for (const piece of this.#pieces) {
      if (limit === undefined) {
        yield piece;
        continue;
      }
      for (let at = 0; at < piece.length; at += limit.streamPieceBytes) {
        const slice = piece.subarray(at, at + limit.streamPieceBytes);
        await limit.take(slice.length, signal);
        yield slice;
      }
    }
  }
}
