/**
 * Fills windows with files: their chunks, and where those lie. Chunks are looked up together when a window is taken,
 * because asking one by one costs twice as much; a file with lists of chunks is laid out part by part.
 */
import { damage } from '../base/errors.ts';
import { joinRaw, rawToDisplay } from '../base/raw.ts';
import { contentLength } from '../files/target-extents.ts';
import type { Entry } from '../format/entry.ts';
import type { RestoreDirectories } from './restore-directories.ts';
import type { PlannerOptions } from './restore-planning.ts';
import { problemOf } from './restore-problems.ts';
import { RestoreWindow, toBigFile, type WindowFile } from './restore-window.ts';

/** Chunks of a file with a list that are added to a window at a time. */
const LIST_PART = 4096;

/** Fills one window after the other. */
export class WindowFiller {
  readonly #options: Pick<PlannerOptions, 'manifest' | 'places' | 'limits' | 'locate' | 'onProblem' | 'signal'>;
  readonly #directories: RestoreDirectories;
  /** The one that is being filled. */
  window: RestoreWindow;
  /** Files of the window whose chunks have places. */
  #laidOut = 0;

  constructor(options: PlannerOptions, directories: RestoreDirectories) {
    this.#options = options;
    this.#directories = directories;
    this.window = new RestoreWindow(options.limits);
  }

  /** Completes the window and begins another. */
  take(): RestoreWindow {
    this.#endFiles();
    this.#laidOut = 0;
    const { window } = this;
    this.window = new RestoreWindow(this.#options.limits);
    return window;
  }

  /** Adds a file; `isCandidate`: something is there that may have the same content. */
  addFile(file: WindowFile, entry: Entry, isCandidate: boolean): void {
    for (const id of entry.chunks ?? []) this.window.addChunk(id);
    const number = this.window.addFile(file);
    if (isCandidate) this.window.candidates.push(number);
  }

  /** Adds a file part by part; it may need more windows than one. */
  async *addLarge(file: WindowFile, entry: Entry): AsyncGenerator<RestoreWindow> {
    const { manifest, signal } = this.#options;
    const big = toBigFile(file);
    let count = 0;
    this.#endFiles();
    let offset: number | undefined = 0;
    const flush = (): void => {
      const part = this.window.addFile({ ...file, big });
      offset = this.#placeFiles(part, offset ?? 0);
      this.#laidOut = part + 1;
      // Without the length of one chunk the places of those after it are not known.
      if (offset === undefined) big.isMisfit = true;
      count = 0;
    };
    for await (const id of manifest.chunksOf(entry, signal)) {
      this.window.addChunk(id);
      if (++count < LIST_PART) continue;
      flush();
      if (this.window.isFull) yield this.take();
    }
    if (count > 0) flush();
    if (offset !== contentLength(file.size, entry.sparse)) big.isMisfit = true;
  }

  /** Finds the chunks of the last file of the window; its content begins at `start`. */
  #placeFiles(file: number, start: number): number | undefined {
    this.#options.places.placeAll(this.window, this.window.firstChunk(file));
    return this.window.layOut(file, start);
  }

  /** Finds the chunks of all files of the window that wait for it, together. */
  #endFiles(): void {
    const window = this.window;
    if (this.#laidOut < window.fileCount) this.#options.places.placeAll(window, window.firstChunk(this.#laidOut));
    for (let file = this.#laidOut; file < window.fileCount; file++) {
      const end = window.layOut(file, 0);
      // A file without chunks is all hole, or empty; one with unknown chunks fails for their sake.
      if (end === undefined || window.firstChunk(file) === window.firstChunk(file + 1)) continue;
      const { size, extras } = window.file(file);
      if (end !== contentLength(size, extras?.sparse)) this.#refuseSize(file);
    }
    this.#laidOut = window.fileCount;
  }

  #refuseSize(file: number): void {
    const { node, name } = this.window.file(file);
    const path = this.#options.locate(joinRaw(node.path, name));
    const error = damage('size-mismatch', `${rawToDisplay(path)}: its chunks are not as long as its entry says`);
    this.#options.onProblem(problemOf(error, path));
    this.window.refused.add(file);
    this.#directories.release(node);
  }
}
