/**
 * Asks a catalog about many chunks at once: a second, reading connection to its file, so that worker threads can ask for
 * themselves. One statement answers for a batch, because crossing from JavaScript to SQLite for every chunk costs more
 * than finding it. It never writes.
 */
import { DatabaseSync, type StatementSync } from 'node:sqlite';

/** Bytes of a chunk id. */
export const ID_BYTES = 32;
const BATCH = 1024;
const CACHE_KIB = 4096;

const EACH = 'WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?2)';
const PLACE = 'FROM chunk c JOIN pack p ON p.id = c.pack WHERE c.id = substr(?1, i * 32 + 1, 32) AND p.kind = ?3';

/** Answers from one catalog file. Close it when done. */
export class ChunkLookup {
  readonly #db: DatabaseSync;
  readonly #lengths: StatementSync;
  readonly #packs: StatementSync;

  constructor(path: string) {
    this.#db = new DatabaseSync(path, { readOnly: true });
    this.#db.exec(`PRAGMA busy_timeout = 60000; PRAGMA cache_size = -${CACHE_KIB};`);
    this.#lengths = this.#db.prepare(
      `${EACH} SELECT group_concat(coalesce((SELECT c.length ${PLACE} LIMIT 1), -1)) AS lengths FROM n`,
    );
    this.#packs = this.#db.prepare(`${EACH} SELECT DISTINCT p.id AS pack FROM n, chunk c JOIN pack p ON p.id = c.pack
      WHERE c.id = substr(?1, i * 32 + 1, 32) AND p.kind = ?3`);
  }

  close(): void {
    this.#db.close();
  }

  /** The length of each chunk (`ids`: 32 bytes each, one after the other), -1 where no pack of that kind holds it. */
  lengths(ids: Uint8Array, kind: 'data' | 'meta'): Int32Array {
    const count = ids.length / ID_BYTES;
    const found = new Int32Array(count);
    for (let from = 0; from < count; from += BATCH) {
      const batch = ids.subarray(from * ID_BYTES, (from + BATCH) * ID_BYTES);
      const row = this.#lengths.get(batch, batch.length / ID_BYTES, kind);
      let at = from;
      for (const length of String(row!.lengths).split(',')) found[at++] = Number(length);
    }
    return found;
  }

  /** The catalog's numbers of all packs of that kind that hold any of the chunks. */
  packs(ids: Uint8Array, kind: 'data' | 'meta'): Set<number> {
    const found = new Set<number>();
    for (let from = 0; from < ids.length; from += BATCH * ID_BYTES) {
      const batch = ids.subarray(from, from + BATCH * ID_BYTES);
      for (const row of this.#packs.iterate(batch, batch.length / ID_BYTES, kind)) found.add(Number(row.pack));
    }
    return found;
  }
}
