/**
 * Headers of POSIX pax archives, for trees that leave the program as tar: ustar headers, preceded by an extended header
 * where they cannot say it all. Owns the bytes of headers; content and padding are the caller's. Not used for packs,
 * whose tar is much simpler (tar.ts).
 *
 *     [extended header: type x, records `LENGTH KEY=VALUE\n`] header (512) content padding … two blocks of zeros
 *
 * Names are bytes, and stay what they are: a short one stands in the header as it is; a record `path` is written where
 * it is too long, or not ASCII and valid UTF-8, which is what records are by definition. A name that is long and not
 * UTF-8 goes into a record all the same: there is no other place for it, and GNU tar takes the bytes as they are.
 * Times have nanoseconds (`mtime`), attributes are `SCHILY.xattr.NAME` (`%` and `=` in names as %25 and %3D), and sparse
 * files are in GNU's format 1.0: a map of the data extents before the data.
 */
import { type Raw, rawFromText, rawToText } from '../base/raw.ts';
import { type Entry, encodeTime } from './entry.ts';
import { TAR_BLOCK, tarPadding } from './tar.ts';

/** A member of an archive. */
export interface PaxMember {
  /** As it is to stand in the archive; a directory's without the slash at its end. */
  readonly path: Raw;
  /** Type, owner, mode, time, attributes, and what a symlink or a device is. */
  readonly entry: Entry;
  /** Makes the member a hard link to this earlier member. */
  readonly link?: Raw;
}

/** The header of a member, and how much must follow it. */
export interface PaxHeader {
  /** Whole blocks; includes the map of a sparse file. */
  readonly bytes: Buffer;
  /** Bytes of content that follow, before {@link tarPadding} of that many: of a sparse file, the data extents only. */
  readonly contentLength: number;
}

const MAX_OCTAL_SIZE = 8 ** 11 - 1;
const MAX_OCTAL_ID = 8 ** 7 - 1;
const MAX_NAME = 100;
/** One byte less than the field: old readers want the NUL. */
const MAX_OWNER = 31;
const SECOND = 1_000_000_000n;
const ASCII = /^[\x00-\x7f]*$/;

const TYPE_FLAGS: Readonly<Record<Entry['type'] | 'link' | 'extended', string>> = {
  file: '0',
  link: '1',
  symlink: '2',
  char: '3',
  block: '4',
  dir: '5',
  fifo: '6',
  extended: 'x',
};

/** Makes the header of a member. */
export function encodePaxHeader(member: PaxMember): PaxHeader {
  const { entry, link } = member;
  const path = (entry.type === 'dir' && link === undefined ? `${member.path}/` : member.path) as Raw;
  const target = link ?? entry.target;
  const sparse = entry.type === 'file' && link === undefined ? sparseMap(entry) : undefined;
  const contentLength = entry.type === 'file' && link === undefined ? contentLengthOf(entry) : 0;
  const size = (sparse?.length ?? 0) + contentLength;
  const records: Buffer[] = [];
  if (sparse) {
    records.push(record('GNU.sparse.major', '1'), record('GNU.sparse.minor', '0'));
    records.push(record('GNU.sparse.name', path), record('GNU.sparse.realsize', String(entry.size ?? 0)));
  } else if (needsRecord(path, MAX_NAME)) records.push(record('path', path));
  if (target !== undefined && needsRecord(target, MAX_NAME)) records.push(record('linkpath', target));
  if (size > MAX_OCTAL_SIZE) records.push(record('size', String(size)));
  if (entry.uid > MAX_OCTAL_ID) records.push(record('uid', String(entry.uid)));
  if (entry.gid > MAX_OCTAL_ID) records.push(record('gid', String(entry.gid)));
  const [user, group] = [rawFromText(entry.user ?? ''), rawFromText(entry.group ?? '')];
  if (needsRecord(user, MAX_OWNER)) records.push(record('uname', user));
  if (needsRecord(group, MAX_OWNER)) records.push(record('gname', group));
  const seconds = octalSeconds(entry.mtime);
  if (seconds * SECOND !== entry.mtime) records.push(record('mtime', paxTime(entry.mtime)));
  if (link === undefined) {
    for (const [name, value] of Object.entries(entry.xattrs ?? {})) {
      records.push(record(`SCHILY.xattr.${escapeKey(name)}`, Buffer.from(value, 'base64').toString('latin1')));
    }
  }
  const shared = { mode: entry.mode, uid: entry.uid, gid: entry.gid, user, group, seconds };
  const header = ustarHeader({
    ...shared,
    name: sparse ? (`./GNUSparseFile.0/${path.slice(path.lastIndexOf('/') + 1)}` as Raw) : path,
    type: link === undefined ? entry.type : 'link',
    size,
    ...(target === undefined ? {} : { target }),
    ...(entry.rdev ? { rdev: entry.rdev } : {}),
  });
  const parts = [...extendedHeader(records, path, shared), header, ...(sparse ? [sparse] : [])];
  return { bytes: Buffer.concat(parts), contentLength };
}

