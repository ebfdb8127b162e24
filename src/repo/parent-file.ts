/**
 * The parent file: what this host remembers of its last snapshot of a set of paths. A writer cannot open manifests
 * (they are sealed to the reader's key), so each backup keeps its own manifest here, segment by segment, with the stat
 * fields in columns so that comparing an unchanged tree parses nothing. The file that a running backup writes is, when
 * the run dies, a prefix in walk order: the journal that lets the next run go on without reading those files again.
 * Disposable and local: byte order is the machine's, a torn record ends the file.
 *
 * A record, 8-byte aligned: u32 magic, length, version, 0, count, directories, namesLength, dirsLength, textLength,
 * textRawLength, flags, 0 · f64 bytes · id (32) · i64 mtime[count] · i64 ctime[count] · u64 inode[count] · u64 device[count] ·
 * f64 size[count] · u32 mode[count] (all of st_mode) · u32 uid[count] · u32 gid[count] · u32 links[count] ·
 * u32 directory[count] · names (NUL between) · directory paths (NUL between) · the segment's text, zstd.
 */
import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { comparePaths, type Raw } from '../base/raw.ts';
import type { FileFacts } from '../files/facts.ts';
import type { ManifestSegment } from './manifest-writer.ts';

const MAGIC = 0x43504349;
const VERSION = 1;
const HEADER_BYTES = 88;
const FLAG_LAST = 1;
/** Beyond this a record is torn: a segment has at most 4,096 entries and 16 MiB of text. */
const RECORD_LIMIT = 64 * 1_048_576;

/** The stat fields that decide whether an entry is unchanged. */
export type StatColumns = Omit<FileFacts, 'atime'>;

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
    const directories = word(3);
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
    this.directories = raw.toString('latin1', texts + namesLength, texts + namesLength + dirsLength).split('\0') as Raw[];
    this.#text = raw.subarray(texts + namesLength + dirsLength, texts + namesLength + dirsLength + textLength);
    if (this.names.length !== n || this.directories.length !== directories) throw new Error('torn record');
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

/** Reads a parent file in order, and finds the entries of a walk in it by merging. */
export class ParentReader {
  readonly #fd: number;
  readonly #size: number;
  #position = 0;
  #record: ParentRecord | undefined;
  #index = 0;

  private constructor(fd: number, size: number) {
    this.#fd = fd;
    this.#size = size;
    this.#load();
  }

  /** Opens a parent file; undefined when there is none or it cannot be read. */
  static open(path: string): ParentReader | undefined {
    try {
      const fd = openSync(path, 'r');
      return new ParentReader(fd, fstatSync(fd).size);
    } catch {
      return undefined;
    }
  }

  close(): void {
    closeSync(this.#fd);
    this.#record = undefined;
  }

  /** The record of the entry that {@link seek} found. */
  get record(): ParentRecord {
    return this.#record!;
  }

  /** The place of the entry that {@link seek} found, in its record. */
  get index(): number {
    return this.#index;
  }

  /** Moves to (directory, name); true when such an entry is there. Calls must come in manifest order. */
  seek(directory: Raw, name: Raw): boolean {
    for (;;) {
      const record = this.#record;
      if (!record) return false;
      const at = record.directoryOf(this.#index);
      const order = at === directory ? 0 : comparePaths(at, directory);
      if (order > 0) return false;
      if (order === 0) {
        const here = record.names[this.#index]!;
        if (here === name) return true;
        if (here > name) return false;
      }
      if (++this.#index >= record.count) this.#load();
    }
  }

  #load(): void {
    this.#record = undefined;
    this.#index = 0;
    if (this.#position + HEADER_BYTES > this.#size) return;
    const head = Buffer.alloc(8);
    readSync(this.#fd, head, 0, 8, this.#position);
    const length = head.readUInt32LE(4);
    if (head.readUInt32LE(0) !== MAGIC || length > RECORD_LIMIT || this.#position + length > this.#size) return;
    const raw = Buffer.from(new ArrayBuffer(length));
    readSync(this.#fd, raw, 0, length, this.#position);
    if (raw.readUInt32LE(8) !== VERSION) return;
    this.#position += length;
    try {
      this.#record = new ParentRecord(raw);
      if (this.#record.count === 0) this.#load();
    } catch {
      this.#record = undefined;
    }
  }
}

/** Writes a parent file record by record. The caller syncs and renames it when the run has committed. */
export class ParentWriter {
  readonly #fd: number;

  constructor(path: string) {
    this.#fd = openSync(path, 'w', 0o600);
  }

  /** Adds a segment that was made anew. */
  add(segment: ManifestSegment): void {
    writeAll(this.#fd, encodeRecord(segment));
  }

  /** Adds a segment that stayed as it was. */
  copy(record: ParentRecord): void {
    writeAll(this.#fd, record.raw);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
}

function encodeRecord(segment: ManifestSegment): Buffer {
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
  return raw;
}

/** The entry lines of a segment's text, without the lines that open directories. */
function entryLines(text: string): string[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines.filter((line) => !line.startsWith('{"dir"') && !line.startsWith('{"up"'));
}
