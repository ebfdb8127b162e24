import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { IcecoreError } from '../../src/base/errors.ts';
import type { RepoId } from '../../src/base/ids.ts';
import {
  checkProofs,
  generateSigningKey,
  hkdf,
  hmac,
  publicKeyOf,
  type Signer,
  sha256,
  signBytes,
  signStatement,
  verifySignature,
  writerId,
} from '../../src/seal/signatures.ts';

const hex = (text: string) => Buffer.from(text, 'hex');

test('Ed25519 is that of RFC 8032 (test 2)', () => {
  const seed = hex('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb');
  const publicKey = hex('3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c');
  const signature =
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00';
  expect(publicKeyOf(seed).toString('hex')).toBe(publicKey.toString('hex'));
  expect(signBytes(seed, hex('72')).toString('hex')).toBe(signature);
  expect(verifySignature(publicKey, hex('72'), hex(signature))).toBe(true);
});

test('HMAC-SHA-256 is that of RFC 4231 (case 2)', () => {
  expect(hmac(Buffer.from('Jefe'), Buffer.from('what do ya want for nothing?')).toString('hex')).toBe(
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  );
});

test('HKDF gives different keys for different salts and infos, always the same ones', () => {
  const secret = Buffer.alloc(32, 9);
  expect(hkdf(secret, 'a', 'b')).toEqual(hkdf(secret, 'a', 'b'));
  expect(new Set([hkdf(secret, 'a', 'b'), hkdf(secret, 'a', 'c'), hkdf(secret, 'c', 'b')].map(String)).size).toBe(3);
  expect(hkdf(secret, 'a', 'b').length).toBe(32);
});

test('a signature fits one key and one message, and no other length', () => {
  const { publicKey, privateKey } = generateSigningKey();
  const message = randomBytes(100);
  const signature = signBytes(privateKey, message);
  expect(verifySignature(publicKey, message, signature)).toBe(true);
  expect(verifySignature(generateSigningKey().publicKey, message, signature)).toBe(false);
  expect(verifySignature(publicKey, message.subarray(1), signature)).toBe(false);
  expect(verifySignature(publicKey, message, signature.subarray(1))).toBe(false);
  expect(verifySignature(publicKey, message, Buffer.concat([signature, Buffer.alloc(1)]))).toBe(false);
  signature[5]! ^= 1;
  expect(verifySignature(publicKey, message, signature)).toBe(false);
  expect(verifySignature(Buffer.alloc(32, 0xff), message, signature)).toBe(false);
});

test('a writer is named by the SHA-256 of its public key', () => {
  const { publicKey } = generateSigningKey();
  expect(writerId(publicKey)).toBe(sha256(publicKey).toString('hex').slice(0, 16));
});

describe('the proofs of a statement', () => {
  const key = generateSigningKey();
  const writer = writerId(key.publicKey);
  const macKey = randomBytes(32);
  const signer: Signer = { repo: '0'.repeat(32) as RepoId, writer, privateKey: key.privateKey, macKey };
  const statement = randomBytes(80);
  const proofs = signStatement(signer, statement);
  const writers = new Map([[writer, key.publicKey]]);
  const codeOf = (work: () => void) => {
    try {
      work();
    } catch (error) {
      if (error instanceof IcecoreError && error.kind === 'damage') return error.code;
      throw error;
    }
    return 'none';
  };

  test('hold for the statement, the MAC key and the writer they were made with', () => {
    expect(codeOf(() => checkProofs(statement, proofs, macKey, writers, 'x'))).toBe('none');
    expect(codeOf(() => checkProofs(randomBytes(80), proofs, macKey, writers, 'x'))).toBe('wrong-mac');
    expect(codeOf(() => checkProofs(statement, proofs, randomBytes(32), writers, 'x'))).toBe('wrong-mac');
    expect(codeOf(() => checkProofs(statement, proofs, macKey, new Map(), 'x'))).toBe('unknown-writer');
    const other = new Map([[writer, generateSigningKey().publicKey]]);
    expect(codeOf(() => checkProofs(statement, proofs, macKey, other, 'x'))).toBe('wrong-signature');
  });

  test('do not hold when a holder of the secret signs for another writer', () => {
    const forged = signStatement({ ...signer, privateKey: randomBytes(32) }, statement);
    expect(codeOf(() => checkProofs(statement, forged, macKey, writers, 'x'))).toBe('wrong-signature');
  });
});
