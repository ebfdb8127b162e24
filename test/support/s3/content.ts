/** The bytes of a stored object: buffers kept as they came, one after the other, never copied until somebody asks. */

/** An immutable run of bytes over several buffers. */
export class Content {
  readonly chunks: readonly Buffer[];
  readonly size: number;

  constructor(chunks: readonly Buffer[]) {
    this.chunks = chunks;
    this.size = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  }

  /** The bytes from `start` to before `end`, without a copy. */
  slice(start: number, end: number): Content {
    const found: Buffer[] = [];
    let position = 0;
    for (const chunk of this.chunks) {
      const from = Math.max(start - position, 0);
      const to = Math.min(end - position, chunk.length);
      if (from < to) found.push(chunk.subarray(from, to));
      position += chunk.length;
    }
    return new Content(found);
  }

  /** All bytes in one buffer: the one kept, or a copy where there are several. */
  bytes(): Buffer {
    return this.chunks.length === 1 ? this.chunks[0]! : Buffer.concat(this.chunks);
  }
}
