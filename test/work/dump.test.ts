/** Dumps of real repositories: single files, and archives as GNU tar unpacks them, compared with the source to the byte. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Monitor, silentMonitor } from '../../src/base/monitor.ts';
import { type Raw, rawFromBytes, rawFromText, rawToFsPath } from '../../src/base/raw.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { runDump } from '../../src/work/dump.ts';
import type { DumpStats } from '../../src/work/dump-types.ts';
import { resolveSnapshot } from '../../src/work/snapshot-list.ts';
import { seededBytes, seededRandom } from '../support/random.ts';
import { collectingMonitor, TestRepository } from '../support/repository.ts';
import { makeTestFolder } from '../support/test-folder.ts';

const isRoot = process.getuid?.() === 0;
const hasTool = (name: string): boolean => {
  try {
    execFileSync(name, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};
const tarVersion = (): string => execFileSync('tar', ['--version'], { encoding: 'utf8' });
const hasGnuTar = hasTool('tar') && tarVersion().includes('GNU tar');
const hasXattrs = ((): boolean => {
  const folder = makeTestFolder('dump-probe');
  try {
    execFileSync('setfattr', ['-n', 'user.probe', '-v', 'x', folder], { stdio: 'ignore' });
    return hasTool('getfattr');
  } catch {
    return false;
  } finally {
    rmSync(folder, { recursive: true });
  }
})();

async function dump(
  test: TestRepository,
  path: string,
  options: { readonly archive?: boolean; readonly monitor?: Monitor; readonly signal?: AbortSignal } = {},
): Promise<{ bytes: Buffer; stats: DumpStats }> {
  const { archive = false, monitor = silentMonitor, signal = new AbortController().signal } = options;
  return await test.use(async (repo) => {
    const snapshot = await resolveSnapshot(repo, 'latest', { hosts: [], tags: [], paths: [] });
    const parts: Uint8Array[] = [];
    const sink = { write: async (bytes: Uint8Array) => void parts.push(bytes) };
    const stats = await runDump(repo, { snapshot, path: rawFromText(path), archive }, sink, monitor, signal);
    return { bytes: Buffer.concat(parts), stats };
  });
}

/** Unpacks with GNU tar, which must have nothing to complain about, except that times before 1970 cannot be right. */
function unpack(archive: Buffer, folder: string): void {
  mkdirSync(folder);
  const options = isRoot ? ['--same-owner'] : [];
  const command = `tar -C "$0" -x --warning=no-timestamp --xattrs --xattrs-include='*' -p --numeric-owner ${options.join(' ')} -f - 2>&1`;
  const said = execFileSync('sh', ['-c', command, folder], {
    input: archive,
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  });
  expect(said).toBe('');
}

/** All that is to come through, of everything in a folder; hard links as the first name of their group. */
function describeTree(folder: string): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  const groups = new Map<bigint, string>();
  const walk = (path: Raw): void => {
    const stat = lstatSync(rawToFsPath(path), { bigint: true });
    const name = path.slice(folder.length);
    const linked = !stat.isDirectory() && stat.nlink > 1n;
    if (linked && !groups.has(stat.ino)) groups.set(stat.ino, name);
    found[name] = {
      mode: stat.mode.toString(8),
      owner: isRoot ? `${stat.uid}:${stat.gid}` : '',
      mtime: stat.mtimeNs,
      ...(stat.isFile() ? { size: stat.size, content: readFileSync(rawToFsPath(path)).toString('base64') } : {}),
      ...(stat.isSymbolicLink() ? { target: readlinkSync(rawToFsPath(path), 'latin1') } : {}),
      ...(stat.isBlockDevice() || stat.isCharacterDevice() ? { rdev: stat.rdev } : {}),
      ...(linked ? { group: groups.get(stat.ino) } : {}),
    };
    if (!stat.isDirectory()) return;
    for (const entry of readdirSync(rawToFsPath(path), { encoding: 'latin1' }).sort()) walk(`${path}/${entry}` as Raw);
  };
  walk(rawFromText(folder));
  return found;
}

function attributes(folder: string): string {
  return execFileSync('sh', ['-c', 'find . -print0 | LC_ALL=C sort -z | xargs -0 getfattr -h -d -m - -e hex'], {
    input: '',
    encoding: 'latin1',
    cwd: folder,
  });
}

