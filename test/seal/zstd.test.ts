import { randomBytes } from 'node:crypto';
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isIcecoreError } from '../../src/base/errors.ts';
import { parseFrameHeader, rawFrame, rawFrameLength, skippableFrame } from '../../src/format/zstd-frame.ts';
import { compressAll, compressFrame, decompressAll, decompressFrame } from '../../src/seal/zstd.ts';

const MEBIBYTE = 1_048_576;
const limit = { maxRawLength: 16 * MEBIBYTE };

/** Words, seeded by a length: compresses to about a third. */
function text(length: number): Buffer {
  const words = 'glacier layer drill core snow year dust ash bubble depth meter archive'.split(' ');
  let state = length + 1;
  let result = '';
  while (result.length < length) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    result += `${words[(state >>> 16) % words.length]}${state % 7 === 0 ? '\n' : ' '}`;
  }
  return Buffer.from(result.slice(0, length));
}

const content = fc.oneof(
  fc.uint8Array({ maxLength: 2000 }),
  fc.nat(300_000).map((length) => text(length)),
  fc.nat(300_000).map((length) => randomBytes(length)),
  fc.nat(300_000).map((length) => Buffer.alloc(length)),
);

describe('a compressed frame', () => {
  test('is one frame that states its size, and opens here and in the stock decoder', () => {
    fc.assert(
      fc.property(content, fc.constantFrom(-5, 1, 3, 19, 22), (raw, level) => {
        const frame = compressFrame(raw, level);
        expect(parseFrameHeader(frame, 'x')).toMatchObject({ contentSize: raw.length, hasChecksum: false });
        expect(frame.length).toBeLessThanOrEqual(rawFrameLength(raw.length));
        expect(decompressFrame(frame, limit, 'x').equals(raw)).toBe(true);
        expect(zstdDecompressSync(frame).equals(raw)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  test.each([1, 3, 22])('of 12 MiB at level %i stays within the window that readers accept', (level) => {
    const raw = Buffer.alloc(12 * MEBIBYTE, text(300_000));
    const frame = compressFrame(raw, level);
    expect(frame.length).toBeLessThan(raw.length / 2);
    expect(decompressFrame(frame, limit, 'x').equals(raw)).toBe(true);
    const random = randomBytes(12 * MEBIBYTE);
    expect(decompressFrame(compressFrame(random, level), limit, 'x').equals(random)).toBe(true);
  });

  test('of random bytes is stored raw, of text compressed, of half and half compressed', () => {
    const size = 2 * MEBIBYTE;
    expect(compressFrame(randomBytes(size), 3).length).toBe(rawFrameLength(size));
    expect(compressFrame(text(size), 3).length).toBeLessThan(size / 2);
    const mixed = Buffer.concat([randomBytes(size / 2), text(size / 2)]);
    expect(compressFrame(mixed, 3).length).toBeLessThan(size * 0.8);
  });

  test('is a view of not much more memory than it needs', () => {
    const frame = compressFrame(Buffer.alloc(4 * MEBIBYTE), 3);
    expect(frame.buffer.byteLength).toBeLessThan(MEBIBYTE);
  });
});

describe('decompressing a frame refuses', () => {
  const frame = Buffer.from(compressFrame(text(5000), 3));
  const huge = Buffer.from('28b52ffda0ffffffff4d0000ffffffffffffffffff', 'hex');
  const cases: [string, Buffer, string][] = [
    ['a frame with bytes after it', Buffer.concat([frame, Buffer.from([0])]), 'zstd-malformed'],
    ['two frames', Buffer.concat([frame, frame]), 'zstd-malformed'],
    ['a frame before a skippable one', Buffer.concat([frame, skippableFrame(0x184d2a50, frame)]), 'zstd-malformed'],
    ['a skippable frame', skippableFrame(0x184d2a50, frame), 'zstd-malformed'],
    ['a frame that is cut', frame.subarray(0, -1), 'zstd-truncated'],
    ['no bytes', Buffer.alloc(0), 'zstd-truncated'],
    ['something else', Buffer.from('this is not zstd'), 'zstd-malformed'],
    ['a content size of 4 GiB', huge, 'zstd-too-long'],
    ['content over the limit', rawFrame(Buffer.alloc(limit.maxRawLength + 1)), 'zstd-too-long'],
    ['no content size', withoutContentSize(text(5000)), 'zstd-malformed'],
    ['16 MiB out of one block', Buffer.from('28b52ffd8068000000010300004100', 'hex').subarray(0, 14), 'zstd-malformed'],
    ['a window of 16 MiB', Buffer.from('28b52ffd80700a0000005300004141', 'hex').subarray(0, 14), 'zstd-window'],
    ['a dictionary', Buffer.from('28b52ffd217f01010000', 'hex'), 'zstd-malformed'],
  ];
  test.each(cases)('%s', (_, bytes, code) => {
    expect(codeOf(() => decompressFrame(bytes, limit, 'obj'))).toBe(code);
  });

  test('more content than asked for, and takes exactly as much', () => {
    expect(decompressFrame(frame, { maxRawLength: 5000 }, 'x').length).toBe(5000);
    expect(codeOf(() => decompressFrame(frame, { maxRawLength: 4999 }, 'x'))).toBe('zstd-too-long');
  });

  test('or opens whatever else the bytes are, with no other error', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(frame.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        (edits) => {
          const damaged = Buffer.from(frame);
          for (const [at, value] of edits) damaged[at] = value;
          expect(codeOf(() => decompressFrame(damaged, { maxRawLength: 1 << 20 }, 'x'))).toMatch(/^(none|zstd-.*)$/);
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe('an object', () => {
  test('opens as it was compressed, also in several frames with skippable ones between', () => {
    fc.assert(
      fc.property(fc.array(content, { maxLength: 4 }), (parts) => {
        const all = Buffer.concat(parts);
        expect(decompressAll(compressAll(all), all.length, 'x').equals(all)).toBe(true);
        const frames = parts.flatMap((part) => [compressAll(part), skippableFrame(0x184d2a5e, randomBytes(9))]);
        expect(decompressAll(Buffer.concat(frames), all.length, 'x').equals(all)).toBe(true);
        if (all.length > 0) {
          expect(codeOf(() => decompressAll(Buffer.concat(frames), all.length - 1, 'x'))).toBe('zstd-too-long');
        }
      }),
      { numRuns: 40 },
    );
  });

  test('is refused as a whole when its last frame is bad', () => {
    const bytes = Buffer.concat([compressAll(text(1000)), Buffer.from('garbage')]);
    expect(codeOf(() => decompressAll(bytes, 5000, 'x'))).toBe('zstd-malformed');
  });
});

function withoutContentSize(raw: Buffer): Buffer {
  return zstdCompressSync(raw, { params: { [constants.ZSTD_c_contentSizeFlag]: 0 } });
}

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (isIcecoreError(error, 'damage')) return error.code;
    throw error;
  }
  return 'none';
}
