/** Backups of what is no plain file or directory: links of all kinds, special files, mounts. */
import { execFileSync } from 'node:child_process';
import {
  linkSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Raw, rawFromText } from '../../src/base/raw.ts';
import { BackupRoom, nextSecond } from '../support/backup-room.ts';
import { describeTree } from '../support/trees.ts';

const isRoot = process.getuid?.() === 0;

let room: BackupRoom;
let mounts: string[] = [];
beforeEach(async () => {
  room = await BackupRoom.create();
});
afterEach(() => {
  for (const path of mounts.reverse()) execFileSync('umount', ['-l', path]);
  mounts = [];
  room.remove();
});

/** Mounts something; false where this machine does not let us. */
function mount(path: string, ...options: string[]): boolean {
  mkdirSync(path, { recursive: true });
  try {
    execFileSync('mount', [...options, path], { stdio: 'ignore' });
    mounts.push(path);
    return true;
  } catch {
    return false;
  }
}

const run = (command: string, ...args: string[]) => execFileSync(command, args, { stdio: 'ignore' });

describe('a backup of links', () => {
  it('keeps symbolic links as they are: dangling, in circles, absolute, to directories, with any target', async () => {
    mkdirSync(room.at('dir'));
    writeFileSync(room.at('dir', 'file'), 'x');
    symlinkSync('nowhere', room.at('dangling'));
    symlinkSync('loop-b', room.at('loop-a'));
    symlinkSync('loop-a', room.at('loop-b'));
    symlinkSync('.', room.at('self'));
    symlinkSync('/', room.at('root'));
    symlinkSync('dir', room.at('to-dir'));
    symlinkSync('../../../..', room.at('dir', 'up'));
    symlinkSync(Buffer.from([0x2e, 0x2f, 0xff, 0x0a]), room.at('bytes'));
    symlinkSync('t'.repeat(4095), room.at('long'));
    const backed = await room.backup();
    expect(backed).toMatchObject({ errors: 0, codes: [], filesNew: 1, others: 9 });
    const entries = await room.entries();
    expect(entries.get('to-dir')).toMatchObject({ type: 'symlink', target: 'dir' });
    expect(entries.get('bytes')?.target).toBe('./\xff\n');
    expect([...entries.keys()].some((path) => path.startsWith('to-dir/') || path.startsWith('root/'))).toBe(false);
    const { target, problems } = await room.restore();
    expect(problems).toEqual([]);
    expect(describeTree(target)).toEqual(describeTree(room.source));
  });

  it('stores a link that is named as the path itself as a link, and with a slash what it leads to, once', async () => {
    mkdirSync(room.at('dir'));
    writeFileSync(room.at('dir', 'file'), 'x');
    symlinkSync('dir', room.at('link'));
    expect(await room.backup({ paths: [rawFromText(room.at('link'))] })).toMatchObject({ filesNew: 0, others: 1 });
    expect((await room.entries()).get('link')).toMatchObject({ type: 'symlink', target: 'dir' });
    expect(await room.backup({ paths: [rawFromText(`${room.at('link')}/`)] })).toMatchObject({
      filesNew: 1,
      others: 0,
    });
    expect((await room.content('link/file')).toString()).toBe('x');
    const both = [`${room.at('link')}/`, room.at('dir'), room.source].map(rawFromText);
    expect(await room.backup({ paths: both })).toMatchObject({ errors: 0 });
    const names = [...(await room.entries()).keys()];
    expect(names.filter((name) => name === 'dir/file')).toHaveLength(1);
  });

  it('stores the content of hard links once, and links them again', async () => {
    writeFileSync(room.at('a-first'), 'content of all');
    mkdirSync(room.at('dir'));
    for (const name of ['b-second', 'dir/third']) linkSync(room.at('a-first'), room.at(name));
    symlinkSync('x', room.at('link'));
    linkSync(room.at('link'), room.at('link-2'));
    const backed = await room.backup();
    expect(backed).toMatchObject({ errors: 0, bytesRead: 14, bytesNew: 14 });
    const entries = await room.entries();
    expect(entries.get('a-first')).toMatchObject({ links: 3, size: 14 });
    expect(entries.get('dir/third')).toMatchObject({ hardlink: `${room.source}/a-first` });
    expect((await room.content('dir/third')).toString()).toBe('content of all');
    const { target, problems } = await room.restore();
    expect(problems).toEqual([]);
    const { link, 'link-2': link2, ...restored } = describeTree(target);
    const { link: _1, 'link-2': _2, ...source } = describeTree(room.source);
    expect(restored).toEqual(source);
    expect([link, link2]).toEqual([expect.objectContaining({ target: 'x' }), expect.objectContaining({ target: 'x' })]);
  });

  it('follows hard links that come, go and lose their first name, from one snapshot to the next', async () => {
    writeFileSync(room.at('b'), 'linked');
    linkSync(room.at('b'), room.at('c'));
    writeFileSync(room.at('single'), 'single');
    await nextSecond();
    await room.backup();
    expect(await room.backup()).toMatchObject({ filesUnchanged: expect.any(Number), bytesNew: 0 });
    unlinkSync(room.at('b'));
    expect(await room.backup()).toMatchObject({ errors: 0, bytesNew: 0 });
    expect((await room.content('c')).toString()).toBe('linked');
    expect((await room.entries()).get('c')?.hardlink).toBeUndefined();
    linkSync(room.at('c'), room.at('a'));
    linkSync(room.at('single'), room.at('a-single'));
    await room.backup();
    const entries = await room.entries();
    expect(entries.get('c')?.hardlink).toBe(`${room.source}/a`);
    expect(entries.get('single')?.hardlink).toBe(`${room.source}/a-single`);
    // Broken up into two files by a program that writes anew and renames.
    writeFileSync(room.at('new'), 'linked no more');
    renameSync(room.at('new'), room.at('c'));
    await room.backup();
    expect((await room.content('c')).toString()).toBe('linked no more');
    expect((await room.content('a')).toString()).toBe('linked');
    const { target } = await room.restore();
    expect(describeTree(target)).toEqual(describeTree(room.source));
  });

  it('counts a file with several names that was written a moment ago as changed, not as new', async () => {
    writeFileSync(room.at('a'), 'x');
    linkSync(room.at('a'), room.at('b'));
    await room.backup();
    expect(await room.backup()).toMatchObject({ filesNew: 0, filesChanged: 2 });
    await nextSecond();
    await room.backup();
    expect(await room.backup()).toMatchObject({ filesNew: 0, filesChanged: 0, bytesRead: 0 });
  });

  it('makes a plain file of a hard link whose other names lie outside', async () => {
    mkdirSync(room.at('inside'));
    mkdirSync(room.at('outside'));
    writeFileSync(room.at('outside', 'a'), 'shared');
    linkSync(room.at('outside', 'a'), room.at('inside', 'b'));
    const { errors } = await room.backup({ paths: [rawFromText(room.at('inside'))] });
    expect(errors).toBe(0);
    expect((await room.entries()).get('inside/b')?.hardlink).toBeUndefined();
    expect((await room.content('inside/b')).toString()).toBe('shared');
  });
});

