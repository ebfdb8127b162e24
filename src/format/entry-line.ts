/**
 * Entry line: an {@link Entry} as one line of JSON in a segment. Owns the writing; entry-decode.ts reads. The line is
 * put together by hand, because a backup writes one for every file that it sees: JSON.stringify of the same object
 * takes several times as long. The order of the fields is fixed, so equal entries give equal bytes. What cannot be
 * read back must not be written: limits are checked here too.
 *
 *     {"name":"a.txt","type":"file","mode":"0644","uid":1000,"gid":1000,"user":"eve","group":"eve","size":5,
 *      "mtime":"1700000000.000000001","ctime":"…","inode":"42","device":"64769","chunks":["<64 hex digits>"]}
 */
import { bug, IcecoreError } from '../base/errors.ts';
import { rawToDisplay } from '../base/raw.ts';
import { type Entry, encodeTime, type Xattrs } from './entry.ts';
import { isName } from './path-rules.ts';
import { encodeRawField, quoteText } from './raw-text.ts';

/** The longest line of an entry, in bytes. Real ones end at some 100 KiB, attributes and extents aside. */
export const MAX_ENTRY_BYTES = 2 * 1024 * 1024;
/** The most chunks that an entry names itself; a longer file names a chunk list. */
export const MAX_ENTRY_CHUNKS = 1024;
/** The most extents of a sparse file; one with more is stored as if it had no holes. */
export const MAX_EXTENTS = 32_768;
/** The name of an extended attribute: its bytes, one a character (a raw string). */
export const ATTRIBUTE_NAME = /^[\x01-\xff]{1,4096}$/;
/** User and group ids are 32 bits wide. */
export const MAX_OWNER_ID = 0xffff_ffff;

/**
 * Writes one entry as a line, without the line feed. `atime` is written when it is there: leave it out unless the user
 * asked for it, or no segment will ever be like the one of the run before.
 * @throws kind `user`, `entry-too-large`: attributes or extents beyond {@link MAX_ENTRY_BYTES}; `bad-attribute`: an
 *   extended attribute that no JSON object can hold. Both are about this entry alone.
 */
export function encodeEntry(entry: Entry): string {
  checkEntry(entry);
  let line = `{${encodeRawField('name', 'raw', entry.name)},"type":"${entry.type}","mode":"${encodeMode(entry.mode)}"`;
  line += `,"uid":${entry.uid},"gid":${entry.gid}`;
  if (entry.user !== undefined) line += `,"user":${quoteText(entry.user)}`;
  if (entry.group !== undefined) line += `,"group":${quoteText(entry.group)}`;
  if (entry.size !== undefined) line += `,"size":${entry.size}`;
  line += `,"mtime":"${encodeTime(entry.mtime)}"`;
  if (entry.ctime !== undefined) line += `,"ctime":"${encodeTime(entry.ctime)}"`;
  if (entry.atime !== undefined) line += `,"atime":"${encodeTime(entry.atime)}"`;
  if (entry.inode !== undefined) line += `,"inode":"${entry.inode}"`;
  if (entry.device !== undefined) line += `,"device":"${entry.device}"`;
  if (entry.links !== undefined) line += `,"links":${entry.links}`;
  if (entry.target !== undefined) line += `,${encodeRawField('target', 'rawTarget', entry.target)}`;
  if (entry.rdev !== undefined) line += `,"rdev":{"major":${entry.rdev.major},"minor":${entry.rdev.minor}}`;
  if (entry.xattrs !== undefined) line += encodeXattrs(entry.xattrs, entry);
  if (entry.hardlink !== undefined) line += `,${encodeRawField('hardlink', 'rawHardlink', entry.hardlink)}`;
  if (entry.chunks !== undefined && entry.chunks.length > 0) line += `,"chunks":["${entry.chunks.join('","')}"]`;
  if (entry.list !== undefined) line += `,"list":"${entry.list}"`;
  if (entry.sparse !== undefined) line += `,"sparse":${JSON.stringify(entry.sparse)}`;
  if (entry.flaw !== undefined) line += `,"flaw":"${entry.flaw}"`;
  line += '}';
  // Counting also makes one flat string of the many pieces: kept by the thousand, the pieces cost more than the rest.
  if (Buffer.byteLength(line) > MAX_ENTRY_BYTES) throw tooLarge(entry);
  return line;
}

/** Permission bits as people and `chmod` write them: four octal digits. */
function encodeMode(mode: number): string {
  return mode < 0o1000 ? `0${mode < 0o100 ? mode.toString(8).padStart(3, '0') : mode.toString(8)}` : mode.toString(8);
}

function encodeXattrs(xattrs: Xattrs, entry: Entry): string {
  const names = Object.keys(xattrs);
  if (names.length === 0) return '';
  // The system lists attributes in any order; the bytes of a segment must not depend on it.
  names.sort();
  if (names.includes('__proto__') || !names.every((name) => ATTRIBUTE_NAME.test(name))) {
    throw new IcecoreError('user', 'bad-attribute', `${display(entry)}: an extended attribute has an impossible name`);
  }
  return `,"xattrs":{${names.map((name) => `${quoteText(name)}:"${xattrs[name]}"`).join(',')}}`;
}

/** Catches what no file system reports: such an entry would be refused by every reader, for ever. */
function checkEntry(entry: Entry): void {
  if (!isName(entry.name)) throw bug(`an entry has the name ${JSON.stringify(entry.name.slice(0, 100))}`);
  if (!isUnsigned(entry.mode, 0o7777) || !isUnsigned(entry.uid, MAX_OWNER_ID) || !isUnsigned(entry.gid, MAX_OWNER_ID)) {
    throw bug('an entry has an impossible mode or owner');
  }
  if (entry.size !== undefined && !isUnsigned(entry.size, Number.MAX_SAFE_INTEGER))
    throw bug('an entry has no true size');
  if (entry.chunks !== undefined && entry.chunks.length > MAX_ENTRY_CHUNKS) throw bug('an entry has too many chunks');
  if (entry.sparse !== undefined && entry.sparse.length > MAX_EXTENTS) throw bug('an entry has too many extents');
}

function isUnsigned(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= max;
}

function display(entry: Entry): string {
  return rawToDisplay(entry.name);
}

function tooLarge(entry: Entry): IcecoreError {
  return new IcecoreError('user', 'entry-too-large', `${display(entry)}: its attributes are too large to be stored`);
}
