/**
 * Builds one pack: chunks become tar entries, tar becomes zstd frames, frames become an age stream, which leaves in
 * pieces as it is made. Nothing of the pack is held but the open frame. Runs in worker threads and on the main thread
 * alike, and does no I/O: the caller takes the pieces and stores them.
 */
import { createHash, randomBytes } from 'node:crypto';
import { bug } from '../base/errors.ts';
import type { ChunkId } from '../base/ids.ts';
import { releaseMemory } from '../base/release.ts';
import { MAX_CHUNK_LENGTH } from '../format/chunker.ts';
import type { PackRecord } from '../format/index-object.ts';
import {
  type ChunkPlace,
  encodeFrameLine,
  encodeSignatureFrame,
  encodeToc,
  type FrameInfo,
  MAX_PACK_CHUNKS,
  packStatement,
} from '../format/pack.ts';
import { encodePackTail } from '../format/pack-tail.ts';
import {
  TAR_BLOCK,
  TAR_END_LENGTH,
  TOC_MEMBER,
  tarMemberLength,
  writeChunkHeader,
  writeMemberHeader,
} from '../format/tar.ts';
import type { SealHeader } from '../seal/age-header.ts';
import { NONCE_LENGTH, StreamSealer } from '../seal/age-stream.ts';
import { type Signer, sha256, signStatement } from '../seal/signatures.ts';
import { compressFrame } from '../seal/zstd.ts';

/** A frame is closed when this much tar is in it: solid enough to compress well, small enough to fetch alone. */
export const FRAME_BYTES = 2 * 1_048_576;
/** A frame never holds more than this when a chunk joins others in it. */
const FRAME_LIMIT = 4 * 1_048_576;

/** A pack as the index will describe it, with the lines of its frames encoded: they are many. */
export interface PackDescription {
  readonly record: Omit<PackRecord, 'frames'>;
  readonly frameLines: Uint8Array;
}

/** What a pack is made with. */
export interface PackWriterOptions {
  /** Object name; part of what is signed. */
  readonly name: string;
  readonly kind: 'data' | 'meta';
  /** Header and file key, shared by the packs of a session (each has its own nonce). */
  readonly header: SealHeader;
  readonly signer: Signer;
  readonly level: number;
  readonly storageClass: string;
  /** ISO time, for the index. */
  readonly created: string;
}

/** Builds one pack. `add` as often as wanted, then `finish`; `takePieces` whenever there is room for output. */
export class PackWriter {
  readonly #options: PackWriterOptions;
  readonly #sealer: StreamSealer;
  /** The age header and the nonce: what a reader needs to open a range. */
  readonly #head: Buffer;
  readonly #hash = createHash('sha256');
  readonly #frames: FrameInfo[] = [];
  #pieces: Uint8Array[] = [];
  #size = 0;
  #plain = 0;
  #frame: Buffer;
  #used = 0;
  #chunks: ChunkPlace[] = [];
  #chunkCount = 0;

  /** `frame` is a buffer of at least {@link FRAME_BUFFER_BYTES} that the writer may use until it is finished. */
  constructor(options: PackWriterOptions, frame: Buffer) {
    this.#options = options;
    this.#frame = frame;
    const nonce = randomBytes(NONCE_LENGTH);
    this.#sealer = new StreamSealer(options.header.fileKey, nonce);
    this.#head = Buffer.concat([options.header.header, nonce]);
    this.#emit(this.#head);
  }

  get name(): string {
    return this.#options.name;
  }

  /** Bytes of the pack so far, without the open frame. */
  get bytes(): number {
    return this.#plain;
  }

  /** True when it must not take more chunks, whatever its size. */
  get isFull(): boolean {
    return this.#chunkCount >= MAX_PACK_CHUNKS - 4096;
  }

  /** True when nothing was added. */
  get isEmpty(): boolean {
    return this.#used === 0 && this.#frames.length === 0;
  }

  /** Appends a chunk: its id (32 bytes) and its plaintext. */
  add(id: Uint8Array, content: Uint8Array): void {
    const length = content.length;
    if (length === 0 || length > MAX_CHUNK_LENGTH) throw bug(`a chunk of ${length} bytes`);
    const needed = tarMemberLength(length);
    if (this.#used > 0 && this.#used + needed > FRAME_LIMIT) this.#closeFrame();
    const hex = Buffer.from(id.buffer, id.byteOffset, id.length).toString('hex') as ChunkId;
    writeChunkHeader(this.#frame, this.#used, hex, length);
    this.#frame.set(content, this.#used + TAR_BLOCK);
    this.#frame.fill(0, this.#used + TAR_BLOCK + length, this.#used + needed);
    this.#chunks.push([hex, this.#used + TAR_BLOCK, length]);
    this.#used += needed;
    this.#chunkCount++;
    if (this.#used >= FRAME_BYTES) this.#closeFrame();
  }

  /** Hands over the sealed pieces made so far; each is the only view of its memory. */
  takePieces(): Uint8Array[] {
    const pieces = this.#pieces;
    this.#pieces = [];
    return pieces;
  }

  /** Ends the pack; `pad` hides its exact length. The last pieces are then ready to be taken. */
  finish(pad: boolean): PackDescription {
    if (this.#used > 0) this.#closeFrame();
    const { name, signer, level } = this.#options;
    const toc = encodeToc(this.#frames);
    const tail = Buffer.alloc(tarMemberLength(toc.length) + TAR_END_LENGTH);
    writeMemberHeader(tail, 0, TOC_MEMBER, toc.length);
    tail.set(toc, TAR_BLOCK);
    const tocFrame = compressFrame(tail, level);
    this.#seal(tocFrame);
    const { repo, writer } = signer;
    const proofs = signStatement(signer, packStatement({ repo, name, writer, tocHash: sha256(toc) }));
    const frames = [...this.#frames, { length: tocFrame.length, rawLength: tail.length }];
    this.#seal(encodePackTail(frames, encodeSignatureFrame(proofs), pad));
    this.#emit(this.#sealer.finish());
    const record = {
      name: this.#options.name,
      size: this.#size,
      sha256: this.#hash.digest('hex'),
      class: this.#options.storageClass,
      header: this.#head,
      kind: this.#options.kind,
      created: this.#options.created,
    };
    return { record, frameLines: Buffer.from(this.#frames.map(encodeFrameLine).join(''), 'latin1') };
  }

  #closeFrame(): void {
    const compressed = compressFrame(this.#frame.subarray(0, this.#used), this.#options.level);
    this.#frames.push({ offset: this.#plain, length: compressed.length, rawLength: this.#used, chunks: this.#chunks });
    this.#plain += compressed.length;
    this.#chunks = [];
    this.#used = 0;
    this.#seal(compressed);
    releaseMemory(compressed);
  }

  #seal(plain: Uint8Array): void {
    const sealed = this.#sealer.update(plain);
    if (sealed.length > 0) this.#emit(sealed);
  }

  #emit(piece: Uint8Array): void {
    this.#hash.update(piece);
    this.#size += piece.length;
    this.#pieces.push(piece);
  }
}

/** How large the frame buffer of a writer must be: a full frame, or one chunk of the largest size. */
export const FRAME_BUFFER_BYTES: number = FRAME_BYTES + FRAME_LIMIT + MAX_CHUNK_LENGTH + 2 * TAR_BLOCK;