describe('a backup of special files', () => {
  it('opens no FIFO, skips sockets, and restores what it can', async () => {
    run('mkfifo', '-m', '0640', room.at('fifo'));
    writeFileSync(room.at('file'), 'x');
    const server = createServer().listen(room.at('socket'));
    await new Promise((resolve) => server.once('listening', resolve));
    const backed = await room.backup();
    server.close();
    expect(backed).toMatchObject({ errors: 0, codes: [], others: 1, skipped: 1 });
    expect(backed.items).toContainEqual({ path: room.at('socket'), action: 'skipped', reason: 'a socket' });
    const entries = await room.entries();
    expect(entries.get('fifo')).toMatchObject({ type: 'fifo', mode: 0o640 });
    expect(entries.has('socket')).toBe(false);
    rmSync(room.at('socket'), { force: true });
    const { target } = await room.restore();
    const [restored, source] = [describeTree(target), describeTree(room.source)];
    expect(restored).toEqual(source);
  });

  it.skipIf(!isRoot)('keeps the numbers of devices, and never their content', async () => {
    run('mknod', room.at('null'), 'c', '1', '3');
    run('mknod', room.at('loop'), 'b', '7', '200');
    const backed = await room.backup();
    expect(backed).toMatchObject({ errors: 0, codes: [], others: 2, bytesRead: 0 });
    const entries = await room.entries();
    expect(entries.get('null')).toMatchObject({ type: 'char', rdev: { major: 1, minor: 3 } });
    expect(entries.get('loop')).toMatchObject({ type: 'block', rdev: { major: 7, minor: 200 } });
    const { target, problems } = await room.restore();
    expect(problems).toEqual([]);
    expect(describeTree(target)).toEqual(describeTree(room.source));
  });
});

