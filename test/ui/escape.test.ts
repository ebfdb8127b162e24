import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Raw, rawFromText } from '../../src/base/raw.ts';
import { escapeName, escapeText } from '../../src/ui/escape.ts';

const HARMFUL = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

describe('a name that is printed', () => {
  it.each([
    ['plain.txt', 'plain.txt'],
    ['Grüße 日本 👩‍👩‍👧', 'Grüße 日本 👩‍👩‍👧'],
    ['a\nb\tc\rd', 'a\\nb\\tc\\rd'],
    ['\u001b[31mred', '\\x1b[31mred'],
    ['invoice\u202efdp.exe', 'invoice\\u202efdp.exe'],
    ['back\\slash', 'back\\\\slash'],
    ['\u009b2J', '\\x9b2J'],
    ['tag\u{e0041}', 'tag\\u{e0041}'],
  ])('%j is shown as %j', (name, shown) => {
    expect(escapeName(rawFromText(name))).toBe(shown);
  });

  it('shows bytes that are not UTF-8 as \\xNN and the rest as text', () => {
    const raw = Buffer.concat([Buffer.from('é'), Buffer.from([0xff, 0xc3]), Buffer.from('ü.txt')]).toString('latin1');
    expect(escapeName(raw as Raw)).toBe('é\\xff\\xc3ü.txt');
  });

  it('never lets a control or direction character through, and never shows two names alike', () => {
    const name = fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes).toString('latin1') as Raw);
    fc.assert(
      fc.property(name, name, (a, b) => {
        expect(escapeName(a)).not.toMatch(HARMFUL);
        if (a !== b) expect(escapeName(a)).not.toBe(escapeName(b));
      }),
    );
  });
});

describe('a message that is printed', () => {
  it('is one line without control characters, whatever it quotes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(escapeText(text)).not.toMatch(HARMFUL);
      }),
    );
    expect(escapeText('C:\\path\n')).toBe('C:\\path\\n');
  });
});
