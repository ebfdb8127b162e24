/**
 * Index objects: which chunk lies where. Owns their JSON lines; does not seal them (seal/envelope.ts) and does not look
 * chunks up (repo/catalog.ts). Everything in here can be rebuilt from the packs.
 *
 * A line for each pack: {"name","size","sha256","checksum","etag","class","header","kind","created"}, `checksum` and
 * `etag` only where the store has them; then a line for each of its frames, in order: {"offset","length","rawLength","chunks":[[id, offset in
 * the decompressed frame, length], …]}. A pack is described whole or not at all.
 */
import { bug, damage } from '../base/errors.ts';
import {
  expectObject,
  fieldFailure,
  hasField,
  type JsonObject,
  parseJsonLines,
  readBase64,
  readHex,
  readInteger,
  readOneOf,
  readOptional,
  readString,
  refuseOtherFields,
} from '../base/json.ts';
import { parseName } from './layout.ts';
import { decodeFrame, encodeFrameLine, type FrameInfo, MAX_PACK_CHUNKS, MAX_PACK_FRAMES } from './pack.ts';

/** Bytes of JSON lines that one index object may hold; {@link recordLength} says what fits. */
export const MAX_INDEX_LENGTH = 67_108_864;

const MAX_HEADER_LENGTH = 65_536;
const PACK_FIELDS: ReadonlySet<string> = new Set([
  'name',
  'size',
  'sha256',
  'checksum',
  'etag',
  'class',
  'header',
  'kind',
  'created',
]);
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/;

/** A pack that is stored completely. */
export interface PackRecord {
  /** Its object name. */
  readonly name: string;
  /** Bytes of the object, sealed. */
  readonly size: number;
  /** SHA-256 of the object as 64 hex digits. */
  readonly sha256: string;
  /** The store's own checksum, as its `stat` will report it. */
  readonly checksum?: string;
  /** The store's entity tag, without quotes, as its `stat` and `list` will report it. */
  readonly etag?: string;
  /** The storage class that it was stored in. */
  readonly class: string;
  /** The age header, so that a ranged read can be opened. */
  readonly header: Uint8Array;
  readonly kind: 'data' | 'meta';
  /** ISO time in UTC, by the writer's clock. */
  readonly created: string;
  readonly frames: readonly FrameInfo[];
}

/**
 * Writes records as JSON lines.
 * @throws bug when they pass {@link MAX_INDEX_LENGTH}; whoever collects them stops before
 */
export function encodeIndexObject(records: readonly PackRecord[]): Buffer {
  // Joined at the end: a single growing string of this size would be flattened more than once.
  const lines: string[] = [];
  for (const record of records) {
    const { name, size, sha256, checksum, etag, kind, created } = record;
    const header = Buffer.from(record.header).toString('base64');
    lines.push(
      `${JSON.stringify({ name, size, sha256, checksum, etag, class: record.class, header, kind, created })}\n`,
    );
    for (const frame of record.frames) lines.push(encodeFrameLine(frame));
  }
  const bytes = Buffer.from(lines.join(''), 'utf8');
  if (bytes.length > MAX_INDEX_LENGTH) throw bug('too many packs for one index object');
  return bytes;
}

/** An upper bound of what a record takes in an index object, in bytes. */
export function recordLength(record: PackRecord): number {
  // The store's marks are texts of up to 256 characters, which JSON may write with six bytes each.
  let length = 4096 + Math.ceil(record.header.length / 3) * 4;
  for (const frame of record.frames) length += 96 + 90 * frame.chunks.length;
  return length;
}

/**
 * Reads an index object. Its authenticity was checked before; this makes sure that nothing in it can mislead a reader.
 * @param object the name of the index object, for errors
 * @throws damage `index-order` for a frame without its pack or a pack that is there twice, `frame-place`, or the codes
 * of base/json.ts
 */
export function decodeIndexObject(bytes: Uint8Array, object: string): PackRecord[] {
  const records: PackRecord[] = [];
  const names = new Set<string>();
  let frames: FrameInfo[] | undefined;
  let chunks = 0;
  for (const value of parseJsonLines(bytes, { maxLength: MAX_INDEX_LENGTH, maxDepth: 3 }, object)) {
    const line = expectObject(value, object, 'line');
    if (hasField(line, 'name')) {
      frames = [];
      chunks = 0;
      const record = decodePack(line, frames, object);
      if (names.has(record.name)) throw damage('index-order', `${object}: lists ${record.name} twice`, { object });
      names.add(record.name);
      records.push(record);
      continue;
    }
    if (!frames) throw damage('index-order', `${object}: does not begin with a pack`, { object });
    const frame = decodeFrame(line, frames.at(-1), object);
    frames.push(frame);
    chunks += frame.chunks.length;
    if (frames.length > MAX_PACK_FRAMES || chunks > MAX_PACK_CHUNKS) {
      throw damage('index-order', `${object}: lists more in a pack than a pack can hold`, { object });
    }
    if (frame.offset + frame.length > records.at(-1)!.size) throw fieldFailure('offset', 'is past the pack', object);
  }
  return records;
}

function decodePack(line: JsonObject, frames: FrameInfo[], object: string): PackRecord {
  refuseOtherFields(line, PACK_FIELDS, object);
  const name = readString(line, 'name', object, { maxLength: 64 });
  const kind = readOneOf(line, 'kind', ['data', 'meta'], object);
  if (parseName(name)?.kind !== (kind === 'data' ? 'pack' : 'meta')) {
    throw fieldFailure('name', `is not that of a ${kind} pack`, object);
  }
  const readMark = (field: string) => readString(line, field, object, { maxLength: 256 });
  const checksum = readOptional(line, 'checksum', readMark);
  const etag = readOptional(line, 'etag', readMark);
  return {
    name,
    size: readInteger(line, 'size', object, 1),
    sha256: readHex(line, 'sha256', 32, object),
    ...(checksum === undefined ? {} : { checksum }),
    ...(etag === undefined ? {} : { etag }),
    class: readString(line, 'class', object, { pattern: /^[A-Z][A-Z0-9_-]{0,63}$/ }),
    header: readBase64(line, 'header', object, MAX_HEADER_LENGTH),
    kind,
    created: readString(line, 'created', object, { pattern: TIME, maxLength: 32 }),
    frames,
  };
}
