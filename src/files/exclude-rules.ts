/**
 * Exclude rules: patterns with the place where they stand, in lists where the last match decides, as in .gitignore
 * files. A RuleScope is such lists as they apply to one directory; scopes are made on the way down and never change.
 * Pure but for the count of hits that each rule keeps.
 */
import { IcecoreError } from '../base/errors.ts';
import { type Raw, rawFromBytes, rawFromText, rawToDisplay } from '../base/raw.ts';
import {
  advanceState,
  compilePattern,
  matchableText,
  matchesName,
  type Pattern,
  type PatternState,
  startState,
} from './glob.ts';

/** Why something is left out. */
export interface Exclusion {
  readonly kind: 'rule' | 'cache' | 'marker' | 'size' | 'file-system' | 'pseudo';
  /** For people: the rule as it is written and where it stands. */
  readonly reason: string;
}

/** One rule. `hits` counts what it decided, so that a rule that never matched can be named. */
export interface ExcludeRule {
  readonly text: string;
  readonly source: string;
  readonly line: number | undefined;
  readonly pattern: Pattern;
  readonly exclusion: Exclusion;
  hits: number;
}

/** A line that is not a pattern. */
export interface BadRule {
  readonly text: string;
  readonly source: string;
  readonly line: number | undefined;
  readonly message: string;
}

/** Makes the rule of one pattern in matchable form. */
export function makeRule(text: string, source: string, line?: number): ExcludeRule | BadRule {
  const pattern = compilePattern(text);
  if (typeof pattern === 'string') return { text, source, line, message: pattern };
  const place = line === undefined ? source : `${source}:${line}`;
  const exclusion: Exclusion = { kind: 'rule', reason: `${JSON.stringify(text)} (${place})` };
  return { text, source, line, pattern, exclusion, hits: 0 };
}

/** Reads the lines of an ignore file: `#` comments, blank lines, trailing spaces unless escaped, CR LF. */
export function parseRules(bytes: Uint8Array, source: string): { rules: ExcludeRule[]; bad: BadRule[] } {
  const rules: ExcludeRule[] = [];
  const bad: BadRule[] = [];
  const raw = rawFromBytes(bytes);
  const lines = (raw.startsWith('\xef\xbb\xbf') ? raw.slice(3) : raw).split('\n');
  for (const [index, line] of lines.entries()) {
    const trimmed = trimLine(line);
    if (trimmed === '' || trimmed.startsWith('#')) continue;
    const rule = makeRule(matchableText(trimmed as Raw), source, index + 1);
    if ('message' in rule) bad.push(rule);
    else rules.push(rule);
  }
  return { rules, bad };
}

function trimLine(line: string): string {
  let end = line.endsWith('\r') ? line.length - 1 : line.length;
  while (end > 0 && line[end - 1] === ' ') {
    let slashes = 0;
    while (line[end - 2 - slashes] === '\\') slashes++;
    if (slashes % 2 === 1) break;
    end--;
  }
  return line.slice(0, end);
}

/** Makes the error for a bad rule that the user gave. */
export function badRuleError(bad: BadRule): IcecoreError {
  const place = bad.line === undefined ? bad.source : `${bad.source}:${bad.line}`;
  const message = `${place}: ${JSON.stringify(bad.text)} is not a pattern: ${bad.message}`;
  return new IcecoreError('usage', 'bad-exclude-pattern', message, {
    hint: 'patterns are written as in .gitignore files; a backslash makes the next character literal',
    data: { source: bad.source, line: bad.line, pattern: bad.text },
  });
}

/** The rules of one source that can still match in or below one directory. */
interface Layer {
  /** In the order of the source. */
  readonly rules: readonly { readonly rule: ExcludeRule; readonly state: PatternState | undefined }[];
}

/** The rules as they apply to the entries of one directory. */
export class RuleScope {
  /** In the order in which they are asked: the user's own, then ignore files, the deepest first. */
  readonly #layers: readonly Layer[];

  private constructor(layers: readonly Layer[]) {
    this.#layers = layers;
  }

  /**
   * The scope of a root directory: rules that begin with a slash are anchored at `/`, other ones with a slash at the
   * root, the rest nowhere.
   */
  static ofRoot(rules: readonly ExcludeRule[], root: Raw): RuleScope {
    const names = root.split('/').filter((name) => name !== '');
    const texts = names.map((name) => matchableText(name as Raw));
    const placed = rules.map((rule) => {
      const { segments, anchor } = rule.pattern;
      if (anchor === 'name') return { rule, state: undefined };
      let state = startState(segments);
      if (anchor === 'absolute') for (const name of texts) state = advanceState(segments, state, name);
      return { rule, state };
    });
    return new RuleScope([{ rules: placed.filter(canMatch) }]);
  }

  /** This scope plus the rules of an ignore file in its directory, where a leading slash means that directory. */
  withRules(rules: readonly ExcludeRule[]): RuleScope {
    if (rules.length === 0) return this;
    const placed = rules.map((rule) => {
      const { segments, anchor } = rule.pattern;
      return { rule, state: anchor === 'name' ? undefined : startState(segments) };
    });
    const [own, ...files] = this.#layers;
    return new RuleScope([own!, { rules: placed }, ...files]);
  }

  /** The scope of a directory in this scope's directory. */
  below(name: Raw): RuleScope {
    let text: string | undefined;
    let hasChanged = false;
    const layers = this.#layers.map((layer) => {
      if (layer.rules.every(({ state }) => state === undefined)) return layer;
      hasChanged = true;
      text ??= matchableText(name);
      const rules = [];
      for (const placed of layer.rules) {
        const { rule, state } = placed;
        const next = state && advanceState(rule.pattern.segments, state, text);
        const moved = next === undefined ? placed : { rule, state: next };
        if (canMatch(moved)) rules.push(moved);
      }
      return { rules };
    });
    return hasChanged ? new RuleScope(layers) : this;
  }

  /** The rule that decides on a name in this scope's directory (it may be a negated one), or undefined. */
  decide(name: Raw, isDirectory: boolean): ExcludeRule | undefined {
    let text: string | undefined;
    for (const layer of this.#layers) {
      for (let i = layer.rules.length - 1; i >= 0; i--) {
        const { rule, state } = layer.rules[i]!;
        const { segments, onlyDirectories } = rule.pattern;
        if (onlyDirectories && !isDirectory) continue;
        text ??= matchableText(name);
        if (state ? matchesName(segments, state, text) : matchesAnywhere(rule.pattern, text)) {
          rule.hits++;
          return rule;
        }
      }
    }
    return undefined;
  }
}

function canMatch(placed: { readonly state: PatternState | undefined }): boolean {
  return placed.state === undefined || placed.state.length > 0;
}

function matchesAnywhere(pattern: Pattern, text: string): boolean {
  const segment = pattern.segments[0]!;
  return segment.type === 'directories' || segment.test(text);
}

/** The rule of a `--exclude` option: no comments, no trimming. @throws IcecoreError `bad-exclude-pattern`. */
export function optionRule(text: string, source: string): ExcludeRule {
  const rule = makeRule(matchableText(rawFromText(text)), source);
  if ('message' in rule) throw badRuleError(rule);
  return rule;
}

/** A source as messages show it: the path of a file. */
export function sourceName(path: Raw): string {
  return rawToDisplay(path);
}
