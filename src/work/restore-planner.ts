/**
 * Plans a restore: goes through the manifest in its order, picks what is selected, looks at what is in the target, and
 * yields windows of what is to be written. It reads metadata and the target, and changes nothing. A plan may be made
 * twice: once to say what it comes to, and once more, window by window, to carry it out.
 */
import { damage, throwIfAborted } from '../base/errors.ts';
import { dirnameRaw, joinRaw, type Raw, rawToDisplay } from '../base/raw.ts';
import { inTheWay } from '../files/target-errors.ts';
import { contentLength } from '../files/target-extents.ts';
import { findTwins } from '../files/target-probe.ts';
import type { DirectoryEntries, Entry } from '../format/entry.ts';
import { isName, isWithin } from '../format/path-rules.ts';
import { DirectoryNode, RestoreDirectories } from './restore-directories.ts';
import { decideFile } from './restore-existing.ts';
import { WindowFiller } from './restore-filler.ts';
import type { PlannerOptions } from './restore-planning.ts';
import { problemOf } from './restore-problems.ts';
import { isSelected, scopeBelow, select } from './restore-selection.ts';
import { extrasOf, type RestoreWindow, type WindowFile } from './restore-window.ts';

/** One pass over the manifest. */
export class RestorePlanner {
  readonly #options: PlannerOptions;
  readonly directories: RestoreDirectories;
  /** What lies below it goes into the target. */
  readonly #base: Raw;
  readonly #filler: WindowFiller;
  /** The file at hand may be there with the same content. */
  #isCandidate = false;

  constructor(options: PlannerOptions) {
    this.#options = options;
    this.#base = options.single ? dirnameRaw(options.path) : options.path;
    this.directories = new RestoreDirectories(options.selection, (node) => this.#wanted(node));
    this.#filler = new WindowFiller(options, this.directories);
    this.directories.root.exists = options.existing.hasContent;
  }

  /** The path in the snapshot of a path of the tree. */
  snapshotPath(path: Raw): Raw {
    if (this.#base === '/') return path;
    return path === '/' ? this.#base : ((this.#base + path) as Raw);
  }

  /** Yields windows; the last one may be empty. */
  async *windows(): AsyncGenerator<RestoreWindow> {
    this.#prepare(this.directories.root);
    for await (const directory of this.#source()) {
      throwIfAborted(this.#options.signal);
      const path = this.#treePath(directory.path);
      const node = this.#checked(path, () => this.directories.enter(path));
      if (!node) continue;
      const twins = this.#twins(node, directory.entries);
      for (const entry of directory.entries) {
        // The decoder lets no other names through; messages to workers rely on it, so it is made sure of once more.
        if (!isName(entry.name)) {
          this.#checked(path, () => {
            throw damage('name-refused', `not a name of a file: ${JSON.stringify(rawToDisplay(entry.name))}`);
          });
          continue;
        }
        const large = twins?.has(entry.name) ? this.#refuseTwin(node, entry) : this.#add(node, entry);
        if (large) yield* this.#filler.addLarge(large, entry);
        if (this.#filler.window.isFull) yield this.#filler.take();
      }
    }
    this.directories.leaveAll();
    yield this.#filler.take();
  }

  #checked<T>(path: Raw, step: () => T): T | undefined {
    try {
      return step();
    } catch (error) {
      this.#options.onProblem(problemOf(error, this.#options.locate(path)));
      return undefined;
    }
  }

  async *#source(): AsyncGenerator<DirectoryEntries> {
    const { manifest, path, single, signal, onProblem } = this.#options;
    if (single) {
      yield { path: this.#base, entries: [single] };
      return;
    }
    const part = path === '/' ? undefined : { directory: path, recursive: true };
    yield* manifest.segments(part, {
      signal,
      onDamage: (error) => {
        const { object } = error.data;
        const details = typeof object === 'string' ? { object } : {};
        onProblem({ severity: 'error', code: error.code, message: error.message, ...details });
      },
    });
  }

  #treePath(path: Raw): Raw {
    if (this.#base === '/') return path;
    return path === this.#base ? ('/' as Raw) : (path.slice(this.#base.length) as Raw);
  }

  /** @returns a file whose chunks have to be read from lists before it is added */
  #add(node: DirectoryNode, entry: Entry): WindowFile | undefined {
    node.names?.add(entry.name);
    const selected = select(node.scope, entry.name, entry.type === 'dir');
    if (entry.type === 'dir') {
      this.#addDirectory(node, entry, selected);
    } else if (selected === 'taken' && (entry.type !== 'file' || entry.hardlink !== undefined)) {
      this.#addSpecial(node, entry);
    } else if (selected === 'taken') {
      const file = this.#decide(node, entry);
      if (file && entry.list !== undefined) return file;
      if (file) this.#filler.addFile(file, entry, this.#isCandidate);
    }
    return undefined;
  }

