/**
 * A window: a part of a snapshot that is planned and restored at a time, as columns rather than objects. Its bounds
 * are what keeps the memory of a restore independent of the size of the snapshot. A pack that several windows need is
 * fetched by each of them, but each fetches only its own frames.
 */
import type { ChunkId } from '../base/ids.ts';
import type { Raw } from '../base/raw.ts';
import { contentLength, type Extents } from '../files/target-extents.ts';
import type { TempFile } from '../files/target-file.ts';
import type { TargetMeta } from '../files/target-metadata.ts';
import type { Entry } from '../format/entry.ts';
import type { DirectoryNode } from './restore-directories.ts';
import type { FileExtras } from './restore-messages.ts';

/** Entries, and chunks of files, after which a window is closed. At about 200 bytes each: some 50 MB. */
const MAX_ENTRIES = 131_072;
const MAX_REFS = 131_072;
/** Big files of a window: each has an open descriptor while it is written. */
const MAX_BIG_FILES = 512;
const ID_BYTES = 32;
const INT64 = 2n ** 63n;

/** A file with more chunks than one range holds: created, filled by several units, and ended by the main thread. */
export interface BigFile {
  readonly node: DirectoryNode;
  readonly name: Raw;
  readonly meta: TargetMeta;
  readonly size: number;
  readonly contentLength: number;
  readonly sparse?: Extents;
  temp: TempFile | undefined;
  written: number;
  /** Units that are writing to it. */
  users: number;
  isFailed: boolean;
  isEnded: boolean;
  /** Its chunks are not as long as its entry says. */
  isMisfit: boolean;
  /** Its group of hard links has more names. */
  readonly isLinked: boolean;
}

/** Something that is neither file nor directory. */
export interface SpecialItem {
  readonly node: DirectoryNode;
  readonly entry: Entry;
  readonly meta: TargetMeta;
}

/** One more name of a file. */
export interface LinkItem extends SpecialItem {
  /** Where the first name of the group is in the restored tree; undefined when it lies outside. */
  readonly first: Raw | undefined;
}

/** Something of another type, which goes before the item can come. */
export interface Obstacle {
  readonly node: DirectoryNode;
  readonly name: Raw;
}

/** What a file is and where it goes. */
export interface WindowFile {
  readonly node: DirectoryNode;
  readonly name: Raw;
  readonly meta: TargetMeta;
  readonly size: number;
  readonly extras?: FileExtras;
  readonly isLinked: boolean;
  /** Something is there that may have the same content. */
  readonly isCandidate: boolean;
  readonly big?: BigFile;
}

/** One window. Files are numbered from 0; so are the different chunks that they need. */
export class RestoreWindow {
  readonly files: WindowFile[] = [];
  /** Where the uses of chunks of each file begin; one number more than files. */
  readonly firstRef: number[] = [0];
  /** The chunk of each use, in the order of the content. */
  readonly refChunk: number[] = [];
  /** Where each use begins in the content of its file. */
  readonly refOffset: number[] = [];
  readonly chunkPack: number[] = [];
  readonly chunkFrame: number[] = [];
  readonly chunkOffset: number[] = [];
  readonly chunkLength: number[] = [];
  #ids = Buffer.allocUnsafeSlow(1024 * ID_BYTES);
  readonly #known = new Map<string, number>();
  readonly specials: SpecialItem[] = [];
  readonly links: LinkItem[] = [];
  readonly existing: DirectoryNode[] = [];
  readonly obstacles: Obstacle[] = [];
  /** Files that are there with the right content, and other metadata. */
  readonly refresh: WindowFile[] = [];
  entryCount = 0;
  bigCount = 0;

  /** True when no more should be added. */
  get isFull(): boolean {
    return this.entryCount >= MAX_ENTRIES || this.refChunk.length >= MAX_REFS || this.bigCount >= MAX_BIG_FILES;
  }

  /** The ids of all chunks, 32 bytes each. */
  get ids(): Buffer {
    return this.#ids;
  }

  /** The number of a chunk that is known already. */
  findChunk(id: ChunkId): number | undefined {
    return this.#known.get(id);
  }

  /** Adds a chunk and its place. */
  addChunk(id: ChunkId, pack: number, frame: number, offset: number, length: number): number {
    const number = this.chunkPack.length;
    if ((number + 1) * ID_BYTES > this.#ids.length) {
      const larger = Buffer.allocUnsafeSlow(this.#ids.length * 2);
      this.#ids.copy(larger);
      this.#ids = larger;
    }
    this.#ids.write(id, number * ID_BYTES, 'hex');
    this.#known.set(id, number);
    this.chunkPack.push(pack);
    this.chunkFrame.push(frame);
    this.chunkOffset.push(offset);
    this.chunkLength.push(length);
    return number;
  }

  /** Adds a file, or the part of a big one that fits, with the chunks it uses and where its first one begins. */
  addFile(file: WindowFile, chunks: readonly number[], offset = 0): void {
    let at = offset;
    for (const chunk of chunks) {
      this.refChunk.push(chunk);
      this.refOffset.push(at);
      at += this.chunkLength[chunk]!;
    }
    this.files.push(file);
    this.firstRef.push(this.refChunk.length);
    if (file.big) this.bigCount++;
  }
}

/** What few files have, of an entry. */
export function extrasOf(entry: Entry): { readonly extras?: FileExtras } {
  const { atime, xattrs, sparse, mtime } = entry;
  const isWide = mtime >= INT64 || mtime < -INT64;
  if (atime === undefined && xattrs === undefined && sparse === undefined && !isWide) return {};
  return {
    extras: {
      ...(atime === undefined ? {} : { atime }),
      ...(xattrs === undefined ? {} : { xattrs }),
      ...(sparse === undefined ? {} : { sparse }),
      ...(isWide ? { mtime } : {}),
    },
  };
}

/** Makes the state of a file that several units write. */
export function toBigFile({ node, name, meta, size, extras, isLinked }: WindowFile): BigFile {
  const sparse = extras?.sparse;
  return {
    ...{ node, name, meta, size, isLinked },
    contentLength: contentLength(size, sparse),
    ...(sparse ? { sparse } : {}),
    ...{ temp: undefined, written: 0, users: 0, isFailed: false, isEnded: false, isMisfit: false },
  };
}
