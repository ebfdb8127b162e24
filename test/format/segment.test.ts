import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isIcecoreError } from '../../src/base/errors.ts';
import { joinRaw, type Raw, rawFromBytes } from '../../src/base/raw.ts';
import type { DirectoryEntries } from '../../src/format/entry.ts';
import { encodeEntry } from '../../src/format/entry-line.ts';
import { isSegmentBoundary, type Segment, SegmentBuilder } from '../../src/format/segment.ts';
import { checkOrder, checkSegment, decodeSegment, MAX_SEGMENT_BYTES } from '../../src/format/segment-decode.ts';
import { seededRandom } from '../support/random.ts';
import { anyTree, buildSegments, expectDamage, mutate, pathsOf, plainFile, raw } from './entries.ts';

const NAME = 'object-name';
const isBoundary = (path: Raw) => isSegmentBoundary(createHmac('sha256', 'key').update(path, 'latin1').digest());
const lines = (...values: (object | string)[]) =>
  Buffer.from(values.map((v) => `${typeof v === 'string' ? v : JSON.stringify(v)}\n`).join(''));
const file = (name: string, more: object = {}) => ({ ...JSON.parse(encodeEntry(plainFile(name))), ...more });

/** Reads all segments as a reader of a whole manifest does, and joins what was cut. */
function readAll(segments: readonly Segment[]): DirectoryEntries[] {
  const all: { path: Raw; entries: DirectoryEntries['entries'][number][] }[] = [];
  let last: Raw | undefined;
  for (const segment of segments) {
    const directories = decodeSegment(segment.bytes, NAME);
    last = checkSegment(directories, segment, last, NAME);
    expect(last).toBe(segment.last);
    for (const { path, entries } of directories) {
      const open = all[all.length - 1];
      if (open?.path === path) open.entries.push(...entries);
      else all.push({ path, entries: [...entries] });
    }
  }
  return all;
}

function manyFiles(path: string, count: number, from = 0): DirectoryEntries {
  const entries = Array.from({ length: count }, (_, i) => plainFile(`f${String(from + i).padStart(8, '0')}`));
  return { path: raw(path), entries };
}

