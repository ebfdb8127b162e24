/**
 * Fields that several objects of the format have: times for people, ids, versions, runs of pack numbers. Owns their
 * strict reading; base/json.ts owns the plain ones. Every reader throws damage `json-field` naming object and field.
 */
import { damage } from '../base/errors.ts';
import { isRepoId, isSessionId, type RepoId, type SessionId } from '../base/ids.ts';
import {
  fieldFailure,
  hasField,
  isIntegerIn,
  type JsonObject,
  readArray,
  readObject,
  readString,
} from '../base/json.ts';
import { MAX_NUMBER } from './layout.ts';

/** The first 16 hex digits of SHA-256 of a writer's public key. */
export const WRITER_ID = /^[0-9a-f]{16}$/;
/** What Date.toISOString writes. */
const ISO_TIME = /^(?:\d{4}|[+-]\d{6})-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const MAX_RANGES = 1_000_000;

/** The longest of the small objects (snapshots, configs, claims, gc records), in bytes. */
export const MAX_SMALL_OBJECT_BYTES = 16 * 1024 * 1024;

/** Which packs of which sessions: runs of numbers, both ends included, ascending and apart. */
export type PackRanges = ReadonlyMap<SessionId, readonly (readonly [from: number, to: number])[]>;

/**
 * Checks the field that says what an object is and in which version, e.g. `"snapshot":1`.
 * @throws damage `newer-format` for a version that only a newer program can know
 */
export function checkVersion(from: JsonObject, field: string, object: string): void {
  if (!hasField(from, field)) throw fieldFailure(field, 'is missing', object);
  const version = from[field];
  if (version === 1) return;
  if (!isIntegerIn(version, 2, 1_000_000)) throw fieldFailure(field, 'is not a version', object);
  throw damage('newer-format', `${object}: is of format ${version}, which this version does not know`, {
    object,
    hint: 'use a newer version of icecore',
  });
}

/** Reads a time as Date.toISOString writes it, and returns the text. */
export function readTime(from: JsonObject, field: string, object: string): string {
  const text = readString(from, field, object, { maxLength: 40, pattern: ISO_TIME });
  const time = Date.parse(text);
  if (Number.isNaN(time) || new Date(time).toISOString() !== text) throw fieldFailure(field, 'is not a time', object);
  return text;
}

/** Reads a session id. */
export function readSessionId(from: JsonObject, field: string, object: string): SessionId {
  const text = readString(from, field, object, { maxLength: 26 });
  if (!isSessionId(text)) throw fieldFailure(field, 'is not a session id', object);
  return text;
}

/** Reads a repository id. */
export function readRepoId(from: JsonObject, field: string, object: string): RepoId {
  const text = readString(from, field, object, { maxLength: 32 });
  if (!isRepoId(text)) throw fieldFailure(field, 'is not a repository id', object);
  return text;
}

/** Makes ranges of pack numbers, in any order and repeated. Sessions come out in ascending order. */
export function makePackRanges(packs: Iterable<{ readonly sid: SessionId; readonly number: number }>): PackRanges {
  const numbers = new Map<SessionId, Set<number>>();
  for (const { sid, number } of packs) {
    const held = numbers.get(sid);
    if (held) held.add(number);
    else numbers.set(sid, new Set([number]));
  }
  const ranges = new Map<SessionId, [number, number][]>();
  for (const sid of [...numbers.keys()].sort()) {
    const runs: [number, number][] = [];
    for (const number of [...numbers.get(sid)!].sort((a, b) => a - b)) {
      const last = runs[runs.length - 1];
      if (last && last[1] + 1 === number) last[1] = number;
      else runs.push([number, number]);
    }
    ranges.set(sid, runs);
  }
  return ranges;
}

/** True when the ranges hold the pack. */
export function hasPack(ranges: PackRanges, sid: SessionId, number: number): boolean {
  return ranges.get(sid)?.some(([from, to]) => from <= number && number <= to) ?? false;
}

/** Lists the packs of ranges one by one, in order. */
export function* listPacks(ranges: PackRanges): Generator<{ readonly sid: SessionId; readonly number: number }> {
  for (const [sid, runs] of ranges) {
    for (const [from, to] of runs) for (let number = from; number <= to; number++) yield { sid, number };
  }
}

/** Ranges as a JSON value: `{"<sid>":[[0,4],[7,7]]}`. */
export function encodePackRanges(ranges: PackRanges): unknown {
  return Object.fromEntries(ranges);
}

/** Reads what {@link encodePackRanges} made. */
export function readPackRanges(from: JsonObject, field: string, object: string): PackRanges {
  const value = readObject(from, field, object);
  const ranges = new Map<SessionId, (readonly [number, number])[]>();
  for (const sid of Object.keys(value)) {
    if (!isSessionId(sid)) throw fieldFailure(field, 'has a key that is not a session id', object);
    let next = 0;
    const runs = readArray(value, sid, object, MAX_RANGES).map((run) => {
      const [first, last] = Array.isArray(run) && run.length === 2 ? (run as unknown[]) : [];
      if (!isIntegerIn(first, next, MAX_NUMBER) || !isIntegerIn(last, first, MAX_NUMBER)) {
        throw fieldFailure(field, 'holds something else than ascending runs of pack numbers', object);
      }
      next = last + 2; // runs that touch would have been one
      return [first + 0, last + 0] as const;
    });
    if (runs.length === 0) throw fieldFailure(field, 'names a session without packs', object);
    ranges.set(sid, runs);
  }
  return ranges;
}
