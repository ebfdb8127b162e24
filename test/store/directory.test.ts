import { fork } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isIcecoreError } from '../../src/base/errors.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import type { CreatorTask } from '../support/creator.ts';
import { seededBytes } from '../support/random.ts';
import { makeTestFolder } from '../support/test-folder.ts';
import { listAll, storeContract } from './contract.ts';

const CREATE = { ifAbsent: true } as const;
const CREATOR = new URL('../support/creator.ts', import.meta.url);

for (const hardLinks of [true, false]) {
  storeContract(`a folder ${hardLinks ? 'with' : 'without'} hard links`, async () => {
    const path = makeTestFolder('store');
    return {
      store: await openDirectoryStore(path, { hardLinks }),
      reopen: () => openDirectoryStore(path, { hardLinks }),
      cleanUp: async () => {
        const left = existsSync(join(path, 'tmp')) ? readdirSync(join(path, 'tmp')) : [];
        rmSync(path, { recursive: true });
        expect(left.filter((name) => name !== 'names')).toEqual([]);
      },
    };
  });
}

let root: string;
beforeEach(() => {
  root = makeTestFolder('store');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('creators in several threads and processes', () => {
  const inThread = (task: CreatorTask): Promise<number[]> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(CREATOR, { workerData: task, execArgv: [] });
      worker.once('message', ({ won }: { won: number[] }) => resolve(won));
      worker.once('error', reject);
    });
  const inProcess = (task: CreatorTask): Promise<number[]> =>
    new Promise((resolve, reject) => {
      const child = fork(CREATOR, { execArgv: [] });
      child.once('message', (message) => resolve((message as { won: number[] }).won));
      child.once('exit', (code) => reject(new Error(`the creator ended with ${code}`)));
      child.send(task);
    });
  for (const [title, run] of [
    ['threads', inThread],
    ['processes', inProcess],
  ] as const) {
    for (const hardLinks of [true, false]) {
      it(`4 ${title} race for 60 names ${hardLinks ? 'with' : 'without'} hard links: each has one winner`, async () => {
        const count = 60;
        const tasks = [1, 2, 3, 4].map((who) => ({ path: root, who, count, hardLinks }));
        const won = await Promise.all(tasks.map(run));
        expect(won.flat().toSorted((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i));
        for (const [i, names] of won.entries()) {
          for (const name of names) expect(readFileSync(join(root, 'race', String(name)))[0]).toBe(i + 1);
        }
        expect(readdirSync(join(root, 'tmp')).filter((name) => name !== 'names')).toEqual([]);
      });
    }
  }
});

describe('a process that is killed at any moment', () => {
  for (const hardLinks of [true, false]) {
    it(`leaves whole objects only, ${hardLinks ? 'with' : 'without'} hard links, and the next one goes on`, async () => {
      for (let round = 1; round <= 6; round++) {
        const child = fork(CREATOR, { execArgv: [] });
        const exited = new Promise((resolve) => child.once('exit', resolve));
        child.send({ path: root, who: round, count: 100_000, hardLinks } satisfies CreatorTask);
        const store = await openDirectoryStore(root, { hardLinks });
        const before = (await listAll(store)).length;
        while ((await listAll(store)).length < before + 5) await new Promise((resolve) => setTimeout(resolve, 5));
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 20));
        child.kill('SIGKILL');
        await exited;
        for (const info of await listAll(store)) {
          const bytes = (await store.get(info.name))!;
          expect(bytes).toHaveLength(20_000);
          expect(bytes.every((byte) => byte === bytes[0])).toBe(true);
        }
        const next = await store.put('race/next', Buffer.alloc(20_000), { ifAbsent: true });
        expect(next.outcome).toBe('stored');
        await store.delete('race/next');
      }
    });
  }
});

describe('opening a folder', () => {
  it('makes it only when told to', async () => {
    const path = join(root, 'deep', 'repo');
    await expect(openDirectoryStore(path)).rejects.toSatisfy((error) => isIcecoreError(error, 'missing'));
    expect(existsSync(path)).toBe(false);
    const store = await openDirectoryStore(path, { create: true });
    expect(lstatSync(path).mode & 0o777).toBe(0o700);
    expect(store.location).toBe(path);
    await openDirectoryStore(path, { create: true });
  });

  it('refuses a file, and a path below a file', async () => {
    writeFileSync(join(root, 'file'), '');
    for (const path of ['file', 'file/below']) {
      for (const create of [false, true]) {
        await expect(openDirectoryStore(join(root, path), { create })).rejects.toSatisfy((error) =>
          isIcecoreError(error, 'user'),
        );
      }
    }
  });

  it('takes a symbolic link to a folder', async () => {
    mkdirSync(join(root, 'real'));
    symlinkSync('real', join(root, 'link'));
    await (await openDirectoryStore(join(root, 'link'))).put('a', Buffer.from('x'), CREATE);
    expect(readFileSync(join(root, 'real', 'a'), 'utf8')).toBe('x');
  });

  it('writes nothing for a reader', async () => {
    const store = await openDirectoryStore(root);
    await listAll(store);
    await store.get('a');
    await store.stat('a');
    await store.delete('a');
    expect(readdirSync(root)).toEqual([]);
  });
});

