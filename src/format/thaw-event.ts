/**
 * Thaw event: something that happened to a thaw job, at `thaw/<job>/<k>` with k from 1 on. Owns the fields and their
 * strict reading; the job itself is thaw-job.ts's. `asking` is stored before the packs are asked for, so that another
 * host that works on the job leaves them alone; whether they really were is for the store to say. `ended` and
 * `cancelled` are last words: what comes after them counts for nothing.
 *
 *     {"thaw":1,"job":"<id>","k":3,"time":…,"host":…,"event":"asking","tier":"bulk","days":3,"packs":[[0,999]]}
 */
import { damage } from '../base/errors.ts';
import type { SessionId } from '../base/ids.ts';
import {
  fieldFailure,
  isIntegerIn,
  type JsonObject,
  parseJsonObject,
  readArray,
  readInteger,
  readOneOf,
  readOptional,
  readString,
  refuseOtherFields,
} from '../base/json.ts';
import { checkVersion, MAX_SMALL_OBJECT_BYTES, readSessionId, readTime } from './fields.ts';
import { MAX_NUMBER, parseName } from './layout.ts';
import { THAW_TIERS } from './thaw-job.ts';

/** Places in the job's list of packs: runs, both ends included, ascending and apart. */
export type PackRuns = readonly (readonly [from: number, to: number])[];

/** What happened. */
export type ThawHappening =
  | {
      readonly event: 'asking';
      /** Absent where the provider has no choice. */
      readonly tier?: (typeof THAW_TIERS)[number];
      readonly days: number;
      readonly packs: PackRuns;
      /** By a job of S3 Batch Operations, which a person sends: it takes its time. Absent: request by request, at once. */
      readonly by?: 'batch';
    }
  | { readonly event: 'ended' | 'cancelled' };

/** One object of a job after its first. */
export type ThawEvent = ThawHappening & {
  readonly job: SessionId;
  readonly k: number;
  /** By the store's clock where it has one, else by the host's (ISO 8601, UTC). */
  readonly time: string;
  readonly host: string;
};

const FIELDS: ReadonlySet<string> = new Set(['thaw', 'job', 'k', 'time', 'host', 'event']);
const ASKING_FIELDS: ReadonlySet<string> = new Set([...FIELDS, 'tier', 'days', 'packs', 'by']);
const EVENTS = ['asking', 'ended', 'cancelled'] as const;
const LIMITS = { maxLength: MAX_SMALL_OBJECT_BYTES, maxDepth: 4 };
const MAX_DAYS = 3650;

/** Writes an event as JSON. */
export function encodeThawEvent(event: ThawEvent): Buffer {
  const { job, k, time, host } = event;
  const head = { thaw: 1, job, k, time, host, event: event.event };
  if (event.event !== 'asking') return Buffer.from(JSON.stringify(head), 'utf8');
  const { tier, days, packs, by } = event;
  // Absent ones are left out.
  return Buffer.from(JSON.stringify({ ...head, tier, days, packs, by }), 'utf8');
}

/**
 * Reads an event.
 * @param object its name in the repository, which must agree with what is inside
 * @param packs how many packs the job has
 * @throws damage: `json-field`, `newer-format`, `object-mismatch`, or what base/json.ts says
 */
export function decodeThawEvent(bytes: Uint8Array, object: string, packs: number): ThawEvent {
  const from = parseJsonObject(bytes, LIMITS, object);
  checkVersion(from, 'thaw', object);
  const event = readOneOf(from, 'event', EVENTS, object);
  refuseOtherFields(from, event === 'asking' ? ASKING_FIELDS : FIELDS, object);
  const head = {
    job: readSessionId(from, 'job', object),
    k: readInteger(from, 'k', object, 1, MAX_NUMBER),
    time: readTime(from, 'time', object),
    host: readString(from, 'host', object, { maxLength: 1024 }),
  };
  const name = parseName(object);
  if (name?.kind === 'thaw' && (name.sid !== head.job || name.number !== head.k)) {
    throw damage('object-mismatch', `${object}: is about another thaw job`, { object });
  }
  if (event !== 'asking') return { ...head, event };
  const tier = readOptional(from, 'tier', (field) => readOneOf(from, field, THAW_TIERS, object));
  const days = readInteger(from, 'days', object, 1, MAX_DAYS);
  const by = readOptional(from, 'by', (field) => readOneOf(from, field, ['batch'] as const, object));
  return {
    ...{ ...head, event, days, packs: readRuns(from, object, packs) },
    ...(tier === undefined ? {} : { tier }),
    ...(by === undefined ? {} : { by }),
  };
}

/** Makes runs of ascending numbers. */
export function makeRuns(numbers: Iterable<number>): PackRuns {
  const runs: [number, number][] = [];
  for (const number of numbers) {
    const last = runs.at(-1);
    if (last && last[1] + 1 === number) last[1] = number;
    else runs.push([number, number]);
  }
  return runs;
}

/** The numbers of runs, one by one. */
export function* listRuns(runs: PackRuns): Generator<number> {
  for (const [from, to] of runs) for (let number = from; number <= to; number++) yield number;
}

function readRuns(from: JsonObject, object: string, packs: number): PackRuns {
  let next = 0;
  return readArray(from, 'packs', object).map((run) => {
    const [first, last] = Array.isArray(run) && run.length === 2 ? (run as unknown[]) : [];
    if (!isIntegerIn(first, next, packs - 1) || !isIntegerIn(last, first, packs - 1)) {
      throw fieldFailure('packs', 'holds something else than ascending runs of the packs of the job', object);
    }
    next = last + 2; // runs that touch would have been one
    return [first, last] as const;
  });
}
