/**
 * Turns the entries of a walk, in manifest order, into segments: meta chunks that unchanged regions share with earlier
 * snapshots, and the root that lists them. A segment of the parent whose entries all come again, in order, with nothing
 * between them, is taken over without touching its text. It does not decide what is unchanged (work/backup.ts does)
 * and does not store chunks (the caller's `storeChunk` does).
 */
import type { ChunkId } from '../base/ids.ts';
import { joinRaw, type Raw } from '../base/raw.ts';
import { RootBuilder } from '../format/manifest-root.ts';
import type { TreeTop } from '../format/node-tree.ts';
import { type Segment, SegmentBuilder } from '../format/segment.ts';
import type { ParentWriter } from './parent-file.ts';
import type { ParentRecord, StatColumns } from './parent-record.ts';

/** What the writer needs of its caller. */
export interface ManifestWriterOptions {
  /** HMAC(K_cdc, path) has its low bits zero. */
  readonly isBoundary: (path: Raw) => boolean;
  /** Stores a meta chunk unless it is known; returns its id (32 bytes). */
  readonly storeChunk: (content: Uint8Array) => Uint8Array;
  /** Where the next parent file goes. */
  readonly parent: ParentWriter | undefined;
}

/** Writes one manifest. Calls come in manifest order. */
export class ManifestWriter {
  readonly #options: ManifestWriterOptions;
  readonly #root: RootBuilder;
  readonly #builder: SegmentBuilder;
  readonly #rootNodes: ChunkId[] = [];
  #names: Raw[] = [];
  #directories: Raw[] = [];
  #stats: StatColumns[] = [];
  /** The parent's segment of which the first `matched` entries have come and nothing else since the last cut. */
  #lazy: { record: ParentRecord; matched: number } | undefined;
  #reused = 0;

  constructor(options: ManifestWriterOptions) {
    this.#options = options;
    this.#builder = new SegmentBuilder(options.isBoundary);
    this.#root = new RootBuilder((node) => {
      const id = toHex(options.storeChunk(node));
      this.#rootNodes.push(id);
      return id;
    });
  }

  /** The nodes of the root; all of them after {@link finish}. */
  get rootNodes(): readonly ChunkId[] {
    return this.#rootNodes;
  }

  /** Segments taken over from the parent. */
  get segmentsReused(): number {
    return this.#reused;
  }

  /**
   * Adds an entry by its line (encodeEntry).
   * @throws kind `user` when this entry cannot be in a manifest; others can follow
   */
  add(directory: Raw, name: Raw, line: string, stat: StatColumns): void {
    this.#flushLazy();
    this.#append(directory, name, line, stat);
  }

  /** Adds entry `index` of a parent segment, unchanged. */
  addUnchanged(record: ParentRecord, index: number): void {
    const lazy = this.#lazy;
    if (lazy && lazy.record === record && index === lazy.matched) {
      lazy.matched++;
    } else {
      this.#flushLazy();
      if (index !== 0 || !this.#builder.isAtCut) {
        this.#appendFrom(record, index);
        return;
      }
      this.#lazy = { record, matched: 1 };
    }
    // The manifest's last segment was cut by its end: more entries may still have to join it.
    if (this.#lazy!.matched === record.count && !record.isLast) this.#reuse();
  }

  /** Ends the manifest: stores the root and returns where it begins. */
  finish(): TreeTop {
    if (this.#lazy && this.#lazy.matched === this.#lazy.record.count) this.#reuse();
    this.#flushLazy();
    this.#close(this.#builder.finish(), true);
    return this.#root.finish();
  }

  #append(directory: Raw, name: Raw, line: string, stat: StatColumns): void {
    this.#close(this.#builder.add(directory, line, name), false);
    this.#names.push(name);
    this.#directories.push(directory);
    this.#stats.push(stat);
  }

  #appendFrom(record: ParentRecord, i: number): void {
    this.#append(record.directoryOf(i), record.names[i]!, record.lineOf(i), record.statOf(i));
  }

  #flushLazy(): void {
    const lazy = this.#lazy;
    if (!lazy) return;
    this.#lazy = undefined;
    for (let i = 0; i < lazy.matched; i++) this.#appendFrom(lazy.record, i);
  }

  #reuse(): void {
    const { record } = this.#lazy!;
    this.#lazy = undefined;
    const last = record.count - 1;
    const first = joinRaw(record.directoryOf(0), record.names[0]!);
    this.#close(this.#builder.skip(first, record.directoryOf(last), record.names[last]!), false);
    this.#root.add({ id: toHex(record.id), first, entries: record.count, bytes: record.bytes });
    this.#options.parent?.copy(record);
    this.#reused++;
  }

  /** Stores a segment that the builder has ended: all entries held so far are in it. */
  #close(segment: Segment | undefined, isLast: boolean): void {
    if (!segment) return;
    const id = this.#options.storeChunk(segment.bytes);
    this.#root.add({ id: toHex(id), first: segment.first, entries: segment.entries, bytes: segment.bytes.length });
    this.#options.parent?.add({
      id,
      text: segment.bytes,
      bytes: segment.bytes.length,
      isLast,
      names: this.#names,
      directories: this.#directories,
      stats: this.#stats,
    });
    this.#names = [];
    this.#directories = [];
    this.#stats = [];
  }
}

function toHex(id: Uint8Array): ChunkId {
  return Buffer.from(id.buffer, id.byteOffset, id.length).toString('hex') as ChunkId;
}