describe('what lies in the folder', () => {
  it('is for its owner alone, unless told otherwise', async () => {
    const store = await openDirectoryStore(root);
    await store.put('packs/S/0', Buffer.from('x'), CREATE);
    expect(lstatSync(join(root, 'packs/S/0')).mode & 0o777).toBe(0o600);
    for (const folder of ['packs', 'packs/S', 'tmp']) expect(lstatSync(join(root, folder)).mode & 0o777).toBe(0o700);
    const open = await openDirectoryStore(root, { fileMode: 0o644, folderMode: 0o755 });
    await open.put('packs/T/0', Buffer.from('x'), CREATE);
    expect(lstatSync(join(root, 'packs/T/0')).mode & 0o777).toBe(0o644);
    expect(lstatSync(join(root, 'packs/T')).mode & 0o777).toBe(0o755);
  });

  it('is not listed when it is not an object: other names, links, unfinished files', async () => {
    const store = await openDirectoryStore(root);
    await store.put('packs/S/0', Buffer.from('x'), CREATE);
    mkdirSync(join(root, 'lost+found'));
    mkdirSync(join(root, '.Trash'));
    writeFileSync(join(root, '.DS_Store'), '');
    writeFileSync(join(root, 'packs', 'S', 'a~'), '');
    writeFileSync(join(root, 'tmp', 'half.part'), '');
    symlinkSync('0', join(root, 'packs', 'S', '1'));
    symlinkSync('..', join(root, 'packs', 'up'));
    expect((await listAll(store)).map((info) => info.name)).toEqual(['packs/S/0']);
    expect(await store.stat('packs/S/1')).toBeUndefined();
    await expect(store.get('packs/S/1')).rejects.toMatchObject({ kind: 'store', code: 'store-symlink' });
  });

  it('a session folder goes with its last object, the folder of a kind stays', async () => {
    const store = await openDirectoryStore(root);
    await store.put('packs/S/0', Buffer.from('x'), CREATE);
    await store.put('packs/S/1', Buffer.from('x'), CREATE);
    await store.delete('packs/S/0');
    expect(existsSync(join(root, 'packs/S'))).toBe(true);
    await store.delete('packs/S/1');
    expect(readdirSync(join(root, 'packs'))).toEqual([]);
  });
});

describe('a disk that goes away', () => {
  it('is never taken for an empty repository', async () => {
    const store = await openDirectoryStore(join(root, 'repo'), { create: true });
    await store.put('gc/00000001', Buffer.from('x'), CREATE);
    renameSync(join(root, 'repo'), join(root, 'elsewhere'));
    const isGone = (error: unknown): boolean =>
      isIcecoreError(error, 'store') && error.code === 'store-gone' && /unplugged/.test(error.hint ?? '');
    await expect(listAll(store, 'gc/')).rejects.toSatisfy(isGone);
    await expect(store.get('gc/00000001')).rejects.toSatisfy(isGone);
    await expect(store.stat('gc/00000001')).rejects.toSatisfy(isGone);
    await expect(store.delete('gc/00000001')).rejects.toSatisfy(isGone);
    await expect(store.put('gc/00000002', Buffer.from('x'), CREATE)).rejects.toSatisfy(isGone);
    expect(existsSync(join(root, 'repo'))).toBe(false);
  });

  it('is noticed when its empty mount point is left', async (context) => {
    // Another device under the same path: what is left when a disk is unmounted.
    const disk = mkdtempSync(join(tmpdir(), 'icecore-store-'));
    try {
      if (lstatSync(root).dev === lstatSync(disk).dev) return context.skip('there is only one device to test on');
      symlinkSync(disk, join(root, 'repo'));
      const store = await openDirectoryStore(join(root, 'repo'));
      await store.put('gc/00000001', Buffer.from('x'), CREATE);
      rmSync(join(root, 'repo'));
      mkdirSync(join(root, 'repo'));
      const gone = { kind: 'store', code: 'store-gone' };
      await expect(listAll(store, 'gc/')).rejects.toMatchObject(gone);
      await expect(store.get('gc/00000001')).rejects.toMatchObject(gone);
      await expect(store.put('gc/2', Buffer.from('x'), CREATE)).rejects.toMatchObject(gone);
      expect(readdirSync(join(root, 'repo'))).toEqual([]);
    } finally {
      rmSync(disk, { recursive: true });
    }
  });
});

