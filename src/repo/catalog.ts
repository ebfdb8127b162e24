/**
 * The catalog: this host's copy of what the index objects say, in SQLite, and of small objects that were opened and
 * checked before. It is disposable and never decides: a lost, old or torn catalog is rebuilt from the repository, and
 * makes a run slower, not wrong. Memory stays the same however many chunks it knows, because SQLite's cache is bounded.
 * It does no store I/O (index-loader.ts fills it).
 */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { PackRecord } from '../format/index-object.ts';
import { createDatabase, isSound, isUnusable, openDatabase, removeDatabase } from './catalog-database.ts';
import { type CatalogPack, SELECT_PACK, toPack } from './catalog-pack.ts';

/** Ids in one question. */
const ASKED_TOGETHER = 64;

/** Where a chunk lies: the pack, the frame in it, and the bytes in the decompressed frame. */
export interface ChunkPlace {
  readonly pack: number;
  readonly frame: number;
  readonly offset: number;
  readonly length: number;
}

/** Where a frame lies in the pack's plaintext. */
export interface CatalogFrame {
  readonly offset: number;
  readonly length: number;
  readonly rawLength: number;
}

/** A small object that was opened and checked before. `hash` is the SHA-256 of the stored object, in hex. */
export interface CachedObject {
  readonly hash: string;
  readonly writer: string;
  readonly payload: Uint8Array;
}

/** The local copy of the index. One instance a process; several processes may share the file. */
export class Catalog {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #packs = new Map<number, CatalogPack>();

  private constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** Opens the catalog at `path`, or makes it; one that is torn or of another version is dropped and made anew. */
  static open(path: string): Catalog {
    if (path === ':memory:') return new Catalog(createDatabase(path));
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    try {
      return new Catalog(openDatabase(path));
    } catch (error) {
      if (!isUnusable(error)) throw error;
      removeDatabase(path);
      return new Catalog(createDatabase(path));
    }
  }

