/**
 * Node tree: a long list kept as nodes of bounded size, and lists of those, up to one at the top. Roots of manifests
 * and chunk lists of big files are kept so. Owns where a list is cut: after an item whose id says so, so that a change
 * in one place leaves all other nodes byte for byte as they were, to be stored once. Does not know what a node looks
 * like in bytes; manifest-root.ts and chunk-list.ts do.
 */
import { bug } from '../base/errors.ts';
import type { ChunkId } from '../base/ids.ts';

/** When a node (or a segment) ends: at an item whose last `bits` bits are zero, from `min` items on, or at `max`. */
export interface CutRule {
  readonly bits: number;
  readonly min: number;
  readonly max: number;
}

/** Nodes stand at most this high above the items; three levels hold more than any repository does. */
export const MAX_LEVEL = 16;
/** A node that has reached this many bytes ends. */
const FULL_NODE_BYTES = 4 * 1024 * 1024;
/** No node is written longer than this: it is stored as a chunk. */
const MAX_NODE_BYTES = 8 * 1024 * 1024;

/** True when the last bits of a digest (32 bytes), read as a big-endian number, are zero. */
export function digestCuts(rule: CutRule, digest: Uint8Array): boolean {
  const low = (digest[digest.length - 2]! << 8) | digest[digest.length - 1]!;
  return (low & ((1 << rule.bits) - 1)) === 0;
}

/** The same for an id in hex. */
export function idCuts(rule: CutRule, id: ChunkId): boolean {
  return (Number.parseInt(id.slice(-4), 16) & ((1 << rule.bits) - 1)) === 0;
}

/** Where a tree begins: the chunk that is its top node, and that node's level (0: its items are the list itself). */
export interface TreeTop {
  readonly id: ChunkId;
  readonly level: number;
}

/** What the tree has to know of its items. */
export interface NodeFormat<T> {
  readonly rule: CutRule;
  idOf(item: T): ChunkId;
  /** The item as a line, without the line feed. */
  encodeItem(item: T): string;
  /** The first line of a node, without the line feed. */
  encodeHead(level: number): string;
  /** The item that stands for a whole node in the level above. */
  summarize(id: ChunkId, items: readonly T[]): T;
}

interface OpenNode<T> {
  items: T[];
  lines: string[];
  bytes: number;
}

/** Builds a tree from items in order. Memory: one open node a level. Class, because nodes fill up over time. */
export class NodeTreeBuilder<T> {
  readonly #format: NodeFormat<T>;
  readonly #put: (node: Buffer) => ChunkId;
  readonly #levels: OpenNode<T>[] = [{ items: [], lines: [], bytes: 0 }];

  /** @param put stores a node as a chunk of kind meta and returns its id; nodes come before those that name them */
  constructor(format: NodeFormat<T>, put: (node: Buffer) => ChunkId) {
    this.#format = format;
    this.#put = put;
  }

  /** Adds an item. */
  add(item: T): void {
    this.#addAt(0, item);
  }

  /** Stores what is open and returns the top. A tree without items has one empty node. */
  finish(): TreeTop {
    for (let level = 0; ; level++) {
      const { items } = this.#levels[level]!;
      if (level === this.#levels.length - 1) {
        // A single item at the top is a node of its own already.
        if (level > 0 && items.length === 1) return { id: this.#format.idOf(items[0]!), level: level - 1 };
        return { id: this.#put(this.#encode(level)), level };
      }
      if (items.length > 0) this.#close(level);
    }
  }

  #addAt(level: number, item: T): void {
    if (level > MAX_LEVEL) throw bug('a tree of nodes has grown too high');
    this.#levels[level] ??= { items: [], lines: [], bytes: 0 };
    const line = this.#format.encodeItem(item);
    const bytes = Buffer.byteLength(line) + 1;
    if (this.#levels[level].items.length > 0 && this.#levels[level].bytes + bytes > MAX_NODE_BYTES) this.#close(level);
    const node = this.#levels[level];
    node.items.push(item);
    node.lines.push(line);
    node.bytes += bytes;
    const { rule } = this.#format;
    const count = node.items.length;
    if (
      count >= rule.max ||
      node.bytes >= FULL_NODE_BYTES ||
      (count >= rule.min && idCuts(rule, this.#format.idOf(item)))
    ) {
      this.#close(level);
    }
  }

  #close(level: number): void {
    const id = this.#put(this.#encode(level));
    const summary = this.#format.summarize(id, this.#levels[level]!.items);
    this.#levels[level] = { items: [], lines: [], bytes: 0 };
    this.#addAt(level + 1, summary);
  }

  #encode(level: number): Buffer {
    return Buffer.from(`${[this.#format.encodeHead(level), ...this.#levels[level]!.lines].join('\n')}\n`, 'utf8');
  }
}
