/**
 * Walks two manifests side by side and finds where they differ, by ids alone: nodes and segments that both have are
 * passed over unread. Owns the order of what is left; reading segments and comparing entries is the caller's.
 *
 * Equal segments have the same first path, so when both sides are taken in the order of their first paths, whatever
 * both have comes up on both sides at the same time. Memory: the refs of one node a level and side.
 */
import { type IcecoreError, isIcecoreError } from '../base/errors.ts';
import type { Raw } from '../base/raw.ts';
import { findDirectoryRefs, type SegmentRef } from '../format/manifest-root.ts';
import { comparePositions } from '../format/path-rules.ts';
import type { ManifestPart, ManifestReader } from './manifest-reader.ts';

/**
 * One step of the walk, at the position `first`. `segment`: only this side has it; `shared`: both sides have it, and
 * all below it; `lost`: this side has something there that cannot be read.
 */
export type ManifestStep =
  | { readonly type: 'segment'; readonly side: 0 | 1; readonly first: Raw; readonly ref: SegmentRef }
  | { readonly type: 'shared'; readonly first: Raw }
  | {
      readonly type: 'lost';
      readonly side: 0 | 1;
      readonly first: Raw;
      readonly ref: SegmentRef;
      readonly error: IcecoreError;
    };

/**
 * Yields the steps in order of position; at one position, side 0 comes first.
 * @throws what reading the top nodes throws; damage further down becomes a step
 */
export async function* compareManifests(
  manifests: readonly [ManifestReader, ManifestReader],
  part: ManifestPart,
): AsyncGenerator<ManifestStep> {
  if (manifests[0].id === manifests[1].id) return;
  const sides = [await Side.open(manifests[0], part), await Side.open(manifests[1], part)] as const;
  for (;;) {
    const heads = [sides[0].head, sides[1].head] as const;
    const order = compareHeads(heads);
    if (order === undefined) return;
    if (order === 0 && heads[0]!.ref.id === heads[1]!.ref.id && heads[0]!.level === heads[1]!.level) {
      yield { type: 'shared', first: heads[0]!.ref.first };
      for (const side of sides) side.pass();
      continue;
    }
    // At the same position the higher one is opened first: what both have may be the first thing in it.
    const side = order < 0 || (order === 0 && heads[0]!.level >= heads[1]!.level) ? 0 : 1;
    const { ref, level } = heads[side]!;
    if (level === 0) {
      // Both are segments here unless the other one comes later: neither can be found on the other side any more.
      yield { type: 'segment', side, first: ref.first, ref };
      sides[side].pass();
      continue;
    }
    const error = await sides[side].enter();
    if (error) yield { type: 'lost', side, first: ref.first, ref, error };
  }
}

interface Head {
  readonly ref: SegmentRef;
  readonly level: number;
}

/** Which head comes first; undefined when there is none. */
function compareHeads([a, b]: readonly [Head | undefined, Head | undefined]): number | undefined {
  if (a && b) return comparePositions(a.ref.first, b.ref.first);
  return a ? -1 : b ? 1 : undefined;
}

/** The place that was reached in one manifest. */
class Side {
  readonly #manifest: ManifestReader;
  readonly #part: ManifestPart;
  readonly #open: {
    readonly level: number;
    readonly refs: readonly SegmentRef[];
    next: number;
    readonly to: number;
  }[] = [];

  private constructor(manifest: ManifestReader, part: ManifestPart) {
    this.#manifest = manifest;
    this.#part = part;
  }

  static async open(manifest: ManifestReader, part: ManifestPart): Promise<Side> {
    const side = new Side(manifest, part);
    const { level, refs } = await manifest.top();
    side.#push(level, refs);
    return side;
  }

  /** What comes next, or undefined at the end. */
  get head(): Head | undefined {
    for (let top = this.#open.at(-1); top; top = this.#open.at(-1)) {
      if (top.next < top.to) return { ref: top.refs[top.next]!, level: top.level };
      this.#open.pop();
    }
    return undefined;
  }

  /** Leaves the head behind, with all below it. */
  pass(): void {
    this.#open.at(-1)!.next++;
  }

  /** Replaces the head, which is a node, by what is below it; returns the damage when it cannot be read. */
  async enter(): Promise<IcecoreError | undefined> {
    const { ref, level } = this.head!;
    this.pass();
    try {
      this.#push(level - 1, await this.#manifest.below(ref, level));
      return undefined;
    } catch (error) {
      if (!isIcecoreError(error, 'damage')) throw error;
      return error;
    }
  }

  #push(level: number, refs: readonly SegmentRef[]): void {
    const { from, to } = findDirectoryRefs(refs, this.#part.directory, this.#part.recursive);
    this.#open.push({ level, refs, next: from, to });
  }
}
