import {
  Decrypter,
  Encrypter,
  generateHybridIdentity,
  generateX25519Identity,
  identityToRecipient,
} from 'age-encryption';
import { describe, expect, test } from 'vitest';
import { IcecoreError } from '../../src/base/errors.ts';
import { openFile, sealFile } from '../../src/seal/age-file.ts';
import { createHeader, HeaderOpener, MAX_HEADER_LENGTH, splitHeader } from '../../src/seal/age-header.ts';
import { createPassphraseHeader, openPassphraseHeader } from '../../src/seal/age-passphrase.ts';

async function failureOf(work: () => unknown): Promise<IcecoreError> {
  try {
    await work();
  } catch (error) {
    if (error instanceof IcecoreError) return error;
    throw error;
  }
  throw new Error('this should have failed');
}

const hello = Buffer.from('hello');

describe.each([
  ['x25519', generateX25519Identity],
  ['hybrid post-quantum', generateHybridIdentity],
])('a header for the type %s', (_, generate) => {
  test('opens with the identity of each recipient, and with no other', async () => {
    const identities = await Promise.all([generate(), generate()]);
    const header = await createHeader(await Promise.all(identities.map((identity) => identityToRecipient(identity))));
    for (const identity of identities) {
      expect(await new HeaderOpener([identity]).openHeader(header.header, 'x')).toEqual(header.fileKey);
    }
    const failure = await failureOf(async () => new HeaderOpener([await generate()]).openHeader(header.header, 'obj'));
    expect([failure.kind, failure.code, failure.data]).toEqual(['key', 'wrong-key', { object: 'obj' }]);
  });

  test('has a new file key every time', async () => {
    const recipient = await identityToRecipient(await generate());
    const [a, b] = [await createHeader([recipient]), await createHeader([recipient])];
    expect(a.fileKey).not.toEqual(b.fileKey);
    expect(a.header).not.toEqual(b.header);
  });

  test('with a changed MAC is damaged, not of the wrong key', async () => {
    const identity = await generate();
    const { header } = await createHeader([await identityToRecipient(identity)]);
    const at = header.length - 10;
    header[at] = header[at] === 0x41 ? 0x42 : 0x41;
    const failure = await failureOf(() => new HeaderOpener([identity]).openHeader(header, 'obj'));
    expect([failure.kind, failure.code]).toEqual(['damage', 'header-damaged']);
  });
});

test('an opener tries all its identities', async () => {
  const identities = [await generateX25519Identity(), await generateHybridIdentity()];
  const opener = new HeaderOpener(identities);
  for (const identity of identities) {
    const header = await createHeader([await identityToRecipient(identity)]);
    expect(await opener.openHeader(header.header, 'x')).toEqual(header.fileKey);
  }
});

test('an opener does the work once for equal headers, also at the same time', async () => {
  const identity = await generateX25519Identity();
  const { header } = await createHeader([await identityToRecipient(identity)]);
  const opener = new HeaderOpener([identity]);
  const [a, b] = await Promise.all([opener.openHeader(header, 'x'), opener.openHeader(header.slice(), 'y')]);
  expect(b).toBe(a);
  expect(await opener.openHeader(header.slice(), 'z')).toBe(a);
});

test('an opener does not remember failures, so each names its own object', async () => {
  const { header } = await createHeader([await identityToRecipient(await generateX25519Identity())]);
  const opener = new HeaderOpener([await generateX25519Identity()]);
  expect((await failureOf(() => opener.openHeader(header, 'first'))).message).toContain('first');
  expect((await failureOf(() => opener.openHeader(header, 'second'))).message).toContain('second');
});

test('an object that is sealed to a passphrase is refused without any scrypt work', async () => {
  const { header } = await createPassphraseHeader('secret', 2);
  const costly = Buffer.from(Buffer.from(header).toString('latin1').replace(/ 2\n/, ' 20\n'), 'latin1');
  const started = performance.now();
  const opener = new HeaderOpener([await generateX25519Identity()]);
  const failure = await failureOf(() => opener.openHeader(costly, 'obj'));
  expect([failure.kind, failure.code]).toEqual(['damage', 'passphrase-refused']);
  expect(performance.now() - started).toBeLessThan(500);
});

