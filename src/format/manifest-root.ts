/**
 * Manifest root: which segments a manifest consists of. Owns the bytes of a root node and how a path is found in one;
 * node-tree.ts owns how a long root is cut into nodes. Two snapshots are compared by skipping equal ids.
 *
 *     {"root":1,"level":0}
 *     {"id":"…","first":"/a/b","entries":812,"bytes":301877}     with "raw" where the path is not UTF-8
 *
 * At level 0 an id is a segment, above it is a node of the level below. `first` is the path of the first entry below
 * it; lines ascend by it (by directory, then by name: path-rules.ts). `entries` and `bytes` are those of all segments
 * below. A node ends after a line whose id's last 11 bits are zero, from 1,024 lines on, and holds 4,096 at most.
 */
import { damage } from '../base/errors.ts';
import { type ChunkId, isChunkId } from '../base/ids.ts';
import {
  expectObject,
  fieldFailure,
  type JsonObject,
  parseJsonLines,
  readInteger,
  readString,
  refuseOtherFields,
} from '../base/json.ts';
import type { Raw } from '../base/raw.ts';
import { dirnameRaw } from '../base/raw.ts';
import { type CutRule, MAX_LEVEL, type NodeFormat, NodeTreeBuilder } from './node-tree.ts';
import { compareDirectories, comparePositions, isEntryPath, isWithin } from './path-rules.ts';
import { decodeRawField, encodeRawField } from './raw-text.ts';
import { SEGMENT_RULE } from './segment.ts';
import { MAX_SEGMENT_BYTES } from './segment-decode.ts';

const ROOT_RULE: CutRule = { bits: 11, min: 1024, max: 4096 };
const HEAD_FIELDS: ReadonlySet<string> = new Set(['root', 'level']);
const LINE_FIELDS: ReadonlySet<string> = new Set(['id', 'first', 'raw', 'entries', 'bytes']);
const LIMITS = {
  maxLength: 16 * 1024 * 1024,
  maxLineLength: 4 * 1024 * 1024,
  maxLines: ROOT_RULE.max + 1,
  maxDepth: 2,
};

/** A line of a root: a segment, or a node of the level below. */
export interface SegmentRef {
  readonly id: ChunkId;
  /** The path of the first entry below it. */
  readonly first: Raw;
  readonly entries: number;
  readonly bytes: number;
}

/** One node of a root. */
export interface RootNode {
  readonly level: number;
  readonly refs: readonly SegmentRef[];
}

const ROOT_FORMAT: NodeFormat<SegmentRef> = {
  rule: ROOT_RULE,
  idOf: (ref) => ref.id,
  encodeItem: (ref) =>
    `{"id":"${ref.id}",${encodeRawField('first', 'raw', ref.first)},"entries":${ref.entries},"bytes":${ref.bytes}}`,
  encodeHead: (level) => `{"root":1,"level":${level}}`,
  summarize: (id, refs) => ({
    id,
    first: refs[0]!.first,
    entries: refs.reduce((sum, ref) => sum + ref.entries, 0),
    bytes: refs.reduce((sum, ref) => sum + ref.bytes, 0),
  }),
};

/** Builds the root of a manifest: `add` its segments in order; `finish()` is the `root` of the snapshot. */
export class RootBuilder extends NodeTreeBuilder<SegmentRef> {
  /** @param put stores a node as a chunk of kind meta and returns its id */
  constructor(put: (node: Buffer) => ChunkId) {
    super(ROOT_FORMAT, put);
  }
}

/** Writes one node as it is; {@link RootBuilder} cuts long ones. */
export function encodeRoot(node: RootNode): Buffer {
  const lines = [ROOT_FORMAT.encodeHead(node.level), ...node.refs.map(ROOT_FORMAT.encodeItem)];
  return Buffer.from(`${lines.join('\n')}\n`, 'utf8');
}

/**
 * Reads a node. `level` is what the snapshot or the node above demands. A node without lines is an empty manifest,
 * and allowed at level 0 only.
 * @throws damage `root-level`, `root-order`, or what base/json.ts says
 */
export function decodeRoot(bytes: Uint8Array, level: number, object: string): RootNode {
  const lines = parseJsonLines(bytes, LIMITS, object);
  const head = expectObject(lines.next().value, object, 'first line');
  refuseOtherFields(head, HEAD_FIELDS, object);
  readInteger(head, 'root', object, 1, 1);
  if (readInteger(head, 'level', object, 0, MAX_LEVEL) !== level) {
    throw damage('root-level', `${object}: is of the wrong level`, { object });
  }
  const refs: SegmentRef[] = [];
  for (const value of lines) {
    const ref = decodeRef(expectObject(value, object, 'line'), level, object);
    const before = refs[refs.length - 1];
    if (before !== undefined && comparePositions(before.first, ref.first) >= 0) {
      throw damage('root-order', `${object}: a segment is out of order or there twice`, { object });
    }
    refs.push(ref);
  }
  if (refs.length === 0 && level > 0) throw damage('root-empty', `${object}: lists nothing`, { object });
  return { level, refs };
}

/**
 * Finds by binary search the line below which the entry at `path` must lie, if it exists.
 * @returns its number, or -1 when the path comes before all lines
 */
export function findRef(refs: readonly SegmentRef[], path: Raw): number {
  return lastNotAfter(refs, (first) => comparePositions(first, path));
}

/**
 * Finds the lines below which what lies in `directory` must be: its own entries, and all below it when `recursive`.
 * They follow each other, because a directory's tree is one run of the manifest.
 * @returns `from` (included) and `to` (not included); equal when there is nothing
 */
export function findDirectoryRefs(
  refs: readonly SegmentRef[],
  directory: Raw,
  recursive: boolean,
): { readonly from: number; readonly to: number } {
  // The place just before the directory's first entry: no name is empty.
  const from = Math.max(
    0,
    lastNotAfter(refs, (first) => compareDirectories(dirnameRaw(first), directory) || 1),
  );
  const isAfter = (first: Raw): boolean => {
    const place = dirnameRaw(first);
    return compareDirectories(place, directory) > 0 && !(recursive && isWithin(place, directory));
  };
  const to = lastNotAfter(refs, (first) => (isAfter(first) ? 1 : -1)) + 1;
  return { from: Math.min(from, to), to };
}

/** The last line for which `order` is not above 0, or -1. `order` ascends over the lines. */
function lastNotAfter(refs: readonly SegmentRef[], order: (first: Raw) => number): number {
  let low = 0;
  let high = refs.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (order(refs[middle]!.first) <= 0) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function decodeRef(line: JsonObject, level: number, object: string): SegmentRef {
  refuseOtherFields(line, LINE_FIELDS, object);
  const id = readString(line, 'id', object, { maxLength: 64 });
  if (!isChunkId(id)) throw fieldFailure('id', 'is not a chunk id', object);
  const first = decodeRawField(line, 'first', 'raw', object);
  if (!isEntryPath(first)) throw fieldFailure('first', 'is not a path in the snapshot', object);
  const [maxEntries, maxBytes] = level === 0 ? [SEGMENT_RULE.max, MAX_SEGMENT_BYTES] : [undefined, undefined];
  return {
    id,
    first,
    entries: readInteger(line, 'entries', object, 1, maxEntries),
    bytes: readInteger(line, 'bytes', object, 1, maxBytes),
  };
}
