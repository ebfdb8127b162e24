/**
 * The data that is backed up: a source tree of many small files, and a few large files that do not compress. Both are
 * copies of their own, because a part of them is changed and changed back in every round.
 */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { SeededNumbers, seededBytes } from './seeded.ts';
import { listEntries, weigh } from './walk.ts';

const SPAN = 1 << 20;
/** Longer than the steps of a file system's clock. */
const TICK_MS = 50;
const CHANGED_SHARE = 0.01;
/** What a change adds to the time of modification: the same in every run, so that changed data can be compared too. */
const LATER_MS = 3_600_000;

/** Data in a folder of its own. */
export interface DataSet {
  readonly name: string;
  readonly path: string;
  readonly files: number;
  readonly bytes: number;
  /** What {@link change} changes. */
  readonly changes: string;
  /** Changes 1 % of it; another 1 % for another seed. Returns what undoes it: content and times of modification. */
  change(seed: string): () => void;
}

/** Unpacks a tarball with one folder in it, or copies a folder, into the new folder `path`. */
export function makeTree(path: string, from: { tarball: string } | { folder: string }): DataSet {
  mkdirSync(path, { recursive: true });
  if ('tarball' in from) {
    execFileSync('tar', ['-x', '-f', from.tarball, '-C', path, '--strip-components=1']);
  } else {
    execFileSync('cp', ['-a', `${from.folder}/.`, path]);
  }
  const files = listEntries(path).filter(({ entry }) => entry.isFile());
  const count = Math.ceil(files.length * CHANGED_SHARE);
  return {
    name: 'tree',
    path,
    ...weigh(path),
    changes: `${count} files get a line more`,
    change(seed) {
      const numbers = new SeededNumbers(seed);
      const chosen = numbers.choose(files, count).map((file) => addLine(join(path, file.path), numbers));
      return () => {
        for (const undo of chosen) undo();
      };
    },
  };
}

/** Makes `count` files of `bytes / count` incompressible bytes each, and an empty one, in the new folder `path`. */
export function makeRandom(path: string, bytes: number, count: number, seed: string): DataSet {
  mkdirSync(path, { recursive: true });
  const length = Math.ceil(bytes / count);
  for (let i = 0; i < count; i++) {
    const file = openSync(join(path, `random-${i}`), 'wx');
    for (const part of seededBytes(`${seed}/${i}`, length)) writeSync(file, part);
    closeSync(file);
  }
  // borg reads the newest of all files again, for fear of a change within the clock's tick. Let that one be empty.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, TICK_MS);
  writeFileSync(join(path, 'newest'), '');
  const names = Array.from({ length: count }, (_, i) => `random-${i}`);
  const spans = Math.ceil((length * count * CHANGED_SHARE) / SPAN);
  return {
    name: 'random',
    path,
    ...weigh(path),
    changes: `${spans} MiB in as many places`,
    change(seed) {
      const numbers = new SeededNumbers(seed);
      const undos = Array.from({ length: spans }, (_, i) => {
        const name = names[numbers.below(names.length)]!;
        return replaceSpan(join(path, name), numbers.below(Math.max(1, length - SPAN)), `${seed}/span ${i}`);
      });
      return () => {
        // Backwards, as spans may overlap.
        for (const undo of undos.toReversed()) undo();
      };
    },
  };
}

/** Puts a line somewhere into a file. */
function addLine(path: string, numbers: SeededNumbers): () => void {
  const { atime, mtime } = statSync(path);
  const before = readFileSync(path);
  const at = numbers.below(before.length + 1);
  const line = Buffer.from(`line ${numbers.below(2 ** 32)}\n`);
  writeFileSync(path, Buffer.concat([before.subarray(0, at), line, before.subarray(at)]));
  utimesSync(path, atime, later(mtime));
  return () => {
    writeFileSync(path, before);
    utimesSync(path, atime, mtime);
  };
}

/** Writes other bytes over a piece of a file. */
function replaceSpan(path: string, at: number, seed: string): () => void {
  const { atime, mtime, size } = statSync(path);
  const before = Buffer.alloc(Math.min(SPAN, size - at));
  const write = (parts: Iterable<Uint8Array>): void => {
    const file = openSync(path, 'r+');
    let offset = at;
    for (const part of parts) offset += writeSync(file, part, 0, part.length, offset);
    closeSync(file);
  };
  const file = openSync(path, 'r');
  readSync(file, before, 0, before.length, at);
  closeSync(file);
  write(seededBytes(seed, before.length));
  utimesSync(path, atime, later(mtime));
  return () => {
    write([before]);
    utimesSync(path, atime, mtime);
  };
}

function later(time: Date): Date {
  return new Date(time.getTime() + LATER_MS);
}
