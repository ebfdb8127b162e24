/**
 * The headers of age files, which carry the file key sealed to recipients. Owns: making a header and opening one, with
 * the age-encryption package (only src/seal/ imports it). Does not own payloads; those are age-stream.ts. Passphrases
 * are in age-passphrase.ts.
 *
 * One header, hence one file key, may serve many files of one session and one set of recipients: the public-key work
 * (9 ms for the hybrid type) is done once. That is sound because every file has a random 16-byte nonce of its own, and
 * the key of its payload is HKDF(file key, nonce): no two payloads share a key. What the files then do share is who can
 * open them, and that an onlooker sees that they belong together, which their names say anyway.
 */
import { hash } from 'node:crypto';
import { Decrypter, Encrypter, type Identity, type Recipient, type Stanza } from 'age-encryption';
import { bug, damage, IcecoreError, messageOf } from '../base/errors.ts';

/** A header ready to be written, and the file key inside it (16 bytes; a secret). */
export interface SealHeader {
  readonly header: Uint8Array;
  readonly fileKey: Uint8Array;
}

/** No header is longer: hundreds of recipients fit, and a reader holds no more than this of a file that has no end. */
export const MAX_HEADER_LENGTH = 65_536;

const VERSION_LINE = Buffer.from('age-encryption.org/v1\n', 'latin1');
const MAC_LINE_START = Buffer.from('\n---', 'latin1');
const MAC_LINE = /^\n--- [A-Za-z0-9+/]{43}\n$/;
const CACHED_KEYS = 512;

/**
 * Makes a header for a new file key.
 * @param recipients `age1…` or `age1pq1…`, at least one; all can open it
 * @throws IcecoreError config `bad-recipient`
 */
export async function createHeader(recipients: readonly string[]): Promise<SealHeader> {
  if (recipients.length === 0) throw bug('a header without recipients could never be opened');
  const encrypter = new Encrypter();
  for (const recipient of recipients) {
    try {
      encrypter.addRecipient(recipient);
    } catch (cause) {
      // A recipient is public and may be named, but an identity given by mistake is not.
      const name = recipient.startsWith('age1') ? `: ${recipient.slice(0, 80)}` : '';
      throw new IcecoreError('config', 'bad-recipient', `not an age recipient${name}`, name === '' ? {} : { cause });
    }
  }
  return captureHeader(encrypter);
}

/** Runs an encrypter on nothing, and keeps the header and its file key. */
export async function captureHeader(encrypter: Encrypter): Promise<SealHeader> {
  const capture = new FileKeyCapture();
  encrypter.addRecipient(capture);
  // As a stream: for bytes the package makes a Response, which loads Node's whole HTTP client (25 ms).
  const nothing = new ReadableStream<Uint8Array>({ start: (controller) => controller.close() });
  const pieces: Uint8Array[] = [];
  for await (const piece of await encrypter.encrypt(nothing)) pieces.push(piece);
  const { header } = splitHeader(Buffer.concat(pieces), 'a new header');
  if (capture.fileKey === undefined) throw bug('age-encryption did not wrap the file key');
  return { header: header.slice(), fileKey: capture.fileKey };
}

/** A recipient that adds nothing to the header: it only hears the file key. */
class FileKeyCapture implements Recipient {
  fileKey: Uint8Array | undefined;

  wrapFileKey(fileKey: Uint8Array): Stanza[] {
    this.fileKey = fileKey.slice();
    return [];
  }
}

/**
 * Finds where the header of an age file ends: after the line that begins with `---`. Beyond the form of that line the
 * header is not checked; opening it does so.
 * @param file the file, or its first bytes
 * @throws damage `not-age`, `header-damaged`, `header-truncated` (also when it is longer than {@link MAX_HEADER_LENGTH})
 */
export function splitHeader(file: Uint8Array, object: string): { header: Uint8Array; payloadOffset: number } {
  const start = Buffer.from(file.buffer, file.byteOffset, Math.min(file.byteLength, MAX_HEADER_LENGTH));
  if (!start.subarray(0, VERSION_LINE.length).equals(VERSION_LINE)) {
    throw damage('not-age', `${object}: is not an age file`, { object });
  }
  // No other line of a header can begin with a dash followed by a dash, so this needs no parsing of stanzas.
  const macLine = start.indexOf(MAC_LINE_START);
  const end = macLine < 0 ? -1 : start.indexOf(0x0a, macLine + 1);
  if (end < 0) {
    throw damage('header-truncated', `${object}: the age header has no end`, { object });
  }
  if (!MAC_LINE.test(start.toString('latin1', macLine, end + 1))) {
    throw damage('header-damaged', `${object}: the age header ends in a malformed line`, { object });
  }
  return { header: file.subarray(0, end + 1), payloadOffset: end + 1 };
}

