import { Decrypter, generateX25519Identity, identityToRecipient } from 'age-encryption';
import { beforeAll, describe, expect, test } from 'vitest';
import { IcecoreError } from '../../src/base/errors.ts';
import type { RepoId } from '../../src/base/ids.ts';
import { sealFile } from '../../src/seal/age-file.ts';
import { createPassphraseHeader } from '../../src/seal/age-passphrase.ts';
import {
  decodeBundle,
  encodeBundle,
  openBundle,
  sealBundleToPassphrase,
  sealBundleToRecipient,
} from '../../src/seal/bundle.ts';
import { generateKeyring, generateWriterKey, type Keyring, type Role, restrictKeyring } from '../../src/seal/keys.ts';

const repo = '00112233445566778899aabbccddeeff' as RepoId;
const ROLES: readonly Role[] = ['writer', 'reader', 'admin'];
let admin: Keyring;

beforeAll(async () => {
  admin = await generateKeyring(repo, 'pq');
});

async function failureOf(work: () => unknown): Promise<IcecoreError> {
  try {
    await work();
  } catch (error) {
    if (error instanceof IcecoreError) return error;
    throw error;
  }
  throw new Error('this should have failed');
}

test.each(ROLES)('the bundle of a %s decodes to the same keyring', (role) => {
  const keyring = restrictKeyring(admin, role);
  expect(decodeBundle(encodeBundle(keyring), 'x')).toEqual(keyring);
});

test('an admin without a writer key has a bundle too', () => {
  const { writer: _, ...rest } = admin;
  expect(decodeBundle(encodeBundle(rest), 'x')).toEqual(rest);
});

describe('decoding refuses, without quoting any of it,', () => {
  type Json = Record<string, unknown>;
  const changes: [string, (json: Json) => unknown][] = [
    ['another version', (json) => ({ ...json, bundle: 2 })],
    ['a field that is not known', (json) => ({ ...json, more: 1 })],
    ['a missing secret', ({ secret: _, ...json }) => json],
    ['a short secret', (json) => ({ ...json, secret: 'AAAA' })],
    ['base64 that is not canonical', (json) => ({ ...json, secret: `${json.secret}\n` })],
    ['a repo that is none', (json) => ({ ...json, repo: '../../etc' })],
    ['a role that is none', (json) => ({ ...json, role: 'owner' })],
    ['a role with less than its keys', (json) => ({ ...json, role: 'reader' })],
    ['a writer that can read', (json) => ({ ...json, role: 'writer' })],
    ['an identity that is none', (json) => ({ ...json, metaIdentity: json.metaRecipient })],
    ['a recipient that is an identity', (json) => ({ ...json, dataRecipient: json.dataIdentity })],
    ['a null instead of absence', (json) => ({ ...json, writer: null })],
    ['the id of another writer', (json) => ({ ...json, writer: { ...(json.writer as Json), id: '0123456789abcdef' } })],
    [
      'keys of two writers',
      (json) => {
        const publicKey = Buffer.from(generateWriterKey().publicKey).toString('base64');
        return { ...json, writer: { ...(json.writer as Json), publicKey } };
      },
    ],
    [
      'keys of two admins',
      (json) => {
        const publicKey = Buffer.from(generateWriterKey().publicKey).toString('base64');
        return { ...json, admin: { ...(json.admin as Json), publicKey } };
      },
    ],
    ['an array', (json) => [json]],
    ['deep nesting', (json) => ({ ...json, writer: [[[[]]]] })],
  ];
  test.each(changes)('%s', async (_, change) => {
    const json = JSON.parse(encodeBundle(admin).toString('utf8')) as Json;
    const failure = await failureOf(() => decodeBundle(Buffer.from(JSON.stringify(change(json))), 'keys/some.age'));
    expect(failure.kind).toBe('damage');
    expect(failure.message).toContain('keys/some.age');
    const said = `${failure.message}${JSON.stringify(failure.data)}${failure.cause ?? ''}`;
    expect(said).not.toContain(json.secret);
    expect(said).not.toContain('SECRET');
  });
});

describe('a sealed bundle', () => {
  test.each(ROLES)('of a %s opens with its passphrase, and with no other', async (role) => {
    const keyring = restrictKeyring(admin, role);
    const file = await sealBundleToPassphrase(keyring, 'correct horse', 4);
    expect(await openBundle(file, { passphrase: 'correct horse' })).toEqual(keyring);
    const failure = await failureOf(() => openBundle(file, { passphrase: 'correct house' }));
    expect([failure.kind, failure.code]).toEqual(['key', 'wrong-passphrase']);
  });

  test('is an age file that any age opens', async () => {
    const decrypter = new Decrypter();
    decrypter.addPassphrase('p');
    const text = await decrypter.decrypt(await sealBundleToPassphrase(admin, 'p', 4), 'text');
    expect(JSON.parse(text)).toMatchObject({ bundle: 1, repo, role: 'admin' });
  });

  test('opens with the identity it is sealed to', async () => {
    const identity = await generateX25519Identity();
    const file = await sealBundleToRecipient(admin, await identityToRecipient(identity));
    expect(await openBundle(file, { identity })).toEqual(admin);
    const wrong = await failureOf(async () => openBundle(file, { identity: await generateX25519Identity() }));
    expect([wrong.kind, wrong.code]).toEqual(['key', 'wrong-key']);
    const passphrase = await failureOf(() => openBundle(file, { passphrase: 'p' }));
    expect([passphrase.kind, passphrase.code]).toEqual(['key', 'no-passphrase']);
  });

  test('that was changed anywhere or is something else is damage', async () => {
    const file = await sealBundleToPassphrase(admin, 'p', 4);
    file[file.length - 1]! ^= 1;
    expect((await failureOf(() => openBundle(file, { passphrase: 'p' }, 'keys/a.age'))).kind).toBe('damage');
    const other = sealFile(Buffer.from('"hello"'), await createPassphraseHeader('p', 4));
    expect((await failureOf(() => openBundle(other, { passphrase: 'p' }))).kind).toBe('damage');
    expect((await failureOf(() => openBundle(Buffer.alloc(1 << 20), { passphrase: 'p' }))).code).toBe('bundle-length');
  });

  test('is sealed with the work that the age tool uses, unless told otherwise', async () => {
    const file = await sealBundleToPassphrase(admin, 'p');
    expect(file.toString('latin1', 0, 100)).toMatch(/^age-encryption.org\/v1\n-> scrypt [^ ]+ 18\n/);
  });
});
