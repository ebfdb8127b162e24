/**
 * A catalog for one run, made from nothing and removed afterwards, together with what a listing of the store says. A
 * check of the repository must not believe the host's own catalog, which may be torn or old; and neither the index nor
 * the listing fits into memory, so both are compared in SQLite.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { ObjectInfo } from '../store/store.ts';
import { Catalog } from './catalog.ts';

/** A pack that the index names and the listing contradicts. `listed` is its size there, absent when it is not there. */
export interface PackMismatch {
  readonly pack: number;
  readonly name: string;
  readonly size: number;
  readonly listed?: number;
}

const COMMIT_EVERY = 10_000;

/** The scratch catalog of a run. Close it when done. */
export class ScratchCatalog {
  readonly catalog: Catalog;
  /** The file, for those who open it a second time. */
  readonly path: string;
  readonly #folder: string;
  readonly #db: DatabaseSync;

  private constructor(folder: string) {
    this.#folder = folder;
    this.path = join(folder, 'catalog.sqlite');
    this.catalog = Catalog.open(this.path);
    this.#db = new DatabaseSync(this.path);
    this.#db.exec(`PRAGMA busy_timeout = 60000; PRAGMA synchronous = OFF; PRAGMA cache_size = -4096;
      CREATE TABLE listed (name TEXT PRIMARY KEY, size INTEGER NOT NULL, checksum TEXT) WITHOUT ROWID;`);
  }

  /** Makes one below `parent` (a cache folder), or among the system's temporary files when that cannot be used. */
  static open(parent: string): ScratchCatalog {
    try {
      mkdirSync(parent, { recursive: true, mode: 0o700 });
      return new ScratchCatalog(mkdtempSync(join(parent, 'scratch-')));
    } catch {
      return new ScratchCatalog(mkdtempSync(join(tmpdir(), 'icecore-scratch-')));
    }
  }

  /** Closes both and removes the file. */
  close(): void {
    this.#db.close();
    this.catalog.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Takes in a listing of packs. */
  async addListing(objects: AsyncIterable<ObjectInfo>): Promise<void> {
    const add = this.#db.prepare('INSERT OR REPLACE INTO listed (name, size, checksum) VALUES (?, ?, ?)');
    let held: ObjectInfo[] = [];
    const store = () => {
      this.#db.exec('BEGIN IMMEDIATE');
      for (const { name, size, checksum } of held) add.run(name, size, checksum ?? null);
      this.#db.exec('COMMIT');
      held = [];
    };
    // Nothing is awaited within a transaction: the catalog's own connection writes too.
    for await (const object of objects) {
      held.push(object);
      if (held.length >= COMMIT_EVERY) store();
    }
    store();
  }

  /** The size that the listing gives for a pack; undefined when it is not there. */
  listedSize(name: string): number | undefined {
    const row = this.#db.prepare('SELECT size FROM listed WHERE name = ?').get(name);
    return row && Number(row.size);
  }

  /** Bytes of all listed packs. */
  listedBytes(): number {
    return Number(this.#db.prepare('SELECT coalesce(sum(size), 0) AS bytes FROM listed').get()!.bytes);
  }

  /** The packs of the index that are missing, of another size, or of another checksum in the store. */
  mismatches(): PackMismatch[] {
    const rows = this.#db
      .prepare(
        `SELECT p.id AS pack, p.name, p.size, l.size AS listed FROM pack p LEFT JOIN listed l ON l.name = p.name
         WHERE l.size IS NOT p.size OR l.checksum <> p.checksum ORDER BY p.name`,
      )
      .all();
    return rows.map((row) => ({
      pack: Number(row.pack),
      name: String(row.name),
      size: Number(row.size),
      ...(row.listed === null ? {} : { listed: Number(row.listed) }),
    }));
  }

  /** How many listed packs no index object names; below `prefix` only, where given. */
  unindexed(prefix = ''): number {
    const row = this.#db
      .prepare(
        `SELECT count(*) AS count FROM listed l LEFT JOIN pack p ON p.name = l.name
         WHERE p.id IS NULL AND substr(l.name, 1, length(?1)) = ?1`,
      )
      .get(prefix);
    return Number(row!.count);
  }

  /** Packs and chunks of the index. */
  counts(): { readonly packs: number; readonly chunks: number } {
    const row = this.#db
      .prepare('SELECT (SELECT count(*) FROM pack) AS packs, (SELECT count(*) FROM chunk) AS chunks')
      .get()!;
    return { packs: Number(row.packs), chunks: Number(row.chunks) };
  }

  /** Numbers and sizes of the packs of a kind. */
  packSizes(kind: 'data' | 'meta'): { readonly pack: number; readonly size: number }[] {
    const rows = this.#db.prepare('SELECT id AS pack, size FROM pack WHERE kind = ? ORDER BY id').all(kind);
    return rows.map((row) => ({ pack: Number(row.pack), size: Number(row.size) }));
  }
}
