/**
 * Writes one unit in a worker thread: opens the fetched range frame by frame, and writes every place that needs its
 * chunks. A file all of whose chunks are in the range is written from its first byte to its name; of a file that other
 * units share its part is written, and the main thread ends it.
 */
import type { KeyObject } from 'node:crypto';
import { isIcecoreError, messageOf } from '../base/errors.ts';
import type { Problem } from '../base/monitor.ts';
import { joinRaw, type Raw } from '../base/raw.ts';
import type { TargetTree } from '../files/target.ts';
import type { FileMeta, TempFile } from '../files/target-file.ts';
import { FetchedFrames, giveBack, isChunk } from './restore-frames.ts';
import {
  CHUNK_NUMBERS,
  type FailedChunk,
  FILE_NUMBERS,
  type FileColumns,
  FRAME_NUMBERS,
  OUTCOME,
  type RestoreSetup,
  type RestoreUnit,
  type UnitResult,
} from './restore-messages.ts';
import { problemOf } from './restore-problems.ts';
import { nonZeroRuns } from './restore-zeros.ts';

/** A file of several chunks while this worker writes it. */
interface Partial {
  readonly temp: TempFile;
  written: number;
  usesLeft: number;
}

/** Writes one unit. */
export class UnitWriter {
  readonly #unit: RestoreUnit;
  readonly #tree: TargetTree;
  readonly #setup: RestoreSetup;
  readonly #key: KeyObject;
  readonly #problems: Problem[];
  readonly #directories: readonly Raw[];
  readonly #names: readonly Raw[];
  readonly #outcomes: Uint8Array;
  readonly #tempBytes: Float64Array;
  readonly #tempProblems = new Map<number, Problem>();
  readonly #failedChunks: FailedChunk[] = [];
  readonly #partials = new Map<number, Partial>();
  #bytesWritten = 0;

  constructor(unit: RestoreUnit, tree: TargetTree, setup: RestoreSetup, key: KeyObject, problems: Problem[]) {
    this.#unit = unit;
    this.#tree = tree;
    this.#setup = setup;
    this.#key = key;
    this.#problems = problems;
    this.#directories = unit.files.directories.split('\0') as Raw[];
    this.#names = unit.files.names.split('/') as Raw[];
    this.#outcomes = new Uint8Array(unit.files.count);
    this.#tempBytes = new Float64Array(unit.temps.length);
  }

  run(): UnitResult {
    if (this.#unit.pack) this.#writeFrames(this.#unit.pack);
    else this.#writeEmptyFiles();
    for (const { temp } of this.#partials.values()) this.#tree.discardTemp(temp);
    return {
      type: 'unit-done',
      task: this.#unit.task,
      outcomes: this.#outcomes,
      tempBytes: this.#tempBytes,
      tempProblems: this.#tempProblems,
      failedChunks: this.#failedChunks,
      problems: this.#problems,
      bytesWritten: this.#bytesWritten,
    };
  }

  get #isStopped(): boolean {
    return Atomics.load(this.#setup.stop, 0) !== 0;
  }

  #writeFrames(pack: NonNullable<RestoreUnit['pack']>): void {
    const { frames, chunks, ids } = this.#unit;
    const idBytes = Buffer.from(ids.buffer, ids.byteOffset, ids.length);
    let fetched: FetchedFrames | undefined;
    let chunk = 0;
    let use = 0;
    for (let at = 0; at < frames.length && !this.#isStopped; at += FRAME_NUMBERS) {
      const chunkEnd = chunk + frames[at + 3]!;
      let raw: Buffer | undefined;
      let failure: unknown;
      try {
        fetched ??= new FetchedFrames(pack);
        raw = fetched.frame(frames[at]!, frames[at + 1]!, frames[at + 2]!);
      } catch (error) {
        if (!isIcecoreError(error, 'damage')) throw error;
        failure = error;
      }
      for (; chunk < chunkEnd; chunk++) {
        const [offset, length] = [chunks[chunk * CHUNK_NUMBERS]!, chunks[chunk * CHUNK_NUMBERS + 1]!];
        const useEnd = use + chunks[chunk * CHUNK_NUMBERS + 2]!;
        const content = raw?.subarray(offset, offset + length);
        const id = idBytes.subarray(chunk * 32, chunk * 32 + 32);
        if (content && content.length === length && isChunk(this.#key, content, id)) {
          for (let i = use; i < useEnd && !this.#isStopped; i++) this.#writeUse(i, content);
        } else {
          this.#failedChunks.push({
            chunk,
            code: isIcecoreError(failure) ? failure.code : 'chunk-damaged',
            message: failure ? messageOf(failure) : `${pack.name}: a chunk is not what was stored`,
          });
        }
        use = useEnd;
      }
      giveBack(raw);
    }
    fetched?.close();
  }

  #writeUse(use: number, content: Buffer): void {
    const file = this.#unit.useFile[use]!;
    const { count } = this.#unit.files;
    const offset = this.#unit.useOffset[use]!;
    if (file >= count) {
      this.#writeTempPart(file - count, content, offset);
      return;
    }
    if (this.#outcomes[file] === OUTCOME.failed) return;
    try {
      const isWhole = this.#unit.files.numbers[file * FILE_NUMBERS + 4] === 1;
      // Whether zeros become holes is seen while writing at places; a file of one chunk without zeros need not go there.
      if (isWhole && !(this.#setup.sparse && hasZeroBlock(content))) this.#writeWhole(file, content);
      else this.#writePart(file, content, offset);
    } catch (error) {
      this.#fail(file, error);
    }
  }

  #writeEmptyFiles(): void {
    const { numbers, count } = this.#unit.files;
    for (let file = 0; file < count && !this.#isStopped; file++) {
      try {
        const hasHole = numbers[file * FILE_NUMBERS + 3]! > 0;
        if (hasHole) this.#commit(file, { temp: this.#createTemp(file), written: 0, usesLeft: 0 });
        else this.#writeWhole(file, []);
      } catch (error) {
        this.#fail(file, error);
      }
    }
  }

  #writeWhole(file: number, content: Uint8Array | readonly Uint8Array[]): void {
    const { overwrite } = this.#setup;
    const [directory, name] = this.#placeOf(file);
    const outcome = this.#tree.writeSmallFile(directory, name, content, this.#metaOf(file), overwrite);
    this.#outcomes[file] = outcome === 'kept' ? OUTCOME.kept : OUTCOME.written;
    if (outcome === 'written' && content instanceof Uint8Array) this.#bytesWritten += content.length;
  }

  #writePart(file: number, content: Buffer, offset: number): void {
    let partial = this.#partials.get(file);
    if (!partial) {
      const usesLeft = this.#unit.files.numbers[file * FILE_NUMBERS + 4]!;
      partial = { temp: this.#createTemp(file), written: 0, usesLeft };
      this.#partials.set(file, partial);
    }
    this.#writeAt(partial.temp, content, offset);
    partial.written += content.length;
    if (--partial.usesLeft > 0) return;
    this.#partials.delete(file);
    this.#commit(file, partial);
  }

  #commit(file: number, { temp, written }: Partial): void {
    const [directory, name] = this.#placeOf(file);
    if (this.#setup.overwrite === 'never' && this.#tree.look(directory, name)) {
      this.#tree.discardTemp(temp);
      this.#outcomes[file] = OUTCOME.kept;
      return;
    }
    this.#tree.commitTemp(temp, name, this.#metaOf(file), written);
    this.#outcomes[file] = OUTCOME.written;
    this.#bytesWritten += written;
  }

