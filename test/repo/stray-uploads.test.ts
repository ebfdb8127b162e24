/** Uploads that a killed run of this host left in a bucket, and the small files by which the next run knows of it. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { IcecoreError } from '../../src/base/errors.ts';
import { makeSessionId, type SessionId } from '../../src/base/ids.ts';
import { metaPackName, packName } from '../../src/format/layout.ts';
import { BegunSessions } from '../../src/repo/begun-sessions.ts';
import type { UnfinishedUpload } from '../../src/store/bucket.ts';
import { BucketStore } from '../support/bucket-store.ts';
import { collectingMonitor, TestRepository } from '../support/repository.ts';
import { makeTestFolder } from '../support/test-folder.ts';

const DAY = 24 * 3_600_000;
const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const clean of cleanups.splice(0)) clean();
});

function folderFor(name: string): string {
  const folder = makeTestFolder(name);
  cleanups.push(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** A process that has ended: its number is free again. */
function deadPid(): number {
  return spawnSync('true').pid;
}

const sidOf = (n: number): SessionId => makeSessionId(1_800_000_000_000 + n, new Uint8Array(10).fill(n));

function upload(name: string): UnfinishedUpload {
  return { name, uploadId: `id of ${name}`, started: 0 };
}

interface Room {
  readonly store: BucketStore;
  readonly repository: TestRepository;
  /** Where the sessions are noted down. */
  readonly notes: string;
  /** What is backed up. */
  readonly source: string;
  /** Notes down a session as its process would have, were it one of this number. */
  note(sid: SessionId, pid: number): void;
  names(): string[];
}

async function makeRoom(store: BucketStore): Promise<Room> {
  const repository = await TestRepository.create({ store });
  cleanups.push(() => repository.remove());
  const source = folderFor('stray-source');
  writeFileSync(join(source, 'a'), 'a');
  const id = await repository.use(async (repo) => repo.id);
  const notes = join(repository.places.state, id, 'sessions');
  const space = () => {
    new BegunSessions(join(notes, '..'), Date.now).begin(sidOf(99));
    const [, ...rest] = readFileSync(join(notes, sidOf(99)), 'utf8').split(' ');
    rmSync(join(notes, sidOf(99)));
    return rest.join(' ');
  };
  const note = (sid: SessionId, pid: number) => writeFileSync(join(notes, sid), `${pid} ${space()}`);
  return { store, repository, notes, source, note, names: () => (existsSync(notes) ? readdirSync(notes) : []) };
}

