/** The floors and the house rules, checked over the text of src/: what no compiler setting and no lint rule covers. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

/** Top to bottom. A file imports from its own folder and from lower floors; folders of one floor never from each other. */
const FLOORS: readonly (readonly string[])[] = [
  ['cli'],
  ['ui'],
  ['work'],
  ['repo'],
  ['seal', 'store', 'files'],
  ['plan'],
  ['format'],
  ['base'],
];

/** Packages that only one place may know. The others are open to all. */
const PACKAGE_OWNERS: readonly (readonly [pattern: RegExp, owner: RegExp])[] = [
  [/^@aws-sdk\//, /^store\//],
  [/^@smithy\//, /^store\//],
  [/^age-encryption$/, /^seal\//],
  [/^commander$/, /^cli\//],
  [/^ora$/, /^ui\/tty/],
  [/^koffi$/, /^files\//],
  [/^ignore$/, /^files\//],
];

/** Source text rules: what must not be in the code (comments removed), and where it may be. */
const FORBIDDEN: readonly (readonly [what: string, pattern: RegExp, allowed: RegExp])[] = [
  ['the process, which is cli/ business', /\bprocess\s*\.\s*(argv|env|exit|exitCode|execArgv)\b/, /^cli\//],
  [
    'the process, taken from its module',
    /\bimport\s+(?!type\b)(?:(?!process\b)[\w$*][^;'"]*|\{[^}]*\b(?:argv|env|exit|exitCode|execArgv|stdout|stderr)\b[^}]*\})\s*from\s*['"](?:node:)?process['"]/,
    /^cli\//,
  ],
  ['standard output', /\bprocess\s*\.\s*(stdout|stderr|emitWarning)\b|\bconsole\s*\./, /^(cli|ui)\//],
  ['a default export', /^\s*export\s+default\b|\bas\s+default\b/m, /^$/],
  ['an enum', /^\s*(export\s+)?(declare\s+)?(const\s+)?enum\s+\w+\s*\{/m, /^$/],
  ['a barrel', /^\s*export\s+\*/m, /^$/],
  ['mutable state of a module', /^(export\s+)?(let|var)\s/m, /^$/],
  ['an import without its extension', /\bfrom\s+'\.[^']*(?<!\.ts|\.json)'/, /^$/],
  ['require', /(?<![.\w$])require\s*\(\s*['"]/, /^$/],
];

/** format/ and plan/ turn values into values. Hashing is a function too; everything else of the machine is not. */
const PURE = /^(format|plan)\//;
const PURE_BUILTINS = new Set(['node:buffer', 'node:crypto', 'node:util']);
const IMPURE =
  /\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\bperformance\.|\brandom(Bytes|UUID|Int|FillSync)\b|\bset(Timeout|Interval)\b/;

const SOURCE = join(dirname(fileURLToPath(import.meta.url)), '..', 'src');

interface SourceFile {
  /** Relative to src/, with slashes. */
  readonly path: string;
  readonly text: string;
  /** The text without comments, which may talk about everything. */
  readonly code: string;
  readonly imports: readonly string[];
}

/** Every way of naming another module: static, dynamic, re-exported, in a type, and a worker's URL. */
const IMPORT =
  /\b(?:import|export)\s+(?:type\s+)?[^'";]*?\bfrom\s*['"]([^'"]+)['"]|\bimport\s*\(?\s*['"]([^'"]+)['"]|\bnew URL\(\s*['"](\.[^'"]+\.ts)['"]/g;

/** Removes comments, and leaves strings, templates and regular expressions as they are. */
function withoutComments(text: string): string {
  const token =
    /'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\[\s\S])*`|(?<=[=(,:;!&|?{}\n]\s*)\/(?![/*])(?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g;
  return text.replace(token, (match) => (/^\/[/*]/.test(match) ? match.replace(/[^\n]/g, '') : match));
}

function importsOf(code: string): string[] {
  return [...code.matchAll(IMPORT)].map((match) => match[1] ?? match[2] ?? match[3]!);
}

function readSources(): SourceFile[] {
  const paths = readdirSync(SOURCE, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name));
  return paths.toSorted().map((path) => {
    const text = readFileSync(path, 'utf8');
    const code = withoutComments(text);
    return { path: path.slice(SOURCE.length + 1).replaceAll('\\', '/'), text, code, imports: importsOf(code) };
  });
}

function floorOf(path: string): number {
  return FLOORS.findIndex((folders) => folders.includes(path.split('/')[0]!));
}

/** The file that a relative import means. */
function resolveImport(from: string, specifier: string): string {
  return posix.normalize(posix.join(posix.dirname(from), specifier));
}

const isRelative = (specifier: string): boolean => specifier.startsWith('.');

/** The violations that one file shows by itself. */
function violationsOf({ path, text, code, imports }: SourceFile): string[] {
  const found: string[] = [];
  const floor = floorOf(path);
  if (floor < 0) return [`${path}: its folder stands on no floor`];
  for (const specifier of imports) {
    if (isRelative(specifier)) {
      const target = resolveImport(path, specifier);
      const isOwn = target.split('/')[0] === path.split('/')[0];
      // package.json, for the version: the one thing outside src/.
      if (target === '../package.json') continue;
      if (!isOwn && floorOf(target) <= floor) found.push(`${path}: imports ${target}, which is not on a lower floor`);
      continue;
    }
    for (const [pattern, owner] of PACKAGE_OWNERS) {
      if (pattern.test(specifier) && !owner.test(path)) found.push(`${path}: imports ${specifier}`);
    }
    if (PURE.test(path) && !PURE_BUILTINS.has(specifier)) found.push(`${path}: is pure, and imports ${specifier}`);
    if (/^(fs|path|os|crypto|util|stream|events|zlib|url|worker_threads|child_process)(\/|$)/.test(specifier)) {
      found.push(`${path}: imports ${specifier} without node:`);
    }
  }
  for (const [what, pattern, allowed] of FORBIDDEN) {
    if (!allowed.test(path) && pattern.test(code)) found.push(`${path}: has ${what}`);
  }
  if (PURE.test(path) && IMPURE.test(code)) found.push(`${path}: is pure, and asks a clock or for randomness`);
  if (/\b(TODO|FIXME|XXX|HACK)\b/.test(text)) found.push(`${path}: has a note of something unfinished`);
  if (!/^\/\*\*\s*(\*\s+)?[^\s*]/.test(text)) {
    found.push(`${path}: does not open with a paragraph of what it owns`);
  }
  const lines = text.split('\n').length - 1;
  if (lines > 300) found.push(`${path}: has ${lines} lines, more than 300`);
  return found;
}

/** The first cycle of imports that a depth-first search meets, as a path of files. */
function findCycle(imports: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const state = new Map<string, 'open' | 'done'>();
  const trail: string[] = [];
  const visit = (path: string): string[] | undefined => {
    if (state.get(path) === 'open') return [...trail.slice(trail.indexOf(path)), path];
    if (state.has(path)) return undefined;
    state.set(path, 'open');
    trail.push(path);
    for (const next of imports.get(path) ?? []) {
      const cycle = visit(next);
      if (cycle) return cycle;
    }
    trail.pop();
    state.set(path, 'done');
    return undefined;
  };
  for (const path of imports.keys()) {
    const cycle = visit(path);
    if (cycle) return cycle;
  }
  return undefined;
}

const sources = readSources();

describe('the source', () => {
  it('keeps to the floors and the house rules', () => {
    expect(sources.length).toBeGreaterThan(5);
    expect(sources.flatMap(violationsOf)).toEqual([]);
  });

  it('has no import that leads in a circle', () => {
    const graph = new Map(
      sources.map((file) => [
        file.path,
        file.imports.filter(isRelative).map((specifier) => resolveImport(file.path, specifier)),
      ]),
    );
    expect(findCycle(graph)).toBeUndefined();
  });
});

describe('the checks themselves', () => {
  const check = (path: string, body: string): string[] => {
    const text = `/** Owns this. */\n${body}\n`;
    const code = withoutComments(text);
    return violationsOf({ path, text, code, imports: importsOf(code) });
  };

  it('find each kind of violation', () => {
    const bad: readonly (readonly [string, string])[] = [
      ['base/a.ts', "import { x } from '../format/b.ts';"],
      ['seal/a.ts', "import type { x } from '../store/b.ts';"],
      ['plan/a.ts', "import {\n  x,\n  y,\n} from '../seal/b.ts';"],
      ['repo/a.ts', "const x = await import('../work/b.ts');"],
      ['repo/a.ts', "export { x } from '../ui/b.ts';"],
      ['repo/a.ts', "type X = import('../cli/b.ts').X;"],
      ['elsewhere/a.ts', ''],
      ['work/a.ts', "import { S3Client } from '@aws-sdk/client-s3';"],
      ['repo/a.ts', "import 'age-encryption';"],
      ['ui/a.ts', "import { Command } from 'commander';"],
      ['ui/text.ts', "import { oraPromise } from 'ora';"],
      ['work/a.ts', 'const x = process.env.HOME;'],
      ['work/a.ts', 'process\n  .exit(1);'],
      ['work/a.ts', "console.log('x');"],
      ['repo/a.ts', "process.stderr.write('x');"],
      ['repo/a.ts', 'export default class A {}'],
      ['repo/a.ts', 'export const enum A {}'],
      ['repo/a.ts', "export * from './b.ts';"],
      ['repo/a.ts', 'let count = 0;'],
      ['repo/a.ts', "import { x } from './b';"],
      ['repo/a.ts', "import { join } from 'path';"],
      ['repo/a.ts', "import { platform, exit } from 'node:process';"],
      ['repo/a.ts', "import proc from 'node:process';"],
      ['repo/a.ts', "import process from 'node:process';\nconst home = process.env.HOME;"],
      ['repo/a.ts', "const fs = require('node:fs');"],
      ['repo/a.ts', '// TODO: later'],
      ['repo/a.ts', '\n'.repeat(300)],
      ['format/a.ts', "import { readFileSync } from 'node:fs';"],
      ['format/a.ts', 'const now = Date.now();'],
    ];
    for (const [path, body] of bad) expect(check(path, body), `${path}: ${body}`).toHaveLength(1);
    const bare = { path: 'base/a.ts', text: 'export const x = 1;\n', code: '', imports: [] };
    expect(violationsOf(bare)).toHaveLength(1);
  });

  it('let pass what is right', () => {
    const good: readonly (readonly [string, string])[] = [
      ['cli/a.ts', "import { x } from '../base/b.ts';\nprocess.exitCode = 3;\nconsole.error('x');"],
      ['ui/tty.ts', "import ora from 'ora';\nprocess.stderr.write('x');"],
      ['seal/a.ts', "import { x } from './b.ts';\nimport { Encrypter } from 'age-encryption';"],
      ['work/a.ts', "// process.env and console.log are cli/'s\nconst url = 'https://example.org//x';"],
      ['repo/a.ts', 'function f() {\n  let n = 0;\n  return n;\n}\nexport const enumerate = 1;'],
      ['files/a.ts', "import process, { arch } from 'node:process';\nrepository.require(process.platform);"],
      ['format/a.ts', "import { createHash } from 'node:crypto';\nconst time = new Date(0);"],
    ];
    for (const [path, body] of good) expect(check(path, body), path).toEqual([]);
  });

  it('find a circle of imports, and none where there is none', () => {
    const graph = (edges: Record<string, string[]>): Map<string, string[]> => new Map(Object.entries(edges));
    expect(findCycle(graph({ a: ['b', 'c'], b: ['d'], c: ['d'], d: [] }))).toBeUndefined();
    expect(findCycle(graph({ a: ['b'], b: ['c'], c: ['b'] }))).toEqual(['b', 'c', 'b']);
    expect(findCycle(graph({ a: ['a'] }))).toEqual(['a', 'a']);
  });
});