test('what is not an identity or a recipient is refused, and an identity is not quoted', async () => {
  const identity = await generateX25519Identity();
  const typo = identity.slice(0, -1);
  const badIdentity = await failureOf(() => new HeaderOpener([typo]));
  expect([badIdentity.kind, badIdentity.code]).toEqual(['key', 'bad-identity']);
  for (const wrong of ['age1nonsense', '', 'ssh-ed25519 AAAA', identity]) {
    const failure = await failureOf(() => createHeader([wrong]));
    expect([failure.kind, failure.code]).toEqual(['config', 'bad-recipient']);
    expect(failure.message).not.toContain('SECRET');
  }
});

describe('splitting a file', () => {
  test('finds the payload behind the header', async () => {
    const header = await createHeader([await identityToRecipient(await generateX25519Identity())]);
    const file = sealFile(hello, header);
    const split = splitHeader(file, 'x');
    expect(split.payloadOffset).toBe(header.header.length);
    expect(Buffer.from(split.header).equals(header.header)).toBe(true);
  });

  test.each([
    ['an empty file', '', 'not-age'],
    ['something else', 'age-encryption.org/v2\n---', 'not-age'],
    ['a header without an end', 'age-encryption.org/v1\n-> X25519 abc\n', 'header-truncated'],
    ['a last line without an end', `age-encryption.org/v1\n--- ${'A'.repeat(43)}`, 'header-truncated'],
    ['a malformed last line', `age-encryption.org/v1\n--- ${'A'.repeat(42)}\n`, 'header-damaged'],
  ])('refuses %s', async (_, text, code) => {
    expect((await failureOf(() => splitHeader(Buffer.from(text), 'obj'))).code).toBe(code);
  });

  test('does not look further than the limit', async () => {
    const text = `age-encryption.org/v1\n${'-> x y\n\n'.repeat(MAX_HEADER_LENGTH / 8)}--- ${'A'.repeat(43)}\n`;
    expect((await failureOf(() => splitHeader(Buffer.from(text), 'obj'))).code).toBe('header-truncated');
  });
});

describe('a passphrase', () => {
  test('seals for the age-encryption package, and opens what it sealed', async () => {
    const passphrase = 'naïve – 🧊';
    const header = await createPassphraseHeader(passphrase, 8);
    const decrypter = new Decrypter();
    decrypter.addPassphrase(passphrase);
    expect(Buffer.from(await decrypter.decrypt(sealFile(hello, header)))).toEqual(hello);

    const encrypter = new Encrypter();
    encrypter.setPassphrase(passphrase);
    encrypter.setScryptWorkFactor(8);
    const { header: theirs } = splitHeader(await encrypter.encrypt(hello), 'x');
    expect((await openPassphraseHeader(theirs, passphrase, 'x')).length).toBe(16);
  });

  test('that is wrong is told from damage', async () => {
    const { header } = await createPassphraseHeader('right', 4);
    const failure = await failureOf(() => openPassphraseHeader(header, 'wrong', 'obj'));
    expect([failure.kind, failure.code]).toEqual(['key', 'wrong-passphrase']);
    const at = header.length - 10;
    header[at] = header[at] === 0x41 ? 0x42 : 0x41;
    const damaged = await failureOf(() => openPassphraseHeader(header, 'right', 'obj'));
    expect([damaged.kind, damaged.code]).toEqual(['damage', 'header-damaged']);
  });

  test('does not make a reader do more work than 2^20', async () => {
    const { header } = await createPassphraseHeader('right', 4);
    const costly = Buffer.from(Buffer.from(header).toString('latin1').replace(/ 4\n/, ' 21\n'), 'latin1');
    expect((await failureOf(() => openPassphraseHeader(costly, 'right', 'obj'))).code).toBe('work-factor');
  });

  test('is not asked of a file that has none', async () => {
    const { header } = await createHeader([await identityToRecipient(await generateX25519Identity())]);
    const failure = await failureOf(() => openPassphraseHeader(header, 'any', 'obj'));
    expect([failure.kind, failure.code]).toEqual(['key', 'no-passphrase']);
  });

  test('is never empty', async () => {
    expect((await failureOf(() => createPassphraseHeader('', 4))).code).toBe('empty-passphrase');
  });
});

test('one header serves many files, each with a nonce of its own', async () => {
  const identity = await generateX25519Identity();
  const header = await createHeader([await identityToRecipient(identity)]);
  const [a, b] = [sealFile(hello, header), sealFile(hello, header)];
  expect(a.subarray(header.header.length)).not.toEqual(b.subarray(header.header.length));
  const opener = new HeaderOpener([identity]);
  expect(await openFile(a, opener, 'x')).toEqual(hello);
  expect(await openFile(b, opener, 'x')).toEqual(hello);
});
