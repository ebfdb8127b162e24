/** Backups of files whose content or attributes are unusual: empty, sparse, huge, of many chunks, of odd times. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { rawFromText } from '../../src/base/raw.ts';
import { runDump } from '../../src/work/dump.ts';
import { resolveSnapshot } from '../../src/work/snapshot-list.ts';
import { BackupRoom } from '../support/backup-room.ts';
import { seededBytes } from '../support/random.ts';
import { describeTree } from '../support/trees.ts';

const MIB = 1 << 20;
const isSlow = process.env.SLOW === '1';

let room: BackupRoom;
afterEach(() => room.remove());

/** Makes a file of `size` bytes with data at some places only. */
function makeSparse(path: string, size: number, data: readonly (readonly [at: number, bytes: Uint8Array])[]): void {
  const fd = openSync(path, 'w');
  for (const [at, bytes] of data) writeSync(fd, bytes, 0, bytes.length, at);
  ftruncateSync(fd, size);
  closeSync(fd);
}

/** The digest of a file as the snapshot has it. */
async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await room.test.use(async (repo) => {
    const snapshot = await resolveSnapshot(repo, 'latest', { hosts: [], tags: [], paths: [] });
    const sink = { write: async (bytes: Uint8Array) => void hash.update(bytes) };
    const options = { snapshot, path: rawFromText(path), archive: false };
    await runDump(repo, options, sink, repo.monitor, new AbortController().signal);
  });
  return hash.digest('hex');
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

describe('a backup of files', () => {
  it('that are empty, and of empty directories, keeps them and reads nothing', async () => {
    room = await BackupRoom.create();
    writeFileSync(room.at('empty'), '');
    mkdirSync(room.at('dir', 'below'), { recursive: true });
    const run = await room.backup();
    expect(run).toMatchObject({ filesNew: 1, bytesScanned: 0, bytesRead: 0, errors: 0 });
    const entries = await room.entries();
    expect(entries.get('empty')).toMatchObject({ type: 'file', size: 0 });
    expect(entries.get('empty')?.chunks).toBeUndefined();
    expect(entries.get('dir/below')?.type).toBe('dir');
    const { target } = await room.restore();
    expect(describeTree(target)).toEqual(describeTree(room.source));
  });

  it('of a terabyte with 4 kB of data is quick and small, and so is its restore', async () => {
    room = await BackupRoom.create();
    const data = seededBytes(4096, 1);
    const size = 1024 ** 4;
    makeSparse(room.at('sparse'), size, [[size / 2, data]]);
    makeSparse(room.at('hole'), 10 * MIB, []);
    makeSparse(room.at('ends'), 3 * MIB + 17, [
      [0, data],
      [3 * MIB, data.subarray(0, 17)],
    ]);
    const began = performance.now();
    const run = await room.backup();
    expect(performance.now() - began).toBeLessThan(5000);
    expect(run).toMatchObject({ errors: 0, codes: [], bytesScanned: size + 13 * MIB + 17 });
    expect(run.bytesRead).toBeLessThan(100_000);
    expect(run.bytesStored).toBeLessThan(100_000);
    expect((await room.entries()).get('sparse')).toMatchObject({ size, sparse: [[size / 2, 4096]] });
    const { target, problems } = await room.restore();
    expect(problems).toEqual([]);
    expect(describeTree(target)).toEqual(describeTree(room.source));
    expect(lstatSync(`${target}/sparse`).blocks).toBeLessThan(1000);
  });

  it('of several slices puts them together in order', async () => {
    room = await BackupRoom.create();
    const part = seededBytes(MIB, 3);
    const fd = openSync(room.at('large'), 'w');
    const whole = createHash('sha256');
    for (let i = 0; i < 258; i++) {
      part.writeUInt32LE(i >> 5, 0);
      whole.update(part);
      writeSync(fd, part);
    }
    closeSync(fd);
    // The same content with a hole within: cut at other places of the file.
    const run = await room.backup({ workers: 2 });
    expect(run).toMatchObject({ filesNew: 1, bytesRead: 258 * MIB, errors: 0 });
    expect(run.bytesNew).toBeLessThan(100 * MIB);
    expect((await room.entries()).get('large')).toMatchObject({ size: 258 * MIB });
    expect(await digestOf(room.at('large'))).toBe(whole.digest('hex'));
  });

  it('of more chunks than an entry holds names them in lists', async () => {
    room = await BackupRoom.create({ chunkBytes: 4096 });
    const bytes = seededBytes(6 * MIB, 4);
    writeFileSync(room.at('many'), bytes);
    writeFileSync(room.at('few'), bytes.subarray(0, MIB));
    await room.backup();
    const entries = await room.entries();
    expect(entries.get('many')?.list).toMatch(/^[0-9a-f]{64}$/);
    expect(entries.get('many')?.chunks).toBeUndefined();
    expect(entries.get('few')?.chunks?.length).toBeGreaterThan(100);
    expect(await digestOf(room.at('many'))).toBe(sha256(bytes));
    const again = await room.backup({ force: true });
    expect(again).toMatchObject({ bytesRead: 7 * MIB, bytesNew: 0 });
    expect((await room.entries()).get('many')?.list).toBe(entries.get('many')?.list);
  });

  it.runIf(isSlow)('of more than 65,536 chunks names lists of lists', async () => {
    room = await BackupRoom.create({ chunkBytes: 4096 });
    const bytes = seededBytes(400 * MIB, 5);
    writeFileSync(room.at('huge'), bytes);
    await room.backup({ workers: 2, compression: 1 });
    expect(await digestOf(room.at('huge'))).toBe(sha256(bytes));
  });
});

