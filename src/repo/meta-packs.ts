/**
 * Stores meta chunks (segments, roots, chunk lists) in meta packs, on the main thread: there are few, and their order
 * matters. Uploads go on beside the work; {@link MetaPacks.room} is where a producer waits for them.
 */

import type { SessionId } from '../base/ids.ts';
import { metaPackName } from '../format/layout.ts';
import { hmac } from '../seal/signatures.ts';
import type { Store } from '../store/store.ts';
import type { KnownChunks } from './known-chunks.ts';
import { PackUpload } from './pack-upload.ts';
import { FRAME_BUFFER_BYTES, type PackDescription, PackWriter, type PackWriterOptions } from './pack-writer.ts';

/** Sealed bytes that may wait for the store before producers do. */
const WINDOW_BYTES = 16 * 1_048_576;
/** Chunks that may wait for {@link MetaPacks.room}. */
const WAITING_BYTES = 4 * 1_048_576;

/** What all packs of a session have in common. */
export type SharedPackOptions = Omit<PackWriterOptions, 'name' | 'kind' | 'storageClass'>;

/** What meta packs are made with. */
export interface MetaPackOptions {
  readonly sid: SessionId;
  readonly chunkIdKey: Uint8Array;
  /** Asked when the first pack is begun. */
  readonly pack: () => Promise<SharedPackOptions>;
  readonly packBytes: number;
  readonly store: Store;
  /** What is stored already; told how many chunks there are that are not among `assumed`. Undefined: not worth asking. */
  readonly known: (chunks: number) => Promise<KnownChunks | undefined>;
  /** Ids (hex) of chunks that are known to be stored. */
  readonly assumed: ReadonlySet<string>;
  /** The number of the next meta pack of the session. */
  readonly nextNumber: () => number;
  readonly onPack: (pack: PackDescription) => void;
  readonly signal: AbortSignal;
}

/** The meta packs of one session. */
export class MetaPacks {
  readonly #options: MetaPackOptions;
  readonly #waiting: { id: Buffer; content: Uint8Array }[] = [];
  #waitingBytes = 0;
  /** What this run has stored, in hex. One entry for a thousand files. */
  readonly #own = new Set<string>();
  #packOptions: SharedPackOptions | undefined;
  #frame: Buffer | undefined;
  #writer: PackWriter | undefined;
  #upload: PackUpload | undefined;
  #unsent = 0;
  #storedBytes = 0;
  readonly #uploads = new Set<Promise<void>>();

  constructor(options: MetaPackOptions) {
    this.#options = options;
  }

  /** Plaintext bytes of the chunks that were new. */
  get storedBytes(): number {
    return this.#storedBytes;
  }

  /** True when {@link room} has something to do. */
  get isWaiting(): boolean {
    return this.#waitingBytes > WAITING_BYTES;
  }

  /** Takes a chunk to be stored unless it is known; returns its id (32 bytes). {@link room} and finish store it. */
  store(content: Uint8Array): Uint8Array {
    const id = hmac(this.#options.chunkIdKey, content);
    if (!this.#options.assumed.has(id.toString('hex'))) {
      this.#waiting.push({ id, content });
      this.#waitingBytes += content.length;
    }
    return id;
  }

  /** Stores what was taken; resolves when the store has caught up, rejects when a pack could not be stored. */
  async room(): Promise<void> {
    if (this.#waiting.length === 0) return;
    const known = await this.#options.known(this.#own.size + this.#waiting.length);
    for (const { id, content } of this.#waiting.splice(0)) {
      this.#waitingBytes -= content.length;
      const own = id.toString('hex');
      if (this.#own.has(own) || known?.has(id)) continue;
      this.#own.add(own);
      this.#storedBytes += content.length;
      this.#packOptions ??= await this.#options.pack();
      this.#writer ??= this.#open(this.#packOptions);
      this.#writer.add(id, content);
      this.#push();
      if (this.#writer.bytes >= this.#options.packBytes || this.#writer.isFull) this.#close(false);
      if (this.#unsent > WINDOW_BYTES) await Promise.all(this.#uploads);
    }
  }

  /** Ends the open pack and waits for all of them. */
  async finish(): Promise<void> {
    await this.room();
    this.#close(true);
    await Promise.all(this.#uploads);
  }

  #open(options: SharedPackOptions): PackWriter {
    this.#frame ??= Buffer.allocUnsafeSlow(FRAME_BUFFER_BYTES);
    const name = metaPackName(this.#options.sid, this.#options.nextNumber());
    const { store, signal } = this.#options;
    this.#upload = new PackUpload(name, { store, storageClass: 'STANDARD', coldMinimum: 0 }, signal);
    return new PackWriter({ ...options, name, kind: 'meta', storageClass: 'STANDARD' }, this.#frame);
  }

  #push(): void {
    const upload = this.#upload!;
    for (const piece of this.#writer!.takePieces()) {
      const bytes = piece.length;
      this.#unsent += bytes;
      this.#watch(
        upload.push(piece).finally(() => {
          this.#unsent -= bytes;
        }),
      );
    }
  }

  #close(pad: boolean): void {
    if (!this.#writer) return;
    const pack = this.#writer.finish(pad);
    this.#push();
    this.#watch(this.#upload!.finish(pack).then(this.#options.onPack));
    this.#writer = undefined;
    this.#upload = undefined;
  }

  #watch(work: Promise<void>): void {
    // Whoever waits in room() or finish() hears of a failure; until then it must not count as unhandled.
    work.then(
      () => this.#uploads.delete(work),
      () => {},
    );
    this.#uploads.add(work);
  }
}
