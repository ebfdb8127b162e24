/** Backups of names and paths that other programs stumble over: through the repository and back to the byte. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { rawFromBytes } from '../../src/base/raw.ts';
import { BackupRoom, nextSecond } from '../support/backup-room.ts';
import { describeTree } from '../support/trees.ts';

const LEVELS = process.env.SLOW === '1' ? 20_000 : 2_000;

let room: BackupRoom;
beforeEach(async () => {
  room = await BackupRoom.create();
});
afterEach(() => {
  // Node's own removal recurses, and stops at 4,096 bytes.
  execFileSync('rm', ['-rf', room.source]);
  room.remove();
});

/** Makes a file in the source under a name given as bytes. */
function put(name: Uint8Array | string, content = 'content'): void {
  writeFileSync(Buffer.concat([Buffer.from(`${room.source}/`), Buffer.from(name as string)]), content);
}

/** Makes a chain of directories below the source, deeper than any path reaches, and a file at its end. */
function makeChain(name: string, levels: number, file: string): void {
  const script = `import os, sys
name, levels, file = sys.argv[2], int(sys.argv[3]), sys.argv[4]
os.chdir(sys.argv[1])
for i in range(levels):
    os.mkdir(name)
    os.chdir(name)
open(file, 'w').write('at the end')`;
  execFileSync('python3', ['-c', script, room.source, name, String(levels), file]);
}

const hasPython = (() => {
  try {
    execFileSync('python3', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

describe('a backup of names', () => {
  it('keeps every byte of those that are no text, hold controls, look like options, or are as long as names can be', async () => {
    const names = [
      Buffer.from([0xff]),
      Buffer.from([0x63, 0x61, 0x66, 0xe9]),
      Buffer.from([0xc3, 0x28]),
      Buffer.from([0xed, 0xa0, 0x80]),
      Buffer.alloc(255, 0xfe),
      ...[
        'new\nline',
        'tab\t',
        'esc\u001b[31m',
        'cr\r',
        '\u202egnp.exe',
        '\u0007',
        '\u007f',
        '\u2028',
        '\ufeff',
        '"\\"',
      ],
      ...['-rf', ' ', '  ', '~', '*', '?', '{a,b}', '[a-z]', '!important', '#x', '...', '$HOME', '`x`', '\\', "'"],
      'n'.repeat(255),
      'é'.repeat(127),
      '__proto__',
      'constructor',
    ].map((name) => Buffer.from(name as string));
    for (const [i, name] of names.entries()) put(name, `content ${i}`);
    mkdirSync(Buffer.concat([Buffer.from(`${room.source}/dir`), Buffer.from([0xe9])]));
    put(Buffer.concat([Buffer.from('dir'), Buffer.from([0xe9, 0x2f, 0xff, 0x0a])]), 'inside');

    const run = await room.backup();
    expect(run).toMatchObject({ errors: 0, vanished: 0, codes: [], filesNew: names.length + 1 });
    const entries = await room.entries();
    for (const [i, name] of names.entries()) {
      const raw = rawFromBytes(name);
      expect(entries.get(raw)?.type, raw).toBe('file');
      if (i % 6 === 0) expect((await room.content(raw)).toString()).toBe(`content ${i}`);
    }
    const { target, stats, problems } = await room.restore();
    expect({ errors: stats.errors, problems }).toEqual({ errors: 0, problems: [] });
    expect(describeTree(target)).toEqual(describeTree(room.source));

    await nextSecond();
    await room.backup();
    const again = await room.backup();
    expect(again).toMatchObject({ filesNew: 0, filesChanged: 0, filesUnchanged: names.length + 1, bytesNew: 0 });
  });

  it('keeps twins in NFC and NFD, and names that differ in case, apart', async () => {
    for (const name of ['caf\u00e9', 'cafe\u0301', '\u212b', '\u00c5', 'A\u030a', 'a', 'A']) put(name, name);
    expect(readdirSync(room.source)).toHaveLength(7);
    expect(await room.backup()).toMatchObject({ filesNew: 7, errors: 0 });
    const { target } = await room.restore();
    expect(describeTree(target)).toEqual(describeTree(room.source));
  });

  it('takes a root under a name that is no text', async () => {
    const root = Buffer.concat([Buffer.from(`${room.source}/r`), Buffer.from([0x80])]);
    mkdirSync(root);
    writeFileSync(Buffer.concat([root, Buffer.from('/file')]), 'below');
    await room.backup({ paths: [rawFromBytes(root)] });
    expect((await room.snapshot()).paths).toEqual([rawFromBytes(root)]);
    expect((await room.content('r\x80/file')).toString()).toBe('below');
  });
});

describe('a backup of paths', () => {
  it.skipIf(!hasPython)('longer than the system takes at once reads what lies there, and restores it', async () => {
    makeChain('d'.repeat(200), 30, 'f'.repeat(200));
    expect(await room.backup()).toMatchObject({
      errors: 0,
      codes: [],
      filesNew: 1,
      dirs: 30 + room.source.split('/').length - 1,
    });
    const path = `${`${'d'.repeat(200)}/`.repeat(30)}${'f'.repeat(200)}`;
    expect((await room.content(path)).toString()).toBe('at the end');
    const { target, stats, problems } = await room.restore();
    expect({ files: stats.filesRestored, problems }).toEqual({ files: 1, problems: [] });
    expect(contentAtTheEnd(target, 'd'.repeat(200), 30, 'f'.repeat(200))).toBe('at the end');
    execFileSync('rm', ['-rf', target]);
  });

  it.skipIf(!hasPython)(
    `${LEVELS.toLocaleString('en')} levels deep costs no stack, and a second time nothing`,
    { timeout: 300_000 },
    async () => {
      makeChain('d', LEVELS, 'file');
      const first = await room.backup();
      expect(first).toMatchObject({ errors: 0, codes: [], filesNew: 1 });
      expect(first.dirs).toBeGreaterThan(LEVELS);
      expect((await room.content(`${'d/'.repeat(LEVELS)}file`)).toString()).toBe('at the end');
      expect((await room.entries()).size).toBe(first.dirs + 1);
      // What they take does not grow with the square of the depth.
      expect(first.bytesStored).toBeLessThan(200 * LEVELS + 20_000);
      await nextSecond();
      await room.backup();
      expect(await room.backup()).toMatchObject({ errors: 0, filesUnchanged: 1, bytesRead: 0, bytesNew: 0 });
    },
  );
});

function contentAtTheEnd(folder: string, name: string, levels: number, file: string): string {
  const script = `import os, sys
os.chdir(sys.argv[1])
for i in range(int(sys.argv[3])): os.chdir(sys.argv[2])
print(open(sys.argv[4]).read(), end='')`;
  return execFileSync('python3', ['-c', script, folder, name, String(levels), file], { encoding: 'utf8' });
}
