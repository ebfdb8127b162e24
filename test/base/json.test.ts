import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isIcecoreError } from '../../src/base/errors.ts';
import {
  encodeJsonLines,
  expectObject,
  parseJson,
  parseJsonLines,
  parseJsonObject,
  readArray,
  readBase64,
  readBoolean,
  readHex,
  readInteger,
  readNullable,
  readObject,
  readOneOf,
  readOptional,
  readString,
  readStrings,
  refuseOtherFields,
} from '../../src/base/json.ts';

const limits = { maxLength: 1 << 20 };

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (isIcecoreError(error, 'damage')) {
      expect(error.data.object).toBe('thing');
      return error.code;
    }
    throw error;
  }
  return 'no error';
}

const parse = (source: string | Uint8Array) => parseJson(source, limits, 'thing');
const utf8 = (text: string) => Buffer.from(text, 'utf8');

describe('strict JSON', () => {
  test('what JSON.stringify writes comes back, as text and as bytes', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        const text = JSON.stringify(value);
        if (text.includes('__proto__')) return;
        expect(parse(text)).toEqual(JSON.parse(text));
        expect(parse(utf8(text))).toEqual(JSON.parse(text));
      }),
    );
  });

  test('arbitrary text either parses as JSON.parse does or is a damage error', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'{}[]":,\\u0129efnrtals -.\n') }), (text) => {
        try {
          expect(parse(text)).toEqual(JSON.parse(text));
        } catch (error) {
          expect(isIcecoreError(error, 'damage')).toBe(true);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('nesting is counted outside strings only, and bounded', () => {
    expect(parse(`${'['.repeat(16)}${']'.repeat(16)}`)).toBeDefined();
    expect(codeOf(() => parse(`${'['.repeat(17)}${']'.repeat(17)}`))).toBe('json-too-deep');
    expect(parse('["[[[[[[[[[[[[[[[[[[[[[[\\"[[[[[[[\\\\"]')).toHaveLength(1);
    expect(codeOf(() => parse('['.repeat(1 << 20)))).toBe('json-too-deep');
  });

  test('too long a text is refused before it is looked at', () => {
    expect(codeOf(() => parseJson('"abc"', { maxLength: 4 }, 'thing'))).toBe('json-too-long');
  });

  test('invalid UTF-8, a byte order mark and lone surrogates are refused', () => {
    expect(codeOf(() => parse(Uint8Array.of(0x22, 0xff, 0x22)))).toBe('json-encoding');
    expect(codeOf(() => parse(utf8('\ufeff1')))).toBe('json-syntax');
    expect(codeOf(() => parse('"\\ud800"'))).toBe('json-encoding');
    expect(codeOf(() => parse('{"\\udfff":1}'))).toBe('json-encoding');
    expect(codeOf(() => parse('"\ud800"'))).toBe('json-encoding');
    expect(parse('"\\ud83d\\ude00"')).toBe('😀');
  });

  test('a key named __proto__ is refused however it is spelt, a string of that value is not', () => {
    expect(codeOf(() => parse('{"__proto__":{"a":1}}'))).toBe('json-key');
    expect(codeOf(() => parse('[{"a":{"\\u005f_proto__":1}}]'))).toBe('json-key');
    expect(parse('["__proto__"]')).toEqual(['__proto__']);
  });

  test('a syntax error does not quote the text', () => {
    try {
      parse('{"secret":"hunter2" x}');
    } catch (error) {
      expect(isIcecoreError(error, 'damage')).toBe(true);
      expect(`${(error as Error).message} ${String((error as Error).cause)}`).not.toContain('hunter2');
    }
  });
});

