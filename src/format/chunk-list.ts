/**
 * Chunk list: the ids of a file's chunks where there are more than an entry should hold (1,024). Owns the bytes of a
 * list; node-tree.ts owns how a long one is cut into several, entry.ts names the top one in `list`.
 *
 *     {"list":1,"level":0}
 *     "<64 hex digits>"              one id a line, in order; level 0: chunks of the file, else: lists of the level below
 *
 * A list ends after an id whose last 12 bits are zero, from 1,024 ids on, and holds 65,536 at most: a change within a
 * file of a terabyte writes some 300 kB of lists anew, and not all 70 MB.
 */

import { damage } from '../base/errors.ts';
import { type ChunkId, isChunkId } from '../base/ids.ts';
import { expectObject, fieldFailure, parseJsonLines, readInteger, refuseOtherFields } from '../base/json.ts';
import { type CutRule, MAX_LEVEL, type NodeFormat, NodeTreeBuilder } from './node-tree.ts';

const LIST_RULE: CutRule = { bits: 12, min: 1024, max: 65_536 };
const HEAD_FIELDS: ReadonlySet<string> = new Set(['list', 'level']);
const LIMITS = { maxLength: 8 * 1024 * 1024, maxLineLength: 200, maxLines: LIST_RULE.max + 1, maxDepth: 2 };

const LIST_FORMAT: NodeFormat<ChunkId> = {
  rule: LIST_RULE,
  idOf: (id) => id,
  encodeItem: (id) => `"${id}"`,
  encodeHead: (level) => `{"list":1,"level":${level}}`,
  summarize: (id) => id,
};

/** One list. At level 0 the ids are chunks of the file; above, they are lists of the level below. */
export interface ChunkList {
  readonly level: number;
  readonly ids: readonly ChunkId[];
}

/** Builds the lists of one file: `add` its ids in order, then `finish().id` is what the entry names. */
export class ChunkListBuilder extends NodeTreeBuilder<ChunkId> {
  /** @param put stores a list as a chunk of kind meta and returns its id */
  constructor(put: (list: Buffer) => ChunkId) {
    super(LIST_FORMAT, put);
  }
}

/** Writes one list as it is; {@link ChunkListBuilder} cuts long ones. */
export function encodeChunkList(list: ChunkList): Buffer {
  const lines = [LIST_FORMAT.encodeHead(list.level), ...list.ids.map(LIST_FORMAT.encodeItem)];
  return Buffer.from(`${lines.join('\n')}\n`, 'utf8');
}

/**
 * Reads a list. `level` is what the list above it demands (one below its own); absent for the one an entry names.
 * @throws damage `list-level` or `list-empty`, or what base/json.ts says
 */
export function decodeChunkList(bytes: Uint8Array, object: string, level?: number): ChunkList {
  const lines = parseJsonLines(bytes, LIMITS, object);
  const head = expectObject(lines.next().value, object, 'first line');
  refuseOtherFields(head, HEAD_FIELDS, object);
  readInteger(head, 'list', object, 1, 1);
  const found = readInteger(head, 'level', object, 0, MAX_LEVEL);
  if (level !== undefined && found !== level)
    throw damage('list-level', `${object}: is of the wrong level`, { object });
  const ids: ChunkId[] = [];
  for (const id of lines) {
    if (typeof id !== 'string' || !isChunkId(id)) throw fieldFailure('list', 'holds something else than ids', object);
    ids.push(id);
  }
  if (ids.length === 0) throw damage('list-empty', `${object}: lists nothing`, { object });
  return { level: found, ids };
}
