import { describe, expect, test } from 'vitest';
import type { SessionId } from '../../src/base/ids.ts';
import {
  claimName,
  configName,
  gcName,
  indexName,
  keyName,
  metaPackName,
  packName,
  snapshotName,
  thawName,
} from '../../src/format/layout.ts';
import { flawOfTags, TAG_KINDS, type TagRule, tagsOf } from '../../src/format/object-tags.ts';

const sid = '01JCVEXAMPKE0123456789ABCD' as SessionId;

describe('the tags of an object', () => {
  const names = {
    data: packName(sid, 0),
    meta: metaPackName(sid, 0),
    index: indexName(sid, 0),
    snapshot: snapshotName(sid),
    claim: claimName(sid, 0),
    gc: gcName(1),
    thaw: thawName(sid, 0),
    config: configName(1),
    key: keyName('admin'),
    recovery: 'recover.sh',
    marker: 'icecore.json',
  };

  test('go by the kind that its name says', () => {
    expect(Object.keys(names).sort()).toEqual([...TAG_KINDS].sort());
    const rules = TAG_KINDS.map((kind): TagRule => ({ kind, key: 'is', value: kind }));
    for (const [kind, name] of Object.entries(names)) expect(tagsOf(name, rules)).toEqual({ is: kind });
  });

  test('are none where no rule speaks of it', () => {
    expect(tagsOf(names.data, [])).toBeUndefined();
    expect(tagsOf(names.data, [{ kind: 'meta', key: 'a', value: '1' }])).toBeUndefined();
  });

  test('of a name that is not ours are those of all objects', () => {
    const rules: TagRule[] = [
      { key: 'team', value: 'ops' },
      { kind: 'data', key: 'a', value: '1' },
    ];
    expect(tagsOf('probe/0011', rules)).toEqual({ team: 'ops' });
  });

  test('take the last of several values of a key, whatever kind the rules name', () => {
    const rules: TagRule[] = [
      { kind: 'data', key: 'team', value: 'ops' },
      { key: 'team', value: 'web' },
      { key: '__proto__', value: 'kept' },
    ];
    expect(Object.entries(tagsOf(names.data, rules)!)).toEqual([
      ['team', 'web'],
      ['__proto__', 'kept'],
    ]);
  });
});

describe('rules', () => {
  const numbered = (count: number, kind?: 'data'): TagRule[] =>
    Array.from({ length: count }, (_, i) => ({ ...(kind && { kind }), key: `${kind ?? 'all'}${i}`, value: '' }));

  test('at the limits of S3 are taken', () => {
    expect(flawOfTags([])).toBeUndefined();
    expect(flawOfTags(numbered(10))).toBeUndefined();
    expect(flawOfTags([{ key: 'k'.repeat(128), value: 'v'.repeat(256) }])).toBeUndefined();
    expect(flawOfTags([{ key: 'Kosten Stelle_1/ü+-=.:@', value: '日本' }])).toBeUndefined();
    // Ten for packs, and ten others for snapshots.
    expect(
      flawOfTags([...numbered(10, 'data'), ...numbered(10).map((rule) => ({ ...rule, kind: 'snapshot' as const }))]),
    ).toBeUndefined();
  });

  test.each<[string, readonly TagRule[], RegExp]>([
    ['an empty key', [{ key: '', value: 'x' }], /no key/],
    ['a long key', [{ key: 'k'.repeat(129), value: '' }], /more than 128/],
    ['a long value', [{ key: 'k', value: 'v'.repeat(257) }], /more than 256/],
    ['a key of 65 characters of two units each', [{ key: '\u{20000}'.repeat(65), value: '' }], /more than 128/],
    ['a character that S3 does not take', [{ key: 'k', value: 'a&b' }], /letters, digits/],
    ['a line feed', [{ key: 'k', value: 'a\nb' }], /letters, digits/],
    ['a key of AWS itself', [{ key: 'AWS:x', value: '' }], /reserved/],
    ['eleven tags of all objects', numbered(11), /more than 10/],
    ['six of all and five of packs', [...numbered(6), ...numbered(5, 'data')], /kind data would have more than 10/],
  ])('with %s are refused', (_what, rules, message) => {
    expect(flawOfTags(rules)).toMatch(message);
  });
});
