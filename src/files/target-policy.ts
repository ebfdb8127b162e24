/**
 * What may happen to something that is already in the target where a restored item goes. Pure decisions, from what
 * `lstat` says; target-tree.ts and target-file.ts look and obey. A directory is never replaced by anything else, nor
 * anything else by a directory: those are errors, whatever the policy.
 */
import type { EntryType } from '../format/entry.ts';

/** The policies that a user can name. */
export type OverwritePolicy = 'always' | 'if-changed' | 'if-newer' | 'never';

/** What is there. `type` is `socket` for a socket; `mtime` in nanoseconds since 1970. */
export interface Existing {
  readonly type: EntryType | 'socket';
  readonly size: number;
  readonly mtime: bigint;
}

/** What is to come. `size` is absent for everything but files. */
export interface Coming {
  readonly type: EntryType;
  readonly size?: number;
  readonly mtime: bigint;
}

/** Says whether what is there stays or is replaced. Is not asked about directories. */
export type OverwriteDecision = (there: Existing, coming: Coming) => 'replace' | 'keep';

/**
 * Decides by a named policy. `if-changed` keeps a file of the same size and time, and replaces everything else (links
 * and nodes cost nothing to make again); `if-newer` replaces what is older than the snapshot's.
 * @param toleranceNs times closer than this are the same: 0 where the target keeps nanoseconds and we can set them.
 */
export function decideOverwrite(
  policy: OverwritePolicy,
  there: Existing,
  coming: Coming,
  toleranceNs = 0n,
): 'replace' | 'keep' {
  switch (policy) {
    case 'always':
      return 'replace';
    case 'never':
      return 'keep';
    case 'if-newer':
      return coming.mtime - there.mtime > toleranceNs ? 'replace' : 'keep';
    case 'if-changed':
      return isUnchanged(there, coming, toleranceNs) ? 'keep' : 'replace';
    default:
      return policy satisfies never;
  }
}

function isUnchanged(there: Existing, coming: Coming, toleranceNs: bigint): boolean {
  if (there.type !== 'file' || coming.type !== 'file' || there.size !== coming.size) return false;
  const distance = there.mtime - coming.mtime;
  return (distance < 0n ? -distance : distance) <= toleranceNs;
}
