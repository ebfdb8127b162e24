import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { renderTable } from '../../src/ui/table.ts';
import { cutEnd, cutStart, displayWidth, pad, wrap } from '../../src/ui/width.ts';

describe('the width of a text', () => {
  it('counts wide characters twice and combining ones not at all', () => {
    expect(displayWidth('abc')).toBe(3);
    expect(displayWidth('日本')).toBe(4);
    expect(displayWidth('e\u0301')).toBe(1);
    expect(displayWidth('👍')).toBe(2);
  });

  it('keeps the end of what is cut at the start, and the start of what is cut at the end', () => {
    expect(cutStart('/home/anna/photos', 8)).toBe('…/photos');
    expect(cutEnd('/home/anna/photos', 8)).toBe('/home/a…');
    expect(cutEnd('short', 8)).toBe('short');
  });

  it('is never passed by a cut text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 0, max: 30 }), (text, columns) => {
        const plain = text.replace(/\p{C}/gu, '');
        expect(displayWidth(cutStart(plain, columns))).toBeLessThanOrEqual(columns);
        expect(displayWidth(cutEnd(plain, columns))).toBeLessThanOrEqual(columns);
      }),
    );
  });

  it('is what padding fills', () => {
    expect(pad('日', 4)).toBe('日  ');
    expect(pad('7', 3, 'right')).toBe('  7');
    expect(wrap('one two three', 7)).toEqual(['one two', 'three']);
  });
});

describe('a table', () => {
  const columns = [
    { title: 'id' },
    { title: 'tags', optional: true },
    { title: 'size', align: 'right' as const },
    { title: 'paths', flexible: true },
  ];

  it('aligns its columns, leaves out empty optional ones and trailing blanks', () => {
    expect(
      renderTable(columns, [
        ['a', '', '1 B', '/x'],
        ['bb', '', '12 KiB', ''],
      ]),
    ).toEqual(['id    size  paths', 'a      1 B  /x', 'bb  12 KiB']);
  });

  it('cuts its flexible column to the width of the terminal, and nothing where there is none', () => {
    const rows = [['a', 't', '1 B', '/a/very/long/path/that/goes/on/and/on']];
    for (const line of renderTable(columns, rows, { columns: 40 })) expect(displayWidth(line)).toBeLessThanOrEqual(40);
    expect(renderTable(columns, rows)[1]).toContain('/a/very/long/path/that/goes/on/and/on');
  });
});