describe('a manifest', () => {
  test('of any tree comes back entry by entry, with absolute paths', () => {
    fc.assert(
      fc.property(anyTree, (tree) => {
        expect(readAll(buildSegments(tree))).toEqual(tree);
      }),
      { numRuns: 300 },
    );
  });

  test('of one huge directory is cut into segments that each begin with it', () => {
    const tree = [manyFiles('/big', 50_000)];
    const segments = buildSegments(tree, isBoundary);
    expect(readAll(segments)).toEqual(tree);
    for (const segment of segments.slice(0, -1)) {
      expect(segment.entries).toBeGreaterThanOrEqual(256);
      expect(segment.entries).toBeLessThanOrEqual(4096);
      expect(segment.bytes.toString().startsWith('{"dir":"/big"}\n{"name"')).toBe(true);
    }
    expect(50_000 / segments.length).toBeGreaterThan(800);
    expect(50_000 / segments.length).toBeLessThan(1800);
  });

  test('of a tree of 100,000 levels stays small and is read back', { timeout: 30_000 }, () => {
    const depth = 100_000;
    const builder = new SegmentBuilder(() => false);
    const line = encodeEntry(plainFile('d'));
    const whole = '/d'.repeat(depth);
    let last: Raw | undefined;
    let bytes = 0;
    let entries = 0;
    const read = (segment: Segment | undefined) => {
      if (!segment) return;
      bytes += segment.bytes.length;
      const directories = decodeSegment(segment.bytes, NAME);
      last = checkSegment(directories, segment, last, NAME);
      entries += segment.entries;
    };
    for (let level = 0; level < depth; level++) {
      read(builder.add((level === 0 ? '/' : whole.slice(0, level * 2)) as Raw, line, raw('d')));
    }
    read(builder.finish());
    expect(entries).toBe(depth);
    expect(last).toBe(whole);
    // In full, the directory lines alone would be 10 GB.
    expect(bytes).toBeLessThan(80e6);
  });

  test('front-codes long paths, also across branches and from the root', () => {
    const stem = `/${'long'.repeat(300)}`;
    const paths = [
      '/',
      stem,
      `${stem}/a`,
      `${stem}/a/b/c`,
      `${stem}/a-b`,
      `${stem}/ab`,
      `${stem}/b/c`,
      `${stem}x`,
      `${stem}x/y`,
    ].map(raw);
    const tree = paths.map((path) => ({ path, entries: [plainFile('f')] }));
    const segments = buildSegments(tree);
    expect(readAll(segments)).toEqual(tree);
    const heads = segments[0]!.bytes
      .toString()
      .split('\n')
      .filter((l) => l.includes('"dir":'));
    expect(heads.slice(2).map((head) => JSON.parse(head))).toEqual([
      { up: 0, dir: 'a' },
      { up: 0, dir: 'b/c' },
      { up: 3, dir: 'a-b' },
      { up: 1, dir: 'ab' },
      { up: 1, dir: 'b/c' },
      { up: 3, dir: `${stem.slice(1)}x` },
      { up: 0, dir: 'y' },
    ]);
  });

  test('front-codes non-UTF-8 parts of long paths', () => {
    const bad = rawFromBytes(Uint8Array.of(0xff, 0x61));
    const stem = raw(`/${'s'.repeat(1100)}`);
    const paths = [stem, joinRaw(stem, bad), joinRaw(joinRaw(stem, bad), raw('é')), joinRaw(stem, `${bad}b` as Raw)];
    const tree = paths.map((path) => ({ path, entries: [plainFile('f')] }));
    expect(readAll(buildSegments(tree))).toEqual(tree);
  });

  test('keeps its other segments byte for byte when one entry is added, changed or removed', () => {
    const tree = Array.from({ length: 40 }, (_, i) => manyFiles(`/d${String(i).padStart(2, '0')}`, 500));
    const before = new Set(buildSegments(tree, isBoundary).map((s) => s.bytes.toString('latin1')));
    const edits: ((entries: DirectoryEntries['entries']) => DirectoryEntries['entries'])[] = [
      (entries) => [...entries.slice(0, 100), ...entries.slice(101)],
      (entries) => [plainFile('a-new-one'), ...entries],
      (entries) => entries.map((entry, i) => (i === 250 ? { ...entry, size: 4 } : entry)),
    ];
    for (const edit of edits) {
      const changed = tree.map((d, i) => (i === 20 ? { ...d, entries: edit(d.entries) } : d));
      const after = buildSegments(changed, isBoundary).map((s) => s.bytes.toString('latin1'));
      expect(after.filter((bytes) => !before.has(bytes)).length).toBeLessThanOrEqual(3);
    }
  });

  test('whose parts are taken over from an older one is cut as if it had been written anew', () => {
    const tree = Array.from({ length: 20 }, (_, i) => manyFiles(`/d${String(i).padStart(2, '0')}`, 500));
    const whole = buildSegments(tree, isBoundary);
    const taken = whole[3]!;
    const builder = new SegmentBuilder(isBoundary);
    const result: Segment[] = [];
    let inside = false;
    for (const { path, entries } of tree) {
      for (const entry of entries) {
        const at = joinRaw(path, entry.name);
        if (at === taken.first) {
          expect(builder.isAtCut).toBe(true);
          const [, dir, name] = /^(.*)\/(.*)$/.exec(taken.last)!;
          const done = builder.skip(taken.first, dir as Raw, name as Raw);
          if (done) result.push(done);
          result.push(taken);
          inside = true;
        }
        const done = inside ? undefined : builder.add(path, encodeEntry(entry), entry.name);
        if (done) result.push(done);
        if (at === taken.last) inside = false;
      }
    }
    result.push(builder.finish()!);
    expect(result.map((s) => s.bytes.toString('latin1'))).toEqual(whole.map((s) => s.bytes.toString('latin1')));
  });

  test('is cut by bytes where entries are large, and no segment passes the limit of a chunk', () => {
    const big = Buffer.alloc(1_400_000).toString('base64');
    const entries = Array.from({ length: 12 }, (_, i) => plainFile(`f${10 + i}`, { xattrs: { 'user.big': big } }));
    const segments = buildSegments([{ path: raw('/a'), entries }]);
    expect(segments.map((s) => s.entries)).toEqual([3, 3, 3, 3]);
    for (const segment of segments) expect(segment.bytes.length).toBeLessThan(8 * 1024 * 1024);
    expect(readAll(segments)).toEqual([{ path: '/a', entries }]);
  });

  test('is not written out of order, or with anything twice', () => {
    const attempts: [string, string][][] = [
      [
        ['/a', 'b'],
        ['/a', 'a'],
      ],
      [
        ['/a', 'a'],
        ['/a', 'a'],
      ],
      [
        ['/b', 'a'],
        ['/a', 'a'],
      ],
      [
        ['/a-b', 'a'],
        ['/a/b', 'a'],
      ],
      [
        ['/a', 'a'],
        ['/b', 'a'],
        ['/a', 'b'],
      ],
    ];
    for (const attempt of attempts) {
      const builder = new SegmentBuilder(() => false);
      expect(() => {
        for (const [directory, name] of attempt) builder.add(raw(directory), encodeEntry(plainFile(name)), raw(name));
      }).toThrow(expect.toSatisfy((e: unknown) => isIcecoreError(e, 'bug')));
    }
  });

  test('goes on after a directory whose path is too long to be stored', () => {
    const builder = new SegmentBuilder(() => false);
    const line = encodeEntry(plainFile('f'));
    builder.add(raw('/a'), line, raw('f'));
    for (const path of [`/b${'/c'.repeat(2 ** 20)}`, `/b${'/\x01'.repeat(500_000)}`]) {
      expect(() => builder.add(raw(path), line, raw('f'))).toThrow(
        expect.toSatisfy((e: unknown) => isIcecoreError(e, 'user') && e.code === 'path-too-long'),
      );
    }
    builder.add(raw('/c'), line, raw('f'));
    expect(pathsOf(decodeSegment(builder.finish()!.bytes, NAME))).toEqual(['/a/f', '/c/f']);
  });
});

