import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isIcecoreError } from '../../src/base/errors.ts';
import type { ChunkId } from '../../src/base/ids.ts';
import { dirnameRaw, type Raw, rawFromBytes } from '../../src/base/raw.ts';
import { ChunkListBuilder, decodeChunkList, encodeChunkList } from '../../src/format/chunk-list.ts';
import {
  decodeRoot,
  encodeRoot,
  findDirectoryRefs,
  findRef,
  RootBuilder,
  type RootNode,
  type SegmentRef,
} from '../../src/format/manifest-root.ts';
import type { TreeTop } from '../../src/format/node-tree.ts';
import { comparePositions, isWithin } from '../../src/format/path-rules.ts';
import { seededRandom } from '../support/random.ts';
import { anyTree, expectDamage, mutate, pathsOf, raw } from './entries.ts';

const NAME = 'object-name';
const idOf = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex') as ChunkId;
const ref = (first: Raw | string, more: Partial<SegmentRef> = {}): SegmentRef => ({
  id: idOf(first),
  first: first as Raw,
  entries: 10,
  bytes: 1000,
  ...more,
});

/** Keeps nodes as a repository would. */
class Chunks {
  readonly held = new Map<ChunkId, Buffer>();
  readonly put = (bytes: Buffer): ChunkId => {
    const id = idOf(bytes);
    this.held.set(id, bytes);
    return id;
  };
}

function build(refs: Iterable<SegmentRef>, chunks = new Chunks()): { top: TreeTop; chunks: Chunks } {
  const builder = new RootBuilder(chunks.put);
  for (const item of refs) builder.add(item);
  return { top: builder.finish(), chunks };
}

function* readRefs(top: TreeTop, chunks: Chunks): Generator<SegmentRef> {
  const node = decodeRoot(chunks.held.get(top.id)!, top.level, NAME);
  if (top.level === 0) yield* node.refs;
  else for (const { id } of node.refs) yield* readRefs({ id, level: top.level - 1 }, chunks);
}

const numbered = (count: number) => Array.from({ length: count }, (_, i) => ref(`/d/f${String(i).padStart(8, '0')}`));

