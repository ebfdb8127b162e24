import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { makeSessionId } from '../../src/base/ids.ts';
import {
  claimName,
  configName,
  gcName,
  indexName,
  keyName,
  kindPrefix,
  metaPackName,
  packName,
  parseName,
  sessionPrefix,
  snapshotName,
  thawName,
} from '../../src/format/layout.ts';

const anySid = fc
  .tuple(fc.nat({ max: 2 ** 31 - 1 }), fc.uint8Array({ minLength: 10, maxLength: 10 }))
  .map(([seconds, random]) => makeSessionId(seconds * 1000, random));
const sid = makeSessionId(0, new Uint8Array(10));

describe('object names', () => {
  test('are parsed back into what they were made of', () => {
    fc.assert(
      fc.property(anySid, fc.integer({ min: 1, max: 99_999_999 }), (id, n) => {
        expect(parseName(packName(id, n))).toEqual({ kind: 'pack', sid: id, number: n });
        expect(parseName(metaPackName(id, n))).toEqual({ kind: 'meta', sid: id, number: n });
        expect(parseName(indexName(id, n))).toEqual({ kind: 'index', sid: id, number: n });
        expect(parseName(claimName(id, n))).toEqual({ kind: 'claim', sid: id, number: n });
        expect(parseName(thawName(id, n))).toEqual({ kind: 'thaw', sid: id, number: n });
        expect(parseName(snapshotName(id))).toEqual({ kind: 'snapshot', sid: id });
        expect(parseName(configName(n))).toEqual({ kind: 'config', number: n });
        expect(parseName(gcName(n))).toEqual({ kind: 'gc', number: n });
        expect(packName(id, n).startsWith(sessionPrefix('pack', id))).toBe(true);
        expect(gcName(n).startsWith(kindPrefix('gc'))).toBe(true);
      }),
    );
    expect(parseName(keyName('admin'))).toEqual({ kind: 'key', key: 'admin' });
    expect(parseName('icecore.json')).toEqual({ kind: 'marker' });
    expect(parseName('RECOVERY.md')).toEqual({ kind: 'recovery' });
    expect(parseName('recover.sh')).toEqual({ kind: 'recovery' });
  });

  test('are those of the format', () => {
    expect(packName(sid, 0)).toBe('packs/00000000000000000000000000/00000000.tar.zst.age');
    expect(snapshotName(sid)).toBe('snapshots/00000000000000000000000000.json.zst.age');
    expect(configName(1)).toBe('config/00000001.json.zst.age');
  });

  test('sort by their numbers', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 99_999_999 }), fc.integer({ min: 1, max: 99_999_999 }), (a, b) => {
        expect(Math.sign(Number(gcName(a) > gcName(b)) - Number(gcName(a) < gcName(b)))).toBe(Math.sign(a - b));
      }),
    );
  });

  test('that the format does not have are not parsed', () => {
    const good = packName(sid, 7);
    const bad = [
      '',
      'packs/',
      `/${good}`,
      `${good}/`,
      good.replace('packs', 'pack'),
      good.replace('00000007', '0000007'),
      good.replace('00000007', '000000007'),
      good.replace('00000007', '-0000007'),
      good.replace('/00000007', '00000007'),
      good.replace('.tar', '.json'),
      good.toLowerCase().replace('0', 'o'),
      good.replace('000/', '00U/'),
      good.replace('packs/0', 'packs/8'),
      `${good}\n`,
      'config/00000000.json.zst.age',
      'gc/00000000.jsonl.zst.age',
      'gc/.jsonl.zst.age',
      'keys/.age',
      'keys/.x.age',
      'keys/a/b.age',
      `keys/${'x'.repeat(65)}.age`,
      'keys/ü.age',
      'snapshots/.json.zst.age',
      'icecore.json2',
      'other',
    ];
    for (const name of bad) expect(parseName(name), name).toBeUndefined();
  });

  test('that parse are those that are made: flipping a character never gives a second name for an object', () => {
    const all = [packName(sid, 1), snapshotName(sid), configName(3), keyName('host')];
    fc.assert(
      fc.property(
        fc.constantFrom(...all),
        fc.nat(),
        fc.string({ minLength: 1, maxLength: 1 }),
        (name, at, character) => {
          const i = at % name.length;
          const changed = name.slice(0, i) + character + name.slice(i + 1);
          const parsed = parseName(changed);
          if (parsed?.kind === 'pack') expect(packName(parsed.sid, parsed.number)).toBe(changed);
          else if (parsed?.kind === 'snapshot') expect(snapshotName(parsed.sid)).toBe(changed);
          else if (parsed?.kind === 'config') expect(configName(parsed.number)).toBe(changed);
          else if (parsed?.kind === 'key') expect(keyName(parsed.key)).toBe(changed);
          else expect(parsed).toBeUndefined();
        },
      ),
      { numRuns: 500 },
    );
  });

  test('are not made of numbers or keys that they cannot hold', () => {
    for (const n of [-1, 0.5, 100_000_000, Number.NaN]) expect(() => packName(sid, n)).toThrow();
    expect(() => configName(0)).toThrow();
    expect(() => gcName(0)).toThrow();
    expect(() => keyName('../x')).toThrow();
  });
});
