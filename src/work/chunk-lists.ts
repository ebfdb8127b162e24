/**
 * The chunks of a file as its entry names them: itself, or through a chunk list where there are many. Lists are sealed to
 * readers, so this host remembers the ids in its catalog: without them a big file would have to be read again after a
 * run that died, or after a prune.
 */
import type { ChunkId } from '../base/ids.ts';
import { ChunkListBuilder } from '../format/chunk-list.ts';
import { MAX_ENTRY_CHUNKS } from '../format/entry-line.ts';
import type { Catalog } from '../repo/catalog.ts';
import type { FileContent } from './backup-entries.ts';

/** The fields of an entry that name its chunks. */
export type ChunkFields = Pick<FileContent, 'chunks' | 'list'>;

/** Makes chunk lists and remembers what is in them. */
export class ChunkLists {
  readonly #storeMeta: (content: Uint8Array) => Uint8Array;
  readonly #catalog: Catalog;

  constructor(storeMeta: (content: Uint8Array) => Uint8Array, catalog: Catalog) {
    this.#storeMeta = storeMeta;
    this.#catalog = catalog;
  }

  /** How an entry names these chunks; a list is stored where one is needed. */
  name(chunks: readonly ChunkId[]): ChunkFields {
    if (chunks.length === 0) return {};
    if (chunks.length <= MAX_ENTRY_CHUNKS) return { chunks };
    const builder = new ChunkListBuilder((node) => Buffer.from(this.#storeMeta(node)).toString('hex') as ChunkId);
    for (const id of chunks) builder.add(id);
    const { id } = builder.finish();
    try {
      const payload = Buffer.from(chunks.join(''), 'hex');
      this.#catalog.cacheObject(`list/${id}`, { hash: id, writer: '', payload });
    } catch {
      // A full cache: the file may have to be read once more than needed.
    }
    return { list: id };
  }

  /** The chunks of a list that this host made. */
  recall(list: ChunkId): ChunkId[] | undefined {
    const cached = this.#catalog.cachedObject(`list/${list}`);
    if (!cached) return undefined;
    const hex = Buffer.from(cached.payload).toString('hex');
    return Array.from({ length: hex.length / 64 }, (_, i) => hex.slice(i * 64, (i + 1) * 64) as ChunkId);
  }
}
