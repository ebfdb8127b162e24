import { createHash } from 'node:crypto';
import { inflateSync } from 'node:zlib';
import { armor, Decrypter } from 'age-encryption';
import * as vectors from 'cctv-age';
import { describe, expect, test } from 'vitest';
import { IcecoreError } from '../../src/base/errors.ts';
import { HeaderOpener, splitHeader } from '../../src/seal/age-header.ts';
import { openPassphraseHeader } from '../../src/seal/age-passphrase.ts';
import {
  NONCE_LENGTH,
  openBlocks,
  openStream,
  payloadKey,
  SEALED_BLOCK_LENGTH,
  StreamSealer,
} from '../../src/seal/age-stream.ts';

interface Vector {
  readonly name: string;
  readonly expect: string;
  readonly payloadHash: string | undefined;
  readonly identities: readonly string[];
  readonly passphrases: readonly string[];
  readonly isArmored: boolean;
  readonly fileKey: string | undefined;
  readonly body: Uint8Array;
}

const KNOWN_KEYS = new Set([
  'expect',
  'payload',
  'identity',
  'passphrase',
  'armored',
  'compressed',
  'file key',
  'comment',
]);

function parseVector(name: string, bytes: Uint8Array): Vector {
  const file = Buffer.from(bytes);
  const split = file.indexOf('\n\n');
  const lines = file.toString('utf8', 0, split).split('\n');
  const fields = lines.map((line) => [line.slice(0, line.indexOf(': ')), line.slice(line.indexOf(': ') + 2)] as const);
  for (const [key] of fields) expect(KNOWN_KEYS, `a key of ${name}`).toContain(key);
  const all = (key: string) => fields.filter(([field]) => field === key).map(([, value]) => value);
  const stored = file.subarray(split + 2);
  return {
    name,
    expect: all('expect')[0]!,
    payloadHash: all('payload')[0],
    identities: all('identity'),
    passphrases: all('passphrase'),
    isArmored: all('armored')[0] === 'yes',
    fileKey: all('file key')[0],
    body: all('compressed')[0] === 'zlib' ? inflateSync(stored) : stored,
  };
}

