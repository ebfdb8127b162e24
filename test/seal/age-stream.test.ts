import { randomBytes } from 'node:crypto';
import {
  Decrypter,
  Encrypter,
  generateHybridIdentity,
  generateX25519Identity,
  identityToRecipient,
} from 'age-encryption';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isIcecoreError } from '../../src/base/errors.ts';
import { openFile, sealFile } from '../../src/seal/age-file.ts';
import { createHeader, HeaderOpener } from '../../src/seal/age-header.ts';
import {
  BLOCK_LENGTH,
  blockRange,
  openBlocks,
  openStream,
  payloadKey,
  plainLength,
  SEALED_BLOCK_LENGTH,
  StreamSealer,
  sealedLength,
  TAG_LENGTH,
} from '../../src/seal/age-stream.ts';

const EDGES = [0, 1, BLOCK_LENGTH - 1, BLOCK_LENGTH, BLOCK_LENGTH + 1, 2 * BLOCK_LENGTH, 3 * BLOCK_LENGTH + 5];
const length = fc.oneof(fc.constantFrom(...EDGES), fc.nat(5 * BLOCK_LENGTH));
const fileKey = randomBytes(16);
const nonce = randomBytes(16);
const key = payloadKey(fileKey, nonce);

/** Seals in pieces that end at the given places. */
function seal(plain: Uint8Array, cuts: readonly number[] = []): Buffer {
  const sealer = new StreamSealer(fileKey, nonce);
  const ends = [...cuts.map((cut) => cut % (plain.length + 1)).sort((a, b) => a - b), plain.length];
  const pieces: Uint8Array[] = [];
  let start = 0;
  for (const end of ends) {
    const piece = Buffer.from(plain.subarray(start, end));
    pieces.push(sealer.update(piece));
    // The sealer may not look at what it was given once it has returned.
    piece.fill(0xff);
    start = end;
  }
  pieces.push(sealer.finish());
  return Buffer.concat(pieces);
}

const payload = (sealed: Uint8Array) => Buffer.concat([nonce, sealed]);

