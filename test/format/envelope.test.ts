import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isIcecoreError } from '../../src/base/errors.ts';
import type { RepoId } from '../../src/base/ids.ts';
import { decodeEnvelope, type EnvelopeHeader, encodeEnvelope, encodeStatement } from '../../src/format/envelope.ts';
import { skippableFrame } from '../../src/format/zstd-frame.ts';

const repo = '00112233445566778899aabbccddeeff' as RepoId;
const header: EnvelopeHeader = {
  writer: '0123456789abcdef',
  config: 7,
  mac: Buffer.alloc(32, 1),
  sig: Buffer.alloc(64, 2),
};

test('the statement is the fields in order, each after its length', () => {
  const framesHash = Buffer.alloc(32, 0xaa);
  const bytes = encodeStatement({ type: 'gc', repo, name: 'gc/1', writer: 'admin', config: 12, framesHash });
  const field = (text: string) => `\0\0\0${String.fromCharCode(text.length)}${text}`;
  const texts = ['icecore/1', 'gc', repo, 'gc/1', 'admin', '12'].map(field).join('');
  expect(bytes.toString('latin1')).toBe(`${texts}\0\0\0\x20${'\xaa'.repeat(32)}`);
});

test('different statements have different bytes', () => {
  const statement = fc.record({
    type: fc.constantFrom('config', 'claim', 'index', 'snapshot', 'gc', 'thaw'),
    repo: fc.constant(repo),
    name: fc.string({ maxLength: 5 }),
    writer: fc.string({ maxLength: 5 }),
    config: fc.nat(20),
    framesHash: fc.constantFrom(Buffer.alloc(32), Buffer.alloc(32, 1)),
  });
  fc.assert(
    fc.property(statement, statement, (a, b) => {
      expect(encodeStatement(a).equals(encodeStatement(b))).toBe(JSON.stringify(a) === JSON.stringify(b));
    }),
  );
});

test('an envelope comes apart as it was put together', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.integer({ min: 0, max: 99_999_999 }), (frames, config) => {
      const decoded = decodeEnvelope(encodeEnvelope({ ...header, config }, frames), 'x');
      expect(decoded.header).toEqual({ ...header, config });
      expect(Buffer.from(decoded.frames).equals(frames)).toBe(true);
    }),
  );
});

test.each([
  ['nothing', Buffer.alloc(0)],
  ['another skippable frame', skippableFrame(0x184d2a51, Buffer.from('{}'))],
  ['a zstd frame', Buffer.from('28b52ffd2000010000', 'hex')],
  ['a header that is not JSON', skippableFrame(0x184d2a50, Buffer.from('{'))],
  ['a missing field', withFields({ sig: undefined })],
  ['a field too many', withFields({ other: 1 })],
  ['a short mac', withFields({ mac: Buffer.alloc(31).toString('base64') })],
  ['a long signature', withFields({ sig: Buffer.alloc(65).toString('base64') })],
  ['a writer that is a path', withFields({ writer: '../0123456789abc' })],
  ['an empty writer', withFields({ writer: '' })],
  ['a negative generation', withFields({ config: -1 })],
  ['a header of a megabyte', withFields({ writer: 'a'.repeat(1_000_000) })],
])('an envelope with %s is refused', (_, bytes) => {
  try {
    decodeEnvelope(bytes, 'some object');
  } catch (error) {
    expect(isIcecoreError(error, 'damage')).toBe(true);
    expect((error as Error).message).toContain('some object');
    return;
  }
  throw new Error('this should have failed');
});

function withFields(fields: object): Buffer {
  const mac = Buffer.from(header.mac).toString('base64');
  const sig = Buffer.from(header.sig).toString('base64');
  return skippableFrame(0x184d2a50, Buffer.from(JSON.stringify({ ...header, mac, sig, ...fields })));
}
