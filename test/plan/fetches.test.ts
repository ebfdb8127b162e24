import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type NeededFrame, planFetches } from '../../src/plan/fetches.ts';

/** Frames one after the other; those whose length is negative are not needed. */
function frames(lengths: readonly number[]): NeededFrame[] {
  const needed: NeededFrame[] = [];
  let offset = 0;
  for (const [frame, length] of lengths.entries()) {
    if (length > 0) needed.push({ frame, offset, length });
    offset += Math.abs(length);
  }
  return needed;
}

const ranges = (lengths: readonly number[], maxGap: number, maxLength: number): number[][] =>
  planFetches(frames(lengths), { maxGap, maxLength }).map((range) => range.frames.map(({ frame }) => frame));

describe('the ranges of a pack', () => {
  it('are one where everything is needed', () => {
    expect(ranges([5, 5, 5], 0, 100)).toEqual([[0, 1, 2]]);
  });

  it('pass over a gap that is not worth a request, and are parted by one that is', () => {
    expect(ranges([5, -3, 5], 3, 100)).toEqual([[0, 2]]);
    expect(ranges([5, -4, 5], 3, 100)).toEqual([[0], [2]]);
  });

  it('are cut when they grow long, but a long frame is not', () => {
    expect(ranges([5, 5, 5, 5], 0, 10)).toEqual([
      [0, 1],
      [2, 3],
    ]);
    expect(ranges([5, 50, 5], 0, 10)).toEqual([[0], [1], [2]]);
  });

  it('are none where nothing is needed', () => {
    expect(planFetches([])).toEqual([]);
  });

  it('hold every frame once, in order, whatever is needed', () => {
    const lengths = fc.array(
      fc.integer({ min: -20, max: 20 }).filter((length) => length !== 0),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(lengths, fc.nat(10), fc.integer({ min: 1, max: 60 }), (all, maxGap, maxLength) => {
        const needed = frames(all);
        const planned = planFetches(needed, { maxGap, maxLength });
        expect(planned.flatMap((range) => range.frames)).toEqual(needed);
        for (const { offset, length, frames: held } of planned) {
          expect(held.length === 1 || length <= maxLength).toBe(true);
          for (const frame of held)
            expect(frame.offset >= offset && frame.offset + frame.length <= offset + length).toBe(true);
        }
      }),
    );
  });
});
