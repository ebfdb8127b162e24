/**
 * Patterns as .gitignore files have them, compiled by hand instead of into regular expressions: matching takes at most
 * (length of the name × length of the pattern) steps whatever the pattern is, so none can hang a backup. Pure.
 *
 * A pattern is a list of segments between slashes. `*` and `?` stay within a component, `[…]` is a set, `\` makes the
 * next character literal, a segment `**` stands for any number of directories. A path is matched component by
 * component, on the way down a tree: a PatternState is the set of segments that may come next.
 *
 * Names and patterns are text in matchable form (see matchableText): code units, with bytes that are not UTF-8 as
 * lone surrogates, so that `?` stands for one character, and for one stray byte.
 */
import { type Raw, rawToText } from '../base/raw.ts';
import { type CharacterTest, parseSet } from './glob-set.ts';

/** Tests one component. */
export type Segment = { readonly type: 'directories' } | { readonly type: 'name'; test(name: string): boolean };

/** A compiled pattern. */
export interface Pattern {
  readonly isNegated: boolean;
  /** It ended with a slash: only directories match. */
  readonly onlyDirectories: boolean;
  /** `absolute`: began with a slash; `relative`: has a slash elsewhere, or began with `./`; `name`: any depth. */
  readonly anchor: 'absolute' | 'relative' | 'name';
  readonly segments: readonly Segment[];
}

/** The positions in `segments` that the next component may match, ascending. Empty: nothing below can match. */
export type PatternState = readonly number[];

const MAX_PATTERN_LENGTH = 4096;

/** The form in which names and patterns are compared: text, with stray bytes as U+DC80 to U+DCFF. */
export function matchableText(raw: Raw): string {
  const text = rawToText(raw);
  if (text !== undefined) return text;
  let result = '';
  for (let i = 0; i < raw.length; ) {
    const length = sequenceLength(raw.charCodeAt(i));
    const sequence = length === 0 ? undefined : rawToText(raw.slice(i, i + length) as Raw);
    result += sequence ?? String.fromCharCode(0xdc00 + raw.charCodeAt(i));
    i += sequence === undefined ? 1 : length;
  }
  return result;
}

