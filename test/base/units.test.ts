import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isIcecoreError } from '../../src/base/errors.ts';
import {
  formatAge,
  formatBytes,
  formatCount,
  formatDuration,
  formatPercentage,
  formatRate,
  parseAge,
  parseDuration,
  parsePercentage,
  parseRate,
  parseSize,
  subtractAge,
} from '../../src/base/units.ts';

function expectUsage(code: string, parse: (text: string) => unknown, texts: readonly string[]): void {
  for (const text of texts) {
    try {
      parse(text);
    } catch (error) {
      expect(isIcecoreError(error, 'usage') && error.code === code && error.hint !== undefined, text).toBe(true);
      continue;
    }
    expect.unreachable(`${text} was taken`);
  }
}

describe('sizes and rates', () => {
  test('bytes, binary and decimal units are told apart', () => {
    const sizes: [string, number][] = [
      ['0', 0],
      ['4096', 4096],
      ['512B', 512],
      ['5MiB', 5 * 1048576],
      ['5 mib', 5 * 1048576],
      ['1.5G', 1.5 * 2 ** 30],
      ['1k', 1024],
      ['10MB', 10_000_000],
      ['0.1K', 102],
      ['2T', 2 ** 41],
      ['1PiB', 2 ** 50],
      ['9007199254740991', Number.MAX_SAFE_INTEGER],
    ];
    for (const [text, bytes] of sizes) expect(parseSize(text), text).toBe(bytes);
  });

  test('anything else is a usage error', () => {
    const bad = [
      '',
      'x',
      '-1',
      '1.5',
      '1e3',
      '5 MiBs',
      '5iB',
      '1  K',
      '9007199254740992',
      '99999P',
      '1,5G',
      '0x10',
      '١',
    ];
    expectUsage('bad-size', parseSize, [...bad, 'NaN', 'Infinity', 'x'.repeat(10_000)]);
  });

  test('a rate may say a second, and is never nothing', () => {
    expect(parseRate('10MiB/s')).toBe(10 * 1048576);
    expect(parseRate('500K')).toBe(512_000);
    expect(parseRate('1 MB /s')).toBe(1_000_000);
    expectUsage('bad-rate', parseRate, ['0', '0/s', '', '/s', '1M/h', '1M/s/s']);
  });

  test('sizes are shown with three digits, and never as 1024 of a unit', () => {
    const shown: [number, string][] = [
      [0, '0 B'],
      [1023, '1023 B'],
      [1024, '1.00 KiB'],
      [10_239, '10.0 KiB'],
      [12.34 * 1048576, '12.3 MiB'],
      [1048575, '1.00 MiB'],
      [456 * 2 ** 30, '456 GiB'],
      [1000 * 2 ** 50, '1000 PiB'],
      [-2048, '-2.00 KiB'],
    ];
    for (const [bytes, text] of shown) expect(formatBytes(bytes)).toBe(text);
    expect(formatRate(2048)).toBe('2.00 KiB/s');
    fc.assert(
      fc.property(
        fc.maxSafeNat().map((n) => Math.floor(n / 2)),
        (bytes) => {
          const text = formatBytes(bytes);
          expect(text).toMatch(/^(?:\d{1,4}|\d\.\d\d|\d\d\.\d) (?:B|[KMGTP]iB)$/);
          expect(Math.abs(parseSize(text) - bytes)).toBeLessThanOrEqual(bytes * 0.00501);
        },
      ),
    );
  });
});

describe('durations and ages', () => {
  test('durations are sums of units from long to short', () => {
    const hour = 3_600_000;
    const durations: [string, number][] = [
      ['0', 0],
      ['24h', 24 * hour],
      ['7d', 168 * hour],
      ['2w', 336 * hour],
      ['1h30m', 1.5 * hour],
      ['1h 30 min', 1.5 * hour],
      ['1.5s', 1500],
      ['250ms', 250],
    ];
    for (const [text, ms] of durations) expect(parseDuration(text), text).toBe(ms);
    expectUsage('bad-duration', parseDuration, [
      '',
      '5',
      'h',
      '1h1h',
      '30m1h',
      '-1h',
      '1mo',
      '1y',
      '1m1min',
      '999999999999w',
    ]);
  });

  test('durations are shown by their two largest units', () => {
    const shown: [number, string][] = [
      [0, '0.0 s'],
      [-5, '0.0 s'],
      [440, '0.4 s'],
      [9949, '9.9 s'],
      [9999, '10 s'],
      [59_600, '1 min'],
      [200_000, '3 min 20 s'],
      [3_599_700, '1 h'],
      [7_500_000, '2 h 5 min'],
      [86_399_000, '1 d'],
      [273_600_000, '3 d 4 h'],
    ];
    for (const [ms, text] of shown) expect(formatDuration(ms), String(ms)).toBe(text);
  });

  test('ages go by the calendar', () => {
    const at = (text: string) => Date.parse(text);
    const ago = (time: string, age: string) => new Date(subtractAge(at(time), parseAge(age))).toISOString();
    expect(ago('2026-03-31T12:00:00Z', '1mo')).toBe('2026-02-28T12:00:00.000Z');
    expect(ago('2024-03-31T12:00:00Z', '1mo')).toBe('2024-02-29T12:00:00.000Z');
    expect(ago('2024-02-29T00:00:00Z', '1y')).toBe('2023-02-28T00:00:00.000Z');
    expect(ago('2026-01-15T00:00:00Z', '1y6mo')).toBe('2024-07-15T00:00:00.000Z');
    expect(ago('2026-01-15T00:00:00Z', '2w1d12h')).toBe('2025-12-30T12:00:00.000Z');
    expectUsage('bad-age', parseAge, ['', '6m', '5', 'y', '1d1y', '1.5y', '-1d']);
  });

  test('ages are shown by the largest unit', () => {
    expect(formatAge(59_000)).toBe('just now');
    expect(formatAge(60_000)).toBe('1 minute ago');
    expect(formatAge(3 * 86_400_000)).toBe('3 days ago');
    expect(formatAge(800 * 86_400_000)).toBe('2 years ago');
    expect(formatAge(-1)).toBe('in the future');
  });
});

describe('counts and percentages', () => {
  test('percentages are fractions', () => {
    expect(parsePercentage('5%')).toBe(0.05);
    expect(parsePercentage('100')).toBe(1);
    expect(parsePercentage('2.5 %')).toBe(0.025);
    expectUsage('bad-percentage', parsePercentage, ['', '%', '101%', '-1%', '5%%', '1e1']);
  });

  test('neither almost all nor a little is rounded away', () => {
    expect(formatPercentage(0)).toBe('0%');
    expect(formatPercentage(0.0001)).toBe('<0.1%');
    expect(formatPercentage(0.004)).toBe('0.4%');
    expect(formatPercentage(0.05)).toBe('5%');
    expect(formatPercentage(0.9999)).toBe('99%');
    expect(formatPercentage(1)).toBe('100%');
  });

  test('counts have commas', () => {
    expect([0, 999, 1000, 84000, 1234567].map(formatCount)).toEqual(['0', '999', '1,000', '84,000', '1,234,567']);
  });

  test('no text makes a parser do anything but answer or refuse', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'0159.kKmMgGiBbsSdhwyo %/-e') }), (text) => {
        for (const parse of [parseSize, parseRate, parseDuration, parsePercentage]) {
          try {
            expect(parse(text)).toBeGreaterThanOrEqual(0);
          } catch (error) {
            expect(isIcecoreError(error, 'usage')).toBe(true);
          }
        }
      }),
      { numRuns: 3000 },
    );
  });
});
