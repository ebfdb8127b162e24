import { createHash, randomBytes } from 'node:crypto';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isIcecoreError } from '../../src/base/errors.ts';
import type { ChunkId, RepoId } from '../../src/base/ids.ts';
import {
  decodeSignatureFrame,
  decodeToc,
  encodeSignatureFrame,
  encodeToc,
  type FrameInfo,
  packStatement,
} from '../../src/format/pack.ts';
import {
  decodeSeekTable,
  encodePackTail,
  encodeSeekTable,
  findTocAndSignature,
  paddingFrame,
  paddingLength,
  padmeLength,
  readSeekTableLength,
  SEEK_FOOTER_LENGTH,
} from '../../src/format/pack-tail.ts';
import {
  TAR_BLOCK,
  TAR_END_LENGTH,
  TOC_MEMBER,
  tarMemberLength,
  walkTar,
  writeMemberHeader,
} from '../../src/format/tar.ts';
import { findFrames } from '../../src/format/zstd-frame.ts';

const SIGNATURE = { writer: '0123456789abcdef', mac: new Uint8Array(32).fill(1), sig: new Uint8Array(64).fill(2) };

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

/** Frames that lie as they must, with made-up ids. */
const anyFrames = fc
  .array(
    fc.tuple(
      fc.integer({ min: 1, max: 100_000 }),
      fc.array(fc.integer({ min: 1, max: 50_000 }), { minLength: 1, maxLength: 9 }),
    ),
    {
      maxLength: 8,
    },
  )
  .map((shapes): FrameInfo[] => {
    let offset = 0;
    return shapes.map(([length, lengths], f) => {
      let raw = 0;
      const chunks = lengths.map((chunkLength, c) => {
        const id = createHash('sha256').update(`${f} ${c}`).digest('hex') as ChunkId;
        const place = [id, raw + TAR_BLOCK, chunkLength] as const;
        raw += tarMemberLength(chunkLength);
        return place;
      });
      const frame = { offset, length, rawLength: raw, chunks };
      offset += length;
      return frame;
    });
  });

/** A whole plaintext: compressed tar frames, table of contents, tail. */
function makePack(contents: readonly Uint8Array[], isPadded: boolean) {
  const frames: FrameInfo[] = [];
  const parts: Buffer[] = [];
  let offset = 0;
  for (const content of contents) {
    const id = createHash('sha256').update(content).digest('hex') as ChunkId;
    const tar = Buffer.alloc(tarMemberLength(content.length));
    writeMemberHeader(tar, 0, id, content.length);
    tar.set(content, TAR_BLOCK);
    const frame = zstdCompressSync(tar);
    frames.push({ offset, length: frame.length, rawLength: tar.length, chunks: [[id, TAR_BLOCK, content.length]] });
    parts.push(frame);
    offset += frame.length;
  }
  const toc = encodeToc(frames);
  const tar = Buffer.alloc(tarMemberLength(toc.length) + TAR_END_LENGTH);
  writeMemberHeader(tar, 0, TOC_MEMBER, toc.length);
  tar.set(toc, TAR_BLOCK);
  const tocFrame = zstdCompressSync(tar);
  const all = [...frames, { length: tocFrame.length, rawLength: tar.length }];
  return {
    frames,
    plain: Buffer.concat([...parts, tocFrame, encodePackTail(all, encodeSignatureFrame(SIGNATURE), isPadded)]),
  };
}