  #writeTempPart(index: number, content: Buffer, offset: number): void {
    const temp = this.#unit.temps[index];
    if (!temp || this.#tempProblems.has(index)) return;
    try {
      this.#writeAt(temp, content, offset);
      this.#tempBytes[index]! += content.length;
      this.#bytesWritten += content.length;
    } catch (error) {
      this.#tempProblems.set(index, problemOf(error, this.#tree.locate(joinRaw(temp.directory, temp.name))));
    }
  }

  /** Skipped zeros count as written: the file is all hole before. */
  #writeAt(temp: TempFile, content: Buffer, offset: number): void {
    if (!this.#setup.sparse) {
      this.#tree.writeTemp(temp, content, offset);
      return;
    }
    for (const [start, end] of nonZeroRuns(content, offset)) {
      this.#tree.writeTemp(temp, content.subarray(start, end), offset + start);
    }
  }

  #createTemp(file: number): TempFile {
    const { sparse } = this.#unit.files.extras.get(file) ?? {};
    return this.#tree.createTemp(this.#placeOf(file)[0], this.#unit.files.numbers[file * FILE_NUMBERS + 3]!, sparse);
  }

  #fail(file: number, error: unknown): void {
    const partial = this.#partials.get(file);
    this.#partials.delete(file);
    if (partial) this.#tree.discardTemp(partial.temp);
    this.#outcomes[file] = OUTCOME.failed;
    this.#problems.push(problemOf(error, this.#tree.locate(joinRaw(...this.#placeOf(file)))));
  }

  #placeOf(file: number): [directory: Raw, name: Raw] {
    return [this.#directories[this.#unit.files.directory[file]!]!, this.#names[file]!];
  }

  #metaOf(file: number): FileMeta {
    return fileMeta(this.#unit.files, file);
  }
}

/** The metadata of a file of the columns. */
function fileMeta({ numbers, mtimes, extras }: FileColumns, file: number): FileMeta {
  const at = file * FILE_NUMBERS;
  const meta = {
    mode: numbers[at]!,
    uid: numbers[at + 1]!,
    gid: numbers[at + 2]!,
    size: numbers[at + 3]!,
    mtime: mtimes[file]!,
  };
  const more = extras.size > 0 ? extras.get(file) : undefined;
  return more ? { ...meta, ...more } : meta;
}

function hasZeroBlock(content: Buffer): boolean {
  let covered = 0;
  for (const [start, end] of nonZeroRuns(content, 0)) covered += end - start;
  return covered < content.length;
}
