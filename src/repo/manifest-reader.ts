/**
 * Reads manifests: from the root down to the segments that are wanted, in order, a few ahead. Owns the checks between
 * the levels (every node and segment is what the line above says of it, and nothing comes twice); the format files own
 * those within one. It never holds more than a node of each level and the segments that are read ahead.
 */
import { bug, damage, IcecoreError, isIcecoreError, messageOf } from '../base/errors.ts';
import type { ChunkId } from '../base/ids.ts';
import { mapOrdered } from '../base/limit.ts';
import type { Raw } from '../base/raw.ts';
import type { DirectoryEntries, Entry } from '../format/entry.ts';
import { decodeRoot, findDirectoryRefs, findRef, type SegmentRef } from '../format/manifest-root.ts';
import type { TreeTop } from '../format/node-tree.ts';
import { comparePositions, isWithin } from '../format/path-rules.ts';
import { checkSegment, decodeSegment, lastPosition } from '../format/segment-decode.ts';
import { findEntry } from '../format/segment-find.ts';
import type { ChunkReader } from './chunk-reader.ts';
import { chunksOf } from './file-chunks.ts';

/** Which part of a manifest: the entries of one directory, and of all below it when `recursive`. */
export interface ManifestPart {
  readonly directory: Raw;
  readonly recursive: boolean;
}

/** How parts that cannot be read are dealt with. */
export interface SegmentOptions {
  /**
   * Told of a segment (or of a node of the root, with all segments below it) that cannot be read; it is then left out.
   * Without it the error is thrown. `ref` says where it begins and how many entries are lost.
   */
  readonly onDamage?: (error: IcecoreError, ref: SegmentRef) => void;
  readonly signal?: AbortSignal;
  /** Segments read ahead (default 6). */
  readonly ahead?: number;
}

const AHEAD = 6;
const KEPT_SEGMENTS = 4;

/** Reads one manifest. */
export class ManifestReader {
  readonly #chunks: ChunkReader;
  readonly #top: TreeTop;
  readonly #object: string;
  /** The top node: every look-up begins there. */
  #topRefs: Promise<readonly SegmentRef[]> | undefined;
  /** Segments that {@link find} looked into, the least recently used first. */
  readonly #found = new Map<ChunkId, Promise<DirectoryEntries[]>>();

  /** @param object the snapshot's object name, for errors */
  constructor(chunks: ChunkReader, top: TreeTop, object: string) {
    this.#chunks = chunks;
    this.#top = top;
    this.#object = object;
  }

  /** The id of the top node: manifests with the same one are the same. */
  get id(): ChunkId {
    return this.#top.id;
  }

