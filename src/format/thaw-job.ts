/**
 * Thaw job: a restore that waits for archived packs, at `thaw/<job>/0`: what is restored and where to, and which packs
 * it needs, in the order of use. Owns its fields and their strict reading; what happens to a job afterwards is in
 * further objects of the same job (thaw-event.ts). Any host that can read the repository can go on with it.
 *
 *     {"thaw":1,"job":"<id>","k":0,"time":…,"host":…,"user":…,"program":…,
 *      "snapshot":"<sid>","path":…,"target":"/back","include":[],"exclude":[],"overwrite":"if-changed",
 *      "flags":["verify"],"tier":"bulk","days":3,"budget":2500000,
 *      "packs":[{"sid":"…","class":"DEEP_ARCHIVE","packs":[[0,134217728],[1,99531776]]},…]}
 */
import { damage } from '../base/errors.ts';
import type { SessionId } from '../base/ids.ts';
import {
  expectObject,
  fieldFailure,
  isIntegerIn,
  type JsonObject,
  parseJsonObject,
  readArray,
  readInteger,
  readOneOf,
  readOptional,
  readString,
  readStrings,
  refuseOtherFields,
} from '../base/json.ts';
import type { Raw } from '../base/raw.ts';
import { checkVersion, MAX_SMALL_OBJECT_BYTES, readSessionId, readTime } from './fields.ts';
import { MAX_NUMBER, packName, parseName } from './layout.ts';
import { isDirectoryPath } from './path-rules.ts';
import { decodeRawValue, encodeRawValue } from './raw-text.ts';

/** The ways to thaw, from the fastest to the slowest. */
export const THAW_TIERS = ['expedited', 'standard', 'bulk'] as const;
export const JOB_OVERWRITES = ['always', 'if-changed', 'if-newer', 'never'] as const;
/** Options of a restore that are on or off. */
export const JOB_FLAGS = ['delete', 'verify', 'sparse', 'numericIds'] as const;

export type JobFlag = (typeof JOB_FLAGS)[number];

/** A pack that a job needs. */
export interface JobPack {
  readonly name: string;
  readonly size: number;
  readonly storageClass: string;
}

/** What a job was made with. */
export interface ThawJob {
  readonly job: SessionId;
  /** By the clock of the host that made it (ISO 8601, UTC): for people. */
  readonly time: string;
  readonly host: string;
  readonly user: string;
  readonly program: string;
  readonly snapshot: SessionId;
  /** Absolute path in the snapshot. */
  readonly path: Raw;
  /** Absolute path of the directory that is restored into, on the host that made the job. */
  readonly target: string;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly overwrite: (typeof JOB_OVERWRITES)[number];
  readonly flags: readonly JobFlag[];
  /** Absent where the provider has no choice. */
  readonly tier?: (typeof THAW_TIERS)[number];
  /** For how long packs are asked to stay readable. */
  readonly days: number;
  /** What all that the job asks for may cost, in millionths of a US dollar. */
  readonly budget?: number;
  /** In the order in which the restore needs them, each once. */
  readonly packs: readonly JobPack[];
}

const FIELDS: ReadonlySet<string> = new Set(
  'thaw job k time host user program snapshot path target include exclude overwrite flags tier days budget packs'.split(
    ' ',
  ),
);
const GROUP_FIELDS: ReadonlySet<string> = new Set(['sid', 'class', 'packs']);
const LIMITS = { maxLength: MAX_SMALL_OBJECT_BYTES, maxDepth: 6 };
const STORAGE_CLASS = /^[A-Z][A-Z0-9_]{0,63}$/;
const MAX_PATTERNS = 100_000;
const MAX_DAYS = 3650;

/** Writes a job as JSON. */
export function encodeThawJob(job: ThawJob): Buffer {
  const { time, host, user, program, snapshot, target, include, exclude, overwrite, flags, tier, days, budget } = job;
  const json = {
    ...{ thaw: 1, job: job.job, k: 0, time, host, user, program, snapshot, path: encodeRawValue(job.path), target },
    ...{ include, exclude, overwrite, flags },
    ...(tier === undefined ? {} : { tier }),
    days,
    ...(budget === undefined ? {} : { budget }),
    packs: groupPacks(job.packs),
  };
  return Buffer.from(JSON.stringify(json), 'utf8');
}

