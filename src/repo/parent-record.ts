/**
 * A record of a parent file: one segment of a manifest, with the stat fields in columns so that comparing an unchanged
 * tree parses nothing. Byte order is the machine's: the file never leaves it.
 *
 * A record, 8-byte aligned: u32 magic, length, version, CRC-32 of the rest, count, directories, namesLength, dirsLength, textLength,
 * textRawLength, flags, 0 · f64 bytes · id (32) · i64 mtime[count] · i64 ctime[count] · u64 inode[count] · u64 device[count] ·
 * f64 size[count] · u32 mode[count] (all of st_mode) · u32 uid[count] · u32 gid[count] · u32 links[count] ·
 * u32 directory[count] · names (NUL between) · directory paths (NUL between) · the segment's text, zstd.
 */
import { crc32, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { Raw } from '../base/raw.ts';
import type { FileFacts } from '../files/facts.ts';

const MAGIC = 0x43504349;
const VERSION = 2;
/** What the checksum covers begins here. */
const CHECKED_FROM = 16;
const HEADER_BYTES = 88;
const FLAG_LAST = 1;
/** Beyond this a record is torn: a segment has at most 4,096 entries and 16 MiB of text. */
const RECORD_LIMIT = 64 * 1_048_576;

/** Bytes at the start of a record that tell its length. */
export const RECORD_HEAD_BYTES = 8;

/** The length of the record that begins so; undefined when none does. */
export function recordLength(head: Buffer): number | undefined {
  const length = head.readUInt32LE(4);
  const isRecord = head.readUInt32LE(0) === MAGIC && length >= HEADER_BYTES && length <= RECORD_LIMIT;
  return isRecord ? length : undefined;
}

/** Takes a record apart; undefined when it is torn, damaged or of another version. */
export function decodeRecord(raw: Buffer): ParentRecord | undefined {
  // Its lines go into the next snapshot as they are: a flipped bit must end the file here, not there.
  if (raw.readUInt32LE(8) !== VERSION || raw.readUInt32LE(12) !== crc32(raw.subarray(CHECKED_FROM))) return undefined;
  return new ParentRecord(raw);
}

/** The stat fields that decide whether an entry is unchanged. */
export type StatColumns = Omit<FileFacts, 'atime'>;

/** A segment as the parent file keeps it. */
export interface ManifestSegment {
  readonly id: Uint8Array;
  readonly text: Uint8Array;
  /** Total size of the files in it. */
  readonly bytes: number;
  /** The manifest ended here, and not at a cut that content decided. */
  readonly isLast: boolean;
  readonly names: readonly Raw[];
  readonly directories: readonly Raw[];
  readonly stats: readonly StatColumns[];
}

/** One segment of a parent file, decoded only as far as it is asked. */
export class ParentRecord {
  readonly count: number;
  /** The segment's meta chunk (32 bytes). */
  readonly id: Uint8Array;
  /** Length of the segment, as the root states it. */
  readonly bytes: number;
  /** True when the manifest ended here, and not a cut decided by content. */
  readonly isLast: boolean;
  readonly mtime: BigInt64Array;
  readonly ctime: BigInt64Array;
  readonly inode: BigUint64Array;
  readonly device: BigUint64Array;
  readonly size: Float64Array;
  readonly mode: Uint32Array;
  readonly uid: Uint32Array;
  readonly gid: Uint32Array;
  readonly links: Uint32Array;
  readonly names: readonly Raw[];
  readonly directories: readonly Raw[];
  /** The record as it stands in the file, to be copied into the next one. */
  readonly raw: Buffer;
  readonly #directory: Uint32Array;
  readonly #text: Buffer;
  #lines: string[] | undefined;

  constructor(raw: Buffer) {
    this.raw = raw;
    const word = (i: number) => raw.readUInt32LE(8 + i * 4);
    this.count = word(2);
    const namesLength = word(4);
    const dirsLength = word(5);
    const textLength = word(6);
    this.isLast = (word(8) & FLAG_LAST) !== 0;
    this.bytes = raw.readDoubleLE(48);
    this.id = raw.subarray(56, 88);
    const n = this.count;
    let at = raw.byteOffset + HEADER_BYTES;
    const take = <T>(bytes: number, view: (offset: number) => T): T => {
      const result = view(at);
      at += bytes;
      return result;
    };
    const buffer = raw.buffer as ArrayBuffer;
    this.mtime = take(8 * n, (o) => new BigInt64Array(buffer, o, n));
    this.ctime = take(8 * n, (o) => new BigInt64Array(buffer, o, n));
    this.inode = take(8 * n, (o) => new BigUint64Array(buffer, o, n));
    this.device = take(8 * n, (o) => new BigUint64Array(buffer, o, n));
    this.size = take(8 * n, (o) => new Float64Array(buffer, o, n));
    this.mode = take(4 * n, (o) => new Uint32Array(buffer, o, n));
    this.uid = take(4 * n, (o) => new Uint32Array(buffer, o, n));
    this.gid = take(4 * n, (o) => new Uint32Array(buffer, o, n));
    this.links = take(4 * n, (o) => new Uint32Array(buffer, o, n));
    this.#directory = take(4 * n, (o) => new Uint32Array(buffer, o, n));
    const texts = at - raw.byteOffset;
    this.names = raw.toString('latin1', texts, texts + namesLength).split('\0') as Raw[];
    this.directories = raw
      .toString('latin1', texts + namesLength, texts + namesLength + dirsLength)
      .split('\0') as Raw[];
    this.#text = raw.subarray(texts + namesLength + dirsLength, texts + namesLength + dirsLength + textLength);
  }

  /** The directory of entry `i`. */
  directoryOf(i: number): Raw {
    return this.directories[this.#directory[i]!]!;
  }

  /** The stat fields of entry `i`. */
  statOf(i: number): StatColumns {
    return {
      mode: this.mode[i]!,
      uid: this.uid[i]!,
      gid: this.gid[i]!,
      links: this.links[i]!,
      size: this.size[i]!,
      mtime: this.mtime[i]!,
      ctime: this.ctime[i]!,
      inode: this.inode[i]!,
      device: this.device[i]!,
    };
  }

  /** The entry line of entry `i`, as it stands in the segment. */
  lineOf(i: number): string {
    this.#lines ??= entryLines(zstdDecompressSync(this.#text).toString('utf8'));
    return this.#lines[i]!;
  }
}

/** Writes a segment as a record. */
export function encodeRecord(segment: ManifestSegment): Buffer {
  const n = segment.stats.length;
  const names = Buffer.from(segment.names.join('\0'), 'latin1');
  const directories: Raw[] = [];
  const directory = new Uint32Array(n);
  for (let i = 0; i < n; i++) {
    if (segment.directories[i] !== directories.at(-1)) directories.push(segment.directories[i]!);
    directory[i] = directories.length - 1;
  }
  const dirs = Buffer.from(directories.join('\0'), 'latin1');
  const text = zstdCompressSync(segment.text, { params: { 100: 1 } });
  const columns = n * (5 * 8 + 5 * 4);
  const used = HEADER_BYTES + columns + names.length + dirs.length + text.length;
  const raw = Buffer.from(new ArrayBuffer(Math.ceil(used / 8) * 8));
  raw.writeUInt32LE(MAGIC, 0);
  raw.writeUInt32LE(raw.length, 4);
  raw.writeUInt32LE(VERSION, 8);
  raw.writeUInt32LE(n, 16);
  raw.writeUInt32LE(directories.length, 20);
  raw.writeUInt32LE(names.length, 24);
  raw.writeUInt32LE(dirs.length, 28);
  raw.writeUInt32LE(text.length, 32);
  raw.writeUInt32LE(segment.text.length, 36);
  raw.writeUInt32LE(segment.isLast ? FLAG_LAST : 0, 40);
  raw.writeDoubleLE(segment.bytes, 48);
  raw.set(segment.id, 56);
  let at = HEADER_BYTES;
  const big = (pick: (s: StatColumns) => bigint) => {
    const view = new BigInt64Array(raw.buffer as ArrayBuffer, at, n);
    for (let i = 0; i < n; i++) view[i] = BigInt.asIntN(64, pick(segment.stats[i]!));
    at += 8 * n;
  };
  big((s) => s.mtime);
  big((s) => s.ctime);
  big((s) => s.inode);
  big((s) => s.device);
  const size = new Float64Array(raw.buffer as ArrayBuffer, at, n);
  for (let i = 0; i < n; i++) size[i] = segment.stats[i]!.size;
  at += 8 * n;
  const small = (pick: (s: StatColumns) => number) => {
    const view = new Uint32Array(raw.buffer as ArrayBuffer, at, n);
    for (let i = 0; i < n; i++) view[i] = pick(segment.stats[i]!);
    at += 4 * n;
  };
  small((s) => s.mode);
  small((s) => s.uid);
  small((s) => s.gid);
  small((s) => s.links);
  new Uint32Array(raw.buffer as ArrayBuffer, at, n).set(directory);
  at += 4 * n;
  for (const bytes of [names, dirs, text]) {
    raw.set(bytes, at);
    at += bytes.length;
  }
  raw.writeUInt32LE(crc32(raw.subarray(CHECKED_FROM)), 12);
  return raw;
}

/** The entry lines of a segment's text, without the lines that open directories. */
function entryLines(text: string): string[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines.filter((line) => !line.startsWith('{"dir"') && !line.startsWith('{"up"'));
}
