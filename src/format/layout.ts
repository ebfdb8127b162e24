/**
 * The names of all objects of a repository, and the parsing of names back. Owns the grammar, nothing of the content.
 * A name that does not parse is not one of ours: readers leave it alone, and never delete it.
 */
import { bug } from '../base/errors.ts';
import { isSessionId, padNumber, type SessionId } from '../base/ids.ts';

/** What an object is, as its name says. `marker` is `icecore.json`, `recovery` the two files that explain a restore. */
export type ObjectKind =
  | 'marker'
  | 'recovery'
  | 'key'
  | 'config'
  | 'claim'
  | 'pack'
  | 'meta'
  | 'index'
  | 'snapshot'
  | 'gc'
  | 'thaw';

/** Kinds named by a session (or thaw job) and a number that counts from 0. */
export type NumberedKind = 'claim' | 'pack' | 'meta' | 'index' | 'thaw';
/** Kinds named by a generation that counts from 1. */
export type GenerationKind = 'config' | 'gc';

/** What a name says; fields that a kind does not have are absent. */
export type ParsedName =
  | { readonly kind: NumberedKind; readonly sid: SessionId; readonly number: number; readonly key?: undefined }
  | { readonly kind: GenerationKind; readonly number: number; readonly sid?: undefined; readonly key?: undefined }
  | { readonly kind: 'snapshot'; readonly sid: SessionId; readonly number?: undefined; readonly key?: undefined }
  | { readonly kind: 'key'; readonly key: string; readonly sid?: undefined; readonly number?: undefined }
  | {
      readonly kind: 'marker' | 'recovery';
      readonly sid?: undefined;
      readonly number?: undefined;
      readonly key?: undefined;
    };

/** The object that says that here is a repository, and which. */
export const MARKER_NAME = 'icecore.json';
/** The plain text that explains a restore without this program. */
export const RECOVERY_NAME = 'RECOVERY.md';
/** The script that does it. */
export const RECOVERY_SCRIPT_NAME = 'recover.sh';
/** Below it, objects are put that only try the store, and are removed again: no part of a repository. */
export const PROBE_PREFIX = 'probe/';

/** The largest counter that a name can hold. */
export const MAX_NUMBER = 99_999_999;

const NUMBERED: Readonly<Record<NumberedKind, readonly [folder: string, suffix: string]>> = {
  claim: ['claims/', '.json.zst.age'],
  pack: ['packs/', '.tar.zst.age'],
  meta: ['meta/', '.tar.zst.age'],
  index: ['index/', '.jsonl.zst.age'],
  thaw: ['thaw/', '.json.zst.age'],
};
const GENERATIONS: Readonly<Record<GenerationKind, readonly [folder: string, suffix: string]>> = {
  config: ['config/', '.json.zst.age'],
  gc: ['gc/', '.jsonl.zst.age'],
};
const SNAPSHOT: readonly [folder: string, suffix: string] = ['snapshots/', '.json.zst.age'];
const KEY: readonly [folder: string, suffix: string] = ['keys/', '.age'];
const KEY_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const SID_LENGTH = 26;

/** Names data pack `n` of a session. This and the functions below throw `bug` for a number that a name cannot hold. */
export function packName(sid: SessionId, n: number): string {
  return numberedName('pack', sid, n);
}

/** Names meta pack `n` of a session: the same format as a data pack, holding manifests. */
export function metaPackName(sid: SessionId, n: number): string {
  return numberedName('meta', sid, n);
}

/** Names index object `k` of a session. */
export function indexName(sid: SessionId, k: number): string {
  return numberedName('index', sid, k);
}

/** Names claim `k` of a session. */
export function claimName(sid: SessionId, k: number): string {
  return numberedName('claim', sid, k);
}

/** Names state `k` of a thaw job. */
export function thawName(job: SessionId, k: number): string {
  return numberedName('thaw', job, k);
}

