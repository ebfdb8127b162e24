import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Problem } from '../../src/base/monitor.ts';
import { type Raw, rawFromText, rawToBytes } from '../../src/base/raw.ts';
import { createExcludeMatcher, type ExcludeOptions } from '../../src/files/exclude.ts';
import { faultyFileSystem } from '../support/faulty-files.ts';
import { scanAll, withFolder } from '../support/scan-tree.ts';

const raws = (...texts: string[]) => texts.map(rawFromText);

function make(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
}

function scanWith(folder: string, options: ExcludeOptions, roots = ['']) {
  return scanAll(folder, roots, { exclude: createExcludeMatcher(options) });
}

describe('exclude rules', () => {
  it('match names anywhere, relative paths from each root, and absolute paths', () => {
    withFolder((folder) => {
      make(folder, { 'r1/a/b/x': '', 'r1/s/a/b/x': '', 'r2/a/b/x': '', 'r2/n.tmp': '', 'r2/top': '', 'r2/s/top': '' });
      const patterns = ['*.tmp', 'a/b', `${folder}/r1/s`, './top'];
      const { paths, excluded } = scanWith(folder, { patterns }, ['r1', 'r2']);
      expect(excluded.sort()).toEqual(['r1/a/b', 'r1/s', 'r2/a/b', 'r2/n.tmp', 'r2/top']);
      expect(paths).toEqual(['r1', 'r2', 'r1/a', 'r2/a', 'r2/s', 'r2/s/top']);
    });
  });

  it('take effect in order: the last match decides, and ! takes back', () => {
    withFolder((folder) => {
      make(folder, { 'a.log': '', 'keep.log': '', 'd/keep.log': '' });
      expect(scanWith(folder, { patterns: ['*.log', '!keep.log', 'd/'] }).paths).toEqual(['keep.log']);
      expect(scanWith(folder, { patterns: ['!keep.log', '*.log'] }).paths).toEqual(['d']);
    });
  });

  it('come from files too, and say which rule of which line left something out', () => {
    withFolder((folder) => {
      make(folder, { rules: '# comment\r\n\r\n*.o\r\n', 'r/x.o': '', 'r/y': '' });
      const options = { files: raws(join(folder, 'rules')) };
      const { paths, reasons } = scanWith(folder, options, ['r']);
      expect(paths).toEqual(['r', 'r/y']);
      expect(reasons).toEqual([`"*.o" (${folder}/rules:3)`]);
      const matcher = createExcludeMatcher(options);
      const root = rawFromText(join(folder, 'r'));
      expect(matcher.explain(`${root}/x.o` as Raw, root)?.reason).toBe(reasons[0]);
      expect(matcher.explain(`${root}/y` as Raw, root)).toBeUndefined();
      expect(matcher.explain(root, root)).toBeUndefined();
    });
  });

  it('are refused with file and line where they are no patterns', () => {
    withFolder((folder) => {
      make(folder, { rules: 'fine\n\nbroken[\n' });
      expect(() => createExcludeMatcher({ files: raws(join(folder, 'rules')) })).toThrow(
        `${folder}/rules:3: "broken[" is not a pattern: a [ has no ]`,
      );
      expect(() => createExcludeMatcher({ patterns: ['x\\'] })).toThrow('--exclude: "x\\\\" is not a pattern');
      expect(() => createExcludeMatcher({ files: raws(join(folder, 'missing')) })).toThrow(
        /cannot read the exclude file/,
      );
      expect(() => createExcludeMatcher({ files: raws(folder) })).toThrow(/not a regular file/);
    });
  });

  it('that never matched are named', () => {
    withFolder((folder) => {
      make(folder, { 'a.o': '' });
      const exclude = createExcludeMatcher({ patterns: ['*.o', '*.obj', '/nowhere/x'] });
      scanAll(folder, [''], { exclude });
      expect(exclude.unusedRules().map((rule) => rule.text)).toEqual(['*.obj', '/nowhere/x']);
    });
  });

  it('know names that are not UTF-8', () => {
    withFolder((folder) => {
      for (const name of ['caf\xe9', '\xc3\xa9t\xc3\xa9', 'plain'])
        writeFileSync(rawToBytes(`${folder}/${name}` as Raw), '');
      expect(scanWith(folder, { patterns: ['caf?', 'été'] }).paths).toEqual(['plain']);
      writeFileSync(join(folder, 'rules'), Buffer.from('caf\xe9\n', 'latin1'));
      expect(scanWith(folder, { files: raws(join(folder, 'rules')) }).excluded).toEqual(['caf\xe9']);
    });
  });

  it('never leave out a root, nor what leads to one', () => {
    withFolder((folder) => {
      make(folder, { 'cache/keep/x': '', 'cache/drop': '', y: '' });
      const { paths } = scanWith(folder, { patterns: ['cache', 'keep'] }, ['', 'cache/keep']);
      expect(paths).toEqual(['cache', 'y', 'cache/keep', 'cache/keep/x']);
    });
  });

  it('also keep quiet what cannot be examined', () => {
    withFolder((folder) => {
      make(folder, { '.gvfs/x': '', y: '' });
      const before = (call: string, _: number, [path]: readonly unknown[]) => {
        if (call === 'lstatSync' && path === join(folder, '.gvfs'))
          throw Object.assign(new Error(), { code: 'EACCES' });
      };
      const fs = faultyFileSystem({ before });
      const exclude = createExcludeMatcher({ patterns: ['.gvfs/'] });
      expect(scanAll(folder, [''], { fs, exclude })).toMatchObject({ paths: ['y'], problems: [], excluded: ['.gvfs'] });
      expect(scanAll(folder, [''], { fs }).problems).toMatchObject([{ code: 'unreadable' }]);
    });
  });
});

