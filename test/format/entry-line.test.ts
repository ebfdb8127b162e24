import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isIcecoreError } from '../../src/base/errors.ts';
import { parseJsonObject } from '../../src/base/json.ts';
import { type Raw, rawFromBytes } from '../../src/base/raw.ts';
import { decodeEntry } from '../../src/format/entry-decode.ts';
import { encodeEntry, MAX_ENTRY_BYTES } from '../../src/format/entry-line.ts';
import { anyEntry, expectDamage, plainFile, raw } from './entries.ts';

const read = (line: string) => decodeEntry(parseJsonObject(line, { maxLength: 1e7 }, 'object-name'), 'object-name');
const id = 'ab'.repeat(32);

describe('an entry line', () => {
  test('gives back any entry exactly: names of any bytes, times of any sign', () => {
    fc.assert(
      fc.property(anyEntry, (entry) => {
        expect(read(encodeEntry(entry))).toEqual(entry);
      }),
      { numRuns: 1000 },
    );
  });

  test('is what the documentation shows', () => {
    const entry = plainFile('a.txt', {
      user: 'eve',
      group: 'eve',
      inode: '42',
      device: '64769',
      chunks: [id as never],
    });
    expect(encodeEntry(entry)).toBe(
      `{"name":"a.txt","type":"file","mode":"0644","uid":1000,"gid":1000,"user":"eve","group":"eve","size":3,` +
        `"mtime":"1700000000.000000001","inode":"42","device":"64769","chunks":["${id}"]}`,
    );
  });

  test('is valid JSON that says the same as JSON.stringify would', () => {
    fc.assert(
      fc.property(anyEntry, (entry) => {
        const line = encodeEntry(entry);
        expect(JSON.stringify(JSON.parse(line))).toBe(line);
      }),
    );
  });

  test('has the name for people and the bytes beside it where a name is not UTF-8', () => {
    const line = encodeEntry(plainFile('x', { name: rawFromBytes(Uint8Array.of(0x61, 0xff)) }));
    expect(JSON.parse(line)).toMatchObject({ name: 'a\ufffd', raw: 'Yf8=' });
  });

  test('does not depend on the order in which the system lists attributes', () => {
    const a = encodeEntry(plainFile('a', { xattrs: { 'user.b': 'AA==', 'user.a': '' } }));
    const b = encodeEntry(plainFile('a', { xattrs: { 'user.a': '', 'user.b': 'AA==' } }));
    expect(a).toBe(b);
  });

  test('keeps the names of attributes byte for byte', () => {
    const xattrs = { [`user.${rawFromBytes(Uint8Array.of(0xff, 0xc3, 0xa9))}`]: 'AA==' };
    expect(read(encodeEntry(plainFile('a', { xattrs }))).xattrs).toEqual(xattrs);
  });

  test('knows every mode', () => {
    for (let mode = 0; mode <= 0o7777; mode++) expect(read(encodeEntry(plainFile('a', { mode }))).mode).toBe(mode);
  });

  test('is refused by the writer when no reader would take it', () => {
    const impossible = [
      { name: 'a/b' as Raw },
      { name: '..' as Raw },
      { size: -1 },
      { size: 2 ** 53 },
      { mode: 0o10000 },
      { uid: -1 },
      { gid: Number.NaN },
      { chunks: Array(1025).fill(id) as never[] },
    ];
    for (const changes of impossible) expect(() => encodeEntry(plainFile('a', changes))).toThrow();
    for (const xattrs of [{ ['__proto__']: 'AA==' }, { '': '' }, { 'user.x': 'A'.repeat(MAX_ENTRY_BYTES) }]) {
      expect(() => encodeEntry(plainFile('a', { xattrs }))).toThrow(
        expect.toSatisfy((e: unknown) => isIcecoreError(e, 'user')),
      );
    }
  });
});

