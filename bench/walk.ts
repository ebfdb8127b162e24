/** Walks directories of test data, weighs them, and compares two of them. Names are taken to be valid UTF-8. */
import { closeSync, type Dirent, lstatSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';
import { join } from 'node:path';

const BLOCK = 1 << 20;
const SHOWN = 5;

/**
 * Everything below `folder`, with paths relative to it, sorted. A link is listed and never followed; readdir's own
 * recursion would go into linked directories, and so find the same files again.
 */
export function listEntries(folder: string): { path: string; entry: Dirent }[] {
  const found: { path: string; entry: Dirent }[] = [];
  const open = [''];
  for (let parent = open.pop(); parent !== undefined; parent = open.pop()) {
    for (const entry of readdirSync(join(folder, parent), { withFileTypes: true })) {
      const path = join(parent, entry.name);
      found.push({ path, entry });
      if (entry.isDirectory()) open.push(path);
    }
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Regular files below `folder` and their lengths together. */
export function weigh(folder: string): { files: number; bytes: number } {
  let files = 0;
  let bytes = 0;
  for (const { path, entry } of listEntries(folder)) {
    if (!entry.isFile()) continue;
    files++;
    bytes += lstatSync(join(folder, path)).size;
  }
  return { files, bytes };
}

/** Says how `copy` differs from `original` in names, types, lengths, content, links and times of files: a few examples. */
export function findDifferences(original: string, copy: string): string[] {
  const found: string[] = [];
  const ours = listEntries(original);
  const theirs = listEntries(copy);
  if (ours.length !== theirs.length) found.push(`${theirs.length} entries instead of ${ours.length}`);
  const buffers = [Buffer.alloc(BLOCK), Buffer.alloc(BLOCK)] as const;
  for (const { path } of ours) {
    if (found.length >= SHOWN) break;
    const difference = compare(join(original, path), join(copy, path), buffers);
    if (difference !== undefined) found.push(`${path}: ${difference}`);
  }
  return found;
}

function compare(original: string, copy: string, buffers: readonly [Buffer, Buffer]): string | undefined {
  const a = lstatSync(original);
  const b = lstatSync(copy, { throwIfNoEntry: false });
  if (b === undefined) return 'is missing';
  if (a.mode !== b.mode) return `mode ${b.mode.toString(8)} instead of ${a.mode.toString(8)}`;
  if (a.isSymbolicLink()) return readlinkSync(original) === readlinkSync(copy) ? undefined : 'leads elsewhere';
  if (!a.isFile()) return undefined;
  if (a.size !== b.size) return `${b.size} bytes instead of ${a.size}`;
  // tar's own format keeps whole seconds.
  if (Math.abs(a.mtimeMs - b.mtimeMs) >= 1000) return 'another time';
  return isSameContent(original, copy, buffers) ? undefined : 'other content';
}

function isSameContent(original: string, copy: string, [a, b]: readonly [Buffer, Buffer]): boolean {
  const left = openSync(original, 'r');
  const right = openSync(copy, 'r');
  try {
    for (;;) {
      const count = readSync(left, a);
      if (readSync(right, b) !== count || a.compare(b, 0, count, 0, count) !== 0) return false;
      if (count === 0) return true;
    }
  } finally {
    closeSync(left);
    closeSync(right);
  }
}
