import { describe, expect, test } from 'vitest';
import { isIcecoreError } from '../../src/base/errors.ts';
import type { SessionId } from '../../src/base/ids.ts';
import { packName, thawName } from '../../src/format/layout.ts';
import { decodeThawEvent, encodeThawEvent, listRuns, makeRuns, type ThawEvent } from '../../src/format/thaw-event.ts';
import { decodeThawJob, encodeThawJob, type ThawJob } from '../../src/format/thaw-job.ts';
import { seededRandom } from '../support/random.ts';
import { expectDamage, mutate, raw } from './entries.ts';

const NAME = 'object-name';
const sid = '01JCVEXAMPKE0123456789ABCD' as SessionId;
const other = '01JCVEXAMPKE0123456789ABCE' as SessionId;
const time = '2026-11-17T12:00:00.000Z';

const job: ThawJob = {
  job: other,
  time,
  host: 'höst',
  user: 'eve',
  program: 'icecore 0.1.0',
  snapshot: sid,
  path: raw('/home/é'),
  target: '/mnt/back',
  include: ['*.doc'],
  exclude: [],
  overwrite: 'if-changed',
  flags: ['delete', 'verify'],
  tier: 'bulk',
  days: 3,
  budget: 2_500_000,
  packs: [
    { name: packName(sid, 4), size: 134_217_728, storageClass: 'DEEP_ARCHIVE' },
    { name: packName(sid, 2), size: 17, storageClass: 'DEEP_ARCHIVE' },
    { name: packName(other, 2), size: 18, storageClass: 'DEEP_ARCHIVE' },
    { name: packName(sid, 3), size: 19, storageClass: 'GLACIER' },
  ],
};
const asking: ThawEvent = {
  ...{ job: other, k: 2, time, host: 'höst', event: 'asking', tier: 'standard', days: 3 },
  packs: [
    [0, 1],
    [3, 3],
  ],
};
const ended: ThawEvent = { job: other, k: 3, time, host: 'höst', event: 'ended' };

const objects = {
  'thaw job': { bytes: encodeThawJob(job), decode: decodeThawJob, value: job as unknown },
  'thaw event': {
    bytes: encodeThawEvent(asking),
    decode: (bytes: Uint8Array, object: string): unknown => decodeThawEvent(bytes, object, 4),
    value: asking as unknown,
  },
};

function replaced(bytes: Uint8Array, changes: Record<string, unknown>): Buffer {
  const copy = { ...(JSON.parse(Buffer.from(bytes).toString()) as Record<string, unknown>), ...changes };
  return Buffer.from(JSON.stringify(copy));
}

describe.each(Object.entries(objects))('a %s', (_name, { bytes, decode, value }) => {
  test('comes back as it was', () => expect(decode(bytes, NAME)).toEqual(value));

  const top = JSON.parse(bytes.toString()) as Record<string, unknown>;
  test.each(Object.keys(top))('is refused without %s or with one of the wrong type', (field) => {
    for (const wrong of [[[]], -1, 1.5, 'x\0', true, [null], { a: 1 }, null]) {
      if (typeof wrong === typeof top[field] && typeof wrong === 'string') continue;
      expectDamage(() => decode(replaced(bytes, { [field]: wrong }), NAME));
    }
    if (field !== 'tier' && field !== 'budget') {
      expectDamage(() => decode(replaced(bytes, { [field]: undefined }), NAME));
    }
  });

  test('is refused with a field that it does not have', () =>
    expectDamage(() => decode(replaced(bytes, { extra: 1 }), NAME)));

  test('of a newer format says so', () =>
    expectDamage(() => decode(replaced(bytes, { thaw: 2 }), NAME), 'newer-format'));

  test('that was spoiled is refused or read, and nothing else', () => {
    const random = seededRandom(7);
    for (let i = 0; i < 3000; i++) {
      const spoiled = mutate(bytes, random);
      try {
        decode(spoiled, NAME);
      } catch (error) {
        if (!isIcecoreError(error, 'damage')) throw new Error(`mutation ${i}: ${spoiled}`, { cause: error });
      }
    }
  });
});

describe('values are refused', () => {
  const pack = { sid, class: 'GLACIER', packs: [[0, 1]] };
  const cases: [string, Record<string, unknown>][] = [
    ['a pack that is named twice', { packs: [pack, pack] }],
    ['a pack of no size', { packs: [{ ...pack, packs: [[0, 0]] }] }],
    ['a pack of a session that is none', { packs: [{ ...pack, sid: '../x' }] }],
    ['a class that is a path', { packs: [{ ...pack, class: '../X' }] }],
    ['a group with more in it', { packs: [{ ...pack, extra: 1 }] }],
    ['a target that is relative', { target: 'back' }],
    ['a target with NUL', { target: '/back\0' }],
    ['a path that is relative', { path: 'home' }],
    ['an option that there is not', { flags: ['force'] }],
    ['an option twice', { flags: ['verify', 'verify'] }],
    ['a tier that there is not', { tier: 'instant' }],
    ['no days', { days: 0 }],
    ['a fraction of a millionth', { budget: 0.5 }],
  ];
  test.each(cases)('%s', (_what, changes) =>
    expectDamage(() => decodeThawJob(replaced(encodeThawJob(job), changes), NAME)),
  );

  const runs: [string, unknown][] = [
    [
      'runs that overlap',
      [
        [0, 2],
        [2, 3],
      ],
    ],
    [
      'runs that touch',
      [
        [0, 1],
        [2, 3],
      ],
    ],
    ['runs that go back', [[2, 1]]],
    ['a pack that the job does not have', [[0, 4]]],
  ];
  test.each(runs)('%s', (_what, packs) =>
    expectDamage(() => decodeThawEvent(replaced(encodeThawEvent(asking), { packs }), NAME, 4)),
  );

  test('packs of an event that asks for none', () =>
    expectDamage(() => decodeThawEvent(replaced(encodeThawEvent(ended), { packs: [] }), NAME, 4)));
});

test('what is inside must agree with the name', () => {
  const mismatch = expect.toSatisfy((e: unknown) => isIcecoreError(e, 'damage') && e.code === 'object-mismatch');
  expect(() => decodeThawJob(encodeThawJob(job), thawName(sid, 0))).toThrow(mismatch);
  expect(() => decodeThawJob(encodeThawJob(job), thawName(other, 1))).toThrow(mismatch);
  expect(() => decodeThawEvent(encodeThawEvent(asking), thawName(other, 3), 4)).toThrow(mismatch);
  expect(decodeThawEvent(encodeThawEvent(ended), thawName(other, 3), 4)).toEqual(ended);
});

test('runs hold exactly the numbers that were put in', () => {
  const numbers = [0, 1, 2, 5, 7, 8];
  expect(makeRuns(numbers)).toEqual([
    [0, 2],
    [5, 5],
    [7, 8],
  ]);
  expect([...listRuns(makeRuns(numbers))]).toEqual(numbers);
});
