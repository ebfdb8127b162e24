/**
 * Entry: one line of a manifest, as the program handles it. manifest.ts turns entries into JSON lines and back.
 * Pure: types, and the conversion of times.
 */
import type { ChunkId } from '../base/ids.ts';
import type { Raw } from '../base/raw.ts';

/** What an entry can be. Sockets are counted and not stored. */
export type EntryType = 'file' | 'dir' | 'symlink' | 'fifo' | 'block' | 'char';

/** An extended attribute: its name, and its value as base64. */
export type Xattrs = Readonly<Record<string, string>>;

/**
 * One entry of a directory. Absent fields do not apply or were not known. Times are nanoseconds since 1970, negative
 * before. `inode` and `device` are decimal strings, because they pass 2^53 on some file systems.
 */
export interface Entry {
  readonly name: Raw;
  readonly type: EntryType;
  /** Permission bits with setuid, setgid and sticky: 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly user?: string;
  readonly group?: string;
  /** Files only: bytes, up to 2^53 - 1. */
  readonly size?: number;
  readonly mtime: bigint;
  readonly ctime?: bigint;
  readonly atime?: bigint;
  readonly inode?: string;
  readonly device?: string;
  /** Number of hard links, where it is more than 1 and the entry is not a directory. */
  readonly links?: number;
  /** Symlinks only. */
  readonly target?: Raw;
  /** Block and character devices only. */
  readonly rdev?: { readonly major: number; readonly minor: number };
  readonly xattrs?: Xattrs;
  /** The absolute path in this snapshot of the first entry of the same hard link group; then there is no content here. */
  readonly hardlink?: Raw;
  /** The content, in order. A file without `chunks`, `list` and `hardlink` is empty, or all hole when `size` > 0. */
  readonly chunks?: readonly ChunkId[];
  /** Instead of `chunks` when there are more than 1,024: a meta chunk that lists them (see manifest.ts). */
  readonly list?: ChunkId;
  /**
   * Where holes matter: the data extents [offset, length] in order, ascending, not overlapping, each within `size`.
   * The chunks are then the content of the extents, one after the other; everything else reads as zeros.
   */
  readonly sparse?: readonly (readonly [offset: number, length: number])[];
  /** Something was wrong while it was read: the content is what was readable. */
  readonly flaw?: 'changed' | 'truncated';
}

/** A directory of a manifest: its path in the snapshot (absolute, `/` is the root) and its entries sorted by name. */
export interface DirectoryEntries {
  readonly path: Raw;
  readonly entries: readonly Entry[];
}

/** Writes nanoseconds as decimal seconds with nine decimals: `-1500000000n` → `-1.500000000`. */
export function encodeTime(nanoseconds: bigint): string {
  const negative = nanoseconds < 0n;
  const digits = (negative ? -nanoseconds : nanoseconds).toString().padStart(10, '0');
  return `${negative ? '-' : ''}${digits.slice(0, -9)}.${digits.slice(-9)}`;
}

/** Reads what {@link encodeTime} wrote; undefined when the text is not of that form or out of 64 bits of seconds. */
export function decodeTime(text: string): bigint | undefined {
  const match = /^(-?)(\d{1,19})\.(\d{9})$/.exec(text);
  if (!match) return undefined;
  const value = BigInt(match[2]! + match[3]!);
  return match[1] ? -value : value;
}
