/**
 * Compares files that are there with the chunks that they should consist of, in a worker: by reading them and making
 * the ids of their pieces. Reads only; nothing is made, and no link is followed below the target.
 */
import type { KeyObject } from 'node:crypto';
import { closeSync, readSync } from 'node:fs';
import type { Raw } from '../base/raw.ts';
import type { TargetCalls } from '../files/target-calls.ts';
import { mapContent } from '../files/target-extents.ts';
import { MAX_CHUNK_LENGTH } from '../format/chunker.ts';
import { isChunk } from './restore-frames.ts';
import type { CompareTask } from './restore-messages.ts';

/** @returns 1 for each file that is a regular file of the right size and content. */
export function compareFiles(task: CompareTask, target: Raw, key: KeyObject, calls: TargetCalls): Uint8Array {
  const equal = new Uint8Array(task.files.length);
  const ids = Buffer.from(task.ids.buffer, task.ids.byteOffset, task.ids.length);
  const finder = new ReadOnlyDirectories(target, calls);
  let buffer: Buffer = Buffer.allocUnsafeSlow(1 << 20);
  let chunk = 0;
  try {
    for (const [i, file] of task.files.entries()) {
      const end = chunk + file.chunkCount;
      const fd = finder.openFile(file.directory, file.name);
      if (fd !== undefined) {
        try {
          let isEqual = calls.stat(fd).size === file.size && calls.stat(fd).isFile();
          let offset = file.offset;
          for (let at = chunk; at < end && isEqual; at++) {
            const length = task.lengths[at]!;
            if (length > MAX_CHUNK_LENGTH) break;
            if (length > buffer.length) buffer = Buffer.allocUnsafeSlow(MAX_CHUNK_LENGTH);
            isEqual = readContent(fd, buffer, file.sparse, offset, length);
            isEqual &&= isChunk(key, buffer.subarray(0, length), ids.subarray(at * 32, at * 32 + 32));
            offset += length;
          }
          if (isEqual) equal[i] = 1;
        } catch {
          // Not readable: then it is not known to be equal.
        } finally {
          closeSync(fd);
        }
      }
      chunk = end;
    }
  } finally {
    finder.close();
  }
  return equal;
}

/** Fills the buffer with content; false when the file ends before. */
function readContent(
  fd: number,
  buffer: Buffer,
  sparse: CompareTask['files'][number]['sparse'],
  offset: number,
  length: number,
): boolean {
  for (const piece of mapContent(sparse, offset, length)) {
    for (let done = 0; done < piece.length; ) {
      const count = readSync(fd, buffer, piece.start + done, piece.length - done, piece.position + done);
      if (count === 0) return false;
      done += count;
    }
  }
  return true;
}

/** Opens files below the target without making anything. Keeps the directory of the last file open. */
class ReadOnlyDirectories {
  readonly #target: Raw;
  readonly #calls: TargetCalls;
  #path: Raw | undefined;
  #fd = -1;

  constructor(target: Raw, calls: TargetCalls) {
    this.#target = target;
    this.#calls = calls;
  }

  openFile(directory: Raw, name: Raw): number | undefined {
    try {
      if (this.#path !== directory) this.#enter(directory);
      return this.#calls.openFile(this.#fd, name);
    } catch {
      return undefined;
    }
  }

  close(): void {
    if (this.#fd >= 0) this.#calls.close(this.#fd);
    this.#fd = -1;
    this.#path = undefined;
  }

  #enter(directory: Raw): void {
    this.close();
    this.#fd = this.#calls.openRoot(this.#target);
    for (const name of directory.split('/')) {
      if (name === '') continue;
      const next = this.#calls.openDirectory(this.#fd, name as Raw);
      this.#calls.close(this.#fd);
      this.#fd = next;
    }
    this.#path = directory;
  }
}
