/**
 * Decides which ranges of a pack are fetched, given the frames that are needed. Pure; knows nothing of what is in them.
 *
 * Frames that follow one another are one range, and so are those with a small gap between them: bytes cost less than a
 * request does. A range is cut when it has grown long, because it is held in memory as a whole, and because the last
 * ranges of a run should keep all workers busy.
 */

/** A frame of a pack that is needed: its number, and where it lies in the pack's plaintext. */
export interface NeededFrame {
  readonly frame: number;
  readonly offset: number;
  readonly length: number;
}

/** One request: a range of the pack's plaintext, and the needed frames in it in order. */
export interface FetchRange {
  readonly offset: number;
  readonly length: number;
  readonly frames: readonly NeededFrame[];
}

/** How ranges are made. */
export interface FetchLimits {
  /** A gap up to this many bytes is fetched rather than skipped. */
  readonly maxGap: number;
  /** A range is not extended beyond this; a single frame may be longer. */
  readonly maxLength: number;
}

/** Gaps that a request is not worth; and ranges of which two in flight for a worker are bearable. */
export const FETCH_LIMITS: FetchLimits = { maxGap: 1 << 20, maxLength: 4 << 20 };

/** Gathers frames (of one pack, in ascending order, not overlapping) into ranges. */
export function planFetches(frames: readonly NeededFrame[], limits: FetchLimits = FETCH_LIMITS): FetchRange[] {
  const ranges: FetchRange[] = [];
  let first = 0;
  for (let i = 1; i <= frames.length; i++) {
    const start = frames[first]!;
    const last = frames[i - 1]!;
    const next = frames[i];
    const end = last.offset + last.length;
    if (next) {
      const isNear = next.offset - end <= limits.maxGap;
      if (isNear && next.offset + next.length - start.offset <= limits.maxLength) continue;
    }
    ranges.push({ offset: start.offset, length: end - start.offset, frames: frames.slice(first, i) });
    first = i;
  }
  return ranges;
}
