/**
 * The payload of age files (the STREAM construction), by node:crypto: the age-encryption package is compatible and
 * twenty times slower. Owns: plaintext ↔ payload, whole or by blocks, and the arithmetic of their lengths. Does not own
 * headers; those are age-header.ts. Everything is synchronous, because it runs inside worker threads.
 *
 *     file = header ‖ nonce (16 bytes) ‖ blocks
 *     payload key = HKDF-SHA-256(file key, salt = nonce, info "payload"), 32 bytes
 *     block i = ChaCha20-Poly1305(payload key, nonce = i as 11 bytes big-endian ‖ final flag, 64 KiB of plaintext)
 *
 * All blocks but the last hold 64 KiB; the last has the flag 1 and is empty only where the whole plaintext is.
 */
import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import { bug, damage } from '../base/errors.ts';

/** Plaintext bytes of every block but the last. */
export const BLOCK_LENGTH = 65_536;
/** Bytes of the authentication tag after every block. */
export const TAG_LENGTH = 16;
/** Bytes of a whole block as stored. */
export const SEALED_BLOCK_LENGTH = BLOCK_LENGTH + TAG_LENGTH;
/** Bytes of the nonce between header and first block. */
export const NONCE_LENGTH = 16;

const CIPHER = 'chacha20-poly1305';
const CIPHER_OPTIONS = { authTagLength: TAG_LENGTH } as const;

/** Where the blocks lie that hold a range of plaintext. `offset` and `length` count sealed bytes after the nonce. */
export interface BlockRange {
  readonly firstBlock: number;
  readonly offset: number;
  /** Whole blocks: may pass the end of the payload, whose last block is shorter. */
  readonly length: number;
  /** How far into the opened blocks the range begins. */
  readonly skip: number;
}

/** Derives the key of one payload from the file key of the header and the payload's nonce. */
export function payloadKey(fileKey: Uint8Array, nonce: Uint8Array): Buffer {
  if (fileKey.length !== 16 || nonce.length !== NONCE_LENGTH) throw bug('age takes file keys and nonces of 16 bytes');
  return Buffer.from(hkdfSync('sha256', fileKey, nonce, 'payload', 32));
}

/** Bytes of payload, without the nonce, for so much plaintext. */
export function sealedLength(plainLength: number): number {
  return plainLength + TAG_LENGTH * Math.max(1, Math.ceil(plainLength / BLOCK_LENGTH));
}

/**
 * Bytes of plaintext in so much payload, without the nonce.
 * @throws damage `stream-length` when no payload has that length
 */
export function plainLength(sealedLength: number, object: string): number {
  const rest = sealedLength % SEALED_BLOCK_LENGTH;
  const isLegal = sealedLength === TAG_LENGTH || (sealedLength > 0 && (rest === 0 || rest > TAG_LENGTH));
  if (!isLegal) throw lengthDamage(object);
  return sealedLength - TAG_LENGTH * Math.ceil(sealedLength / SEALED_BLOCK_LENGTH);
}

/** Finds the blocks that hold the plaintext from `plainOffset` on. */
export function blockRange(plainOffset: number, plainLength: number): BlockRange {
  const firstBlock = Math.floor(plainOffset / BLOCK_LENGTH);
  const skip = plainOffset - firstBlock * BLOCK_LENGTH;
  const blocks = plainLength === 0 ? 0 : Math.ceil((skip + plainLength) / BLOCK_LENGTH);
  return { firstBlock, offset: firstBlock * SEALED_BLOCK_LENGTH, length: blocks * SEALED_BLOCK_LENGTH, skip };
}

/**
 * Seals a payload piece by piece. The caller writes header and nonce before what this returns. Every nonce must be
 * random and used for one sealer only: that, not the file key, keeps the payloads of one session independent.
 */
export class StreamSealer {
  readonly #key: KeyObject;
  readonly #iv = Buffer.alloc(12);
  /** Plaintext that waits for more: a full block too, until it is known that it is not the last one. */
  #held = Buffer.alloc(0);
  #heldLength = 0;
  #block = 0;
  #isFinished = false;

  constructor(fileKey: Uint8Array, nonce: Uint8Array) {
    this.#key = createSecretKey(payloadKey(fileKey, nonce));
  }

