/**
 * Segment: a run of a manifest's entries as JSON lines, a few hundred kilobytes, stored as one chunk. Owns where a
 * manifest is cut into segments; entry-line.ts and directory-line.ts own the lines, segment-decode.ts reads them.
 *
 * The cuts depend on the content, so a change in one place leaves the segments elsewhere byte for byte as they were,
 * and they are stored once. A segment's bytes depend on nothing but its own entries and their paths. It ends after
 * an entry when it has 4,096, or 4 MiB, or at least 256 and the entry's path says so (about one in 1,024; the caller
 * asks HMAC(K_cdc, path)). It also ends before an entry that would take it over 8 MiB, which is the limit of a chunk,
 * or over 32 MiB of directory paths in full, which is what a reader has to hold.
 */
import { bug } from '../base/errors.ts';
import { joinRaw, type Raw } from '../base/raw.ts';
import { encodeDirectoryLine } from './directory-line.ts';
import { type CutRule, digestCuts } from './node-tree.ts';
import { compareDirectories, compareNames, comparePositions } from './path-rules.ts';

/** Entries of a segment: a boundary counts from `min` on; `max` is a limit that readers enforce. */
export const SEGMENT_RULE: CutRule = { bits: 10, min: 256, max: 4096 };
/** A segment that has reached this many bytes ends. */
const FULL_BYTES = 4 * 1024 * 1024;
/** No segment is written longer than this: it is stored as a chunk. */
export const MAX_WRITTEN_BYTES = 8 * 1024 * 1024;
/** Directory paths of one segment in full, all together; readers allow twice as much. */
export const MAX_PATHS_BYTES = 32 * 1024 * 1024;

/** A finished segment. `first` and `last` are the paths of its first and last entries. */
export interface Segment {
  readonly bytes: Buffer;
  readonly first: Raw;
  readonly last: Raw;
  readonly entries: number;
}

/** True when an entry is a boundary, given HMAC-SHA-256(K_cdc, its path as bytes). */
export function isSegmentBoundary(digest: Uint8Array): boolean {
  return digestCuts(SEGMENT_RULE, digest);
}

/**
 * Cuts entries into segments. Entries come in the order of a manifest; a finished segment is handed out by the call
 * after the one that completed it, so each call returns at most one. Memory: one segment.
 */
export class SegmentBuilder {
  readonly #isBoundary: (path: Raw) => boolean;
  /** Where the entry before was, in this segment or another. */
  #directory: Raw | undefined;
  #name: Raw | undefined;
  #lines: string[] = [];
  #first: Raw | undefined;
  #entries = 0;
  #bytes = 0;
  #pathsBytes = 0;
  #isClosed = false;

  /** @param isBoundary asked once an entry at most, and only where the answer matters */
  constructor(isBoundary: (path: Raw) => boolean) {
    this.#isBoundary = isBoundary;
  }

  /** True when the next entry begins a segment: there a segment of an older manifest can be taken over as a whole. */
  get isAtCut(): boolean {
    return this.#isClosed || this.#entries === 0;
  }

  /**
   * Adds an entry: the absolute path of its directory, its line (of `encodeEntry`, which has checked it), its name.
   * @returns the segment that ended before this entry, if one did
   * @throws kind `user`, `path-too-long`; then nothing was added, and the builder can go on with the next directory
   * @throws kind `bug` when the entry is not after the one before
   */
  add(directory: Raw, line: string, name: Raw): Segment | undefined {
    const isNewDirectory = directory !== this.#directory;
    this.#checkOrder(directory, name, isNewDirectory);
    const lineBytes = Buffer.byteLength(line) + 1;
    let head = '';
    let starts = this.isAtCut;
    if (!starts && isNewDirectory) {
      head = encodeDirectoryLine(directory, this.#directory);
      starts = this.#pathsBytes + directory.length > MAX_PATHS_BYTES;
    }
    if (this.#bytes + lineBytes + Buffer.byteLength(head) + 1 > MAX_WRITTEN_BYTES) starts = true;
    if (starts) head = encodeDirectoryLine(directory);
    const done = starts ? this.#take() : undefined;

    if (starts) this.#first = joinRaw(directory, name);
    if (head !== '') {
      this.#lines.push(head);
      this.#bytes += Buffer.byteLength(head) + 1;
      this.#pathsBytes += directory.length;
    }
    this.#lines.push(line);
    this.#bytes += lineBytes;
    this.#entries++;
    this.#directory = directory;
    this.#name = name;
    this.#isClosed =
      this.#entries >= SEGMENT_RULE.max ||
      this.#bytes >= FULL_BYTES ||
      (this.#entries >= SEGMENT_RULE.min && this.#isBoundary(joinRaw(directory, name)));
    return done;
  }

  /**
   * Takes note that a segment of an older manifest, with these first and last entries, goes into this one unchanged.
   * Only allowed when {@link isAtCut}. It should not be the last segment of its manifest: that one ended for no reason
   * that lies in its entries.
   * @returns the segment that ended before it, if one did
   * @throws kind `bug` when it is not after the entry before, or not at a cut
   */
  skip(first: Raw, lastDirectory: Raw, lastName: Raw): Segment | undefined {
    if (!this.isAtCut) throw bug('a segment was taken over in the middle of another');
    if (this.#directory !== undefined && comparePositions(joinRaw(this.#directory, this.#name!), first) >= 0) {
      throw bug('a segment was taken over out of order');
    }
    const done = this.#take();
    this.#directory = lastDirectory;
    this.#name = lastName;
    return done;
  }

  /** Ends the manifest; returns the last segment, if entries were left. */
  finish(): Segment | undefined {
    return this.#take();
  }

  #checkOrder(directory: Raw, name: Raw, isNewDirectory: boolean): void {
    if (this.#directory === undefined) return;
    const order = isNewDirectory ? compareDirectories(this.#directory, directory) : 0;
    if (order > 0 || (order === 0 && compareNames(this.#name!, name) >= 0)) {
      throw bug('an entry came out of order, or twice');
    }
  }

  #take(): Segment | undefined {
    if (this.#entries === 0) return undefined;
    const segment: Segment = {
      bytes: Buffer.from(`${this.#lines.join('\n')}\n`, 'utf8'),
      first: this.#first!,
      last: joinRaw(this.#directory!, this.#name!),
      entries: this.#entries,
    };
    this.#lines = [];
    this.#entries = 0;
    this.#bytes = 0;
    this.#pathsBytes = 0;
    this.#isClosed = false;
    return segment;
  }
}
