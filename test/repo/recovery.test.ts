/**
 * recover.sh against the stock tools. Where age, zstd, tar, jq or sh are missing, the tests are skipped with a printed
 * reason; ICECORE_REQUIRE_TOOLS=1 makes that a failure. ICECORE_AGE names an age that knows post-quantum keys.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recoveryScript, recoveryText } from '../../src/repo/recovery.ts';
import { encodeBundle, sealBundleToRecipient } from '../../src/seal/bundle.ts';
import { openStore } from '../../src/store/open-store.ts';
import { TestRepository } from '../support/repository.ts';
import { makeTestFolder } from '../support/test-folder.ts';

const OLD_AGE = 'age';
const NEW_AGES = [process.env.ICECORE_AGE, 'age', '/opt/peers/bin/age'].filter((age) => age !== undefined);

function ageVersion(age: string): number {
  const { stdout, status } = spawnSync(age, ['--version'], { encoding: 'utf8' });
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(stdout ?? '') ?? [];
  return status === 0 && major ? Number(major) * 1000 + Number(minor) : 0;
}

function missingTools(): string[] {
  const missing = ['sh', 'zstd', 'tar', 'jq'].filter(
    (tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0,
  );
  return ageVersion(OLD_AGE) === 0 ? ['age', ...missing] : missing;
}

/** True when tests must be skipped; says why, or throws where tools are demanded. */
function lacks(missing: readonly string[]): boolean {
  if (missing.length === 0) return false;
  const reason = `recover.sh is not tested: ${missing.join(', ')} not installed`;
  if (process.env.ICECORE_REQUIRE_TOOLS === '1') throw new Error(reason);
  process.stderr.write(`${reason}\n`);
  return true;
}

const newAge = NEW_AGES.find((age) => ageVersion(age) >= 1003);
const isWithoutTools = lacks(missingTools());
const isWithoutNewAge = isWithoutTools || lacks(newAge === undefined ? ['age 1.3 or newer'] : []);
const isRoot = process.getuid?.() === 0;

/** A tree with one of everything that a test can make without rights. */
function makeTree(root: string): void {
  const path = (...parts: string[]) => join(root, ...parts);
  const raw = (...bytes: number[]) => Buffer.concat([Buffer.from(`${root}/`), Buffer.from(bytes)]);
  for (const folder of ['', 'a', 'a/b', 'a-b', 'empty', 'sp ace', 'closed', 'Fäden']) mkdirSync(path(folder));
  mkdirSync(raw(0x64, 0xe9));
  writeFileSync(Buffer.concat([raw(0x64, 0xe9), Buffer.from('/ü')]), 'below a name that is not UTF-8');
  writeFileSync(raw(0xff, 0x0a, 0xfe), 'not UTF-8, with a newline');
  const names = [
    ' lead',
    'trail ',
    '-rf',
    '*',
    '%s%n\\n',
    'new\nline\n',
    '\ttab',
    'quo\'te"s|pipe\\back',
    '~',
    '\u202ebidi',
    '\\0101',
    `${'n'.repeat(255)}`,
  ];
  for (const [i, name] of names.entries()) writeFileSync(path(name), `content ${i}`);
  writeFileSync(path('empty file'), '');
  writeFileSync(path('Fäden', 'fünf'), 'text');
  // Some 1,300 chunks of 512 bytes: more than an entry names itself.
  let lines = '';
  for (let i = 0; i < 120_000; i++) lines += `${i}\n`;
  writeFileSync(path('a', 'long'), lines);
  writeFileSync(path('a', 'b', 'medium'), lines.slice(0, 20_000));
  const sparse = openSync(path('a', 'sparse'), 'w');
  writeSync(sparse, 'first');
  writeSync(sparse, lines.slice(0, 9000), 3_000_000);
  truncateSync(path('a', 'sparse'), 9_000_000);
  writeFileSync(path('a', 'hole'), '');
  truncateSync(path('a', 'hole'), 1_000_000);
  symlinkSync('../nowhere', path('a', 'dangling'));
  symlinkSync('-x\ny\n', path('a', 'odd target'));
  symlinkSync('/etc', path('a', 'folder link'));
  writeFileSync(path('shared'), 'shared content');
  linkSync(path('shared'), path('a-b', 'again'));
  linkSync(path('shared'), path('a', 'b', 'and again'));
  execFileSync('mkfifo', [path('fifo')]);
  chmodSync(path('a', 'b', 'medium'), 0o4711);
  chmodSync(path('a', 'long'), 0o400);
  chmodSync(path('closed'), 0o500);
  execFileSync('touch', ['-d', '@-1.5', path('a', 'long')]);
  execFileSync('touch', ['-h', '-d', '@123456789.987654321', path('a', 'odd target')]);
  utimesSync(path('a'), 1e9, 1e9);
  execFileSync('touch', ['-d', '@1234567890.000000001', path('closed'), path('empty')]);
}

