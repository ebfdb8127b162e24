import { identityToRecipient } from 'age-encryption';
import { beforeAll, describe, expect, test } from 'vitest';
import { IcecoreError } from '../../src/base/errors.ts';
import type { RepoId } from '../../src/base/ids.ts';
import {
  deriveKeys,
  generateKeyring,
  generateWriterKey,
  type Keyring,
  restrictKeyring,
  signerOf,
} from '../../src/seal/keys.ts';
import { publicKeyOf, writerId } from '../../src/seal/signatures.ts';

const repo = '00112233445566778899aabbccddeeff' as RepoId;
let admin: Keyring;

beforeAll(async () => {
  admin = await generateKeyring(repo, 'pq');
});

const codeOf = (work: () => unknown) => {
  try {
    work();
  } catch (error) {
    if (error instanceof IcecoreError) return `${error.kind}/${error.code}`;
    throw error;
  }
  return 'none';
};

test.each([
  ['pq', /^AGE-SECRET-KEY-PQ-1/, /^age1pq1/],
  ['x25519', /^AGE-SECRET-KEY-1/, /^age1(?!pq1)/],
] as const)(
  'a new keyring of type %s is an admin with everything, and all of it fits together',
  async (type, id, to) => {
    const keyring = await generateKeyring(repo, type);
    expect(keyring.role).toBe('admin');
    for (const [identity, recipient] of [
      [keyring.dataIdentity!, keyring.dataRecipient],
      [keyring.metaIdentity, keyring.metaRecipient],
    ] as const) {
      expect(identity).toMatch(id);
      expect(recipient).toMatch(to);
      expect(await identityToRecipient(identity)).toBe(recipient);
    }
    expect(keyring.dataIdentity).not.toBe(keyring.metaIdentity);
    expect(keyring.secret.length).toBe(32);
    expect(publicKeyOf(keyring.admin.privateKey!)).toEqual(keyring.admin.publicKey);
    expect(writerId(keyring.writer!.publicKey)).toBe(keyring.writer!.id);
  },
);

describe('a restricted keyring', () => {
  test('of a writer can read no content and change no settings', () => {
    const writer = restrictKeyring(admin, 'writer');
    expect(writer).toEqual({
      repo,
      role: 'writer',
      secret: admin.secret,
      dataRecipient: admin.dataRecipient,
      metaRecipient: admin.metaRecipient,
      metaIdentity: admin.metaIdentity,
      writer: admin.writer,
      admin: { publicKey: admin.admin.publicKey },
    });
  });

  test('of a reader can sign nothing', () => {
    const reader = restrictKeyring(admin, 'reader', generateWriterKey());
    expect(reader.writer).toBeUndefined();
    expect(reader.admin.privateKey).toBeUndefined();
    expect(reader.dataIdentity).toBe(admin.dataIdentity);
    expect(codeOf(() => signerOf(reader, deriveKeys(reader)))).toBe('key/key-missing');
  });

  test('may hold the keys of a new writer', () => {
    const key = generateWriterKey();
    expect(restrictKeyring(admin, 'writer', key).writer).toEqual(key);
    expect(restrictKeyring(restrictKeyring(admin, 'reader'), 'writer', key).writer).toEqual(key);
  });

  test('never has more than it came from', () => {
    const writer = restrictKeyring(admin, 'writer');
    const reader = restrictKeyring(admin, 'reader');
    expect(codeOf(() => restrictKeyring(writer, 'reader'))).toBe('key/key-missing');
    expect(codeOf(() => restrictKeyring(writer, 'admin'))).toBe('key/key-missing');
    expect(codeOf(() => restrictKeyring(reader, 'admin'))).toBe('key/key-missing');
    expect(codeOf(() => restrictKeyring(reader, 'writer'))).toBe('key/key-missing');
    expect(codeOf(() => signerOf(writer, deriveKeys(writer), 'admin'))).toBe('key/key-missing');
  });
});

test('the derived keys are those of format 1', () => {
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
  const keys = deriveKeys({ repo, secret: Buffer.alloc(32, 1) });
  // Frozen: another value would make every stored chunk unknown.
  expect([hex(keys.chunkId), hex(keys.chunker), hex(keys.object)]).toMatchInlineSnapshot(`
    [
      "ab9e7cf951412b492fd6d426043051a30ef00481a0ae2467500d389596539a7f",
      "c6edfb7de3156b6c807faac4b15b58ba0f37d911c896f8af43b63dccacc47148",
      "cf063416abbd18e3a71a316679c8b7737f42528574e33c802fe03b23c8086770",
    ]
  `);
  expect(deriveKeys({ repo, secret: Buffer.alloc(32, 2) }).chunkId).not.toEqual(keys.chunkId);
  expect(deriveKeys({ repo: repo.replace('0', '1') as RepoId, secret: Buffer.alloc(32, 1) })).not.toEqual(keys);
});
