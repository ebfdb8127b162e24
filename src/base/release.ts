/**
 * Giving memory back at once. V8 lets some 64 MB of dead buffers gather in each thread before it looks for them; where
 * buffers are made by the hundred, that is most of a program's memory.
 */
import { isMarkedAsUntransferable } from 'node:worker_threads';

/** Frees the memory that a view looks at, all of it: neither the view nor any other of the same memory works after. */
export function releaseMemory(bytes: Uint8Array): void {
  const { buffer } = bytes;
  // Small buffers of Node share a pool, which is not ours to free.
  if (buffer instanceof ArrayBuffer && !isMarkedAsUntransferable(buffer)) buffer.transfer(0);
}
