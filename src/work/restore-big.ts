/**
 * Files that several units write: created when the first unit comes, ended when all of their content is written, and
 * removed when a part of it cannot be had. The workers write; creating, ending and removing is done here.
 */
import { damage } from '../base/errors.ts';
import type { Problem } from '../base/monitor.ts';
import { rawToDisplay } from '../base/raw.ts';
import type { TempFile } from '../files/target-file.ts';
import { problemOf } from './restore-problems.ts';
import type { RestoreSite } from './restore-site.ts';
import type { BigFile } from './restore-window.ts';

/** The big files that are not ended. */
export class BigFiles {
  readonly #site: RestoreSite;
  readonly #open = new Set<BigFile>();

  constructor(site: RestoreSite) {
    this.#site = site;
  }

  /** Takes note of a file that units will come for, so that it is missed when none does. */
  expect(file: BigFile): void {
    if (!file.isEnded) this.#open.add(file);
    if (file.isMisfit) this.giveUp(file, this.#misfit(file));
  }

  /** Called when a unit is about to write to a file; undefined when there is no use in it any more. */
  use(file: BigFile): TempFile | undefined {
    file.users++;
    // Only a manifest that contradicts itself has more content for a file that is complete.
    if (file.isEnded) return undefined;
    this.#open.add(file);
    if (file.isMisfit) this.giveUp(file, this.#misfit(file));
    if (!file.isFailed && !file.temp) this.#create(file);
    return file.isFailed ? undefined : file.temp;
  }

  /** Called when a unit is done with a file. */
  release(file: BigFile, written: number): void {
    file.users--;
    file.written += written;
    this.#settle(file);
  }

  /** Gives a file up. */
  giveUp(file: BigFile, error: unknown): void {
    this.giveUpAs(file, problemOf(error, this.#site.locate(file.node, file.name)));
  }

  /** Gives a file up for a problem that a worker has met. */
  giveUpAs(file: BigFile, problem: Problem): void {
    if (!file.isFailed) this.#site.report({ ...problem, path: this.#site.locate(file.node, file.name) });
    file.isFailed = true;
    this.#settle(file);
  }

  /** Leaves a file for a later pass; what was written of it is removed. */
  freeze(file: BigFile): void {
    if (file.isFailed || file.isEnded) return;
    file.isFailed = true;
    this.#site.freeze(file.node, file.name, file.isLinked);
    this.#settle(file);
  }

  /** A run that is stopped leaves nothing behind. */
  discardAll(): void {
    for (const file of this.#open) if (file.temp) this.#site.tree.discardTemp(file.temp);
    this.#open.clear();
  }

  /** After everything was written: what is not complete now will never be. */
  finish(): void {
    for (const file of [...this.#open]) this.giveUp(file, this.#misfit(file));
  }

  #misfit(file: BigFile): Error {
    const path = this.#site.locate(file.node, file.name);
    return damage('size-mismatch', `${rawToDisplay(path)}: its chunks are missing, or not as long as its entry says`);
  }

  #create(file: BigFile): void {
    try {
      file.temp = this.#site.tree.createTemp(file.node.path, file.size, file.sparse);
    } catch (error) {
      this.giveUp(file, error);
    }
  }

  #settle(file: BigFile): void {
    if (file.isEnded || file.users > 0) return;
    const isComplete = file.written === file.contentLength;
    if (!file.isFailed && !isComplete) return;
    file.isEnded = true;
    this.#open.delete(file);
    const { tree, counts, directories } = this.#site;
    const { temp } = file;
    if (file.isFailed) {
      if (temp) tree.discardTemp(temp);
      this.#site.lacks(file.node, file.name, file.isLinked);
    } else if (
      this.#site.attempt(file.node, file.name, () => tree.commitTemp(temp!, file.name, file.meta, file.written))
    ) {
      counts.filesRestored++;
      this.#site.note(file.node, file.name, 'restored', file.size);
    } else {
      this.#site.lacks(file.node, file.name, file.isLinked);
    }
    directories.release(file.node);
  }
}