/**
 * Reads a job.
 * @param object its name in the repository, which must agree with what is inside
 * @throws damage: `json-field`, `newer-format`, `object-mismatch`, or what base/json.ts says
 */
export function decodeThawJob(bytes: Uint8Array, object: string): ThawJob {
  const from = parseJsonObject(bytes, LIMITS, object);
  checkVersion(from, 'thaw', object);
  refuseOtherFields(from, FIELDS, object);
  const job = readSessionId(from, 'job', object);
  readInteger(from, 'k', object, 0, 0);
  const name = parseName(object);
  if (name?.kind === 'thaw' && (name.sid !== job || name.number !== 0)) {
    throw damage('object-mismatch', `${object}: is another thaw job`, { object });
  }
  const tier = readOptional(from, 'tier', (field) => readOneOf(from, field, THAW_TIERS, object));
  const budget = readOptional(from, 'budget', (field) => readInteger(from, field, object));
  return {
    job,
    time: readTime(from, 'time', object),
    host: readString(from, 'host', object, { maxLength: 1024 }),
    user: readString(from, 'user', object, { maxLength: 1024 }),
    program: readString(from, 'program', object, { maxLength: 256 }),
    snapshot: readSessionId(from, 'snapshot', object),
    path: readPath(from, object),
    target: readString(from, 'target', object, { pattern: /^\/[^\0]*$/ }),
    include: readStrings(from, 'include', object, { maxItems: MAX_PATTERNS }),
    exclude: readStrings(from, 'exclude', object, { maxItems: MAX_PATTERNS }),
    overwrite: readOneOf(from, 'overwrite', JOB_OVERWRITES, object),
    flags: readFlags(from, object),
    ...(tier === undefined ? {} : { tier }),
    days: readInteger(from, 'days', object, 1, MAX_DAYS),
    ...(budget === undefined ? {} : { budget }),
    packs: readPacks(from, object),
  };
}

/** Packs that follow one another in a session and a class stand together. */
function groupPacks(packs: readonly JobPack[]): unknown[] {
  const groups: { sid: SessionId; class: string; packs: [number, number][] }[] = [];
  for (const { name, size, storageClass } of packs) {
    const parsed = parseName(name);
    if (parsed?.kind !== 'pack') continue;
    const last = groups.at(-1);
    if (last?.sid === parsed.sid && last.class === storageClass) last.packs.push([parsed.number, size]);
    else groups.push({ sid: parsed.sid, class: storageClass, packs: [[parsed.number, size]] });
  }
  return groups;
}

function readPacks(from: JsonObject, object: string): JobPack[] {
  const packs: JobPack[] = [];
  const names = new Set<string>();
  for (const item of readArray(from, 'packs', object)) {
    const group = expectObject(item, object, 'group of packs');
    refuseOtherFields(group, GROUP_FIELDS, object);
    const sid = readSessionId(group, 'sid', object);
    const storageClass = readString(group, 'class', object, { maxLength: 64, pattern: STORAGE_CLASS });
    for (const pack of readArray(group, 'packs', object)) {
      const [number, size] = Array.isArray(pack) && pack.length === 2 ? (pack as unknown[]) : [];
      if (!isIntegerIn(number, 0, MAX_NUMBER) || !isIntegerIn(size, 1, Number.MAX_SAFE_INTEGER)) {
        throw fieldFailure('packs', 'holds something else than numbers and sizes of packs', object);
      }
      const name = packName(sid, number);
      if (names.has(name)) throw fieldFailure('packs', 'names a pack twice', object);
      names.add(name);
      packs.push({ name, size, storageClass });
    }
  }
  return packs;
}

function readFlags(from: JsonObject, object: string): readonly JobFlag[] {
  const flags = readStrings(from, 'flags', object, { maxItems: JOB_FLAGS.length });
  const known = JOB_FLAGS.filter((flag) => flags.includes(flag));
  if (known.length !== flags.length) throw fieldFailure('flags', 'holds what is no option of a restore', object);
  return known;
}

function readPath(from: JsonObject, object: string): Raw {
  const path = decodeRawValue(from.path, 'path', object);
  if (!isDirectoryPath(path)) throw fieldFailure('path', 'is not an absolute path', object);
  return path;
}
