/** Files with several names: which name came first in the walk. Holds only groups that are not complete yet. */
import type { BigIntStats } from 'node:fs';
import type { Raw } from '../base/raw.ts';

/** The open hard link groups of one walk. */
export class HardLinks {
  readonly #groups = new Map<string, { readonly path: Raw; left: bigint }>();

  /** The first path of the file's group, or undefined when this one is the first. */
  first(stat: BigIntStats, path: Raw): Raw | undefined {
    const key = `${stat.dev}:${stat.ino}`;
    const group = this.#groups.get(key);
    if (!group) {
      this.#groups.set(key, { path, left: stat.nlink - 1n });
      return undefined;
    }
    group.left--;
    if (group.left <= 0n) this.#groups.delete(key);
    return group.path;
  }
}
