import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Problem } from '../../src/base/monitor.ts';
import { rawFromText } from '../../src/base/raw.ts';
import { StallWatch } from '../../src/work/stall-watch.ts';

describe('a watch over threads', () => {
  const told: Problem[] = [];
  let watch: StallWatch;
  beforeEach(() => {
    told.length = 0;
    vi.useFakeTimers();
    watch = new StallWatch(2, (problem) => told.push(problem));
  });
  afterEach(() => {
    watch.close();
    vi.useRealTimers();
  });

  it('names the path that a silent thread is at, once', () => {
    watch.gave(1, rawFromText('/mnt/nas/a'));
    watch.gave(1, rawFromText('/mnt/nas/b'));
    vi.advanceTimersByTime(300_000);
    expect(told).toMatchObject([{ severity: 'warning', code: 'no-answer', path: '/mnt/nas/a' }]);
  });

  it('says nothing of threads that answer, or that have nothing to do', () => {
    watch.gave(0, rawFromText('/a'));
    for (let i = 0; i < 10; i++) {
      vi.advanceTimersByTime(40_000);
      watch.heard(0);
    }
    watch.done(0);
    vi.advanceTimersByTime(300_000);
    expect(told).toEqual([]);
    expect(watch.load(0)).toBe(0);
  });

  it('speaks again when a thread falls silent again', () => {
    watch.gave(0, rawFromText('/a'));
    vi.advanceTimersByTime(100_000);
    watch.heard(0);
    vi.advanceTimersByTime(100_000);
    expect(told).toHaveLength(2);
  });
});
