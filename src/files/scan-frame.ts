/** The state of a walk: the directories from `/` to where it is, and what each has still to visit. */
import { bug } from '../base/errors.ts';
import type { Raw } from '../base/raw.ts';
import type { ExcludeScope } from './exclude.ts';
import type { Location } from './long-path.ts';
import type { RootNode } from './roots.ts';

/** A subdirectory that waits for its turn. */
export interface Pending {
  readonly name: Raw;
  readonly dev: bigint;
  readonly ino: bigint;
  readonly node: RootNode | undefined;
  /** False: only what leads to a root is wanted. */
  readonly isWhole: boolean;
}

/** A directory on the way from `/` to where the walk is. */
export interface Frame extends Pending {
  /** Its path in pieces, '' for `/`: must never be read, see {@link pathOf}. */
  readonly rope: string;
  /** The same of its parent. */
  readonly parentRope: string;
  readonly depth: number;
  readonly location: Location;
  /** Absent where nothing is excluded. */
  scope: ExcludeScope | undefined;
  /** The device of the root that this is in. */
  readonly rootDev: bigint;
  readonly identity: string;
  isListed: boolean;
  pending: Pending[];
  next: number;
}

/**
 * The path of a directory, and of a name in one. Strings are joined without a look into them, and each call joins anew:
 * a string that somebody reads is copied into one piece, and if that were the frame's own, the frames of a tree that
 * is 100,000 levels deep would hold gigabytes.
 */
export function pathOf(frame: Frame): Raw {
  return (frame.depth === 0 ? '/' : `${frame.parentRope}/${frame.name}`) as Raw;
}

/** See {@link pathOf}. */
export function pathIn(frame: Frame, name: Raw): Raw {
  return `${frame.rope}/${name}` as Raw;
}

/** Every so many levels the pieces are joined for good, so that reading a path takes few steps, and little is held. */
const ROPE_LEVELS = 512;

/** The rope of a directory in a directory. */
export function ropeIn(frame: Frame, name: Raw): string {
  const rope = pathIn(frame, name);
  // Asking for a character makes the engine join the pieces in place; an answer that nobody needs is not asked for.
  if ((frame.depth + 1) % ROPE_LEVELS === 0 && rope.charCodeAt(0) !== 0x2f) throw bug('a path is not absolute');
  return rope;
}
