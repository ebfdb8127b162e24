/** Folders for tests: in memory where the machine has such a place, because syncing to a disk takes most of the time. */
import { accessSync, constants, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Makes an empty folder; the test removes it. */
export function makeTestFolder(what: string): string {
  return mkdtempSync(join(isWritable('/dev/shm') ? '/dev/shm' : tmpdir(), `icecore-${what}-`));
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