/** Names the snapshot, or the decision against it, of a session. */
export function snapshotName(sid: SessionId): string {
  return SNAPSHOT[0] + sid + SNAPSHOT[1];
}

/** Names generation `g` (from 1) of the settings. */
export function configName(g: number): string {
  return GENERATIONS.config[0] + digits(g, 1) + GENERATIONS.config[1];
}

/** Names garbage collection record `n` (from 1). */
export function gcName(n: number): string {
  return GENERATIONS.gc[0] + digits(n, 1) + GENERATIONS.gc[1];
}

/** True for the name of a key bundle: 1 to 64 of [A-Za-z0-9._-], the first a letter or digit. */
export function isKeyName(key: string): boolean {
  return KEY_NAME.test(key);
}

/**
 * Names a key bundle.
 * @throws IcecoreError `bug` unless {@link isKeyName}; whoever takes names from users checks before
 */
export function keyName(key: string): string {
  if (!isKeyName(key)) throw bug(`not a name of a key: ${JSON.stringify(key)}`);
  return KEY[0] + key + KEY[1];
}

/** The prefix that a listing of all objects of a kind takes, with its slash at the end. */
export function kindPrefix(kind: Exclude<ObjectKind, 'marker' | 'recovery'>): string {
  if (kind === 'snapshot') return SNAPSHOT[0];
  if (kind === 'key') return KEY[0];
  return kind === 'config' || kind === 'gc' ? GENERATIONS[kind][0] : NUMBERED[kind][0];
}

/** The prefix of all objects of a kind that belong to one session (or thaw job). */
export function sessionPrefix(kind: NumberedKind, sid: SessionId): string {
  return `${NUMBERED[kind][0]}${sid}/`;
}

/** Parses a name; undefined for every name that this file would not have made. */
export function parseName(name: string): ParsedName | undefined {
  if (name === MARKER_NAME) return { kind: 'marker' };
  if (name === RECOVERY_NAME || name === RECOVERY_SCRIPT_NAME) return { kind: 'recovery' };
  for (const kind of ['pack', 'meta', 'index', 'claim', 'thaw'] as const) {
    const middle = between(name, NUMBERED[kind]);
    if (middle === undefined) continue;
    const sid = middle.slice(0, SID_LENGTH);
    const number = parseDigits(middle.slice(SID_LENGTH + 1), 0);
    if (!isSessionId(sid) || middle[SID_LENGTH] !== '/' || number === undefined) return undefined;
    return { kind, sid, number };
  }
  for (const kind of ['config', 'gc'] as const) {
    const middle = between(name, GENERATIONS[kind]);
    if (middle === undefined) continue;
    const number = parseDigits(middle, 1);
    return number === undefined ? undefined : { kind, number };
  }
  const sid = between(name, SNAPSHOT);
  if (sid !== undefined) return isSessionId(sid) ? { kind: 'snapshot', sid } : undefined;
  const key = between(name, KEY);
  return key !== undefined && isKeyName(key) ? { kind: 'key', key } : undefined;
}

function numberedName(kind: NumberedKind, sid: SessionId, n: number): string {
  return `${NUMBERED[kind][0]}${sid}/${digits(n, 0)}${NUMBERED[kind][1]}`;
}

function digits(n: number, first: number): string {
  // A ninth digit would break the order of names, by which generations are found.
  if (!Number.isInteger(n) || n < first || n > MAX_NUMBER) throw bug(`not a number for a name: ${n}`);
  return padNumber(n);
}

function parseDigits(text: string, first: number): number | undefined {
  if (!/^[0-9]{8}$/.test(text)) return undefined;
  const number = Number(text);
  return number >= first ? number : undefined;
}

function between(name: string, [folder, suffix]: readonly [string, string]): string | undefined {
  if (!name.startsWith(folder) || !name.endsWith(suffix) || name.length < folder.length + suffix.length) {
    return undefined;
  }
  return name.slice(folder.length, name.length - suffix.length);
}
