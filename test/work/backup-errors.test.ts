/** Backups of what cannot be read, and of sources that are not there: named, never passed over, never mistaken for empty. */
import { chmodSync, chownSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { rawFromText } from '../../src/base/raw.ts';
import { BackupRoom, excluding } from '../support/backup-room.ts';

const isRoot = process.getuid?.() === 0;
const NOBODY = 65_534;

let room: BackupRoom;
beforeEach(async () => {
  room = await BackupRoom.create();
});
afterEach(() => room.remove());

/** Runs as a user whom permissions stop; root is not one. */
async function asSomebody<T>(work: () => Promise<T>): Promise<T> {
  if (!isRoot) return await work();
  chownSync(room.folder, NOBODY, NOBODY);
  own(room.test.folder);
  process.setegid!(NOBODY);
  process.seteuid!(NOBODY);
  try {
    return await work();
  } finally {
    process.seteuid!(0);
    process.setegid!(0);
  }
}

function own(folder: string): void {
  for (const path of [folder, ...readdirDeep(folder)]) chownSync(path, NOBODY, NOBODY);
}

function readdirDeep(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => `${folder}/${name}`);
}

describe('what may not be read', () => {
  it('is named and counted; the rest is stored, and the snapshot says that it is incomplete', async () => {
    writeFileSync(room.at('closed'), 'x', { mode: 0 });
    writeFileSync(room.at('open'), 'open');
    mkdirSync(room.at('closed-dir'));
    writeFileSync(room.at('closed-dir', 'file'), 'x');
    mkdirSync(room.at('no-search'));
    writeFileSync(room.at('no-search', 'file'), 'x');
    chmodSync(room.at('closed-dir'), 0);
    chmodSync(room.at('no-search'), 0o444);
    own(room.source);
    chmodSync(room.at('closed'), 0);
    const backed = await asSomebody(() => room.backup());
    expect(backed.errors).toBe(3);
    expect(backed.problems.map(({ path, code, severity }) => [path, code, severity])).toEqual(
      expect.arrayContaining([
        [room.at('closed'), 'unreadable', 'error'],
        [room.at('closed-dir'), 'unreadable', 'error'],
        [room.at('no-search', 'file'), 'unreadable', 'error'],
      ]),
    );
    expect(backed.problems[0]?.message).toContain('permission denied');
    const entries = await room.entries();
    expect([...entries.keys()].filter((path) => !path.startsWith('/'))).toEqual(['closed-dir', 'no-search', 'open']);
    expect(await room.snapshot()).toMatchObject({ complete: false, errors: 3, files: 1, bytes: 4, partial: false });
    // A closed file is tried again, and never taken for removed content that is fine.
    chmodSync(room.at('closed-dir'), 0o700);
    chmodSync(room.at('no-search'), 0o700);
    chmodSync(room.at('closed'), 0o600);
    expect(await room.backup()).toMatchObject({ errors: 0 });
    expect(await room.snapshot()).toMatchObject({ complete: true, files: 4 });
  });
});

describe('a source that is not there', () => {
  it('ends the run, and there is no snapshot, even beside others that are', async () => {
    writeFileSync(room.at('file'), 'x');
    for (const missing of [room.at('missing'), room.at('file', 'below'), `${room.at('file')}/`]) {
      const paths = [room.source, missing].map(rawFromText);
      await expect(room.backup({ paths })).rejects.toMatchObject({ kind: 'user', code: 'root-unreadable' });
    }
    symlinkSync('nowhere', room.at('dangling'));
    await expect(room.backup({ paths: [rawFromText(`${room.at('dangling')}/`)] })).rejects.toMatchObject({
      kind: 'user',
    });
    expect(await room.snapshots()).toEqual([]);
  });

  it('or cannot be listed ends the run', async () => {
    mkdirSync(room.at('closed'));
    own(room.source);
    chmodSync(room.at('closed'), 0);
    const paths = [rawFromText(room.at('closed'))];
    await expect(asSomebody(() => room.backup({ paths }))).rejects.toMatchObject({ code: 'root-unreadable' });
    expect(await room.snapshots()).toEqual([]);
  });

  it('so that an empty mount point is left is refused, unless that is meant', async () => {
    mkdirSync(room.at('dir'));
    for (const name of ['a', 'dir/b']) writeFileSync(room.at(name), name);
    await room.backup();
    rmSync(room.at('dir'), { recursive: true });
    rmSync(room.at('a'));
    await expect(room.backup()).rejects.toMatchObject({
      kind: 'user',
      code: 'source-empty',
      message: expect.stringContaining('2'),
    });
    expect(await room.snapshots()).toHaveLength(1);
    // It stays refused: the parent is still the one with files.
    await expect(room.backup()).rejects.toMatchObject({ code: 'source-empty' });
    const backed = await room.backup({ allowEmpty: true });
    expect(backed.snapshot).toBeDefined();
    expect(await room.snapshot()).toMatchObject({ files: 0, complete: true });
    // From now on it is known to be empty.
    expect((await room.backup()).snapshot).toBeDefined();
    writeFileSync(room.at('again'), 'x');
    expect(await room.backup()).toMatchObject({ filesNew: 1 });
  });

  it('from the start may be an empty directory', async () => {
    expect(await room.backup()).toMatchObject({ filesNew: 0, errors: 0, snapshot: expect.any(String) });
    expect((await room.entries()).get(room.source)?.type).toBe('dir');
  });

  it('to the eyes of its excludes is refused', async () => {
    for (const name of ['a.tmp', 'b.tmp']) writeFileSync(room.at(name), 'x');
    const options = excluding({ patterns: ['*.tmp'] });
    await expect(room.backup(options)).rejects.toMatchObject({ kind: 'user', code: 'everything-excluded' });
    expect(await room.snapshots()).toEqual([]);
    expect(await room.backup({ ...options, dryRun: true })).toMatchObject({ filesNew: 0, excluded: 2 });
    expect(await room.backup({ ...options, allowEmpty: true })).toMatchObject({ filesNew: 0, excluded: 2 });
  });
});
