/** The store contract as tests: what src/store/store.ts promises, run on every implementation. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isIcecoreError } from '../../src/base/errors.ts';
import type { ByteRange, ObjectInfo, Store } from '../../src/store/store.ts';
import { seededBytes } from '../support/random.ts';

/** A fresh, empty store for one test. */
export interface ContractSubject {
  readonly store: Store;
  /** Opens the same place again, as another process would. */
  reopen(): Promise<Store>;
  cleanUp(): Promise<void>;
}

/** Everything that a listing yields. */
export async function listAll(store: Store, prefix = '', signal?: AbortSignal): Promise<ObjectInfo[]> {
  const objects: ObjectInfo[] = [];
  for await (const info of store.list(prefix, signal)) objects.push(info);
  return objects;
}

async function namesOf(store: Store, prefix = ''): Promise<string[]> {
  return (await listAll(store, prefix)).map((info) => info.name);
}

async function* inParts(bytes: Uint8Array, length: number): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

const CREATE = { ifAbsent: true } as const;

/**
 * Declares the suite for one implementation. `manyObjects` are put for the listing that has to be quick: fewer than by
 * default where a put takes its time.
 */
export function storeContract(title: string, setUp: () => Promise<ContractSubject>, manyObjects = 10_000): void {
  describe(`${title} keeps the store contract`, () => {
    let subject: ContractSubject;
    let store: Store;
    beforeEach(async () => {
      subject = await setUp();
      store = subject.store;
    });
    afterEach(async () => {
      await store.close();
      await subject.cleanUp();
    });

    it('an object that was put is read back, listed and described, here and by another process', async () => {
      const bytes = seededBytes(100_000, 1);
      const result = await store.put('packs/S1/00000000.tar.zst.age', bytes, CREATE);
      expect(result).toMatchObject({ outcome: 'stored', size: 100_000 });
      for (const reader of [store, await subject.reopen()]) {
        expect(Buffer.from((await reader.get('packs/S1/00000000.tar.zst.age'))!).equals(bytes)).toBe(true);
        const info = await reader.stat('packs/S1/00000000.tar.zst.age');
        expect(info).toMatchObject({ name: 'packs/S1/00000000.tar.zst.age', size: 100_000 });
        expect(info!.checksum).toBe(result.checksum);
        expect(Math.abs(info!.modified - Date.now())).toBeLessThan(3_600_000);
        // A listing may leave out the checksum.
        const { checksum: _, ...listed } = info!;
        expect(await listAll(reader)).toMatchObject([listed]);
      }
    });

    it('an empty store lists nothing under any prefix', async () => {
      for (const prefix of ['', 'gc/', 'packs/S1/', 'pa']) expect(await listAll(store, prefix)).toEqual([]);
    });

    it('absent objects are undefined, not errors, and deleting one succeeds', async () => {
      await store.put('gc/00000001.json', Buffer.from('x'), CREATE);
      for (const name of ['gone', 'gc', 'gc/00000002.json', 'snapshots/x/y/z', 'gc/00000001.json/below']) {
        expect(await store.get(name)).toBeUndefined();
        expect(await store.get(name, { offset: 3, length: 4 })).toBeUndefined();
        expect(await store.stat(name)).toBeUndefined();
        await store.delete(name);
      }
      expect(await namesOf(store)).toEqual(['gc/00000001.json']);
    });

    it('a second creator is told so, and the first content stays', async () => {
      await store.put('gc/1', Buffer.from('first'), CREATE);
      const other = await subject.reopen();
      for (const creator of [store, other]) {
        expect(await creator.put('gc/1', Buffer.from('second'), CREATE)).toMatchObject({ outcome: 'exists', size: 0 });
      }
      expect(Buffer.from((await other.get('gc/1'))!).toString()).toBe('first');
    });

    it('without ifAbsent an object is replaced whole', async () => {
      await store.put('probe', Buffer.from('a long first content'), CREATE);
      expect(await store.put('probe', Buffer.from('short'), { ifAbsent: false })).toMatchObject({ outcome: 'stored' });
      expect(Buffer.from((await store.get('probe'))!).toString()).toBe('short');
    });

    it('of 8 concurrent creators exactly one wins, time after time', async () => {
      const other = await subject.reopen();
      for (let round = 0; round < 25; round++) {
        const name = `config/${round}`;
        const creators = Array.from({ length: 8 }, (_, i) => {
          const body = seededBytes(5000, i);
          return (i % 2 ? other : store).put(name, i % 3 ? body : inParts(body, 999), CREATE);
        });
        const results = await Promise.all(creators);
        const winners = results.flatMap((result, i) => (result.outcome === 'stored' ? [i] : []));
        expect(winners).toHaveLength(1);
        expect(Buffer.from((await store.get(name))!).equals(seededBytes(5000, winners[0]!))).toBe(true);
      }
    });

    it('a reader never sees a part of an object', async () => {
      const size = 2_000_000;
      const bytes = seededBytes(size, 3);
      let isDone = false;
      const watch = async (): Promise<number> => {
        let looks = 0;
        const reader = await subject.reopen();
        while (!isDone) {
          for (const info of await listAll(reader, 'packs/')) expect(info.size).toBe(size);
          const seen = await reader.get('packs/S/7');
          if (seen) expect(Buffer.from(seen).equals(bytes)).toBe(true);
          looks++;
          await new Promise((resolve) => setImmediate(resolve));
        }
        return looks;
      };
      async function* unhurried(): AsyncIterable<Uint8Array> {
        for await (const part of inParts(bytes, 250_000)) {
          yield part;
          await new Promise((resolve) => setImmediate(resolve));
        }
      }
      const watching = watch();
      for (let i = 0; i < 10; i++) await store.put(`packs/S/${i}`, unhurried(), CREATE);
      isDone = true;
      expect(await watching).toBeGreaterThan(1);
    });

    it('a stream of many small and large parts arrives whole and in order', async () => {
      const bytes = seededBytes(3_000_000, 4);
      const lengths = [1, 1, 7, 65_536, 1_000_000, 3, 1_500_000];
      async function* uneven(): AsyncIterable<Uint8Array> {
        let at = 0;
        for (let i = 0; at < bytes.length; i++) {
          const length = lengths[i] ?? 1013;
          yield bytes.subarray(at, at + length);
          at += length;
        }
      }
      expect(await store.put('s', uneven(), CREATE)).toMatchObject({ outcome: 'stored', size: 3_000_000 });
      expect(Buffer.from((await store.get('s'))!).equals(bytes)).toBe(true);
    });

    it('empty objects exist', async () => {
      await store.put('claims/S/0', new Uint8Array(0), CREATE);
      await store.put('claims/S/1', inParts(new Uint8Array(0), 1), CREATE);
      expect(await store.get('claims/S/0')).toHaveLength(0);
      expect(await store.get('claims/S/1', { offset: -10 })).toHaveLength(0);
      expect((await listAll(store)).map((info) => info.size)).toEqual([0, 0]);
      expect(await store.put('claims/S/0', Buffer.from('x'), CREATE)).toMatchObject({ outcome: 'exists' });
    });

    it('ranges are cut off at the ends of the object', async () => {
      const bytes = Buffer.from('0123456789');
      await store.put('r', bytes, CREATE);
      const read = async (range: ByteRange): Promise<string> => Buffer.from((await store.get('r', range))!).toString();
      expect(await read({ offset: 0 })).toBe('0123456789');
      expect(await read({ offset: 0, length: 1 })).toBe('0');
      expect(await read({ offset: 3, length: 4 })).toBe('3456');
      expect(await read({ offset: 8, length: 100 })).toBe('89');
      expect(await read({ offset: 9 })).toBe('9');
      expect(await read({ offset: 10 })).toBe('');
      expect(await read({ offset: 1000, length: 5 })).toBe('');
      expect(await read({ offset: 4, length: 0 })).toBe('');
      expect(await read({ offset: -3 })).toBe('789');
      expect(await read({ offset: -10 })).toBe('0123456789');
      expect(await read({ offset: -11 })).toBe('0123456789');
      for (const range of [
        { offset: -3, length: 1 },
        { offset: 0.5 },
        { offset: 0, length: -1 },
        { offset: Number.NaN },
      ]) {
        await expect(store.get('r', range)).rejects.toSatisfy((error) => isIcecoreError(error, 'bug'));
      }
    });

    it('bytes that are returned are exactly sized, not shared, and can be given to a worker', async () => {
      await store.put('r', seededBytes(5000, 5), CREATE);
      for (const range of [undefined, { offset: 100, length: 50 }, { offset: -7 }]) {
        const bytes = (await store.get('r', range))!;
        expect(bytes.buffer.byteLength).toBe(bytes.length);
        const moved = structuredClone(bytes, { transfer: [bytes.buffer as ArrayBuffer] });
        expect(moved).toHaveLength(range === undefined ? 5000 : (range.length ?? 7));
      }
      const bytes = (await store.get('r'))!;
      bytes.fill(0);
      expect(Buffer.from((await store.get('r'))!).equals(seededBytes(5000, 5))).toBe(true);
    });

    it('the buffer that was put may be used again afterwards', async () => {
      const buffer = Buffer.alloc(1000, 1);
      await store.put('a', buffer, CREATE);
      buffer.fill(2);
      expect(Buffer.from((await store.get('a'))!).equals(Buffer.alloc(1000, 1))).toBe(true);
    });

    it('a listing is sorted by the bytes of whole names and keeps to its prefix', async () => {
      const names = ['b/1', 'a/x', 'a.b', 'ab', 'a-b/c', 'a_b', 'B', 'b/0/deep/er', 'b/10', 'b/2', '0'];
      for (const name of names) await store.put(name, Buffer.from(name), CREATE);
      expect(await namesOf(store)).toEqual(names.toSorted());
      for (const prefix of ['a', 'a/', 'b/1', 'b/', 'b/0/', 'b/0/de', 'zzz', 'a-b']) {
        expect(await namesOf(store, prefix)).toEqual(names.toSorted().filter((name) => name.startsWith(prefix)));
      }
    });

    it('a listing shows everything that was there all the time, while others come and go', async () => {
      const steady = Array.from({ length: 200 }, (_, i) => `index/S/${String(i * 2).padStart(8, '0')}`);
      await Promise.all(steady.map((name) => store.put(name, Buffer.from('x'), CREATE)));
      const seen: string[] = [];
      let i = 0;
      for await (const info of store.list('index/')) {
        seen.push(info.name);
        const passing = `index/S/${String((i++ * 2 + 101) % 400).padStart(8, '0')}`;
        if (!steady.includes(passing)) {
          await store.put(passing, Buffer.from('y'), CREATE);
          await store.delete(passing);
        }
      }
      expect(seen.filter((name) => steady.includes(name))).toEqual(steady);
      expect(seen).toEqual(seen.toSorted());
    });

    it(`${manyObjects} objects are listed quickly, and a listing can be left early`, async () => {
      const put = async (from: number): Promise<void> => {
        for (let i = from; i < manyObjects; i += 8) {
          await store.put(`packs/S${i % 10}/${String(i).padStart(8, '0')}`, Buffer.from('x'), CREATE);
        }
      };
      await Promise.all(Array.from({ length: 8 }, (_, i) => put(i)));
      const start = performance.now();
      const names = await namesOf(store, 'packs/');
      expect(performance.now() - start).toBeLessThan(5000);
      expect(names).toHaveLength(manyObjects);
      expect(names).toEqual(names.toSorted());
      for await (const info of store.list('')) {
        expect(info.name).toBe(names[0]);
        break;
      }
    });

    it('a body that fails leaves nothing, and its error comes through', async () => {
      const failure = new Error('the producer failed');
      async function* failing(): AsyncIterable<Uint8Array> {
        yield seededBytes(100_000, 6);
        throw failure;
      }
      await expect(store.put('packs/S/0', failing(), CREATE)).rejects.toBe(failure);
      expect(await store.get('packs/S/0')).toBeUndefined();
      expect(await listAll(store)).toEqual([]);
      expect(await store.put('packs/S/0', Buffer.from('again'), CREATE)).toMatchObject({ outcome: 'stored' });
    });

    it('an aborted put leaves nothing', async () => {
      const controller = new AbortController();
      let parts = 0;
      let isClosed = false;
      async function* endless(): AsyncIterable<Uint8Array> {
        try {
          for (;;) {
            if (++parts === 3) controller.abort();
            yield seededBytes(10_000, parts);
          }
        } finally {
          isClosed = true;
        }
      }
      const options = { ifAbsent: true, signal: controller.signal };
      const isCancelled = (error: unknown): boolean => isIcecoreError(error, 'cancelled');
      await expect(store.put('packs/S/0', endless(), options)).rejects.toSatisfy(isCancelled);
      expect(isClosed).toBe(true);
      expect(await listAll(store)).toEqual([]);
      await expect(store.put('a', Buffer.from('x'), options)).rejects.toSatisfy(isCancelled);
      await expect(store.get('a', undefined, controller.signal)).rejects.toSatisfy(isCancelled);
      await expect(store.stat('a', controller.signal)).rejects.toSatisfy(isCancelled);
      await expect(store.delete('a', controller.signal)).rejects.toSatisfy(isCancelled);
      await store.put('a', Buffer.from('x'), CREATE);
      await expect(listAll(store, '', controller.signal)).rejects.toSatisfy(isCancelled);
    });

    it('a deleted object is gone, and its neighbours stay', async () => {
      for (const name of ['packs/S/0', 'packs/S/1', 'packs/T/0']) await store.put(name, Buffer.from(name), CREATE);
      await store.delete('packs/S/0');
      await store.delete('packs/T/0');
      expect(await namesOf(store)).toEqual(['packs/S/1']);
      expect(await (await subject.reopen()).stat('packs/T/0')).toBeUndefined();
      expect(await store.put('packs/T/0', Buffer.from('x'), CREATE)).toMatchObject({ outcome: 'stored' });
      expect(await namesOf(store)).toEqual(['packs/S/1', 'packs/T/0']);
    });

    it('creating in a folder while its last object is deleted works', async () => {
      const other = await subject.reopen();
      const create = async (): Promise<void> => {
        for (let i = 0; i < 100; i++) {
          expect(await store.put(`packs/S/a${i}`, Buffer.from('x'), CREATE)).toMatchObject({ outcome: 'stored' });
          await store.delete(`packs/S/a${i}`);
        }
      };
      const remove = async (): Promise<void> => {
        for (let i = 0; i < 100; i++) {
          await other.put(`packs/S/b${i}`, Buffer.from('x'), CREATE);
          expect(await other.get(`packs/S/b${i}`)).toBeDefined();
          await other.delete(`packs/S/b${i}`);
        }
      };
      await Promise.all([create(), remove()]);
      expect(await listAll(store)).toEqual([]);
    });

    it('names outside the grammar are refused by every operation', async () => {
      const refused = [
        ...[
          '',
          '/',
          '/a',
          'a/',
          'a//b',
          '.',
          '..',
          '../a',
          'a/../b',
          'a/.',
          '.hidden',
          'a/.hidden',
          'a b',
          'a\\b',
          'ä',
        ],
        ...['a\0b', 'a\n', 'a:b', 'a*', 'a%2f', '~', 'tmp', 'tmp/x', 'x'.repeat(256), 'a/'.repeat(600)],
      ];
      const isRefused = (error: unknown): boolean => isIcecoreError(error, 'store') && error.code === 'name-refused';
      for (const name of refused) {
        await expect(store.put(name, Buffer.from('x'), CREATE), name).rejects.toSatisfy(isRefused);
        await expect(store.get(name), name).rejects.toSatisfy(isRefused);
        await expect(store.stat(name), name).rejects.toSatisfy(isRefused);
        await expect(store.delete(name), name).rejects.toSatisfy(isRefused);
      }
      for (const prefix of ['/', '..', '../', 'a/../', '.', 'tmp/', 'a b', 'a//']) {
        await expect(listAll(store, prefix), prefix).rejects.toSatisfy(isRefused);
      }
      expect(await listAll(store)).toEqual([]);
    });

    it('names at the limits of the grammar are taken', async () => {
      const names = ['-rf', '__proto__', 'constructor', 'A', 'x'.repeat(255), `${'y'.repeat(255)}/z`, 'tmpx', 'a/tmp'];
      for (const name of names) await store.put(name, Buffer.from(name), CREATE);
      expect(await namesOf(store)).toEqual(names.toSorted());
    });
  });
}