/** Bytes of a file's content as its chunks hold it: without the holes. */
export function contentLengthOf(entry: Pick<Entry, 'size' | 'sparse' | 'chunks' | 'list'>): number {
  if (entry.sparse) return entry.sparse.reduce((sum, [, length]) => sum + length, 0);
  return entry.chunks || entry.list ? (entry.size ?? 0) : 0;
}

/** The data extents of a file that has holes; undefined for one without. A file with a size and no content is all hole. */
export function extentsOf(entry: Entry): Entry['sparse'] {
  if (entry.sparse) return entry.sparse;
  return (entry.size ?? 0) > 0 && !entry.chunks && !entry.list ? [] : undefined;
}

function sparseMap(entry: Entry): Buffer | undefined {
  const extents = extentsOf(entry);
  if (!extents) return undefined;
  const size = entry.size ?? 0;
  const last = extents.at(-1);
  // A reader sets the length of the file by the last extent, which may be empty.
  const all = last && last[0] + last[1] === size ? extents : [...extents, [size, 0] as const];
  const text = `${all.length}\n${all.map(([offset, length]) => `${offset}\n${length}\n`).join('')}`;
  return Buffer.concat([Buffer.from(text, 'latin1'), Buffer.alloc(tarPadding(text.length))]);
}

function extendedHeader(records: readonly Buffer[], path: Raw, shared: Owned): Buffer[] {
  if (records.length === 0) return [];
  const body = Buffer.concat(records);
  const base = path.replace(/\/$/, '').replace(/^.*\//s, '');
  const header = ustarHeader({
    ...shared,
    mode: 0o644,
    name: `PaxHeaders/${base}` as Raw,
    type: 'extended',
    size: body.length,
  });
  return [header, body, Buffer.alloc(tarPadding(body.length))];
}

interface Owned {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly user: Raw;
  readonly group: Raw;
  readonly seconds: bigint;
}

interface UstarFields extends Owned {
  readonly name: Raw;
  readonly type: keyof typeof TYPE_FLAGS;
  readonly size: number;
  readonly target?: Raw;
  readonly rdev?: { readonly major: number; readonly minor: number };
}

/** What a field has no room for is cut, or 0: then a record says it. */
function ustarHeader(fields: UstarFields): Buffer {
  const header = Buffer.alloc(TAR_BLOCK);
  header.write(fields.name.slice(0, MAX_NAME), 0, 'latin1');
  writeOctal(header, 100, 7, fields.mode);
  writeOctal(header, 108, 7, fields.uid);
  writeOctal(header, 116, 7, fields.gid);
  writeOctal(header, 124, 11, fields.size);
  writeOctal(header, 136, 11, Number(fields.seconds));
  header.write(TYPE_FLAGS[fields.type], 156, 'latin1');
  if (fields.target !== undefined) header.write(fields.target.slice(0, MAX_NAME), 157, 'latin1');
  header.write('ustar\x0000', 257, 'latin1');
  header.write(fields.user.slice(0, MAX_OWNER), 265, 'latin1');
  header.write(fields.group.slice(0, MAX_OWNER), 297, 'latin1');
  writeDevice(header, 329, fields.rdev?.major ?? 0);
  writeDevice(header, 337, fields.rdev?.minor ?? 0);
  header.fill(0x20, 148, 156);
  let sum = 0;
  for (let i = 0; i < TAR_BLOCK; i++) sum += header[i]!;
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}

function writeOctal(header: Buffer, offset: number, digits: number, value: number): void {
  const text = value.toString(8);
  header.write(text.length > digits ? '0'.repeat(digits) : text.padStart(digits, '0'), offset, 'latin1');
}

/** Numbers that octal digits have no room for are written in base 256, as GNU tar does: there is no record for them. */
function writeDevice(header: Buffer, offset: number, value: number): void {
  if (value <= MAX_OCTAL_ID) {
    writeOctal(header, offset, 7, value);
  } else {
    header[offset] = 0x80;
    header.writeUInt32BE(value, offset + 4);
  }
}

/** A record says its own length, the digits of the length included. */
function record(key: string, value: string): Buffer {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.from(`${length}${rest}`, 'latin1');
}

function needsRecord(raw: Raw, room: number): boolean {
  return raw.length > room || (!ASCII.test(raw) && rawToText(raw) !== undefined);
}

/** Whole seconds, as far as the header has room for them. */
function octalSeconds(time: bigint): bigint {
  const seconds = time / SECOND;
  return time < 0n || seconds > BigInt(MAX_OCTAL_SIZE) ? 0n : seconds;
}

function paxTime(time: bigint): string {
  return encodeTime(time).replace(/\.?0+$/, '');
}

function escapeKey(name: string): string {
  return name.replaceAll('%', '%25').replaceAll('=', '%3D');
}