describe('a backup', () => {
  test('after one that was killed ends the uploads of that one, and of no other', async () => {
    const [dead, live, stranger] = [sidOf(1), sidOf(2), sidOf(3)];
    const store = new BucketStore({
      uploads: [
        upload(packName(dead, 0)),
        upload(packName(dead, 1)),
        upload(metaPackName(dead, 0)),
        upload(packName(live, 0)),
        upload(packName(stranger, 0)),
      ],
    });
    const room = await makeRoom(store);
    room.note(dead, deadPid());
    room.note(live, process.ppid);
    store.asked.length = 0;
    await room.repository.backup([room.source]);
    expect(store.asked.filter((call) => call.startsWith('unfinishedUploads'))).toEqual([
      `unfinishedUploads packs/${dead}/`,
      `unfinishedUploads meta/${dead}/`,
    ]);
    const left: string[] = [];
    for await (const { name } of store.bucket.unfinishedUploads('')) left.push(name);
    expect(left).toEqual([packName(live, 0), packName(stranger, 0)]);
    expect(room.names()).toEqual([live]);
  });

  test('after one that ended asks the bucket for nothing, and leaves no note', async () => {
    const room = await makeRoom(new BucketStore());
    room.store.asked.length = 0;
    await room.repository.backup([room.source]);
    await room.repository.backup([room.source]);
    expect(room.store.asked).toEqual([]);
    expect(room.names()).toEqual([]);
  });

  test('that fails leaves its note', async () => {
    const room = await makeRoom(new BucketStore());
    const put = room.store.put.bind(room.store);
    room.store.put = async (name, body, options) => {
      if (name.startsWith('packs/')) throw new IcecoreError('store', 'put-failed', 'no');
      return await put(name, body, options);
    };
    await expect(room.repository.backup([room.source])).rejects.toMatchObject({ code: 'put-failed' });
    expect(room.names()).toHaveLength(1);
  });

  test('that may not look for uploads says so once, and goes on', async () => {
    const denied = new IcecoreError('store', 'denied', 'access denied', { data: { status: 403 } });
    const room = await makeRoom(new BucketStore({}, { unfinishedUploads: denied }));
    room.note(sidOf(1), deadPid());
    room.note(sidOf(2), deadPid());
    const monitor = collectingMonitor();
    await room.repository.backup([room.source], {}, monitor);
    expect(monitor.problems.map(({ code, severity }) => [code, severity])).toEqual([['stray-uploads', 'warning']]);
    await room.repository.backup([room.source], {}, monitor);
    expect(monitor.problems).toHaveLength(1);
    expect(room.names()).toEqual([]);
  });

  test('that finds the bucket ailing goes on, and the next one tries again', async () => {
    const ailing = new IcecoreError('store', 'unavailable', 'service unavailable', { data: { status: 503 } });
    const faults: { unfinishedUploads?: Error } = { unfinishedUploads: ailing };
    const room = await makeRoom(new BucketStore({}, faults as never));
    room.note(sidOf(1), deadPid());
    const monitor = collectingMonitor();
    await room.repository.backup([room.source], {}, monitor);
    expect(room.names()).toEqual([sidOf(1)]);
    delete faults.unfinishedUploads;
    await room.repository.backup([room.source], {}, monitor);
    expect(monitor.problems).toHaveLength(1);
    expect(room.names()).toEqual([]);
  });

  test('on a host whose state folder cannot be used goes on without notes', async () => {
    const room = await makeRoom(new BucketStore());
    rmSync(room.notes, { recursive: true, force: true });
    mkdirSync(join(room.notes, '..'), { recursive: true });
    writeFileSync(room.notes, 'a file where a folder should be');
    expect((await room.repository.backup([room.source])).snapshot).toBeDefined();
  });

  test('to a folder notes down nothing', async () => {
    const repository = await TestRepository.create();
    cleanups.push(() => repository.remove());
    const source = folderFor('stray-source');
    writeFileSync(join(source, 'a'), 'a');
    await repository.backup([source]);
    const id = await repository.use(async (repo) => repo.id);
    expect(readdirSync(join(repository.places.state, id))).not.toContain('sessions');
  });
});

describe('a session that was noted down', () => {
  test('by a process of another container or boot counts as dead after a day without a sign of life', () => {
    const folder = folderFor('sessions');
    let now = Date.now();
    const begun = new BegunSessions(folder, () => now);
    begun.begin(sidOf(1));
    const path = join(folder, 'sessions', sidOf(1));
    writeFileSync(path, `${deadPid()} another-boot/another-container 1`);
    expect(begun.dead()).toEqual([]);
    now += DAY + 60_000;
    expect(begun.dead()).toEqual([sidOf(1)]);
    begun.signOfLife(sidOf(1));
    expect(begun.dead()).toEqual([]);
  });

  test('by an earlier process of the same number is dead, by this one it is not', () => {
    const folder = folderFor('sessions');
    const begun = new BegunSessions(folder, Date.now);
    begun.begin(sidOf(1));
    expect(begun.dead()).toEqual([]);
    const path = join(folder, 'sessions', sidOf(1));
    const [pid, space] = readFileSync(path, 'utf8').split(' ');
    writeFileSync(path, `${pid} ${space} 12345`);
    expect(begun.dead()).toEqual([sidOf(1)]);
  });

  test('in a file that is torn or no session waits its day, or is passed over', () => {
    const folder = folderFor('sessions');
    const begun = new BegunSessions(folder, Date.now);
    mkdirSync(join(folder, 'sessions'));
    writeFileSync(join(folder, 'sessions', 'README'), '');
    const path = join(folder, 'sessions', sidOf(1));
    writeFileSync(path, '');
    expect(begun.dead()).toEqual([]);
    utimesSync(path, 1, 1);
    expect(begun.dead()).toEqual([sidOf(1)]);
    begun.end(sidOf(1));
    begun.end(sidOf(2));
    expect(begun.dead()).toEqual([]);
  });
});
