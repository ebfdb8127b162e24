/**
 * Answers, for a backup, which chunks are new: the catalog knows the stored ones, a set in memory those of this run
 * whose index object is not written yet. Collects the foreign packs that the answers rely on, for the claims.
 */
import type { Catalog } from './catalog.ts';

const ID_BYTES = 32;

/** The chunks that need not be stored again. One writer of it: the session's main thread. */
export class KnownChunks {
  readonly #catalog: Catalog;
  /** Packs that must not be relied on. */
  readonly #isCondemned: (packName: string) => boolean;
  readonly #fresh = new Set<string>();
  readonly #relied = new Set<number>();
  #catalogIsEmpty: boolean;

  readonly #kind: 'data' | 'meta';

  /**
   * Data and metadata are known apart from each other: a manifest must never come to lie in a cold pack because
   * somebody backed up the same bytes as a file.
   */
  constructor(kind: 'data' | 'meta', catalog: Catalog, isCondemned: (packName: string) => boolean) {
    this.#kind = kind;
    this.#catalog = catalog;
    this.#isCondemned = isCondemned;
    this.#catalogIsEmpty = catalog.isEmpty();
  }

  /** Chunks of this run that no index object names yet. */
  get freshCount(): number {
    return this.#fresh.size;
  }

  /** Catalog numbers of the packs that answers relied on. */
  get relied(): ReadonlySet<number> {
    return this.#relied;
  }

  /** True when the chunk (32 bytes) is stored, or about to be by this run. Relies on its pack. */
  has(id: Uint8Array): boolean {
    const key = Buffer.from(id.buffer, id.byteOffset, ID_BYTES).toString('latin1');
    return this.#fresh.has(key) || this.#inCatalog(id);
  }

  /** Takes ids one after the other; 1 in the answer means: new, and from now on this run's to store. */
  claimNew(ids: Uint8Array): Uint8Array {
    const count = ids.length / ID_BYTES;
    const answer = new Uint8Array(count);
    const bytes = Buffer.from(ids.buffer, ids.byteOffset, ids.length);
    for (let i = 0; i < count; i++) {
      const start = i * ID_BYTES;
      const key = bytes.toString('latin1', start, start + ID_BYTES);
      if (this.#fresh.has(key)) continue;
      if (this.#inCatalog(bytes.subarray(start, start + ID_BYTES))) continue;
      this.#fresh.add(key);
      answer[i] = 1;
    }
    return answer;
  }

  /** Called when the catalog has taken in some of this run's packs: it answers for their chunks from now on. */
  refresh(): void {
    this.#catalogIsEmpty = false;
    for (const key of this.#fresh) if (this.#inCatalog(Buffer.from(key, 'latin1'))) this.#fresh.delete(key);
  }

  #inCatalog(id: Uint8Array): boolean {
    if (this.#catalogIsEmpty) return false;
    for (const number of this.#catalog.packsOf(id)) {
      const pack = this.#catalog.pack(number);
      if (pack.kind !== this.#kind || this.#isCondemned(pack.name)) continue;
      this.#relied.add(number);
      return true;
    }
    return false;
  }
}