/** Opens a header as the product does: with identities, or with the first passphrase that fits. */
async function openHeader(vector: Vector, header: Uint8Array): Promise<Uint8Array> {
  if (vector.passphrases.length === 0) return new HeaderOpener(vector.identities).openHeader(header, vector.name);
  let failure: unknown;
  for (const passphrase of vector.passphrases) {
    try {
      return await openPassphraseHeader(header, passphrase, vector.name);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

/**
 * What a reader that hands out every block at once, and knows no length beforehand, has handed out before the failure:
 * it takes a block as one in the middle, and where that fails as the last one.
 */
function releasedPlaintext(fileKey: Uint8Array, payload: Uint8Array): Buffer {
  const blocks = payload.subarray(NONCE_LENGTH);
  const key = payloadKey(fileKey, payload.subarray(0, NONCE_LENGTH));
  const released: Buffer[] = [];
  let isEnded = false;
  for (let at = 0, block = 0; at < blocks.length && !isEnded; at += SEALED_BLOCK_LENGTH, block++) {
    const sealed = blocks.subarray(at, at + SEALED_BLOCK_LENGTH);
    const middle = tryBlock(key, sealed, block, false);
    isEnded = middle === undefined;
    released.push(middle ?? tryBlock(key, sealed, block, true) ?? Buffer.alloc(0));
  }
  return Buffer.concat(released);
}

function tryBlock(key: Uint8Array, sealed: Uint8Array, block: number, isLast: boolean): Buffer | undefined {
  try {
    return openBlocks(key, sealed, block, isLast, 'x');
  } catch {
    return undefined;
  }
}

async function failureOf(work: () => Promise<unknown> | unknown): Promise<IcecoreError> {
  try {
    await work();
  } catch (error) {
    if (error instanceof IcecoreError) return error;
    throw error;
  }
  throw new Error('this should have failed');
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const all = Object.entries(vectors)
  .filter((entry): entry is [string, Uint8Array] => entry[1] instanceof Uint8Array)
  .map(([name, bytes]) => parseVector(name, bytes));

test('there are 143 age vectors', () => {
  expect(all.length).toBe(143);
});

describe('the age-encryption package', () => {
  test.each(all)('does with $name what the vector expects', async (vector) => {
    const work = async () => {
      const file = vector.isArmored ? armor.decode(Buffer.from(vector.body).toString('latin1')) : vector.body;
      const decrypter = new Decrypter();
      for (const identity of vector.identities) decrypter.addIdentity(identity);
      for (const passphrase of vector.passphrases) decrypter.addPassphrase(passphrase);
      return decrypter.decrypt(file);
    };
    if (vector.expect === 'success') expect(sha256(await work())).toBe(vector.payloadHash);
    else await expect(work()).rejects.toThrow();
  });
});

describe('our reader', () => {
  test.each(all)('does with $name what the vector expects', async (vector) => {
    if (vector.expect === 'armor failure') {
      expect(() => armor.decode(Buffer.from(vector.body).toString('latin1'))).toThrow();
      return;
    }
    const file = vector.isArmored ? decodeArmor(vector.body) : vector.body;
    const open = async () => {
      const { header, payloadOffset } = splitHeader(file, vector.name);
      return { fileKey: await openHeader(vector, header), payload: file.subarray(payloadOffset) };
    };
    switch (vector.expect) {
      case 'success':
      case 'payload failure': {
        const { fileKey, payload } = await open();
        expect(Buffer.from(fileKey).toString('hex')).toBe(vector.fileKey);
        if (vector.expect === 'success') {
          const plain = openStream(fileKey, payload, vector.name);
          expect(sha256(plain)).toBe(vector.payloadHash);
          // And the way back: the same key, nonce and plaintext give the same bytes.
          const sealer = new StreamSealer(fileKey, payload.subarray(0, NONCE_LENGTH));
          const sealed = Buffer.concat([sealer.update(plain), sealer.finish()]);
          expect(sealed.equals(payload.subarray(NONCE_LENGTH))).toBe(true);
        } else {
          const failure = await failureOf(() => openStream(fileKey, payload, vector.name));
          expect(failure.kind).toBe('damage');
          expect(failure.code).toMatch(/^stream-/);
          if (vector.payloadHash) expect(sha256(releasedPlaintext(fileKey, payload))).toBe(vector.payloadHash);
        }
        break;
      }
      case 'no match': {
        const failure = await failureOf(open);
        expect(failure.kind).toBe('key');
        expect(failure.code).toMatch(/^(wrong-key|wrong-passphrase|no-passphrase)$/);
        break;
      }
      case 'HMAC failure': {
        const failure = await failureOf(open);
        expect([failure.kind, failure.code]).toEqual(['damage', 'header-damaged']);
        expect(failure.message).toContain('HMAC');
        break;
      }
      case 'header failure': {
        const failure = await failureOf(async () => {
          const { fileKey, payload } = await open();
          openStream(fileKey, payload, vector.name);
        });
        expect(failure.kind).toBe('damage');
        // To age the nonce belongs to the header, to us to the payload.
        const isNonce = /^stream_(no|short)_nonce$/.test(vector.name);
        const codes = /^(not-age|header-truncated|header-damaged|passphrase-refused|work-factor)$/;
        expect(failure.code).toMatch(isNonce ? /^stream-length$/ : codes);
        expect(failure.message).not.toContain('HMAC');
        break;
      }
      default:
        throw new Error(`an expectation that this test does not know: ${vector.expect}`);
    }
  });
});

/** The armor around a header failure may be what is wrong; then there is nothing to open. */
function decodeArmor(body: Uint8Array): Uint8Array {
  try {
    return armor.decode(Buffer.from(body).toString('latin1'));
  } catch {
    return new Uint8Array(0);
  }
}