describe('directories that exclude', () => {
  it('have ignore files, for themselves and below; deeper ones win, options win over all', () => {
    withFolder((folder) => {
      make(folder, {
        '.ig': '*.o\n/top\n',
        'a.o': '',
        top: '',
        'd/top': '',
        'd/.ig': '!b.o\n',
        'd/b.o': '',
        'd/e/b.o': '',
        'c.o': '',
        z: '',
      });
      const options = { ignoreFiles: raws('.ig') };
      expect(scanWith(folder, options).paths).toEqual(['.ig', 'd', 'z', 'd/.ig', 'd/b.o', 'd/e', 'd/top', 'd/e/b.o']);
      expect(scanWith(folder, { ...options, patterns: ['!c.o', 'b.o'] }).paths).toEqual([
        '.ig',
        'c.o',
        'd',
        'z',
        'd/.ig',
        'd/e',
        'd/top',
      ]);
      const root = rawFromText(folder);
      const matcher = createExcludeMatcher(options);
      expect(matcher.explain(`${root}/a.o` as Raw, root)?.reason).toBe(`"*.o" (${folder}/.ig:1)`);
      expect(matcher.explain(`${root}/d/e/b.o` as Raw, root)).toBeUndefined();
    });
  });

  it('get a warning for what is wrong in an ignore file, and more is backed up, not less', () => {
    withFolder((folder) => {
      make(folder, { '.ig': 'bad[\n*.o\n', 'a.o': '', 'd/x': '', 'e/.ig/x': '' });
      symlinkSync('../.ig', join(folder, 'd/.ig'));
      const { problems, excluded } = scanWith(folder, { ignoreFiles: raws('.ig') });
      expect(problems).toMatchObject([{ severity: 'warning', code: 'bad-ignore-rule', path: `${folder}/.ig` }]);
      expect(problems[0]!.message).toContain('line 1');
      expect(excluded).toEqual(['a.o']);
      const fs = faultyFileSystem({ on: 'readSync', at: 1, code: 'EIO' });
      const exclude = createExcludeMatcher({ ignoreFiles: raws('.ig') }, fs);
      const failed = scanAll(folder, [''], { exclude });
      expect(failed.problems.map(({ code }: Problem) => code)).toEqual(['ignore-file-unreadable']);
      expect(failed.paths).toContain('a.o');
    });
  });

  it('are tagged caches or marked ones: the directory and its tag stay', () => {
    withFolder((folder) => {
      const tag = 'Signature: 8a477f597d28d172789f06886806bc55\n# a cache';
      make(folder, {
        'c/CACHEDIR.TAG': tag,
        'c/x': '',
        'c/d/y': '',
        'f/CACHEDIR.TAG': 'no',
        'f/x': '',
        'm/.nobackup': '',
        'm/x': '',
      });
      const { paths, excluded } = scanWith(folder, { caches: true, ifPresent: raws('.nobackup') });
      expect(paths).toEqual(['c', 'f', 'm', 'c/CACHEDIR.TAG', 'f/CACHEDIR.TAG', 'f/x', 'm/.nobackup']);
      expect(excluded).toEqual(['c/d', 'c/x', 'm/x']);
    });
  });

  it('keep files up to the limit of size and not above, and directories always', () => {
    withFolder((folder) => {
      make(folder, { 'd/small': '12345', 'd/large': '123456' });
      const { paths, reasons } = scanWith(folder, { largerThan: 5 });
      expect(paths).toEqual(['d', 'd/small']);
      expect(reasons).toEqual(['larger than 5 bytes']);
    });
  });
});
