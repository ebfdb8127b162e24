/**
 * Key bundles: a keyring as strict JSON, in an age file under a passphrase or a recipient. Owns the encoding and the
 * sealing. Does not own what the keys are for; that is keys.ts.
 *
 *     {"bundle":1,"repo","role","secret","dataRecipient","dataIdentity","metaRecipient","metaIdentity",
 *      "writer":{"id","publicKey","privateKey"},"admin":{"publicKey","privateKey"}}
 *
 * `secret` and keys are base64 of 32 bytes; what a role does not hold is absent. `age -d` shows it.
 */
import { damage } from '../base/errors.ts';
import { isRepoId } from '../base/ids.ts';
import {
  fieldFailure,
  hasField,
  type JsonObject,
  parseJsonObject,
  readBase64,
  readHex,
  readInteger,
  readObject,
  readOneOf,
  readOptional,
  readString,
  refuseOtherFields,
} from '../base/json.ts';
import { openFile, sealFile } from './age-file.ts';
import { createHeader, HeaderOpener, splitHeader } from './age-header.ts';
import { createPassphraseHeader, DEFAULT_WORK_FACTOR, openPassphraseHeader } from './age-passphrase.ts';
import { openStream } from './age-stream.ts';
import type { Keyring, WriterKey } from './keys.ts';
import { equalBytes, publicKeyOf, writerId } from './signatures.ts';

const BUNDLE_VERSION = 1;
const MAX_BUNDLE_LENGTH = 65_536;
const MAX_FILE_LENGTH = 2 * MAX_BUNDLE_LENGTH;
const FIELDS: ReadonlySet<string> = new Set([
  'bundle',
  'repo',
  'role',
  'secret',
  'dataRecipient',
  'dataIdentity',
  'metaRecipient',
  'metaIdentity',
  'writer',
  'admin',
]);
const WRITER_FIELDS: ReadonlySet<string> = new Set(['id', 'publicKey', 'privateKey']);
const ADMIN_FIELDS: ReadonlySet<string> = new Set(['publicKey', 'privateKey']);
const IDENTITY = { maxLength: 4096, pattern: /^AGE-SECRET-KEY-(?:PQ-)?1[02-9AC-HJ-NP-Z]+$/ };
const RECIPIENT = { maxLength: 8192, pattern: /^age1[a-z0-9]+$/ };

/** What opens a bundle. */
export type BundleUnlock = { readonly passphrase: string } | { readonly identity: string };

/** Writes a keyring as JSON with a newline. The bytes are secret. */
export function encodeBundle(keyring: Keyring): Buffer {
  const { writer, admin } = keyring;
  const value = {
    bundle: BUNDLE_VERSION,
    repo: keyring.repo,
    role: keyring.role,
    secret: base64(keyring.secret),
    dataRecipient: keyring.dataRecipient,
    dataIdentity: keyring.dataIdentity,
    metaRecipient: keyring.metaRecipient,
    metaIdentity: keyring.metaIdentity,
    writer: writer && { id: writer.id, publicKey: base64(writer.publicKey), privateKey: base64(writer.privateKey) },
    admin: { publicKey: base64(admin.publicKey), privateKey: admin.privateKey && base64(admin.privateKey) },
  };
  return Buffer.from(`${JSON.stringify(value)}\n`, 'utf8');
}

/**
 * Reads what {@link encodeBundle} wrote. Checks that the role has its keys and no others, and that private and public
 * keys belong together.
 * @param object what to call the bundle in errors, which never quote it
 * @throws damage `bundle-version`, or what base/json.ts throws
 */
