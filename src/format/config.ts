/**
 * Config: the settings of a repository, one generation an object, at `config/<g>`. Owns their fields and strict reading.
 * Generations form a chain (each names the SHA-256 of the one before) and are signed by the admin's key: who may write,
 * and to whom content is sealed, is taken from here and from nowhere else. Whether the signature holds, and whether a
 * writer's id fits its key, is checked where keys are (seal/, repo/).
 */
import { damage } from '../base/errors.ts';
import type { RepoId } from '../base/ids.ts';
import {
  fieldFailure,
  type JsonObject,
  parseJsonObject,
  readBase64,
  readBoolean,
  readHex,
  readInteger,
  readNullable,
  readObject,
  readOneOf,
  readOptional,
  readString,
  readStrings,
  refuseOtherFields,
} from '../base/json.ts';
import { checkVersion, MAX_SMALL_OBJECT_BYTES, readRepoId, readTime, WRITER_ID } from './fields.ts';
import { MAX_NUMBER, parseName } from './layout.ts';
import { readTagRules, type TagRule } from './object-tags.ts';

/** A host that may write: its Ed25519 public key (32 bytes), and for people its name and when it came. */
export interface ConfigWriter {
  readonly publicKey: Uint8Array;
  readonly host: string;
  readonly added: string;
}

/** The sizes between which content is cut, in bytes. `target` is a power of two. */
export interface ChunkerSizes {
  readonly min: number;
  readonly target: number;
  readonly max: number;
}

/** What the store was found to do when it was probed. `createOnly`: of concurrent creators exactly one wins. */
export interface StoreFacts {
  readonly createOnly: boolean;
  readonly [fact: string]: boolean;
}

/** One generation of the settings. */
export interface Config {
  readonly repo: RepoId;
  /** The number in its name, from 1. */
  readonly generation: number;
  /** SHA-256 of the stored config before it; null for the first. */
  readonly prev: string | null;
  readonly created: string;
  readonly ageType: 'pq' | 'x25519';
  /** age recipients of the data packs (D) and of everything else (M); at least one each. */
  readonly recipients: { readonly data: readonly string[]; readonly meta: readonly string[] };
  /** By id: the first 16 hex digits of SHA-256 of the public key. */
  readonly writers: ReadonlyMap<string, ConfigWriter>;
  /** The admin's Ed25519 public key, 32 bytes. */
  readonly admin: Uint8Array;
  readonly chunker: ChunkerSizes;
  /** Target size of a data pack in bytes. */
  readonly packSize: number;
  /** Class of data packs of at least `coldMinimum` bytes; smaller ones are STANDARD. */
  readonly storageClass: string;
  readonly coldMinimum: number;
  /** zstd level, 1 to 22. */
  readonly compression: number;
  readonly store: StoreFacts;
  /** Where the bucket has to be: every open asks it, and goes no further in another region. */
  readonly region?: string;
  /** Tags that objects are stored with; never empty. */
  readonly objectTags?: readonly TagRule[];
}

const FIELDS: ReadonlySet<string> = new Set(
  'config repo generation prev created ageType recipients writers admin chunker packSize storageClass coldMinimum compression store region objectTags'.split(
    ' ',
  ),
);
const RECIPIENT_FIELDS: ReadonlySet<string> = new Set(['data', 'meta']);
const WRITER_FIELDS: ReadonlySet<string> = new Set(['publicKey', 'host', 'added']);
const CHUNKER_FIELDS: ReadonlySet<string> = new Set(['min', 'target', 'max']);
const LIMITS = { maxLength: MAX_SMALL_OBJECT_BYTES, maxDepth: 4 };
const STORAGE_CLASS = /^[A-Z][A-Z0-9_-]{0,63}$/;
/** What AWS and the others call their regions: `eu-central-1`, `fr-par`, `GRA`, `auto`. */
export const REGION: RegExp = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const RECIPIENT = /^age1[0-9a-z]{1,8000}$/;
const FACT = /^[a-z][A-Za-z0-9]{0,63}$/;
const MAX_CHUNK_BYTES = 8 * 1024 * 1024;
const MAX_PACK_BYTES = 2 ** 40;
const MAX_ITEMS = 10_000;

/** Writes a config as JSON. */
export function encodeConfig(config: Config): Buffer {
  const writers = [...config.writers].sort(([a], [b]) => (a < b ? -1 : 1));
  const { repo, generation, prev, created, ageType, packSize, storageClass, coldMinimum, compression, store } = config;
  const { region, objectTags } = config;
  return Buffer.from(
    JSON.stringify({
      config: 1,
      ...{ repo, generation, prev, created, ageType },
      recipients: { data: config.recipients.data, meta: config.recipients.meta },
      writers: Object.fromEntries(
        writers.map(([id, { publicKey, host, added }]) => [id, { publicKey: base64(publicKey), host, added }]),
      ),
      admin: base64(config.admin),
      chunker: { min: config.chunker.min, target: config.chunker.target, max: config.chunker.max },
      ...{ packSize, storageClass, coldMinimum, compression, store, region, objectTags },
    }),
    'utf8',
  );
}

