import { randomBytes } from 'node:crypto';
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isIcecoreError } from '../../src/base/errors.ts';
import {
  findFrames,
  frameAt,
  MAX_WINDOW_LENGTH,
  parseFrameHeader,
  rawFrame,
  rawFrameLength,
  skippableFrame,
  ZSTD_BLOCK_LENGTH,
} from '../../src/format/zstd-frame.ts';

const LENGTHS = [0, 1, 255, 256, 257, 65_791, 65_792, ZSTD_BLOCK_LENGTH - 1, ZSTD_BLOCK_LENGTH, ZSTD_BLOCK_LENGTH + 1];

describe('a frame of raw blocks', () => {
  test.each([...LENGTHS, 3 * ZSTD_BLOCK_LENGTH, MAX_WINDOW_LENGTH, MAX_WINDOW_LENGTH + 1])(
    'holds %i bytes that the stock decoder gets back',
    (length) => {
      const raw = randomBytes(length);
      const frame = rawFrame(raw);
      expect(frame.length).toBe(rawFrameLength(length));
      expect(zstdDecompressSync(frame).equals(raw)).toBe(true);
    },
  );

  test.each([...LENGTHS, MAX_WINDOW_LENGTH, MAX_WINDOW_LENGTH + 1])(
    'of %i bytes states its content size and needs no window over the limit',
    (length) => {
      const frame = rawFrame(Buffer.alloc(length));
      const header = parseFrameHeader(frame, 'x');
      expect(header.contentSize).toBe(length);
      expect(header.hasChecksum).toBe(false);
      expect(header.windowSize).toBeLessThanOrEqual(MAX_WINDOW_LENGTH);
      const span = frameAt(frame, 0, 'x');
      expect(span).toMatchObject({ type: 'zstd', offset: 0, length: frame.length, maxContentSize: length });
    },
  );
});

test('frames of the compressor, of our own and skippable ones are found where they lie', () => {
  const part = fc.oneof(
    fc.uint8Array({ maxLength: 3000 }).map((raw) => ({ type: 'zstd', bytes: rawFrame(raw), size: raw.length })),
    fc
      .record({ raw: fc.uint8Array({ maxLength: 3000 }), level: fc.integer({ min: -5, max: 12 }), sum: fc.boolean() })
      .map(({ raw, level, sum }) => {
        const params = { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: sum ? 1 : 0 };
        return { type: 'zstd', bytes: zstdCompressSync(raw, { params }), size: raw.length };
      }),
    fc
      .record({ payload: fc.uint8Array({ maxLength: 300 }), magic: fc.integer({ min: 0x184d2a50, max: 0x184d2a5f }) })
      .map(({ payload, magic }) => ({
        type: 'skippable',
        bytes: skippableFrame(magic, payload),
        size: payload.length,
      })),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
      const spans = [...findFrames(Buffer.concat(parts.map(({ bytes }) => bytes)), 'x')];
      let offset = 0;
      expect(spans.length).toBe(parts.length);
      for (const [i, span] of spans.entries()) {
        const { type, bytes, size } = parts[i]!;
        expect([span.type, span.offset, span.length]).toEqual([type, offset, bytes.length]);
        if (span.type === 'skippable') expect(span.payload.length).toBe(size);
        else expect(span.maxContentSize).toBeGreaterThanOrEqual(size);
        offset += bytes.length;
      }
    }),
  );
});

test('a frame cut anywhere is truncated', () => {
  const compressed = zstdCompressSync(Buffer.from('a text that compresses, a text that compresses'), {
    params: { [constants.ZSTD_c_checksumFlag]: 1 },
  });
  for (const frame of [compressed, rawFrame(Buffer.alloc(300)), skippableFrame(0x184d2a5e, Buffer.alloc(30))]) {
    for (let length = 1; length < frame.length; length++) {
      expect(codeOf(() => [...findFrames(frame.subarray(0, length), 'x')])).toBe('zstd-truncated');
    }
  }
});

test('any bytes are walked or refused, and the walk ends', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.uint8Array({ maxLength: 200 }).map((tail) => Buffer.concat([Buffer.from('28b52ffd', 'hex'), tail])),
  );
  fc.assert(
    fc.property(bytes, (input) => {
      try {
        for (const span of findFrames(input, 'x')) expect(span.length).toBeGreaterThan(0);
      } catch (error) {
        expect(isIcecoreError(error, 'damage')).toBe(true);
      }
    }),
    { numRuns: 2000 },
  );
});

test.each([
  ['a reserved bit', '28b52ffd2801010000', /reserved bit/],
  ['a dictionary', '28b52ffd217f00010000', /dictionary/],
  ['a reserved block type', '28b52ffd2000070000', /reserved type/],
  ['a block longer than the window', '28b52ffd2001110000aaaa', /too long a zstd block/],
  ['a content size over 2^53', '28b52ffde0ffffffffffffffff010000', /content size/],
  ['other bytes', '0000000000000000', /not a zstd frame/],
])('a frame with %s is refused', (_, hex, message) => {
  expect(() => frameAt(Buffer.from(hex, 'hex'), 0, 'some object')).toThrow(message);
  expect(() => frameAt(Buffer.from(hex, 'hex'), 0, 'some object')).toThrow('some object');
});

test('a single-segment frame has its content as window', () => {
  const frame = Buffer.from('28b52ffda0ffffffff010000', 'hex');
  expect(parseFrameHeader(frame, 'x')).toMatchObject({ windowSize: 0xffffffff, contentSize: 0xffffffff });
});

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (isIcecoreError(error)) return error.code;
    throw error;
  }
  return 'none';
}