describe('the reader of segments refuses', () => {
  const cases: Record<string, Buffer> = {
    'nothing at all': lines(),
    'a directory without entries at the end': lines({ dir: '/a' }),
    'a directory without entries in the middle': lines({ dir: '/a' }, { dir: '/b' }, file('x')),
    'an entry before a directory': lines(file('x')),
    'names out of order': lines({ dir: '/a' }, file('b'), file('a')),
    'a name twice': lines({ dir: '/a' }, file('b'), file('b')),
    'a name twice, once as raw bytes': lines({ dir: '/a' }, file('?', { raw: '/w==' }), file('x', { raw: '/w==' })),
    'directories out of order': lines({ dir: '/b' }, file('x'), { dir: '/a' }, file('x')),
    'a directory twice': lines({ dir: '/a' }, file('x'), { dir: '/a' }, file('y')),
    'a directory after its own tree': lines({ dir: '/a/b' }, file('x'), { dir: '/a' }, file('x')),
    'siblings in the order of text and not of components': lines(
      { dir: '/a-b' },
      file('x'),
      { dir: '/a/b' },
      file('x'),
    ),
    'a relative directory': lines({ dir: 'a' }, file('x')),
    'a directory with ..': lines({ dir: '/a/../b' }, file('x')),
    'a directory with . at the end': lines({ dir: '/a/.' }, file('x')),
    'a directory with an empty component': lines({ dir: '/a//b' }, file('x')),
    'a directory with a slash at the end': lines({ dir: '/a/' }, file('x')),
    'a directory with NUL': lines({ dir: '/a\0' }, file('x')),
    'a directory that is not text': lines({ dir: 1 }, file('x')),
    'a directory line with more': lines({ dir: '/a', name: 'x' }, file('x')),
    'a step up in the first line': lines({ up: 0, dir: 'a' }, file('x')),
    'a step above the root': lines({ dir: '/a' }, file('x'), { up: 2, dir: 'b' }, file('x')),
    'a huge step': lines({ dir: '/a' }, file('x'), { up: 1e300, dir: 'b' }, file('x')),
    'a negative step': lines({ dir: '/a' }, file('x'), { up: -1, dir: 'b' }, file('x')),
    'a step to an absolute path': lines({ dir: '/a' }, file('x'), { up: 0, dir: '/b' }, file('x')),
    'a step through ..': lines({ dir: '/a' }, file('x'), { up: 0, dir: '../b' }, file('x')),
    'a step to the parent': lines({ dir: '/a/b' }, file('x'), { up: 1, dir: '' }, file('x')),
    'a step back': lines({ dir: '/a/b' }, file('x'), { up: 1, dir: 'a' }, file('x')),
    'a hard link to itself': lines({ dir: '/a' }, file('x', { hardlink: '/a/x' })),
    'a hard link that points ahead': lines(
      { dir: '/a' },
      file('x', { hardlink: '/a/y' }),
      file('y', { hardlink: '/a/x' }),
    ),
    'a hard link into a later directory': lines({ dir: '/a' }, file('x', { hardlink: '/a/b/c' })),
    'an empty line': lines({ dir: '/a' }, '', file('x')),
    'a line that is null': lines({ dir: '/a' }, 'null', file('x')),
    'a line that is an array': lines({ dir: '/a' }, '[]', file('x')),
    'a torn last line': lines({ dir: '/a' }, file('x')).subarray(0, -1),
    'bytes that are not UTF-8': Buffer.concat([lines({ dir: '/a' }, file('x')), Buffer.from([0xff, 0x0a])]),
    'a byte order mark': Buffer.concat([Buffer.from('\ufeff'), lines({ dir: '/a' }, file('x'))]),
    'deep nesting': lines({ dir: '/a' }, `{"xattrs":${'['.repeat(1e6)}`),
    'more entries than a segment has': lines(
      { dir: '/a' },
      ...Array.from({ length: 4097 }, (_, i) => file(`f${10000 + i}`)),
    ),
    'more bytes than a segment has': Buffer.alloc(MAX_SEGMENT_BYTES + 1, 0x20),
    'more lines than a segment has': lines({ dir: '/a' }, ...Array.from({ length: 9000 }, () => '{}')),
  };
  for (const [what, bytes] of Object.entries(cases)) {
    test(what, () => expectDamage(() => decodeSegment(bytes, NAME)));
  }

  test('paths that grow without bound by front coding', () => {
    const values: object[] = [{ dir: `/${'a/'.repeat(500_000)}a` }, file('x')];
    for (let i = 0; i < 1000; i++) values.push({ up: 0, dir: 'a' }, file('x'));
    expectDamage(() => decodeSegment(lines(...values), NAME), 'segment-too-large');
  });

  test('segments that overlap, repeat, or are not what the root says', () => {
    const [a, b] = [lines({ dir: '/a' }, file('x'), file('y')), lines({ dir: '/a' }, file('y'))].map((s) =>
      decodeSegment(s, NAME),
    );
    expect(checkSegment(a!, { first: raw('/a/x'), entries: 2 }, undefined, NAME)).toBe('/a/y');
    expectDamage(() => checkSegment(b!, { first: raw('/a/y'), entries: 1 }, raw('/a/y'), NAME), 'segment-order');
    expectDamage(() => checkSegment(a!, { first: raw('/a/w'), entries: 2 }, undefined, NAME), 'segment-mismatch');
    expectDamage(() => checkSegment(a!, { first: raw('/a/x'), entries: 3 }, undefined, NAME), 'segment-mismatch');
    checkOrder(raw('/a/z'), raw('/a/b/c'), NAME); // a directory's entries come before its subdirectories
    expectDamage(() => checkOrder(raw('/a/b/c'), raw('/a/z'), NAME), 'segment-order');
  });

  test('the line with the fault by its number', () => {
    try {
      decodeSegment(lines({ dir: '/a' }, file('x'), file('y', { size: -1 })), NAME);
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ kind: 'damage', data: { object: NAME, line: 3, field: 'size' } });
    }
  });
});

test('a spoiled segment is refused or read, and nothing else', () => {
  const random = seededRandom(20261117);
  const samples = fc.sample(anyTree, { seed: 7, numRuns: 60 }).flatMap((tree) => buildSegments(tree));
  for (let i = 0; i < 12_000; i++) {
    const bytes = mutate(samples[i % samples.length]!.bytes, random);
    try {
      // What is accepted can be written again and means the same.
      const directories = decodeSegment(bytes, NAME);
      const [again] = buildSegments(directories);
      expect(decodeSegment(again!.bytes, NAME)).toEqual(directories);
    } catch (error) {
      if (!isIcecoreError(error, 'damage') || error.data.object !== NAME)
        throw new Error(`mutation ${i}: ${bytes}`, { cause: error });
    }
  }
});