/**
 * Reads a config.
 * @param object its name in the repository, which must agree with the generation inside
 * @throws damage: `json-field`, `newer-format`, `object-mismatch`, or what base/json.ts says
 */
export function decodeConfig(bytes: Uint8Array, object: string): Config {
  const from = parseJsonObject(bytes, LIMITS, object);
  checkVersion(from, 'config', object);
  refuseOtherFields(from, FIELDS, object);
  const generation = readInteger(from, 'generation', object, 1, MAX_NUMBER);
  const name = parseName(object);
  if (name?.kind === 'config' && name.number !== generation) {
    throw damage('object-mismatch', `${object}: is another generation`, { object });
  }
  const prev = readNullable(from, 'prev', object, (field) => readHex(from, field, 32, object));
  if ((generation === 1) !== (prev === null)) throw fieldFailure('prev', 'does not go with "generation"', object);
  const region = readOptional(from, 'region', (field) => readString(from, field, object, { pattern: REGION }));
  const objectTags = readOptional(from, 'objectTags', (field) => readTagRules(from, field, object));
  return {
    repo: readRepoId(from, 'repo', object),
    generation,
    prev,
    created: readTime(from, 'created', object),
    ageType: readOneOf(from, 'ageType', ['pq', 'x25519'], object),
    recipients: readRecipients(readObject(from, 'recipients', object), object),
    writers: readWriters(readObject(from, 'writers', object), object),
    admin: readKey(from, 'admin', object),
    chunker: readChunker(readObject(from, 'chunker', object), object),
    packSize: readInteger(from, 'packSize', object, 1, MAX_PACK_BYTES),
    storageClass: readString(from, 'storageClass', object, { maxLength: 64, pattern: STORAGE_CLASS }),
    coldMinimum: readInteger(from, 'coldMinimum', object, 0, MAX_PACK_BYTES),
    compression: readInteger(from, 'compression', object, 1, 22),
    store: readFacts(readObject(from, 'store', object), object),
    ...(region === undefined ? {} : { region }),
    ...(objectTags === undefined ? {} : { objectTags }),
  };
}

function readRecipients(from: JsonObject, object: string): Config['recipients'] {
  refuseOtherFields(from, RECIPIENT_FIELDS, object);
  const read = (field: string): readonly string[] => {
    const list = readStrings(from, field, object, { maxItems: MAX_ITEMS, pattern: RECIPIENT });
    // Sealed to nobody, content would be lost.
    if (list.length === 0) throw fieldFailure(field, 'has no recipient', object);
    return list;
  };
  return { data: read('data'), meta: read('meta') };
}

function readWriters(from: JsonObject, object: string): ReadonlyMap<string, ConfigWriter> {
  const writers = new Map<string, ConfigWriter>();
  for (const id of Object.keys(from)) {
    if (!WRITER_ID.test(id)) throw fieldFailure('writers', 'has a key that is not a writer', object);
    const writer = readObject(from, id, object);
    refuseOtherFields(writer, WRITER_FIELDS, object);
    writers.set(id, {
      publicKey: readKey(writer, 'publicKey', object),
      host: readString(writer, 'host', object, { maxLength: 1024 }),
      added: readTime(writer, 'added', object),
    });
  }
  return writers;
}

function readChunker(from: JsonObject, object: string): ChunkerSizes {
  refuseOtherFields(from, CHUNKER_FIELDS, object);
  const target = readInteger(from, 'target', object, 2, MAX_CHUNK_BYTES);
  if (2 ** Math.round(Math.log2(target)) !== target) throw fieldFailure('target', 'is not a power of two', object);
  const min = readInteger(from, 'min', object, 1, target);
  return { min, target, max: readInteger(from, 'max', object, target, MAX_CHUNK_BYTES) };
}

function readFacts(from: JsonObject, object: string): StoreFacts {
  for (const fact of Object.keys(from)) {
    if (!FACT.test(fact)) throw fieldFailure('store', 'has an impossible key', object);
    readBoolean(from, fact, object);
  }
  readBoolean(from, 'createOnly', object);
  return from as StoreFacts;
}

function readKey(from: JsonObject, field: string, object: string): Uint8Array {
  const key = readBase64(from, field, object, 32);
  if (key.length !== 32) throw fieldFailure(field, 'is not a key of 32 bytes', object);
  return key;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}
