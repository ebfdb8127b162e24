/**
 * Verify, the second pass: which snapshots and paths need what is damaged. Runs only when something is. A chunk is lost
 * when all of its places are; a file is affected when one of its chunks is. Segments without lost chunks are read once
 * however many snapshots share them.
 */
import type { IcecoreError } from '../base/errors.ts';
import { joinRaw, type Raw, rawToDisplay } from '../base/raw.ts';
import type { Entry } from '../format/entry.ts';
import { snapshotName } from '../format/layout.ts';
import type { SegmentRef } from '../format/manifest-root.ts';
import type { Snapshot } from '../format/snapshot.ts';
import type { ChunkReader } from '../repo/chunk-reader.ts';
import { chunksOf } from '../repo/file-chunks.ts';
import { ManifestReader } from '../repo/manifest-reader.ts';
import { objectOf } from './findings.ts';
import { isDamage, type VerifyContext } from './verify-context.ts';

/** What cannot be had: whole packs, or frames of them, by the catalog's numbers. */
export class LostPlaces {
  readonly #packs = new Map<number, 'all' | Set<number>>();

  get isEmpty(): boolean {
    return this.#packs.size === 0;
  }

  losePack(pack: number): void {
    this.#packs.set(pack, 'all');
  }

  loseFrames(pack: number, frames: readonly number[]): void {
    const held = this.#packs.get(pack);
    if (held === 'all' || frames.length === 0) return;
    this.#packs.set(pack, new Set([...(held ?? []), ...frames]));
  }

  has(pack: number, frame: number): boolean {
    const lost = this.#packs.get(pack);
    return lost === 'all' || lost?.has(frame) === true;
  }
}

/** Finds what needs the damaged objects. */
export class VerifyNeeds {
  readonly #context: VerifyContext;
  readonly #chunks: ChunkReader;
  readonly #lost: LostPlaces;
  /** Index objects that are damaged or gone: they may have known the chunks that nobody knows. */
  readonly #lostIndex: readonly string[];
  readonly #clean = new Set<string>();

  constructor(context: VerifyContext, chunks: ChunkReader, lost: LostPlaces, lostIndex: readonly string[]) {
    this.#context = context;
    this.#chunks = chunks;
    this.#lost = lost;
    this.#lostIndex = lostIndex;
  }

  /** Goes through one snapshot. */
  async find(snapshot: Snapshot): Promise<void> {
    const { findings, signal } = this.#context;
    const name = snapshotName(snapshot.id);
    const reader = new ManifestReader(this.#chunks, snapshot.root, name);
    const affected = new Map<Raw, readonly string[]>();
    const onDamage = (error: IcecoreError, ref?: SegmentRef) => {
      const object = objectOf(error) ?? name;
      const objects = error.code === 'chunk-unknown' ? this.#unknown(snapshot) : [object];
      const path = ref ? `${rawToDisplay(ref.first)} and what follows it` : '/';
      for (const each of objects) findings.needsPath(each, snapshot.id, path, ref?.entries ?? snapshot.totals.entries);
    };
    try {
      for await (const ref of reader.refs(undefined, { onDamage, signal })) {
        if (this.#clean.has(ref.id)) continue;
        try {
          const isClean = await this.#readSegment(snapshot, reader, ref, affected);
          if (isClean) this.#clean.add(ref.id);
        } catch (error) {
          if (!isDamage(error)) throw error;
          onDamage(error, ref);
        }
      }
    } catch (error) {
      if (!isDamage(error)) throw error;
      onDamage(error);
    }
  }

  async #readSegment(
    snapshot: Snapshot,
    reader: ManifestReader,
    ref: SegmentRef,
    affected: Map<Raw, readonly string[]>,
  ): Promise<boolean> {
    let isClean = true;
    for (const { path, entries } of await reader.segment(ref, this.#context.signal)) {
      for (const entry of entries) {
        if (entry.type !== 'file') continue;
        // A link is as good as the path that it names; which one that is differs from snapshot to snapshot.
        if (entry.hardlink !== undefined) isClean = false;
        const objects =
          entry.hardlink === undefined ? await this.#objectsOf(snapshot, entry) : affected.get(entry.hardlink);
        if (!objects || objects.length === 0) continue;
        isClean = false;
        const place = joinRaw(path, entry.name);
        if (entry.links !== undefined) affected.set(place, objects);
        for (const object of objects) this.#context.findings.needsPath(object, snapshot.id, rawToDisplay(place));
      }
    }
    return isClean;
  }

  /** The damaged objects because of which a file cannot be restored. */
  async #objectsOf(snapshot: Snapshot, entry: Entry): Promise<string[]> {
    const { catalog } = this.#context.repo;
    const objects = new Set<string>();
    try {
      for await (const id of chunksOf(this.#chunks, entry, this.#context.signal)) {
        const places = catalog.placesOf(Buffer.from(id, 'hex'));
        if (places.some(({ pack, frame }) => !this.#lost.has(pack, frame))) continue;
        for (const { pack } of places) objects.add(catalog.pack(pack).name);
        if (places.length === 0) for (const object of this.#unknown(snapshot)) objects.add(object);
      }
    } catch (error) {
      if (!isDamage(error)) throw error;
      const object = objectOf(error);
      objects.add(object !== undefined && this.#context.findings.has(object) ? object : snapshotName(snapshot.id));
    }
    return [...objects];
  }

  /** Who may have known a chunk that nobody knows. */
  #unknown(snapshot: Snapshot): readonly string[] {
    const own = this.#lostIndex.filter((name) => snapshot.index.includes(name));
    if (own.length > 0) return own;
    return this.#lostIndex.length > 0 ? this.#lostIndex : [snapshotName(snapshot.id)];
  }
}
