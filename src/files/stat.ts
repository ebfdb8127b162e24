/**
 * What the walk knows of a name: the fields of node:fs's BigIntStats that a backup uses, and how they are read out of
 * what the statx call of Linux fills in. It makes no call (libc.ts does).
 *
 * Node makes some 30 values of every stat, most of which nobody looks at; on a tree of 84,000 names that is a third of
 * the time of an lstat, and most of what the garbage collector has to do in an unchanged backup.
 */
import { type BigIntStats, constants } from 'node:fs';
import { makeDevice } from './device-number.ts';

/** What stat says of a file; a BigIntStats is one. Numbers are signed 64-bit ones, as Node has them. */
export type FileStat = Pick<
  BigIntStats,
  | 'dev'
  | 'ino'
  | 'mode'
  | 'nlink'
  | 'uid'
  | 'gid'
  | 'rdev'
  | 'size'
  | 'blocks'
  | 'atimeNs'
  | 'mtimeNs'
  | 'ctimeNs'
  | 'isFile'
>;

/** All that `struct stat` has: the mask to ask statx for. */
export const STATX_BASIC_STATS = 0x7ff;

/** A `struct statx` (linux/stat.h; 256 bytes, the same on all 64-bit systems), to be filled by each call anew. */
export class StatxBuffer {
  readonly bytes = new Uint8Array(256);
  readonly #half = new Uint16Array(this.bytes.buffer);
  readonly #word = new Uint32Array(this.bytes.buffer);
  readonly #long = new BigInt64Array(this.bytes.buffer);
  /** Nearly all files of a walk are on one device. */
  #device = { major: 0, minor: 0, number: 0n };

  /** Takes the fields out, so that the buffer can be used again. */
  read(): FileStat {
    const word = this.#word;
    const long = this.#long;
    const major = word[34]!;
    const minor = word[35]!;
    if (major !== this.#device.major || minor !== this.#device.minor) {
      this.#device = { major, minor, number: BigInt.asIntN(64, makeDevice(major, minor, 'linux')) };
    }
    return new Statx(
      this.#device.number,
      long[4]!,
      this.#half[14]!,
      word[4]!,
      word[5]!,
      word[6]!,
      word[32]!,
      word[33]!,
      long[5]!,
      long[6]!,
      nanoseconds(long[8]!, word[18]!),
      nanoseconds(long[14]!, word[30]!),
      nanoseconds(long[12]!, word[26]!),
    );
  }
}

function nanoseconds(seconds: bigint, rest: number): bigint {
  return BigInt.asIntN(64, seconds * 1_000_000_000n + BigInt(rest));
}

/** What most callers want as a number stays one until it is asked for: a bigint is an object of its own. */
class Statx implements FileStat {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly blocks: bigint;
  readonly atimeNs: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly #mode: number;
  readonly #links: number;
  readonly #uid: number;
  readonly #gid: number;
  readonly #major: number;
  readonly #minor: number;

  constructor(
    dev: bigint,
    ino: bigint,
    mode: number,
    links: number,
    uid: number,
    gid: number,
    major: number,
    minor: number,
    size: bigint,
    blocks: bigint,
    atimeNs: bigint,
    mtimeNs: bigint,
    ctimeNs: bigint,
  ) {
    this.dev = dev;
    this.ino = ino;
    this.size = size;
    this.blocks = blocks;
    this.atimeNs = atimeNs;
    this.mtimeNs = mtimeNs;
    this.ctimeNs = ctimeNs;
    this.#mode = mode;
    this.#links = links;
    this.#uid = uid;
    this.#gid = gid;
    this.#major = major;
    this.#minor = minor;
  }

  get mode(): bigint {
    return BigInt(this.#mode);
  }

  get nlink(): bigint {
    return BigInt(this.#links);
  }

  get uid(): bigint {
    return BigInt(this.#uid);
  }

  get gid(): bigint {
    return BigInt(this.#gid);
  }

  get rdev(): bigint {
    return BigInt.asIntN(64, makeDevice(this.#major, this.#minor, 'linux'));
  }

  isFile(): boolean {
    return (this.#mode & constants.S_IFMT) === constants.S_IFREG;
  }
}
