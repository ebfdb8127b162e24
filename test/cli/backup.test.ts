import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Raw, rawFromText } from '../../src/base/raw.ts';
import { resolveRaw } from '../../src/cli/paths.ts';
import type { Verbs } from '../../src/cli/verbs.ts';
import type { BackupOptions, BackupStats } from '../../src/work/backup.ts';
import { openingVerbs } from '../support/fake-verbs.ts';
import { makeTestFolder } from '../support/test-folder.ts';
import { run, type WorldOptions } from '../support/world.ts';

let folder: string;
const at = (...names: string[]) => join(folder, ...names);
beforeAll(async () => {
  folder = makeTestFolder('cli-backup');
  mkdirSync(at('source', '-rf'), { recursive: true });
  writeFileSync(at('source', 'a.txt'), 'a');
  writeFileSync(at('source', 'b\n.tmp'), 'b');
  writeFileSync(Buffer.concat([Buffer.from(at('source', 'caf')), Buffer.from([0xe9])]), 'c');
  writeFileSync(at('password'), 'password\n', { mode: 0o600 });
  await run(['init', at('repository'), '--password-file', at('password')], { home: folder });
});
afterAll(() => rmSync(folder, { recursive: true }));

function backup(argv: readonly string[], options: WorldOptions = {}) {
  return run(['-r', at('repository'), 'backup', ...argv], { home: folder, cwd: at('source'), ...options });
}

const STATS: BackupStats = {
  snapshot: '01KA8Y2Q7XAAAAAAAAAAAAAAAA',
  filesNew: 1,
  filesChanged: 0,
  filesUnchanged: 0,
  dirs: 0,
  others: 0,
  skipped: 0,
  excluded: 0,
  errors: 0,
  vanished: 0,
  bytesScanned: 1,
  bytesRead: 1,
  bytesNew: 1,
  bytesStored: 1,
  packs: 1,
  requests: { put: 0, get: 0, list: 0, stat: 0, delete: 0 },
  seconds: 1,
  peakRssBytes: 1,
  partial: false,
};

/** Runs `backup` with a verb that keeps its options. */
async function optionsOf(
  argv: readonly string[],
  options: WorldOptions = {},
  stats: Partial<BackupStats> = {},
  during = () => {},
) {
  const seen: BackupOptions[] = [];
  const runBackup = async (_repository: unknown, given: BackupOptions) => {
    seen.push(given);
    during();
    return { ...STATS, ...stats };
  };
  const verbs: Partial<Verbs> = { ...openingVerbs(), backup: async () => ({ runBackup }) };
  return { ran: await backup(argv, { ...options, verbs }), seen: seen[0]! };
}

describe('the paths of a backup', () => {
  it('are made absolute as bytes, and a slash at the end stays', () => {
    const cwd = '/srv/caf\xe9' as Raw;
    expect(resolveRaw(cwd, rawFromText('x'))).toBe('/srv/caf\xe9/x');
    expect(resolveRaw(cwd, rawFromText('../y/./z//'))).toBe('/srv/y/z/');
    expect(resolveRaw(cwd, rawFromText('/../..'))).toBe('/');
    expect(resolveRaw(cwd, rawFromText('.'))).toBe('/srv/caf\xe9');
    expect(resolveRaw(cwd, rawFromText('link/.'))).toBe('/srv/caf\xe9/link/');
  });

  it('may have any name, after --', async () => {
    const { seen } = await optionsOf(['--', '-rf', 'a.txt']);
    expect(seen.paths).toEqual([at('source', '-rf'), at('source', 'a.txt')]);
  });

  it('come from lists, by lines or by NUL bytes, from files or standard input', async () => {
    writeFileSync(at('lines'), 'a.txt\n\n-rf\n');
    writeFileSync(at('nuls'), 'b\n.tmp\0a.txt');
    expect((await optionsOf(['--files-from', at('lines')])).seen.paths).toEqual([at('source/a.txt'), at('source/-rf')]);
    const expected = [at('source/b\n.tmp'), at('source/a.txt')];
    expect((await optionsOf(['--files-from0', at('nuls')])).seen.paths).toEqual(expected);
    expect((await optionsOf(['-0', '--files-from', at('nuls')])).seen.paths).toEqual(expected);
    const stdin = [Buffer.concat([Buffer.from('caf'), Buffer.from([0xe9, 0])])];
    expect((await optionsOf(['--files-from0', '-'], { stdin })).seen.paths).toEqual([`${at('source')}/caf\xe9`]);
  });

  it('that are not there stop the run before the repository is opened', async () => {
    const ran = await backup(['nothing-here', 'a.txt']);
    expect(ran.exit).toBe(1);
    expect(ran.err).toContain('source/nothing-here: there is no such file');
    expect((await backup(['--files-from', at('no-list')])).err).toContain('cannot read the list of paths');
    writeFileSync(at('empty'), '\n');
    expect((await backup(['--files-from', at('empty')])).exit).toBe(2);
  });
});