  /**
   * Takes plaintext (which may be reused afterwards) and returns the blocks that are complete: a new buffer with an
   * ArrayBuffer of its own, empty when there are none.
   */
  update(plain: Uint8Array): Uint8Array {
    if (this.#isFinished) throw bug('update after finish');
    // The newest byte always stays back, since the last block must not be empty.
    const blocks = Math.max(0, Math.ceil((this.#heldLength + plain.length) / BLOCK_LENGTH) - 1);
    const sealed = Buffer.allocUnsafeSlow(blocks * SEALED_BLOCK_LENGTH);
    let from = 0;
    for (let i = 0; i < blocks; i++) {
      const target = i * SEALED_BLOCK_LENGTH;
      if (this.#heldLength > 0) {
        from = this.#hold(plain, 0, BLOCK_LENGTH - this.#heldLength);
        this.#seal(this.#held, false, sealed, target);
        this.#heldLength = 0;
      } else {
        this.#seal(plain.subarray(from, from + BLOCK_LENGTH), false, sealed, target);
        from += BLOCK_LENGTH;
      }
    }
    this.#hold(plain, from, plain.length - from);
    return sealed;
  }

  /** Returns the last block. Nothing may follow. */
  finish(): Uint8Array {
    if (this.#isFinished) throw bug('finish twice');
    this.#isFinished = true;
    const sealed = Buffer.allocUnsafeSlow(this.#heldLength + TAG_LENGTH);
    this.#seal(this.#held.subarray(0, this.#heldLength), true, sealed, 0);
    return sealed;
  }

  /** Copies plaintext behind what is held; returns where it stopped reading. */
  #hold(plain: Uint8Array, from: number, length: number): number {
    if (this.#held.length < BLOCK_LENGTH && length > 0) this.#held = Buffer.allocUnsafeSlow(BLOCK_LENGTH);
    this.#held.set(plain.subarray(from, from + length), this.#heldLength);
    this.#heldLength += length;
    return from + length;
  }

  #seal(plain: Uint8Array, isFinal: boolean, target: Buffer, at: number): void {
    writeBlockNonce(this.#iv, this.#block++, isFinal);
    const cipher = createCipheriv(CIPHER, this.#key, this.#iv, CIPHER_OPTIONS);
    target.set(cipher.update(plain), at);
    cipher.final();
    target.set(cipher.getAuthTag(), at + plain.length);
  }
}

/**
 * Opens consecutive blocks of a payload.
 * @param key from {@link payloadKey}
 * @param sealed whole blocks; only the last one of the stream may be shorter
 * @param firstBlock the number of the first of them
 * @param endsStream whether the last of them is the last of the stream
 * @throws damage `stream-length`, `stream-truncated`, `stream-damaged` (`data.block` says which)
 */
export function openBlocks(
  key: Uint8Array,
  sealed: Uint8Array,
  firstBlock: number,
  endsStream: boolean,
  object: string,
): Buffer {
  if (!endsStream && sealed.length % SEALED_BLOCK_LENGTH !== 0) throw lengthDamage(object);
  const length = !endsStream && sealed.length === 0 ? 0 : plainLength(sealed.length, object);
  // An empty last block after others would be a second spelling of the same plaintext.
  if (endsStream && length === 0 && firstBlock > 0) throw lengthDamage(object);
  const plain = Buffer.allocUnsafeSlow(length);
  const secret = createSecretKey(key);
  const iv = Buffer.alloc(12);
  for (let at = 0, to = 0, block = firstBlock; at < sealed.length; at += SEALED_BLOCK_LENGTH, block++) {
    const piece = sealed.subarray(at, at + SEALED_BLOCK_LENGTH);
    const isFinal = endsStream && at + SEALED_BLOCK_LENGTH >= sealed.length;
    writeBlockNonce(iv, block, isFinal);
    const opened = openBlock(secret, iv, piece);
    if (opened === undefined) throw blockDamage(secret, iv, piece, block, isFinal, object);
    plain.set(opened, to);
    to += opened.length;
  }
  return plain;
}

/**
 * Opens a whole payload.
 * @param payload nonce and blocks: everything after the header
 * @throws as {@link openBlocks}
 */
export function openStream(fileKey: Uint8Array, payload: Uint8Array, object: string): Buffer {
  if (payload.length < NONCE_LENGTH + TAG_LENGTH) throw lengthDamage(object);
  const key = payloadKey(fileKey, payload.subarray(0, NONCE_LENGTH));
  return openBlocks(key, payload.subarray(NONCE_LENGTH), 0, true, object);
}

/** The nonce of a block: its number in bytes 3 to 10 (all of 2^53 fit), the final flag in byte 11. */
function writeBlockNonce(iv: Buffer, block: number, isFinal: boolean): void {
  iv.writeUInt32BE(Math.floor(block / 2 ** 32), 3);
  iv.writeUInt32BE(block % 2 ** 32, 7);
  iv[11] = isFinal ? 1 : 0;
}

function openBlock(key: KeyObject, iv: Buffer, sealed: Uint8Array): Buffer | undefined {
  const decipher = createDecipheriv(CIPHER, key, iv, CIPHER_OPTIONS);
  const end = sealed.length - TAG_LENGTH;
  decipher.setAuthTag(sealed.subarray(end));
  const plain = decipher.update(sealed.subarray(0, end));
  try {
    decipher.final();
  } catch {
    return undefined;
  }
  return plain;
}

/** Tells a stream that was cut between two blocks from one whose bytes changed. */
function blockDamage(key: KeyObject, iv: Buffer, sealed: Uint8Array, block: number, isFinal: boolean, object: string) {
  if (isFinal) {
    writeBlockNonce(iv, block, false);
    if (sealed.length === SEALED_BLOCK_LENGTH && openBlock(key, iv, sealed) !== undefined) {
      return damage('stream-truncated', `${object}: the end is missing`, { object, data: { block } });
    }
  }
  return damage('stream-damaged', `${object}: block ${block} is not what was written`, { object, data: { block } });
}

function lengthDamage(object: string) {
  return damage('stream-length', `${object}: has a length that no encrypted file has`, {
    object,
    hint: 'it was cut off, or something was added to it',
  });
}
