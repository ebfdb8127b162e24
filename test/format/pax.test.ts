/** Headers of pax archives, as GNU tar and another implementation read them. test/work/dump.test.ts unpacks whole trees. */
import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { extract, type Header } from 'tar-stream';
import { describe, expect, it } from 'vitest';
import type { ChunkId } from '../../src/base/ids.ts';
import { type Raw, rawFromText } from '../../src/base/raw.ts';
import type { Entry } from '../../src/format/entry.ts';
import { contentLengthOf, encodePaxHeader, extentsOf } from '../../src/format/pax.ts';
import { TAR_END_LENGTH, tarPadding } from '../../src/format/tar.ts';

const ID = '00'.repeat(32) as ChunkId;
const hasGnuTar = spawnSync('tar', ['--version'], { encoding: 'utf8' }).stdout?.includes('GNU tar') ?? false;

function entry(more: Partial<Entry>): Entry {
  return { name: rawFromText('x'), type: 'file', mode: 0o644, uid: 0, gid: 0, mtime: 0n, ...more };
}

/** Reads headers back; contents are zeros. */
async function read(members: readonly { path: string; entry: Entry; link?: Raw }[]): Promise<Header[]> {
  const found: Header[] = [];
  const reader = extract();
  reader.on('entry', (header, stream, next) => {
    found.push(header);
    stream.on('end', next);
    stream.resume();
  });
  const done = new Promise<void>((resolve, reject) => reader.on('finish', () => resolve()).on('error', reject));
  for (const member of members) {
    const { bytes, contentLength } = encodePaxHeader({ ...member, path: rawFromText(member.path) });
    reader.write(Buffer.concat([bytes, Buffer.alloc(contentLength + tarPadding(contentLength))]));
  }
  reader.end(Buffer.alloc(TAR_END_LENGTH));
  await done;
  return found;
}

describe('a pax header', () => {
  it('is plain ustar where that says it all', () => {
    const { bytes, contentLength } = encodePaxHeader({
      path: rawFromText('./a'),
      entry: entry({ size: 5, chunks: [ID], user: 'anna', group: 'staff', mtime: 5_000_000_000n }),
    });
    expect(bytes.length).toBe(512);
    expect(contentLength).toBe(5);
  });

  it('is read by another implementation as it was meant', async () => {
    const name = fc.string({ unit: 'binary', minLength: 1, maxLength: 120 }).filter((text) => !/[\0\n/]/.test(text));
    const times = fc.bigInt({ min: -(10n ** 18n), max: 10n ** 19n });
    await fc.assert(
      fc.asyncProperty(name, name, times, fc.nat(2 ** 32 - 1), fc.nat(3000), async (path, target, mtime, uid, size) => {
        const file = entry({ mtime, uid, size, user: target.slice(0, 40), ...(size > 0 ? { chunks: [ID] } : {}) });
        const link = entry({ type: 'symlink', target: rawFromText(target), mtime });
        const [a, b] = await read([
          { path, entry: file },
          { path: `${path}/l`, entry: link },
        ]);
        const pax = (a!.pax ?? {}) as Record<string, string>;
        expect(a).toMatchObject({ name: path, size, type: 'file' });
        expect(Number(pax.uid ?? a!.uid)).toBe(uid);
        expect(pax.uname ?? a!.uname).toBe(target.slice(0, 40));
        expect(Number(pax.mtime ?? a!.mtime!.getTime() / 1000)).toBeCloseTo(Number(mtime) / 1e9, 5);
        expect(b).toMatchObject({ name: `${path}/l`, linkname: target, type: 'symlink' });
      }),
      { numRuns: 200 },
    );
  });

  it('states sizes over 8 GiB, owners over 2 million and device numbers', async () => {
    const huge = encodePaxHeader({ path: rawFromText('./huge'), entry: entry({ size: 2 ** 40 + 1, chunks: [ID] }) });
    expect(huge.contentLength).toBe(2 ** 40 + 1);
    const [device] = await read([
      { path: 'd', entry: entry({ type: 'block', rdev: { major: 259, minor: 16_777_215 } }) },
    ]);
    expect(device).toMatchObject({ type: 'block-device', devmajor: 259, devminor: 16_777_215 });
    if (!hasGnuTar) return;
    const parts = [huge.bytes];
    const owned = encodePaxHeader({
      path: rawFromText('./owned'),
      entry: entry({ uid: 3_000_000_000, gid: 2_097_152 }),
    });
    const list = (bytes: Buffer): string =>
      spawnSync('tar', ['-tv', '--numeric-owner', '-f', '-'], { input: bytes, encoding: 'utf8' }).stdout;
    expect(list(Buffer.concat(parts))).toContain(' 1099511627777 ');
    expect(list(Buffer.concat([owned.bytes, Buffer.alloc(TAR_END_LENGTH)]))).toContain('3000000000/2097152');
  });

  it('describes a sparse file by its extents, and a file without content as one hole', () => {
    const sparse = entry({
      size: 1000,
      chunks: [ID],
      sparse: [
        [10, 20],
        [900, 50],
      ],
    });
    expect(contentLengthOf(sparse)).toBe(70);
    const { bytes, contentLength } = encodePaxHeader({ path: rawFromText('./s'), entry: sparse });
    expect(contentLength).toBe(70);
    expect(bytes.toString('latin1')).toContain('GNU.sparse.realsize=1000\n');
    expect(bytes.toString('latin1', bytes.length - 512).replace(/\0+$/, '')).toBe('3\n10\n20\n900\n50\n1000\n0\n');
    expect(extentsOf(entry({ size: 7 }))).toEqual([]);
    expect(extentsOf(entry({ size: 7, chunks: [ID] }))).toBeUndefined();
    expect(extentsOf(entry({}))).toBeUndefined();
  });

  it('keeps attributes as bytes, their names escaped', () => {
    const value = Buffer.from([0, 255, 10, 61]);
    const { bytes } = encodePaxHeader({
      path: rawFromText('a'),
      entry: entry({ xattrs: { 'user.a=b%': value.toString('base64') } }),
    });
    const record = Buffer.concat([Buffer.from('SCHILY.xattr.user.a%3Db%25='), value, Buffer.from('\n')]);
    expect(bytes.includes(record)).toBe(true);
  });
});
