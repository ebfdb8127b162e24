/** A folder for the time of a run, removed whatever way the run ends, short of a kill. */
import { mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';

/** A folder that is removed at the end of the process, or before. */
export interface Scratch {
  readonly folder: string;
  remove(): void;
}

/** Makes an empty folder in `parent`, and sees to it that it goes when the process exits, also after an interrupt. */
export function makeScratch(parent: string): Scratch {
  const folder = mkdtempSync(join(parent, 'icecore-bench-'));
  const leave = (signal: NodeJS.Signals): never => process.exit(signal === 'SIGINT' ? 130 : 143);
  const remove = (): void => {
    process.off('exit', remove).off('SIGINT', leave).off('SIGTERM', leave);
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  process.on('exit', remove).on('SIGINT', leave).on('SIGTERM', leave);
  return { folder, remove };
}

/** Bytes that can be written there; in a file system in memory, what memory has left. */
export function roomIn(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  return folder.startsWith('/dev/shm') ? Math.min(free, process.availableMemory()) : free;
}
