/** The metadata that an entry gets here: owners by name where root restores and this system knows the name. */

import { OwnerNames } from '../files/owners.ts';
import type { TargetMeta } from '../files/target-metadata.ts';
import type { Entry } from '../format/entry.ts';

/** Maps the metadata of entries. */
export class RestoredMetadata {
  /** Absent when owners are taken by number. */
  readonly #names: OwnerNames | undefined;

  constructor(byName: boolean) {
    this.#names = byName ? new OwnerNames() : undefined;
  }

  of(entry: Entry): TargetMeta {
    const { mode, mtime, atime, xattrs } = entry;
    const uid = (entry.user === undefined ? undefined : this.#names?.userId(entry.user)) ?? entry.uid;
    const gid = (entry.group === undefined ? undefined : this.#names?.groupId(entry.group)) ?? entry.gid;
    return {
      ...{ mode, uid, gid, mtime },
      ...(atime === undefined ? {} : { atime }),
      ...(xattrs === undefined ? {} : { xattrs }),
    };
  }
}