describe('a root', () => {
  test('gives back its lines, also for names that are not UTF-8', () => {
    const refs = [ref('/a'), ref('/b/c'), ref(`/b/${rawFromBytes(Uint8Array.of(0xff))}`)].map((r) => ref(r.first));
    const node: RootNode = { level: 0, refs };
    expect(decodeRoot(encodeRoot(node), 0, NAME)).toEqual(node);
  });

  test('of few segments is one node, of none an empty one', () => {
    for (const count of [0, 1, 1000]) {
      const refs = numbered(count);
      const { top, chunks } = build(refs);
      expect(top.level).toBe(0);
      expect(chunks.held.size).toBe(1);
      expect([...readRefs(top, chunks)]).toEqual(refs);
    }
  });

  test('of many segments is nested, and its sums hold', () => {
    const refs = numbered(30_000);
    const { top, chunks } = build(refs);
    expect(top.level).toBe(1);
    expect([...readRefs(top, chunks)]).toEqual(refs);
    const node = decodeRoot(chunks.held.get(top.id)!, 1, NAME);
    expect(node.refs.reduce((sum, { entries }) => sum + entries, 0)).toBe(300_000);
    for (const { id } of node.refs)
      expect(decodeRoot(chunks.held.get(id)!, 0, NAME).refs.length).toBeLessThanOrEqual(4096);
  });

  test('writes only the nodes anew that a change touches', () => {
    const refs = numbered(30_000);
    const { chunks } = build(refs);
    const before = chunks.held.size;
    build([...refs.slice(0, 15_000), ...refs.slice(15_001)], chunks);
    expect(chunks.held.size - before).toBeLessThanOrEqual(3);
  });

  test('of a very deep tree has nodes that fit a chunk', () => {
    const refs = Array.from({ length: 40 }, (_, i) => ref(`/${'d/'.repeat(200_000)}f${10 + i}`));
    const { top, chunks } = build(refs);
    expect(top.level).toBe(1);
    for (const bytes of chunks.held.values()) expect(bytes.length).toBeLessThanOrEqual(8 * 1024 * 1024);
    expect([...readRefs(top, chunks)]).toEqual(refs);
  });

  test('finds every path, and every directory, in the right segments', () => {
    fc.assert(
      fc.property(anyTree, fc.integer({ min: 1, max: 4 }), (tree, size) => {
        const paths = pathsOf(tree);
        const segments: Raw[][] = [];
        for (let i = 0; i < paths.length; i += size) segments.push(paths.slice(i, i + size));
        const refs = segments.map((segment) => ref(segment[0]!));
        for (const path of paths) expect(segments[findRef(refs, path)]).toContain(path);
        for (const { path: directory } of tree) {
          for (const recursive of [false, true]) {
            const { from, to } = findDirectoryRefs(refs, directory, recursive);
            const wanted = (path: Raw) =>
              recursive ? isWithin(dirnameRaw(path), directory) : dirnameRaw(path) === directory;
            const found = segments.slice(from, to);
            expect(found.flat().filter(wanted)).toEqual(paths.filter(wanted));
            // At most the first one may hold nothing of it: where a segment ends is not known to the root.
            for (const segment of found.slice(1)) expect(segment.some(wanted)).toBe(true);
          }
        }
      }),
    );
  });

  test('says that a path before all segments is nowhere', () => {
    const refs = [ref('/b/x'), ref('/c/x')];
    expect(findRef(refs, raw('/a/x'))).toBe(-1);
    expect(findRef(refs, raw('/z'))).toBe(-1); // an entry of the root directory comes before /b's
    expect(findDirectoryRefs(refs, raw('/a'), true)).toEqual({ from: 0, to: 0 });
    expect(findDirectoryRefs([], raw('/a'), true)).toEqual({ from: 0, to: 0 });
    expect(findRef([], raw('/a'))).toBe(-1);
  });

  test('is refused when it is not what was written', () => {
    const valid = encodeRoot({ level: 0, refs: [ref('/a'), ref('/b')] }).toString();
    const bad = [
      '',
      valid.replace('"root":1', '"root":2'),
      valid.replace('"level":0', '"level":1'),
      valid.replace('"level":0', '"level":0,"more":1'),
      valid.replace('"first":"/b"', '"first":"/a"'),
      valid.replace('"first":"/b"', '"first":"b"'),
      valid.replace('"first":"/b"', '"first":"/"'),
      valid.replace('"first":"/b"', '"first":"/b/"'),
      valid.replace('"first":"/b"', '"first":"/../b"'),
      valid.replace('"first":"/b"', '"first":"/b","raw":"L2I="'),
      valid.replace('"entries":10', '"entries":0'),
      valid.replace('"entries":10', '"entries":4097'),
      valid.replace('"entries":10', '"entries":1e9'),
      valid.replace('"bytes":1000', '"bytes":16777217'),
      valid.replace('"bytes":1000', '"bytes":-1'),
      valid.replace('"id":"', '"id":"x'),
      valid.replace('"id":', '"__proto__":{},"id":'),
      `${valid}[]\n`,
      valid.slice(0, -1),
      valid.split('\n').slice(1).join('\n'),
    ];
    for (const text of bad) expectDamage(() => decodeRoot(Buffer.from(text), 0, NAME));
    expectDamage(() => decodeRoot(encodeRoot({ level: 1, refs: [] }), 1, NAME), 'root-empty');
    expectDamage(() => decodeRoot(Buffer.from(valid), 1, NAME), 'root-level');
  });
});