describe('the options of a backup', () => {
  it('reach the verb', async () => {
    const { seen } = await optionsOf([
      ...['a.txt', '--tag', 'x,y', '--tag', 'x', '--host', 'other', '-e', '*.tmp', '--exclude-if-present', '.nobackup'],
      ...[
        '--exclude-larger-than',
        '1.5G',
        '--ignore-file',
        '.gitignore',
        '-x',
        '-f',
        '--with-atime',
        '--compression',
        '9',
      ],
    ]);
    expect(seen).toMatchObject({
      tags: ['x', 'y'],
      host: 'other',
      oneFileSystem: true,
      force: true,
      withAtime: true,
      compression: 9,
      dryRun: false,
      exclude: {
        patterns: ['*.tmp'],
        ifPresent: ['.nobackup'],
        ignoreFileNames: ['.gitignore'],
        largerThan: 1.5 * 1024 ** 3,
      },
    });
    expect((await optionsOf(['a.txt'])).seen.host).toBe('testhost');
  });
});

describe('the end of a backup', () => {
  it('is exit 3 when items could not be read, and 130 when it was interrupted', async () => {
    const incomplete = await optionsOf(['a.txt'], {}, { errors: 2 });
    expect(incomplete.ran.exit).toBe(3);
    expect(incomplete.ran.out).toContain('is saved, but 2 items could not be read');
    const abort = new AbortController();
    const interrupt = (): void => abort.abort('SIGTERM');
    const partial = await optionsOf(['a.txt'], { abort }, { partial: true }, interrupt);
    expect(partial.ran.exit).toBe(143);
    expect(partial.ran.out).toContain('interrupted: partial snapshot 01KA8Y2Q7X is kept');
  });

  it('is a summary in JSON', async () => {
    const ran = await backup(['--json', '--', '.']);
    expect(ran.exit).toBe(0);
    expect(ran.lines().at(-1)).toMatchObject({
      type: 'summary',
      command: 'backup',
      exitCode: 0,
      filesNew: 3,
      partial: false,
    });
  });
});

describe('a dry run', () => {
  it('with -v says of every path whether it is in and why, and writes nothing', async () => {
    const objects = () => readdirSync(at('repository'), { recursive: true }).length;
    const before = objects();
    const ran = await backup(['-nv', '.', '--exclude', '*.tmp']);
    expect(ran.exit).toBe(0);
    expect(ran.out).toContain(`${at('source/a.txt')}`);
    expect(ran.out).toMatch(/^excluded {3}.*b\\n\.tmp {2}\(.*\*\.tmp.*\)$/m);
    expect(ran.out).toMatch(/caf\\xe9/);
    expect(ran.out).toMatch(/dry run: nothing was written\n$/);
    expect(objects()).toBe(before);
  });
});

describe('a backup of a stream', () => {
  const content = async (options: BackupOptions) => {
    let text = '';
    for await (const part of options.stream!.content) text += Buffer.from(part).toString();
    await options.stream!.finished();
    return text;
  };
  const storing = (stored: string[]): Partial<Verbs> => ({
    ...openingVerbs(),
    backup: async () => ({
      runBackup: async (_repository, options) => {
        stored.push(`${options.stream!.name}=${await content(options)}`);
        return STATS;
      },
    }),
  });

  it('stores standard input, or what a command prints', async () => {
    const stored: string[] = [];
    await backup(['--stdin-name', 'in.txt'], { verbs: storing(stored), stdin: [Buffer.from('from stdin')] });
    await backup(['--stdin-name', 'out.txt', '--stdin-command', '--', 'printf', '%s-%s', 'a', '-n'], {
      verbs: storing(stored),
    });
    expect(stored).toEqual(['in.txt=from stdin', 'out.txt=a--n']);
  });

  it.each([
    [['sh', '-c', 'echo half; exit 3'], 'sh ended with status 3: no snapshot was made'],
    [['sh', '-c', 'kill -9 $$'], 'sh was ended by SIGKILL'],
    [['/no/such/program'], 'could not be started'],
  ])('makes no snapshot when the producer fails: %j', async (command, message) => {
    const ran = await backup(['--stdin-name', 'x', '--stdin-command', '--', ...command]);
    expect(ran.exit).toBe(1);
    expect(ran.err).toContain(message);
    const snapshots = () => readdirSync(at('repository', 'snapshots')).length;
    const before = snapshots();
    await backup(['--stdin-name', 'x', '--stdin-command', '--', ...command]);
    expect(snapshots()).toBe(before);
  });
});