describe('the reader of entries refuses', () => {
  const valid = JSON.parse(encodeEntry(plainFile('a')));
  const link = JSON.parse(
    encodeEntry({ ...plainFile('l', { target: raw('t') }), type: 'symlink', size: undefined as never }),
  );
  const cases: Record<string, object> = {
    'a name with a slash': { name: 'a/b' },
    'a name that is absolute': { name: '/etc' },
    'the name ..': { name: '..' },
    'the name .': { name: '.' },
    'an empty name': { name: '' },
    'a name with NUL': { name: 'a\0' },
    'a name that is too long': { name: 'a'.repeat(4097) },
    'a name that is not a string': { name: 1 },
    'a name of null': { name: null },
    'a raw name that is ..': { raw: 'Li4=' },
    'a raw name with a slash': { raw: Buffer.from([0xff, 0x2f]).toString('base64') },
    'a raw name that is UTF-8': { raw: 'YQ==' },
    'a raw name that is not base64': { raw: '/w' },
    'a type that it does not know': { type: 'socket' },
    'a type off the prototype': { type: 'constructor' },
    'a type that is an array': { type: ['file'] },
    'a mode that is a number': { mode: 420 },
    'a mode out of range': { mode: '10000' },
    'a mode that is not octal': { mode: '0888' },
    'a negative owner': { uid: -1 },
    'an owner over 32 bits': { gid: 2 ** 32 },
    'a huge size': { size: 2 ** 53 },
    'a size of 1e308': { size: 1e308 },
    'a fraction of a byte': { size: 0.5 },
    'a size as text': { size: '3' },
    'a time as a number': { mtime: 1 },
    'a time without nanoseconds': { mtime: '1' },
    'a time over 64 bits': { mtime: '9999999999999999999.000000000' },
    'a time with an exponent': { ctime: '1e9.000000000' },
    'an inode that is not decimal': { inode: '0x1' },
    'one link': { links: 1 },
    'a target on a file': { target: 'x' },
    'a device number on a file': { rdev: { major: 1, minor: 1 } },
    'an unknown field': { extra: 1 },
    'a field named constructor': { constructor: 1 },
    'a chunk that is not an id': { chunks: ['x'] },
    'chunks that are upper case': { chunks: [id.toUpperCase()] },
    'no chunks in a list of chunks': { chunks: [] },
    'too many chunks': { chunks: Array(1025).fill(id) },
    'chunks that are an object': { chunks: { length: 1, 0: id } },
    'chunks and a list': { chunks: [id], list: id },
    'content on a hard link': { chunks: [id], hardlink: '/a/b' },
    'a hard link that is relative': { hardlink: 'a' },
    'a hard link through ..': { hardlink: '/a/../b' },
    'a hard link to the root': { hardlink: '/' },
    'raw bytes of a hard link without its text': { rawHardlink: '/w==' },
    'extents that pass the size': { sparse: [[0, 4]] },
    'extents that overlap': {
      sparse: [
        [0, 2],
        [1, 1],
      ],
    },
    'extents that are empty': { sparse: [[0, 0]] },
    'extents out of order': {
      sparse: [
        [2, 1],
        [0, 1],
      ],
    },
    'extents of three numbers': { sparse: [[0, 1, 2]] },
    'attributes that are an array': { xattrs: [] },
    'attributes that are not base64': { xattrs: { 'user.a': '!' } },
    'an attribute whose name is not bytes': { xattrs: { 'user.\u0100': '' } },
    'an attribute whose name is empty': { xattrs: { '': '' } },
    'an attribute whose name holds NUL': { xattrs: { 'a\0': '' } },
    'an unknown flaw': { flaw: 'odd' },
    'a user that is not text': { user: {} },
  };
  for (const [what, changes] of Object.entries(cases)) {
    test(what, () => expectDamage(() => read(JSON.stringify({ ...valid, ...changes }))));
  }

  test('__proto__ as a field, and as an attribute', () => {
    expectDamage(() => read(encodeEntry(plainFile('a')).replace('{', '{"__proto__":{"size":1},')));
    expectDamage(() => read(encodeEntry(plainFile('a', { xattrs: { 'user.a': '' } })).replace('user.a', '__proto__')));
    expect(({} as { size?: number }).size).toBeUndefined();
  });

  test('symlinks without, with an empty, or with an impossible target', () => {
    expect(read(JSON.stringify(link)).target).toBe('t');
    for (const target of [undefined, '', 'a\0b', 5]) expectDamage(() => read(JSON.stringify({ ...link, target })));
  });

  test('devices without their numbers', () => {
    const device = JSON.parse(
      encodeEntry({ ...plainFile('d', { rdev: { major: 8, minor: 1 } }), type: 'block', size: undefined as never }),
    );
    expect(read(JSON.stringify(device)).rdev).toEqual({ major: 8, minor: 1 });
    for (const rdev of [undefined, 5, null, { major: 1 }, { major: 1, minor: -1 }, { major: 1, minor: 1, more: 1 }]) {
      expectDamage(() => read(JSON.stringify({ ...device, rdev })));
    }
  });

  test('text with lone surrogates', () => {
    expectDamage(() => read(encodeEntry(plainFile('a')).replace('"a"', '"\\ud800"')));
  });
});
