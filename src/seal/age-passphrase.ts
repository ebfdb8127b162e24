/**
 * Headers of age files that are sealed to a passphrase (the scrypt stanza). Owns: making and opening them, with
 * node:crypto's scrypt, which takes two thirds of the time of the one inside the age-encryption package and leaves the
 * event loop free. Does not own what passphrases are good for: only key bundles (bundle.ts) are sealed so.
 *
 *     stanza = "scrypt", salt (16 bytes), log2(N); body = ChaCha20-Poly1305(key, nonce 0, file key), 32 bytes
 *     key = scrypt(passphrase as UTF-8, "age-encryption.org/v1/scrypt" ‖ salt, N, r = 8, p = 1), 32 bytes
 *
 * The passphrase is taken as it is: no Unicode normalisation, like the age tool.
 */
import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto';
import { Decrypter, Encrypter, type Identity, type Recipient, Stanza } from 'age-encryption';
import { bug, IcecoreError } from '../base/errors.ts';
import { captureHeader, decryptHeader, HeaderRefusal, type SealHeader } from './age-header.ts';

/** The highest log2(N) that is opened: 1 GiB of memory and a few seconds. */
export const MAX_WORK_FACTOR = 20;
/** What new bundles are sealed with: 256 MiB of memory and about a second. */
export const DEFAULT_WORK_FACTOR = 18;

const SALT_LABEL = Buffer.from('age-encryption.org/v1/scrypt', 'latin1');
const CIPHER = 'chacha20-poly1305';
const ZERO_NONCE_LENGTH = 12;

/**
 * Makes a header for a new file key, sealed to a passphrase.
 * @param logN log2 of the work, 1 to {@link MAX_WORK_FACTOR}; low values are for tests
 * @throws IcecoreError usage `empty-passphrase`
 */
export async function createPassphraseHeader(
  passphrase: string,
  logN: number = DEFAULT_WORK_FACTOR,
): Promise<SealHeader> {
  if (passphrase === '') throw new IcecoreError('usage', 'empty-passphrase', 'the passphrase is empty');
  if (!Number.isInteger(logN) || logN < 1 || logN > MAX_WORK_FACTOR) throw bug('a work factor is 1 to 20');
  const encrypter = new Encrypter();
  encrypter.addRecipient(new PassphraseRecipient(passphrase, logN));
  return captureHeader(encrypter);
}

/**
 * Opens a header that is sealed to a passphrase.
 * @throws IcecoreError key `wrong-passphrase`; key `no-passphrase` when it is sealed to something else
 * @throws damage `header-damaged`, `work-factor` when opening would take more work than {@link MAX_WORK_FACTOR}
 */
export function openPassphraseHeader(header: Uint8Array, passphrase: string, object: string): Promise<Uint8Array> {
  const decrypter = new Decrypter();
  decrypter.addIdentity(new PassphraseIdentity(passphrase));
  return decryptHeader(decrypter, header, object);
}

class PassphraseRecipient implements Recipient {
  readonly #passphrase: string;
  readonly #logN: number;

  constructor(passphrase: string, logN: number) {
    this.#passphrase = passphrase;
    this.#logN = logN;
  }

  async wrapFileKey(fileKey: Uint8Array): Promise<Stanza[]> {
    const salt = randomBytes(16);
    const key = await deriveKey(this.#passphrase, salt, this.#logN);
    const cipher = createCipheriv(CIPHER, key, Buffer.alloc(ZERO_NONCE_LENGTH), { authTagLength: 16 });
    const body = Buffer.concat([cipher.update(fileKey), cipher.final(), cipher.getAuthTag()]);
    return [new Stanza(['scrypt', encodeUnpadded(salt), String(this.#logN)], body)];
  }
}

class PassphraseIdentity implements Identity {
  readonly #passphrase: string;

  constructor(passphrase: string) {
    this.#passphrase = passphrase;
  }

  async unwrapFileKey(stanzas: Stanza[]): Promise<Uint8Array> {
    const stanza = stanzas.find((candidate) => candidate.args[0] === 'scrypt');
    if (stanza === undefined) {
      throw new HeaderRefusal(
        'key',
        'no-passphrase',
        'is not sealed to a passphrase',
        'give the identity it is sealed to',
      );
    }
    // Somebody else's stanza beside it would break the promise that who knows the passphrase made the file.
    if (stanzas.length !== 1) throw stanzaDamage('has a passphrase beside other recipients');
    const [, saltText, workFactor] = stanza.args;
    const salt = decodeUnpadded(saltText ?? '');
    if (stanza.args.length !== 3 || salt?.length !== 16) throw stanzaDamage('has a malformed passphrase stanza');
    if (!/^[1-9][0-9]*$/.test(workFactor ?? '')) throw stanzaDamage('has a malformed work factor');
    if (stanza.body.length !== 32) throw stanzaDamage('has a malformed passphrase stanza');
    const logN = Number(workFactor);
    if (logN > MAX_WORK_FACTOR) {
      throw new HeaderRefusal('damage', 'work-factor', `asks for more than 2^${MAX_WORK_FACTOR} scrypt work`);
    }
    const key = await deriveKey(this.#passphrase, salt, logN);
    const decipher = createDecipheriv(CIPHER, key, Buffer.alloc(ZERO_NONCE_LENGTH), { authTagLength: 16 });
    decipher.setAuthTag(stanza.body.subarray(16));
    const fileKey = decipher.update(stanza.body.subarray(0, 16));
    try {
      decipher.final();
    } catch {
      throw new HeaderRefusal('key', 'wrong-passphrase', 'this passphrase does not open it');
    }
    return fileKey;
  }
}

function deriveKey(passphrase: string, salt: Uint8Array, logN: number): Promise<Buffer> {
  const N = 2 ** logN;
  // scrypt takes 128·N·r bytes; the rest is room for its small buffers.
  const options = { N, r: 8, p: 1, maxmem: 128 * N * 8 + 1_048_576 };
  return new Promise((resolve, reject) => {
    scrypt(Buffer.from(passphrase, 'utf8'), Buffer.concat([SALT_LABEL, salt]), 32, options, (error, key) => {
      if (error) reject(error);
      else resolve(key);
    });
  });
}

function stanzaDamage(problem: string): HeaderRefusal {
  return new HeaderRefusal('damage', 'header-damaged', problem);
}

function encodeUnpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}

/** Reads canonical base64 without padding; undefined for anything else. */
function decodeUnpadded(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return encodeUnpadded(bytes) === text ? bytes : undefined;
}
