/**
 * What the main thread's parts of a running restore share: the tree, the counts, what must not be linked to, and how a
 * failure of one item is dealt with.
 */
import type { IcecoreError } from '../base/errors.ts';
import type { Problem } from '../base/monitor.ts';
import { joinRaw, type Raw } from '../base/raw.ts';
import type { TargetTree } from '../files/target.ts';
import type { ChunkReader } from '../repo/chunk-reader.ts';
import type { ManifestReader } from '../repo/manifest-reader.ts';
import type { RestoreCounts } from './restore-counts.ts';
import type { DirectoryNode, RestoreDirectories } from './restore-directories.ts';
import { isColdError } from './restore-gate.ts';
import type { RestoreOptions } from './restore-options.ts';
import { isFatal, problemOf } from './restore-problems.ts';

/** The place of a restore while it runs. */
export class RestoreSite {
  readonly options: RestoreOptions;
  readonly tree: TargetTree;
  readonly counts: RestoreCounts;
  readonly chunks: ChunkReader;
  readonly manifest: ManifestReader;
  readonly directories: RestoreDirectories;
  /** Files that are not there with the snapshot's content: those of link groups, and all when all are verified. */
  readonly missing: Set<Raw>;
  /** Files of link groups that were left because a pack cannot be read now: their other names wait with them. */
  readonly frozen = new Set<Raw>();
  /** Set once; nothing more is begun then. */
  fatal: Problem | undefined;
  readonly #stop: () => void;

  constructor(
    parts: Pick<RestoreSite, 'options' | 'tree' | 'counts' | 'chunks' | 'manifest' | 'directories' | 'missing'>,
    stop: () => void,
  ) {
    this.options = parts.options;
    this.tree = parts.tree;
    this.counts = parts.counts;
    this.chunks = parts.chunks;
    this.manifest = parts.manifest;
    this.directories = parts.directories;
    this.missing = parts.missing;
    this.#stop = stop;
  }

  /** Where an item lies in the file system. */
  locate(node: DirectoryNode, name: Raw): Raw {
    return this.tree.locate(joinRaw(node.path, name));
  }

  /** Reports a problem, and stops the run when it is one of all items. */
  report(problem: Problem): void {
    if (isFatal(problem)) {
      this.fatal ??= problem;
      this.#stop();
    } else {
      this.counts.problem(problem);
    }
  }

  /** Reports the failure of an item. */
  fail(node: DirectoryNode, name: Raw, error: unknown): void {
    if (this.options.gate && isColdError(error)) {
      const { object } = (error as IcecoreError).data;
      if (typeof object === 'string') this.options.gate.wentCold(object);
      this.freeze(node, name, true);
      return;
    }
    this.report(problemOf(error, this.locate(node, name)));
  }

  /** Leaves a file for a later pass. */
  freeze(node: DirectoryNode, name: Raw, isLinked: boolean): void {
    this.counts.filesFrozen++;
    if (isLinked) this.frozen.add(joinRaw(node.path, name));
    this.lacks(node, name, isLinked);
  }

  /** Runs a step on an item. @returns whether it succeeded; a failure is reported */
  attempt(node: DirectoryNode, name: Raw, step: () => void): boolean {
    try {
      step();
      return true;
    } catch (error) {
      this.fail(node, name, error);
      return false;
    }
  }

  /** Takes note that a file is not there as the snapshot has it. */
  lacks(node: DirectoryNode, name: Raw, isLinked: boolean): void {
    if (isLinked || this.options.verify) this.missing.add(joinRaw(node.path, name));
  }

  note(node: DirectoryNode, name: Raw, action: 'restored' | 'removed' | 'kept', size?: number): void {
    this.counts.note(() => this.locate(node, name), action, size);
  }
}
