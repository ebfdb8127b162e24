/**
 * Looks at what is in the target before anything is written, and decides by the policy what it means for an entry.
 * Makes nothing. Where a link stands in the place of a directory it is not followed.
 */
import type { BigIntStats } from 'node:fs';
import { errnoOf } from '../base/errors.ts';
import { joinRaw, type Raw } from '../base/raw.ts';
import { nodeFileSystem } from '../files/fs.ts';
import { withFsPath } from '../files/long-path.ts';
import type { TargetMeta } from '../files/target-metadata.ts';
import type { Entry } from '../format/entry.ts';
import type { OverwritePolicy } from './restore-options.ts';

/**
 * What becomes of a file: `write` it; `keep` what is there, whose content is right, as it is or with new metadata
 * (`refresh`); `compare` the content first; `skip` it, because the policy says so; a directory is `blocked`.
 */
export type FileDecision = 'write' | 'keep' | 'refresh' | 'compare' | 'skip' | 'blocked';

/** How decisions are made. */
export interface ExistingRules {
  readonly overwrite: OverwritePolicy;
  /** Nothing is believed unread. */
  readonly isThorough: boolean;
  /** Times closer than this are the same. */
  readonly toleranceNs: bigint;
  readonly isRoot: boolean;
}

/** Looks into one target. */
export class ExistingTarget {
  readonly #target: Raw;
  /** The target is there and has something in it. */
  readonly hasContent: boolean;

  constructor(target: Raw, { isTakenForEmpty = false } = {}) {
    this.#target = target === '/' ? ('' as Raw) : target;
    this.hasContent = !isTakenForEmpty && hasContent(target);
  }

  /** What is there at a path of the tree, in a directory that is known to be one; undefined when nothing is. */
  look(directory: Raw, name: Raw): BigIntStats | undefined {
    const path = (this.#target + joinRaw(directory, name)) as Raw;
    try {
      return withFsPath(path, nodeFileSystem, (fsPath) => nodeFileSystem.lstatSync(fsPath));
    } catch (error) {
      // Whatever stands in the way will be named when the item is written.
      if (errnoOf(error) !== undefined) return undefined;
      throw error;
    }
  }
}

/** Decides on a file, given what is there. */
export function decideFile(there: BigIntStats, entry: Entry, meta: TargetMeta, rules: ExistingRules): FileDecision {
  if (there.isDirectory()) return 'blocked';
  if (rules.overwrite === 'never') return 'skip';
  const distance = there.mtimeNs > meta.mtime ? there.mtimeNs - meta.mtime : meta.mtime - there.mtimeNs;
  const isSameTime = distance <= rules.toleranceNs;
  if (rules.overwrite === 'if-newer' && (isSameTime || there.mtimeNs > meta.mtime)) return 'skip';
  if (!there.isFile() || Number(there.size) !== (entry.size ?? 0)) return 'write';
  if (rules.overwrite === 'if-newer') return 'write';
  // What is not read would have to be looked at for data in the holes; a name of another group must not stay linked.
  const isReadable = entry.sparse === undefined && entry.links === undefined && there.nlink === 1n;
  if (rules.overwrite === 'always' || rules.isThorough || !isSameTime) return isReadable ? 'compare' : 'write';
  const isSameMode = (Number(there.mode) & 0o7777) === meta.mode;
  const isSameOwner = !rules.isRoot || (Number(there.uid) === meta.uid && Number(there.gid) === meta.gid);
  if (isSameMode && isSameOwner) return 'keep';
  // Another name of the same file may lie outside of the target: it is not ours to change.
  return there.nlink === 1n ? 'refresh' : 'write';
}

function hasContent(target: Raw): boolean {
  try {
    return withFsPath(target, nodeFileSystem, (path) => nodeFileSystem.readdirSync(path)).length > 0;
  } catch (error) {
    return errnoOf(error) !== 'ENOENT';
  }
}
