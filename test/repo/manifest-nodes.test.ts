/** Roots and chunk lists of several levels, larger than any test would back up: made by hand, read through a reader of a map. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { ChunkId } from '../../src/base/ids.ts';
import { type Raw, rawFromText } from '../../src/base/raw.ts';
import { ChunkListBuilder } from '../../src/format/chunk-list.ts';
import { RootBuilder, type SegmentRef } from '../../src/format/manifest-root.ts';
import type { TreeTop } from '../../src/format/node-tree.ts';
import { comparePositions } from '../../src/format/path-rules.ts';
import type { ChunkReader } from '../../src/repo/chunk-reader.ts';
import { chunksOf } from '../../src/repo/file-chunks.ts';
import { compareManifests, type ManifestStep } from '../../src/repo/manifest-difference.ts';
import { ManifestReader } from '../../src/repo/manifest-reader.ts';
import { seededRandom } from '../support/random.ts';

const ROOT = { directory: rawFromText('/'), recursive: true };

/** Chunks in a map, and what was asked for. */
class Chunks {
  readonly held = new Map<string, Buffer>();
  reads = 0;

  put = (content: Buffer): ChunkId => {
    const id = createHash('sha256').update(content).digest('hex') as ChunkId;
    this.held.set(id, content);
    return id;
  };

  get reader(): ChunkReader {
    const get = async (id: string): Promise<Buffer> => {
      this.reads++;
      return this.held.get(id)!;
    };
    return { get } as Partial<ChunkReader> as ChunkReader;
  }

  manifest(refs: readonly SegmentRef[]): { top: TreeTop; reader: ManifestReader } {
    const builder = new RootBuilder(this.put);
    for (const ref of refs) builder.add(ref);
    const top = builder.finish();
    return { top, reader: new ManifestReader(this.reader, top, 'snapshots/x') };
  }
}

const idOf = (text: string): ChunkId => createHash('sha256').update(text).digest('hex') as ChunkId;

function refsOf(count: number): SegmentRef[] {
  const refs = Array.from({ length: count }, (_, i): SegmentRef => {
    const first = rawFromText(`/d${i % 50}/e${Math.floor(i / 50) % 40}/f${String(i).padStart(6, '0')}`);
    return { id: idOf(first), first, entries: 1, bytes: 1 };
  });
  return refs.sort((a, b) => comparePositions(a.first, b.first));
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

describe('a root of several levels', () => {
  const refs = refsOf(30_000);

  it('lists all segments, or those of a directory, which it finds through few nodes', async () => {
    const chunks = new Chunks();
    const { top, reader } = chunks.manifest(refs);
    expect(top.level).toBe(1);
    expect(await collect(reader.refs())).toEqual(refs);
    const directory = rawFromText('/d7/e3');
    chunks.reads = 0;
    const found = await collect(reader.refs({ directory, recursive: false }));
    expect(chunks.reads).toBeLessThanOrEqual(2);
    const inside = refs.filter(({ first }) => first.startsWith('/d7/e3/'));
    expect(found.length).toBeLessThanOrEqual(inside.length + 1);
    expect(inside.every((ref) => found.some(({ id }) => id === ref.id))).toBe(true);
  });

  it('refuses a node that is not the one described above it', async () => {
    const chunks = new Chunks();
    const { top, reader } = chunks.manifest(refs);
    const below = (await reader.top()).refs;
    const [a, b] = [chunks.held.get(below[0]!.id)!, chunks.held.get(below[1]!.id)!];
    chunks.held.set(below[0]!.id, b);
    chunks.held.set(below[1]!.id, a);
    const fresh = new ManifestReader(chunks.reader, top, 'snapshots/x');
    await expect(collect(fresh.refs())).rejects.toMatchObject({ kind: 'damage', code: 'root-mismatch' });
    const lost: number[] = [];
    const rest = await collect(fresh.refs(undefined, { onDamage: (_error, ref) => lost.push(ref.entries) }));
    expect(lost).toHaveLength(2);
    expect(rest.length).toBe(refs.length - lost.reduce((sum, count) => sum + count, 0));
  });

  it('is compared with another one by reading what differs only', async () => {
    const random = seededRandom(11);
    for (const changes of [0, 1, 3, 200]) {
      const chunks = new Chunks();
      const changed = new Map<Raw, SegmentRef | undefined>();
      for (let i = 0; i < changes; i++) {
        const ref = refs[Math.floor(random() * refs.length)]!;
        changed.set(ref.first, random() < 0.3 ? undefined : { ...ref, id: idOf(`${ref.first}+`) });
      }
      const others = refs
        .map((ref) => (changed.has(ref.first) ? changed.get(ref.first) : ref))
        .filter((ref) => ref !== undefined);
      const [a, b] = [chunks.manifest(refs).reader, chunks.manifest(others).reader];
      chunks.reads = 0;
      const steps = await collect(compareManifests([a, b], ROOT));
      const firsts = steps.map(({ first }) => first);
      expect(firsts).toEqual(firsts.toSorted(comparePositions));
      const segments = (side: 0 | 1): SegmentRef[] =>
        steps
          .filter(
            (step): step is Extract<ManifestStep, { type: 'segment' }> => step.type === 'segment' && step.side === side,
          )
          .map(({ ref }) => ref);
      expect(segments(0)).toEqual(refs.filter(({ first }) => changed.has(first)));
      expect(segments(1)).toEqual(others.filter(({ first }) => changed.has(first)));
      expect(chunks.reads).toBeLessThanOrEqual(changes === 0 ? 0 : 2 + changes * 6);
    }
  });
});

describe('a list of chunks of several levels', () => {
  it('yields the ids in order', async () => {
    const chunks = new Chunks();
    const ids = Array.from({ length: 70_000 }, (_, i) => idOf(String(i)));
    const builder = new ChunkListBuilder(chunks.put);
    for (const id of ids) builder.add(id);
    const top = builder.finish();
    expect(top.level).toBeGreaterThan(0);
    expect(await collect(chunksOf(chunks.reader, { list: top.id }))).toEqual(ids);
    expect(await collect(chunksOf(chunks.reader, { chunks: ids.slice(0, 3) }))).toEqual(ids.slice(0, 3));
    expect(await collect(chunksOf(chunks.reader, {}))).toEqual([]);
  });
});
