import { closeSync, constants, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Raw, rawFromText } from '../../src/base/raw.ts';
import { nodeFileSystem } from '../../src/files/fs.ts';
import { type Libc, loadLibc } from '../../src/files/libc.ts';
import { withFsPath } from '../../src/files/long-path.ts';
import { scan } from '../../src/files/scan.ts';
import { readSmallSource } from '../../src/files/small-source.ts';
import { faultyFileSystem } from '../support/faulty-files.ts';
import { withFolder } from '../support/scan-tree.ts';

const OPEN = constants.O_RDONLY | constants.O_DIRECTORY;
const isLinux = process.platform === 'linux';

/** Makes directories in each other, and `visit` gets the descriptor of each. The descriptor of the deepest is closed. */
function makeDeep(
  libc: Libc,
  folder: string,
  name: string,
  depth: number,
  visit: (dir: number, level: number) => void,
): void {
  let dir = libc.openat(libc.constants.AT_FDCWD, rawFromText(folder), OPEN);
  for (let level = 1; level <= depth; level++) {
    libc.mkdirat(dir, name as Raw, 0o700);
    const next = libc.openat(dir, name as Raw, OPEN);
    closeSync(dir);
    dir = next;
    visit(dir, level);
  }
  closeSync(dir);
}

/** Removes such a tree from the top, without recursion: the grandchild moves up, and what was above it goes. */
function removeDeep(libc: Libc, folder: string, name: string): void {
  const top = libc.openat(libc.constants.AT_FDCWD, rawFromText(folder), OPEN);
  for (let hasMore = true; hasMore; ) {
    try {
      libc.renameat(top, `${name}/${name}` as Raw, top, 'up' as Raw);
    } catch {
      hasMore = false;
    }
    libc.unlinkat(top, name as Raw, libc.constants.AT_REMOVEDIR);
    if (hasMore) libc.renameat(top, 'up' as Raw, top, name as Raw);
  }
  closeSync(top);
}

describe.runIf(isLinux)('deep trees', () => {
  it('of more levels than any stack are scanned with few descriptors', () => {
    const depth = process.env.SLOW ? 100_000 : 20_000;
    withFolder((folder) => {
      const libc = loadLibc()!;
      makeDeep(libc, folder, 'd', depth, () => {});
      const base = folder.split('/').length - 1;
      const descriptors = readdirSync('/proc/self/fd').length;
      let levels = 0;
      let most = 0;
      let longest = 0;
      const started = performance.now();
      for (const page of scan([rawFromText(folder)], {
        libc,
        onProblem: (problem) => expect(problem).toBeUndefined(),
      })) {
        if (page.depth >= base) levels++;
        if (levels % 1000 === 0) most = Math.max(most, readdirSync('/proc/self/fd').length);
        longest = Math.max(longest, page.path.length);
        // Reading a character copies the whole path into one piece: the scan must not keep those.
        if (page.path.charCodeAt(page.path.length >> 1) === 0) throw new Error('NUL');
      }
      const seconds = (performance.now() - started) / 1000;
      removeDeep(libc, folder, 'd');
      expect(levels).toBe(depth + 1);
      expect(longest).toBe(folder.length + 2 * depth);
      expect(most - descriptors).toBeLessThanOrEqual(20);
      expect(seconds).toBeLessThan(process.env.SLOW ? 60 : 5);
    });
  });

  it('with paths of more than 60,000 bytes give all their files, also on the way back up', () => {
    withFolder((folder) => {
      const libc = loadLibc()!;
      const name = `n\xff${'x'.repeat(253)}`;
      const depth = 240;
      // At every level a directory that sorts behind the way down, so that the walk comes back to every level.
      makeDeep(libc, folder, name, depth, (dir, level) => {
        libc.mkdirat(dir, 'z' as Raw, 0o700);
        const z = libc.openat(dir, 'z' as Raw, OPEN);
        closeSync(libc.openat(z, `f${level}` as Raw, constants.O_CREAT | constants.O_WRONLY, 0o600));
        closeSync(z);
      });
      const files: string[] = [];
      const problems: unknown[] = [];
      for (const page of scan([rawFromText(folder)], { libc, onProblem: (problem) => problems.push(problem) })) {
        for (const entry of page.entries) if (entry.type === 'file') files.push(entry.name);
      }
      expect(problems).toEqual([]);
      expect(files).toEqual([...Array(depth).keys()].map((i) => `f${depth - i}`));
    });
  });

  it('name what cannot be reached when descriptors run out', () => {
    withFolder((folder) => {
      const libc = loadLibc()!;
      makeDeep(libc, folder, 'x'.repeat(250), 60, () => {});
      const counter = faultyFileSystem({ on: 'openSync' });
      for (const _ of scan([rawFromText(folder)], { fs: counter }));
      expect(counter.calls()).toBeGreaterThan(3);
      for (let at = 2; at <= counter.calls(); at++) {
        const problems: string[] = [];
        const fs = faultyFileSystem({ on: 'openSync', at, code: 'EMFILE' });
        let last: { problem?: unknown } | undefined;
        for (const page of scan([rawFromText(folder)], { fs, onProblem: ({ code }) => problems.push(code) }))
          last = page;
        expect([problems, last?.problem !== undefined]).toEqual([['unreadable'], true]);
      }
    });
  });

  it('give the content of a file whose path is 8,000 bytes long', () => {
    withFolder((folder) => {
      const libc = loadLibc()!;
      const name = 'y'.repeat(199);
      const depth = 40;
      makeDeep(libc, folder, name, depth, (dir, level) => {
        if (level < depth) return;
        const fd = libc.openat(dir, 'file' as Raw, constants.O_CREAT | constants.O_WRONLY, 0o600);
        closeSync(fd);
        libc.symlinkat('target' as Raw, dir, 'link' as Raw);
      });
      const directory = `${folder}/${Array(depth).fill(name).join('/')}`;
      expect(directory.length).toBeGreaterThan(8000);
      const path = `${directory}/file` as Raw;
      const expected = withFsPath(path, nodeFileSystem, (fsPath) => nodeFileSystem.lstatSync(fsPath))!;
      expect(readSmallSource(path, expected, Buffer.alloc(10), 0)).toMatchObject({ type: 'read', length: 0 });
      expect(withFsPath(`${directory}/link` as Raw, nodeFileSystem, (at) => nodeFileSystem.readlinkSync(at))).toBe(
        'target',
      );
      const found = [...scan([path])].at(-1);
      expect(found?.entries.map((entry) => entry.name)).toEqual(['file']);
    });
  });
});
