/** The data of the comparison: what it lists, what a change changes, and that undoing it leaves no trace. */
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DataSet, makeRandom, makeTree } from '../../bench/data-sets.ts';
import { findDifferences, listEntries, weigh } from '../../bench/walk.ts';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'icecore-data-sets-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** 250 files in folders, and links to one of the folders, to a file and to nothing. */
function writeTree(path: string): void {
  for (let i = 0; i < 250; i++) {
    mkdirSync(join(path, `folder ${i % 5}`), { recursive: true });
    writeFileSync(join(path, `folder ${i % 5}`, `file ${i}`), `content ${i}\n`.repeat(i));
  }
  symlinkSync('folder 1', join(path, 'link to a folder'));
  symlinkSync('folder 1/file 1', join(path, 'link to a file'));
  symlinkSync('nowhere', join(path, 'link to nothing'));
}

function makeSets(): DataSet[] {
  writeTree(join(folder, 'original'));
  return [
    makeTree(join(folder, 'tree'), { folder: join(folder, 'original') }),
    makeRandom(join(folder, 'random'), 3_000_001, 2, 'seed'),
  ];
}

describe('the data of the comparison', () => {
  it('counts every file once, also when a link leads to its folder', () => {
    writeTree(join(folder, 'tree'));
    const paths = listEntries(join(folder, 'tree')).map((it) => it.path);
    expect(paths).toHaveLength(250 + 5 + 3);
    expect(paths).toEqual([...new Set(paths)].sort());
    expect(weigh(join(folder, 'tree')).files).toBe(250);
  });

  it('changes one in a hundred files, and nothing else', () => {
    const [tree] = makeSets();
    const before = new Map(
      listEntries(tree!.path).map(({ path }) => [path, statSync(join(tree!.path, path), { throwIfNoEntry: false })]),
    );
    tree!.change('a');
    const changed = [...before].filter(
      ([path, stat]) =>
        stat?.isFile() && statSync(join(tree!.path, path)).size !== stat.size && !path.startsWith('link'),
    );
    expect(changed).toHaveLength(3);
    for (const [path, stat] of changed) {
      const later = statSync(join(tree!.path, path)).mtimeMs - stat!.mtimeMs;
      expect(Math.abs(later - 3_600_000)).toBeLessThanOrEqual(1);
    }
  });

  it('is as it was when a change is undone, and the same again when it is repeated', () => {
    for (const data of makeSets()) {
      const original = join(folder, `${data.name} before`);
      const changed = join(folder, `${data.name} changed`);
      const copy = (to: string): void =>
        cpSync(data.path, to, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
      copy(original);
      const undo = data.change('a');
      copy(changed);
      expect(findDifferences(original, data.path)).not.toEqual([]);
      undo();
      expect(findDifferences(original, data.path)).toEqual([]);
      const undoAgain = data.change('a');
      expect(findDifferences(changed, data.path)).toEqual([]);
      undoAgain();
      data.change('b');
      expect(findDifferences(changed, data.path)).not.toEqual([]);
    }
  });

  it('is the same for the same seed, as long as asked, and does not compress', () => {
    const [a, b, c] = ['x', 'x', 'y'].map((seed, i) => makeRandom(join(folder, String(i)), 2_500_000, 2, seed));
    expect(a!.bytes).toBe(2_500_000);
    expect(a!.files).toBe(3);
    const [x, again, y] = [a, b, c].map((set) => readFileSync(join(set!.path, 'random-1')));
    expect(x!.equals(again!)).toBe(true);
    expect(x!.equals(y!)).toBe(false);
    expect(x!.equals(readFileSync(join(a!.path, 'random-0')))).toBe(false);
    expect(zstdCompressSync(x!).length).toBeGreaterThanOrEqual(x!.length);
  });
});

describe('comparing what was restored', () => {
  it('sees a missing file, an added one, another length, byte, link, mode and time', () => {
    const damages: readonly ((path: string) => void)[] = [
      (path) => rmSync(join(path, 'folder 1/file 1')),
      (path) => writeFileSync(join(path, 'more'), ''),
      (path) => writeFileSync(join(path, 'folder 2/file 2'), 'short'),
      (path) => writeFileSync(join(path, 'folder 2/file 2'), 'content 2\ncontent 3\n'),
      (path) => {
        rmSync(join(path, 'link to nothing'));
        symlinkSync('elsewhere', join(path, 'link to nothing'));
      },
      (path) => chmodSync(join(path, 'folder 3/file 3'), 0o600),
      (path) => utimesSync(join(path, 'folder 3/file 3'), 0, 1),
    ];
    const original = join(folder, 'original');
    writeTree(original);
    damages.forEach((damage, i) => {
      const copy = join(folder, `copy ${i}`);
      cpSync(original, copy, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
      expect(findDifferences(original, copy)).toEqual([]);
      damage(copy);
      expect(findDifferences(original, copy)).toHaveLength(i < 1 ? 2 : 1);
    });
  });
});
