/** What stat says of an entry, as plain values that can be compared, stored and sent to another thread. */
import type { BigIntStats } from 'node:fs';

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
export function toFacts(stat: BigIntStats): FileFacts {
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