function sequenceLength(lead: number): number {
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

/**
 * Compiles a pattern in matchable form; comments and blank lines are the caller's.
 * @returns a text that says what is wrong with it, when it is not one.
 */
export function compilePattern(source: string): Pattern | string {
  if (source.length > MAX_PATTERN_LENGTH) return `it is longer than ${MAX_PATTERN_LENGTH} characters`;
  if (source.includes('\0')) return 'it has a NUL byte';
  const isNegated = source.startsWith('!');
  let rest = isNegated ? source.slice(1) : source;
  const isDotted = rest.startsWith('./');
  if (isDotted) rest = rest.slice(1);
  const onlyDirectories = rest.endsWith('/');
  if (onlyDirectories) rest = rest.slice(0, -1);
  const isRooted = rest.startsWith('/');
  const texts = rest.split('/').filter((text) => text !== '');
  if (texts.length === 0) return 'it names nothing';
  if (texts.some((text) => text === '.' || text === '..')) return 'it has a component . or ..';
  const segments: Segment[] = [];
  for (const text of texts) {
    const segment = compileSegment(text);
    if (typeof segment === 'string') return segment;
    // Several ** in a row mean the same as one, and would only make more states.
    if (segment.type === 'directories' && segments.at(-1)?.type === 'directories') continue;
    segments.push(segment);
  }
  const anchor = isRooted ? (isDotted ? 'relative' : 'absolute') : texts.length > 1 ? 'relative' : 'name';
  return { isNegated, onlyDirectories, anchor, segments };
}

/** The state at the place that a pattern is anchored to. */
export function startState(segments: readonly Segment[]): PatternState {
  return withSkips(segments, new Set([0]));
}

/** The state below a directory of this name. */
export function advanceState(segments: readonly Segment[], state: PatternState, name: string): PatternState {
  const next = new Set<number>();
  for (const position of state) {
    const segment = segments[position]!;
    if (segment.type === 'directories') next.add(position);
    else if (position + 1 < segments.length && segment.test(name)) next.add(position + 1);
  }
  return withSkips(segments, next);
}

/** True when a name in a directory of this state matches the whole pattern. */
export function matchesName(segments: readonly Segment[], state: PatternState, name: string): boolean {
  const last = segments.length - 1;
  if (state.at(-1) !== last) return false;
  const segment = segments[last]!;
  return segment.type === 'directories' || segment.test(name);
}

function withSkips(segments: readonly Segment[], positions: Set<number>): PatternState {
  // A set that grows while it is iterated visits what was added: `**` may also stand for no directory at all.
  for (const position of positions) {
    if (segments[position]!.type === 'directories' && position + 1 < segments.length) positions.add(position + 1);
  }
  return [...positions].sort((a, b) => a - b);
}

type Token = { readonly type: 'literal'; readonly text: string } | { readonly type: 'star' } | CharacterTest;

function compileSegment(text: string): Segment | string {
  if (/^\*{2,}$/.test(text)) return { type: 'directories' };
  const tokens = tokenize(text);
  if (typeof tokens === 'string') return tokens;
  const [first, second] = tokens as [Token, Token?];
  // The usual shapes need no interpreter: a name, *.suffix, prefix*, *.
  if (tokens.length === 1 && first.type === 'literal') {
    const literal = first.text;
    return { type: 'name', test: (name) => name === literal };
  }
  if (tokens.length === 1 && first.type === 'star') return { type: 'name', test: () => true };
  if (tokens.length === 2 && first.type === 'star' && second?.type === 'literal') {
    const suffix = second.text;
    return { type: 'name', test: (name) => name.endsWith(suffix) };
  }
  if (tokens.length === 2 && first.type === 'literal' && second?.type === 'star') {
    const prefix = first.text;
    return { type: 'name', test: (name) => name.startsWith(prefix) };
  }
  return { type: 'name', test: (name) => matchTokens(tokens, name) };
}

function tokenize(text: string): Token[] | string {
  const tokens: Token[] = [];
  let literal = '';
  const flush = () => {
    if (literal !== '') tokens.push({ type: 'literal', text: literal });
    literal = '';
  };
  for (let i = 0; i < text.length; ) {
    const character = text[i]!;
    if (character === '\\') {
      if (i + 1 === text.length) return 'it ends with a backslash';
      literal += text[i + 1]!;
      i += 2;
    } else if (character === '*') {
      flush();
      if (tokens.at(-1)?.type !== 'star') tokens.push({ type: 'star' });
      i++;
    } else if (character === '?') {
      flush();
      tokens.push({ type: 'one', test: () => true });
      i++;
    } else if (character === '[') {
      flush();
      const set = parseSet(text, i);
      if (typeof set === 'string') return set;
      tokens.push(set.token);
      i = set.end;
    } else {
      literal += character;
      i++;
    }
  }
  flush();
  return tokens;
}

/** The classical wildcard match: only the last star is ever reconsidered, so the work is bounded by name × tokens. */
function matchTokens(tokens: readonly Token[], name: string): boolean {
  let at = 0;
  let token = 0;
  let starToken = -1;
  let starAt = 0;
  for (;;) {
    const next = tokens[token];
    let step = -1;
    if (next === undefined) {
      if (at === name.length) return true;
    } else if (next.type === 'star') {
      starToken = token++;
      starAt = at;
      continue;
    } else if (next.type === 'literal') {
      if (name.startsWith(next.text, at)) step = next.text.length;
    } else if (at < name.length) {
      const codePoint = name.codePointAt(at)!;
      if (next.test(codePoint)) step = codePoint > 0xffff ? 2 : 1;
    }
    if (step >= 0) {
      at += step;
      token++;
    } else {
      if (starToken < 0 || starAt >= name.length) return false;
      starAt += name.codePointAt(starAt)! > 0xffff ? 2 : 1;
      at = starAt;
      token = starToken + 1;
    }
  }
}
