import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Raw } from '../../src/base/raw.ts';
import { targetError } from '../../src/files/target-errors.ts';
import { contentLength, mapContent } from '../../src/files/target-extents.ts';
import { isLeftover } from '../../src/files/target-leftovers.ts';
import { checkName, TempNames } from '../../src/files/target-names.ts';
import { decideOverwrite } from '../../src/files/target-policy.ts';
import { findTwins } from '../../src/files/target-probe.ts';
import { isRiskyTime, TimePair } from '../../src/files/target-times.ts';
import { raw } from '../support/target-room.ts';

describe('times', () => {
  const read = (pair: TimePair): bigint[] => [...new BigInt64Array(pair.bytes.buffer)];
  const expected = (time: bigint): [bigint, bigint] => {
    const rest = ((time % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
    return [(time - rest) / 1_000_000_000n, rest];
  };

  it('are split into seconds and nanoseconds exactly, before 1970 too', () => {
    const pair = new TimePair(99n);
    fc.assert(
      fc.property(fc.bigInt(-(1n << 63n), (1n << 63n) - 1n), fc.bigInt(-(10n ** 18n), 10n ** 19n), (atime, mtime) => {
        pair.fill(atime, mtime);
        expect(read(pair)).toEqual([...expected(atime), ...expected(mtime)]);
      }),
      { numRuns: 2000 },
    );
  });

  it('are exact around whole seconds, where doubles round', () => {
    const pair = new TimePair(99n);
    for (const seconds of [
      -1n,
      0n,
      1n,
      1_600_000_000n,
      4_294_967_296n,
      -2_147_483_648n,
      4_000_000_000n,
      -4_500_000_000n,
    ]) {
      for (const rest of [-200n, -2n, -1n, 0n, 1n, 2n, 200n, 999_999_999n]) {
        const time = seconds * 1_000_000_000n + rest;
        pair.fill(undefined, time);
        expect(read(pair)).toEqual([0n, 99n, ...expected(time)]);
      }
    }
  });

  it('beyond 64 bits of seconds are brought to the nearest, and all beyond 32 bits are risky', () => {
    const pair = new TimePair(99n);
    pair.fill(undefined, 10n ** 30n);
    expect(read(pair)[2]).toBe((1n << 63n) - 1n);
    expect(isRiskyTime(1_600_000_000_000_000_000n)).toBe(false);
    expect(isRiskyTime(-2_147_483_649n * 1_000_000_000n)).toBe(true);
    expect(isRiskyTime(2_147_483_648n * 1_000_000_000n)).toBe(true);
  });
});

describe('extents', () => {
  const arbitrary = fc.array(fc.tuple(fc.nat(20), fc.integer({ min: 1, max: 20 })), { maxLength: 8 }).map((gaps) => {
    let at = 0;
    return gaps.map(([gap, length]) => {
      const offset = at + gap;
      at = offset + length;
      return [offset, length] as const;
    });
  });

  it('place every byte of content where it was, however the content is cut', () => {
    fc.assert(
      fc.property(arbitrary, fc.array(fc.integer({ min: 1, max: 15 })), (extents, cuts) => {
        const size = 400;
        const total = contentLength(size, extents);
        const wanted = new Uint8Array(size);
        let value = 0;
        for (const [offset, length] of extents)
          for (let i = 0; i < length; i++) wanted[offset + i] = (value++ % 250) + 1;
        const content = Uint8Array.from({ length: total }, (_, i) => (i % 250) + 1);
        const got = new Uint8Array(size);
        let at = 0;
        for (const cut of [...cuts, total]) {
          const part = content.subarray(at, Math.min(total, at + cut));
          for (const { start, length, position } of mapContent(extents, at, part.length)) {
            got.set(part.subarray(start, start + length), position);
          }
          at += part.length;
        }
        expect(got).toEqual(wanted);
      }),
    );
  });

  it('work past 2^53 minus a little, and without holes map straight through', () => {
    const far = 2 ** 53 - 4096;
    expect([...mapContent([[far, 4000]], 1000, 500)]).toEqual([{ start: 0, length: 500, position: far + 1000 }]);
    expect([...mapContent(undefined, 7, 3)]).toEqual([{ start: 0, length: 3, position: 7 }]);
    expect([...mapContent(undefined, 7, 0)]).toEqual([]);
  });
});

describe('names', () => {
  it.each(['', '.', '..', 'a/b', '/', 'a\0b', '../x'])('refuse %j', (name) => {
    expect(() => checkName(name as Raw)).toThrow(expect.objectContaining({ code: 'name-refused' }));
  });

  it.each(['-rf', ' ', '~', '...', '..a', '\xff\xfe', 'a\nb', '{a,b}', '__proto__', 'x'.repeat(255)])(
    'take %j',
    (name) => {
      expect(() => checkName(name as Raw)).not.toThrow();
    },
  );

  it('that are temporary are short, start anew after 32,768, and differ between runs', () => {
    const run = { pid: 4_194_303, token: 1023, started: 0 };
    const names = new TempNames(run, 32_767);
    const seen = new Set(Array.from({ length: 32_768 }, () => names.next()));
    expect(seen.size).toBe(32_768);
    for (const name of seen) expect(name).toMatch(/^\.ic-3vvvvvv[0-9a-v]{3}$/);
    expect(new TempNames({ ...run, token: 3 }, 0).next()).not.toBe(new TempNames(run, 0).next());
  });
});

describe('leftovers', () => {
  const run = { pid: 500, token: 9, started: 1_000_000 };
  const facts = { isDirectory: false, isOwn: true, changed: 900_000 };
  const nameOf = (pid: number, token: number): Raw => new TempNames({ pid, token, started: 0 }, 77).next();
  const dead = (): boolean => false;

  it('of dead processes go, and so do those of an earlier run under the same process id', () => {
    expect(isLeftover(nameOf(400, 9), facts, run, dead)).toBe(true);
    expect(isLeftover(nameOf(500, 8), facts, run, () => true)).toBe(true);
  });

  it('stay when they may be alive: own run, living process, changed since the start', () => {
    expect(isLeftover(nameOf(500, 9), facts, run, dead)).toBe(false);
    expect(isLeftover(nameOf(400, 8), facts, run, () => true)).toBe(false);
    expect(isLeftover(nameOf(400, 8), { ...facts, changed: 999_950 }, run, dead)).toBe(false);
  });

  it('stay when they are something else: directories, of other users, other names', () => {
    expect(isLeftover(nameOf(400, 8), { ...facts, isDirectory: true }, run, dead)).toBe(false);
    expect(isLeftover(nameOf(400, 8), { ...facts, isOwn: false }, run, dead)).toBe(false);
    for (const name of ['.ic-config', '.ic-0123456789a', '.ic-012345678w', 'x.ic-0123456789']) {
      expect(isLeftover(raw(name), facts, run, dead)).toBe(false);
    }
  });
});

describe('overwriting', () => {
  const there = { type: 'file', size: 5, mtime: 1000n } as const;

  it('never keeps, always replaces', () => {
    expect(decideOverwrite('never', there, { ...there, size: 6 })).toBe('keep');
    expect(decideOverwrite('always', there, there)).toBe('replace');
  });

  it('if-changed looks at type, size and time', () => {
    expect(decideOverwrite('if-changed', there, there)).toBe('keep');
    expect(decideOverwrite('if-changed', there, { ...there, size: 6 })).toBe('replace');
    expect(decideOverwrite('if-changed', there, { ...there, mtime: 1001n })).toBe('replace');
    expect(decideOverwrite('if-changed', there, { ...there, mtime: 1001n }, 999n)).toBe('keep');
    expect(decideOverwrite('if-changed', { ...there, type: 'symlink' }, there)).toBe('replace');
  });

  it('if-newer replaces what is older', () => {
    expect(decideOverwrite('if-newer', there, { ...there, mtime: 1001n })).toBe('replace');
    expect(decideOverwrite('if-newer', there, { ...there, mtime: 1000n })).toBe('keep');
    expect(decideOverwrite('if-newer', there, { ...there, mtime: 999n })).toBe('keep');
  });
});

describe('twins', () => {
  it('are the later names that a target would take for earlier ones', () => {
    const names = ['a', 'A', 'b', 'e\u0301', '\u00e9', 'stra\u00dfe', '\u212a', 'k'].map(raw);
    const both = { ignoresCase: true, ignoresNormalization: true };
    expect(findTwins(names, { ignoresCase: false, ignoresNormalization: false }).size).toBe(0);
    expect([...findTwins(names, both)]).toEqual(['A', '\u00e9', 'k'].map(raw));
    expect([...findTwins(['\xff', '\xFF'] as Raw[], both)]).toHaveLength(1);
  });
});

describe('errors', () => {
  it('name the path and the kind of failure, and hand named ones through', () => {
    const error = targetError(raw('/t/x'), Object.assign(new Error('no'), { code: 'ENOSPC' }));
    expect(error).toMatchObject({ code: 'target-full', kind: 'user', data: { path: '/t/x', errno: 'ENOSPC' } });
    expect(targetError(raw('/t/y'), error)).toBe(error);
    expect(targetError(raw('/t/y'), new Error('odd'))).toMatchObject({ code: 'target-failed', message: '/t/y: odd' });
  });
});
