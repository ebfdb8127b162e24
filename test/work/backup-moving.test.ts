/** Backups of files that change, grow, shrink, vanish or are replaced while the backup runs. */
import {
  appendFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { rawFromText } from '../../src/base/raw.ts';
import { BackupRoom, nextSecond } from '../support/backup-room.ts';
import { seededBytes } from '../support/random.ts';

const MIB = 1 << 20;

let room: BackupRoom;
beforeEach(async () => {
  room = await BackupRoom.create();
});
afterEach(() => room.remove());

/** Appends to a file in another thread, faster than anybody reads it, until it is stopped. */
async function appending(path: string): Promise<{ stop: () => Promise<void> }> {
  const stop = new Int32Array(new SharedArrayBuffer(8));
  const code = `
    const { openSync, writeSync, ftruncateSync } = require('node:fs');
    const { workerData } = require('node:worker_threads');
    const fd = openSync(workerData.path, 'a');
    for (let i = 0; Atomics.load(workerData.stop, 0) === 0; i++) {
      writeSync(fd, 'more ');
      if (i === 10) { Atomics.store(workerData.stop, 1, 1); Atomics.notify(workerData.stop, 1); }
    }`;
  const worker = new Worker(code, { eval: true, workerData: { path, stop } });
  const ended = new Promise((resolve) => worker.once('exit', resolve));
  while (Atomics.load(stop, 1) === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  return {
    stop: async () => {
      Atomics.store(stop, 0, 1);
      await ended;
    },
  };
}

/** Backs up until a change falls into the reading: on a busy machine the writer may rest for a while. */
async function backUpUntilFlagged(writer: { stop: () => Promise<void> }): Promise<void> {
  try {
    for (let tries = 1; ; tries++) {
      const { codes, errors } = await room.backup({ force: true });
      expect(errors).toBe(0);
      if (codes.length === 0 && tries < 30) continue;
      expect(codes).toEqual(['changed-while-read']);
      return;
    }
  } finally {
    await writer.stop();
  }
}

describe('a file', () => {
  it('that is written all the time is stored up to where it was opened, flagged, and read again next time', async () => {
    const begin = seededBytes(300_000, 1);
    writeFileSync(room.at('log'), begin);
    writeFileSync(room.at('rest'), 'at rest');
    const writer = await appending(room.at('log'));
    await backUpUntilFlagged(writer);
    const entry = (await room.entries()).get('log');
    expect(entry).toMatchObject({ flaw: 'changed' });
    const content = await room.content('log');
    expect(content.length).toBe(entry?.size);
    expect(content.subarray(0, begin.length).equals(begin)).toBe(true);
    // No zeros where nothing was.
    expect(
      /^(more ?)*$/.test(
        content
          .subarray(begin.length)
          .toString()
          .replace(/ m?o?r?$/, ' '),
      ),
    ).toBe(true);
    await nextSecond();
    await room.backup();
    expect((await room.entries()).get('log')?.flaw).toBeUndefined();
    expect((await room.content('log')).length).toBe(statSync(room.at('log')).size);
  });

  it('that is large and is written all the time is stored up to where it was opened, and flagged', async () => {
    const begin = seededBytes(9 * MIB, 2);
    writeFileSync(room.at('log'), begin);
    const writer = await appending(room.at('log'));
    await backUpUntilFlagged(writer);
    const entry = (await room.entries()).get('log');
    const content = await room.content('log');
    expect(entry).toMatchObject({ flaw: 'changed', size: content.length });
    expect(content.subarray(0, begin.length).equals(begin)).toBe(true);
  });

  it('that is cut off, or grows, after it was seen is stored as it is when it is read, large or small', async () => {
    const bytes = seededBytes(6 * MIB, 3);
    for (const name of ['a-cut', 'a-grown']) writeFileSync(room.at(name), bytes);
    for (const name of ['a-small-cut', 'a-small-grown']) writeFileSync(room.at(name), bytes.subarray(0, 1000));
    writeFileSync(room.at('b'), 'b');
    // The walk is in the same page still: the workers have not begun.
    const onItem = (name: string) => {
      if (name !== 'b') return;
      truncateSync(room.at('a-cut'), MIB);
      truncateSync(room.at('a-small-cut'), 10);
      appendFileSync(room.at('a-grown'), 'more');
      // It no longer fits a batch.
      appendFileSync(room.at('a-small-grown'), bytes);
    };
    expect(await room.backup({}, { onItem })).toMatchObject({ codes: [], errors: 0, filesNew: 5 });
    const entries = await room.entries();
    for (const name of ['a-cut', 'a-grown', 'a-small-cut', 'a-small-grown']) {
      const content = readFileSync(room.at(name));
      expect(entries.get(name), name).toMatchObject({ size: content.length });
      expect(entries.get(name)?.flaw, name).toBeUndefined();
      expect((await room.content(name)).equals(content), name).toBe(true);
    }
    expect(await room.snapshot()).toMatchObject({ files: 5, complete: true });
  });

  it('that vanishes before it is opened is a warning, and no part of the snapshot', async () => {
    for (const name of ['a-small', 'b', 'c']) writeFileSync(room.at(name), name);
    writeFileSync(room.at('a-large'), seededBytes(5 * MIB, 5));
    writeFileSync(room.at('a-sparse'), '');
    truncateSync(room.at('a-sparse'), 5 * MIB);
    const onItem = (name: string) => {
      if (name.startsWith('a-')) unlinkSync(room.at(name));
    };
    const backed = await room.backup({}, { onItem });
    expect(backed).toMatchObject({ codes: ['vanished', 'vanished', 'vanished'], vanished: 3, errors: 0 });
    expect([...(await room.entries()).keys()].filter((path) => !path.startsWith('/'))).toEqual(['b', 'c']);
    expect(await room.snapshot()).toMatchObject({ files: 2, bytes: 2, complete: true });
  });

  it('that vanishes although it is all there is leaves an empty directory', async () => {
    writeFileSync(room.at('large'), seededBytes(5 * MIB, 5));
    const onItem = (name: string) => {
      if (name === 'large') unlinkSync(room.at(name));
    };
    expect(await room.backup({}, { onItem })).toMatchObject({ codes: ['vanished'], errors: 0 });
    expect(await room.snapshot()).toMatchObject({ files: 0, complete: true });
  });

  it('that is replaced before it is opened is stored as what is there then', async () => {
    for (const name of ['a', 'b']) writeFileSync(room.at(name), `old ${name}`);
    writeFileSync(room.at('other'), 'new content');
    const onItem = (name: string) => {
      if (name === 'a') renameSync(room.at('other'), room.at('a'));
    };
    const backed = await room.backup({}, { onItem });
    expect(backed.codes.filter((code) => code !== 'vanished')).toEqual(['replaced']);
    expect((await room.content('a')).toString()).toBe('new content');
    expect((await room.entries()).get('a')).toMatchObject({ size: 11 });
  });

  it('that becomes a link, a directory or a FIFO before it is opened is an error, and is not followed', async () => {
    writeFileSync(room.at('secret'), 'must not be read under another name');
    for (const name of ['link', 'mkdir']) writeFileSync(room.at(name), 'x');
    const onItem = (name: string) => {
      if (name !== 'link' && name !== 'mkdir') return;
      unlinkSync(room.at(name));
      if (name === 'link') symlinkSync('secret', room.at('link'));
      else mkdirSync(room.at('mkdir'));
    };
    const backed = await room.backup({}, { onItem });
    expect(backed).toMatchObject({ codes: ['replaced', 'replaced'], errors: 2 });
    const entries = await room.entries();
    expect([entries.has('link'), entries.has('mkdir'), entries.has('secret')]).toEqual([false, false, true]);
    expect(await room.snapshot()).toMatchObject({ complete: false, errors: 2, files: 1 });
    expect(await room.backup()).toMatchObject({ errors: 0 });
  });
});

describe('a directory', () => {
  it('that vanishes before it is entered is a warning, and the rest is stored', async () => {
    for (const name of ['a', 'b', 'c']) {
      mkdirSync(room.at(name));
      writeFileSync(room.at(name, 'file'), name);
    }
    const onItem = (name: string) => {
      if (name === 'b') rmSync(room.at('b'), { recursive: true });
    };
    const backed = await room.backup({}, { onItem });
    expect(backed).toMatchObject({ codes: ['vanished'], errors: 0, filesNew: 2 });
    expect((await room.entries()).has('c/file')).toBe(true);
  });

  it('that is the root ends the run when it vanishes, and there is no snapshot', async () => {
    mkdirSync(room.at('root', 'dir'), { recursive: true });
    writeFileSync(room.at('root', 'file'), 'x');
    const onItem = (name: string) => {
      if (name === 'root') rmSync(room.at('root'), { recursive: true });
    };
    const paths = [rawFromText(room.at('root'))];
    await expect(room.backup({ paths }, { onItem })).rejects.toMatchObject({ code: 'root-unreadable' });
    expect(await room.snapshots()).toEqual([]);
  });
});

describe('the next backup', () => {
  it('finds what changed under the same size and time', async () => {
    const past = new Date('2020-01-01T00:00:00Z');
    for (const name of ['in-place', 'renamed', 'same']) {
      writeFileSync(room.at(name), 'content 1');
      utimesSync(room.at(name), past, past);
    }
    await nextSecond();
    await room.backup();
    expect(await room.backup()).toMatchObject({ filesUnchanged: 3, filesNew: 0, filesChanged: 0 });
    writeFileSync(room.at('in-place'), 'content 2');
    writeFileSync(room.at('temp'), 'content 2');
    utimesSync(room.at('in-place'), past, past);
    utimesSync(room.at('temp'), past, past);
    renameSync(room.at('temp'), room.at('renamed'));
    expect(await room.backup()).toMatchObject({ filesUnchanged: 1, filesChanged: 2 });
    expect((await room.content('in-place')).toString()).toBe('content 2');
    expect((await room.content('renamed')).toString()).toBe('content 2');
  });

  it('reads everything with force, and what a file system renumbers is left out of the comparison when it is told to', async () => {
    const past = new Date('2020-01-01T00:00:00Z');
    for (const name of ['a', 'b']) {
      writeFileSync(room.at(name), name);
      utimesSync(room.at(name), past, past);
    }
    await nextSecond();
    await room.backup();
    expect(await room.backup({ force: true })).toMatchObject({
      bytesRead: 2,
      bytesNew: 0,
      filesChanged: 2,
      filesNew: 0,
    });
    // As after a restore of the source, or on a network file system: another inode and ctime, nothing else.
    await room.backup();
    for (const name of ['a', 'b']) {
      writeFileSync(room.at('copy'), name);
      utimesSync(room.at('copy'), past, past);
      renameSync(room.at('copy'), room.at(name));
    }
    expect(await room.backup({ ignoreCtime: true, ignoreInode: true, dryRun: true })).toMatchObject({
      filesUnchanged: 2,
    });
    expect(await room.backup({ ignoreCtime: true, dryRun: true })).toMatchObject({ filesChanged: 2 });
    expect(await room.backup({ ignoreInode: true, dryRun: true })).toMatchObject({ filesChanged: 2 });
  });

  it('reads again what was written in the second of the last one or later, and calls it changed', async () => {
    const future = new Date(Date.now() + 86_400_000);
    writeFileSync(room.at('future'), 'x');
    utimesSync(room.at('future'), future, future);
    writeFileSync(room.at('old'), 'y');
    await nextSecond();
    writeFileSync(room.at('now'), 'z');
    const first = await room.backup();
    expect(first.filesNew).toBe(3);
    expect(await room.backup()).toMatchObject({ filesNew: 0, filesChanged: 2, filesUnchanged: 1, bytesNew: 0 });
    await nextSecond();
    await room.backup();
    // A time in the future never becomes trustworthy: it is read every time, and costs no space.
    expect(await room.backup()).toMatchObject({ filesNew: 0, filesChanged: 1, filesUnchanged: 2, bytesNew: 0 });
  });

  it('takes over what is unchanged around additions, removals and moves', async () => {
    for (let d = 0; d < 4; d++) {
      mkdirSync(room.at(`dir-${d}`));
      for (let i = 0; i < 400; i++) writeFileSync(room.at(`dir-${d}`, `file-${i}`), `${d} ${i}`);
    }
    await nextSecond();
    await room.backup();
    await room.backup();
    writeFileSync(room.at('dir-1', 'file-200-and-a-half'), 'new');
    rmSync(room.at('dir-2'), { recursive: true });
    renameSync(room.at('dir-3'), room.at('a-dir'));
    const backed = await room.backup();
    expect(backed).toMatchObject({ filesNew: 401, filesChanged: 0, filesUnchanged: 800, bytesNew: 3 });
    const names = [...(await room.entries()).keys()].filter((path) => !path.startsWith('/'));
    expect(names).toHaveLength(3 + 401 + 400 + 400);
    expect((await room.content('a-dir/file-399')).toString()).toBe('3 399');
  });
});
