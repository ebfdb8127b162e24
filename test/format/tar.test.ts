import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { extract } from 'tar-stream';
import { describe, expect, test } from 'vitest';
import { isIcecoreError } from '../../src/base/errors.ts';
import type { ChunkId } from '../../src/base/ids.ts';
import {
  parseMemberHeader,
  TAR_BLOCK,
  TAR_END_LENGTH,
  TOC_MEMBER,
  tarMemberLength,
  tarPadding,
  walkTar,
  writeChunkHeader,
  writeMemberHeader,
} from '../../src/format/tar.ts';

function idOf(content: Uint8Array): ChunkId {
  return createHash('sha256').update(content).digest('hex') as ChunkId;
}

/** The tar of chunks with these contents; with its end when asked. */
function makeTar(contents: readonly Uint8Array[], end = true): Buffer {
  const length = contents.reduce((sum, content) => sum + tarMemberLength(content.length), 0);
  const tar = Buffer.alloc(length + (end ? TAR_END_LENGTH : 0));
  let at = 0;
  for (const content of contents) {
    writeChunkHeader(tar, at, idOf(content), content.length);
    tar.set(content, at + TAR_BLOCK);
    at += tarMemberLength(content.length);
  }
  return tar;
}

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (isIcecoreError(error, 'damage')) return error.code;
    throw error;
  }
  return 'no error';
}

const contents = fc.array(fc.uint8Array({ minLength: 1, maxLength: 1200 }), { maxLength: 6 });

describe('the tar of a pack', () => {
  test('is read by another tar reader, with exactly these names, modes, times and contents', async () => {
    await fc.assert(
      fc.asyncProperty(contents, async (chunks) => {
        const reader = extract();
        reader.end(makeTar(chunks));
        const seen: Uint8Array[] = [];
        for await (const entry of reader) {
          const { name, mode, uid, gid, type, mtime, size } = entry.header;
          const parts: Uint8Array[] = [];
          for await (const part of entry) parts.push(part as Uint8Array);
          const content = Buffer.concat(parts);
          expect({ name, mode, uid, gid, type, size, time: mtime?.getTime() }).toEqual({
            name: idOf(content),
            mode: 0o600,
            uid: 0,
            gid: 0,
            type: 'file',
            size: content.length,
            time: 0,
          });
          seen.push(new Uint8Array(content));
        }
        expect(seen).toEqual(chunks.map((chunk) => new Uint8Array(chunk)));
      }),
      { numRuns: 30 },
    );
  });

  test('is listed by GNU tar without a complaint', () => {
    const tar = makeTar([Buffer.from('a'), Buffer.alloc(512, 1), Buffer.alloc(1300, 2)]);
    const listing = execFileSync('tar', ['--utc', '-tvf', '-'], { input: tar, encoding: 'utf8', stdio: 'pipe' });
    expect(listing.trim().split('\n')).toHaveLength(3);
    expect(listing).toContain(`-rw------- 0/0            1300 1970-01-01 00:00 ${idOf(Buffer.alloc(1300, 2))}`);
  });

  test('is walked back into its members', () => {
    fc.assert(
      fc.property(contents, fc.boolean(), (chunks, end) => {
        const tar = makeTar(chunks, end);
        const members = walkTar(tar, 'thing');
        expect(members.map((member) => member.name)).toEqual(chunks.map(idOf));
        for (const [i, { offset, length }] of members.entries()) {
          expect(Buffer.compare(tar.subarray(offset, offset + length), chunks[i]!)).toBe(0);
        }
      }),
    );
  });

  test('holds its table of contents as a member, and lengths beyond 2^32', () => {
    const header = Buffer.alloc(TAR_BLOCK);
    for (const length of [0, 1, 4_294_967_296, 8 ** 11 - 1]) {
      writeMemberHeader(header, 0, TOC_MEMBER, length);
      expect(parseMemberHeader(header, 0, 'thing')).toEqual({ name: TOC_MEMBER, offset: TAR_BLOCK, length });
    }
    expect(() => writeMemberHeader(header, 0, TOC_MEMBER, 8 ** 11)).toThrow();
    expect(() => writeMemberHeader(header, 0, 'x'.repeat(100), 1)).toThrow();
    expect(() => writeMemberHeader(header, 1, 'x', 1)).toThrow();
  });

  test('pads to blocks', () => {
    expect([0, 1, 511, 512, 513].map(tarPadding)).toEqual([0, 511, 1, 0, 511]);
    expect([1, 512, 513].map(tarMemberLength)).toEqual([1024, 1024, 1536]);
  });

  test('with any byte of a header, the padding or the end changed is refused', () => {
    const chunk = Buffer.from('content');
    const tar = makeTar([chunk]);
    for (let i = 0; i < tar.length; i++) {
      if (i >= TAR_BLOCK && i < TAR_BLOCK + chunk.length) continue;
      const changed = Buffer.from(tar);
      changed[i]! ^= 1;
      expect(
        codeOf(() => walkTar(changed, 'thing')),
        `byte ${i}`,
      ).toMatch(/^tar-/);
    }
  });

  test('that is cut off is refused', () => {
    const tar = makeTar([Buffer.from('content'), Buffer.from('more')]);
    for (const length of [1, 511, 512, 600, 1023, 1025, 2047, 2048 + 512, tar.length - 1]) {
      expect(
        codeOf(() => walkTar(tar.subarray(0, length), 'thing')),
        `length ${length}`,
      ).toMatch(/^tar-/);
    }
    expect(codeOf(() => walkTar(Buffer.concat([tar, tar]), 'thing'))).toBe('tar-padding');
  });

  test('a member of another name is refused', () => {
    const header = Buffer.alloc(TAR_BLOCK);
    writeMemberHeader(header, 0, '../../etc/passwd', 1);
    expect(codeOf(() => parseMemberHeader(header, 0, 'thing'))).toBe('tar-header');
  });

  test('no bytes make the walk do anything but answer or refuse', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2048, size: 'max' }), (bytes) => {
        expect(codeOf(() => walkTar(bytes, 'thing'))).toMatch(/^tar-|^no error$/);
      }),
    );
  });
});
