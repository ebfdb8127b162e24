import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isIcecoreError } from '../../src/base/errors.ts';
import type { ChunkId, RepoId, SessionId } from '../../src/base/ids.ts';
import { type Raw, rawFromBytes } from '../../src/base/raw.ts';
import { type Claim, decodeClaim, encodeClaim } from '../../src/format/claim.ts';
import { type Config, decodeConfig, encodeConfig } from '../../src/format/config.ts';
import { hasPack, listPacks, makePackRanges } from '../../src/format/fields.ts';
import { decodeGcRecord, encodeGcRecord, type GcRecord } from '../../src/format/gc-record.ts';
import { decodeHeads, encodeHeads, type Heads } from '../../src/format/heads.ts';
import { claimName, configName, gcName, indexName, snapshotName } from '../../src/format/layout.ts';
import {
  decodeDecision,
  encodeRevocation,
  encodeSnapshot,
  type Revocation,
  type Snapshot,
} from '../../src/format/snapshot.ts';
import { seededRandom } from '../support/random.ts';
import { expectDamage, mutate, raw } from './entries.ts';

const NAME = 'object-name';
const sid = '01JCVEXAMPKE0123456789ABCD' as SessionId;
const other = '01JCVEXAMPKE0123456789ABCE' as SessionId;
const time = '2026-11-17T12:00:00.000Z';
const hash = 'ab'.repeat(32);
const writer = '0123456789abcdef';

const snapshot: Snapshot = {
  id: sid,
  time,
  host: 'höst',
  user: 'eve',
  paths: [raw('/'), raw('/home/é'), `/x/${rawFromBytes(Uint8Array.of(0xff, 0x80))}` as Raw],
  tags: ['nightly'],
  excludes: ['*.o', '/tmp/\n'],
  root: { id: hash as ChunkId, level: 1 },
  totals: { files: 5, dirs: 2, symlinks: 1, others: 0, entries: 8, bytes: 2 ** 53 - 1 },
  writer,
  seq: 2,
  prev: hash,
  seen: new Map([[writer, { seq: 1, hash }]]),
  parent: other,
  partial: false,
  complete: true,
  errors: 0,
  index: [indexName(sid, 0), indexName(sid, 1)],
  program: 'icecore 0.1.0',
};
const revocation: Revocation = { sid, time, by: 'admin' };
const claim: Claim = {
  sid,
  k: 1,
  packs: new Map([
    [
      other,
      [
        [0, 4],
        [7, 7],
      ],
    ],
  ]),
  meta: new Map([[other, [[3, 3]]]]),
};
const gc: GcRecord = {
  n: 2,
  prev: hash,
  time,
  condemned: {
    packs: new Map([[sid, [[0, 9]]]]),
    meta: new Map([
      [sid, [[1, 1]]],
      [other, [[0, 0]]],
    ]),
  },
  forgotten: [sid],
  recalled: [other],
  revoked: ['01JCVEXAMPKE0123456789ABCF' as SessionId],
};
const config: Config = {
  repo: '0123456789abcdef0123456789abcdef' as RepoId,
  generation: 2,
  prev: hash,
  created: time,
  ageType: 'pq',
  recipients: { data: ['age1pqexample'], meta: ['age1pqother'] },
  writers: new Map([[writer, { publicKey: Buffer.alloc(32, 7), host: 'höst', added: time }]]),
  admin: Buffer.alloc(32, 9),
  chunker: { min: 262_144, target: 1_048_576, max: 4_194_304 },
  packSize: 16_777_216,
  storageClass: 'DEEP_ARCHIVE',
  coldMinimum: 16_777_216,
  compression: 3,
  store: { createOnly: true, multipart: false },
  region: 'eu-central-1',
  objectTags: [
    { key: 'team', value: 'ops' },
    { kind: 'data', key: 'retain', value: '' },
  ],
};
const heads: Heads = {
  repo: config.repo,
  config: { number: 2, hash },
  gc: null,
  writers: new Map([[writer, { seq: 9, hash }]]),
};

