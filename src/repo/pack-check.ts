/**
 * Checks every byte of one pack against what the index says of it, piece by piece as the object arrives: SHA-256 of all,
 * age header, every block, every frame, every tar header, every chunk id, and the tail (pack-tail-check.ts). A failure
 * spoils the frames that it touches and no others: the check goes on, so that it can be said what is lost. Does no I/O
 * and works in any thread.
 */
import { createHash, createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { damage, type IcecoreError, isIcecoreError } from '../base/errors.ts';
import { releaseMemory } from '../base/release.ts';
import type { PackRecord } from '../format/index-object.ts';
import type { FrameInfo } from '../format/pack.ts';
import { TAR_BLOCK, tarPadding, writeChunkHeader } from '../format/tar.ts';
import {
  BLOCK_LENGTH,
  NONCE_LENGTH,
  openBlocks,
  payloadKey,
  plainLength,
  SEALED_BLOCK_LENGTH,
  TAG_LENGTH,
} from '../seal/age-stream.ts';
import { decompressFrame } from '../seal/zstd.ts';
import { checkPackTail, MAX_TAIL_LENGTH, type PackCheckKeys } from './pack-tail-check.ts';

/** What is wrong with a pack. */
export interface PackProblem {
  readonly code: string;
  readonly message: string;
}

/** What a check found. A pack without problems has no bad frames; one with problems may have none either. */
export interface PackReport {
  readonly problems: readonly PackProblem[];
  /** Numbers of the frames whose chunks cannot be had from this pack. */
  readonly badFrames: readonly number[];
  readonly bytes: number;
}

/** Blocks opened at a time: small enough to stay in the processor's cache until they are decompressed. */
const RUN_BLOCKS = 16;
const MAX_PROBLEMS = 8;
const ZEROS = Buffer.alloc(TAR_BLOCK);

/** Memory that checks use one after the other. */
export class CheckBuffers {
  plain: Buffer = Buffer.allocUnsafeSlow(4 * 1_048_576);
  readonly header: Buffer = Buffer.alloc(TAR_BLOCK);
}

/** The check of one pack: `push` its bytes in order, then `finish`. */
export class PackCheck {
  readonly #record: PackRecord;
  readonly #frameLines: Uint8Array;
  readonly #keys: PackCheckKeys;
  readonly #buffers: CheckBuffers;
  readonly #onChunk: ((id: string, content: Buffer) => void) | undefined;
  readonly #idKey: KeyObject;
  readonly #blockKey: Uint8Array;
  readonly #payloadLength: number;
  readonly #plainLength: number;
  readonly #hash = createHash('sha256');
  readonly #problems: PackProblem[] = [];
  readonly #badFrames = new Set<number>();
  /** Ranges of the plaintext that could not be opened. */
  readonly #bad: [from: number, to: number][] = [];
  #received = 0;
  /** Where the plaintext in the buffer begins and ends. */
  #start = 0;
  #end = 0;
  #nextFrame = 0;

  /**
   * @param frameLines the frame lines of the pack as they stand in the index object
   * @param onChunk told of every chunk that is sound; the content is only valid during the call
   * @throws damage when the size that the index states is not that of a pack
   */
  constructor(
    record: PackRecord,
    frameLines: Uint8Array,
    fileKey: Uint8Array,
    keys: PackCheckKeys,
    buffers: CheckBuffers,
    onChunk?: (id: string, content: Buffer) => void,
  ) {
    this.#record = record;
    this.#frameLines = frameLines;
    this.#keys = keys;
    this.#buffers = buffers;
    this.#onChunk = onChunk;
    this.#idKey = createSecretKey(keys.chunkId);
    const { header, size, name } = record;
    this.#blockKey = payloadKey(fileKey, header.subarray(header.length - NONCE_LENGTH));
    this.#payloadLength = size - header.length;
    this.#plainLength = plainLength(this.#payloadLength, name);
  }

  /** Where pieces are to be cut: behind the head and a whole number of blocks. */
  static cut(headLength: number, bytes: number): number {
    return headLength + Math.max(1, Math.floor((bytes - headLength) / SEALED_BLOCK_LENGTH)) * SEALED_BLOCK_LENGTH;
  }

  /** Takes the next bytes of the object; all pieces but the last end where {@link PackCheck.cut} says. */
  push(piece: Uint8Array): void {
    this.#hash.update(piece);
    const { header } = this.#record;
    let at = 0;
    if (this.#received === 0) {
      at = header.length;
      if (Buffer.compare(piece.subarray(0, at), header) !== 0) {
        this.#problem('header-damaged', 'its age header is not the one in the index');
      }
    }
    let payloadAt = this.#received + at - header.length;
    this.#received += piece.length;
    for (; at < piece.length; at += RUN_BLOCKS * SEALED_BLOCK_LENGTH) {
      const sealed = piece.subarray(at, at + RUN_BLOCKS * SEALED_BLOCK_LENGTH);
      this.#open(sealed, payloadAt);
      payloadAt += sealed.length;
      this.#checkFrames();
    }
  }

  /** Ends the check. */
  finish(): PackReport {
    const { size, sha256, name, frames } = this.#record;
    if (this.#received < size) {
      this.#problem('pack-truncated', `only ${this.#received} of ${size} bytes are there`);
      this.#bad.push([this.#end, this.#plainLength]);
      for (let frame = this.#nextFrame; frame < frames.length; frame++) this.#badFrames.add(frame);
    } else {
      this.#checkTail();
      if (this.#problems.length === 0 && this.#hash.digest('hex') !== sha256) {
        this.#problem('pack-hash', 'is not what was stored, although all of it can be opened');
      }
    }
    const problems = this.#problems.map(({ code, message }) => ({ code, message: `${name}: ${message}` }));
    return { problems, badFrames: [...this.#badFrames], bytes: this.#received };
  }

  #open(sealed: Uint8Array, payloadAt: number): void {
    const block = payloadAt / SEALED_BLOCK_LENGTH;
    const endsStream = payloadAt + sealed.length === this.#payloadLength;
    try {
      const plain = openBlocks(this.#blockKey, sealed, block, endsStream, this.#record.name);
      this.#append(plain);
      releaseMemory(plain);
    } catch (error) {
      if (!isIcecoreError(error, 'damage')) throw error;
      if (sealed.length > SEALED_BLOCK_LENGTH) {
        // Once more, block by block: only those that fail are lost.
        for (let at = 0; at < sealed.length; at += SEALED_BLOCK_LENGTH) {
          this.#open(sealed.subarray(at, at + SEALED_BLOCK_LENGTH), payloadAt + at);
        }
        return;
      }
      this.#problem(error.code, detailOf(error, this.#record.name));
      const length = Math.max(0, Math.min(BLOCK_LENGTH, sealed.length - TAG_LENGTH));
      this.#bad.push([this.#end, this.#end + length]);
      this.#append(Buffer.alloc(length));
    }
  }

  #append(plain: Uint8Array): void {
    const held = this.#end - this.#start;
    if (this.#buffers.plain.length < held + plain.length) {
      const larger = Buffer.allocUnsafeSlow((held + plain.length) * 2);
      this.#buffers.plain.copy(larger, 0, 0, held);
      this.#buffers.plain = larger;
    }
    this.#buffers.plain.set(plain, held);
    this.#end += plain.length;
  }

  /** Checks the frames that are complete, and lets go of them. */
  #checkFrames(): void {
    const { frames } = this.#record;
    const from = this.#start;
    let to = from;
    for (let frame = frames[this.#nextFrame]; frame; frame = frames[++this.#nextFrame]) {
      const end = frame.offset + frame.length;
      if (end > this.#end) break;
      this.#checkFrame(frame, this.#nextFrame);
      to = end;
    }
    // A tail that is too long to be one is not kept.
    if (this.#nextFrame === frames.length && this.#end - to > MAX_TAIL_LENGTH) to = this.#end;
    if (to === from) return;
    this.#buffers.plain.copyWithin(0, to - from, this.#end - from);
    this.#start = to;
  }

  #checkFrame(frame: FrameInfo, number: number): void {
    try {
      if (this.#overlapsBad(frame.offset, frame.offset + frame.length)) {
        this.#badFrames.add(number);
        return;
      }
      const at = frame.offset - this.#start;
      const { name } = this.#record;
      const raw = decompressFrame(
        this.#buffers.plain.subarray(at, at + frame.length),
        { maxRawLength: frame.rawLength },
        name,
      );
      if (raw.length !== frame.rawLength) throw damage('frame-length', `${name}: frame ${number} has another length`);
      for (const [id, offset, length] of frame.chunks) this.#checkChunk(raw, id, offset, length);
      // Hundreds of these a second: the collector would let a few hundred megabytes come together first.
      releaseMemory(raw);
    } catch (error) {
      if (!isIcecoreError(error, 'damage')) throw error;
      this.#badFrames.add(number);
      this.#problem(error.code, detailOf(error, this.#record.name));
    }
  }

  #checkChunk(raw: Buffer, id: FrameInfo['chunks'][number][0], offset: number, length: number): void {
    const { header } = this.#buffers;
    writeChunkHeader(header, 0, id, length);
    const end = offset + length;
    if (
      raw.compare(header, 0, TAR_BLOCK, offset - TAR_BLOCK, offset) !== 0 ||
      raw.compare(ZEROS, 0, tarPadding(length), end, end + tarPadding(length)) !== 0
    ) {
      throw damage('tar-header', `${this.#record.name}: the tar around chunk ${id} is not as the index says`);
    }
    const content = raw.subarray(offset, end);
    if (createHmac('sha256', this.#idKey).update(content).digest('hex') !== id) {
      throw damage('chunk-damaged', `${this.#record.name}: chunk ${id} is not what its id says`);
    }
    this.#onChunk?.(id, content);
  }

  #checkTail(): void {
    const last = this.#record.frames.at(-1);
    const from = last ? last.offset + last.length : 0;
    if (this.#overlapsBad(from, this.#plainLength)) return;
    try {
      if (this.#start !== from) throw damage('seek-table', `${this.#record.name}: has too long a tail`);
      const tail = this.#buffers.plain.subarray(0, this.#end - from);
      checkPackTail({
        tail,
        from,
        plainLength: this.#plainLength,
        record: this.#record,
        frameLines: this.#frameLines,
        keys: this.#keys,
      });
    } catch (error) {
      if (!isIcecoreError(error, 'damage')) throw error;
      this.#problem(error.code, detailOf(error, this.#record.name));
    }
  }

  #overlapsBad(from: number, to: number): boolean {
    return this.#bad.some(([badFrom, badTo]) => badFrom < to && from < badTo);
  }

  #problem(code: string, message: string): void {
    if (this.#problems.length < MAX_PROBLEMS) this.#problems.push({ code, message });
  }
}

/** The message without the object's name, which is put before it once. */
function detailOf(error: IcecoreError, name: string): string {
  return error.message.startsWith(`${name}: `) ? error.message.slice(name.length + 2) : error.message;
}
