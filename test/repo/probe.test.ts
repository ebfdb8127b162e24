import { rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { probeStore } from '../../src/repo/probe.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { MeteredStore } from '../../src/store/meter.ts';
import type { Store } from '../../src/store/store.ts';
import { listAll } from '../store/contract.ts';
import { OddStore } from '../support/odd-store.ts';
import { makeTestFolder } from '../support/test-folder.ts';

const failureOf = (store: Store, storageClass?: string): Promise<unknown> =>
  probeStore(store, storageClass === undefined ? {} : { storageClass }).then(
    () => 'no failure',
    (error: Error) => error.message,
  );

describe('the probe of a new repository', () => {
  it('finds a sound store sound, and leaves nothing there', async () => {
    const store = new MemoryStore();
    expect(await probeStore(store)).toEqual({ createOnly: true });
    expect(await listAll(store)).toEqual([]);
    const folder = makeTestFolder('probe');
    try {
      const directory = await openDirectoryStore(folder);
      expect(await probeStore(directory)).toEqual({ createOnly: true });
      expect(await listAll(directory)).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('is quick: at most 16 requests and 250 KB, two more for a class', async () => {
    const plain = new MeteredStore(new OddStore({ bucket: {} }));
    await probeStore(plain);
    expect(plain.use.totalRequests).toBeLessThanOrEqual(16);
    expect(plain.use.sentBytes).toBeLessThan(250_000);
    const cold = new MeteredStore(new OddStore({ bucket: {} }));
    await probeStore(cold, { storageClass: 'DEEP_ARCHIVE' });
    expect(cold.use.totalRequests).toBeLessThanOrEqual(plain.use.totalRequests + 3);
    expect(cold.use.sentBytes).toBeLessThan(250_000);
  });

  it('writes down what a bucket keeps of checksums, entity tags and classes', async () => {
    const sound = { createOnly: true, checksums: true, etags: true };
    expect(await probeStore(new OddStore({ bucket: {} }))).toEqual(sound);
    expect(await probeStore(new OddStore({ bucket: {} }), { storageClass: 'DEEP_ARCHIVE' })).toEqual({
      ...sound,
      keepsClass: true,
    });
    expect(
      await probeStore(new OddStore({ bucket: {}, losesClass: true }), { storageClass: 'DEEP_ARCHIVE' }),
    ).toMatchObject({ keepsClass: false });
    expect(await probeStore(new OddStore({ bucket: {}, forgetsChecksums: true }))).toEqual({
      createOnly: true,
      checksums: false,
      etags: false,
    });
  });

  it('finds a store that replaces what is there usable, and writes it down', async () => {
    expect(await probeStore(new OddStore({ replaces: true }))).toEqual({ createOnly: false });
  });

  it('says what a store gets wrong, and removes what it wrote', async () => {
    const cases: readonly (readonly [ConstructorParameters<typeof OddStore>[0], RegExp])[] = [
      [{ garblesRanges: true }, /a range of what was written comes back different/],
      [{ hidesNew: true }, /not in the listing/],
      [{ keepsDeleted: true }, /what was deleted is still there/],
      [{ denies: (operation) => operation === 'get' }, /cannot get probe.*access denied/],
      [{ denies: (operation) => operation === 'put' }, /cannot put probe.*access denied/],
      [{ denies: (operation) => operation === 'delete' }, /cannot remove a probe object.*access denied/],
    ];
    for (const [oddity, message] of cases) {
      const store = new OddStore(oddity);
      expect(await failureOf(store)).toMatch(message);
      if (!oddity?.denies && !oddity?.hidesNew) expect(await listAll(store)).toEqual([]);
    }
  });

  it('refuses a class that the bucket refuses, with the reason, before there is a repository', async () => {
    const store = new OddStore({ bucket: {}, refusesClass: 'GLACIER' });
    expect(await failureOf(store, 'GLACIER')).toMatch(
      /takes no packs of class GLACIER: the storage class .* not valid/,
    );
    expect(await failureOf(store, 'DEEP_ARCHIVE')).toBe('no failure');
    expect(await listAll(store)).toEqual([]);
  });
});
