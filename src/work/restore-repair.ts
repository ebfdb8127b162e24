/**
 * Writes files whose content could not be had in the fast way: a pack was missing or damaged, so every chunk is asked
 * for by itself, at all of its places. Also files that are the copy of another name. One chunk at a time: it is slow,
 * and rare.
 */
import { damage } from '../base/errors.ts';
import type { ChunkId } from '../base/ids.ts';
import { type Raw, rawToDisplay } from '../base/raw.ts';
import type { FileMeta, TempFile } from '../files/target-file.ts';
import type { DirectoryNode } from './restore-directories.ts';
import type { RestoreSite } from './restore-site.ts';

/** A file to be written chunk by chunk. */
export interface RepairedFile {
  readonly node: DirectoryNode;
  readonly name: Raw;
  readonly meta: FileMeta;
  readonly size: number;
  readonly chunks: AsyncIterable<ChunkId | Uint8Array> | Iterable<ChunkId | Uint8Array>;
}

/**
 * Writes a file; a failure is reported, and leaves nothing.
 * @returns whether it is in place
 */
export async function repairFile(site: RestoreSite, file: RepairedFile, signal: AbortSignal): Promise<boolean> {
  const { tree, counts } = site;
  let temp: TempFile | undefined;
  try {
    let written = 0;
    temp = tree.createTemp(file.node.path, file.size, file.meta.sparse);
    const wanted = file.meta.sparse?.reduce((sum, [, length]) => sum + length, 0) ?? file.size;
    for await (const id of file.chunks) {
      const content = await site.chunks.get(id, 'data', signal);
      if (written + content.length > wanted) throw wrongSize(site, file);
      tree.writeTemp(temp, content, written);
      written += content.length;
    }
    // A file without chunks is all hole.
    if (written !== wanted && written > 0) throw wrongSize(site, file);
    const whole = temp;
    temp = undefined;
    tree.commitTemp(whole, file.name, file.meta, wanted);
    counts.bytesWritten += written;
    counts.filesRestored++;
    site.note(file.node, file.name, 'restored', file.size);
    return true;
  } catch (error) {
    if (temp) tree.discardTemp(temp);
    if (signal.aborted) return false;
    site.fail(file.node, file.name, error);
    return false;
  }
}

function wrongSize(site: RestoreSite, file: RepairedFile): Error {
  const path = rawToDisplay(site.locate(file.node, file.name));
  return damage('size-mismatch', `${path}: its chunks are not as long as its entry says`);
}