  /** Closes it; may be called twice. */
  close(): void {
    if (this.#db.isOpen) this.#db.close();
  }

  /** Looks at all of it, which takes seconds where it is large: for when something has failed that cannot fail. */
  isSound(): boolean {
    return isSound(this.#db);
  }

  /** Closes it and removes its file, which turned out to be torn: the next one is made anew. */
  discard(): void {
    const path = this.#db.isOpen ? this.#db.location() : null;
    this.close();
    if (path !== null) removeDatabase(path);
  }

  /** Runs `work` in one transaction; other processes wait for it. */
  transaction<T>(work: () => T): T {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.#db.exec('COMMIT');
      return result;
    } catch (error) {
      // SQLite itself rolls back where the file is torn or the disk full.
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
  }

  /** The numbers of all packs that hold the chunk (32 bytes), in no order. */
  packsOf(id: Uint8Array): number[] {
    return this.#prepare('SELECT pack FROM chunk WHERE id = ?')
      .all(id)
      .map((row) => Number(row.pack));
  }

  /** All known places of a chunk (32 bytes). */
  placesOf(id: Uint8Array): ChunkPlace[] {
    return this.#prepare('SELECT pack, frame, offset, length FROM chunk WHERE id = ?').all(
      id,
    ) as unknown as ChunkPlace[];
  }

  /** Tells all known places of many chunks; `chunk` is the place of its id in `ids`. Cheaper than asking for each. */
  eachPlace(
    ids: readonly Uint8Array[],
    tell: (chunk: number, pack: number, frame: number, offset: number, length: number) => void,
  ): void {
    for (let from = 0; from < ids.length; from += ASKED_TOGETHER) {
      const asked = ids.slice(from, from + ASKED_TOGETHER);
      const values = asked.map((_, i) => `(${i},?)`).join(',');
      const sql = `WITH asked(n, id) AS (VALUES ${values})
        SELECT n, pack, frame, offset, length FROM asked CROSS JOIN chunk ON chunk.id = asked.id`;
      const statement = this.#prepare(sql);
      statement.setReturnArrays(true);
      for (const [n, ...place] of statement.all(...asked) as unknown as [number, number, number, number, number][]) {
        tell(from + n, ...place);
      }
    }
  }

  /** True when no chunk is known: then nothing needs to be looked up. */
  isEmpty(): boolean {
    return this.#prepare('SELECT 1 FROM chunk LIMIT 1').get() === undefined;
  }

  /** Describes a pack by its number; the number comes from a place. */
  pack(id: number): CatalogPack {
    const held = this.#packs.get(id);
    if (held) return held;
    const pack = toPack(this.#prepare(`${SELECT_PACK} WHERE id = ?`).get(id)!);
    if (this.#packs.size >= 65_536) this.#packs.clear();
    this.#packs.set(id, pack);
    return pack;
  }

  /** Describes a pack by its name. */
  packByName(name: string): CatalogPack | undefined {
    const row = this.#prepare(`${SELECT_PACK} WHERE name = ?`).get(name);
    return row && toPack(row);
  }

  /** All packs, in the order in which they came. */
  *packs(): Generator<CatalogPack> {
    for (const row of this.#db.prepare(`${SELECT_PACK} ORDER BY id`).iterate()) yield toPack(row);
  }

  /** The frames of a pack, by their number. */
  frames(pack: number): CatalogFrame[] {
    return this.#prepare('SELECT offset, length, raw AS rawLength FROM frame WHERE pack = ? ORDER BY frame').all(
      pack,
    ) as unknown as CatalogFrame[];
  }

  /** The index object that names a pack. */
  objectOf(pack: number): string | undefined {
    const row = this.#prepare(
      'SELECT o.name FROM named n JOIN object o ON o.id = n.object WHERE n.pack = ? LIMIT 1',
    ).get(pack);
    return row && String(row.name);
  }

  /** Names of the index objects that were imported. */
  importedObjects(): Set<string> {
    return new Set(
      this.#prepare('SELECT name FROM object')
        .all()
        .map((row) => String(row.name)),
    );
  }

  /** Takes in an index object, in one transaction. A pack that is known already keeps its first description. */
  importIndex(name: string, records: readonly PackRecord[]): void {
    this.transaction(() => {
      const object = Number(this.#prepare('INSERT OR IGNORE INTO object (name) VALUES (?)').run(name).lastInsertRowid);
      const addPack = this.#prepare(
        'INSERT OR IGNORE INTO pack (name, kind, size, class, sha256, checksum, etag, created, header) VALUES (?,?,?,?,?,?,?,?,?)',
      );
      const findPack = this.#prepare('SELECT id FROM pack WHERE name = ?');
      const addName = this.#prepare('INSERT OR IGNORE INTO named (object, pack) VALUES (?,?)');
      const addFrame = this.#prepare('INSERT INTO frame (pack, frame, offset, length, raw) VALUES (?,?,?,?,?)');
      const addChunk = this.#prepare(
        'INSERT OR IGNORE INTO chunk (id, pack, frame, offset, length) VALUES (?,?,?,?,?)',
      );
      for (const record of records) {
        const added = addPack.run(
          record.name,
          record.kind,
          record.size,
          record.class,
          record.sha256,
          record.checksum ?? null,
          record.etag ?? null,
          record.created,
          record.header,
        );
        const isKnown = Number(added.changes) === 0;
        const pack = isKnown ? Number(findPack.get(record.name)!.id) : Number(added.lastInsertRowid);
        addName.run(object, pack);
        if (isKnown) continue;
        record.frames.forEach((frame, number) => {
          addFrame.run(pack, number, frame.offset, frame.length, frame.rawLength);
          for (const [id, offset, length] of frame.chunks) {
            addChunk.run(Buffer.from(id, 'hex'), pack, number, offset, length);
          }
        });
      }
    });
  }

  /** Forgets index objects that are no longer in the repository, with the packs and chunks that no other one names. */
  dropObjects(names: readonly string[]): void {
    if (names.length === 0) return;
    this.#packs.clear();
    this.transaction(() => {
      for (const name of names) {
        const object = this.#prepare('SELECT id FROM object WHERE name = ?').get(name);
        if (!object) continue;
        this.#prepare('DELETE FROM named WHERE object = ?').run(object.id!);
        this.#prepare('DELETE FROM object WHERE id = ?').run(object.id!);
      }
      const unnamed = 'SELECT id FROM pack WHERE id NOT IN (SELECT pack FROM named)';
      // A chunk has no key by pack: a rare full pass here buys a table half the size.
      this.#prepare(`DELETE FROM chunk WHERE pack IN (${unnamed})`).run();
      this.#prepare(`DELETE FROM frame WHERE pack IN (${unnamed})`).run();
      this.#prepare('DELETE FROM pack WHERE id NOT IN (SELECT pack FROM named)').run();
    });
  }

  /** A small object seen before. */
  cachedObject(name: string): CachedObject | undefined {
    return this.#prepare('SELECT hash, writer, payload FROM small WHERE name = ?').get(name) as
      | CachedObject
      | undefined;
  }

  /** Keeps a small object that was opened and checked. */
  cacheObject(name: string, object: CachedObject): void {
    this.#prepare('INSERT OR REPLACE INTO small (name, hash, writer, payload) VALUES (?,?,?,?)').run(
      name,
      object.hash,
      object.writer,
      object.payload,
    );
  }

  /** Remembers a pack that this host stored and that no index object names yet (an encoded index record). */
  addPending(sid: string, pack: string, record: Uint8Array): void {
    this.#prepare('INSERT OR REPLACE INTO pending (sid, pack, record) VALUES (?,?,?)').run(sid, pack, record);
  }

  /** The packs remembered by {@link addPending}. */
  pending(): { sid: string; pack: string; record: Uint8Array }[] {
    return this.#prepare('SELECT sid, pack, record FROM pending ORDER BY sid, pack').all() as never;
  }

  /** Drops what was remembered of a session, or of one pack of it. */
  dropPending(sid: string, pack?: string): void {
    if (pack === undefined) this.#prepare('DELETE FROM pending WHERE sid = ?').run(sid);
    else this.#prepare('DELETE FROM pending WHERE sid = ? AND pack = ?').run(sid, pack);
  }

  #prepare(sql: string): StatementSync {
    const held = this.#statements.get(sql);
    if (held) return held;
    const statement = this.#db.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}
