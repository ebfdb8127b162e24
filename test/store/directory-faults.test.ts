/** Every file system call of a put, failing in turn: a put never claims success without the object, or leaves a part. */
import { lstatSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { isIcecoreError } from '../../src/base/errors.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import { folderError } from '../../src/store/folder-errors.ts';
import { fileFaults } from '../support/faulty-fs.ts';
import { seededBytes } from '../support/random.ts';
import { makeTestFolder } from '../support/test-folder.ts';
import { listAll } from './contract.ts';

vi.mock('node:fs/promises', async (original) => {
  const { wrapPromises } = await import('../support/faulty-fs.ts');
  const module = await original<typeof import('node:fs/promises')>();
  const names = [
    'open',
    'mkdir',
    'link',
    'rename',
    'unlink',
    'readdir',
    'lstat',
    'stat',
    'writeFile',
    'rmdir',
  ] as const;
  return wrapPromises(module, names);
});

let root: string;
beforeEach(() => {
  fileFaults.arm(0);
  root = makeTestFolder('faults');
});
afterEach(() => {
  fileFaults.arm(0);
  rmSync(root, { recursive: true });
});

async function* twoParts(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes.subarray(0, 1000);
  yield bytes.subarray(1000);
}

describe('the n-th file system call of a put fails', () => {
  const bytes = seededBytes(5000, 1);
  for (const hardLinks of [true, false]) {
    for (const isAfter of [false, true]) {
      for (const code of ['EIO', 'ENOSPC', 'EACCES', 'EMFILE', 'ENOENT']) {
        const title = `${code} ${isAfter ? 'after' : 'before'} its effect, ${hardLinks ? 'with' : 'without'} hard links`;
        it(title, async () => {
          let failures = 0;
          for (let failAt = 1; ; failAt++) {
            fileFaults.arm(0);
            rmSync(root, { recursive: true });
            const store = await openDirectoryStore(root, { create: true, hardLinks });
            fileFaults.arm(failAt, code, isAfter);
            const result = await store.put('packs/S/0', twoParts(bytes), { ifAbsent: true }).catch((error: unknown) => {
              expect(isIcecoreError(error, 'store'), `call ${failAt}: ${error}`).toBe(true);
              return undefined;
            });
            const { calls, log } = { ...fileFaults };
            fileFaults.arm(0);
            if (!result) failures++;
            const seen = await (await openDirectoryStore(root)).get('packs/S/0');
            const at = `call ${failAt}, ${log[failAt - 1]}`;
            if (seen) expect(Buffer.from(seen).equals(bytes), at).toBe(true);
            if (result?.outcome === 'stored') expect(seen, at).toBeDefined();
            // The same writer, or the next one, gets it done.
            const again = await store.put('packs/S/0', bytes, { ifAbsent: true });
            if (seen || hardLinks) expect(again.outcome, at).toBe(seen ? 'exists' : 'stored');
            // Without hard links a claim that went unanswered may be completed only now; the content is the same.
            expect(Buffer.from((await store.get('packs/S/0'))!).equals(bytes), at).toBe(true);
            expect(
              (await listAll(store)).map((info) => info.size),
              at,
            ).toEqual([5000]);
            if (calls < failAt) break;
          }
          expect(failures).toBeGreaterThan(5);
        });
      }
    }
  }
});

describe('calls of a put', () => {
  it('sync the file, then link it, then sync the folder once, then drop the temporary name', async () => {
    const store = await openDirectoryStore(root);
    await store.put('packs/S/0', Buffer.from('x'), { ifAbsent: true });
    fileFaults.arm(0);
    await store.put('packs/S/1', Buffer.from('x'), { ifAbsent: true });
    expect(fileFaults.log).toEqual([
      ...['open', 'handle.write', 'handle.sync', 'handle.close', 'link'],
      ...['open', 'handle.sync', 'handle.close', 'unlink'],
    ]);
  });

  it('sync each new folder into the one above it, the first time only', async () => {
    const store = await openDirectoryStore(root);
    await store.put('packs/S/0', Buffer.from('x'), { ifAbsent: true });
    fileFaults.arm(0);
    await store.put('packs/T/0', Buffer.from('x'), { ifAbsent: true });
    expect(fileFaults.log.filter((call) => call === 'mkdir')).toHaveLength(1);
    // The file, packs/ for T, and T.
    expect(fileFaults.log.filter((call) => call === 'handle.sync')).toHaveLength(3);
  });

  it('share folder syncs when many are in flight', async () => {
    const store = await openDirectoryStore(root);
    await store.put('packs/S/x', Buffer.from('x'), { ifAbsent: true });
    fileFaults.arm(0);
    const puts = Array.from({ length: 40 }, (_, i) => store.put(`packs/S/${i}`, Buffer.from('x'), { ifAbsent: true }));
    await Promise.all(puts);
    const folderSyncs = fileFaults.log.filter((call) => call === 'handle.sync').length - 40;
    expect(folderSyncs).toBeLessThan(40);
    expect(readdirSync(join(root, 'tmp'))).toEqual([]);
  });

  it('a file system without hard links is noticed, and the object is stored all the same', async () => {
    const store = await openDirectoryStore(root);
    await store.put('a', Buffer.from('x'), { ifAbsent: true });
    // open, write, sync, close, link
    fileFaults.arm(5, 'EPERM');
    expect(await store.put('b', Buffer.from('y'), { ifAbsent: true })).toMatchObject({ outcome: 'stored' });
    expect(await store.put('b', Buffer.from('z'), { ifAbsent: true })).toMatchObject({ outcome: 'exists' });
    expect(await store.put('a', Buffer.from('z'), { ifAbsent: true })).toMatchObject({ outcome: 'exists' });
    expect(fileFaults.log.filter((call) => call === 'link')).toHaveLength(1);
    expect(readFileSync(join(root, 'b'), 'utf8')).toBe('y');
    expect(lstatSync(join(root, 'b')).nlink).toBe(1);
  });

  it('a link whose answer was lost on a network share counts as ours', async () => {
    const store = await openDirectoryStore(root);
    await store.put('a', Buffer.from('x'), { ifAbsent: true });
    fileFaults.arm(5, 'EEXIST', true);
    expect(await store.put('b', Buffer.from('y'), { ifAbsent: true })).toMatchObject({ outcome: 'stored' });
  });
});

describe('errors of the disk', () => {
  it('say what it means and what to do', async () => {
    const codes = {
      ...{ ENOSPC: 'store-full', EDQUOT: 'store-quota', EROFS: 'store-read-only', EACCES: 'store-denied' },
      ...{ EIO: 'store-io', ESTALE: 'store-gone', EXDEV: 'store-crosses-disks', EMFILE: 'store-open-files' },
    };
    for (const [errno, code] of Object.entries(codes)) {
      const store = await openDirectoryStore(root, { create: true });
      fileFaults.arm(1, errno);
      const error: unknown = await store
        .put('packs/S/0', Buffer.from('x'), { ifAbsent: true })
        .catch((e: unknown) => e);
      expect(error).toMatchObject({ kind: 'store', code, data: { location: root, object: 'packs/S/0', errno } });
      expect((error as { hint: string }).hint).toBeTruthy();
    }
  });

  it('are recognised where Node has no name for them', () => {
    const unnamed = Object.assign(new Error('Unknown system error -122'), {
      code: `Unknown system error -${constants.errno.EDQUOT}`,
      errno: -constants.errno.EDQUOT,
    });
    expect(folderError(unnamed, { action: 'store', location: '/r', name: 'a' }).code).toBe('store-quota');
  });
});
