import { createCipheriv } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isIcecoreError } from '../../src/base/errors.ts';
import {
  Chunker,
  type ChunkSizes,
  checkChunkSizes,
  DEFAULT_CHUNK_SIZES,
  GEAR_KEYSTREAM_LENGTH,
  makeGearTable,
} from '../../src/format/chunker.ts';

const SMALL: ChunkSizes = { min: 64, target: 256, max: 1024 };

/** Bytes that look random and are always the same: ChaCha20 keystream under a key of equal bytes. */
function keystream(length: number, seed: number): Buffer {
  return createCipheriv('chacha20', Buffer.alloc(32, seed), Buffer.alloc(16)).update(Buffer.alloc(length));
}

const TABLE = makeGearTable(keystream(GEAR_KEYSTREAM_LENGTH, 1));

/** The lengths of all chunks of a content that is at hand as a whole. */
function cuts(content: Uint8Array, sizes: ChunkSizes, table = TABLE): number[] {
  const chunker = new Chunker(table, sizes);
  const lengths: number[] = [];
  for (let at = 0; at < content.length; ) {
    const length = chunker.next(content, at, content.length, true);
    lengths.push(length);
    at += length;
  }
  return lengths;
}

/** The rule as docs/format.md has it, without any cleverness. */
function plainCuts(content: Uint8Array, { min, target, max }: ChunkSizes, table = TABLE): number[] {
  const bits = Math.log2(target);
  const lengths: number[] = [];
  for (let start = 0; start < content.length; ) {
    let length = Math.min(min, content.length - start);
    for (; start + length < content.length && length < max; length++) {
      let hash = 0n;
      for (let j = 0n; j < 32n; j++) {
        hash += BigInt(table[content[start + length - 1 - Number(j)]!]! >>> 0) << j;
      }
      const top = (hash & 0xffffffffn) >> BigInt(32 - (length < target ? bits + 2 : bits - 2));
      if (top === 0n) break;
    }
    lengths.push(length);
    start += length;
  }
  return lengths;
}

/** Cuts a content that arrives in pieces, moving the unfinished chunk to the front of a buffer as a reader would. */
function cutsOfPieces(content: Uint8Array, pieces: readonly number[], sizes: ChunkSizes): number[] {
  const chunker = new Chunker(TABLE, sizes);
  const lengths: number[] = [];
  let held: Uint8Array = new Uint8Array();
  let at = 0;
  for (let turn = 0; at < content.length || held.length > 0; turn++) {
    const end = Math.min(content.length, at + (pieces[turn % pieces.length] ?? 1));
    held = Buffer.concat([held, content.subarray(at, end)]);
    at = end;
    for (;;) {
      const length = chunker.next(held, 0, held.length, at === content.length);
      if (length === 0) break;
      lengths.push(length);
      held = held.subarray(length);
    }
  }
  return lengths;
}

const anyContent = fc.oneof(
  fc.uint8Array({ maxLength: 5000, size: 'max' }),
  fc.tuple(fc.nat({ max: 5000 }), fc.nat({ max: 255 })).map(([length, seed]) => keystream(length, seed)),
  fc.tuple(fc.nat({ max: 5000 }), fc.nat({ max: 255 })).map(([length, byte]) => Buffer.alloc(length, byte)),
  fc.tuple(fc.nat({ max: 200 }), fc.uint8Array({ minLength: 1, maxLength: 40 })).map(([n, part]) => {
    return Buffer.concat(Array.from({ length: n }, () => part));
  }),
);

