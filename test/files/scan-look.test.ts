/** The two ways to look at names, by the C library and by paths: they find the same, and tell the same failures. */
import { constants, lstatSync, mkdirSync, readdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Raw, rawFromText } from '../../src/base/raw.ts';
import { loadLibc, type NameLookup, systemError } from '../../src/files/libc.ts';
import type { FileStat } from '../../src/files/stat.ts';
import { faultyFileSystem } from '../support/faulty-files.ts';
import { scanAll, withFolder } from '../support/scan-tree.ts';

const libc = loadLibc()!;
const FIELDS = ['dev', 'ino', 'mode', 'nlink', 'uid', 'gid', 'rdev', 'size', 'blocks', 'mtimeNs', 'ctimeNs'] as const;
const ENOENT = 2;
const EPERM = 1;
const EIO = 5;

/** Not atime: listing a directory may change it. */
function valuesOf(stat: FileStat): unknown[] {
  return [...FIELDS.map((field) => stat[field]), stat.isFile(), typeof stat.atimeNs];
}

/** A library whose look at the n-th name fails. Looks that were asked for are counted. */
function failingLookup(at: number, errno: number): NameLookup & { calls: number } {
  return {
    calls: 0,
    constants: libc.constants,
    lstatat(dir, name) {
      if (++this.calls === at) throw systemError(errno, 'statx', name);
      return libc.lstatat(dir, name);
    },
  };
}

function makeTree(folder: string): void {
  mkdirSync(join(folder, 'sub', 'deeper'), { recursive: true });
  writeFileSync(join(folder, 'file'), 'content');
  writeFileSync(join(folder, 'sub', 'sparse'), '');
  truncateSync(join(folder, 'sub', 'sparse'), 5_000_000_000_000);
  writeFileSync(join(folder, 'sub', 'deeper', '\u00fc'), 'x');
  writeFileSync(Buffer.from(`${folder}/\u00ff`, 'latin1'), 'not UTF-8');
  symlinkSync('nowhere', join(folder, 'link'));
  const dir = libc.openat(libc.constants.AT_FDCWD, rawFromText(folder), constants.O_RDONLY);
  libc.mkfifoat(dir, 'pipe' as Raw, 0o4711);
  for (const [i, time] of [-1n, -1_000_000_001n, 0n, 4_294_967_296_123_456_789n, 999_999_999n].entries()) {
    writeFileSync(join(folder, `time ${i}`), '');
    libc.utimensat(dir, `time ${i}` as Raw, time, time);
  }
}

describe.runIf(process.platform === 'linux')('a look at names by the C library', () => {
  it('finds what a look by paths finds', () => {
    withFolder((folder) => {
      makeTree(folder);
      const [byName, byPath] = [scanAll(folder, [''], { libc }), scanAll(folder, [''], { libc: undefined })];
      expect(byName.paths).toEqual(byPath.paths);
      expect(byName.problems).toEqual(byPath.problems);
      expect(byPath.entries.size).toBeGreaterThan(12);
      for (const [path, { type, stat }] of byPath.entries) {
        // Others write below these while this runs.
        if (folder.startsWith(path)) continue;
        const found = byName.entries.get(path)!;
        expect([path, found.type, ...valuesOf(found.stat)]).toEqual([path, type, ...valuesOf(stat)]);
      }
    });
  });

  it('finds the numbers of devices', () => {
    for (const name of ['null', 'zero', 'full', 'random', 'tty']) {
      const { rdev, dev, mode } = lstatSync(`/dev/${name}`, { bigint: true });
      const found = libc.lstatat(libc.constants.AT_FDCWD, `/dev/${name}` as Raw);
      expect([found?.rdev, found?.dev, found?.mode]).toEqual([rdev, dev, mode]);
    }
  });

  it('opens each directory once, lets go of it, and asks for no name by its path', () => {
    withFolder((folder) => {
      makeTree(folder);
      const open = readdirSync('/proc/self/fd').length;
      const [lookup, fs] = [failingLookup(0, 0), faultyFileSystem({ on: 'lstatSync' })];
      const { entries } = scanAll(folder, [''], { libc: lookup, fs });
      expect(lookup.calls).toBe(entries.size + 1);
      // The root, before the walk begins.
      expect(fs.calls()).toBe(1);
      expect(readdirSync('/proc/self/fd').length).toBe(open);
    });
  });

  it('tells of each name that it cannot look at, and of each that has vanished', () => {
    withFolder((folder) => {
      makeTree(folder);
      const names = ['file', 'link', 'pipe', 'sub'];
      const before = scanAll(folder, [''], { libc }).paths.length;
      const above = folder.split('/').length;
      for (const [i, name] of names.entries()) {
        const broken = scanAll(folder, [''], { libc: failingLookup(above + i + 1, EIO) });
        expect(broken.problems.map(({ code, path }) => [code, path])).toEqual([['unreadable', join(folder, name)]]);
        if (name !== 'sub') expect(broken.paths.length).toBe(before - 1);
        const gone = scanAll(folder, [''], { libc: failingLookup(above + i + 1, ENOENT) });
        expect(gone.problems.map(({ code, path }) => [code, path])).toEqual([['vanished', join(folder, name)]]);
      }
    });
  });

  it('is not relied on where the kernel or a sandbox refuses it, nor for a directory that cannot be opened', () => {
    withFolder((folder) => {
      makeTree(folder);
      const expected = scanAll(folder).paths;
      const refused = failingLookup(1, EPERM);
      expect(scanAll(folder, [''], { libc: refused }).paths).toEqual(expected);
      expect(refused.calls).toBe(1);
      const count = faultyFileSystem({ on: 'openSync' });
      scanAll(folder, [''], { libc, fs: count });
      for (let at = 2; at <= count.calls(); at++) {
        const fs = faultyFileSystem({ on: 'openSync', at, code: 'EMFILE' });
        const { paths, problems } = scanAll(folder, [''], { libc, fs });
        expect([paths, problems]).toEqual([expected, []]);
      }
    });
  });

  it('survives a directory that does not close well', () => {
    withFolder((folder) => {
      makeTree(folder);
      const expected = scanAll(folder).paths;
      const fs = faultyFileSystem({ on: 'closeSync', at: 3, code: 'EIO' });
      const { paths, problems } = scanAll(folder, [''], { libc, fs });
      expect([paths, problems]).toEqual([expected, []]);
    });
  });
});