/** All of a tree that a restore promises, as lines; `only` are paths relative to it. */
function describeTree(root: string): string[] {
  const lines: string[] = [];
  const inodes = new Map<bigint, string>();
  const visit = (path: Buffer, relative: string) => {
    const stat = lstatSync(path, { bigint: true });
    const owner = isRoot ? `${stat.uid}:${stat.gid}` : '';
    const line = [relative, stat.mode.toString(8), owner, stat.mtimeNs, stat.isDirectory() ? '' : stat.size];
    if (stat.isSymbolicLink()) line.push(readlinkSync(path, 'latin1'));
    if (stat.isFile()) {
      line.push(readFileSync(path).toString('latin1'), stat.nlink);
      const first = inodes.get(stat.ino);
      if (first === undefined) inodes.set(stat.ino, relative);
      else line.push(first);
    }
    lines.push(line.join('|'));
    if (!stat.isDirectory()) return;
    for (const name of readdirSync(path, 'latin1').sort()) {
      visit(Buffer.concat([path, Buffer.from('/'), Buffer.from(name, 'latin1')]), `${relative}/${name}`);
    }
  };
  visit(Buffer.from(root), '');
  return lines;
}

interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

describe('what init leaves for a recovery', () => {
  it('names the repository and is a script that a shell can read', () => {
    expect(recoveryText('0123456789abcdef0123456789abcdef')).toContain('0123456789abcdef0123456789abcdef');
    const { status, stderr } = spawnSync('sh', ['-n'], { input: recoveryScript(), encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });
});

describe.skipIf(isWithoutTools)('recover.sh with stock tools', () => {
  const folder = isWithoutTools ? '' : makeTestFolder('recovery');
  const source = join(folder, 'source');
  const repository = join(folder, 'repository');
  const keyFile = join(folder, 'admin.json');
  let host: TestRepository;

  const run = (args: readonly string[], options: { age?: string; place?: string } = {}): Run => {
    const { age = OLD_AGE, place = repository } = options;
    const env = { ...process.env, AGE: age, TMPDIR: folder };
    const [command, ...rest] = args;
    return spawnSync('sh', [join(repository, 'recover.sh'), '-i', keyFile, place, command!, ...rest], {
      env,
      encoding: 'latin1',
    });
  };
  const target = (name: string) => join(folder, name);

  beforeAll(async () => {
    makeTree(source);
    host = await TestRepository.create({
      store: await openStore(repository, { create: true }),
      chunkBytes: 512,
      packBytes: 256 * 1024,
    });
    await host.backup([source]);
    writeFileSync(join(source, 'later'), 'in the second snapshot only');
    await host.backup([source]);
    await host.use(async ({ keyring }) => writeFileSync(keyFile, encodeBundle(keyring), { mode: 0o600 }), 'admin');
  });
  afterAll(() => {
    if (folder === '') return;
    host?.remove();
    spawnSync('chmod', ['-R', 'u+rwx', folder]);
    rmSync(folder, { recursive: true, force: true });
  });

  it('restores a tree with one of everything, byte for byte and to the nanosecond', () => {
    const { status, stderr } = run(['restore', 'latest', target('all')]);
    expect(stderr).not.toContain('problem');
    expect(status).toBe(0);
    expect(describeTree(target('all') + source)).toEqual(describeTree(source));
    expect(lstatSync(join(target('all') + source, 'a', 'sparse')).blocks).toBeLessThan(1000);
  });

  it('lists snapshots, and shows what is in one without letting a name break its line', () => {
    const list = run(['list']);
    expect(list.status).toBe(0);
    expect(list.stdout.trim().split('\n')).toHaveLength(2);
    const first = list.stdout.slice(0, 26);
    const shown = run(['ls', first]);
    expect(shown.status).toBe(0);
    expect(shown.stdout).toContain(`${source}/new\\0012line\\0012\n`);
    expect(shown.stdout).toContain(`${source}/\\0377\\0012\\0376\n`);
    expect(shown.stdout).not.toContain('/later');
    expect(run(['ls', '0']).status).toBe(1);
  });

  it('restores one path, and makes a file of a link whose first name lies elsewhere', () => {
    const { status } = run(['restore', 'latest', target('part'), `${source}/a/b`]);
    expect(status).toBe(0);
    const at = target('part') + source;
    expect(readdirSync(at)).toEqual(['a']);
    expect(readFileSync(join(at, 'a', 'b', 'medium'))).toEqual(readFileSync(join(source, 'a', 'b', 'medium')));
    expect(readFileSync(join(at, 'a', 'b', 'and again'), 'utf8')).toBe('shared content');
    const odd = run(['restore', 'latest', target('odd'), `${source}/new\\0012line\\0012`]);
    expect(odd.status).toBe(0);
    expect(readFileSync(join(target('odd') + source, 'new\nline\n'), 'utf8')).toBe('content 5');
    expect(run(['restore', 'latest', target('none'), `${source}/missing`]).status).toBe(1);
  });

  it('needs no index objects: packs say themselves what is in them', () => {
    const place = target('no-index');
    cpSync(repository, place, { recursive: true });
    rmSync(join(place, 'index'), { recursive: true });
    expect(run(['restore', 'latest', target('without'), `${source}/a/b`], { place }).status).toBe(0);
    expect(readFileSync(join(target('without') + source, 'a', 'b', 'medium'))).toEqual(
      readFileSync(join(source, 'a', 'b', 'medium')),
    );
  });

  it('names files that a damaged pack takes with it, keeps them from looking whole, and restores the others', () => {
    const place = target('damaged');
    cpSync(repository, place, { recursive: true });
    const session = readdirSync(join(place, 'packs')).sort()[0]!;
    const pack = join(place, 'packs', session, readdirSync(join(place, 'packs', session)).sort()[0]!);
    const bytes = readFileSync(pack);
    bytes[bytes.length >> 1]! ^= 1;
    chmodSync(pack, 0o600);
    writeFileSync(pack, bytes);
    const { status, stderr } = run(['restore', 'latest', target('rest')], { place });
    expect(status).toBe(3);
    expect(stderr).toContain('is damaged, or not there');
    expect(stderr).toContain('is incomplete');
    const at = target('rest') + source;
    expect(readFileSync(join(at, 'later'), 'utf8')).toBe('in the second snapshot only');
    for (const name of ['a/long', 'a/b/medium', 'shared', 'a/sparse']) {
      if (existsSync(join(at, name))) expect(readFileSync(join(at, name))).toEqual(readFileSync(join(source, name)));
      else expect(stderr).toContain(name);
    }
  });

  it('refuses a target that is not empty, and keys of another repository', async () => {
    expect(run(['restore', 'latest', source]).status).toBe(1);
    const other = await TestRepository.create();
    const keys = join(folder, 'other.json');
    await other.use(async ({ keyring }) => writeFileSync(keys, encodeBundle(keyring)), 'admin');
    other.remove();
    const { status, stderr } = spawnSync('sh', [join(repository, 'recover.sh'), '-i', keys, repository, 'list'], {
      encoding: 'utf8',
    });
    expect(status).toBe(1);
    expect(stderr).toContain('the key is for repository');
  });

  it('takes an age identity that a key file in the repository is sealed to', async () => {
    const identity = await generateX25519Identity();
    writeFileSync(join(folder, 'identity.txt'), `${identity}\n`, { mode: 0o600 });
    const bundle = await host.use(
      async ({ keyring }) => sealBundleToRecipient(keyring, await identityToRecipient(identity)),
      'admin',
    );
    await host.store.put('keys/second.age', bundle, { ifAbsent: true });
    const { status, stdout } = spawnSync(
      'sh',
      [join(repository, 'recover.sh'), '-i', join(folder, 'identity.txt'), repository, 'list'],
      { encoding: 'utf8' },
    );
    expect(status).toBe(0);
    expect(stdout.trim().split('\n')).toHaveLength(2);
  });

  it('asks for the passphrase on a terminal, through age', () => {
    if (spawnSync('script', ['--version']).status !== 0) return;
    const command = `sh ${join(repository, 'recover.sh')} ${repository} list`;
    const ask = (passphrase: string) =>
      spawnSync('sh', ['-c', `{ sleep 0.3; echo ${passphrase}; sleep 1; } | script -qec "${command}" /dev/null`], {
        encoding: 'utf8',
      });
    const right = ask('"correct horse"');
    expect(right.stdout).toContain('complete');
    expect(right.status).toBe(0);
    expect(ask('wrong').stdout).toContain('the passphrase does not open');
  });

  it.skipIf(isWithoutNewAge)(
    'opens post-quantum keys with an age that knows them, and says so of one that does not',
    async () => {
      const place = join(folder, 'pq');
      const pq = await TestRepository.create({ store: await openStore(place, { create: true }), ageType: 'pq' });
      await pq.backup([source]);
      const keys = join(folder, 'pq.json');
      await pq.use(async ({ keyring }) => writeFileSync(keys, encodeBundle(keyring)), 'admin');
      pq.remove();
      const recover = (age: string, ...args: string[]) =>
        spawnSync('sh', [join(place, 'recover.sh'), '-i', keys, place, ...args], {
          env: { ...process.env, AGE: age },
          encoding: 'utf8',
        });
      expect(recover(newAge!, 'restore', 'latest', target('pq-out')).status).toBe(0);
      expect(describeTree(target('pq-out') + source)).toEqual(describeTree(source));
      if (ageVersion(OLD_AGE) < 1003)
        expect(recover(OLD_AGE, 'list').stderr).toContain('post-quantum keys need age 1.3 or newer');
    },
  );
});
