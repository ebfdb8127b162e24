/**
 * Decides what a backup leaves out: patterns given as options and in files, ignore files found on the way, tagged
 * caches, marked directories, large files. It walks nothing by itself (scan.ts does), except to explain one path.
 *
 * A pattern is written as in .gitignore: the last match decides, `!` takes back, nothing below an excluded directory
 * can be taken back. In options and exclude files a leading slash means an absolute path; a slash elsewhere (or a
 * leading `./`) means relative to each root; in an ignore file both mean relative to its directory. A root that was
 * named explicitly is never excluded.
 */
import { constants } from 'node:fs';
import { IcecoreError, messageOf } from '../base/errors.ts';
import type { Problem } from '../base/monitor.ts';
import { joinRaw, type Raw, rawToFsPath } from '../base/raw.ts';
import {
  badRuleError,
  type ExcludeRule,
  type Exclusion,
  optionRule,
  parseRules,
  RuleScope,
  sourceName,
} from './exclude-rules.ts';
import { fileProblem } from './file-problems.ts';
import { type FileSystem, type FsPath, nodeFileSystem } from './fs.ts';
import { CACHE_TAG, isCacheTag, readHead, readIgnoreFile } from './ignore-files.ts';
import { withFsPath } from './long-path.ts';

/** What to leave out. */
export interface ExcludeOptions {
  /** Patterns of `--exclude`, in order. */
  readonly patterns?: readonly string[];
  /** Paths of `--exclude-file`; their rules come after the patterns. */
  readonly files?: readonly Raw[];
  /** Names of ignore files that count in their directory and below (`.gitignore`). */
  readonly ignoreFiles?: readonly Raw[];
  /** Leave out the content of directories with a valid CACHEDIR.TAG. */
  readonly caches?: boolean;
  /** Leave out the content of directories in which one of these names is. */
  readonly ifPresent?: readonly Raw[];
  /** Leave out files of more bytes. */
  readonly largerThan?: number;
}

/** The rules in force in one directory. `keep`: all but these names is left out, because of `exclusion`. */
export interface ExcludeScope {
  readonly rules: RuleScope;
  readonly keep?: ReadonlySet<Raw>;
  readonly exclusion?: Exclusion;
}

const MAX_EXCLUDE_FILE = 16 << 20;

/**
 * Compiles the rules.
 * @throws IcecoreError `bad-exclude-pattern` (naming file and line), `exclude-file-unreadable`.
 */
export function createExcludeMatcher(options: ExcludeOptions, fs: FileSystem = nodeFileSystem): ExcludeMatcher {
  const rules = (options.patterns ?? []).map((pattern) => optionRule(pattern, '--exclude'));
  for (const path of options.files ?? []) {
    const { rules: read, bad } = parseRules(readExcludeFile(fs, path), sourceName(path));
    if (bad[0]) throw badRuleError(bad[0]);
    rules.push(...read);
  }
  return new ExcludeMatcher(rules, options, fs);
}

function readExcludeFile(fs: FileSystem, path: Raw): Buffer {
  try {
    // The user named it: links are followed, unlike those of ignore files.
    const bytes = readHead(fs, rawToFsPath(fs.realpathSync(rawToFsPath(path))), MAX_EXCLUDE_FILE + 1);
    if (bytes && bytes.length <= MAX_EXCLUDE_FILE) return bytes;
  } catch (cause) {
    const message = `cannot read the exclude file ${sourceName(path)}: ${messageOf(cause)}`;
    throw new IcecoreError('user', 'exclude-file-unreadable', message, { cause });
  }
  const message = `the exclude file ${sourceName(path)} is not a regular file of at most 16 MiB`;
  throw new IcecoreError('user', 'exclude-file-unreadable', message);
}

/** Answers whether an entry is left out. Scopes are made from the roots down; they never change. */
export class ExcludeMatcher {
  readonly #rules: readonly ExcludeRule[];
  readonly #ignoreFiles: readonly Raw[];
  readonly #markers: readonly Raw[];
  readonly #excludesCaches: boolean;
  readonly #largerThan: number;
  readonly #tooLarge: Exclusion;
  readonly #fs: FileSystem;

  constructor(rules: readonly ExcludeRule[], options: ExcludeOptions, fs: FileSystem) {
    this.#rules = rules;
    this.#ignoreFiles = options.ignoreFiles ?? [];
    this.#markers = options.ifPresent ?? [];
    this.#excludesCaches = options.caches ?? false;
    this.#largerThan = options.largerThan ?? Number.POSITIVE_INFINITY;
    this.#tooLarge = { kind: 'size', reason: `larger than ${this.#largerThan} bytes` };
    this.#fs = fs;
  }