  /** The refs of the top node, and their level (0: they are segments). For those who compare manifests. */
  async top(signal?: AbortSignal): Promise<{ readonly level: number; readonly refs: readonly SegmentRef[] }> {
    this.#topRefs ??= this.#readNode(this.#top, undefined, signal);
    this.#topRefs.catch(() => {
      this.#topRefs = undefined;
    });
    return { level: this.#top.level, refs: await this.#topRefs };
  }

  /** The refs below one of level `level` (above 0). */
  async below(ref: SegmentRef, level: number, signal?: AbortSignal): Promise<readonly SegmentRef[]> {
    if (level === 0) throw bug('a segment has no node below it');
    return await this.#readNode({ id: ref.id, level: level - 1 }, ref, signal);
  }

  /** Lists the segments of a part, or of all, in order, without reading them. */
  async *refs(part?: ManifestPart, options: SegmentOptions = {}): AsyncGenerator<SegmentRef> {
    const { level, refs } = await this.top(options.signal);
    yield* this.#walk(refs, level, part, options);
  }

  /**
   * Reads one segment, and checks it against its line in the root.
   * @throws damage, naming the snapshot and where the segment begins
   */
  async segment(ref: SegmentRef, signal?: AbortSignal): Promise<DirectoryEntries[]> {
    return this.#decode(ref, await this.#chunk(ref.id, ref, signal), undefined);
  }

  /**
   * Yields the directories of a part (default: of all) with their entries, in the order of the manifest. A directory
   * whose entries lie in several segments comes several times in a row, with some of its entries each time.
   * @throws damage, naming the snapshot and the place, unless `onDamage` is given; the top node must be readable always
   */
  async *segments(part?: ManifestPart, options: SegmentOptions = {}): AsyncGenerator<DirectoryEntries> {
    const { onDamage, signal } = options;
    // What is fetched ahead stays packed: decoded, a segment takes ten times the memory.
    const fetched = mapOrdered(this.refs(part, options), options.ahead ?? AHEAD, async (ref) => {
      try {
        return { ref, bytes: await this.#chunk(ref.id, ref, signal) };
      } catch (error) {
        if (!onDamage || !isIcecoreError(error, 'damage')) throw error;
        return { ref, error };
      }
    });
    let last: Raw | undefined;
    for await (const { ref, bytes, error } of fetched) {
      let directories: DirectoryEntries[];
      try {
        if (bytes === undefined) throw error;
        directories = this.#decode(ref, bytes, last);
        last = lastPosition(directories);
      } catch (failure) {
        if (!onDamage || !isIcecoreError(failure, 'damage')) throw failure;
        onDamage(failure, ref);
        continue;
      }
      for (const directory of directories) if (isWanted(directory.path, part)) yield directory;
    }
  }

  /** The entry at `path` (absolute), or undefined. The root directory `/` has none. */
  async find(path: Raw, signal?: AbortSignal): Promise<Entry | undefined> {
    let { level, refs } = await this.top(signal);
    for (;;) {
      const ref = refs[findRef(refs, path)];
      if (!ref) return undefined;
      if (level === 0) return findEntry(await this.#recent(ref, signal), path);
      refs = await this.below(ref, level--, signal);
    }
  }

  /** The ids of a file's chunks in order, as {@link chunksOf}. */
  chunksOf(entry: Pick<Entry, 'chunks' | 'list'>, signal?: AbortSignal): AsyncGenerator<ChunkId> {
    return chunksOf(this.#chunks, entry, signal);
  }

  /** Look-ups come close to each other: the names of a hard link group, the paths of one directory. */
  #recent(ref: SegmentRef, signal: AbortSignal | undefined): Promise<DirectoryEntries[]> {
    const segment = this.#found.get(ref.id) ?? this.segment(ref, signal);
    segment.catch(() => this.#found.delete(ref.id));
    this.#found.delete(ref.id);
    this.#found.set(ref.id, segment);
    if (this.#found.size > KEPT_SEGMENTS) this.#found.delete(this.#found.keys().next().value!);
    return segment;
  }

  async *#walk(
    refs: readonly SegmentRef[],
    level: number,
    part: ManifestPart | undefined,
    options: SegmentOptions,
  ): AsyncGenerator<SegmentRef> {
    const { from, to } = part ? findDirectoryRefs(refs, part.directory, part.recursive) : { from: 0, to: refs.length };
    for (let i = from; i < to; i++) {
      const ref = refs[i]!;
      if (level === 0) {
        yield ref;
        continue;
      }
      let below: readonly SegmentRef[];
      try {
        below = await this.below(ref, level, options.signal);
        const next = refs[i + 1];
        if (next && comparePositions(below.at(-1)!.first, next.first) >= 0) throw this.#mismatch(ref);
      } catch (error) {
        if (!options.onDamage || !isIcecoreError(error, 'damage')) throw error;
        options.onDamage(error, ref);
        continue;
      }
      yield* this.#walk(below, level - 1, part, options);
    }
  }

  /** Reads a node of the root; `ref` is the line that names it, absent for the top. */
  async #readNode(
    top: TreeTop,
    ref: SegmentRef | undefined,
    signal: AbortSignal | undefined,
  ): Promise<readonly SegmentRef[]> {
    const bytes = await this.#chunk(top.id, ref, signal);
    const { refs } = this.#checked(() => decodeRoot(bytes, top.level, this.#nameOf(top.id)), ref);
    if (!ref) return refs;
    const sum = (of: (line: SegmentRef) => number): number => refs.reduce((total, line) => total + of(line), 0);
    if (
      refs[0]!.first !== ref.first ||
      sum((line) => line.entries) !== ref.entries ||
      sum((line) => line.bytes) !== ref.bytes
    ) {
      throw this.#mismatch(ref);
    }
    return refs;
  }

  #decode(ref: SegmentRef, bytes: Uint8Array, last: Raw | undefined): DirectoryEntries[] {
    return this.#checked(() => {
      const directories = decodeSegment(bytes, this.#nameOf(ref.id));
      checkSegment(directories, ref, last, this.#nameOf(ref.id));
      return directories;
    }, ref);
  }

  async #chunk(id: ChunkId, ref: SegmentRef | undefined, signal: AbortSignal | undefined): Promise<Buffer> {
    try {
      return await this.#chunks.get(id, 'meta', signal);
    } catch (error) {
      throw this.#located(error, ref);
    }
  }

  #checked<T>(work: () => T, ref: SegmentRef | undefined): T {
    try {
      return work();
    } catch (error) {
      throw this.#located(error, ref);
    }
  }

  /** Says which snapshot is concerned, and from where on. */
  #located(error: unknown, ref: SegmentRef | undefined): unknown {
    if (!isIcecoreError(error, 'damage') && !isIcecoreError(error, 'store')) return error;
    const place = ref ? `${ref.entries} entries of ${this.#object}` : `the manifest of ${this.#object}`;
    return new IcecoreError(error.kind, error.code, `${place} cannot be read: ${messageOf(error)}`, {
      cause: error,
      data: {
        object: this.#object,
        ...error.data,
        snapshot: this.#object,
        ...(ref ? { from: ref.first, entries: ref.entries } : {}),
      },
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  }

  #mismatch(ref: SegmentRef): unknown {
    const object = this.#nameOf(ref.id);
    return this.#located(
      damage('root-mismatch', `${object}: is not the node that the one above describes`, { object }),
      ref,
    );
  }

  #nameOf(id: ChunkId): string {
    return `${this.#object} (chunk ${id})`;
  }
}

function isWanted(path: Raw, part: ManifestPart | undefined): boolean {
  if (!part) return true;
  return part.recursive ? isWithin(path, part.directory) : path === part.directory;
}
