/** Sets of characters in patterns: `[abc]`, `[a-z]`, `[!…]`, `[^…]`, `[[:alpha:]]`. glob.ts says what patterns are. Pure. */

/** One character of a pattern that is not a literal. */
export interface CharacterTest {
  readonly type: 'one';
  test(codePoint: number): boolean;
}

const CLASSES: Readonly<Record<string, RegExp>> = {
  alnum: /^[\p{L}\p{N}]$/u,
  alpha: /^\p{L}$/u,
  blank: /^[ \t]$/,
  cntrl: /^\p{Cc}$/u,
  digit: /^[0-9]$/,
  graph: /^[^\s\p{C}]$/u,
  lower: /^\p{Ll}$/u,
  print: /^[^\p{C}]$/u,
  punct: /^[\p{P}\p{S}]$/u,
  space: /^\s$/,
  upper: /^\p{Lu}$/u,
  xdigit: /^[0-9A-Fa-f]$/,
};

/**
 * Reads a set that begins at the bracket at `start`; `end` is the index behind its closing bracket.
 * @returns a text that says what is wrong with it, when it is not one.
 */
export function parseSet(text: string, start: number): { token: CharacterTest; end: number } | string {
  let i = start + 1;
  const isInverted = text[i] === '!' || text[i] === '^';
  if (isInverted) i++;
  const ranges: (readonly [number, number])[] = [];
  const classes: RegExp[] = [];
  for (let isFirst = true; ; isFirst = false) {
    if (i >= text.length) return 'a [ has no ]';
    if (text[i] === ']' && !isFirst) break;
    const named = /^\[:([a-z]*):\]/.exec(text.slice(i, i + 12));
    if (named) {
      const expression = CLASSES[named[1]!];
      if (!expression) return `[:${named[1]}:] is not a class of characters`;
      classes.push(expression);
      i += named[0].length;
      continue;
    }
    const low = readSetCharacter(text, i);
    if (!low) return 'a [ has no ]';
    i = low.end;
    if (text[i] === '-' && i + 1 < text.length && text[i + 1] !== ']') {
      const high = readSetCharacter(text, i + 1);
      if (!high) return 'a [ has no ]';
      ranges.push([low.codePoint, high.codePoint]);
      i = high.end;
    } else {
      ranges.push([low.codePoint, low.codePoint]);
    }
  }
  const holds = (codePoint: number): boolean =>
    ranges.some(([low, high]) => codePoint >= low && codePoint <= high) ||
    (classes.length > 0 && classes.some((expression) => expression.test(String.fromCodePoint(codePoint))));
  return { token: { type: 'one', test: (codePoint) => holds(codePoint) !== isInverted }, end: i + 1 };
}

function readSetCharacter(text: string, at: number): { codePoint: number; end: number } | undefined {
  const index = text[at] === '\\' ? at + 1 : at;
  const codePoint = text.codePointAt(index);
  return codePoint === undefined ? undefined : { codePoint, end: index + (codePoint > 0xffff ? 2 : 1) };
}
