/**
 * A catalog for one run, made from nothing and removed afterwards, together with what a listing of the store says. A
 * check of the repository must not believe the host's own catalog, which may be torn or old; and neither the index nor
 * the listing fits into memory, so both are compared in SQLite.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { kindPrefix } from '../format/layout.ts';
import { Catalog } from './catalog.ts';

/** What a listing says of a pack. `isReadable` false: it is archived, and was not thawed. */
export interface ListedPack {
  readonly name: string;
  readonly size: number;
  readonly storageClass: string;
  readonly checksum?: string;
  readonly etag?: string;
  readonly isReadable?: boolean;
}

/** A pack that is in the store with the size of the index: what both say of it. */
export interface PackPair {
  readonly pack: number;
  readonly name: string;
  readonly size: number;
  readonly recorded: {
    readonly storageClass: string;
    readonly sha256: string;
    readonly checksum?: string | undefined;
    readonly etag?: string | undefined;
  };
  readonly listed: {
    readonly storageClass: string;
    readonly checksum?: string | undefined;
    readonly etag?: string | undefined;
  };
}

/** Packs of one class that are listed, and whether they can be read as they are. */
export interface ListedClass {
  readonly storageClass: string;
  readonly isReadable: boolean;
  readonly packs: number;
  readonly bytes: number;
}

/** A pack that the index names and the listing contradicts. `listed` is its size there, absent when it is not there. */
export interface PackMismatch {
  readonly pack: number;
  readonly name: string;
  readonly size: number;
  readonly listed?: number;
}

const COMMIT_EVERY = 10_000;
/** Rows that are taken at a time where the whole would not fit into memory. */
const PAGE = 4096;

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
      CREATE TABLE listed (
        name TEXT PRIMARY KEY, size INTEGER NOT NULL, class TEXT NOT NULL, checksum TEXT, etag TEXT,
        readable INTEGER NOT NULL) WITHOUT ROWID;`);
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
  async addListing(objects: AsyncIterable<ListedPack>): Promise<void> {
    const add = this.#db.prepare('INSERT OR REPLACE INTO listed VALUES (?, ?, ?, ?, ?, ?)');
    let held: ListedPack[] = [];
    const store = () => {
      this.#db.exec('BEGIN IMMEDIATE');
      for (const { name, size, storageClass, checksum, etag, isReadable } of held) {
        add.run(name, size, storageClass, checksum ?? null, etag ?? null, isReadable === false ? 0 : 1);
      }
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

  /** Takes in checksums that somebody else has computed of packs, instead of what the listing told. @returns how many */
  async addChecksums(packs: AsyncIterable<{ readonly name: string; readonly checksum?: string }>): Promise<number> {
    const update = this.#db.prepare('UPDATE listed SET checksum = ? WHERE name = ?');
    let known = 0;
    for await (const { name, checksum } of packs) {
      if (checksum !== undefined) known += Number(update.run(checksum, name).changes);
    }
    return known;
  }

  /** The size that the listing gives for a pack; undefined when it is not there. */
  listedSize(name: string): number | undefined {
    const row = this.#db.prepare('SELECT size FROM listed WHERE name = ?').get(name);
    return row && Number(row.size);
  }

  /** False for a pack that is archived; one that is not listed is as good as readable: the attempt will tell. */
  isReadable(name: string): boolean {
    return this.#db.prepare('SELECT readable FROM listed WHERE name = ?').get(name)?.readable !== 0;
  }

  /** The listed packs of a kind, by class. */
  listedClasses(kind: 'pack' | 'meta'): ListedClass[] {
    const prefix = kindPrefix(kind);
    const rows = this.#db
      .prepare(
        `SELECT class, readable, count(*) AS packs, sum(size) AS bytes FROM listed
         WHERE substr(name, 1, length(?1)) = ?1 GROUP BY class, readable ORDER BY class, readable`,
      )
      .all(prefix);
    return rows.map((row) => ({
      storageClass: String(row.class),
      isReadable: row.readable === 1,
      packs: Number(row.packs),
      bytes: Number(row.bytes),
    }));
  }

  /** The packs that are there with the size of the index, in the order of their numbers. May be left early. */
  *pairs(): Generator<PackPair> {
    const page = this.#db.prepare(
      `SELECT p.id, p.name, p.size, p.class, p.sha256, p.checksum, p.etag,
         l.class AS listedClass, l.checksum AS listedChecksum, l.etag AS listedEtag
       FROM pack p JOIN listed l ON l.name = p.name WHERE p.id > ? AND l.size = p.size ORDER BY p.id LIMIT ${PAGE}`,
    );
    // By pages: no statement stays open while others write.
    for (let last = 0; ; ) {
      const rows = page.all(last);
      for (const row of rows) yield toPair(row);
      if (rows.length < PAGE) return;
      last = Number(rows.at(-1)!.id);
    }
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

  /** The data packs of the index, in the order of their numbers, and whether they can be read as they are. */
  *dataPacks(): Generator<{
    readonly pack: number;
    readonly name: string;
    readonly size: number;
    readonly storageClass: string;
    readonly isReadable: boolean;
  }> {
    const page = this.#db.prepare(
      `SELECT p.id AS pack, p.name, p.size, coalesce(l.class, p.class) AS class, coalesce(l.readable, 1) AS readable
       FROM pack p LEFT JOIN listed l ON l.name = p.name
       WHERE p.kind = 'data' AND p.id > ? ORDER BY p.id LIMIT ${PAGE}`,
    );
    for (let last = 0; ; ) {
      const rows = page.all(last);
      for (const row of rows) {
        yield {
          pack: Number(row.pack),
          name: String(row.name),
          size: Number(row.size),
          storageClass: String(row.class),
          isReadable: row.readable === 1,
        };
      }
      if (rows.length < PAGE) return;
      last = Number(rows.at(-1)!.pack);
    }
  }
}

function toPair(row: Record<string, unknown>): PackPair {
  const text = (value: unknown) => (value === null ? undefined : String(value));
  return {
    pack: Number(row.id),
    name: String(row.name),
    size: Number(row.size),
    recorded: {
      storageClass: String(row.class),
      sha256: String(row.sha256),
      checksum: text(row.checksum),
      etag: text(row.etag),
    },
    listed: {
      storageClass: String(row.listedClass),
      checksum: text(row.listedChecksum),
      etag: text(row.listedEtag),
    },
  };
}
