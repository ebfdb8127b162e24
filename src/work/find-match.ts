/**
 * The conditions of `find`: patterns over names and paths, type, time and size. Patterns are matched in time linear in
 * the name, whatever they are (files/glob.ts); a path is matched on the way down, and never as a whole.
 */
import { IcecoreError } from '../base/errors.ts';
import { joinRaw, type Raw, rawFromText } from '../base/raw.ts';
import {
  advanceState,
  compilePattern,
  matchableText,
  matchesName,
  type Pattern,
  type PatternState,
  type Segment,
  startState,
} from '../files/glob.ts';
import type { DirectoryEntries, Entry, EntryType } from '../format/entry.ts';
import { sharedLength } from '../format/path-rules.ts';
import type { FindOptions, ListedEntry } from './browse.ts';

/** What `find` looks for, as far as it concerns one entry. */
export type MatchOptions = Omit<FindOptions, 'filter' | 'snapshot'>;

/** Finds entries in directories. Directories may come in any order; in that of a manifest it does the least work. */
export class EntryMatcher {
  readonly #options: MatchOptions;
  readonly #onNames: readonly (readonly Segment[])[];
  readonly #onPaths: readonly PathPattern[];

  /** @throws kind `usage`, `bad-pattern` */
  constructor(options: MatchOptions) {
    this.#options = options;
    const compiled = options.patterns.map((text) => compile(text, options.ignoreCase));
    this.#onNames = compiled.filter(({ anchor }) => anchor === 'name').map(({ segments }) => segments);
    const onPaths = compiled.filter(({ anchor }) => anchor !== 'name');
    this.#onPaths = onPaths.map((pattern) => new PathPattern(pattern, options.ignoreCase));
  }

  /** The entries of a directory that match. */
  match(directory: DirectoryEntries): ListedEntry[] {
    const states = this.#onPaths.map((pattern) => pattern.stateIn(directory.path));
    if (this.#onNames.length === 0 && states.every((state) => state.length === 0)) return [];
    const found: ListedEntry[] = [];
    for (const entry of directory.entries) {
      if (!this.#hasFacts(entry)) continue;
      const name = folded(entry.name, this.#options.ignoreCase);
      const isMatch =
        this.#onNames.some((segments) => matchesName(segments, ANYWHERE, name)) ||
        this.#onPaths.some((pattern, i) => pattern.matches(states[i]!, name, entry.type));
      if (isMatch) found.push({ path: joinRaw(directory.path, entry.name), entry });
    }
    return found;
  }

  #hasFacts(entry: Entry): boolean {
    const { type, newerThan, olderThan, minSize, maxSize } = this.#options;
    if (type !== undefined && entry.type !== type) return false;
    if (newerThan !== undefined && entry.mtime <= newerThan) return false;
    if (olderThan !== undefined && entry.mtime >= olderThan) return false;
    if (minSize === undefined && maxSize === undefined) return true;
    const size = entry.size ?? 0;
    return entry.type === 'file' && size >= (minSize ?? 0) && size <= (maxSize ?? Number.POSITIVE_INFINITY);
  }
}

/** A pattern of one segment is matched against any name. */
const ANYWHERE: PatternState = [0];

/** A pattern over paths, with its state at the directory that was asked for last, and at those above it. */
class PathPattern {
  readonly #pattern: Pattern;
  readonly #ignoreCase: boolean;
  readonly #stack: { readonly length: number; readonly state: PatternState }[];
  #path = '/' as Raw;

  constructor(pattern: Pattern, ignoreCase: boolean) {
    this.#pattern = pattern;
    this.#ignoreCase = ignoreCase;
    this.#stack = [{ length: 0, state: startState(pattern.segments) }];
  }

  /** True when an entry of this name matches in a directory of this state. */
  matches(state: PatternState, name: string, type: EntryType): boolean {
    const { segments, onlyDirectories } = this.#pattern;
    return (type === 'dir' || !onlyDirectories) && matchesName(segments, state, name);
  }

  /** The state that the names in a directory are matched from. */
  stateIn(path: Raw): PatternState {
    const shared = sharedLength(this.#path, path);
    const isOpen = ({ length }: { readonly length: number }): boolean =>
      length === 0 || (length <= shared && (path.length === length || path[length] === '/'));
    while (!isOpen(this.#stack.at(-1)!)) this.#stack.pop();
    this.#path = path;
    for (let { length, state } = this.#stack.at(-1)!; path !== '/' && length < path.length; ) {
      const slash = path.indexOf('/', length + 1);
      const end = slash < 0 ? path.length : slash;
      state = advanceState(this.#pattern.segments, state, folded(path.slice(length + 1, end) as Raw, this.#ignoreCase));
      length = end;
      this.#stack.push({ length, state });
    }
    return this.#stack.at(-1)!.state;
  }
}

function compile(text: string, ignoreCase: boolean): Pattern {
  const source = matchableText(rawFromText(text));
  const isPath = source.includes('/');
  let pattern = ignoreCase ? foldPattern(source) : source;
  // Here `!` is a character like others, and a path that does not begin at the root may begin anywhere.
  if (pattern.startsWith('!')) pattern = `\\${pattern}`;
  if (isPath && !pattern.startsWith('/')) pattern = `/**/${pattern}`;
  const compiled = compilePattern(pattern);
  if (typeof compiled === 'string') {
    throw new IcecoreError('usage', 'bad-pattern', `the pattern '${text}' cannot be: ${compiled}`, {
      hint: 'a backslash takes the meaning from the character behind it',
    });
  }
  return compiled;
}

function folded(name: Raw, ignoreCase: boolean): string {
  const text = matchableText(name);
  return ignoreCase ? text.toLowerCase() : text;
}

/** Where case does not count, a class of capitals is one of letters. */
function foldPattern(pattern: string): string {
  return pattern.toLowerCase().replace(/\[:(?:upper|lower):\]/g, '[:alpha:]');
}
