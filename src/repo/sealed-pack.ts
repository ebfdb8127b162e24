/**
 * Random access to a sealed pack: which bytes of the object hold a part of its plaintext, and opening them. Knows
 * nothing of frames or chunks, does no I/O, and works in any thread.
 */
import { damage } from '../base/errors.ts';
import {
  blockRange,
  NONCE_LENGTH,
  openBlocks,
  payloadKey,
  plainLength,
  SEALED_BLOCK_LENGTH,
} from '../seal/age-stream.ts';

/** Bytes of the object to fetch, and where in them the wanted plaintext begins. */
export interface SealedRange {
  readonly offset: number;
  readonly length: number;
  readonly firstBlock: number;
  /** Plaintext bytes before the wanted ones in the first block. */
  readonly skip: number;
  /** Plaintext bytes wanted. */
  readonly wanted: number;
}

/** One pack, as the index describes it, with its file key. */
export class SealedPack {
  readonly #name: string;
  readonly #key: Uint8Array;
  readonly #headLength: number;
  readonly #payloadLength: number;
  /** Bytes of the plaintext. */
  readonly plainLength: number;

  /**
   * `head` is the start of the object up to the payload: age header and nonce, as the index keeps it.
   * @throws damage when the size cannot be that of a pack
   */
  constructor(name: string, head: Uint8Array, size: number, fileKey: Uint8Array) {
    this.#name = name;
    this.#headLength = head.length;
    this.#payloadLength = size - head.length;
    this.#key = payloadKey(fileKey, head.subarray(head.length - NONCE_LENGTH));
    this.plainLength = plainLength(this.#payloadLength, name);
  }

  /** The bytes of the object that hold `length` bytes of plaintext from `offset` on. */
  range(offset: number, length: number): SealedRange {
    if (offset < 0 || length <= 0 || offset + length > this.plainLength) {
      throw damage('frame-outside', `${this.#name}: the index names a frame outside of it`, { object: this.#name });
    }
    const blocks = blockRange(offset, length);
    const end = Math.min(blocks.offset + blocks.length, this.#payloadLength);
    return {
      offset: this.#headLength + blocks.offset,
      length: end - blocks.offset,
      firstBlock: blocks.firstBlock,
      skip: blocks.skip,
      wanted: length,
    };
  }

  /**
   * Opens what was fetched for a range.
   * @throws damage when it is short or does not authenticate
   */
  open(range: SealedRange, sealed: Uint8Array): Buffer {
    if (sealed.length !== range.length) {
      throw damage('pack-truncated', `${this.#name}: is shorter than the index says`, { object: this.#name });
    }
    const last = range.firstBlock + Math.ceil(range.length / SEALED_BLOCK_LENGTH);
    const endsStream = last === Math.ceil(this.#payloadLength / SEALED_BLOCK_LENGTH);
    const plain = openBlocks(this.#key, sealed, range.firstBlock, endsStream, this.#name);
    return plain.subarray(range.skip, range.skip + range.wanted);
  }
}

/** The age header in the head of a pack. */
export function headerOf(head: Uint8Array): Uint8Array {
  return head.subarray(0, head.length - NONCE_LENGTH);
}
