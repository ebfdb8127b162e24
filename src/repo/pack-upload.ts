/**
 * Stores one pack while it is being made: pieces go in as they are sealed and come out as the body of a put. A pack
 * that stays below the cold minimum goes to STANDARD, so the put starts only when that is decided. It holds no more
 * than what the store has not yet taken; producers wait for {@link PackUpload.push}.
 */
import { bug, IcecoreError, throwIfAborted } from '../base/errors.ts';
import { releaseMemory } from '../base/release.ts';
import type { PutResult, Store } from '../store/store.ts';
import type { PackDescription } from './pack-writer.ts';

/** Where packs go. */
export interface PackDestination {
  readonly store: Store;
  /** Class of packs of at least `coldMinimum` bytes. */
  readonly storageClass: string;
  readonly coldMinimum: number;
}

/** One put of a pack. */
export class PackUpload {
  readonly name: string;
  readonly #destination: PackDestination;
  readonly #signal: AbortSignal;
  readonly #queue: { piece: Uint8Array; taken: () => void }[] = [];
  #waiting: (() => void) | undefined;
  #held = 0;
  #ended = false;
  #failure: unknown;
  #put: Promise<PutResult & { readonly storageClass: string }> | undefined;

  constructor(name: string, destination: PackDestination, signal: AbortSignal) {
    this.name = name;
    this.#destination = destination;
    this.#signal = signal;
  }

  /** Takes a piece; resolves when the store has taken it, rejects when the put has failed. */
  async push(piece: Uint8Array): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    this.#held += piece.length;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#queue.push({ piece, taken: resolve });
    const isWarm = this.#destination.storageClass === 'STANDARD';
    if (!this.#put && (isWarm || this.#held >= this.#destination.coldMinimum))
      this.#start(this.#destination.storageClass);
    if (!this.#put) return;
    this.#wake();
    await promise;
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Ends the body and waits for the store; returns the description completed by what the store says. */
  async finish({ record, frameLines }: PackDescription): Promise<PackDescription> {
    this.#ended = true;
    if (!this.#put) this.#start('STANDARD');
    this.#wake();
    const result = await this.#put!;
    if (result.size !== record.size) throw bug(`pack ${this.name}: stored ${result.size} of ${record.size} bytes`);
    const marks = {
      ...(result.checksum === undefined ? {} : { checksum: result.checksum }),
      ...(result.etag === undefined ? {} : { etag: result.etag }),
    };
    return { record: { ...record, class: result.storageClass, ...marks }, frameLines };
  }

  #start(storageClass: string): void {
    const { store } = this.#destination;
    // A run that ends early has no more pieces: the body must fail, so that the store drops what it has of it.
    const onAbort = () => this.#wake();
    this.#signal.addEventListener('abort', onAbort, { once: true });
    this.#put = store
      .put(this.name, this.#body(), { ifAbsent: true, storageClass, signal: this.#signal })
      .then((result) => {
        if (result.outcome === 'exists') throw notRecognised(this.name, store.location);
        return { ...result, storageClass };
      })
      .catch((error: unknown) => {
        this.#failure = error;
        for (const waiting of this.#queue.splice(0)) waiting.taken();
        throw error;
      })
      .finally(() => this.#signal.removeEventListener('abort', onAbort));
    this.#put.catch(() => {});
  }

  async *#body(): AsyncGenerator<Uint8Array> {
    for (;;) {
      throwIfAborted(this.#signal);
      const next = this.#queue.shift();
      if (next) {
        yield next.piece;
        // Asking for the next piece, the store has said that it is done with this one.
        releaseMemory(next.piece);
        next.taken();
      } else if (this.#ended) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#waiting = resolve;
        });
      }
    }
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  }
}

/**
 * A session id is never used twice, so a pack of this name is our own, from an attempt whose answer was lost. The store
 * could not recognise it: under a KMS key, entity tags say nothing, and a host that only writes may not look further.
 */
function notRecognised(name: string, location: string): IcecoreError {
  return new IcecoreError(
    'store',
    'pack-not-recognised',
    `cannot store ${name} in ${location}: an answer was lost, and whether the pack that is there is whole cannot be told`,
    { hint: 'run the command again: it goes on with all packs but this one', data: { object: name } },
  );
}
