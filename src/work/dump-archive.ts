/**
 * Writes a tree as a pax archive, in one pass: headers and content, small files read ahead of their turn.
 *
 * A file that cannot be read is left out, as long as that shows before its header is written: always for files up to
 * READ_AHEAD_FILE bytes, and for larger ones when their first chunk fails. When a large file breaks later, its length has been
 * promised: the broken part becomes zeros, so that all that follows can still be unpacked. Both are reported as errors.
 */
import { type IcecoreError, throwIfAborted } from '../base/errors.ts';
import { mapOrdered } from '../base/limit.ts';
import type { Monitor } from '../base/monitor.ts';
import { type Raw, rawToDisplay } from '../base/raw.ts';
import type { Entry } from '../format/entry.ts';
import { isWithin } from '../format/path-rules.ts';
import { contentLengthOf, encodePaxHeader } from '../format/pax.ts';
import { TAR_END_LENGTH, tarPadding } from '../format/tar.ts';
import type { ChunkReader } from '../repo/chunk-reader.ts';
import type { ManifestReader } from '../repo/manifest-reader.ts';
import type { ListedEntry } from './browse.ts';
import { damageProblem } from './damage-report.ts';
import { type Piece, readPieces, zeros } from './dump-content.ts';
import type { DumpOutput } from './dump-output.ts';

/** Files up to this length are read whole before their turn, */
const READ_AHEAD_FILE = 4 * 1_048_576;
/** as long as they are no more than this together, */
const READ_AHEAD_BYTES = 16 * 1_048_576;
/** and so many entries at most. */
const READ_AHEAD_ENTRIES = 256;

/** Where an archive's content comes from. */
export interface ArchiveSource {
  readonly manifest: ManifestReader;
  readonly chunks: ChunkReader;
  /** The directory that names are relative to. */
  readonly root: Raw;
  /** All that lies in `root` is written. Otherwise, and where it lies elsewhere, what is a hard link becomes a file. */
  readonly isTree: boolean;
}

/** An entry with what could be done before its turn. */
interface Prepared extends ListedEntry {
  /** The entry that has the content: another one where the first of the hard link group lies outside. */
  readonly content: Entry;
  readonly pieces?: readonly Piece[];
}

/** Writes one archive. */
export class ArchiveWriter {
  readonly #source: ArchiveSource;
  readonly #output: DumpOutput;
  readonly #monitor: Monitor;
  readonly #signal: AbortSignal;
  #heldBytes = 0;
  /** Members that stand for the first of a hard link group that lies outside, by its path. */
  readonly #stand = new Map<Raw, Raw>();
  /** First paths of hard link groups that were left out. */
  readonly #leftOut = new Set<Raw>();

  constructor(source: ArchiveSource, output: DumpOutput, monitor: Monitor, signal: AbortSignal) {
    this.#source = source;
    this.#output = output;
    this.#monitor = monitor;
    this.#signal = signal;
  }

