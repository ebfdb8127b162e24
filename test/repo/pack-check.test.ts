/** The check of one pack: in pieces of any number, with damage in any block, only what the damage touches is lost. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeIndexObject, encodeIndexObject, type PackRecord } from '../../src/format/index-object.ts';
import { openPackHeader } from '../../src/repo/chunk-reader.ts';
import { CheckBuffers, PackCheck, type PackReport } from '../../src/repo/pack-check.ts';
import type { PackCheckKeys } from '../../src/repo/pack-tail-check.ts';
import { writerKeys } from '../../src/repo/repository.ts';
import { BLOCK_LENGTH, SEALED_BLOCK_LENGTH } from '../../src/seal/age-stream.ts';
import { seededBytes, seededRandom } from '../support/random.ts';
import { TestRepository } from '../support/repository.ts';
import { makeTestFolder } from '../support/test-folder.ts';

describe('the check of a pack', () => {
  const source = makeTestFolder('pack-check');
  let test: TestRepository;
  let record: PackRecord;
  let bytes: Buffer;
  let fileKey: Uint8Array;
  let keys: PackCheckKeys;
  const buffers = new CheckBuffers();

  beforeAll(async () => {
    writeFileSync(join(source, 'a.bin'), seededBytes(9_000_000, 1));
    test = await TestRepository.create();
    await test.backup([source]);
    await test.use(async (repo) => {
      for await (const { name } of repo.store.list('index/')) {
        const object = await repo.objects.get('index', name, { cache: false });
        record = decodeIndexObject(object.payload, name).find(({ kind }) => kind === 'data')!;
      }
      bytes = Buffer.from((await repo.store.get(record.name))!);
      fileKey = await openPackHeader(repo, record.header, record.name);
      const { chunkId, object } = repo.derived;
      keys = { repo: repo.id, chunkId, object, writers: writerKeys(repo.config) };
    });
  });
  afterAll(() => {
    test.remove();
    rmSync(source, { recursive: true, force: true });
  });

  /** Checks in pieces of about so many bytes. */
  function check(content: Uint8Array, pieceBytes: number, onChunk?: (id: string) => void): PackReport {
    const lines = encodeIndexObject([record]);
    const frameLines = lines.subarray(lines.indexOf(0x0a) + 1);
    const packCheck = new PackCheck(record, frameLines, fileKey, keys, buffers, onChunk);
    let from = 0;
    let to = PackCheck.cut(record.header.length, pieceBytes);
    while (from < content.length) {
      // A copy: the check may give the memory back.
      packCheck.push(Uint8Array.from(content.subarray(from, to)));
      from = to;
      to += PackCheck.cut(0, pieceBytes);
    }
    return packCheck.finish();
  }

  it('finds a sound pack sound, in pieces of any size, and hands out every chunk once', () => {
    expect(record.frames.length).toBeGreaterThan(2);
    const ids = record.frames.flatMap(({ chunks }) => chunks.map(([id]) => id as string));
    for (const pieceBytes of [1, 100_000, 1_000_000, 1_234_567, 64_000_000]) {
      const seen: string[] = [];
      const report = check(bytes, pieceBytes, (id) => void seen.push(id));
      expect(report).toEqual({ problems: [], badFrames: [], bytes: record.size });
      expect(seen).toEqual(ids);
    }
  });

  it('loses the frames that a damaged block touches, and no others', () => {
    const head = record.header.length;
    const random = seededRandom(7);
    for (let round = 0; round < 40; round++) {
      const at = head + Math.floor(random() * (bytes.length - head));
      const block = Math.floor((at - head) / SEALED_BLOCK_LENGTH);
      const touched = record.frames.flatMap(({ offset, length }, i) =>
        offset < (block + 1) * BLOCK_LENGTH && block * BLOCK_LENGTH < offset + length ? [i] : [],
      );
      const copy = Buffer.from(bytes);
      copy[at]! ^= 1 << Math.floor(random() * 8);
      const report = check(copy, 500_000 + Math.floor(random() * 2_000_000));
      expect(report.badFrames, `byte ${at}`).toEqual(touched);
      expect(report.problems.map(({ code }) => code)).toEqual(['stream-damaged']);
    }
  });

  it('loses of a truncated pack what lies behind the cut, and no more', () => {
    for (const length of [record.header.length + 1, 100_000, 3_000_000, bytes.length - 1]) {
      const { problems, badFrames } = check(bytes.subarray(0, length), 700_000);
      expect(problems.at(-1)!.code).toBe('pack-truncated');
      const whole = Math.floor((length - record.header.length) / SEALED_BLOCK_LENGTH) * BLOCK_LENGTH;
      const lost = record.frames.flatMap(({ offset, length: frame }, i) => (offset + frame > whole ? [i] : []));
      expect(badFrames).toEqual(lost);
    }
  });

  it('notices an age header that is not the one in the index, and still opens the rest', () => {
    const copy = Buffer.from(bytes);
    copy[60]! ^= 1;
    const report = check(copy, 1_000_000);
    expect(report.badFrames).toEqual([]);
    expect(report.problems.map(({ code }) => code)).toEqual(['header-damaged']);
  });
});
