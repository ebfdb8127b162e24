import { expect, test } from 'vitest';
import type { SessionId } from '../../src/base/ids.ts';
import { thawStatusLine } from '../../src/ui/thaw.ts';
import type { ThawStatus } from '../../src/work/thaw-options.ts';

const time = new Date(2026, 10, 2, 10, 30).getTime();
const HOUR = 3_600_000;
const status: ThawStatus = {
  job: '01JCVEXAMPKE0123456789ABCD' as SessionId,
  ...{ packs: 12, needed: 12, readable: 0, warming: 12, cold: 0, filesWaiting: 30, time },
};

test('the state of a thaw says what can be read, what is warming, and when to come back', () => {
  const of = (changes: Partial<ThawStatus>) => thawStatusLine({ ...status, ...changes });
  expect(of({ due: { from: time, until: time + 48 * HOUR } })).toBe(
    '0 of 12 packs can be read, 12 are warming, due by 2026-11-04 10:30; 30 files wait',
  );
  expect(of({ due: { from: time + 3 * HOUR, until: time + 5 * HOUR }, readable: 4, warming: 8 })).toBe(
    '4 of 12 packs can be read, 8 are warming, due from 2026-11-02 13:30 to 2026-11-02 15:30; 30 files wait',
  );
  expect(of({ due: { from: time - 5 * HOUR, until: time - HOUR }, readable: 11, warming: 1, filesWaiting: 1 })).toBe(
    '11 of 12 packs can be read, 1 is warming and late; 1 file waits',
  );
  expect(of({ needed: 1, readable: 0, warming: 0, cold: 1, filesWaiting: 0 })).toBe(
    '0 of 1 pack can be read, 1 is cold',
  );
});