describe('a payload', () => {
  test.each(EDGES)('of %i bytes opens to what was sealed, and is as long as computed', (size) => {
    const plain = randomBytes(size);
    const sealed = seal(plain);
    expect(sealed.length).toBe(sealedLength(size));
    expect(plainLength(sealed.length, 'x')).toBe(size);
    expect(openStream(fileKey, payload(sealed), 'x').equals(plain)).toBe(true);
  });

  test('is the same however the plaintext arrives', () => {
    fc.assert(
      fc.property(length, fc.array(fc.nat(5 * BLOCK_LENGTH), { maxLength: 12 }), (size, cuts) => {
        const plain = randomBytes(size);
        const sealed = seal(plain, cuts);
        expect(sealed.equals(seal(plain))).toBe(true);
        expect(openStream(fileKey, payload(sealed), 'x').equals(plain)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  test('arrives in pieces that each own their memory', () => {
    const sealer = new StreamSealer(fileKey, nonce);
    for (const piece of [sealer.update(randomBytes(200_000)), sealer.update(randomBytes(10)), sealer.finish()]) {
      expect(piece.buffer.byteLength).toBe(piece.byteLength);
    }
  });

  test('yields any range of its plaintext from whole blocks', () => {
    const plain = randomBytes(4 * BLOCK_LENGTH + 77);
    const sealed = seal(plain);
    fc.assert(
      fc.property(fc.nat(plain.length), fc.nat(plain.length), (a, b) => {
        const [from, to] = a < b ? [a, b] : [b, a];
        const range = blockRange(from, to - from);
        const stored = sealed.subarray(range.offset, range.offset + range.length);
        const endsStream = range.length > 0 && range.offset + range.length >= sealed.length;
        const opened = openBlocks(key, stored, range.firstBlock, endsStream, 'x');
        expect(opened.subarray(range.skip, range.skip + to - from).equals(plain.subarray(from, to))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  test('does not open after a change of any one bit', () => {
    fc.assert(
      fc.property(length, fc.nat(), fc.nat(7), (size, place, bit) => {
        const stored = payload(seal(Buffer.alloc(size, 7)));
        stored[place % stored.length]! ^= 1 << bit;
        expect(codeOf(() => openStream(fileKey, stored, 'x'))).toBe('stream-damaged');
      }),
      { numRuns: 60 },
    );
  });

  test('cut off anywhere does not open', () => {
    const sealed = seal(Buffer.alloc(2 * BLOCK_LENGTH + 100));
    fc.assert(
      fc.property(fc.nat(sealed.length - 1), (end) => {
        expect(codeOf(() => openStream(fileKey, payload(sealed.subarray(0, end)), 'x'))).toMatch(/^stream-/);
      }),
      { numRuns: 60 },
    );
  });

  test('cut off between two blocks is called truncated, not damaged', () => {
    const sealed = seal(Buffer.alloc(3 * BLOCK_LENGTH));
    const cut = payload(sealed.subarray(0, 2 * SEALED_BLOCK_LENGTH));
    expect(codeOf(() => openStream(fileKey, cut, 'x'))).toBe('stream-truncated');
  });

  test('with two blocks exchanged does not open', () => {
    const sealed = seal(randomBytes(3 * BLOCK_LENGTH));
    const first = sealed.subarray(0, SEALED_BLOCK_LENGTH);
    const second = sealed.subarray(SEALED_BLOCK_LENGTH, 2 * SEALED_BLOCK_LENGTH);
    const swapped = Buffer.concat([second, first, sealed.subarray(2 * SEALED_BLOCK_LENGTH)]);
    expect(codeOf(() => openStream(fileKey, payload(swapped), 'x'))).toBe('stream-damaged');
  });

  test('under another nonce or file key does not open', () => {
    const sealed = seal(randomBytes(10));
    expect(codeOf(() => openStream(randomBytes(16), payload(sealed), 'x'))).toBe('stream-damaged');
    expect(codeOf(() => openStream(fileKey, Buffer.concat([randomBytes(16), sealed]), 'x'))).toBe('stream-damaged');
  });
});

test('blocks do not open at another place or in another role', () => {
  const sealed = seal(randomBytes(2 * BLOCK_LENGTH));
  const block = (i: number) => sealed.subarray(i * SEALED_BLOCK_LENGTH, (i + 1) * SEALED_BLOCK_LENGTH);
  expect(openBlocks(key, block(0), 0, false, 'x').length).toBe(BLOCK_LENGTH);
  expect(openBlocks(key, block(1), 1, true, 'x').length).toBe(BLOCK_LENGTH);
  expect(codeOf(() => openBlocks(key, block(0), 1, false, 'x'))).toBe('stream-damaged');
  expect(codeOf(() => openBlocks(key, block(0), 2 ** 32, false, 'x'))).toBe('stream-damaged');
  expect(codeOf(() => openBlocks(key, block(0), 0, true, 'x'))).toBe('stream-truncated');
  expect(codeOf(() => openBlocks(key, block(1), 1, false, 'x'))).toBe('stream-damaged');
  expect(codeOf(() => openBlocks(key, block(0).subarray(1), 0, false, 'x'))).toBe('stream-length');
});

test('the error of a damaged block names the object and the block', () => {
  const sealed = seal(randomBytes(3 * BLOCK_LENGTH));
  sealed[SEALED_BLOCK_LENGTH + 9]! ^= 1;
  try {
    openStream(fileKey, payload(sealed), 'packs/X/00000000');
    throw new Error('this should have failed');
  } catch (error) {
    expect(isIcecoreError(error, 'damage') && error.data).toEqual({ object: 'packs/X/00000000', block: 1 });
  }
});

test.each([0, 1, TAG_LENGTH - 1, SEALED_BLOCK_LENGTH + 1, SEALED_BLOCK_LENGTH + TAG_LENGTH])(
  'no payload is %i bytes long',
  (size) => {
    expect(codeOf(() => plainLength(size, 'x'))).toBe('stream-length');
  },
);

describe.each([
  ['x25519', generateX25519Identity],
  ['hybrid post-quantum', generateHybridIdentity],
])('with an identity of type %s', (_, generate) => {
  test('the age-encryption package opens what we seal, and we open what it seals', async () => {
    const identity = await generate();
    const recipient = await identityToRecipient(identity);
    const header = await createHeader([recipient]);
    const opener = new HeaderOpener([identity]);
    const decrypter = new Decrypter();
    decrypter.addIdentity(identity);
    const encrypter = new Encrypter();
    encrypter.addRecipient(recipient);
    const sizes = fc.oneof(fc.constantFrom(...EDGES.slice(0, 5)), fc.nat(BLOCK_LENGTH + 500));
    await fc.assert(
      fc.asyncProperty(sizes, async (size) => {
        const plain = randomBytes(size);
        const ours = sealFile(plain, header);
        expect(Buffer.from(await decrypter.decrypt(ours)).equals(plain)).toBe(true);
        expect((await openFile(ours, opener, 'x')).equals(plain)).toBe(true);
        expect((await openFile(await encrypter.encrypt(plain), opener, 'x')).equals(plain)).toBe(true);
      }),
      { numRuns: 12 },
    );
  });
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
