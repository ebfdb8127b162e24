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

/** When a window is closed. */
export interface WindowLimits {
  readonly entries: number;
  readonly chunks: number;
  /** Each has an open descriptor while it is written. */
  readonly bigFiles: number;
}

/** At 150 bytes an entry and 60 a chunk: some 30 MB. */
export const WINDOW_LIMITS: WindowLimits = { entries: 131_072, chunks: 131_072, bigFiles: 512 };
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
  /** Its group of hard links has more names. */
  readonly isLinked: boolean;
  readonly big?: BigFile;
}

/** Numbers of a file: mode, uid, gid, size, and whether it is linked. */
const FILE_COLUMNS = 5;
/** Numbers of a chunk: pack, frame, offset in the frame, length. */
const PLACE_COLUMNS = 4;
/** Stands for the pack of a chunk that no index object names. */
export const NOWHERE = -1;

/** One window. Files are numbered from 0; so are the chunks that they use, file after file, in the order of content. */
export class RestoreWindow {
  readonly #nodes: DirectoryNode[] = [];
  readonly #names: Raw[] = [];
  #numbers = new Float64Array(1024 * FILE_COLUMNS);
  #mtimes = new BigInt64Array(1024);
  readonly #extras = new Map<number, FileExtras>();
  readonly #firstChunk: number[] = [0];
  #ids = Buffer.allocUnsafeSlow(1024 * ID_BYTES);
  #places = new Int32Array(1024 * PLACE_COLUMNS);
  #offsets = new Float64Array(1024);
  #chunkCount = 0;
  /** The big files, by number. */
  readonly big = new Map<number, BigFile>();
  /** Files in whose place something is that may have the same content. */
  readonly candidates: number[] = [];
  /** Files that contradict themselves, and are not written. */
  readonly refused = new Set<number>();
  readonly specials: SpecialItem[] = [];
  readonly links: LinkItem[] = [];
  readonly existing: DirectoryNode[] = [];
  readonly obstacles: Obstacle[] = [];
  /** Files that are there with the right content, and other metadata. */
  readonly refresh: WindowFile[] = [];
  entryCount = 0;
  readonly #limits: WindowLimits;

  constructor(limits: WindowLimits) {
    this.#limits = limits;
  }

  get fileCount(): number {
    return this.#names.length;
  }

  get chunkCount(): number {
    return this.#chunkCount;
  }

  /** True when no more should be added. */
  get isFull(): boolean {
    const { entries, chunks, bigFiles } = this.#limits;
    return this.entryCount >= entries || this.#chunkCount >= chunks || this.big.size >= bigFiles;
  }

  /** The file of a number. */
  file(file: number): WindowFile {
    const at = file * FILE_COLUMNS;
    const numbers = this.#numbers;
    const extras = this.#extras.get(file);
    const big = this.big.get(file);
    return {
      node: this.#nodes[file]!,
      name: this.#names[file]!,
      meta: { mode: numbers[at]!, uid: numbers[at + 1]!, gid: numbers[at + 2]!, mtime: this.#mtimes[file]!, ...extras },
      size: numbers[at + 3]!,
      isLinked: numbers[at + 4] === 1,
      ...(extras ? { extras } : {}),
      ...(big ? { big } : {}),
    };
  }

  /** The directory of a file. */
  node(file: number): DirectoryNode {
    return this.#nodes[file]!;
  }

  /** The first chunk of a file; that of the next one is where its chunks end. */
  firstChunk(file: number): number {
    return this.#firstChunk[file]!;
  }

  /** The id of a chunk: a view. */
  id(chunk: number): Buffer {
    return this.#ids.subarray(chunk * ID_BYTES, (chunk + 1) * ID_BYTES);
  }

  pack(chunk: number): number {
    return this.#places[chunk * PLACE_COLUMNS]!;
  }

  frame(chunk: number): number {
    return this.#places[chunk * PLACE_COLUMNS + 1]!;
  }

  /** Where the chunk lies in its decompressed frame. */
  offset(chunk: number): number {
    return this.#places[chunk * PLACE_COLUMNS + 2]!;
  }

  length(chunk: number): number {
    return this.#places[chunk * PLACE_COLUMNS + 3]!;
  }

  /** Where the chunk goes in the content of its file. */
  contentOffset(chunk: number): number {
    return this.#offsets[chunk]!;
  }

  /** Adds a file, or a part of a big one; its chunks are those added since the last file. */
  addFile({ node, name, meta, size, extras, isLinked, big }: WindowFile): number {
    const file = this.#names.length;
    if (file === this.#mtimes.length) {
      this.#numbers = grow(this.#numbers, new Float64Array(this.#numbers.length * 2));
      this.#mtimes = grow(this.#mtimes, new BigInt64Array(file * 2));
    }
    this.#nodes.push(node);
    this.#names.push(name);
    this.#numbers.set([meta.mode, meta.uid, meta.gid, size, isLinked ? 1 : 0], file * FILE_COLUMNS);
    this.#mtimes[file] = meta.mtime;
    if (extras) this.#extras.set(file, extras);
    if (big) this.big.set(file, big);
    this.#firstChunk.push(this.#chunkCount);
    return file;
  }

  /** Adds a chunk, whose place is not known yet. */
  addChunk(id: ChunkId): void {
    const chunk = this.#chunkCount++;
    if (chunk === this.#offsets.length) {
      this.#ids = grow(this.#ids, Buffer.allocUnsafeSlow(this.#ids.length * 2));
      this.#places = grow(this.#places, new Int32Array(this.#places.length * 2));
      this.#offsets = grow(this.#offsets, new Float64Array(chunk * 2));
    }
    this.#ids.write(id, chunk * ID_BYTES, 'hex');
    this.#places[chunk * PLACE_COLUMNS] = NOWHERE;
  }

  /** Says where a chunk lies. */
  place(chunk: number, pack: number, frame: number, offset: number, length: number): void {
    const at = chunk * PLACE_COLUMNS;
    this.#places[at] = pack;
    this.#places[at + 1] = frame;
    this.#places[at + 2] = offset;
    this.#places[at + 3] = length;
  }

  /**
   * Says where the chunks of a file go, one after the other.
   * @returns where they end, or undefined when one of them has no place, hence no known length
   */
  layOut(file: number, start: number): number | undefined {
    let at = start;
    let isKnown = true;
    for (let chunk = this.firstChunk(file); chunk < this.firstChunk(file + 1); chunk++) {
      this.#offsets[chunk] = at;
      at += this.length(chunk);
      isKnown &&= this.pack(chunk) !== NOWHERE;
    }
    return isKnown ? at : undefined;
  }
}

function grow<T extends { set(from: T): void }>(from: T, into: T): T {
  into.set(from);
  return into;
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
