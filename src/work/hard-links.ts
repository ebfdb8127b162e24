/**
 * Files with several names: the first one in walk order has the content, the others name it. Which is first is guessed
 * when the walk sees it, so that it can be read at once, and settled when it is written, because reading may fail: then
 * the next name takes its place. Holds only groups of which names are still to come.
 */
import type { Raw } from '../base/raw.ts';

/** Which file it is: all names of a group have the same. */
export interface FileIdentity {
  readonly device: bigint;
  readonly inode: bigint;
  /** Number of names, in and out of what is backed up. */
  readonly links: number;
}

/** The hard link groups of one walk. */
export class HardLinks {
  readonly #seen = new Map<string, number>();
  readonly #written = new Map<string, { readonly path: Raw; left: number }>();

  /** The walk sees a name; true when it is the first of its group. */
  see({ device, inode, links }: FileIdentity): boolean {
    const key = `${device}:${inode}`;
    const before = this.#seen.get(key) ?? 0;
    if (before + 1 >= links) this.#seen.delete(key);
    else this.#seen.set(key, before + 1);
    return before === 0;
  }

  /** The first name of the group that was written, when there is one; counts this name as written. */
  writtenFirst({ device, inode }: FileIdentity): Raw | undefined {
    const key = `${device}:${inode}`;
    const group = this.#written.get(key);
    if (group && --group.left <= 0) this.#written.delete(key);
    return group?.path;
  }

  /** A name was written with its content: the others of its group can name it. */
  wrote({ device, inode, links }: FileIdentity, path: Raw): void {
    this.#written.set(`${device}:${inode}`, { path, left: links - 1 });
  }
}
