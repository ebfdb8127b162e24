/**
 * Snapshot: the small object whose creation commits a backup, at `snapshots/<sid>`. Owns its fields and their strict
 * reading, and those of the other thing that may stand under that name: a revocation, by which a pruner shuts out a
 * session that has been silent for too long. There is at most one of the two for a session. Seals and stores nothing.
 */
import { damage } from '../base/errors.ts';
import { isChunkId, type SessionId } from '../base/ids.ts';
import {
  fieldFailure,
  hasField,
  type JsonObject,
  parseJsonObject,
  readArray,
  readBoolean,
  readHex,
  readInteger,
  readNullable,
  readObject,
  readOptional,
  readString,
  readStrings,
  refuseOtherFields,
} from '../base/json.ts';
import type { Raw } from '../base/raw.ts';
import { checkVersion, MAX_SMALL_OBJECT_BYTES, readSessionId, readTime, WRITER_ID } from './fields.ts';
import { encodeWriterHeads, readWriterHeads, type WriterHead } from './heads.ts';
import { parseName } from './layout.ts';
import { MAX_LEVEL, type TreeTop } from './node-tree.ts';
import { isDirectoryPath } from './path-rules.ts';
import { decodeRawValue, encodeRawValue } from './raw-text.ts';

/** Counts of a snapshot's entries. `entries` is the sum of the four before; `bytes` is the sum of the files' sizes. */
export interface SnapshotTotals {
  readonly files: number;
  readonly dirs: number;
  readonly symlinks: number;
  /** FIFOs and devices. */
  readonly others: number;
  readonly entries: number;
  readonly bytes: number;
}

/** A committed backup. */
export interface Snapshot {
  readonly id: SessionId;
  /** When the backup began, by the writer's clock (ISO 8601, UTC): for people, never for decisions about data. */
  readonly time: string;
  readonly host: string;
  readonly user: string;
  /** What was backed up: absolute paths. */
  readonly paths: readonly Raw[];
  readonly tags: readonly string[];
  readonly excludes: readonly string[];
  /** The top node of the manifest. */
  readonly root: TreeTop;
  readonly totals: SnapshotTotals;
  /** The writer's id, and the place of this snapshot in its sequence, from 1. */
  readonly writer: string;
  readonly seq: number;
  /** SHA-256 of this writer's previous snapshot object; null for its first (`seq` 1). */
  readonly prev: string | null;
  /** The newest snapshot of every writer, itself included, that was known at commit. */
  readonly seen: ReadonlyMap<string, WriterHead>;
  readonly parent?: SessionId;
  /** A checkpoint of an interrupted run. */
  readonly partial: boolean;
  /** False when items could not be read; `errors` counts them. */
  readonly complete: boolean;
  readonly errors: number;
  /** Names of the index objects that this session wrote. */
  readonly index: readonly string[];
  /** Name and version of the program. */
  readonly program: string;
}

/** Says that a session will never commit. */
export interface Revocation {
  readonly sid: SessionId;
  readonly time: string;
  /** Who revoked: a writer's id, or `admin`. */
  readonly by: string;
}

/** What stands under the name of a snapshot. */
export type Decision =
  | { readonly type: 'snapshot'; readonly snapshot: Snapshot }
  | { readonly type: 'revoked'; readonly revocation: Revocation };

const SNAPSHOT_FIELDS: ReadonlySet<string> = new Set(
  'snapshot id time host user paths tags excludes root totals writer seq prev seen parent partial complete errors index program'.split(
    ' ',
  ),
);
const REVOCATION_FIELDS: ReadonlySet<string> = new Set(['revoked', 'sid', 'time', 'by']);
const TOTALS = ['files', 'dirs', 'symlinks', 'others', 'entries', 'bytes'] as const;
const TOTALS_FIELDS: ReadonlySet<string> = new Set(TOTALS);
const TOP_FIELDS: ReadonlySet<string> = new Set(['id', 'level']);
const LIMITS = { maxLength: MAX_SMALL_OBJECT_BYTES, maxDepth: 4 };
const MAX_ITEMS = 100_000;
const BY = /^(?:[0-9a-f]{16}|admin)$/;

/** Writes a snapshot as JSON. */
export function encodeSnapshot(snapshot: Snapshot): Buffer {
  const { id, time, host, user, tags, excludes, root, totals, writer, seq, prev, parent } = snapshot;
  return Buffer.from(
    JSON.stringify({
      snapshot: 1,
      ...{ id, time, host, user, paths: snapshot.paths.map(encodeRawValue), tags, excludes },
      root: { id: root.id, level: root.level },
      totals: Object.fromEntries(TOTALS.map((field) => [field, totals[field]])),
      ...{ writer, seq, prev, seen: encodeWriterHeads(snapshot.seen) },
      ...(parent === undefined ? {} : { parent }),
      partial: snapshot.partial,
      complete: snapshot.complete,
      errors: snapshot.errors,
      index: snapshot.index,
      program: snapshot.program,
    }),
    'utf8',
  );
}

