/**
 * Proofs of who made something: HMAC-SHA-256, Ed25519, and HKDF for the keys of them, by node:crypto. Owns the
 * conversion between raw 32-byte keys (which are what is stored) and Node's key objects, and making and checking the two
 * proofs of a statement. Does not own what a statement says; those are format/envelope.ts and format/pack.ts.
 */
import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  hash,
  hkdfSync,
  type KeyObject,
  randomBytes,
  sign,
  timingSafeEqual,
  verify,
} from 'node:crypto';
import { bug, damage } from '../base/errors.ts';
import type { RepoId } from '../base/ids.ts';

/** An Ed25519 key pair: the public key and the seed, 32 bytes each. */
export interface SigningKey {
  readonly publicKey: Uint8Array;
  readonly privateKey: Uint8Array;
}

/** Who signs statements, and with what. Plain data, so that a worker thread can be given one; secret. */
export interface Signer {
  readonly repo: RepoId;
  /** A writer id, or `admin`. */
  readonly writer: string;
  /** The Ed25519 seed. */
  readonly privateKey: Uint8Array;
  /** K_obj. */
  readonly macKey: Uint8Array;
}

/** The proofs of a statement. */
export interface Proofs {
  /** A writer id, or `admin`. */
  readonly writer: string;
  /** HMAC-SHA-256 under K_obj, 32 bytes: made by somebody who holds the repository's secret. */
  readonly mac: Uint8Array;
  /** Ed25519, 64 bytes: made by this writer. */
  readonly sig: Uint8Array;
}

/** What DER (RFC 8410) puts before the 32 bytes of a seed and of a public key. */
const PRIVATE_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const PUBLIC_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/** HMAC-SHA-256, 32 bytes. */
export function hmac(key: Uint8Array, bytes: Uint8Array): Buffer {
  return createHmac('sha256', key).update(bytes).digest();
}

/** SHA-256, 32 bytes. */
export function sha256(bytes: Uint8Array): Buffer {
  return hash('sha256', bytes, 'buffer');
}

/** HKDF-SHA-256 with texts (as UTF-8) for salt and info. */
export function hkdf(secret: Uint8Array, salt: string, info: string, length = 32): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, Buffer.from(salt, 'utf8'), Buffer.from(info, 'utf8'), length));
}

/** True when both are the same, in a time that depends on the lengths only. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Makes a new Ed25519 key pair. */
export function generateSigningKey(): SigningKey {
  const privateKey = randomBytes(32);
  return { publicKey: publicKeyOf(privateKey), privateKey };
}

/** The public key that belongs to an Ed25519 seed. */
export function publicKeyOf(privateKey: Uint8Array): Buffer {
  const der = createPublicKey(privateKeyObject(privateKey)).export({ type: 'spki', format: 'der' });
  return der.subarray(PUBLIC_PREFIX.length);
}

/** Signs bytes with Ed25519; 64 bytes, the same for the same input. */
export function signBytes(privateKey: Uint8Array, bytes: Uint8Array): Buffer {
  return sign(null, bytes, privateKeyObject(privateKey));
}

/** True when the signature is that of the public key's owner over exactly these bytes. Never throws on bad signatures. */
export function verifySignature(publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== 32) throw bug('an Ed25519 public key is 32 bytes');
  if (signature.length !== 64) return false;
  const key = createPublicKey({ key: Buffer.concat([PUBLIC_PREFIX, publicKey]), format: 'der', type: 'spki' });
  return verify(null, bytes, key, signature);
}

/** Proves a statement. */
export function signStatement(signer: Signer, statement: Uint8Array): Proofs {
  return {
    writer: signer.writer,
    mac: hmac(signer.macKey, statement),
    sig: signBytes(signer.privateKey, statement),
  };
}

/**
 * Checks both proofs of a statement; returns when both hold.
 * @param macKey K_obj
 * @param writers the public keys of those who may have signed, by id
 * @param object what the statement is about, for errors
 * @throws damage `wrong-mac`, `unknown-writer` and `wrong-signature` (both with `data.writer`)
 */
export function checkProofs(
  statement: Uint8Array,
  { writer, mac, sig }: Proofs,
  macKey: Uint8Array,
  writers: ReadonlyMap<string, Uint8Array>,
  object: string,
): void {
  // First the MAC: whoever fails it does not even hold this repository's secret.
  if (!equalBytes(hmac(macKey, statement), mac)) {
    throw damage('wrong-mac', `${object}: was not made for this place in this repository`, { object });
  }
  const publicKey = writers.get(writer);
  if (publicKey === undefined) {
    const message = `${object}: was made by ${writer}, who is not a writer of it`;
    throw damage('unknown-writer', message, { object, data: { writer } });
  }
  if (!verifySignature(publicKey, statement, sig)) {
    throw damage('wrong-signature', `${object}: was not signed by ${writer}`, { object, data: { writer } });
  }
}

/** The name of a writer: the first 16 hex digits of the SHA-256 of its public key. */
export function writerId(publicKey: Uint8Array): string {
  return sha256(publicKey).toString('hex', 0, 8);
}

function privateKeyObject(privateKey: Uint8Array): KeyObject {
  if (privateKey.length !== 32) throw bug('an Ed25519 seed is 32 bytes');
  return createPrivateKey({ key: Buffer.concat([PRIVATE_PREFIX, privateKey]), format: 'der', type: 'pkcs8' });
}
