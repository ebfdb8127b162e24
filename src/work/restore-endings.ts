/**
 * Ends directories: removes what else is in them where that is asked for, and gives them their metadata. Also clears
 * the way at the beginning of a window. Nothing outside of restored directories is touched.
 */
import { joinRaw, type Raw } from '../base/raw.ts';
import { isTempName } from '../files/target-leftovers.ts';
import type { DirectoryNode } from './restore-directories.ts';
import { isSelected, type SelectionScope } from './restore-selection.ts';
import type { RestoreSite } from './restore-site.ts';
import type { RestoreWindow } from './restore-window.ts';

/** Ends the directories of one run. */
export class DirectoryEndings {
  readonly #site: RestoreSite;
  readonly #selection: SelectionScope;

  constructor(site: RestoreSite, selection: SelectionScope) {
    this.#site = site;
    this.#selection = selection;
  }

  /** Removes what stands in the way of a window, and what killed runs have left in its directories. */
  clear(window: RestoreWindow): void {
    for (const { node, name } of window.obstacles) this.#remove(node, name);
    for (const node of window.existing) {
      const parent = node.parent;
      if (parent) this.#site.attempt(parent, node.name, () => void this.#site.tree.makeDirectory(node.path));
    }
  }

  /** Ends the directories in which everything is complete. */
  endReady(): void {
    const { directories } = this.#site;
    for (let ready = directories.takeReady(); ready.length > 0; ready = directories.takeReady()) {
      for (const node of ready) {
        if (node.isWanted && !this.#site.fatal) this.#end(node);
        node.names = undefined;
        directories.finished(node);
      }
    }
  }

  #end(node: DirectoryNode): void {
    const { tree, counts } = this.#site;
    const { parent, meta, name } = node;
    if (node.removesRest) this.#removeRest(node);
    if (!parent) return;
    const path = node.path;
    const isDone = this.#site.attempt(parent, name, () => {
      if (meta) tree.finishDirectory(path, meta);
      else tree.makeDirectory(path);
    });
    if (isDone) counts.dirs++;
  }

  #removeRest(node: DirectoryNode): void {
    let present: string[] = [];
    try {
      present = this.#site.tree.list(node.path);
    } catch (error) {
      this.#site.fail(node, '' as Raw, error);
    }
    for (const name of present as Raw[]) {
      // A temporary name may be that of a concurrent run; stale ones are swept elsewhere.
      if (!node.names?.has(name) && !isTempName(name)) this.#remove(node, name);
    }
  }

  #remove(node: DirectoryNode, name: Raw): void {
    const { tree, counts } = this.#site;
    this.#site.attempt(node, name, () => {
      const removed = tree.remove(node.path, name, (path, isDirectory) =>
        isSelected(this.#selection, path, isDirectory),
      );
      counts.filesRemoved += removed;
      if (removed > 0) this.#site.counts.note(() => tree.locate(joinRaw(node.path, name)), 'removed');
    });
  }
}