const touch = (path: string, date: string, ...options: string[]): void => {
  execFileSync('touch', ['-h', ...options, '-d', date, path]);
};

const hasXattrs = (() => {
  try {
    execFileSync('setfattr', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

describe('a backup of attributes', () => {
  it('keeps times before 1970, in far years, and to the nanosecond', async () => {
    room = await BackupRoom.create();
    const times: Record<string, string> = {
      'before-1970': '1969-12-31 23:59:58.999999999 UTC',
      'long-before': '1901-01-01 00:00:00.000000001 UTC',
      nanoseconds: '2001-09-09 01:46:40.123456789 UTC',
      'far-2446': '2500-01-01 00:00:00.5 UTC',
      'far-5138': '5138-11-16 09:46:40.000000003 UTC',
    };
    for (const [name, date] of Object.entries(times)) {
      writeFileSync(room.at(name), name);
      touch(room.at(name), date);
    }
    symlinkSync('nowhere', room.at('link'));
    touch(room.at('link'), times['before-1970']!);
    mkdirSync(room.at('dir'));
    touch(room.at('dir'), times['long-before']!);
    await room.backup();
    const entries = await room.entries();
    for (const name of [...Object.keys(times), 'link', 'dir']) {
      expect(entries.get(name)?.mtime, name).toBe(lstatSync(room.at(name), { bigint: true }).mtimeNs);
    }
    expect(entries.get('before-1970')?.mtime).toBe(-1_000_000_001n);
    const { target, problems } = await room.restore();
    expect(problems).toEqual([]);
    expect(describeTree(target)).toEqual(describeTree(room.source));
    expect(await room.backup()).toMatchObject({ bytesRead: expect.any(Number), bytesNew: 0, errors: 0 });
  });

  it('keeps access times only when it is told to', async () => {
    room = await BackupRoom.create();
    writeFileSync(room.at('file'), 'x');
    touch(room.at('file'), '2020-02-02 02:02:02.000000002 UTC', '-a');
    await room.backup();
    expect((await room.entries()).get('file')?.atime).toBeUndefined();
    await room.backup({ withAtime: true, force: true });
    expect((await room.entries()).get('file')?.atime).toBeTypeOf('bigint');
  });

  it('keeps modes and owners, also those that nobody here has a name for', async () => {
    room = await BackupRoom.create();
    for (const mode of ['0000', '0400', '4755', '2711', '1777']) {
      writeFileSync(room.at(mode), mode);
      if (process.getuid?.() === 0) execFileSync('chown', ['12345:54321', room.at(mode)]);
      execFileSync('chmod', [mode, room.at(mode)]);
    }
    mkdirSync(room.at('sticky'));
    execFileSync('chmod', ['3777', room.at('sticky')]);
    const run = await room.backup();
    const entries = await room.entries();
    const isRoot = process.getuid?.() === 0;
    expect(run.errors).toBe(isRoot ? 0 : 1);
    expect(entries.get('4755')?.mode).toBe(0o4755);
    expect(entries.get('sticky')?.mode).toBe(0o3777);
    if (!isRoot) return;
    expect(entries.get('0000')).toMatchObject({ mode: 0, uid: 12345, gid: 54321 });
    expect(entries.get('0000')?.user).toBeUndefined();
    const { target } = await room.restore();
    expect(describeTree(target)).toEqual(describeTree(room.source));
  });

  it.skipIf(!hasXattrs)('keeps extended attributes of files, directories and whatever else has them', async () => {
    room = await BackupRoom.create();
    const set = (path: string, name: string, value: string): boolean => {
      try {
        execFileSync('setfattr', ['-h', '-n', name, '-v', value, path], { stdio: 'ignore' });
        return true;
      } catch {
        return false;
      }
    };
    writeFileSync(room.at('file'), 'x');
    writeFileSync(room.at('many'), 'x');
    mkdirSync(room.at('dir'));
    symlinkSync('file', room.at('link'));
    if (!set(room.at('file'), 'user.comment', 'text')) return;
    set(room.at('file'), 'user.bytes', '0x00ff0a00');
    set(room.at('file'), 'user.empty', '');
    set(room.at('dir'), 'user.dir', 'd');
    set(room.at('link'), 'trusted.link', 'only root');
    // Access for one more user, as the kernel keeps an ACL.
    set(
      room.at('many'),
      'system.posix_acl_access',
      '0x0200000001000600ffffffff02000400e803000004000400ffffffff10000600ffffffff20000000ffffffff',
    );
    for (let i = 0; i < 40; i++) set(room.at('many'), `user.n${i}`, 'v'.repeat(i));
    await room.backup();
    const entries = await room.entries();
    expect(entries.get('file')?.xattrs).toMatchObject({
      'user.comment': 'dGV4dA==',
      'user.bytes': 'AP8KAA==',
      'user.empty': '',
    });
    expect(entries.get('dir')?.xattrs).toEqual({ 'user.dir': 'ZA==' });
    const { target, problems } = await room.restore();
    expect(problems).toEqual([]);
    expect(describeTree(target)).toEqual(describeTree(room.source));
    // A new attribute alone is a change: ctime tells.
    await room.backup();
    set(room.at('file'), 'user.comment', 'another');
    expect(await room.backup({ ignoreInode: true })).toMatchObject({ bytesNew: 0 });
    expect((await room.entries()).get('file')?.xattrs).toMatchObject({ 'user.comment': 'YW5vdGhlcg==' });
  });
});
