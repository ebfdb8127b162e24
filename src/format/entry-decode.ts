/**
 * Entry decode: the strict reading of what entry-line.ts writes. Nothing of a line is believed: names are one path
 * component, numbers are whole and in range, fields stand only where the type has them, unknown fields are refused (a
 * format that adds one has another number; a reader that ignored it would restore something else than was stored).
 * Does not know where an entry stands; segment-decode.ts checks the order, and where hard links point.
 */
import { type ChunkId, isChunkId } from '../base/ids.ts';
import { fieldFailure, isIntegerIn, type JsonObject } from '../base/json.ts';
import { decodeTime, type Entry, type EntryType, type Xattrs } from './entry.ts';
import { ATTRIBUTE_NAME, MAX_ENTRY_CHUNKS, MAX_EXTENTS, MAX_OWNER_ID } from './entry-line.ts';
import { isEntryPath, isName } from './path-rules.ts';
import { decodeRawField } from './raw-text.ts';

type MutableEntry = { -readonly [K in keyof Entry]: Entry[K] };

const COMMON = [
  'name',
  'raw',
  'type',
  'mode',
  'uid',
  'gid',
  'user',
  'group',
  'mtime',
  'ctime',
  'atime',
  'inode',
  'device',
];
const LINKED = [...COMMON, 'xattrs', 'links', 'hardlink', 'rawHardlink'];

/** Which fields a line may have, by type. */
const FIELDS: ReadonlyMap<unknown, ReadonlySet<string>> = new Map<EntryType, ReadonlySet<string>>([
  ['file', new Set([...LINKED, 'size', 'chunks', 'list', 'sparse', 'flaw'])],
  ['dir', new Set([...COMMON, 'xattrs'])],
  ['symlink', new Set([...LINKED, 'target', 'rawTarget'])],
  ['fifo', new Set(LINKED)],
  ['block', new Set([...LINKED, 'rdev'])],
  ['char', new Set([...LINKED, 'rdev'])],
]);

const MODE = /^[0-7]{4}$/;
const DECIMAL = /^\d{1,20}$/;
/** The longest text of a symlink; Linux allows 4,095 bytes. */
const MAX_TARGET_BYTES = 65_536;
const MAX_USER_LENGTH = 1024;
/** Seconds of a time fit 64 bits. */
const MAX_TIME = 2n ** 63n * 1_000_000_000n;

/**
 * Reads an entry out of a parsed line (base/json.ts has checked its encoding, depth and keys).
 * @param object the object the line is from, for errors
 * @throws damage `json-field`
 */
export function decodeEntry(line: JsonObject, object: string): Entry {
  const type = line.type;
  const fields = FIELDS.get(type);
  if (!fields) throw fieldFailure('type', 'is none of file, dir, symlink, fifo, block, char', object);
  for (const field in line) {
    if (!fields.has(field)) throw fieldFailure(field.slice(0, 40), `does not belong to a ${type}`, object);
  }
  const name = decodeRawField(line, 'name', 'raw', object);
  if (!isName(name)) throw fieldFailure('name', 'is not one path component', object);
  const mode = line.mode;
  if (typeof mode !== 'string' || !MODE.test(mode)) throw fieldFailure('mode', 'is not four octal digits', object);
  const entry: MutableEntry = {
    name,
    type: type as EntryType,
    mode: Number.parseInt(mode, 8),
    uid: integer(line, 'uid', 0, MAX_OWNER_ID, object),
    gid: integer(line, 'gid', 0, MAX_OWNER_ID, object),
    mtime: time(line, 'mtime', object),
  };
  if (line.user !== undefined) entry.user = shortText(line, 'user', object);
  if (line.group !== undefined) entry.group = shortText(line, 'group', object);
  if (line.ctime !== undefined) entry.ctime = time(line, 'ctime', object);
  if (line.atime !== undefined) entry.atime = time(line, 'atime', object);
  if (line.inode !== undefined) entry.inode = decimal(line, 'inode', object);
  if (line.device !== undefined) entry.device = decimal(line, 'device', object);
  if (line.links !== undefined) entry.links = integer(line, 'links', 2, Number.MAX_SAFE_INTEGER, object);
  if (line.xattrs !== undefined) entry.xattrs = xattrs(line.xattrs, object);
  if (line.hardlink !== undefined || line.rawHardlink !== undefined) {
    const path = decodeRawField(line, 'hardlink', 'rawHardlink', object);
    if (!isEntryPath(path)) throw fieldFailure('hardlink', 'is not a path in the snapshot', object);
    entry.hardlink = path;
  }
  if (type === 'file') decodeContent(line, entry, object);
  else if (type === 'symlink') decodeTarget(line, entry, object);
  else if (type === 'block' || type === 'char') decodeDevice(line, entry, object);
  return entry;
}