describe('what killed runs leave', () => {
  const DAYS_AGO = Date.now() / 1000 - 2 * 24 * 3600;

  it('unfinished files older than a day are swept by the next writer, younger ones are not', async () => {
    mkdirSync(join(root, 'tmp'));
    for (const name of ['old.part', 'young.part']) writeFileSync(join(root, 'tmp', name), 'x');
    mkdirSync(join(root, 'tmp', 'old.part.d'));
    writeFileSync(join(root, 'tmp', 'old.part.d', 'object'), 'x');
    for (const name of ['old.part', 'old.part.d']) utimesSync(join(root, 'tmp', name), DAYS_AGO, DAYS_AGO);
    const store = await openDirectoryStore(root);
    await listAll(store);
    expect(readdirSync(join(root, 'tmp'))).toHaveLength(3);
    await store.put('a', Buffer.from('x'), CREATE);
    expect(readdirSync(join(root, 'tmp'))).toEqual(['young.part']);
  });

  it('a file that had its name already loses only its second one', async () => {
    const store = await openDirectoryStore(root);
    await store.put('packs/S/0', Buffer.from('content'), CREATE);
    linkSync(join(root, 'packs/S/0'), join(root, 'tmp', 'x.part'));
    await (await openDirectoryStore(root)).put('b', Buffer.from('x'), CREATE);
    expect(readdirSync(join(root, 'tmp'))).toEqual([]);
    expect(readFileSync(join(root, 'packs/S/0'), 'utf8')).toBe('content');
  });

  it('a writer that wakes up after its unfinished file was swept fails, and stores nothing', async () => {
    const store = await openDirectoryStore(root);
    async function* suspended(): AsyncIterable<Uint8Array> {
      yield Buffer.from('one');
      for (const name of readdirSync(join(root, 'tmp'))) rmSync(join(root, 'tmp', name));
      yield Buffer.from('two');
    }
    await expect(store.put('packs/S/0', suspended(), CREATE)).rejects.toMatchObject({ code: 'store-temp-removed' });
    expect(await listAll(store)).toEqual([]);
  });

  it('a temporary folder that somebody removed is made again', async () => {
    const store = await openDirectoryStore(root);
    await store.put('a', Buffer.from('x'), CREATE);
    rmSync(join(root, 'tmp'), { recursive: true });
    expect(await store.put('b', Buffer.from('x'), CREATE)).toMatchObject({ outcome: 'stored' });
  });

  it('without hard links, a winner that was killed before the last step is completed by the next creator', async () => {
    const open = (): ReturnType<typeof openDirectoryStore> => openDirectoryStore(root, { hardLinks: false });
    await (await open()).put('gc/00000001', Buffer.from('winner'), CREATE);
    const [mark] = readdirSync(join(root, 'tmp/names'));
    renameSync(join(root, 'gc/00000001'), join(root, 'tmp/names', mark!, 'object'));
    expect(await (await open()).stat('gc/00000001')).toBeUndefined();
    expect(await (await open()).put('gc/00000001', Buffer.from('late'), CREATE)).toMatchObject({ outcome: 'exists' });
    expect(readFileSync(join(root, 'gc/00000001'), 'utf8')).toBe('winner');
  });

  it('without hard links, such an object is completed by the sweep after a day', async () => {
    const open = (): ReturnType<typeof openDirectoryStore> => openDirectoryStore(root, { hardLinks: false });
    await (await open()).put('packs/S/0', Buffer.from('winner'), CREATE);
    const [mark] = readdirSync(join(root, 'tmp/names'));
    const object = join(root, 'tmp/names', mark!, 'object');
    renameSync(join(root, 'packs/S/0'), object);
    rmSync(join(root, 'packs'), { recursive: true });
    utimesSync(object, DAYS_AGO, DAYS_AGO);
    await (await open()).put('other', Buffer.from('x'), CREATE);
    expect(readFileSync(join(root, 'packs/S/0'), 'utf8')).toBe('winner');
  });

  it('without hard links, a deleted object leaves no mark', async () => {
    const store = await openDirectoryStore(root, { hardLinks: false });
    await store.put('packs/S/0', Buffer.from('x'), CREATE);
    await (await openDirectoryStore(root)).delete('packs/S/0');
    expect(readdirSync(join(root, 'tmp/names'))).toEqual([]);
    expect(await store.put('packs/S/0', Buffer.from('y'), CREATE)).toMatchObject({ outcome: 'stored' });
  });
});

describe('permissions', () => {
  it.skipIf(process.getuid?.() === 0)('a folder that may not be written is named, with a hint', async () => {
    chmodSync(root, 0o500);
    const store = await openDirectoryStore(root);
    await expect(store.put('a', Buffer.from('x'), CREATE)).rejects.toMatchObject({ code: 'store-denied' });
    chmodSync(root, 0o700);
  });
});

it('a large object is read whole and by ranges', async () => {
  const store = await openDirectoryStore(root);
  const bytes = seededBytes(16 << 20, 9);
  await store.put('packs/S/0', bytes, CREATE);
  expect(Buffer.from((await store.get('packs/S/0'))!).equals(bytes)).toBe(true);
  const range = (await store.get('packs/S/0', { offset: 5_000_001, length: 3_333_333 }))!;
  expect(Buffer.from(range).equals(bytes.subarray(5_000_001, 8_333_334))).toBe(true);
});
