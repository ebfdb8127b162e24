/** What a store's marks say of a pack, and which packs a sample takes. Pure. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { compareMarks, wantsLook } from '../../src/work/verify-marks.ts';
import { choosePacks } from '../../src/work/verify-sample.ts';
import { seededRandom } from '../support/random.ts';

const hash = createHash('sha256').update('the pack').digest();
const sha256 = hash.toString('hex');
const whole = `sha256:${hash.toString('base64')}`;
const other = `sha256:${createHash('sha256').update('else').digest('base64')}`;

describe('marks', () => {
  it.each([
    [
      'a checksum of the whole object that fits',
      { checksum: whole, etag: 'a' },
      { checksum: whole, etag: 'b' },
      'same',
    ],
    ['one that does not', { checksum: whole, etag: 'a' }, { checksum: other, etag: 'a' }, 'other'],
    ['a whole one where the index has one of parts', { checksum: `${other}-2` }, { checksum: whole }, 'same'],
    ['a whole one where the index has none', {}, { checksum: other }, 'other'],
    ['checksums of the same parts', { checksum: `${other}-2` }, { checksum: `${other}-2` }, 'same'],
    ['checksums of two parts that differ', { checksum: `${whole}-2` }, { checksum: `${other}-2` }, 'other'],
    [
      'checksums of other parts',
      { checksum: `${other}-2`, etag: 'a-2' },
      { checksum: `${other}-3`, etag: 'a-3' },
      'rewritten',
    ],
    ['the same entity tag alone', { checksum: whole, etag: 'a' }, { etag: 'a' }, 'same'],
    ['another entity tag alone', { etag: 'a' }, { etag: 'b' }, 'rewritten'],
    ['marks of different sorts', { checksum: `${other}-2` }, { etag: 'b' }, 'rewritten'],
    ['no marks there', { checksum: whole, etag: 'a' }, {}, 'unmarked'],
    ['no marks in the index', {}, { etag: 'a' }, 'unmarked'],
  ])('%s', (_, recorded, stored, verdict) => {
    expect(compareMarks({ sha256, ...recorded }, stored)).toBe(verdict);
  });

  it('are looked for where the index has a checksum or the entity tag is another, and not otherwise', () => {
    expect(wantsLook({ sha256, checksum: whole, etag: 'a' }, { etag: 'a' })).toBe(true);
    expect(wantsLook({ sha256, checksum: whole }, { checksum: whole })).toBe(false);
    expect(wantsLook({ sha256, etag: 'a' }, { etag: 'b' })).toBe(true);
    expect(wantsLook({ sha256, etag: 'a' }, { etag: 'a' })).toBe(false);
    expect(wantsLook({ sha256 }, {})).toBe(false);
  });
});

describe('a sample', () => {
  const packs = Array.from({ length: 100 }, (_, pack) => ({ pack, size: 10, lastRead: pack % 10 }));

  it('takes the packs that were not read for longest', () => {
    const seed = 7;
    for (const sample of [{ packs: 20 }, { share: 0.2 }, { bytes: 200 }]) {
      const chosen = choosePacks(packs, sample, seededRandom(seed));
      expect(chosen.size, `seed ${seed}`).toBe(20);
      expect([...chosen].every((pack) => pack % 10 < 2)).toBe(true);
    }
  });

  it('is chosen by chance among equals, and is never empty', () => {
    const seen = new Set<number>();
    for (let seed = 0; seed < 100; seed++) {
      for (const pack of choosePacks(packs, { packs: 1 }, seededRandom(seed))) seen.add(pack);
    }
    expect(seen.size).toBeGreaterThan(6);
    expect([...seen].every((pack) => pack % 10 === 0)).toBe(true);
    expect(choosePacks(packs, { share: 0.000_001 }, Math.random).size).toBe(1);
    expect(choosePacks(packs, { bytes: 1 }, Math.random).size).toBe(1);
    expect(choosePacks([], { packs: 3 }, Math.random).size).toBe(0);
  });
});