describe('a pack', () => {
  test('is found whole from its last bytes: seek table, signature, table of contents, chunks', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 1 }), { maxLength: 5 }), fc.boolean(), (contents, isPadded) => {
        const { frames, plain } = makePack(contents, isPadded);
        if (isPadded) expect(padmeLength(plain.length)).toBe(plain.length);
        const tableLength = readSeekTableLength(plain.subarray(-SEEK_FOOTER_LENGTH), 'thing');
        const entries = decodeSeekTable(plain.subarray(-tableLength), plain.length, 'thing');
        const { toc, signature } = findTocAndSignature(entries, 'thing');
        const part = (entry: { offset: number; length: number }) =>
          plain.subarray(entry.offset, entry.offset + entry.length);
        expect(decodeSignatureFrame(part(signature), 'thing').writer).toBe(SIGNATURE.writer);
        const tocTar = zstdDecompressSync(part(toc));
        expect(tocTar.length).toBe(toc.rawLength);
        const [member] = walkTar(tocTar, 'thing');
        expect(member!.name).toBe(TOC_MEMBER);
        const read = decodeToc(tocTar.subarray(member!.offset, member!.offset + member!.length), 'thing');
        expect(read).toEqual(frames);
        for (const [i, frame] of read.entries()) {
          const tar = zstdDecompressSync(part(frame));
          const [, offset, length] = frame.chunks[0]!;
          expect(Buffer.compare(tar.subarray(offset, offset + length), contents[i]!)).toBe(0);
        }
      }),
      { numRuns: 40 },
    );
  });

  test('is a plain sequence of frames, which the seek table lists one by one', () => {
    for (const isPadded of [false, true]) {
      const { plain } = makePack([randomBytes(3000), Buffer.alloc(70_000)], isPadded);
      const spans = [...findFrames(plain, 'thing')];
      const entries = decodeSeekTable(plain, plain.length, 'thing');
      expect(spans.slice(0, -1).map(({ offset, length }) => [offset, length])).toEqual(
        entries.map(({ offset, length }) => [offset, length]),
      );
      expect(spans.slice(0, -1).map((span) => span.type === 'skippable')).toEqual(
        entries.map((entry) => entry.rawLength === 0),
      );
    }
  });

  test('of no chunks has a table of contents all the same', () => {
    const { plain, frames } = makePack([], true);
    expect(frames).toEqual([]);
    expect(decodeSeekTable(plain, plain.length, 'thing')[0]!.rawLength).toBeGreaterThan(0);
  });
});

describe('the table of contents', () => {
  test('round-trips', () => {
    fc.assert(
      fc.property(anyFrames, (frames) => {
        expect(decodeToc(encodeToc(frames), 'thing')).toEqual(frames);
      }),
    );
  });

  test('with anything out of its place is refused', () => {
    const id = 'ab'.repeat(32) as ChunkId;
    const good: FrameInfo[] = [
      {
        offset: 0,
        length: 10,
        rawLength: 2048,
        chunks: [
          [id, 512, 5],
          [id, 1536, 512],
        ],
      },
      { offset: 10, length: 20, rawLength: 1024, chunks: [[id, 512, 512]] },
    ];
    const text = encodeToc(good).toString();
    expect(decodeToc(Buffer.from(text), 'thing')).toEqual(good);
    const edits: [string, string, RegExp][] = [
      ['"toc":1', '"toc":2', /json-field/],
      ['"frames":2', '"frames":3', /toc-truncated/],
      ['"frames":2', '"frames":1', /toc-truncated/],
      ['"frames":2', '"frames":2,"x":1', /json-field/],
      ['"offset":10', '"offset":11', /frame-place/],
      ['"length":10', '"length":0', /json-field/],
      ['"rawLength":1024', '"rawLength":1536', /frame-place/],
      ['"rawLength":1024', '"rawLength":99999999', /json-field/],
      [',512,5]', ',511,5]', /frame-place/],
      [',1536,512]', ',1024,512]', /frame-place/],
      [',512,5]', ',512,0]', /json-field/],
      [',512,5]', ',512,8388609]', /json-field/],
      [',512,5]', ',512,5,1]', /json-field/],
      [',512,5]', ',512,5.5]', /json-field/],
      ['abab', 'ABAB', /json-field/],
      ['abab', 'aba', /json-field/],
      [',512,5]', ',512,[5]]', /json-too-deep|json-field/],
      ['"chunks":', '"chunk":', /json-field/],
    ];
    for (const [from, to, code] of edits) {
      expect(text).toContain(from);
      expect(
        codeOf(() => decodeToc(Buffer.from(text.replace(from, to)), 'thing')),
        to,
      ).toMatch(code);
    }
    expect(codeOf(() => decodeToc(new Uint8Array(), 'thing'))).toBe('toc-truncated');
  });
});

