/**
 * Opens what was fetched of a pack, frame by frame, in a worker. Everything is checked: blocks authenticate, a frame
 * has the length that the index states, a chunk has the id that was asked for. Damage of one block costs the frames
 * that it touches, not the others.
 */
import { createHmac, type KeyObject } from 'node:crypto';
import { damage } from '../base/errors.ts';
import { releaseMemory } from '../base/release.ts';
import { MAX_FRAME_RAW_LENGTH } from '../format/pack.ts';
import { SealedPack, type SealedRange } from '../repo/sealed-pack.ts';
import { decompressFrame } from '../seal/zstd.ts';
import type { RestoreUnit } from './restore-messages.ts';

/** The opened range of one unit. */
export class FetchedFrames {
  readonly #name: string;
  readonly #pack: SealedPack;
  readonly #sealed: Uint8Array;
  readonly #range: SealedRange;
  readonly #start: number;
  #plain: Buffer | undefined;

  constructor({ name, head, size, fileKey, offset, length, sealed }: NonNullable<RestoreUnit['pack']>) {
    this.#name = name;
    this.#pack = new SealedPack(name, head, size, fileKey);
    this.#sealed = sealed;
    this.#range = this.#pack.range(offset, length);
    this.#start = offset;
    try {
      this.#plain = this.#pack.open(this.#range, sealed);
    } catch {
      // Frame by frame, to find out which ones are sound.
    }
  }

  /** Gives the memory of the range back. */
  close(): void {
    giveBack(this.#plain);
    giveBack(this.#sealed);
  }

  /**
   * Decompresses a frame; {@link giveBack} what it returns.
   * @throws damage, naming the pack
   */
  frame(offset: number, length: number, rawLength: number): Buffer {
    if (rawLength > MAX_FRAME_RAW_LENGTH) {
      throw damage('frame-place', `${this.#name}: the index names a frame that cannot be`, { object: this.#name });
    }
    const at = offset - this.#start;
    const compressed = this.#plain?.subarray(at, at + length) ?? this.#open(offset, length);
    const raw = decompressFrame(compressed, { maxRawLength: rawLength }, this.#name);
    if (raw.length === rawLength) return raw;
    throw damage('frame-length', `${this.#name}: a frame is shorter than the index says`, { object: this.#name });
  }

  #open(offset: number, length: number): Buffer {
    const range = this.#pack.range(offset, length);
    const from = range.offset - this.#range.offset;
    return this.#pack.open(range, this.#sealed.subarray(from, from + range.length));
  }
}

/** Frees the memory of a buffer at once, instead of when the collector comes to it. */
export function giveBack(bytes: Uint8Array | undefined): void {
  if (bytes) releaseMemory(bytes);
}

/** True when `content` is the chunk of this id (32 bytes). */
export function isChunk(key: KeyObject, content: Uint8Array, id: Uint8Array): boolean {
  return createHmac('sha256', key).update(content).digest().equals(id);
}
