/** Backs up one stream of bytes as a file: a database dump that never touches the disk. */

import { throwIfAborted } from '../base/errors.ts';
import type { ChunkId } from '../base/ids.ts';
import type { FileFacts } from '../files/facts.ts';
import type { Entry } from '../format/entry.ts';
import { encodeEntry } from '../format/entry-line.ts';
import type { BackupCounts } from './backup-counts.ts';
import type { EntryMaker } from './backup-entries.ts';
import type { BackupOptions } from './backup-options.ts';
import { BATCH_BYTES } from './backup-worker.ts';
import type { BackupWorkers, TaskResult } from './backup-workers.ts';
import type { ChunkLists } from './chunk-lists.ts';

/** Pieces handed to the worker ahead of its answers. */
const PIECES_IN_FLIGHT = 3;

/**
 * Reads the stream to its end through one worker and makes its entry.
 * @throws what the stream throws, and what `finished` rejects with: then nothing is to be committed. An interrupt
 *   ends it as well, because half a dump is not worth keeping.
 */
export async function readStream(
  stream: NonNullable<BackupOptions['stream']>,
  workers: BackupWorkers,
  entries: EntryMaker,
  lists: ChunkLists,
  counts: BackupCounts,
  stop: AbortSignal,
): Promise<{ entry: Entry; line: string; stat: FileFacts }> {
  const results: Promise<TaskResult>[] = [];
  const ids: ChunkId[] = [];
  const collect = async () => {
    const result = await Promise.race([results.shift()!, workers.failure]);
    const hex = result.ids.toString('hex');
    for (let at = 0; at < hex.length; at += 64) ids.push(hex.slice(at, at + 64) as ChunkId);
  };
  const send = async (content: Uint8Array, isEnd: boolean) => {
    results.push(workers.submit({ type: 'bytes', content, isEnd }));
    counts.read(content.length);
    counts.bytesScanned += content.length;
    if (results.length > PIECES_IN_FLIGHT) await collect();
  };
  for await (const piece of inPieces(stream.content)) {
    throwIfAborted(stop);
    await send(piece, false);
  }
  await stream.finished();
  throwIfAborted(stop);
  await send(new Uint8Array(0), true);
  while (results.length > 0) await collect();
  counts.settled(0);
  counts.files = 1;
  counts.filesNew = 1;
  const now = BigInt(Date.now()) * 1_000_000n;
  const facts: FileFacts = {
    mode: 0o100600,
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    links: 1,
    size: counts.bytesScanned,
    mtime: now,
    ctime: now,
    atime: now,
    inode: 0n,
    device: 0n,
  };
  const { entry, stat } = entries.makeFile(stream.name, facts, lists.name(ids));
  return { entry, line: encodeEntry(entry), stat: { ...stat, atime: now } };
}

/** Gathers what arrives into pieces of about {@link BATCH_BYTES}, and never more. */
async function* inPieces(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let buffer = Buffer.allocUnsafeSlow(BATCH_BYTES);
  let used = 0;
  for await (const bytes of content) {
    for (let at = 0; at < bytes.length; ) {
      const taken = Math.min(bytes.length - at, BATCH_BYTES - used);
      buffer.set(bytes.subarray(at, at + taken), used);
      used += taken;
      at += taken;
      if (used === BATCH_BYTES) {
        yield buffer;
        buffer = Buffer.allocUnsafeSlow(BATCH_BYTES);
        used = 0;
      }
    }
  }
  if (used > 0) yield Buffer.from(buffer.subarray(0, used));
}
