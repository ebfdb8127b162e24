/**
 * The database of the catalog: its tables, and how a connection is set up. What is in the tables is catalog.ts's.
 */
import { rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

const SCHEMA_VERSION = 3;
/** Pages of SQLite's cache, in KiB: the whole of the memory that the catalog takes. */
const CACHE_KIB = 16_384;

const SCHEMA = `
  CREATE TABLE object (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
  CREATE TABLE pack (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, size INTEGER NOT NULL,
    class TEXT NOT NULL, sha256 TEXT NOT NULL, checksum TEXT, etag TEXT, created TEXT NOT NULL,
    header BLOB NOT NULL);
  CREATE TABLE named (object INTEGER NOT NULL, pack INTEGER NOT NULL, PRIMARY KEY (object, pack)) WITHOUT ROWID;
  CREATE TABLE frame (
    pack INTEGER NOT NULL, frame INTEGER NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL, raw INTEGER NOT NULL,
    PRIMARY KEY (pack, frame)) WITHOUT ROWID;
  CREATE TABLE chunk (
    id BLOB NOT NULL, pack INTEGER NOT NULL, frame INTEGER NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL,
    PRIMARY KEY (id, pack)) WITHOUT ROWID;
  CREATE TABLE small (name TEXT PRIMARY KEY, hash TEXT NOT NULL, writer TEXT NOT NULL, payload BLOB NOT NULL) WITHOUT ROWID;
  CREATE TABLE pending (sid TEXT NOT NULL, pack TEXT NOT NULL, record BLOB NOT NULL, PRIMARY KEY (sid, pack)) WITHOUT ROWID;
`;

function configure(db: DatabaseSync): void {
  // Losing the file in a power cut costs a rebuild, so it need not be synced; WAL lets readers go on beside a writer.
  db.exec(`PRAGMA busy_timeout = 60000; PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;
    PRAGMA cache_size = -${CACHE_KIB}; PRAGMA temp_store = MEMORY;`);
}

/** Opens a catalog's database, or makes its tables. @throws when it is torn or of another version */
export function openDatabase(path: string): DatabaseSync {
  const db = new DatabaseSync(path);
  try {
    configure(db);
    const version = Number(db.prepare('PRAGMA user_version').get()!.user_version);
    if (version === 0) initialize(db);
    else if (version !== SCHEMA_VERSION) throw new OtherVersion(`catalog version ${version}`);
    // Wrong bytes in the text of the schema make tables of other columns.
    if (schemaOf(db) !== TABLES) throw new OtherVersion('catalog of another schema');
    // Touches every table's root page: a file of garbage fails here and not in the middle of a run.
    db.exec(
      'SELECT (SELECT count(*) FROM object), (SELECT max(id) FROM pack), (SELECT 1 FROM chunk LIMIT 1), (SELECT 1 FROM small LIMIT 1)',
    );
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

const TABLES = SCHEMA.split(';')
  .map((statement) => statement.trim())
  .filter((statement) => statement !== '')
  .join(';');

function schemaOf(db: DatabaseSync): string {
  const rows = db.prepare('SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid').all();
  return rows.map(({ sql }) => String(sql)).join(';');
}

/** Makes a new one. */
export function createDatabase(path: string): DatabaseSync {
  const db = new DatabaseSync(path);
  configure(db);
  initialize(db);
  return db;
}

function initialize(db: DatabaseSync): void {
  db.exec('BEGIN IMMEDIATE');
  if (Number(db.prepare('PRAGMA user_version').get()!.user_version) === 0) {
    db.exec(`${SCHEMA} PRAGMA user_version = ${SCHEMA_VERSION};`);
  }
  db.exec('COMMIT');
}

/**
 * What SQLite says of a file that is torn or no database at all: its result codes CORRUPT and NOTADB; and ERROR,
 * CONSTRAINT and MISMATCH, because our statements are always the same: what contradicts them is the file.
 */
const BROKEN: ReadonlySet<number> = new Set([11, 26, 1, 19, 20]);

class OtherVersion extends Error {}

/** True when a file cannot be used and may be made anew. One that is only busy is in use by another process. */
export function isUnusable(error: unknown): boolean {
  if (error instanceof OtherVersion) return true;
  const code = (error as { errcode?: number }).errcode;
  return code !== undefined && BROKEN.has(code & 0xff);
}

/** Looks at every page, and whether chunks lie in packs that are there. */
export function isSound(db: DatabaseSync): boolean {
  try {
    const dangling = 'SELECT 1 FROM chunk WHERE pack NOT IN (SELECT id FROM pack) LIMIT 1';
    const checked = db.prepare('PRAGMA integrity_check(1)').get();
    return checked?.integrity_check === 'ok' && db.prepare(dangling).get() === undefined;
  } catch {
    return false;
  }
}

/** Removes a database that is closed. */
export function removeDatabase(path: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(path + suffix, { force: true });
}