/** Each object: its bytes, and its reader. */
const objects: Record<
  string,
  { bytes: Buffer; decode: (bytes: Uint8Array, object: string) => unknown; value: unknown }
> = {
  snapshot: { bytes: encodeSnapshot(snapshot), decode: decodeDecision, value: { type: 'snapshot', snapshot } },
  revocation: { bytes: encodeRevocation(revocation), decode: decodeDecision, value: { type: 'revoked', revocation } },
  claim: { bytes: encodeClaim(claim), decode: decodeClaim, value: claim },
  'gc record': { bytes: encodeGcRecord(gc), decode: decodeGcRecord, value: gc },
  config: { bytes: encodeConfig(config), decode: decodeConfig, value: config },
  heads: { bytes: encodeHeads(heads), decode: decodeHeads, value: heads },
};

/** A copy of a JSON value with the item at a path replaced (or removed, for undefined). */
function replaced(bytes: Uint8Array, path: readonly string[], value: unknown): Buffer {
  const lines = Buffer.from(bytes).toString().trimEnd().split('\n');
  const copy = JSON.parse(lines[0]!);
  let at = copy;
  for (const key of path.slice(0, -1)) at = at[key];
  if (value === undefined) delete at[path.at(-1)!];
  else at[path.at(-1)!] = value;
  return Buffer.from([JSON.stringify(copy), ...lines.slice(1)].join('\n') + (lines.length > 1 || copy.gc ? '\n' : ''));
}

describe.each(Object.entries(objects))('a %s', (_name, { bytes, decode, value }) => {
  test('comes back as it was', () => {
    expect(decode(bytes, NAME)).toEqual(value);
  });

  const top = JSON.parse(bytes.toString().split('\n')[0]!) as Record<string, unknown>;
  for (const field of Object.keys(top)) {
    test(`is refused when ${field} is of the wrong type`, () => {
      for (const wrong of [[[]], -1, 1.5, 1e308, 'x\0', '', true, [null], { __proto__x: 1 }]) {
        if (typeof wrong === typeof top[field] && ['string', 'boolean', 'number'].includes(typeof wrong)) continue;
        expectDamage(() => decode(replaced(bytes, [field], wrong), NAME));
      }
    });
    if (!['parent', 'region', 'objectTags'].includes(field)) {
      test(`is refused without ${field}`, () => expectDamage(() => decode(replaced(bytes, [field], undefined), NAME)));
    }
  }

  test('is refused with a field that it does not have', () => {
    for (const field of ['extra', 'constructor', 'toString'])
      expectDamage(() => decode(replaced(bytes, [field], 1), NAME));
    expectDamage(() => decode(Buffer.from(bytes.toString().replace('{', '{"__proto__":{"a":1},')), NAME));
  });

  test('is refused when it is nothing, torn, deep, or not UTF-8', () => {
    expectDamage(() => decode(Buffer.alloc(0), NAME));
    expectDamage(() => decode(bytes.subarray(0, bytes.length - 2), NAME));
    expectDamage(() => decode(Buffer.from('['.repeat(100_000)), NAME));
    expectDamage(() => decode(Buffer.concat([bytes, Buffer.from([0xff])]), NAME));
    for (const text of ['null', '[]', '1', '"x"', '{}']) expectDamage(() => decode(Buffer.from(`${text}\n`), NAME));
  });

  test('of a newer format says so', () => {
    const field = Object.keys(top)[0]!;
    expectDamage(() => decode(replaced(bytes, [field], 2), NAME), 'newer-format');
  });

  test('that was spoiled is refused or read, and nothing else', () => {
    const random = seededRandom(99);
    for (let i = 0; i < 3000; i++) {
      const spoiled = mutate(bytes, random);
      try {
        decode(spoiled, NAME);
      } catch (error) {
        if (!isIcecoreError(error, 'damage') || error.data.object !== NAME)
          throw new Error(`mutation ${i}: ${spoiled}`, { cause: error });
      }
    }
  });
});

