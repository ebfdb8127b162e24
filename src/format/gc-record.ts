/**
 * Gc record: what a pruner (or a user who forgets snapshots) publishes before anything is deleted, at `gc/<n>`. Owns
 * its lines and their strict reading. Records form a chain: each names the SHA-256 of the one before. A pack condemned
 * in any of them is condemned for ever; a session is forgotten or not by the last record that speaks of it.
 *
 *     {"gc":1,"n":7,"prev":"<sha-256 of gc/6, or null>","time":"2026-11-17T12:00:00.000Z"}
 *     {"condemned":"packs","sid":"…","runs":[[0,4],[7,7]]}       or "meta": packs of manifests
 *     {"forgotten":"<sid>"}   {"recalled":"<sid>"}   {"revoked":"<sid>"}
 */
import { damage } from '../base/errors.ts';
import { isSessionId, type SessionId } from '../base/ids.ts';
import {
  encodeJsonLines,
  expectObject,
  fieldFailure,
  hasField,
  type JsonObject,
  parseJsonLines,
  readHex,
  readInteger,
  readNullable,
  readOneOf,
  refuseOtherFields,
} from '../base/json.ts';
import {
  checkVersion,
  MAX_SMALL_OBJECT_BYTES,
  type PackRanges,
  readPackRanges,
  readSessionId,
  readTime,
} from './fields.ts';
import { MAX_NUMBER, parseName } from './layout.ts';

/** One record. */
export interface GcRecord {
  /** The number in its name, from 1. */
  readonly n: number;
  /** SHA-256 of the stored record before it; null for the first. */
  readonly prev: string | null;
  /** When it was made, by the pruner's clock: for people. The delay before deletion goes by the store's. */
  readonly time: string;
  /** Packs that nothing may rely on any more, and that will be deleted. */
  readonly condemned: { readonly packs: PackRanges; readonly meta: PackRanges };
  /** Snapshots that are no longer wanted. */
  readonly forgotten: readonly SessionId[];
  /** Snapshots that were forgotten and are wanted again. */
  readonly recalled: readonly SessionId[];
  /** Sessions that have a revocation in place of a snapshot. */
  readonly revoked: readonly SessionId[];
}

const HEAD_FIELDS: ReadonlySet<string> = new Set(['gc', 'n', 'prev', 'time']);
const CONDEMNED_FIELDS: ReadonlySet<string> = new Set(['condemned', 'sid', 'runs']);
const SESSIONS = ['forgotten', 'recalled', 'revoked'] as const;
const LIMITS = { maxLength: 4 * MAX_SMALL_OBJECT_BYTES, maxLines: 1_000_000, maxDepth: 4 };

/** Writes a record as JSON lines. */
export function encodeGcRecord(record: GcRecord): Buffer {
  const lines: unknown[] = [{ gc: 1, n: record.n, prev: record.prev, time: record.time }];
  for (const kind of ['packs', 'meta'] as const) {
    for (const [sid, runs] of record.condemned[kind]) lines.push({ condemned: kind, sid, runs });
  }
  for (const field of SESSIONS) for (const sid of record[field]) lines.push({ [field]: sid });
  return encodeJsonLines(lines);
}

/**
 * Reads a record.
 * @param object its name in the repository, which must agree with the number inside
 * @throws damage: `json-field`, `newer-format`, `object-mismatch`, `gc-contradiction`, or what base/json.ts says
 */
export function decodeGcRecord(bytes: Uint8Array, object: string): GcRecord {
  const lines = parseJsonLines(bytes, LIMITS, object);
  const head = expectObject(lines.next().value, object, 'first line');
  checkVersion(head, 'gc', object);
  refuseOtherFields(head, HEAD_FIELDS, object);
  const n = readInteger(head, 'n', object, 1, MAX_NUMBER);
  const name = parseName(object);
  if (name?.kind === 'gc' && name.number !== n)
    throw damage('object-mismatch', `${object}: is another record`, { object });
  const prev = readNullable(head, 'prev', object, (field) => readHex(head, field, 32, object));
  if ((n === 1) !== (prev === null)) throw fieldFailure('prev', 'does not go with "n"', object);
  const time = readTime(head, 'time', object);

  const condemned = { packs: new Map(), meta: new Map() };
  const sessions = { forgotten: new Set<SessionId>(), recalled: new Set<SessionId>(), revoked: new Set<SessionId>() };
  for (const value of lines) {
    const line = expectObject(value, object, 'line');
    if (hasField(line, 'condemned')) {
      refuseOtherFields(line, CONDEMNED_FIELDS, object);
      const kind = readOneOf(line, 'condemned', ['packs', 'meta'], object);
      const sid = readSessionId(line, 'sid', object);
      if (condemned[kind].has(sid)) throw fieldFailure('sid', 'has two lines', object);
      condemned[kind].set(sid, readPackRanges({ runs: { [sid]: line.runs } }, 'runs', object).get(sid)!);
    } else {
      addSession(line, sessions, object);
    }
  }
  for (const sid of sessions.recalled) {
    if (sessions.forgotten.has(sid)) {
      throw damage('gc-contradiction', `${object}: forgets and recalls the same snapshot`, { object });
    }
  }
  const { forgotten, recalled, revoked } = sessions;
  return { n, prev, time, condemned, forgotten: [...forgotten], recalled: [...recalled], revoked: [...revoked] };
}

function addSession(
  line: JsonObject,
  sessions: Record<(typeof SESSIONS)[number], Set<SessionId>>,
  object: string,
): void {
  const [field, ...others] = Object.keys(line);
  const known = SESSIONS.find((name) => name === field);
  if (known === undefined || others.length > 0)
    throw fieldFailure((field ?? '').slice(0, 40), 'is not known here', object);
  const sid = line[known];
  if (typeof sid !== 'string' || !isSessionId(sid)) throw fieldFailure(known, 'is not a session id', object);
  if (sessions[known].has(sid)) throw fieldFailure(known, 'names a session twice', object);
  sessions[known].add(sid);
}