/**
 * Opens headers with a fixed set of identities, and remembers the file keys of the last 512 different headers: all
 * packs of a session share one. Opening the same header twice at the same time does the work once.
 *
 * A key that fits nothing cannot be told from a header whose sealed file key was damaged: both are `wrong-key`. Who
 * knows that the key is right (it opened the config) should report it as damage.
 */
export class HeaderOpener {
  readonly #decrypter = new Decrypter();
  /** SHA-256 of a header → its file key; in the order of use, the oldest first. */
  readonly #fileKeys = new Map<string, Promise<Uint8Array>>();

  /**
   * @param identities `AGE-SECRET-KEY-1…` or `AGE-SECRET-KEY-PQ-1…`; tried in this order
   * @throws IcecoreError key `bad-identity`
   */
  constructor(identities: readonly string[]) {
    this.#decrypter.addIdentity(new PassphraseRefuser());
    for (const identity of identities) {
      try {
        this.#decrypter.addIdentity(identity);
      } catch {
        // No cause: the package's message may quote what it was given.
        throw new IcecoreError('key', 'bad-identity', 'not an age identity', {
          hint: 'an identity begins with AGE-SECRET-KEY-',
        });
      }
    }
    this.#decrypter.addIdentity(new NoMatchReporter());
  }

  /**
   * Opens a header as {@link splitHeader} returns it.
   * @returns the file key, to be left unchanged: later calls return the same bytes
   * @throws IcecoreError key `wrong-key` when no identity fits
   * @throws damage `header-damaged`; `passphrase-refused` for a scrypt stanza, which only key bundles may have
   */
  openHeader(header: Uint8Array, object: string): Promise<Uint8Array> {
    const id = hash('sha256', header, 'hex');
    const known = this.#fileKeys.get(id);
    if (known !== undefined) {
      this.#fileKeys.delete(id);
      this.#fileKeys.set(id, known);
      return known;
    }
    const fileKey = decryptHeader(this.#decrypter, header, object);
    this.#fileKeys.set(id, fileKey);
    // A failure is not remembered: its message names this object, and the next one is another.
    fileKey.catch(() => this.#fileKeys.delete(id));
    if (this.#fileKeys.size > CACHED_KEYS) this.#fileKeys.delete(this.#fileKeys.keys().next().value!);
    return fileKey;
  }
}

/** Why an identity of ours ended the opening of a header; {@link decryptHeader} turns it into an IcecoreError. */
export class HeaderRefusal extends Error {
  readonly kind: 'key' | 'damage';
  readonly code: string;
  readonly hint: string | undefined;

  constructor(kind: 'key' | 'damage', code: string, message: string, hint?: string) {
    super(message);
    this.kind = kind;
    this.code = code;
    this.hint = hint;
  }
}

/**
 * Opens a header with the package.
 * @throws IcecoreError as a {@link HeaderRefusal} says, else damage `header-damaged`
 */
export async function decryptHeader(decrypter: Decrypter, header: Uint8Array, object: string): Promise<Uint8Array> {
  if (header.length > MAX_HEADER_LENGTH) {
    throw damage('header-damaged', `${object}: the age header is too long`, { object });
  }
  let fileKey: Uint8Array;
  try {
    fileKey = await decrypter.decryptHeader(header);
  } catch (cause) {
    if (cause instanceof HeaderRefusal) {
      const hint = cause.hint === undefined ? {} : { hint: cause.hint };
      throw new IcecoreError(cause.kind, cause.code, `${object}: ${cause.message}`, { data: { object }, ...hint });
    }
    throw damage('header-damaged', `${object}: the age header is damaged (${messageOf(cause)})`, { object, cause });
  }
  if (fileKey.length !== 16) throw damage('header-damaged', `${object}: the file key is not 16 bytes`, { object });
  return fileKey;
}

/** Asked before the real identities: scrypt work is never done for what a stranger put among the objects. */
class PassphraseRefuser implements Identity {
  unwrapFileKey(stanzas: Stanza[]): null {
    if (stanzas.some((stanza) => stanza.args[0] === 'scrypt')) {
      throw new HeaderRefusal('damage', 'passphrase-refused', 'is sealed to a passphrase, which only key files may be');
    }
    return null;
  }
}

/** Asked after the real identities, hence only when none of them fits. */
class NoMatchReporter implements Identity {
  unwrapFileKey(): null {
    throw new HeaderRefusal('key', 'wrong-key', 'none of the keys at hand opens this', 'it is sealed to another key');
  }
}
