/**
 * The directories of a restore between the moment when the manifest lists them and the moment when everything in them
 * is complete: then they get their metadata, which so happens bottom-up. Holds the directories that are listed and not
 * finished (the width of the tree along the way to where the manifest is), not all of a snapshot.
 *
 * A directory waits for: every item in it that is being written, every directory in it, and the walk to leave it.
 */
import type { Raw } from '../base/raw.ts';
import type { TargetMeta } from '../files/target-metadata.ts';
import { checkName } from '../files/target-names.ts';
import { sharedLength } from '../format/path-rules.ts';
import type { SelectionScope } from './restore-selection.ts';

/** Longer paths are put together when they are asked for: a deep tree would not fit in memory otherwise. */
const KEPT_PATH = 1024;

/** One directory. Paths are of the restored tree: `/` is the target. */
export class DirectoryNode {
  /** Empty for the target itself. */
  readonly name: Raw;
  readonly parent: DirectoryNode | undefined;
  readonly pathLength: number;
  #path: Raw | undefined;
  /** Absent for the target itself, and where the snapshot's entry is lost. */
  readonly meta: TargetMeta | undefined;
  readonly scope: SelectionScope;
  /** Nothing in it is restored. */
  readonly isSkipped: boolean;
  /** It was in the target before. */
  exists = false;
  /** It is made even when nothing is in it. */
  isWanted: boolean;
  /** Names that the snapshot has in it; kept only where the rest is to be removed. */
  names: Set<Raw> | undefined;
  /** What else is in it is removed. */
  removesRest = false;
  waitsFor = 1;
  /** Directories listed in it that the walk has not come to yet, in order. */
  children: Map<Raw, DirectoryNode> | undefined;

  constructor(
    name: Raw,
    parent: DirectoryNode | undefined,
    meta: TargetMeta | undefined,
    scope: SelectionScope,
    state: { readonly isSkipped: boolean; readonly isWanted: boolean },
  ) {
    this.name = name;
    this.parent = parent;
    this.pathLength = parent?.parent ? parent.pathLength + 1 + name.length : 1 + name.length;
    this.meta = meta;
    this.scope = scope;
    this.isSkipped = state.isSkipped;
    this.isWanted = state.isWanted;
    if (parent && !state.isSkipped) parent.waitsFor++;
  }

  get path(): Raw {
    if (this.#path !== undefined) return this.#path;
    const names: Raw[] = [];
    for (let at: DirectoryNode | undefined = this; at?.parent; at = at.parent) names.push(at.name);
    const path = `/${names.reverse().join('/')}` as Raw;
    if (path.length <= KEPT_PATH) this.#path = path;
    return path;
  }
}

/** The directories of one pass over a manifest. */
export class RestoreDirectories {
  readonly root: DirectoryNode;
  readonly #way: DirectoryNode[];
  /** The path that was entered last. */
  #last = '/' as Raw;
  #ready: DirectoryNode[] = [];
  /** Called when a directory turns out to be needed. */
  readonly #onWanted: (node: DirectoryNode) => void;

  constructor(scope: SelectionScope, onWanted: (node: DirectoryNode) => void) {
    this.root = new DirectoryNode('' as Raw, undefined, undefined, scope, { isSkipped: false, isWanted: true });
    this.#way = [this.root];
    this.#onWanted = onWanted;
  }

  /** Adds a directory that the manifest lists in `parent`. */
  list(parent: DirectoryNode, node: DirectoryNode): void {
    parent.children ??= new Map();
    parent.children.set(node.name, node);
    if (!node.isWanted) return;
    node.isWanted = false;
    this.want(node);
  }

  /**
   * Goes to a directory, in the order of the manifest, and leaves those that are thereby passed.
   * @returns undefined when nothing in it is restored
   */
  enter(path: Raw): DirectoryNode | undefined {
    const shared = sharedLength(this.#last, path);
    this.#last = path;
    // What is on the way are directories of the last path, so that their lengths tell which ones this path shares.
    const isOnWay = (length: number): boolean =>
      length === 1 || (length <= shared && (length === path.length || path[length] === '/'));
    let top = this.#way.at(-1)!;
    while (!isOnWay(top.pathLength)) {
      this.#leave(this.#way.pop()!);
      top = this.#way.at(-1)!;
    }
    while (top.pathLength !== path.length) {
      if (top.isSkipped) return undefined;
      top = this.#child(top, path);
      this.#way.push(top);
    }
    return top.isSkipped ? undefined : top;
  }

  /** The manifest has come to its end. */
  leaveAll(): void {
    for (let node = this.#way.pop(); node; node = this.#way.pop()) this.#leave(node);
  }

  /** Says that there is something to restore in a directory, hence on the way to it. */
  want(node: DirectoryNode): void {
    for (let at: DirectoryNode | undefined = node; at; at = at.parent) {
      if (at.isWanted) return;
      at.isWanted = true;
      this.#onWanted(at);
    }
  }

  /** An item of a directory is complete, or will never be. */
  release(node: DirectoryNode): void {
    if (--node.waitsFor === 0) this.#ready.push(node);
  }

  /** Takes the directories in which everything is complete; each is to be given to {@link finished}. */
  takeReady(): DirectoryNode[] {
    const ready = this.#ready;
    this.#ready = [];
    return ready;
  }

  /** A directory has its metadata. */
  finished(node: DirectoryNode): void {
    if (node.parent) this.release(node.parent);
  }

  /** The directory in `parent` on the way to `path`; those listed before it have nothing in them. */
  #child(parent: DirectoryNode, path: Raw): DirectoryNode {
    const start = parent.parent ? parent.pathLength + 1 : 1;
    const slash = path.indexOf('/', start);
    const name = path.slice(start, slash === -1 ? path.length : slash) as Raw;
    for (const [listed, node] of parent.children ?? []) {
      if (listed > name) break;
      parent.children!.delete(listed);
      if (listed === name) return node;
      this.#leave(node);
    }
    checkName(name);
    // Its entry was in a part of the manifest that cannot be read: what is in it is restored all the same.
    return new DirectoryNode(name, parent, undefined, parent.scope, { isSkipped: false, isWanted: false });
  }

  #leave(node: DirectoryNode): void {
    for (const child of node.children?.values() ?? []) this.#leave(child);
    node.children = undefined;
    if (!node.isSkipped) this.release(node);
  }
}
