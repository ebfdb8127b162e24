/**
 * Compares what a drill has restored with the files that were backed up, where they are still there and nothing says
 * that they have changed. That is the one check that does not go by what the backup itself has written down.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import type { Monitor } from '../base/monitor.ts';
import { joinRaw, type Raw, rawFromText, rawToDisplay, rawToFsPath } from '../base/raw.ts';
import type { DrillFile } from './drill-choice.ts';

const BLOCK = 1 << 20;

/** What the comparison came to. */
export interface SourceCounts {
  readonly same: number;
  /** Gone, or of another size or time: nothing to compare. */
  readonly changed: number;
  /** Of the same size and time, and with other content. */
  readonly differ: number;
}

/** Compares files below `target` with those at their own paths. Differences are told to the monitor. */
export function compareSources(files: readonly DrillFile[], target: string, monitor: Monitor): SourceCounts {
  const counts = { same: 0, changed: 0, differ: 0 };
  for (const file of files) {
    const verdict = compareFile(file, joinRaw(rawFromText(target), file.path.slice(1) as Raw));
    counts[verdict]++;
    if (verdict !== 'differ') continue;
    monitor.problem({
      severity: 'error',
      code: 'source-differs',
      message: `${rawToDisplay(file.path)}: has the size and time that were backed up, and another content`,
      path: file.path,
      hint: 'either something changes files without changing their time, or the disk they are on is failing; the backup is what was read then',
    });
  }
  return counts;
}

function compareFile(file: DrillFile, restored: Raw): keyof SourceCounts {
  const source = open(file.path);
  if (source === undefined) return 'changed';
  try {
    if (!isAsBackedUp(source, file)) return 'changed';
    const copy = open(restored);
    if (copy === undefined) return 'changed';
    try {
      const isSame = haveSameContent(source, copy);
      // Changed meanwhile is changed.
      return isSame ? 'same' : isAsBackedUp(source, file) ? 'differ' : 'changed';
    } finally {
      closeSync(copy);
    }
  } catch {
    // A source that cannot be read proves nothing either way; a backup will say so.
    return 'changed';
  } finally {
    closeSync(source);
  }
}

function open(path: Raw): number | undefined {
  try {
    // What took the place of a file may be a pipe, which must not hold up a check.
    return openSync(rawToFsPath(path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
}

function isAsBackedUp(descriptor: number, { size, mtime }: DrillFile): boolean {
  const facts = fstatSync(descriptor, { bigint: true });
  return facts.isFile() && facts.size === BigInt(size) && facts.mtimeNs === mtime;
}

function haveSameContent(a: number, b: number): boolean {
  const [left, right] = [Buffer.allocUnsafe(BLOCK), Buffer.allocUnsafe(BLOCK)];
  for (;;) {
    const [m, n] = [fill(a, left), fill(b, right)];
    if (m !== n || !left.subarray(0, m).equals(right.subarray(0, n))) return false;
    if (m === 0) return true;
  }
}

function fill(descriptor: number, block: Buffer): number {
  let done = 0;
  while (done < block.length) {
    const read = readSync(descriptor, block, done, block.length - done, null);
    if (read === 0) break;
    done += read;
  }
  return done;
}