describe('what is inside must agree with the name', () => {
  const wrong: Record<string, () => unknown> = {
    'a snapshot of another session': () => decodeDecision(encodeSnapshot(snapshot), snapshotName(other)),
    'a revocation of another session': () => decodeDecision(encodeRevocation(revocation), snapshotName(other)),
    'a claim of another session': () => decodeClaim(encodeClaim(claim), claimName(other, 1)),
    'a claim of another number': () => decodeClaim(encodeClaim(claim), claimName(sid, 2)),
    'another gc record': () => decodeGcRecord(encodeGcRecord(gc), gcName(3)),
    'another config': () => decodeConfig(encodeConfig(config), configName(3)),
  };
  for (const [what, run] of Object.entries(wrong)) {
    test(what, () =>
      expect(run).toThrow(
        expect.toSatisfy((e: unknown) => isIcecoreError(e, 'damage') && e.code === 'object-mismatch'),
      ),
    );
  }

  test('and what agrees is read', () => {
    decodeDecision(encodeSnapshot(snapshot), snapshotName(sid));
    decodeClaim(encodeClaim(claim), claimName(sid, 1));
    decodeGcRecord(encodeGcRecord(gc), gcName(2));
    decodeConfig(encodeConfig(config), configName(2));
  });
});

describe('values are refused', () => {
  const cases: [string, keyof typeof objects, readonly string[], unknown][] = [
    ['a snapshot path that is relative', 'snapshot', ['paths'], ['home']],
    ['a snapshot path with ..', 'snapshot', ['paths'], ['/a/..']],
    ['a snapshot path with NUL', 'snapshot', ['paths'], ['/a\0']],
    ['a raw path that is UTF-8', 'snapshot', ['paths'], [{ raw: 'L2E=' }]],
    ['a raw path with more', 'snapshot', ['paths'], [{ raw: 'L/8=', more: 1 }]],
    ['a root that is too high', 'snapshot', ['root', 'level'], 17],
    ['a root that is not a chunk', 'snapshot', ['root', 'id'], 'x'],
    ['a negative total', 'snapshot', ['totals', 'files'], -1],
    ['a total over 2^53', 'snapshot', ['totals', 'bytes'], 2 ** 53],
    ['a time that does not exist', 'snapshot', ['time'], '2026-13-45T00:00:00.000Z'],
    ['a time without a zone', 'snapshot', ['time'], '2026-11-17T12:00:00.000'],
    ['a writer that is not an id', 'snapshot', ['writer'], 'admin'],
    ['a first snapshot with one before', 'snapshot', ['seq'], 1],
    ['a later snapshot with none before', 'snapshot', ['prev'], null],
    ['a seen writer that is not an id', 'snapshot', ['seen', 'x'], { seq: 1, hash }],
    ['a seen hash that is short', 'snapshot', ['seen', writer, 'hash'], 'ab'],
    ['an index name of another kind', 'snapshot', ['index'], [snapshotName(sid)]],
    ['an index name with ..', 'snapshot', ['index'], ['index/../x']],
    ['a parent that is not a session', 'snapshot', ['parent'], 'latest'],
    ['a revocation by nobody', 'revocation', ['by'], 'x'],
    [
      'runs that overlap',
      'claim',
      ['packs', other],
      [
        [0, 4],
        [4, 5],
      ],
    ],
    [
      'runs that touch',
      'claim',
      ['packs', other],
      [
        [0, 4],
        [5, 5],
      ],
    ],
    ['runs that go back', 'claim', ['packs', other], [[4, 3]]],
    ['runs of one number', 'claim', ['packs', other], [[4]]],
    ['a session without runs', 'claim', ['packs', other], []],
    ['a huge pack number', 'claim', ['packs', other], [[0, 1e12]]],
    ['a session that is none', 'claim', ['packs', '../x'], [[0, 0]]],
    ['a first gc record with one before', 'gc record', ['n'], 1],
    ['no recipient', 'config', ['recipients', 'data'], []],
    ['a recipient that is a plugin or a path', 'config', ['recipients', 'meta'], ['/etc/passwd']],
    ['a short key', 'config', ['admin'], 'AAAA'],
    ['a writer without key', 'config', ['writers', writer, 'publicKey'], ''],
    ['a target that is no power of two', 'config', ['chunker', 'target'], 1_000_000],
    ['a minimum over the target', 'config', ['chunker', 'min'], 2 ** 21],
    ['a maximum over the limit of a chunk', 'config', ['chunker', 'max'], 2 ** 24],
    ['a level that zstd does not have', 'config', ['compression'], 23],
    ['a storage class that is a path', 'config', ['storageClass'], '../X'],
    ['a store without createOnly', 'config', ['store'], {}],
    ['a store fact that is text', 'config', ['store', 'multipart'], 'yes'],
    ['a region that is a URL', 'config', ['region'], 'https://eu'],
    ['tags of nothing', 'config', ['objectTags'], []],
    ['a tag of a kind that there is not', 'config', ['objectTags'], [{ kind: 'pack', key: 'a', value: 'b' }]],
    ['a tag with more in it', 'config', ['objectTags'], [{ key: 'a', value: 'b', extra: 'c' }]],
    ['a tag without value', 'config', ['objectTags'], [{ key: 'a' }]],
    ['a tag that S3 reserves', 'config', ['objectTags'], [{ key: 'aws:a', value: 'b' }]],
    ['a config without number', 'heads', ['config', 'number'], 0],
  ];
  for (const [what, name, path, value] of cases) {
    test(what, () => expectDamage(() => objects[name]!.decode(replaced(objects[name]!.bytes, path, value), NAME)));
  }

  test('lines of a gc record that repeat, contradict or say nothing', () => {
    const head = encodeGcRecord(gc).toString().split('\n')[0];
    const bad = [
      [{ forgotten: sid }, { forgotten: sid }],
      [{ forgotten: sid }, { recalled: sid }],
      [{ forgotten: sid, revoked: sid }],
      [{ forgotten: 'x' }],
      [{}],
      [[]],
      [{ condemned: 'index', sid, runs: [[0, 0]] }],
      [{ condemned: 'packs', sid }],
      [
        { condemned: 'packs', sid, runs: [[0, 0]] },
        { condemned: 'packs', sid, runs: [[1, 1]] },
      ],
    ];
    for (const lines of bad) {
      const text = `${[head, ...lines.map((line) => JSON.stringify(line))].join('\n')}\n`;
      expectDamage(() => decodeGcRecord(Buffer.from(text), NAME));
    }
  });
});

