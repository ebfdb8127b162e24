/** The commands of the README, one after the other on a real repository in a directory, in-process. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBundle, sealBundleToPassphrase } from '../../src/seal/bundle.ts';
import { makeTestFolder } from '../support/test-folder.ts';
import { describeTree } from '../support/trees.ts';
import { type Ran, run, type WorldOptions } from '../support/world.ts';

const PAST = new Date('2024-05-06T07:08:09Z');

let folder: string;
/** The source: what the tour backs up. */
let home: string;
const inFolder = (...names: string[]) => join(folder, ...names);

/** Runs a command as the user of the tour, who has the passphrase. */
function icecore(argv: readonly string[], options: WorldOptions = {}): Promise<Ran> {
  const env = {
    ICECORE_REPOSITORY: inFolder('repository'),
    ICECORE_PASSWORD_FILE: inFolder('passphrase'),
    ...options.env,
  };
  return run(argv, { home: inFolder('user'), cwd: home, ...options, env });
}

/** The lines of one type of a JSON run. */
const linesOf = (ran: Ran, type: string) => ran.lines().filter((line) => line.type === type);
const summaryOf = (ran: Ran): Record<string, unknown> => {
  const last = ran.lines().at(-1)!;
  expect(last.type).toBe('summary');
  return last;
};

