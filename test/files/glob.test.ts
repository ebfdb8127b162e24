import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import ignore from 'ignore';
import { describe, expect, it } from 'vitest';
import type { Raw } from '../../src/base/raw.ts';
import { createExcludeMatcher } from '../../src/files/exclude.ts';
import {
  advanceState,
  compilePattern,
  matchableText,
  matchesName,
  type Pattern,
  startState,
} from '../../src/files/glob.ts';
import { scanAll, withFolder } from '../support/scan-tree.ts';

/** True when the pattern matches this path itself, anchored at the top. */
function matches(source: string, path: string): boolean {
  const pattern = compilePattern(source) as Pattern;
  expect(typeof pattern).toBe('object');
  const names = path.split('/').map((name) => matchableText(name as Raw));
  const last = names.pop()!;
  if (pattern.anchor === 'name') return matchesName(pattern.segments, [0], last);
  let state = startState(pattern.segments);
  for (const name of names) state = advanceState(pattern.segments, state, name);
  return matchesName(pattern.segments, state, last);
}

describe('patterns', () => {
  it.each([
    ['*.o', 'a/b/c.o', true],
    ['*.o', 'a/c.ob', false],
    ['a/*/c', 'a/b/c', true],
    ['a/*/c', 'a/b/b/c', false],
    ['a/**/c', 'a/c', true],
    ['a/**/c', 'a/b/b/c', true],
    ['**/x', 'x', true],
    ['**/a/b', 'q/a/b', true],
    ['a/**', 'a', false],
    ['a/**', 'a/b/c', true],
    ['a**b', 'axxb', true],
    ['***/b', 'x/y/b', true],
    ['?', '\xc3\xa9', true],
    ['??', '\xc3\xa9', false],
    ['?', '\xff', true],
    ['?', '\xf0\x9f\x98\x80', true],
    ['[a-c]x', 'bx', true],
    ['[!a-c]x', 'bx', false],
    ['[]x]', ']', true],
    ['[[:upper:][:digit:]]', '7', true],
    ['\\*', '*', true],
    ['\\*', 'x', false],
    ['*a*b*c', 'xxaxbxc', true],
    ['*.tar.?z', 'a.tar.tar.gz', true],
    ['.*', '.git', true],
  ])('%s against %s: %s', (pattern, path, expected) => {
    expect(matches(pattern, path)).toBe(expected);
  });

  it.each(['', '!', '/', 'a[b', 'a\\', '[[:nonsense:]]', '../x', 'a\0', 'x'.repeat(5000)])(
    '%j is none, and it says why',
    (source) => {
      expect(compilePattern(source)).toBeTypeOf('string');
    },
  );

  it('take bounded time, whatever they are', () => {
    const started = performance.now();
    const name = `${'a'.repeat(254)}c`;
    for (const pattern of [
      `${'*a'.repeat(100)}b`,
      `${'*?'.repeat(100)}b`,
      `${'[a]*'.repeat(60)}b`,
      '*'.repeat(4000),
      `${'**/'.repeat(1000)}b`,
    ]) {
      for (let i = 0; i < 20; i++) matches(pattern, `${`${name}/`.repeat(15)}${name}`);
    }
    matches(`${'**/a/'.repeat(500)}b`, `${'a/'.repeat(2000)}c`);
    expect(performance.now() - started).toBeLessThan(3000);
  });

  it('never fail to be compiled or refused, nor to be matched', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 30 }),
        fc.string({ unit: 'binary', maxLength: 20 }),
        (source, name) => {
          const pattern = compilePattern(source);
          if (typeof pattern !== 'string') matchesName(pattern.segments, startState(pattern.segments), name);
        },
      ),
    );
  });

  const letters = fc.stringMatching(/^[ab*?/!]{1,7}$/);
  const paths = fc.array(fc.stringMatching(/^[ab]{1,3}(\/[ab]{1,3}){0,3}$/), { minLength: 1, maxLength: 6 });

  it('mean what they mean to an independent implementation', () => {
    fc.assert(
      fc.property(fc.array(letters, { minLength: 1, maxLength: 4 }), paths, (patterns, names) => {
        const usable = patterns.filter(
          (pattern) => typeof compilePattern(pattern) === 'object' && !pattern.includes('//'),
        );
        const theirs = ignore().add(usable);
        withFolder((folder) => {
          for (const name of names) mkdirSync(join(folder, name), { recursive: true });
          writeFileSync(join(folder, '.ignore'), usable.join('\n'));
          const all = scanAll(folder).paths;
          const ours = scanAll(folder, [''], {
            exclude: createExcludeMatcher({ ignoreFiles: ['.ignore' as Raw] }),
          }).paths;
          const kept = (path: string) =>
            path.split('/').every((_, i, parts) => !theirs.ignores(`${parts.slice(0, i + 1).join('/')}/`));
          expect([usable, ours]).toEqual([
            usable,
            all.filter((path) => (path === '.ignore' ? ours.includes(path) : kept(path))),
          ]);
        });
      }),
      { numRuns: process.env.SLOW ? 3000 : 150 },
    );
  });

  it('mean what they mean to git', () => {
    const hasGit = (() => {
      try {
        return execFileSync('git', ['--version']).length > 0;
      } catch {
        return false;
      }
    })();
    if (!hasGit) return;
    const rules = [
      '*.o',
      '!keep.o',
      '/top',
      'build/',
      'a/b',
      '**/deep/x',
      'q/**',
      '!q/r',
      'sp\\ ',
      'tr  ',
      '#c',
      '\\#h',
      '[x-z]?',
      'mid/**/end',
      '\\!bang',
    ];
    const files = [
      'x.o',
      'keep.o',
      'top',
      's/top',
      'build/f',
      's/build',
      'a/b/c',
      's/a/b',
      'deep/x',
      's/deep/x/y',
      'q/r',
      'q/s/t',
      'sp ',
      'tr',
      '#c',
      '#h',
      'yy',
      'y',
      'mid/end',
      'mid/1/2/end',
      '!bang',
    ];
    withFolder((folder) => {
      for (const file of files) {
        mkdirSync(join(folder, file, '..'), { recursive: true });
        writeFileSync(join(folder, file), '');
      }
      writeFileSync(join(folder, '.gitignore'), rules.join('\n'));
      execFileSync('git', ['init', '-q', folder]);
      const listed = execFileSync('git', ['-C', folder, 'ls-files', '-z', '-o', '--exclude-standard']).toString();
      const exclude = createExcludeMatcher({ ignoreFiles: ['.gitignore' as Raw], patterns: ['.git'] });
      const { paths, entries } = scanAll(folder, [''], { exclude });
      const ours = paths.filter((path) => entries.get(path)!.type === 'file');
      expect(ours.sort()).toEqual(
        listed
          .split('\0')
          .filter((path) => path !== '')
          .sort(),
      );
    });
  });
});