test('a first snapshot, a first config and a first gc record have nothing before them', () => {
  expect(decodeDecision(encodeSnapshot({ ...snapshot, seq: 1, prev: null }), NAME)).toMatchObject({
    snapshot: { prev: null },
  });
  expect(decodeConfig(encodeConfig({ ...config, generation: 1, prev: null }), NAME).prev).toBeNull();
  expect(decodeGcRecord(encodeGcRecord({ ...gc, n: 1, prev: null }), NAME).prev).toBeNull();
});

test('ranges of packs hold exactly the packs that were put in', () => {
  const pack = fc.record({ sid: fc.constantFrom(sid, other), number: fc.nat(30) });
  fc.assert(
    fc.property(fc.array(pack, { maxLength: 60 }), (packs) => {
      const ranges = makePackRanges(packs);
      const key = (p: { sid: string; number: number }) => `${p.sid}/${String(p.number).padStart(2, '0')}`;
      expect([...listPacks(ranges)].map(key)).toEqual([...new Set(packs.map(key))].sort());
      for (let number = 0; number < 32; number++) {
        expect(hasPack(ranges, sid, number)).toBe(packs.some((p) => p.sid === sid && p.number === number));
      }
      const claimed = { ...claim, packs: ranges, meta: new Map() };
      expect(decodeClaim(encodeClaim(claimed), NAME)).toEqual(claimed);
    }),
  );
});
