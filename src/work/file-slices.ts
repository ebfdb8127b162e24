/**
 * Large files in slices that different workers read: cutting them, and what the outcomes of the slices say of the whole
 * file. Pure; reading is backup-reads.ts's.
 */
import type { Raw } from '../base/raw.ts';
import type { FileFacts } from '../files/facts.ts';
import { changedProblem } from '../files/file-problems.ts';
import type { Extents } from '../files/sparse.ts';
import type { FileOutcome } from './backup-messages.ts';

/** A large file is read in pieces of this length. */
const SLICE_BYTES = 256 * 1_048_576;

/** How reading a file or a slice ended well enough to be stored. */
export type FileRead = Extract<FileOutcome, { type: 'read' }>;

/** Cuts ranges into slices of about the same length, none longer than {@link SLICE_BYTES}. */
export function cutSlices(ranges: Extents): Extents[] {
  const slices: (readonly [number, number])[][] = [];
  let room = 0;
  for (let [offset, length] of ranges) {
    while (length > 0) {
      if (room === 0) {
        slices.push([]);
        room = SLICE_BYTES;
      }
      const taken = Math.min(length, room);
      slices.at(-1)!.push([offset, taken]);
      offset += taken;
      length -= taken;
      room -= taken;
    }
  }
  return slices.length > 0 ? slices : [[]];
}

/** The outcome of a whole file from those of its slices; problems are told once. */
export function mergeSlices(reads: readonly FileRead[]): FileRead {
  const flaw = reads.find((read) => read.flaw)?.flaw;
  const problems = [
    ...new Map(reads.flatMap((read) => read.problems).map((problem) => [problem.code, problem])).values(),
  ];
  return { ...reads[0]!, bytes: reads.reduce((sum, read) => sum + read.bytes, 0), problems, ...(flaw ? { flaw } : {}) };
}

/** True when both are of the same file with the same size and time. */
export function isSameState(a: FileFacts, b: FileFacts): boolean {
  return a.mtime === b.mtime && a.size === b.size && a.inode === b.inode;
}

/** Flags what was read in parts of several states of the file, and says so unless that is said already. */
export function markChanged(read: FileRead, path: Raw): FileRead {
  if (read.flaw !== undefined) return read;
  const problem = changedProblem(path, 'its parts are not all of one moment');
  return { ...read, flaw: 'changed', problems: [...read.problems, problem] };
}

/** The ordinary outcome, which workers leave out. */
export function readWhole(bytes: number): FileRead {
  return { type: 'read', bytes, problems: [] };
}

/** Bytes in ranges. */
export function lengthOf(ranges: Extents): number {
  return ranges.reduce((sum, [, length]) => sum + length, 0);
}

/** The first `bytes` bytes of data. */
export function clipExtents(extents: Extents, bytes: number): Extents {
  const kept: [number, number][] = [];
  let left = bytes;
  for (const [offset, length] of extents) {
    if (left <= 0) break;
    kept.push([offset, Math.min(length, left)]);
    left -= length;
  }
  return kept;
}

/** Where the last data ends. */
export function endOf(extents: Extents): number {
  const last = extents.at(-1);
  return last ? last[0] + last[1] : 0;
}