describe('the signature', () => {
  test('round-trips in a frame that is always as long', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.uint8Array({ minLength: 64, maxLength: 64 }),
        (mac, sig) => {
          const frame = encodeSignatureFrame({ writer: 'fedcba9876543210', mac, sig });
          const read = decodeSignatureFrame(frame, 'thing');
          expect([read.writer, Buffer.compare(read.mac, mac), Buffer.compare(read.sig, sig)]).toEqual([
            'fedcba9876543210',
            0,
            0,
          ]);
          expect(frame.length).toBe(encodeSignatureFrame(SIGNATURE).length);
        },
      ),
    );
  });

  test('of another form is refused', () => {
    const frame = encodeSignatureFrame(SIGNATURE);
    expect(codeOf(() => decodeSignatureFrame(frame.subarray(1), 'thing'))).not.toBe('no error');
    expect(codeOf(() => decodeSignatureFrame(Buffer.concat([frame, frame]), 'thing'))).toBe('pack-signature');
    expect(codeOf(() => decodeSignatureFrame(paddingFrame(20), 'thing'))).toBe('pack-signature');
    expect(
      codeOf(() => decodeSignatureFrame(encodeSignatureFrame({ ...SIGNATURE, sig: new Uint8Array(63) }), 'thing')),
    ).toBe('json-field');
    expect(codeOf(() => decodeSignatureFrame(encodeSignatureFrame({ ...SIGNATURE, writer: 'admin' }), 'thing'))).toBe(
      'json-field',
    );
  });

  test('is over fields that cannot run into one another', () => {
    const base = { repo: '0'.repeat(32) as RepoId, name: 'packs/a', writer: 'w', tocHash: new Uint8Array(32) };
    const statement = packStatement(base).toString('latin1');
    expect(statement.startsWith('\0\0\0\ticecore/1\0\0\0\x04pack\0\0\0 00')).toBe(true);
    expect(packStatement({ ...base, name: 'packs/aw', writer: '' })).not.toEqual(packStatement(base));
    expect(() => packStatement({ ...base, tocHash: new Uint8Array(31) })).toThrow();
  });
});

describe('the seek table', () => {
  const frames = [
    { length: 100, rawLength: 1024 },
    { length: 50, rawLength: 2048 },
  ];

  test('has the bytes that the zstd seekable format prescribes', () => {
    expect(encodeSeekTable(frames, [9]).toString('hex')).toBe(
      '5e2a4d1821000000' + '6400000000040000' + '3200000000080000' + '0900000000000000' + '0300000000b1ea928f',
    );
  });

  test('with any byte changed is refused, or still describes the same number of bytes', () => {
    const table = encodeSeekTable(frames, [9]);
    const plainLength = 159 + table.length;
    expect(decodeSeekTable(table, plainLength, 'thing')).toHaveLength(3);
    expect(codeOf(() => decodeSeekTable(table, plainLength + 1, 'thing'))).toBe('seek-table');
    fc.assert(
      fc.property(fc.nat({ max: table.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = Buffer.from(table);
        changed[at]! ^= flip;
        try {
          const entries = decodeSeekTable(changed, plainLength, 'thing');
          expect(entries.reduce((sum, entry) => sum + entry.length, 0)).toBe(159);
        } catch (error) {
          expect(isIcecoreError(error, 'damage')).toBe(true);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('that is cut off, or lists frames in another order, is refused', () => {
    const table = encodeSeekTable(frames, [9]);
    expect(codeOf(() => readSeekTableLength(table.subarray(0, 8), 'thing'))).toBe('seek-table');
    expect(codeOf(() => decodeSeekTable(table.subarray(1), 159 + table.length, 'thing'))).toBe('seek-table');
    const entry = (rawLength: number) => ({ offset: 0, length: 9, rawLength });
    for (const raws of [[], [5], [0], [0, 5], [5, 0, 5, 0], [5, 0, 0, 0]]) {
      expect(
        codeOf(() => findTocAndSignature(raws.map(entry), 'thing')),
        String(raws),
      ).toBe('seek-table');
    }
    expect(findTocAndSignature([5, 6, 0].map(entry), 'thing').toc.rawLength).toBe(6);
  });
});

describe('padding', () => {
  test('is what the Padmé definition says, at most 12 % and at least nothing', () => {
    const byDefinition = (length: number) => {
      const exponent = Math.floor(Math.log2(length));
      const keep = Math.floor(Math.log2(exponent)) + 1;
      const mask = (1n << BigInt(Math.max(0, exponent - keep))) - 1n;
      return Number((BigInt(length) + mask) & ~mask);
    };
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 2 ** 45 }), (length) => {
        expect(padmeLength(length)).toBe(byDefinition(length));
        expect(padmeLength(length) / length).toBeLessThan(1.12);
        expect(padmeLength(padmeLength(length))).toBe(padmeLength(length));
      }),
      { numRuns: 2000 },
    );
    expect([0, 1, 2, 9, 100, 1_000_000].map(padmeLength)).toEqual([0, 1, 2, 10, 104, 1_015_808]);
  });

  test('always fits into a frame of its own, or is not needed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000_000 }), fc.constantFrom(0, 8), (length, extra) => {
        const padding = paddingLength(length, extra);
        if (padding === 0) expect(padmeLength(length)).toBe(length);
        else {
          expect(padding).toBeGreaterThanOrEqual(8);
          expect(padmeLength(length + extra + padding)).toBe(length + extra + padding);
        }
      }),
    );
    expect(paddingFrame(8)).toHaveLength(8);
    expect(() => paddingFrame(7)).toThrow();
  });
});