  /** The scope of a root directory, before its own ignore files are read. `root` is absolute. */
  rootScope(root: Raw): ExcludeScope {
    return { rules: RuleScope.ofRoot(this.#rules, root) };
  }

  /** The scope of a directory in a directory, before its own ignore files are read. */
  childScope(scope: ExcludeScope, name: Raw): ExcludeScope {
    const rules = scope.rules.below(name);
    return rules === scope.rules && !scope.keep ? scope : { rules };
  }

  /**
   * Adds what a directory says of itself: ignore files, a cache's tag, markers among its `names`.
   * @param path of the directory, for messages
   * @param fsPathOf gives the path by which a name in the directory is reached
   */
  listedScope(
    scope: ExcludeScope,
    path: Raw,
    names: readonly Raw[],
    fsPathOf: (name: Raw) => FsPath,
    onProblem: (problem: Problem) => void,
  ): ExcludeScope {
    const present = (name: Raw) => names.includes(name);
    for (const marker of this.#markers) {
      if (!present(marker)) continue;
      const exclusion: Exclusion = { kind: 'marker', reason: `the directory has ${JSON.stringify(marker)}` };
      return { rules: scope.rules, keep: new Set([marker]), exclusion };
    }
    if (this.#excludesCaches && present(CACHE_TAG)) {
      try {
        if (isCacheTag(this.#fs, fsPathOf(CACHE_TAG))) {
          const exclusion: Exclusion = { kind: 'cache', reason: `the directory has a ${CACHE_TAG}` };
          return { rules: scope.rules, keep: new Set([CACHE_TAG]), exclusion };
        }
      } catch (error) {
        onProblem({ ...fileProblem(error, joinRaw(path, CACHE_TAG), 'read'), severity: 'warning' });
      }
    }
    let rules = scope.rules;
    for (const name of this.#ignoreFiles) {
      if (!present(name)) continue;
      rules = rules.withRules(readIgnoreFile(this.#fs, path, name, fsPathOf(name), onProblem));
    }
    return rules === scope.rules ? scope : { rules };
  }

  /** Says why an entry of a scope's directory is left out; undefined when it is not. */
  test(scope: ExcludeScope, name: Raw, isDirectory: boolean, size: number): Exclusion | undefined {
    if (scope.keep && !scope.keep.has(name)) return scope.exclusion;
    if (size > this.#largerThan && !isDirectory) return this.#tooLarge;
    const rule = scope.rules.decide(name, isDirectory);
    return rule && !rule.pattern.isNegated ? rule.exclusion : undefined;
  }

  /** The user's rules that have decided nothing so far: worth a warning after a scan, for they may be mistyped. */
  unusedRules(): readonly ExcludeRule[] {
    return this.#rules.filter((rule) => rule.hits === 0);
  }

  /**
   * Explains one path below a root by going down to it: the exclusion of the first directory on the way, or of the
   * path itself, that is left out. Reads the ignore files on the way; a path that does not exist counts as a file.
   */
  explain(path: Raw, root: Raw): Exclusion | undefined {
    const base = root === '/' ? '' : root;
    if (path === root || !path.startsWith(`${base}/`)) return undefined;
    let directory = root;
    let scope = this.rootScope(root);
    for (const part of path.slice(base.length + 1).split('/')) {
      const name = part as Raw;
      scope = this.listedScope(
        scope,
        directory,
        this.#namesOf(directory),
        (file) => rawToFsPath(joinRaw(directory, file)),
        () => {},
      );
      const full = joinRaw(directory, name);
      const stat = this.#statOf(full);
      const isDirectory = stat !== undefined && (Number(stat.mode) & constants.S_IFMT) === constants.S_IFDIR;
      const isLast = full.length === path.length;
      const exclusion = this.test(scope, name, isDirectory || !isLast, isDirectory ? 0 : Number(stat?.size ?? 0));
      if (exclusion) return exclusion;
      scope = this.childScope(scope, name);
      directory = full;
    }
    return undefined;
  }

  #namesOf(directory: Raw): Raw[] {
    try {
      return withFsPath(directory, this.#fs, (path) => this.#fs.readdirSync(path));
    } catch {
      return [];
    }
  }

  #statOf(path: Raw): { readonly mode: bigint; readonly size: bigint } | undefined {
    try {
      return withFsPath(path, this.#fs, (fsPath) => this.#fs.lstatSync(fsPath));
    } catch {
      return undefined;
    }
  }
}
