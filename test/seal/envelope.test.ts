import { generateX25519Identity } from 'age-encryption';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { IcecoreError } from '../../src/base/errors.ts';
import type { RepoId } from '../../src/base/ids.ts';
import { decodeEnvelope, encodeEnvelope } from '../../src/format/envelope.ts';
import { skippableFrame } from '../../src/format/zstd-frame.ts';
import { openFile, sealFile } from '../../src/seal/age-file.ts';
import { createHeader, HeaderOpener, type SealHeader } from '../../src/seal/age-header.ts';
import { type OpeningContext, openObject, type SealingContext, sealObject } from '../../src/seal/envelope.ts';
import { deriveKeys, generateKeyring, type Keyring, restrictKeyring } from '../../src/seal/keys.ts';

const repo = '00112233445566778899aabbccddeeff' as RepoId;
const place = { type: 'snapshot', name: 'snapshots/a.json.zst.age' } as const;
const payload = Buffer.from('{"snapshot":1}\n'.repeat(50));
let keyring: Keyring;
let header: SealHeader;
let sealing: SealingContext;
let opening: OpeningContext;

beforeAll(async () => {
  const admin = await generateKeyring(repo, 'x25519');
  keyring = admin;
  header = await createHeader([keyring.metaRecipient]);
  const derived = deriveKeys(keyring);
  sealing = { keyring, derived, configGeneration: 3 };
  opening = {
    repo,
    derived,
    opener: new HeaderOpener([keyring.metaIdentity]),
    writers: new Map([
      [keyring.writer!.id, keyring.writer!.publicKey],
      ['admin', admin.admin.publicKey],
    ]),
  };
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

/** Opens the file, lets the test change what is inside, and seals it again as somebody who knows M's recipient can. */
async function tamper(file: Uint8Array, change: (plain: Buffer) => Uint8Array): Promise<Buffer> {
  return sealFile(change(await openFile(file, opening.opener, 'x')), header);
}

test('an object opens to its payload, its writer and the generation of its config', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 3000 }), fc.nat(99_999_999), async (bytes, configGeneration) => {
      const file = sealObject({ ...place, payload: bytes }, { ...sealing, configGeneration }, header);
      const opened = await openObject(file, place, opening);
      expect(opened.payload.equals(bytes)).toBe(true);
      expect([opened.writer, opened.config]).toEqual([keyring.writer!.id, configGeneration]);
    }),
    { numRuns: 30 },
  );
});

test('a config is signed by the admin, and only by the admin', async () => {
  const config = { type: 'config', name: 'config/00000001.json.zst.age' } as const;
  const file = sealObject({ ...config, payload }, sealing, header);
  expect((await openObject(file, config, opening)).writer).toBe('admin');
  const writer = restrictKeyring(keyring, 'writer');
  const asWriter = await failureOf(() => sealObject({ ...config, payload }, { ...sealing, keyring: writer }, header));
  expect([asWriter.kind, asWriter.code]).toEqual(['key', 'key-missing']);
});

test('a writer that poses as the admin, or the admin as a writer, is not believed', async () => {
  const { writer, admin } = keyring;
  const posing = { ...keyring, admin: { publicKey: writer!.publicKey, privateKey: writer!.privateKey } };
  const config = { type: 'config', name: 'config/00000001.json.zst.age' } as const;
  const file = sealObject({ ...config, payload }, { ...sealing, keyring: posing }, header);
  expect((await failureOf(() => openObject(file, config, opening))).code).toBe('wrong-signature');

  const asAdmin = { ...keyring, writer: { id: 'admin', publicKey: admin.publicKey, privateKey: admin.privateKey! } };
  const other = sealObject({ ...place, payload }, { ...sealing, keyring: asAdmin }, header);
  expect((await failureOf(() => openObject(other, place, opening))).code).toBe('unknown-writer');
});

describe('an object is refused', () => {
  let file: Buffer;
  beforeAll(() => {
    file = sealObject({ ...place, payload }, sealing, header);
  });

  test('under another name, as another type, in another repository, under another secret', async () => {
    const code = async (where: object, context: object) =>
      (await failureOf(() => openObject(file, { ...place, ...where }, { ...opening, ...context }))).code;
    expect(await code({ name: 'snapshots/b.json.zst.age' }, {})).toBe('wrong-mac');
    expect(await code({ type: 'claim' }, {})).toBe('wrong-mac');
    expect(await code({}, { repo: 'f'.repeat(32) })).toBe('wrong-mac');
    expect(await code({}, { derived: deriveKeys({ repo, secret: Buffer.alloc(32) }) })).toBe('wrong-mac');
  });

  test('from a writer who is not known, and the error says who', async () => {
    const failure = await failureOf(() => openObject(file, place, { ...opening, writers: new Map() }));
    expect([failure.kind, failure.code]).toEqual(['damage', 'unknown-writer']);
    expect(failure.data).toEqual({ writer: keyring.writer!.id, object: place.name });
  });

  test('with another key at hand', async () => {
    const opener = new HeaderOpener([await generateX25519Identity()]);
    const failure = await failureOf(() => openObject(file, place, { ...opening, opener }));
    expect([failure.kind, failure.code]).toEqual(['key', 'wrong-key']);
  });

  test('with its generation, writer or proofs changed', async () => {
    const changes = [
      { config: 4, code: 'wrong-mac' },
      { writer: 'ffffffffffffffff', code: 'wrong-mac' },
      { mac: Buffer.alloc(32), code: 'wrong-mac' },
      { sig: Buffer.alloc(64), code: 'wrong-signature' },
    ];
    for (const { code, ...change } of changes) {
      const tampered = await tamper(file, (plain) => {
        const envelope = decodeEnvelope(plain, 'x');
        return encodeEnvelope({ ...envelope.header, ...change }, envelope.frames);
      });
      expect((await failureOf(() => openObject(tampered, place, opening))).code).toBe(code);
    }
  });

  test('with anything behind it, before any of that is looked at', async () => {
    const bomb = Buffer.from('28b52ffda0ffffffff4d0000ffffffffffffffffff', 'hex');
    for (const more of [bomb, Buffer.from('garbage'), skippableFrame(0x184d2a50, Buffer.alloc(3))]) {
      const tampered = await tamper(file, (plain) => Buffer.concat([plain, more]));
      expect((await failureOf(() => openObject(tampered, place, opening))).code).toBe('wrong-mac');
    }
  });

  test('after a change of any byte, with an error that names it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(file.length - 1), fc.integer({ min: 1, max: 255 }), async (at, mask) => {
        const damaged = Buffer.from(file);
        damaged[at]! ^= mask;
        const failure = await failureOf(() => openObject(damaged, place, opening));
        // The sealed file key is all that a wrong key and damage have in common.
        expect(['damage', 'key']).toContain(failure.kind);
        expect(failure.data.object).toBe(place.name);
      }),
      { numRuns: 150 },
    );
  });

  test('when its payload is longer than acceptable', async () => {
    const failure = await failureOf(() => openObject(file, place, opening, payload.length - 1));
    expect(failure.code).toBe('zstd-too-long');
    expect((await openObject(file, place, opening, payload.length)).payload.equals(payload)).toBe(true);
  });
});
