/** The chunks of a file, whether its entry names them itself or through lists. Reads lists only; content is others'. */
import type { ChunkId } from '../base/ids.ts';
import { decodeChunkList } from '../format/chunk-list.ts';
import type { Entry } from '../format/entry.ts';
import type { ChunkReader } from './chunk-reader.ts';

/**
 * Yields the ids of a file's chunks in order. Of a file of any length it holds one list of every level. A hard link
 * yields nothing: its content is that of the entry that it names.
 * @throws damage, naming the list, when one cannot be read
 */
export async function* chunksOf(
  chunks: ChunkReader,
  entry: Pick<Entry, 'chunks' | 'list'>,
  signal?: AbortSignal,
): AsyncGenerator<ChunkId> {
  if (entry.chunks) yield* entry.chunks;
  if (!entry.list) return;
  // The lists on the way down, each with the place that was reached in it.
  const open: { readonly level: number; readonly ids: readonly ChunkId[]; next: number }[] = [];
  const enter = async (id: ChunkId, level?: number): Promise<void> => {
    const list = decodeChunkList(await chunks.get(id, 'meta', signal), `chunk list ${id}`, level);
    open.push({ ...list, next: 0 });
  };
  await enter(entry.list);
  for (let top = open.at(-1); top; top = open.at(-1)) {
    if (top.level === 0) yield* top.ids;
    const id = top.level === 0 ? undefined : top.ids[top.next++];
    if (id === undefined) open.pop();
    else await enter(id, top.level - 1);
  }
}
