/** What a backup leaves out, in all the ways to say so, and what it says about it. The rules have tests of their own. */
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { rawFromText } from '../../src/base/raw.ts';
import { BackupRoom, excluding, nextSecond } from '../support/backup-room.ts';

let room: BackupRoom;
beforeEach(async () => {
  room = await BackupRoom.create();
  for (const dir of ['src', 'build', 'cache', 'private', 'media']) mkdirSync(room.at(dir));
  for (const [name, content] of Object.entries({
    'src/a.ts': 'a',
    'src/a.o': 'o',
    'src/.gitignore': '*.o\n!keep.o\n',
    'src/keep.o': 'keep',
    'build/out': 'out',
    'cache/CACHEDIR.TAG': 'Signature: 8a477f597d28d172789f06886806bc55\n# and more',
    'cache/page': 'page',
    'private/.nobackup': '',
    'private/diary': 'diary',
    'media/clip': 'clip',
    'notes~': 'old',
    'caf\u00e9.txt': 'coffee',
  })) {
    writeFileSync(room.at(name), content);
  }
  truncateSync(room.at('media', 'clip'), 3000);
});
afterEach(() => room.remove());

const filesIn = async (): Promise<string[]> =>
  [...(await room.entries())].flatMap(([path, entry]) =>
    entry.type === 'file' ? [Buffer.from(path, 'latin1').toString()] : [],
  );

const ALL = [
  'caf\u00e9.txt',
  'notes~',
  'build/out',
  'cache/CACHEDIR.TAG',
  'cache/page',
  'media/clip',
  'private/.nobackup',
  'private/diary',
  'src/.gitignore',
  'src/a.o',
  'src/a.ts',
  'src/keep.o',
];
const without = (...names: string[]): string[] => ALL.filter((name) => !names.includes(name));

describe('a backup with excludes', () => {
  it('leaves out nothing of its own accord', async () => {
    await room.backup();
    expect(await filesIn()).toEqual(ALL);
  });

  it.each([
    ['patterns', excluding({ patterns: ['*~', '/build/', 'caf*', '!src/*.o'] }), ['notes~', 'caf\u00e9.txt']],
    ['patterns that are absolute', 'absolute', ['build/out']],
    ['ignore files', excluding({ ignoreFileNames: ['.gitignore'] }), ['src/a.o']],
    ['marked directories', excluding({ ifPresent: ['.nobackup'] }), ['private/diary']],
    ['caches', excluding({ caches: true }), ['cache/page']],
    ['size', excluding({ largerThan: 2999 }), ['media/clip']],
    ['size, just so', excluding({ largerThan: 3000 }), []],
  ] as const)('by %s', async (_how, options, left) => {
    const given = options === 'absolute' ? excluding({ patterns: [`${room.source}/build`] }) : options;
    const backed = await room.backup(given);
    expect(await filesIn()).toEqual(without(...left));
    expect(backed).toMatchObject({ errors: 0, excluded: left.length });
    expect(backed.items.filter(({ action }) => action === 'excluded')).toHaveLength(left.length);
  });

  it('by files of patterns; the reasons name file and line', async () => {
    const file = join(room.folder, 'rules');
    writeFileSync(file, '# comment\n\n*~\nprivate/**\n!private/.nobackup\n');
    const backed = await room.backup({ ...excluding({ files: [file], patterns: ['*.o'] }), dryRun: true });
    const reasons = new Map(backed.items.flatMap(({ path, reason }) => (reason ? [[path, reason]] : [])));
    expect(reasons.get(rawFromText(room.at('notes~')))).toBe(`"*~" (${file}:3)`);
    expect(reasons.get(rawFromText(room.at('private', 'diary')))).toBe(`"private/**" (${file}:4)`);
    expect(reasons.get(rawFromText(room.at('src', 'a.o')))).toBe('"*.o" (--exclude)');
    expect(backed).toMatchObject({ excluded: 4, packs: 0 });
    expect(backed.snapshot).toBeUndefined();
    expect(await room.snapshots()).toEqual([]);
    expect(backed.items).toContainEqual({ path: rawFromText(room.at('src', 'a.ts')), action: 'new', size: 1 });
  });

  it('that are malformed, or in a file that is not there, ends before anything happens', async () => {
    const file = join(room.folder, 'rules');
    writeFileSync(file, 'fine\n[\n');
    await expect(room.backup(excluding({ files: [file] }))).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringContaining('rules:2'),
    });
    await expect(room.backup(excluding({ files: [`${file}-none`] }))).rejects.toMatchObject({ kind: 'user' });
    expect(await room.snapshots()).toEqual([]);
  });

  it('names those that match nothing, to whoever looks closely', async () => {
    const backed = await room.backup({ ...excluding({ patterns: ['*~', '*.nothing', '/src/a.ts'] }) });
    expect(backed.problems).toEqual([
      expect.objectContaining({
        severity: 'warning',
        code: 'unused-exclude',
        message: expect.stringContaining('*.nothing'),
      }),
      expect.objectContaining({ message: expect.stringContaining('/src/a.ts') }),
    ]);
  });

  it('keeps a path that was named, whatever the rules say of it', async () => {
    const paths = [rawFromText(room.at('build'))];
    await room.backup({ ...excluding({ patterns: ['build', 'notes*'] }), paths });
    expect(await filesIn()).toEqual(['build/out']);
  });

  it('takes rules that changed into account although nothing else did', async () => {
    await nextSecond();
    await room.backup();
    await room.backup(excluding({ patterns: ['src'] }));
    expect(await filesIn()).toEqual(ALL.filter((name) => !name.startsWith('src/')));
    const back = await room.backup();
    expect(await filesIn()).toEqual(ALL);
    expect(back).toMatchObject({ filesUnchanged: 8, filesNew: 4, bytesNew: 0 });
    expect((await room.snapshot()).excludes).toEqual([]);
  });
});