function decodeContent(line: JsonObject, entry: MutableEntry, object: string): void {
  if (line.size !== undefined) entry.size = integer(line, 'size', 0, Number.MAX_SAFE_INTEGER, object);
  if (line.chunks !== undefined) entry.chunks = chunkIds(line.chunks, object);
  if (line.list !== undefined) {
    if (typeof line.list !== 'string' || !isChunkId(line.list)) throw fieldFailure('list', 'is not a chunk id', object);
    if (entry.chunks) throw fieldFailure('list', 'stands beside "chunks"', object);
    entry.list = line.list;
  }
  if (line.sparse !== undefined) entry.sparse = extents(line.sparse, entry.size, object);
  if (entry.hardlink !== undefined && (entry.chunks || entry.list || entry.sparse)) {
    throw fieldFailure('hardlink', 'stands beside content', object);
  }
  if (line.flaw !== undefined) {
    if (line.flaw !== 'changed' && line.flaw !== 'truncated') throw fieldFailure('flaw', 'is not known here', object);
    entry.flaw = line.flaw;
  }
}

function decodeTarget(line: JsonObject, entry: MutableEntry, object: string): void {
  const target = decodeRawField(line, 'target', 'rawTarget', object);
  if (target.length === 0 || target.length > MAX_TARGET_BYTES || target.includes('\0')) {
    throw fieldFailure('target', 'is not what a symlink can point to', object);
  }
  entry.target = target;
}

function decodeDevice(line: JsonObject, entry: MutableEntry, object: string): void {
  const rdev = line.rdev;
  if (typeof rdev !== 'object' || rdev === null || Object.keys(rdev).length !== 2) {
    throw fieldFailure('rdev', 'is not a device number', object);
  }
  const numbers = rdev as JsonObject;
  entry.rdev = {
    major: integer(numbers, 'major', 0, 0xffff_ffff, object),
    minor: integer(numbers, 'minor', 0, 0xffff_ffff, object),
  };
}

function chunkIds(value: unknown, object: string): readonly ChunkId[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_ENTRY_CHUNKS) {
    throw fieldFailure('chunks', `is not a list of 1 to ${MAX_ENTRY_CHUNKS} chunk ids`, object);
  }
  for (const id of value) {
    if (typeof id !== 'string' || !isChunkId(id)) throw fieldFailure('chunks', 'holds something else than ids', object);
  }
  return value as ChunkId[];
}

function extents(value: unknown, size: number | undefined, object: string): readonly (readonly [number, number])[] {
  if (!Array.isArray(value) || value.length > MAX_EXTENTS || size === undefined) {
    throw fieldFailure('sparse', 'is not a list of extents of a file with a size', object);
  }
  let end = 0;
  for (const extent of value as unknown[]) {
    const [offset, length] = Array.isArray(extent) && extent.length === 2 ? (extent as unknown[]) : [];
    if (!isIntegerIn(offset, end, size) || !isIntegerIn(length, 1, size - offset)) {
      throw fieldFailure('sparse', 'is not ascending, or passes the size', object);
    }
    end = offset + length;
  }
  return value as (readonly [number, number])[];
}

function xattrs(value: unknown, object: string): Xattrs {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw fieldFailure('xattrs', 'is not an object', object);
  }
  for (const [name, base64] of Object.entries(value)) {
    if (!ATTRIBUTE_NAME.test(name)) throw fieldFailure('xattrs', 'has an impossible name', object);
    // Node skips what is not base64; only a text that comes out the same was.
    if (typeof base64 !== 'string' || Buffer.from(base64, 'base64').toString('base64') !== base64) {
      throw fieldFailure('xattrs', 'has a value that is not base64', object);
    }
  }
  return value as Xattrs;
}

function integer(line: JsonObject, field: string, min: number, max: number, object: string): number {
  const value = line[field];
  if (!isIntegerIn(value, min, max)) throw fieldFailure(field, `is not a whole number from ${min} to ${max}`, object);
  return value + 0; // turns -0 into 0
}

function time(line: JsonObject, field: string, object: string): bigint {
  const text = line[field];
  const value = typeof text === 'string' ? decodeTime(text) : undefined;
  if (value === undefined || value > MAX_TIME || value < -MAX_TIME) throw fieldFailure(field, 'is not a time', object);
  return value;
}

function decimal(line: JsonObject, field: string, object: string): string {
  const text = line[field];
  if (typeof text !== 'string' || !DECIMAL.test(text)) throw fieldFailure(field, 'is not a decimal number', object);
  return text;
}

function shortText(line: JsonObject, field: string, object: string): string {
  const text = line[field];
  if (typeof text !== 'string' || text.length > MAX_USER_LENGTH)
    throw fieldFailure(field, 'is not a short text', object);
  return text;
}
