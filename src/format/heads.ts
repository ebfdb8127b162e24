/**
 * Heads: the newest state of a repository that this host has seen, kept in heads.json outside of the repository. When
 * the repository is opened again and has less, or something else, it went back in time. Owns the fields of that file
 * and their strict reading, and those of the heads of writers, which snapshots hold too; does not read files, and does
 * not judge.
 */
import type { RepoId } from '../base/ids.ts';
import {
  fieldFailure,
  type JsonObject,
  parseJsonObject,
  readHex,
  readInteger,
  readNullable,
  readObject,
  refuseOtherFields,
} from '../base/json.ts';
import { checkVersion, MAX_SMALL_OBJECT_BYTES, readRepoId, WRITER_ID } from './fields.ts';
import { MAX_NUMBER } from './layout.ts';

/** The newest snapshot of a writer: its number in that writer's sequence, and the SHA-256 of the stored object. */
export interface WriterHead {
  readonly seq: number;
  readonly hash: string;
}

/** The newest of a chain of numbered objects: its number, and the SHA-256 of the stored object. */
export interface ChainHead {
  readonly number: number;
  readonly hash: string;
}

/** What was seen last. `gc` is null while there is no gc record. */
export interface Heads {
  readonly repo: RepoId;
  readonly config: ChainHead;
  readonly gc: ChainHead | null;
  readonly writers: ReadonlyMap<string, WriterHead>;
}

const FIELDS: ReadonlySet<string> = new Set(['heads', 'repo', 'config', 'gc', 'writers']);
const CHAIN_FIELDS: ReadonlySet<string> = new Set(['number', 'hash']);
const HEAD_FIELDS: ReadonlySet<string> = new Set(['seq', 'hash']);
const MAX_WRITERS = 100_000;
const LIMITS = { maxLength: MAX_SMALL_OBJECT_BYTES, maxDepth: 4 };

/** Writes heads as JSON. */
export function encodeHeads({ repo, config, gc, writers }: Heads): Buffer {
  return Buffer.from(JSON.stringify({ heads: 1, repo, config, gc, writers: encodeWriterHeads(writers) }), 'utf8');
}

/**
 * Reads heads.
 * @param object the name of the file, for errors
 * @throws damage: `json-field`, `newer-format`, or what base/json.ts says
 */
export function decodeHeads(bytes: Uint8Array, object: string): Heads {
  const from = parseJsonObject(bytes, LIMITS, object);
  checkVersion(from, 'heads', object);
  refuseOtherFields(from, FIELDS, object);
  return {
    repo: readRepoId(from, 'repo', object),
    config: readChain(from, 'config', object),
    gc: readNullable(from, 'gc', object, (field) => readChain(from, field, object)),
    writers: readWriterHeads(from, 'writers', object),
  };
}

/** Writers and their newest snapshots as a JSON value, in the order of the ids. */
export function encodeWriterHeads(heads: ReadonlyMap<string, WriterHead>): unknown {
  const sorted = [...heads].sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(sorted.map(([id, { seq, hash }]) => [id, { seq, hash }]));
}

/** Reads what {@link encodeWriterHeads} made. */
export function readWriterHeads(from: JsonObject, field: string, object: string): ReadonlyMap<string, WriterHead> {
  const value = readObject(from, field, object);
  const ids = Object.keys(value);
  if (ids.length > MAX_WRITERS) throw fieldFailure(field, 'has too many writers', object);
  const heads = new Map<string, WriterHead>();
  for (const id of ids) {
    if (!WRITER_ID.test(id)) throw fieldFailure(field, 'has a key that is not a writer', object);
    const head = readObject(value, id, object);
    refuseOtherFields(head, HEAD_FIELDS, object);
    heads.set(id, { seq: readInteger(head, 'seq', object, 1), hash: readHex(head, 'hash', 32, object) });
  }
  return heads;
}

function readChain(from: JsonObject, field: string, object: string): ChainHead {
  const chain = readObject(from, field, object);
  refuseOtherFields(chain, CHAIN_FIELDS, object);
  return { number: readInteger(chain, 'number', object, 1, MAX_NUMBER), hash: readHex(chain, 'hash', 32, object) };
}