describe.skipIf(!isRoot)('a backup of mounts', () => {
  it('goes around in no circle where a directory is mounted below itself', async (context) => {
    writeFileSync(room.at('file'), 'x');
    mkdirSync(room.at('dir'));
    if (!mount(room.at('dir', 'again'), '--bind', room.source)) context.skip();
    const backed = await room.backup();
    expect(backed).toMatchObject({ errors: 0, codes: ['directory-loop'], filesNew: 1 });
    expect((await room.entries()).has('dir/again/file')).toBe(false);
  });

  it('stays on one file system when it is told to, and says what it left out', async (context) => {
    if (!mount(room.at('mounted'), '-t', 'tmpfs', 'tmpfs')) context.skip();
    writeFileSync(room.at('mounted', 'file'), 'there');
    writeFileSync(room.at('file'), 'here');
    expect(await room.backup()).toMatchObject({ filesNew: 2 });
    const backed = await room.backup({ oneFileSystem: true });
    expect(backed.errors).toBe(0);
    expect(backed.items).toContainEqual({
      path: room.at('mounted'),
      action: 'excluded',
      reason: expect.stringContaining('--one-file-system'),
    });
    const entries = await room.entries();
    expect(entries.get('mounted')?.type).toBe('dir');
    expect(entries.has('mounted/file')).toBe(false);
    const both = [room.source, room.at('mounted')].map(rawFromText);
    await room.backup({ oneFileSystem: true, paths: both });
    expect((await room.content('mounted/file')).toString()).toBe('there');
  });

  it('leaves out the file systems of the kernel, and says so', async (context) => {
    if (!mount(room.at('proc'), '-t', 'proc', 'proc')) context.skip();
    writeFileSync(room.at('file'), 'x');
    const backed = await room.backup();
    expect(backed).toMatchObject({ filesNew: 1, errors: 0, excluded: 1 });
    expect(backed.items).toContainEqual({
      path: room.at('proc'),
      action: 'excluded',
      reason: expect.stringContaining('proc'),
    });
    expect((await room.entries()).get('proc')?.type).toBe('dir');
  });
});

describe('the root of a backup', () => {
  it('may be a file, a FIFO, or lie below a link', async () => {
    writeFileSync(room.at('file'), 'alone');
    run('mkfifo', room.at('fifo'));
    mkdirSync(room.at('dir'));
    writeFileSync(room.at('dir', 'below'), 'below');
    symlinkSync('dir', room.at('link'));
    const paths = [room.at('file'), room.at('fifo'), room.at('link', 'below')].map(rawFromText);
    expect(await room.backup({ paths })).toMatchObject({ filesNew: 2, others: 1, errors: 0 });
    expect((await room.content('file')).toString()).toBe('alone');
    expect((await room.content('link/below')).toString()).toBe('below');
    const { target } = await room.restore();
    expect(readFileSync(join(target, 'link', 'below'), 'utf8')).toBe('below');
    expect(() => readlinkSync(join(target, 'link'))).toThrow();
  });

  it('may come twice, in another order or inside of another', async () => {
    mkdirSync(room.at('dir'));
    writeFileSync(room.at('dir', 'file'), 'x');
    const paths = [room.at('dir', 'file'), room.at('dir'), room.source, room.source].map(rawFromText);
    expect(await room.backup({ paths })).toMatchObject({ filesNew: 1, errors: 0 });
    await nextSecond();
    await room.backup({ paths });
    expect(await room.backup({ paths: [...new Set(paths)].reverse() as Raw[] })).toMatchObject({ errors: 0 });
  });
});