  /** Writes members, in the order of an archive. */
  async addAll(entries: AsyncIterable<ListedEntry>): Promise<void> {
    for await (const prepared of mapOrdered(entries, READ_AHEAD_ENTRIES, (listed) => this.#prepare(listed))) {
      throwIfAborted(this.#signal);
      await this.#add(prepared);
      if (prepared.pieces) this.#heldBytes -= contentLengthOf(prepared.content);
    }
  }

  /** Writes the end of the archive. */
  async finish(): Promise<void> {
    await this.#output.write(Buffer.alloc(TAR_END_LENGTH));
  }

  async #prepare({ path, entry }: ListedEntry): Promise<Prepared> {
    const { hardlink } = entry;
    let content = entry;
    if (hardlink !== undefined && !this.#isInside(hardlink)) {
      content = (await this.#source.manifest.find(hardlink, this.#signal)) ?? entry;
    }
    const length = content.type === 'file' ? contentLengthOf(content) : 0;
    if (length === 0 || length > READ_AHEAD_FILE || this.#heldBytes + length > READ_AHEAD_BYTES)
      return { path, entry, content };
    this.#heldBytes += length;
    const pieces: Piece[] = [];
    for await (const piece of readPieces(this.#source.chunks, content, this.#signal)) {
      // A small view would keep a whole frame in memory.
      pieces.push(piece.type === 'content' ? { type: 'content', bytes: Buffer.from(piece.bytes) } : piece);
      if (piece.type === 'broken') break;
    }
    return { path, entry, content, pieces };
  }

  async #add(prepared: Prepared): Promise<void> {
    const { path, entry, content } = prepared;
    if (entry.type === 'file') this.#output.beginFile(path);
    const name = this.#nameOf(path);
    const first = entry.hardlink;
    if (first !== undefined) {
      const link = this.#isInside(first) ? this.#nameOf(first) : this.#stand.get(first);
      if (this.#leftOut.has(first)) {
        this.#problem(path, 'broken-link', `is left out, as the file that it is a link to: ${rawToDisplay(first)}`);
        return;
      }
      if (link !== undefined) {
        await this.#output.write(encodePaxHeader({ path: name, entry, link }).bytes);
        return;
      }
    }
    const own = contentOf(entry, content);
    if (contentLengthOf(own) === 0 || own.type !== 'file') {
      await this.#output.write(encodePaxHeader({ path: name, entry: own }).bytes);
    } else if (!(await this.#addFile(path, own, prepared.pieces))) {
      this.#leftOut.add(first ?? path);
      return;
    }
    if (first !== undefined) this.#stand.set(first, name);
  }

  /** Writes header and content; false when the file was left out. */
  async #addFile(path: Raw, entry: Entry, ahead: readonly Piece[] | undefined): Promise<boolean> {
    const header = encodePaxHeader({ path: this.#nameOf(path), entry });
    const broken = ahead?.find((piece) => piece.type === 'broken');
    if (broken) return this.#leaveOut(path, broken.error);
    let left = header.contentLength;
    let failure: IcecoreError | undefined;
    for await (const piece of ahead ?? readPieces(this.#source.chunks, entry, this.#signal)) {
      if (left === header.contentLength) {
        if (piece.type === 'broken') return this.#leaveOut(path, piece.error);
        await this.#output.write(header.bytes);
      }
      if (piece.type === 'broken') {
        if (!failure) this.#reportZeros(path, header.contentLength - left, piece.error);
        failure ??= piece.error;
        left -= await this.#writeZeros(Math.min(left, piece.length ?? left));
      } else {
        await this.#output.write(piece.bytes);
        left -= piece.bytes.length;
      }
    }
    await this.#writeZeros(left + tarPadding(header.contentLength));
    this.#output.countBytes(header.contentLength);
    return true;
  }

  async #writeZeros(count: number): Promise<number> {
    for (const block of zeros(count)) await this.#output.write(block);
    return count;
  }

  #leaveOut(path: Raw, error: IcecoreError): false {
    this.#output.countError();
    this.#monitor.problem({
      ...damageProblem(error, path),
      message: `${rawToDisplay(path)} is left out of the archive: ${error.message}`,
    });
    return false;
  }

  #reportZeros(path: Raw, offset: number, error: IcecoreError): void {
    this.#output.countError();
    const message = `${rawToDisplay(path)} is damaged in the archive: there are zeros instead of content from byte ${offset} on: ${error.message}`;
    this.#monitor.problem({ ...damageProblem(error, path), message });
  }

  #problem(path: Raw, code: string, message: string): void {
    this.#output.countError();
    this.#monitor.problem({ severity: 'error', code, path, message: `${rawToDisplay(path)} ${message}` });
  }

  #isInside(path: Raw): boolean {
    return this.#source.isTree && isWithin(path, this.#source.root);
  }

  /** Names begin with `./`, as those of `tar -C DIRECTORY -c .` do: none can be taken for an option. */
  #nameOf(path: Raw): Raw {
    const { root } = this.#source;
    if (path === root) return '.' as Raw;
    return `./${path.slice(root === '/' ? 1 : root.length + 1)}` as Raw;
  }
}

/** The entry with its own name and facts, and the content of the first of its group. */
function contentOf(entry: Entry, content: Entry): Entry {
  if (entry === content) return entry;
  const { chunks, list, sparse, size } = content;
  const { chunks: _chunks, list: _list, sparse: _sparse, size: _size, ...facts } = entry;
  return {
    ...facts,
    ...(size === undefined ? {} : { size }),
    ...(chunks ? { chunks } : {}),
    ...(list ? { list } : {}),
    ...(sparse ? { sparse } : {}),
  };
}
