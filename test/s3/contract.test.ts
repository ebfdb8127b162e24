/** The store contract on real S3 servers, and what bodies of several parts add to it. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { isIcecoreError } from '../../src/base/errors.ts';
import { openS3Store } from '../../src/store/s3.ts';
import type { Store } from '../../src/store/store.ts';
import { listAll, storeContract } from '../store/contract.ts';
import { seededBytes } from '../support/random.ts';
import { onEachPlace, type Place } from './places.ts';

const CREATE = { ifAbsent: true } as const;
/** The smallest part that S3 allows. */
const PART_BYTES = 5 * 2 ** 20;
/** More than two pages of a listing. */
const MANY_OBJECTS = 2500;
const LARGE = seededBytes(2 * PART_BYTES + 12_345, 7);

async function* inPieces(bytes: Uint8Array, length: number): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

/** The start of {@link LARGE}, more than a part of it, then `event`. */
async function* interrupted(event: () => void): AsyncIterable<Uint8Array> {
  yield* inPieces(LARGE.subarray(0, PART_BYTES + 1), 1_000_000);
  event();
  yield* inPieces(LARGE.subarray(PART_BYTES + 1), 1_000_000);
}

onEachPlace('the store', (place) => {
  let count = 0;
  storeContract(
    'a bucket',
    async () => {
      const options = place().options(`contract-${count++}`);
      return { store: await openS3Store(options), reopen: () => openS3Store(options), cleanUp: async () => {} };
    },
    MANY_OBJECTS,
  );

  describe('with bodies of several parts', () => {
    it('stores them whole, and HEAD and listings report what put said they would', async () => {
      const store = await openParts(place(), 'parts');
      const result = await store.put('packs/S/0', inPieces(LARGE, 999_999), CREATE);
      expect(result).toMatchObject({ outcome: 'stored', size: LARGE.length });
      const reader = await openParts(place(), 'parts');
      const info = await reader.stat('packs/S/0');
      expect(info).toMatchObject({ size: LARGE.length, etag: result.etag });
      // moto keeps one and does not say so.
      if (result.checksum !== undefined) expect(info!.checksum).toBe(result.checksum);
      expect(await listAll(reader)).toMatchObject([{ name: 'packs/S/0', size: LARGE.length, etag: result.etag }]);
      expect(sha256((await reader.get('packs/S/0'))!)).toBe(sha256(LARGE));
      const range = (await reader.get('packs/S/0', { offset: PART_BYTES - 100, length: 200 }))!;
      expect(Buffer.from(range).equals(LARGE.subarray(PART_BYTES - 100, PART_BYTES + 100))).toBe(true);
      const end = (await reader.get('packs/S/0', { offset: -20_000 }))!;
      expect(Buffer.from(end).equals(LARGE.subarray(-20_000))).toBe(true);
      await close(store, reader);
    });

    it('tells a second creator so, leaves the first content, and no upload behind', async () => {
      const store = await openParts(place(), 'second');
      await store.put('packs/S/0', inPieces(LARGE, 999_999), CREATE);
      const other = inPieces(
        LARGE.map((byte) => byte ^ 1),
        999_999,
      );
      expect(await store.put('packs/S/0', other, CREATE)).toMatchObject({ outcome: 'exists' });
      expect(sha256((await store.get('packs/S/0'))!)).toBe(sha256(LARGE));
      expect(await place().unfinishedUploads('second')).toEqual([]);
      await close(store);
    });

    it('leaves nothing of one whose producer fails or that is aborted, no upload either', async () => {
      const store = await openParts(place(), 'failing');
      const failure = new Error('the producer failed');
      const failing = interrupted(() => {
        throw failure;
      });
      await expect(store.put('packs/S/0', failing, CREATE)).rejects.toBe(failure);
      const controller = new AbortController();
      const aborted = interrupted(() => controller.abort());
      await expect(store.put('packs/S/1', aborted, { ...CREATE, signal: controller.signal })).rejects.toSatisfy(
        (error) => isIcecoreError(error, 'cancelled'),
      );
      expect(await place().objects('failing')).toEqual([]);
      expect(await place().unfinishedUploads('failing')).toEqual([]);
      await close(store);
    });

    it('several at once share the parts in flight and all arrive', async () => {
      const store = await openParts(place(), 'many');
      const put = (i: number) => store.put(`packs/S/${i}`, inPieces(LARGE, 1_000_000 + i), CREATE);
      const results = await Promise.all([0, 1, 2, 3, 4, 5].map(put));
      for (const result of results) expect(result).toMatchObject({ outcome: 'stored', size: LARGE.length });
      for (const { name } of await listAll(store)) expect(sha256((await store.get(name))!)).toBe(sha256(LARGE));
      expect(await place().unfinishedUploads('many')).toEqual([]);
      await close(store);
    });
  });

  describe('uploads that nobody ended', () => {
    it('are found with their names, and can be ended', async () => {
      // moto takes the next part of an ended upload for trouble of its own, which is worth another try.
      const store = await openS3Store({ ...place().options('stray'), partBytes: PART_BYTES, retryForMs: 2000 });
      const bucket = store.bucket!;
      let isFound = false;
      const looking = async (): Promise<void> => {
        for (let tries = 0; !isFound && tries < 200; tries++) {
          for await (const upload of bucket.unfinishedUploads('packs/')) {
            expect(upload.name).toBe('packs/S/0');
            isFound = true;
            await bucket.abortUpload(upload);
            await bucket.abortUpload(upload);
          }
        }
      };
      async function* waiting(): AsyncIterable<Uint8Array> {
        yield* inPieces(LARGE.subarray(0, PART_BYTES + 1), 1_000_000);
        await looking();
        yield LARGE.subarray(PART_BYTES + 1);
      }
      const put = store.put('packs/S/0', waiting(), CREATE);
      await expect(put).rejects.toSatisfy((error) => isIcecoreError(error, 'store'));
      expect(isFound).toBe(true);
      expect(await place().unfinishedUploads('stray')).toEqual([]);
      expect(await place().objects('stray')).toEqual([]);
      await close(store);
    });
  });
});

function openParts(place: Place, name: string): Promise<Store> {
  return openS3Store({ ...place.options(name), partBytes: PART_BYTES });
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function close(...stores: readonly Store[]): Promise<void> {
  for (const store of stores) await store.close();
}
