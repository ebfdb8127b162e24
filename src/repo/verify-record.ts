/**
 * What this host has verified and when: each pack's last reading and last comparison, and the last checks of each
 * snapshot. Samples take the oldest first by it, and `snapshots` shows it. It is this host's own knowledge, kept in the
 * state folder and nowhere else: lost, it starts again with nothing, and never makes a check pass.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { RepoId } from '../base/ids.ts';
import { isUnusable, removeDatabase } from './catalog-database.ts';

/** How deep a check went: what a listing shows, what the store keeps of each pack, or every byte. */
export type VerifyLevel = 'list' | 'checksums' | 'data';

/** The last check of a snapshot at one level, of all of it or of a part. */
export interface SnapshotCheck {
  readonly level: VerifyLevel;
  /** When it began, in milliseconds, by this host's clock. */
  readonly time: number;
  /** Which part of the bytes of data was looked at, from 0 to 1: less than 1 for samples and archived packs. */
  readonly share: number;
  /** False when something that the snapshot needs was damaged. */
  readonly isSound: boolean;
}

const VERSION = 1;
const SCHEMA = `
  CREATE TABLE pack (name TEXT PRIMARY KEY, read INTEGER, compared INTEGER) WITHOUT ROWID;
  CREATE TABLE snapshot (
    id TEXT NOT NULL, level TEXT NOT NULL, whole INTEGER NOT NULL, time INTEGER NOT NULL, share REAL NOT NULL,
    sound INTEGER NOT NULL, PRIMARY KEY (id, level, whole)) WITHOUT ROWID;
  PRAGMA user_version = ${VERSION};`;

/** The record of one repository on this host. Close it when done. */
export class VerifyRecord {
  readonly #db: DatabaseSync;
  readonly #lastRead: StatementSync;

  private constructor(path: string) {
    this.#db = new DatabaseSync(path);
    try {
      this.#db.exec('PRAGMA busy_timeout = 60000; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
      this.#db.exec('BEGIN IMMEDIATE');
      const version = Number(this.#db.prepare('PRAGMA user_version').get()!.user_version);
      if (version === 0) this.#db.exec(SCHEMA);
      else if (version !== VERSION) throw new OtherVersion(`record version ${version}`);
      this.#db.exec('COMMIT');
      this.#lastRead = this.#db.prepare('SELECT read FROM pack WHERE name = ?');
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }

  /** Opens the record below the state folder, or makes it; one that is torn, or of another version, is begun anew. */
  static open(state: string, repo: RepoId): VerifyRecord {
    const path = pathOf(state, repo);
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    try {
      return new VerifyRecord(path);
    } catch (error) {
      if (!isUnusable(error) && !(error instanceof OtherVersion)) throw error;
      removeDatabase(path);
      return new VerifyRecord(path);
    }
  }

  /** The checks of all snapshots, by their ids; empty where this host has verified nothing, or cannot say. */
  static checksOf(state: string, repo: RepoId): ReadonlyMap<string, readonly SnapshotCheck[]> {
    if (!existsSync(pathOf(state, repo))) return new Map();
    try {
      const record = new VerifyRecord(pathOf(state, repo));
      try {
        return record.snapshotChecks();
      } finally {
        record.close();
      }
    } catch {
      return new Map();
    }
  }

  close(): void {
    if (this.#db.isOpen) this.#db.close();
  }

  /** When every byte of a pack was last read and found right; undefined: never. */
  lastRead(pack: string): number | undefined {
    const row = this.#lastRead.get(pack);
    return row === undefined || row.read === null ? undefined : Number(row.read);
  }

  /** Takes note of packs that were found right at a moment: read whole, or compared with what the store keeps of them. */
  sawSound(how: 'read' | 'compared', packs: Iterable<string>, time: number): void {
    const statement = this.#db.prepare(
      `INSERT INTO pack (name, ${how}) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET ${how} = excluded.${how}`,
    );
    this.#transaction(() => {
      for (const pack of packs) statement.run(pack, time);
    });
  }

  /** Forgets packs that were found damaged, so that they come first the next time. */
  sawDamaged(packs: Iterable<string>): void {
    const statement = this.#db.prepare('DELETE FROM pack WHERE name = ?');
    this.#transaction(() => {
      for (const pack of packs) statement.run(pack);
    });
  }

  /** Takes note of the checks of snapshots. */
  sawSnapshots(checks: Iterable<SnapshotCheck & { readonly id: string }>): void {
    const statement = this.#db.prepare(
      `INSERT INTO snapshot (id, level, whole, time, share, sound) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (id, level, whole) DO UPDATE SET time = excluded.time, share = excluded.share, sound = excluded.sound`,
    );
    this.#transaction(() => {
      for (const { id, level, time, share, isSound } of checks) {
        statement.run(id, level, share === 1 ? 1 : 0, time, share, isSound ? 1 : 0);
      }
    });
  }

  /** All checks by snapshot. */
  snapshotChecks(): Map<string, readonly SnapshotCheck[]> {
    const checks = new Map<string, SnapshotCheck[]>();
    for (const row of this.#db.prepare('SELECT id, level, time, share, sound FROM snapshot ORDER BY time').iterate()) {
      const check = {
        level: row.level as VerifyLevel,
        time: Number(row.time),
        share: Number(row.share),
        isSound: row.sound === 1,
      };
      const held = checks.get(String(row.id));
      if (held) held.push(check);
      else checks.set(String(row.id), [check]);
    }
    return checks;
  }

  /** Drops what is known of packs and snapshots that are gone. */
  sweep(isPackThere: (name: string) => boolean, snapshots: ReadonlySet<string>): void {
    const gone: string[] = [];
    for (const { name } of this.#db.prepare('SELECT name FROM pack').iterate()) {
      if (!isPackThere(String(name))) gone.push(String(name));
    }
    this.sawDamaged(gone);
    const drop = this.#db.prepare('DELETE FROM snapshot WHERE id = ?');
    const ids = this.#db.prepare('SELECT DISTINCT id FROM snapshot').all();
    this.#transaction(() => {
      for (const { id } of ids) if (!snapshots.has(String(id))) drop.run(String(id));
    });
  }

  #transaction(work: () => void): void {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      work();
      this.#db.exec('COMMIT');
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
  }
}

class OtherVersion extends Error {}

function pathOf(state: string, repo: RepoId): string {
  return join(state, repo, 'verified.sqlite');
}
