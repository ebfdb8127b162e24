/** Keeps what was made last, up to so many bytes: frames of packs, decompressed. Makes nothing and checks nothing itself. */

interface Held {
  readonly content: Promise<Buffer>;
  readonly bytes: number;
}

/** What a frame counts as until its length is known. */
const USUAL_BYTES = 2 * 1_048_576;

/** Contents that are there or on their way, the least recently used first. The last one is kept whatever its length. */
export class FrameCache {
  readonly #maxBytes: number;
  readonly #held = new Map<string, Held>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** True when the content is there or on its way. */
  has(key: string): boolean {
    return this.#held.has(key);
  }

  /** The content, made once however many want it at the same time. A failure is not kept. */
  get(key: string, make: () => Promise<Buffer>): Promise<Buffer> {
    const held = this.#held.get(key);
    if (held) {
      this.#held.delete(key);
      this.#held.set(key, held);
      return held.content;
    }
    const content = make();
    const entry = { content, bytes: USUAL_BYTES };
    this.#keep(key, entry);
    content.then(
      ({ length }) => {
        if (this.#held.get(key) !== entry) return;
        this.#drop(key);
        this.#keep(key, { content, bytes: length });
      },
      () => {
        if (this.#held.get(key) === entry) this.#drop(key);
      },
    );
    return content;
  }

  #keep(key: string, entry: Held): void {
    this.#held.set(key, entry);
    this.#bytes += entry.bytes;
    for (const oldest of this.#held.keys()) {
      if (this.#bytes <= this.#maxBytes || oldest === key) break;
      this.#drop(oldest);
    }
  }

  #drop(key: string): void {
    this.#bytes -= this.#held.get(key)!.bytes;
    this.#held.delete(key);
  }
}