describe('the chunker', () => {
  test('follows the rule as the format describes it', () => {
    fc.assert(
      fc.property(anyContent, (content) => {
        expect(cuts(content, SMALL)).toEqual(plainCuts(content, SMALL));
      }),
      { numRuns: 60 },
    );
  });

  test('makes chunks that concatenate to the content, within minimum and maximum but for the last', () => {
    fc.assert(
      fc.property(anyContent, (content) => {
        const lengths = cuts(content, SMALL);
        expect(lengths.reduce((a, b) => a + b, 0)).toBe(content.length);
        for (const length of lengths) expect(length).toBeLessThanOrEqual(SMALL.max);
        for (const length of lengths.slice(0, -1)) expect(length).toBeGreaterThanOrEqual(SMALL.min);
      }),
    );
  });

  test('cuts the same however the bytes arrive', () => {
    const pieces = fc.array(fc.integer({ min: 1, max: 1500 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(anyContent, pieces, (content, sizes) => {
        expect(cutsOfPieces(content, sizes, SMALL)).toEqual(cuts(content, SMALL));
      }),
    );
    const content = keystream(20_000, 7);
    expect(cutsOfPieces(content, [1], SMALL)).toEqual(cuts(content, SMALL));
  });

  test('cuts the same at any offset of any kind of byte array', () => {
    const content = keystream(10_000, 8);
    const shifted = new Uint8Array(10_003);
    shifted.set(content, 3);
    expect(cuts(shifted.subarray(3), SMALL)).toEqual(cuts(content, SMALL));
    const chunker = new Chunker(TABLE, SMALL);
    expect(chunker.next(shifted, 3, shifted.length, true)).toBe(cuts(content, SMALL)[0]);
  });

  test('does not look at bytes outside the given range', () => {
    const content = keystream(3000, 9);
    const chunker = new Chunker(TABLE, SMALL);
    expect(chunker.next(content, 100, 150, true)).toBe(50);
    expect(chunker.next(content, 100, 164, false)).toBe(chunker.next(content.subarray(100, 164), 0, 64, false));
  });

  test('makes no chunk of nothing, and one of a content that is not longer than the minimum', () => {
    const chunker = new Chunker(TABLE, SMALL);
    expect(chunker.next(new Uint8Array(), 0, 0, true)).toBe(0);
    for (const length of [1, 31, 32, 63, 64]) expect(cuts(keystream(length, 3), SMALL)).toEqual([length]);
  });

  test('cuts content that never qualifies at the maximum', () => {
    const never = Int32Array.from({ length: 256 }, () => 1 << 10);
    expect(cuts(new Uint8Array(2500), SMALL, never)).toEqual([1024, 1024, 452]);
    expect(cuts(new Uint8Array(200), SMALL, new Int32Array(256))).toEqual([64, 64, 64, 8]);
  });

  test('begins anew after a reset in the middle of a chunk', () => {
    const chunker = new Chunker(TABLE, SMALL);
    const content = keystream(5000, 4);
    expect(chunker.next(new Uint8Array(900), 0, 900, false)).toBe(0);
    chunker.reset();
    expect(chunker.next(content, 0, content.length, true)).toBe(cuts(content, SMALL)[0]);
  });

  test('keeps nearly all cuts after an insertion near the start', () => {
    const sizes = { min: 1024, target: 4096, max: 16_384 };
    const content = keystream(1 << 20, 5);
    const ends = (lengths: readonly number[]) => lengths.map((_, i) => lengths.slice(0, i + 1).reduce((a, b) => a + b));
    const before = ends(cuts(content, sizes));
    for (const inserted of [1, 7, 1000, 100_000]) {
      const changed = Buffer.concat([content.subarray(0, 300), keystream(inserted, 6), content.subarray(300)]);
      const after = new Set(ends(cuts(changed, sizes)).map((end) => end - inserted));
      const kept = before.filter((end) => after.has(end)).length;
      expect(kept / before.length).toBeGreaterThan(0.95);
    }
  });

  test('makes chunks near the target, most of them between half and twice of it', () => {
    const content = keystream(32 << 20, 10);
    const sizes = { min: 4096, target: 16_384, max: 65_536 };
    const lengths = cuts(content, sizes).slice(0, -1);
    const mean = content.length / lengths.length;
    expect(mean / sizes.target).toBeGreaterThan(1);
    expect(mean / sizes.target).toBeLessThan(1.25);
    const usual = lengths.filter((length) => length > sizes.target / 2 && length < sizes.target * 2).length;
    expect(usual / lengths.length).toBeGreaterThan(0.85);
    expect(lengths.filter((length) => length === sizes.max).length / lengths.length).toBeLessThan(0.001);
  });

  test('cuts elsewhere under another key', () => {
    const content = keystream(1 << 18, 11);
    const other = makeGearTable(keystream(GEAR_KEYSTREAM_LENGTH, 2));
    expect(cuts(content, SMALL, other)).not.toEqual(cuts(content, SMALL));
  });

  test('never changes its mind: the vector of docs/format.md', () => {
    const key = Buffer.from(Array.from({ length: 32 }, (_, i) => i));
    const table = makeGearTable(createCipheriv('chacha20', key, Buffer.alloc(16)).update(Buffer.alloc(1024)));
    const content = keystream(4096, 0xff);
    expect([table[0]! >>> 0, table[255]! >>> 0].map((entry) => entry.toString(16))).toEqual(['7d2bfd39', '74af8f13']);
    expect(cuts(content, SMALL, table)).toEqual([271, 277, 326, 340, 270, 295, 275, 154, 570, 318, 327, 271, 400, 2]);
    expect(cuts(keystream(8 << 20, 0xff), DEFAULT_CHUNK_SIZES, table)).toEqual([
      1179039, 1309442, 1618712, 559758, 2193900, 1146152, 381605,
    ]);
  });

  test('refuses sizes that are not possible, and too little keystream', () => {
    const bad: [number, number, number][] = [
      [16, 256, 1024],
      [64, 300, 1024],
      [256, 256, 1024],
      [64, 256, 256],
      [64.5, 256, 1024],
      [262_144, 1_048_576, 8_388_609],
      [262_144, 8_388_608, 8_388_608],
      [Number.NaN, 256, 1024],
      [64, 0, 1024],
    ];
    for (const [min, target, max] of bad) {
      expect(() => checkChunkSizes({ min, target, max }), `${min}/${target}/${max}`).toThrow(
        expect.toSatisfy((error) => isIcecoreError(error, 'config')),
      );
    }
    expect(() => makeGearTable(new Uint8Array(1023))).toThrow();
  });
});