beforeAll(async () => {
  folder = makeTestFolder('real-verbs');
  home = inFolder('anna');
  mkdirSync(join(home, 'documents', 'old'), { recursive: true });
  mkdirSync(inFolder('user'));
  for (const [name, content] of Object.entries({
    'notes.txt': 'buy milk\n',
    'documents/letter.ods': 'dear bob',
    'documents/budget.ods': '1 2 3',
    'documents/draft.tmp': 'scratch',
    'documents/old/tax.pdf': 'x'.repeat(100_000),
    'documents/esc\u001b[31m.txt': 'red',
  })) {
    writeFileSync(join(home, name), content);
    utimesSync(join(home, name), PAST, PAST);
  }
  writeFileSync(Buffer.concat([Buffer.from(`${home}/caf`), Buffer.from([0xe9])]), 'latin');
  symlinkSync('notes.txt', join(home, 'link'));
  writeFileSync(inFolder('passphrase'), 'correct horse battery\n', { mode: 0o600 });
  const made = await icecore(['init', inFolder('repository'), '--age-type', 'x25519']);
  expect(made.exit).toBe(0);
  // The same key behind a passphrase that takes no time: half of the commands below ask for it.
  const sealed = inFolder('repository', 'keys', 'admin.age');
  const passphrase = 'correct horse battery';
  const keyring = await openBundle(readFileSync(sealed), { passphrase }, 'admin');
  chmodSync(sealed, 0o600);
  writeFileSync(sealed, await sealBundleToPassphrase(keyring, passphrase, 1));
  const first = await icecore(['backup', home, '--exclude', '*.tmp', '--tag', 'first,weekly', '--host', 'desk']);
  expect(first).toMatchObject({ exit: 0, err: '' });
  writeFileSync(join(home, 'notes.txt'), 'buy bread\n');
  writeFileSync(join(home, 'new.ods'), 'new');
  rmSync(join(home, 'documents', 'budget.ods'));
  chmodSync(join(home, 'documents', 'letter.ods'), 0o600);
  const second = await icecore(['backup', home, '--exclude', '*.tmp']);
  expect(second).toMatchObject({ exit: 0, err: '' });
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('backup', () => {
  it('says in lines for people what it did', async () => {
    const ran = await icecore(['backup', home, '--tag', 'extra']);
    expect(ran.exit).toBe(0);
    expect(ran.out).toMatch(/^files +\d+ new, \d+ changed, \d+ unchanged\n/);
    expect(ran.out).toMatch(/\nstored +[^\n]+\n/);
    expect(ran.out).toMatch(/snapshot [0-9A-Z]{10} is saved\n$/);
    const quiet = await icecore(['-q', 'backup', home, '--tag', 'extra']);
    expect([quiet.out, quiet.err]).toEqual(['', '']);
  });

  it('says the same to machines, with the fields that are promised', async () => {
    const ran = await icecore(['--json', 'backup', home, '--tag', 'extra']);
    expect(summaryOf(ran)).toMatchObject({
      command: 'backup',
      exitCode: 0,
      errors: 0,
      warnings: 0,
      snapshot: expect.stringMatching(/^[0-9A-Z]{26}$/),
      parent: expect.stringMatching(/^[0-9A-Z]{26}$/),
      filesNew: 0,
      filesChanged: expect.any(Number),
      filesUnchanged: expect.any(Number),
      dirs: expect.any(Number),
      bytesScanned: expect.any(Number),
      bytesRead: expect.any(Number),
      bytesNew: 0,
      bytesStored: expect.any(Number),
      packs: expect.any(Number),
      requests: { put: expect.any(Number), get: expect.any(Number), list: expect.any(Number), stat: 0, delete: 0 },
      seconds: expect.any(Number),
      peakRssBytes: expect.any(Number),
      partial: false,
    });
    for (const line of ran.lines()) expect(['status', 'summary']).toContain(line.type);
  });

  it('shows in a dry run why a path is in or out, and writes nothing', async () => {
    const before = readdirSync(inFolder('repository', 'snapshots'));
    const ran = await icecore(['backup', '-nv', home, '-e', '*.tmp', '-e', 'mistyped']);
    expect(ran.exit).toBe(0);
    expect(ran.out).toContain(`excluded   ${home}/documents/draft.tmp  ("*.tmp" (--exclude))`);
    expect(ran.out).toContain('esc\\x1b[31m.txt');
    expect(ran.out).toContain(`${home}/caf\\xe9`);
    expect(ran.out).toMatch(/dry run: nothing was written\n$/);
    expect(ran.err).toContain('"mistyped" (--exclude) matches nothing');
    expect(readdirSync(inFolder('repository', 'snapshots'))).toEqual(before);
  });

  it('takes standard input and the output of commands; one that fails leaves no snapshot and exit 1', async () => {
    const stored = await icecore(['backup', '--stdin-name', 'db.sql'], { stdin: [Buffer.from('create table t;')] });
    expect(stored.exit).toBe(0);
    expect((await icecore(['dump', 'latest:/db.sql', '--path', '/db.sql'])).out).toBe('create table t;');
    const command = await icecore([
      'backup',
      '--stdin-name',
      'date',
      '--stdin-command',
      '--',
      'echo',
      'from a command',
    ]);
    expect(command.exit).toBe(0);
    expect((await icecore(['dump', 'latest:/date', '--path', '/date'])).out).toBe('from a command\n');
    const count = readdirSync(inFolder('repository', 'snapshots')).length;
    const failed = await icecore([
      'backup',
      '--stdin-name',
      'bad',
      '--stdin-command',
      '--',
      'sh',
      '-c',
      'echo half; exit 7',
    ]);
    expect(failed).toMatchObject({ exit: 1, out: '' });
    expect(failed.err).toContain('status 7');
    const none = await icecore(['backup', '--stdin-name', 'bad', '--stdin-command', '--', 'no-such-program-here']);
    expect(none.exit).toBe(1);
    expect(readdirSync(inFolder('repository', 'snapshots'))).toHaveLength(count);
  });

  it('ends with 3 when something cannot be read, and names it', async () => {
    // Root can read everything, except what is no file any more when its turn comes: here, a path that is refused by name.
    const closed = join(home, 'documents', 'closed');
    writeFileSync(closed, 'x', { mode: 0 });
    const isRoot = process.getuid?.() === 0;
    const ran = await icecore(['backup', home, '-e', '*.tmp', '--tag', 'extra']);
    expect(ran.exit).toBe(isRoot ? 0 : 3);
    if (!isRoot) expect(ran.err).toContain(`${closed}: cannot open it: permission denied`);
    rmSync(closed);
    expect((await icecore(['backup', join(home, 'nothing-here')])).exit).toBe(1);
  });
});

describe('snapshots, ls, find and diff', () => {
  it('list snapshots as a table and as objects', async () => {
    const ran = await icecore(['snapshots', '--tag', 'first']);
    expect(ran.exit).toBe(0);
    expect(ran.out.trimEnd().split('\n')).toHaveLength(2);
    expect(ran.out).toMatch(/desk.*first, ?weekly/);
    const json = await icecore(['--json', 'snapshots', '--host', 'desk']);
    expect(linesOf(json, 'snapshot')).toEqual([
      expect.objectContaining({
        host: 'desk',
        tags: ['first', 'weekly'],
        paths: [home],
        complete: true,
        partial: false,
      }),
    ]);
    expect(summaryOf(json)).toMatchObject({ exitCode: 0 });
  });

  it('list a directory, in short and in long', async () => {
    const short = await icecore(['ls', `latest:${home}/documents`, '--tag', 'first']);
    expect(short.out.trimEnd().split('\n')).toEqual(
      ['budget.ods', 'esc\\x1b[31m.txt', 'letter.ods', 'old/'].map((name) => `${home}/documents/${name}`),
    );
    const long = await icecore(['ls', '-l', `latest:${home}`, '--tag', 'first']);
    expect(long.out).toMatch(/^l\S+ .* link -> notes\.txt$|link -> notes\.txt$/m);
    const zero = await icecore(['ls', '-0', `latest:${home}`, '--tag', 'first']);
    expect(zero.bytes.includes(Buffer.from([0x63, 0x61, 0x66, 0xe9, 0x00]))).toBe(true);
    const json = await icecore(['--json', 'ls', `latest:${home}`, '--tag', 'first']);
    expect(linesOf(json, 'entry')).toContainEqual(
      expect.objectContaining({
        path: `${home}/notes.txt`,
        kind: 'file',
        size: 9,
        mtime: `${PAST.getTime() / 1000}.000000000`,
      }),
    );
    expect((await icecore(['ls', `latest:${home}/none`])).exit).toBe(1);
  });

  it('find names in all snapshots, or in some', async () => {
    const ran = await icecore(['find', '*.ods', '--tag', 'first']);
    expect(ran.exit).toBe(0);
    expect(ran.out).toContain(`${home}/documents/budget.ods`);
    expect(ran.out).not.toContain('new.ods');
    expect((await icecore(['find', 'no such thing'])).out).toBe('');
  });

  it('tell two snapshots apart', async () => {
    const { lines } = await icecore(['--json', 'snapshots', '--path', home]);
    const [first, second] = lines().map(({ id }) => String(id));
    const ran = await icecore(['diff', first!, second!]);
    expect(ran.exit).toBe(0);
    expect(ran.out).toContain(`- ${home}/documents/budget.ods\n`);
    expect(ran.out).toContain(`+ ${home}/new.ods\n`);
    expect(ran.out).toContain(`M ${home}/notes.txt\n`);
    expect(ran.out).not.toContain('letter.ods');
    const closer = await icecore(['diff', first!, second!, '--metadata']);
    expect(closer.out).toContain(`U ${home}/documents/letter.ods\n`);
    expect((await icecore(['diff', first!, first!])).out).not.toContain(home);
  });
});

describe('restore and dump', () => {
  it('bring a directory back as it was', async () => {
    const target = inFolder('back');
    const ran = await icecore(['restore', `latest:${home}`, '--target', target, '--tag', 'first', '--verify']);
    expect(ran).toMatchObject({ exit: 0 });
    expect(ran.out).toMatch(/restored to/);
    expect(readFileSync(join(target, 'notes.txt'), 'utf8')).toBe('buy milk\n');
    expect(statSync(join(target, 'notes.txt')).mtime).toEqual(PAST);
    expect(existsSync(join(target, 'documents', 'draft.tmp'))).toBe(false);
    const again = await icecore(['--json', 'restore', `latest:${home}`, '-t', target, '--tag', 'first']);
    expect(summaryOf(again)).toMatchObject({ exitCode: 0, filesRestored: 0, filesUnchanged: 6, bytesFetched: 0 });
    // In place: the newer state over the older one.
    expect((await icecore(['backup', home, '-e', '*.tmp'])).exit).toBe(0);
    const over = await icecore(['restore', `latest:${home}`, '-t', target, '--delete']);
    expect(over.exit).toBe(0);
    const { 'documents/draft.tmp': _, ...source } = describeTree(home);
    const { 'documents/draft.tmp': __, ...restored } = describeTree(target);
    expect(restored).toEqual(source);
  });

  it('show a plan, and stop', async () => {
    const target = inFolder('planned');
    const ran = await icecore(['restore', 'latest', '-t', target, '--plan', '--path', home]);
    expect(ran.exit).toBe(0);
    expect(ran.out).toMatch(/^files +\d/m);
    expect(existsSync(target)).toBe(false);
  });

  it('write a file, and a directory that tar unpacks', async () => {
    const file = await icecore(['dump', `latest:${home}/notes.txt`, '--tag', 'first']);
    expect(file.out).toBe('buy milk\n');
    const tree = await icecore(['dump', `latest:${home}/documents`, '--tag', 'first']);
    expect(tree.exit).toBe(0);
    const listed = execFileSync('tar', ['-t'], { input: tree.bytes, encoding: 'utf8' });
    expect(listed).toContain('old/tax.pdf\n');
    expect((await icecore(['dump', `latest:${home}/none`])).exit).toBe(1);
  });
});

describe('verify', () => {
  it('finds nothing in a sound repository, at every level', async () => {
    expect(await icecore(['verify'])).toMatchObject({ exit: 0, err: '' });
    const data = await icecore(['--json', 'verify', '--level', 'data']);
    expect(summaryOf(data)).toMatchObject({ exitCode: 0, level: 'data', findings: 0 });
    expect((await icecore(['verify', '--level', 'data', '--sample', '50%'])).exit).toBe(0);
  });
});

describe('keys', () => {
  it('are listed and tested', async () => {
    const list = await icecore(['--json', 'key', 'list']);
    expect(linesOf(list, 'key').map(({ role }) => role)).toEqual(['admin', 'writer']);
    expect((await icecore(['key', 'test'])).exit).toBe(0);
    expect((await icecore(['key', 'test', '--access', 'write'], { env: { ICECORE_PASSWORD_FILE: '' } })).exit).toBe(0);
  });

  it('let another host back up and read nothing', async () => {
    const key = inFolder('web1.key');
    expect((await icecore(['key', 'export-writer', 'web1', '-o', key])).exit).toBe(0);
    expect(statSync(key).mode & 0o777).toBe(0o600);
    const there = { home: inFolder('web1'), env: { ICECORE_PASSWORD_FILE: '' } };
    mkdirSync(inFolder('web1'));
    const backed = await icecore(['--key-file', key, 'backup', '--host', 'web1', join(home, 'documents')], there);
    expect(backed).toMatchObject({ exit: 0, err: '' });
    for (const command of [
      ['ls', 'latest'],
      ['restore', 'latest', '-t', inFolder('stolen')],
      ['dump', `latest:${home}/notes.txt`],
    ]) {
      const refused = await icecore(['--key-file', key, ...command], there);
      expect(refused.exit, command.join(' ')).toBe(12);
    }
    expect(existsSync(inFolder('stolen'))).toBe(false);
    const seen = await icecore(['--json', 'snapshots', '--host', 'web1']);
    expect(linesOf(seen, 'snapshot')).toHaveLength(1);
    chmodSync(key, 0o644);
    const warned = await icecore(['--key-file', key, 'backup', join(home, 'documents')], there);
    expect(warned.exit).toBe(0);
    expect(warned.err.match(/warning: /g)).toHaveLength(1);
    expect((await icecore(['--strict', '--key-file', key, 'backup', join(home, 'documents')], there)).exit).not.toBe(0);
  });

  it('that are wrong end with 12 at once; without any, the command says what to give', async () => {
    writeFileSync(inFolder('wrong'), 'guess\n', { mode: 0o600 });
    const began = performance.now();
    const wrong = await icecore(['ls', 'latest'], { env: { ICECORE_PASSWORD_FILE: inFolder('wrong') } });
    expect(wrong.exit).toBe(12);
    expect(performance.now() - began).toBeLessThan(6000);
    const json = await icecore(['--json', 'ls', 'latest'], { env: { ICECORE_PASSWORD_FILE: inFolder('wrong') } });
    expect(linesOf(json, 'error')).toEqual([expect.objectContaining({ code: 'wrong-passphrase', severity: 'fatal' })]);
    const none = await icecore(['ls', 'latest'], { env: { ICECORE_PASSWORD_FILE: '' } });
    expect(none.exit).toBe(12);
    expect(none.err).toContain('--password-file');
  });
});

describe('a repository that is not there, or is not one', () => {
  it('ends with 10', async () => {
    expect((await icecore(['-r', inFolder('nowhere'), 'snapshots'])).exit).toBe(10);
    mkdirSync(inFolder('empty'));
    expect((await icecore(['-r', inFolder('empty'), 'backup', home])).exit).toBe(10);
    expect(readdirSync(inFolder('empty'))).toEqual([]);
  });

  it('of which an older copy was put back ends with 14', async () => {
    const snapshots = inFolder('repository', 'snapshots');
    expect((await icecore(['backup', home, '-e', '*.tmp'])).exit).toBe(0);
    const newest = readdirSync(snapshots).sort().at(-1)!;
    const bytes = readFileSync(join(snapshots, newest));
    rmSync(join(snapshots, newest));
    const gone = await icecore(['snapshots']);
    writeFileSync(join(snapshots, newest), bytes);
    expect(gone.exit).toBe(14);
    expect((await icecore(['snapshots'])).exit).toBe(0);
  });

  it('of which a pack was damaged: verify ends with 13, and restore with 3 after restoring the rest', async () => {
    const packs = inFolder('repository', 'packs');
    const session = readdirSync(packs).sort()[0]!;
    const pack = join(packs, session, readdirSync(join(packs, session)).sort()[0]!);
    const sound = readFileSync(pack);
    const bytes = Buffer.from(sound);
    bytes[bytes.length >> 1]! ^= 1;
    chmodSync(pack, 0o600);
    writeFileSync(pack, bytes);
    const verified = await icecore(['verify', '--level', 'data']);
    expect(verified.exit).toBe(13);
    expect(verified.out).toContain('damaged  packs/');
    const restored = await icecore(['restore', `latest:${home}`, '-t', inFolder('rest'), '--tag', 'first']);
    expect(restored.exit).toBe(3);
    expect(restored.err).toContain('error: ');
    writeFileSync(pack, sound);
  });
});