  #addDirectory(parent: DirectoryNode, entry: Entry, selected: 'taken' | 'way' | 'left'): void {
    const isTaken = selected === 'taken';
    let isSkipped = selected === 'left';
    const there = !isSkipped && parent.exists ? this.#options.existing.look(parent.path, entry.name) : undefined;
    if (there && !there.isDirectory() && !this.#clear(parent, entry.name)) {
      const path = this.#options.locate(joinRaw(parent.path, entry.name));
      this.#options.onProblem(problemOf(inTheWay(path, there.isSymbolicLink() ? 'symlink' : 'file'), path));
      isSkipped = true;
    }
    const scope = isSkipped ? parent.scope : scopeBelow(parent.scope, entry.name, isTaken);
    const state = { isSkipped, isWanted: isTaken && !isSkipped };
    const node = new DirectoryNode(entry.name, parent, this.#options.metadata.of(entry), scope, state);
    node.exists = there?.isDirectory() ?? false;
    this.directories.list(parent, node);
    if (!isSkipped) this.#prepare(node);
  }

  /** What is to be known of a directory that is there before things are put into it. */
  #prepare(node: DirectoryNode): void {
    const { removesIn, nameRules } = this.#options;
    const isWithinPaths = (): boolean => {
      const path = this.snapshotPath(node.path);
      return removesIn?.some((root) => isWithin(path, root)) ?? false;
    };
    const removes = node.exists && removesIn !== undefined && isWithinPaths();
    const folds = nameRules && (nameRules.ignoresCase || nameRules.ignoresNormalization);
    if (removes || folds) node.names = new Set();
    node.removesRest = removes;
  }

  #wanted(node: DirectoryNode): void {
    this.#options.counts.dirs++;
    this.#filler.window.entryCount++;
    if (node.exists) this.#filler.window.existing.push(node);
  }

  #addSpecial(node: DirectoryNode, entry: Entry): void {
    const { counts, selection, single } = this.#options;
    const there = node.exists ? this.#options.existing.look(node.path, entry.name) : undefined;
    if (entry.type === 'file') counts.files++;
    else counts.others++;
    if (there?.isDirectory() && !this.#clear(node, entry.name)) {
      this.#block(node, entry);
      return;
    }
    const item = { node, entry, meta: this.#options.metadata.of(entry) };
    this.#count(node);
    if (entry.hardlink === undefined) {
      this.#filler.window.specials.push(item);
      return;
    }
    const isInside = single === undefined && isWithin(entry.hardlink, this.#base);
    const first = isInside ? this.#treePath(entry.hardlink) : undefined;
    const isThere = first !== undefined && isSelected(selection, first, false);
    this.#filler.window.links.push({ ...item, first: isThere ? first : undefined });
  }

  /** Counts an item that a directory waits for. */
  #count(node: DirectoryNode): void {
    this.directories.want(node);
    node.waitsFor++;
    this.#filler.window.entryCount++;
    this.#options.counts.neededFiles++;
  }

  /** Decides what becomes of a file. @returns it when it may have to be written */
  #decide(node: DirectoryNode, entry: Entry): WindowFile | undefined {
    const { counts, metadata, existing, rules } = this.#options;
    const size = entry.size ?? 0;
    const meta = metadata.of(entry);
    const there = node.exists ? existing.look(node.path, entry.name) : undefined;
    this.#isCandidate = false;
    const decision = there ? decideFile(there, entry, meta, rules) : 'write';
    counts.files++;
    counts.bytes += size;
    const file: WindowFile = {
      ...{ node, name: entry.name, meta, size },
      isLinked: (entry.links ?? 1) > 1,
      ...extrasOf(entry),
    };
    switch (decision) {
      case 'skip':
        counts.filesSkipped++;
        this.#options.onSkipped(node, entry.name, file.isLinked);
        return undefined;
      case 'keep':
        counts.filesUnchanged++;
        return undefined;
      case 'refresh':
        counts.filesUnchanged++;
        this.#count(node);
        this.#filler.window.refresh.push(file);
        return undefined;
      case 'blocked':
        if (this.#clear(node, entry.name)) break;
        this.#block(node, entry);
        return undefined;
      default:
    }
    this.#isCandidate = decision === 'compare';
    this.#count(node);
    counts.neededBytes += Math.max(0, contentLength(size, entry.sparse) - (there?.isFile() ? Number(there.size) : 0));
    return file;
  }

  /** With --delete what is in the way is removed, before the item comes. @returns whether it will be */
  #clear(node: DirectoryNode, name: Raw): boolean {
    if (!node.removesRest) return false;
    this.#filler.window.obstacles.push({ node, name });
    return true;
  }

  #block(node: DirectoryNode, entry: Entry): void {
    const path = this.#options.locate(joinRaw(node.path, entry.name));
    this.#options.onProblem(problemOf(inTheWay(path, 'directory'), path));
  }

  #twins(node: DirectoryNode, entries: readonly Entry[]): Set<Raw> | undefined {
    const { nameRules } = this.#options;
    if (!nameRules?.ignoresCase && !nameRules?.ignoresNormalization) return undefined;
    return findTwins([...(node.names ?? []), ...entries.map(({ name }) => name)], nameRules);
  }

  #refuseTwin(node: DirectoryNode, entry: Entry): undefined {
    const path = this.#options.locate(joinRaw(node.path, entry.name));
    const message = `${rawToDisplay(path)}: the target takes this name for another one of the same directory`;
    this.#options.onProblem({ severity: 'error', code: 'name-conflict', message, path });
    const isDirectory = entry.type === 'dir';
    if (!isDirectory) return;
    const state = { isSkipped: true, isWanted: false };
    const skipped = new DirectoryNode(entry.name, node, undefined, node.scope, state);
    this.directories.list(node, skipped);
  }
}