/** Writes a revocation as JSON. */
export function encodeRevocation({ sid, time, by }: Revocation): Buffer {
  return Buffer.from(JSON.stringify({ revoked: 1, sid, time, by }), 'utf8');
}

/**
 * Reads what stands under the name of a snapshot.
 * @param object its name in the repository; where it is one of a snapshot, the session in it must be the one inside
 * @throws damage: `json-field`, `newer-format`, `object-mismatch`, or what base/json.ts says
 */
export function decodeDecision(bytes: Uint8Array, object: string): Decision {
  const from = parseJsonObject(bytes, LIMITS, object);
  const decision: Decision = hasField(from, 'revoked')
    ? { type: 'revoked', revocation: decodeRevocation(from, object) }
    : { type: 'snapshot', snapshot: decodeSnapshot(from, object) };
  const sid = decision.type === 'revoked' ? decision.revocation.sid : decision.snapshot.id;
  const name = parseName(object);
  if (name?.kind === 'snapshot' && name.sid !== sid) {
    throw damage('object-mismatch', `${object}: is about another session`, { object });
  }
  return decision;
}

function decodeRevocation(from: JsonObject, object: string): Revocation {
  checkVersion(from, 'revoked', object);
  refuseOtherFields(from, REVOCATION_FIELDS, object);
  return {
    sid: readSessionId(from, 'sid', object),
    time: readTime(from, 'time', object),
    by: readString(from, 'by', object, { maxLength: 16, pattern: BY }),
  };
}

function decodeSnapshot(from: JsonObject, object: string): Snapshot {
  checkVersion(from, 'snapshot', object);
  refuseOtherFields(from, SNAPSHOT_FIELDS, object);
  const seq = readInteger(from, 'seq', object, 1);
  const prev = readNullable(from, 'prev', object, (field) => readHex(from, field, 32, object));
  if ((seq === 1) !== (prev === null)) throw fieldFailure('prev', 'does not go with "seq"', object);
  const parent = readOptional(from, 'parent', (field) => readSessionId(from, field, object));
  return {
    id: readSessionId(from, 'id', object),
    time: readTime(from, 'time', object),
    host: readString(from, 'host', object, { maxLength: 1024 }),
    user: readString(from, 'user', object, { maxLength: 1024 }),
    paths: readPaths(from, object),
    tags: readStrings(from, 'tags', object, { maxItems: MAX_ITEMS, maxLength: 4096 }),
    excludes: readStrings(from, 'excludes', object, { maxItems: MAX_ITEMS }),
    root: readTop(readObject(from, 'root', object), object),
    totals: readTotals(readObject(from, 'totals', object), object),
    writer: readString(from, 'writer', object, { maxLength: 16, pattern: WRITER_ID }),
    seq,
    prev,
    seen: readWriterHeads(from, 'seen', object),
    ...(parent === undefined ? {} : { parent }),
    partial: readBoolean(from, 'partial', object),
    complete: readBoolean(from, 'complete', object),
    errors: readInteger(from, 'errors', object),
    index: readIndexNames(from, object),
    program: readString(from, 'program', object, { maxLength: 256 }),
  };
}

function readPaths(from: JsonObject, object: string): readonly Raw[] {
  return readArray(from, 'paths', object, MAX_ITEMS).map((item) => {
    const path = decodeRawValue(item, 'paths', object);
    if (!isDirectoryPath(path)) throw fieldFailure('paths', 'holds something else than absolute paths', object);
    return path;
  });
}

function readTop(from: JsonObject, object: string): TreeTop {
  refuseOtherFields(from, TOP_FIELDS, object);
  const id = readString(from, 'id', object, { maxLength: 64 });
  if (!isChunkId(id)) throw fieldFailure('root', 'is not a chunk', object);
  return { id, level: readInteger(from, 'level', object, 0, MAX_LEVEL) };
}

function readTotals(from: JsonObject, object: string): SnapshotTotals {
  refuseOtherFields(from, TOTALS_FIELDS, object);
  const [files, dirs, symlinks, others, entries, bytes] = TOTALS.map((field) => readInteger(from, field, object)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return { files, dirs, symlinks, others, entries, bytes };
}

function readIndexNames(from: JsonObject, object: string): readonly string[] {
  const names = readStrings(from, 'index', object, { maxItems: MAX_ITEMS, maxLength: 200 });
  for (const name of names) {
    if (parseName(name)?.kind !== 'index')
      throw fieldFailure('index', 'names something else than index objects', object);
  }
  return names;
}