describe('JSON lines', () => {
  const lines = (source: string | Uint8Array, more = {}) => [
    ...parseJsonLines(source, { ...limits, ...more }, 'thing'),
  ];

  test('values round-trip', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue({ maxDepth: 3 })), (values) => {
        const bytes = encodeJsonLines(values);
        if (bytes.includes('__proto__')) return;
        expect(lines(bytes)).toEqual(JSON.parse(JSON.stringify(values)));
      }),
    );
  });

  test('a missing last newline, an empty line, too many and too long lines are refused', () => {
    expect(lines('')).toEqual([]);
    expect(codeOf(() => lines('1\n2'))).toBe('json-syntax');
    expect(codeOf(() => lines('1\n\n2\n'))).toBe('json-syntax');
    expect(codeOf(() => lines('1\n2\n', { maxLines: 1 }))).toBe('json-too-long');
    expect(codeOf(() => lines('123\n', { maxLineLength: 2 }))).toBe('json-too-long');
    expect(codeOf(() => lines('123\n', { maxLength: 3 }))).toBe('json-too-long');
  });

  test('an error names the line', () => {
    expect(() => lines('1\n2\n{\n')).toThrow(/thing, line 3/);
  });
});

describe('field readers', () => {
  const from = parseJsonObject(
    '{"s":"x","i":-0,"big":9007199254740992,"f":1.5,"b":true,"a":["p"],"m":[1],"o":{},"n":null,"h":"00ff","e":"AAE="}',
    limits,
    'thing',
  );

  test('fields of the right type are read', () => {
    expect(readString(from, 's', 'thing')).toBe('x');
    expect(Object.is(readInteger(from, 'i', 'thing'), 0)).toBe(true);
    expect(readBoolean(from, 'b', 'thing')).toBe(true);
    expect(readStrings(from, 'a', 'thing')).toEqual(['p']);
    expect(readArray(from, 'm', 'thing')).toEqual([1]);
    expect(readObject(from, 'o', 'thing')).toEqual({});
    expect(readHex(from, 'h', 2, 'thing')).toBe('00ff');
    expect([...readBase64(from, 'e', 'thing')]).toEqual([0, 1]);
    expect(readOneOf(from, 's', ['w', 'x'], 'thing')).toBe('x');
    expect(readNullable(from, 'n', 'thing', (f) => readString(from, f, 'thing'))).toBeNull();
    expect(readOptional(from, 'nope', (f) => readString(from, f, 'thing'))).toBeUndefined();
  });

  test('anything else is refused, and the error names object and field', () => {
    const bad: (() => unknown)[] = [
      () => readString(from, 'nope', 'thing'),
      () => readString(from, 'constructor', 'thing'),
      () => readString(from, 'i', 'thing'),
      () => readString(from, 's', 'thing', { maxLength: 0 }),
      () => readString(from, 's', 'thing', { pattern: /^y$/ }),
      () => readInteger(from, 'big', 'thing'),
      () => readInteger(from, 'f', 'thing'),
      () => readInteger(from, 's', 'thing'),
      () => readInteger(from, 'i', 'thing', 1, 2),
      () => readBoolean(from, 'i', 'thing'),
      () => readStrings(from, 'm', 'thing'),
      () => readArray(from, 'o', 'thing'),
      () => readArray(from, 'a', 'thing', 0),
      () => readObject(from, 'a', 'thing'),
      () => readObject(from, 'n', 'thing'),
      () => readHex(from, 'h', 3, 'thing'),
      () => readHex(from, 's', 1, 'thing'),
      () => readBase64(from, 's', 'thing'),
      () => readBase64(from, 'e', 'thing', 1),
      () => readOneOf(from, 's', ['w'], 'thing'),
      () => readOptional(from, 'n', (f) => readString(from, f, 'thing')),
      () => refuseOtherFields(from, new Set(['s']), 'thing'),
    ];
    for (const read of bad) expect(codeOf(read)).toBe('json-field');
    expect(() => readString(from, 'nope', 'thing')).toThrow(/thing.*"nope"/);
    expect(codeOf(() => expectObject([], 'thing'))).toBe('json-type');
  });
});