describe('a dump of a file', () => {
  const source = makeTestFolder('dump-file');
  const store = new MemoryStore();
  const big = seededBytes(9_000_000, 1);
  let test: TestRepository;
  const at = (name: string): string => join(source, name);

  beforeAll(async () => {
    writeFileSync(at('big'), big);
    writeFileSync(at('empty'), '');
    writeFileSync(at('a-linked'), 'linked');
    linkSync(at('a-linked'), at('b-linked'));
    symlinkSync('big', at('symlink'));
    mkdirSync(at('dir'));
    const file = openSync(at('sparse'), 'w');
    writeSync(file, Buffer.from('begin'), 0, 5, 0);
    writeSync(file, Buffer.from('middle'), 0, 6, 5_000_000);
    ftruncateSync(file, 12_345_678);
    closeSync(file);
    const hole = openSync(at('hole'), 'w');
    ftruncateSync(hole, 3_000_000);
    closeSync(hole);
    test = await TestRepository.create({ store, chunkBytes: 1 << 18 });
    await test.backup([source]);
  });
  afterAll(() => {
    test.remove();
    rmSync(source, { recursive: true, force: true });
  });

  it('is its content', async () => {
    for (const name of ['big', 'empty', 'a-linked', 'b-linked', 'sparse', 'hole']) {
      const { bytes, stats } = await dump(test, at(name));
      const content = readFileSync(at(name));
      expect(bytes.equals(content), name).toBe(true);
      expect(stats).toEqual({ files: 1, bytes: content.length, errors: 0 });
    }
  });

  it('needs a file', async () => {
    await expect(dump(test, at('symlink'))).rejects.toMatchObject({ kind: 'user', code: 'no-content' });
    await expect(dump(test, at('none'))).rejects.toMatchObject({ kind: 'user', code: 'no-such-path' });
  });

  it('can be an archive all the same', async () => {
    for (const name of ['a-linked', 'b-linked', 'symlink', 'sparse']) {
      const { bytes } = await dump(test, at(name), { archive: true });
      expect(bytes.length % 512).toBe(0);
      if (!hasGnuTar) continue;
      const folder = at(`out-${name}`);
      unpack(bytes, folder);
      if (name === 'symlink') expect(readlinkSync(join(folder, name))).toBe('big');
      else expect(readFileSync(join(folder, name)).equals(readFileSync(at(name)))).toBe(true);
      rmSync(folder, { recursive: true });
    }
  });

  it('stops when it is told to', async () => {
    const stop = new AbortController();
    stop.abort();
    await expect(dump(test, at('big'), { signal: stop.signal })).rejects.toMatchObject({ kind: 'cancelled' });
  });

  it('ends with an error where content is damaged, and says where', async () => {
    const damaged = await damagedCopy(store, test, 'packs/', 0.5);
    await expect(dump(damaged, at('big'))).rejects.toMatchObject({
      kind: 'damage',
      message: expect.stringMatching(/big cannot be read from byte \d+ on/),
      data: { object: expect.stringMatching(/^packs\//), offset: expect.any(Number) },
    });
  });
});

/** The same repository on a store in which a byte of the first object with a prefix is flipped. */
async function damagedCopy(
  store: MemoryStore,
  test: TestRepository,
  prefix: string,
  share: number,
): Promise<TestRepository> {
  const copy = new MemoryStore();
  let isFirst = true;
  for await (const { name } of store.list('')) {
    const bytes = Buffer.from((await store.get(name))!);
    if (name.startsWith(prefix) && isFirst) {
      isFirst = false;
      bytes[Math.floor(bytes.length * share)]! ^= 1;
    }
    await copy.put(name, bytes, { ifAbsent: true });
  }
  return test.on(copy);
}

describe.skipIf(!hasGnuTar)('an archive of a tree', () => {
  const room = makeTestFolder('dump-tree');
  const source = join(room, 'source');
  const store = new MemoryStore();
  let test: TestRepository;
  const at = (path: string): string => join(source, path);

  beforeAll(async () => {
    const random = seededRandom(7);
    mkdirSync(at('dir/sub/deep'), { recursive: true });
    mkdirSync(at('empty-dir'));
    mkdirSync(at('dir-after'));
    const long = 'n'.repeat(255);
    for (const path of [
      'plain',
      'dir/a',
      'dir/sub/b',
      'dir/sub/deep/c',
      'dir-after/d',
      long,
      `dir/${'é'.repeat(60)}`,
      '-rf',
      ' ',
      'a\nb',
      'ünï',
      'x'.repeat(98),
      'x'.repeat(99),
    ]) {
      writeFileSync(at(path), seededBytes(Math.floor(random() * 5000), path.length));
    }
    for (const bytes of [[0xff], [0xc3, 0x28, 0x20], Array<number>(200).fill(0x80)]) {
      writeFileSync(Buffer.concat([Buffer.from(at('raw-')), Buffer.from(bytes)]), 'raw');
    }
    symlinkSync(Buffer.from([0x2f, 0xfe, 0xff]), at('raw-link'));
    symlinkSync('t'.repeat(500), at('long-link'));
    symlinkSync('tür', at('utf8-link'));
    let deep = at('deep');
    for (let i = 0; i < 12; i++) {
      deep = join(deep, `${i}`.padEnd(100, '-'));
      mkdirSync(deep, { recursive: true });
    }
    writeFileSync(join(deep, 'bottom'), 'bottom');
    writeFileSync(at('z-linked'), 'linked');
    linkSync(at('z-linked'), at('dir/linked'));
    linkSync(at('z-linked'), at('dir-after/linked'));
    writeFileSync(at('big'), seededBytes(9_000_000, 2));
    const file = openSync(at('sparse'), 'w');
    writeSync(file, seededBytes(100_000, 3), 0, 100_000, 8192 * 10);
    writeSync(file, seededBytes(70_000, 4), 0, 70_000, 8192 * 100);
    ftruncateSync(file, 50_000_000);
    closeSync(file);
    const hole = openSync(at('hole'), 'w');
    ftruncateSync(hole, 10_000_000);
    closeSync(hole);
    execFileSync('mkfifo', [at('fifo')]);
    if (isRoot) {
      try {
        execFileSync('mknod', [at('char'), 'c', '1', '3'], { stdio: 'ignore' });
        execFileSync('mknod', [at('block'), 'b', '259', '70000'], { stdio: 'ignore' });
      } catch {
        // Not allowed here: then there are none to compare.
      }
      chownSync(at('plain'), 12345, 54321);
      chownSync(at('dir/a'), 3_000_000_000, 2_097_152);
    }
    if (hasXattrs) {
      for (const [name, value] of [
        ['user.plain', 'value'],
        ['user.bin', '0x00ff0a3d'],
        ['user.a=b%c', 'odd'],
        ['user.empty', ''],
      ] as const) {
        execFileSync('setfattr', ['-n', name, '-v', value, at('dir/a')], { stdio: 'ignore' });
      }
      execFileSync('setfattr', ['-n', 'user.dir', '-v', 'x'.repeat(2000), at('dir')], { stdio: 'ignore' });
    }
    chmodSync(at('plain'), 0o4751);
    chmodSync(at('dir/sub'), 0o500);
    chmodSync(at('dir-after'), 0o1777);
    execFileSync('touch', ['-d', '1969-12-31T23:59:58.3Z', at('dir/sub/b')]);
    execFileSync('touch', ['-d', '1901-12-14T00:00:00.000000001Z', at('dir/sub/deep/c')]);
    execFileSync('touch', ['-d', '2300-01-01T00:00:00.123456789Z', at('dir-after/d')]);
    execFileSync('touch', ['-h', '-d', '2001-01-01T00:00:00.5Z', at('utf8-link')]);
    utimesSync(at('plain'), 1_000_000_000, 1_000_000_000);
    for (const path of ['dir/sub/deep', 'dir/sub', 'dir', 'dir-after', '.']) {
      execFileSync('touch', ['-d', '2010-05-05T05:05:05.555555555Z', at(path)]);
    }
    test = await TestRepository.create({ store, chunkBytes: 1 << 18 });
    await test.backup([source]);
  });
  afterAll(() => {
    test.remove();
    rmSync(room, { recursive: true, force: true });
  });

  it('unpacks to the same tree: names, times, owners, modes, links, devices, holes', async () => {
    const { bytes, stats } = await dump(test, source);
    expect(stats.errors).toBe(0);
    expect(stats.bytes).toBe(bytes.length);
    // The holes are not in it.
    expect(bytes.length).toBeLessThan(12_000_000);
    const out = join(room, 'out');
    unpack(bytes, out);
    expect(describeTree(out)).toEqual(describeTree(source));
    for (const name of ['sparse', 'hole']) {
      expect(lstatSync(join(out, name)).blocks).toBeLessThan(2000);
    }
    if (hasXattrs) {
      expect(attributes(source)).toContain('user.bin=0x00ff0a3d');
      expect(attributes(out)).toBe(attributes(source));
    }
    rmSync(out, { recursive: true });
  });

  it('holds a part of the tree, and makes files of links to what lies outside', async () => {
    const { bytes } = await dump(test, at('dir'));
    const out = join(room, 'out-dir');
    unpack(bytes, out);
    expect(readFileSync(join(out, 'linked'), 'utf8')).toBe('linked');
    expect(readdirSync(out, { recursive: true }).sort()).toEqual(readdirSync(at('dir'), { recursive: true }).sort());
    rmSync(out, { recursive: true });
  });

  it('holds whole paths when the root is asked for', async () => {
    const { bytes } = await dump(test, '/');
    const out = join(room, 'out-root');
    unpack(bytes, out);
    expect(describeTree(join(out, source))).toEqual(describeTree(source));
    rmSync(out, { recursive: true });
  });

  it('leaves out what is damaged, or fills it with zeros where it is too late, and says so', async () => {
    const damaged = await damagedCopy(store, test, 'packs/', 0.5);
    const monitor = collectingMonitor();
    const { bytes, stats } = await dump(damaged, source, { monitor });
    expect(stats.errors).toBeGreaterThan(0);
    expect(monitor.problems).toHaveLength(stats.errors);
    expect(monitor.problems.every(({ path, object }) => path !== undefined && object?.startsWith('packs/'))).toBe(true);
    const out = join(room, 'out-damaged');
    unpack(bytes, out);
    const bad = new Set(monitor.problems.map(({ path }) => path!.slice(source.length)));
    const [expected, found] = [describeTree(source), describeTree(out)];
    for (const [path, facts] of Object.entries(expected)) if (!bad.has(path)) expect(found[path]).toEqual(facts);
    // The large file keeps its length, and everything of it that could be read.
    const [whole, kept] = [readFileSync(at('big')), readFileSync(join(out, 'big'))];
    expect(bad.has('/big')).toBe(true);
    expect(kept.length).toBe(whole.length);
    const differing = kept.reduce((count, byte, i) => count + (byte === whole[i] ? 0 : 1), 0);
    expect(differing).toBeGreaterThan(0);
    expect(differing).toBeLessThan(5_000_000);
    expect(kept.every((byte, i) => byte === whole[i] || byte === 0)).toBe(true);
    rmSync(out, { recursive: true });
  });

  it('of random trees comes out the same', async () => {
    for (const seed of [1, 2, 3]) {
      const random = seededRandom(seed);
      const pick = (n: number): number => Math.floor(random() * n);
      const folder = join(room, `random-${seed}`);
      mkdirSync(folder);
      const folders = [rawFromText(folder)];
      for (let i = 0; i < 150; i++) {
        const length = 1 + pick(pick(4) === 0 ? 250 : 12);
        const name = rawFromBytes(seededBytes(length, seed * 1000 + i))
          .replace(/[/\0]/g, 'x')
          .replace(/^\.+$/, 'dots');
        const path = rawToFsPath(`${folders[pick(folders.length)]}/${name}` as Raw);
        try {
          const kind = pick(10);
          if (kind < 2) {
            mkdirSync(path);
            folders.push(rawFromBytes(Buffer.from(path)));
          } else if (kind < 3) symlinkSync(Buffer.from(seededBytes(1 + pick(200), i).map((byte) => byte || 1)), path);
          else writeFileSync(path, seededBytes(pick(3000), i));
        } catch {
          // The name was taken already.
        }
      }
      const own = await TestRepository.create();
      await own.backup([folder]);
      const { bytes } = await dump(own, folder);
      const out = join(room, `out-${seed}`);
      unpack(bytes, out);
      expect(describeTree(out), `seed ${seed}`).toEqual(describeTree(folder));
      own.remove();
    }
  });
});