export function decodeBundle(bytes: Uint8Array, object: string): Keyring {
  const json = parseJsonObject(bytes, { maxLength: MAX_BUNDLE_LENGTH, maxDepth: 2 }, object);
  if (readInteger(json, 'bundle', object) !== BUNDLE_VERSION) {
    throw damage('bundle-version', `${object}: is a key bundle of another version`, {
      object,
      hint: 'a newer icecore may be able to read it',
    });
  }
  refuseOtherFields(json, FIELDS, object);
  const repo = readString(json, 'repo', object, { maxLength: 32 });
  if (!isRepoId(repo)) throw fieldFailure('repo', 'is not a repository id', object);
  const role = readOneOf(json, 'role', ['writer', 'reader', 'admin'] as const, object);
  const dataIdentity = readOptional(json, 'dataIdentity', (field) => readString(json, field, object, IDENTITY));
  const writer = readOptional(json, 'writer', (field) => readWriter(readObject(json, field, object), object));
  const admin = readAdmin(readObject(json, 'admin', object), object);
  if ((role === 'writer') === (dataIdentity !== undefined)) throw roleFailure('dataIdentity', object);
  if (role === 'writer' ? writer === undefined : role === 'reader' && writer !== undefined) {
    throw roleFailure('writer', object);
  }
  if ((role === 'admin') !== (admin.privateKey !== undefined)) throw roleFailure('admin', object);
  return {
    repo,
    role,
    secret: readKey(json, 'secret', object),
    dataRecipient: readString(json, 'dataRecipient', object, RECIPIENT),
    ...(dataIdentity === undefined ? {} : { dataIdentity }),
    metaRecipient: readString(json, 'metaRecipient', object, RECIPIENT),
    metaIdentity: readString(json, 'metaIdentity', object, IDENTITY),
    ...(writer === undefined ? {} : { writer }),
    admin,
  };
}

/** Seals a keyring to a passphrase, as an age file. Takes about a second at the default work factor. */
export async function sealBundleToPassphrase(
  keyring: Keyring,
  passphrase: string,
  logN: number = DEFAULT_WORK_FACTOR,
): Promise<Buffer> {
  return sealFile(encodeBundle(keyring), await createPassphraseHeader(passphrase, logN));
}

/** Seals a keyring to an age recipient, as an age file. */
export async function sealBundleToRecipient(keyring: Keyring, recipient: string): Promise<Buffer> {
  return sealFile(encodeBundle(keyring), await createHeader([recipient]));
}

/**
 * Opens a key bundle.
 *
 * A passphrase also proves that who made the bundle knew it. A recipient proves nothing: anybody can seal a bundle of
 * their own to it, and so lead a reader into a repository of theirs; who opens one for the first time should compare
 * the repository id, and afterwards hold on to the admin's public key.
 * @throws IcecoreError key `wrong-passphrase`, `no-passphrase`, `wrong-key`, `bad-identity`
 * @throws damage when it is not a key bundle
 */
export async function openBundle(file: Uint8Array, unlock: BundleUnlock, object = 'key bundle'): Promise<Keyring> {
  if (file.length > MAX_FILE_LENGTH)
    throw damage('bundle-length', `${object}: is too long for a key bundle`, { object });
  if ('identity' in unlock) {
    return decodeBundle(await openFile(file, new HeaderOpener([unlock.identity]), object), object);
  }
  const { header, payloadOffset } = splitHeader(file, object);
  const fileKey = await openPassphraseHeader(header, unlock.passphrase, object);
  return decodeBundle(openStream(fileKey, file.subarray(payloadOffset), object), object);
}

function readWriter(json: JsonObject, object: string): WriterKey {
  refuseOtherFields(json, WRITER_FIELDS, object);
  const publicKey = readKey(json, 'publicKey', object);
  const privateKey = readKey(json, 'privateKey', object);
  const id = readHex(json, 'id', 8, object);
  if (!equalBytes(publicKeyOf(privateKey), publicKey)) throw fieldFailure('writer', 'holds keys of two pairs', object);
  if (writerId(publicKey) !== id) throw fieldFailure('writer', 'holds the id of another key', object);
  return { id, publicKey, privateKey };
}

function readAdmin(json: JsonObject, object: string): Keyring['admin'] {
  refuseOtherFields(json, ADMIN_FIELDS, object);
  const publicKey = readKey(json, 'publicKey', object);
  if (!hasField(json, 'privateKey')) return { publicKey };
  const privateKey = readKey(json, 'privateKey', object);
  if (!equalBytes(publicKeyOf(privateKey), publicKey)) throw fieldFailure('admin', 'holds keys of two pairs', object);
  return { publicKey, privateKey };
}

function readKey(json: JsonObject, field: string, object: string): Buffer {
  const bytes = readBase64(json, field, object, 32);
  if (bytes.length !== 32) throw fieldFailure(field, 'is not 32 bytes', object);
  return bytes;
}

function roleFailure(field: string, object: string) {
  return fieldFailure(field, 'does not fit the role', object);
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}