describe('a chunk list', () => {
  const ids = (count: number) => Array.from({ length: count }, (_, i) => idOf(String(i)));

  function buildList(items: readonly ChunkId[], chunks = new Chunks()): { id: ChunkId; chunks: Chunks } {
    const builder = new ChunkListBuilder(chunks.put);
    for (const id of items) builder.add(id);
    return { id: builder.finish().id, chunks };
  }

  function* readIds(id: ChunkId, chunks: Chunks, level?: number): Generator<ChunkId> {
    const list = decodeChunkList(chunks.held.get(id)!, NAME, level);
    if (list.level === 0) yield* list.ids;
    else for (const below of list.ids) yield* readIds(below, chunks, list.level - 1);
  }

  test('gives back its ids, in one list or in several', () => {
    for (const count of [1, 1025, 5000, 80_000]) {
      const all = ids(count);
      const { id, chunks } = buildList(all);
      expect([...readIds(id, chunks)]).toEqual(all);
      for (const bytes of chunks.held.values()) expect(bytes.length).toBeLessThanOrEqual(8 * 1024 * 1024);
    }
  });

  test('holds 65,536 ids at most, and is written as long as that', () => {
    const same = Array<ChunkId>(150_000).fill('1'.repeat(64) as ChunkId);
    const { id, chunks } = buildList(same);
    expect(decodeChunkList(chunks.held.get(id)!, NAME)).toMatchObject({ level: 1 });
    expect([...readIds(id, chunks)]).toEqual(same);
  });

  test('of a big file writes little anew for one changed chunk', () => {
    const all = ids(80_000);
    const { chunks } = buildList(all);
    const before = new Set(chunks.held.keys());
    buildList([...all.slice(0, 40_000), idOf('new'), idOf('newer'), ...all.slice(40_001)], chunks);
    const added = [...chunks.held].filter(([id]) => !before.has(id));
    expect(added.reduce((sum, [, bytes]) => sum + bytes.length, 0)).toBeLessThan(2_000_000);
  });

  test('is refused when it is not what was written', () => {
    const valid = encodeChunkList({ level: 0, ids: ids(2) }).toString();
    const bad = [
      '',
      valid.replace('"list":1', '"list":2'),
      valid.replace('"level":0', '"level":17'),
      valid.replace('"level":0', '"level":-1'),
      valid.replace('"level":0', '"level":0,"constructor":1'),
      valid.replace(/"[0-9a-f]{64}"/, '5'),
      valid.replace(/"[0-9a-f]{64}"/, '["a"]'),
      valid.replace(/"[0-9a-f]{64}"/, `"${'A'.repeat(64)}"`),
      valid.slice(0, -1),
      `{"list":1,"level":0}\n`,
      `{"list":1,"level":0}\n${`"${'a'.repeat(64)}"\n`.repeat(65_537)}`,
    ];
    for (const text of bad) expectDamage(() => decodeChunkList(Buffer.from(text), NAME));
    expectDamage(() => decodeChunkList(Buffer.from(valid), NAME, 1), 'list-level');
  });
});

test('a spoiled root or list is refused or read, in order, and nothing else', () => {
  const random = seededRandom(4711);
  const root = encodeRoot({ level: 0, refs: [ref('/a'), ref('/b/c'), ref('/b/c/\xff' as Raw), ref('/b-c/d')] });
  const list = encodeChunkList({ level: 0, ids: [idOf('a'), idOf('b'), idOf('c')] });
  for (let i = 0; i < 8000; i++) {
    const bytes = mutate(i % 2 ? root : list, random);
    try {
      if (i % 2) {
        const { refs } = decodeRoot(bytes, 0, NAME);
        for (let k = 1; k < refs.length; k++)
          expect(comparePositions(refs[k - 1]!.first, refs[k]!.first)).toBeLessThan(0);
      } else decodeChunkList(bytes, NAME);
    } catch (error) {
      if (!isIcecoreError(error, 'damage') || error.data.object !== NAME)
        throw new Error(`mutation ${i}: ${bytes}`, { cause: error });
    }
  }
});
