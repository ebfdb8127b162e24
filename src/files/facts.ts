/** What stat says of an entry, as plain values that can be compared, stored and sent to another thread. */
import type { FileStat } from './stat.ts';

/** Times are nanoseconds since 1970; `mode` is all of st_mode, with the type. */
export interface FileFacts {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly links: number;
  readonly size: number;
  readonly mtime: bigint;
  readonly ctime: bigint;
  readonly atime: bigint;
  readonly inode: bigint;
  readonly device: bigint;
}

/** Takes what is kept of a stat. */
export function toFacts(stat: FileStat): FileFacts {
  return {
    mode: Number(stat.mode),
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    links: Number(stat.nlink),
    size: Number(stat.size),
    mtime: stat.mtimeNs,
    ctime: stat.ctimeNs,
    atime: stat.atimeNs,
    inode: stat.ino,
    device: stat.dev,
  };
}

const COLUMNS = 10;
/** Columns that tell whether a file is the one that was seen; any other change shows in ctime. Not atime. */
const IDENTITY = [0, 1, 2, 3, 4] as const;

/**
 * Facts of many files as numbers in one block of memory: what waits by the thousand must not wait as objects, which the
 * garbage collector would copy about, and it crosses to another thread as one buffer.
 */
export class FactsTable {
  #values: BigInt64Array;
  #count = 0;

  /** A table with room for `capacity` files, or the table behind {@link values}. */
  constructor(from: number | BigInt64Array) {
    this.#values = typeof from === 'number' ? new BigInt64Array(from * COLUMNS) : from;
    this.#count = typeof from === 'number' ? 0 : from.length / COLUMNS;
  }

  /** Files in it. */
  get count(): number {
    return this.#count;
  }

  /** The numbers of all files, to be sent to another thread. */
  get values(): BigInt64Array {
    return this.#values.slice(0, this.#count * COLUMNS);
  }

  /** Adds a file; returns its row. */
  add(stat: FileStat): number {
    const at = this.#count * COLUMNS;
    if (at === this.#values.length) {
      const grown = new BigInt64Array(Math.max(COLUMNS, this.#values.length * 2));
      grown.set(this.#values);
      this.#values = grown;
    }
    const values = this.#values;
    // Written out: this runs for every file that is read.
    values[at] = BigInt.asIntN(64, stat.dev);
    values[at + 1] = BigInt.asIntN(64, stat.ino);
    values[at + 2] = stat.size;
    values[at + 3] = stat.mtimeNs;
    values[at + 4] = stat.ctimeNs;
    values[at + 5] = stat.atimeNs;
    values[at + 6] = stat.mode;
    values[at + 7] = stat.uid;
    values[at + 8] = stat.gid;
    values[at + 9] = stat.nlink;
    return this.#count++;
  }

  /** A table of one row of this. */
  only(row: number): FactsTable {
    return new FactsTable(this.#values.slice(row * COLUMNS, (row + 1) * COLUMNS));
  }

  /** Device and inode of a row. */
  identity(row: number): { dev: bigint; ino: bigint } {
    const at = row * COLUMNS;
    return { dev: BigInt.asUintN(64, this.#values[at]!), ino: BigInt.asUintN(64, this.#values[at + 1]!) };
  }

  size(row: number): number {
    return Number(this.#values[row * COLUMNS + 2]);
  }

  /** True when a stat is of the same file in the same state. */
  isSame(row: number, stat: FileStat): boolean {
    const found = [BigInt.asIntN(64, stat.dev), BigInt.asIntN(64, stat.ino), stat.size, stat.mtimeNs, stat.ctimeNs];
    return IDENTITY.every((column) => found[column] === this.#values[row * COLUMNS + column]);
  }

  /** A row as an object. */
  get(row: number): FileFacts {
    const at = row * COLUMNS;
    const values = this.#values;
    const { dev, ino } = this.identity(row);
    return {
      device: dev,
      inode: ino,
      size: Number(values[at + 2]),
      mtime: values[at + 3]!,
      ctime: values[at + 4]!,
      atime: values[at + 5]!,
      mode: Number(values[at + 6]),
      uid: Number(values[at + 7]),
      gid: Number(values[at + 8]),
      links: Number(values[at + 9]),
    };
  }
}
