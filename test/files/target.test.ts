import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Raw, rawToBytes } from '../../src/base/raw.ts';
import { Libc, loadLibc } from '../../src/files/libc.ts';
import { TempNames } from '../../src/files/target-names.ts';
import { NodeTargetCalls } from '../../src/files/target-node.ts';
import { freeSpace, requireFreeSpace } from '../../src/files/target-space.ts';
import { isRoot, meta, raw, replaceCalls, TargetRoom } from '../support/target-room.ts';

let room: TargetRoom;
beforeEach(() => {
  room = new TargetRoom();
});
afterEach(() => {
  room.remove();
});

const ROOT = raw('/');
const isLinux = process.platform === 'linux';
const text = (path: string): string => fs.readFileSync(path, 'utf8');
const exactly = (path: string | Buffer): fs.BigIntStats => fs.lstatSync(path, { bigint: true });

describe('a small file', () => {
  it('is restored with content, mode and times to the nanosecond', () => {
    const tree = room.tree();
    const wanted = meta({ mode: 0o751, mtime: 1_234_567_890_987_654_321n, atime: 1_111_111_111_000_000_001n, size: 6 });
    expect(tree.writeSmallFile(raw('/a/b'), raw('f'), [Buffer.from('abc'), Buffer.from('def')], wanted, 'never')).toBe(
      'written',
    );
    const stats = exactly(room.path('a/b/f'));
    expect(text(room.path('a/b/f'))).toBe('abcdef');
    expect(Number(stats.mode) & 0o7777).toBe(0o751);
    expect(stats.mtimeNs).toBe(wanted.mtime);
    expect(fs.readdirSync(room.path('a/b'))).toEqual(['f']);
  });

  it('keeps times before 1970 and beyond 2038', () => {
    const tree = room.tree();
    for (const [name, mtime] of Object.entries({
      old: -1_500_000_001n,
      epoch: 0n,
      older: -2_000_000_000_000_000_001n,
      far: 2n ** 32n * 1_000_000_007n,
    })) {
      tree.writeSmallFile(ROOT, raw(name), Buffer.alloc(0), meta({ mtime }), 'always');
      const kept = exactly(room.path(name)).mtimeNs;
      if (kept !== mtime) expect(room.codes()).toContain('time-clamped');
      else expect(kept).toBe(mtime);
    }
    expect(exactly(room.path('old')).mtimeNs).toBe(-1_500_000_001n);
  });

  it('that the target cannot date is reported and in place', () => {
    const calls = replaceCalls((real) => ({ setTimes: (fd) => real.setTimes(fd, undefined, 0n) }));
    const tree = room.tree(calls);
    tree.writeSmallFile(ROOT, raw('a'), Buffer.from('x'), meta({ mtime: 10n ** 20n }), 'always');
    expect(room.codes()).toEqual(['time-clamped']);
    expect(text(room.path('a'))).toBe('x');
  });

  it('may have a name of 255 bytes, or one that is not text', () => {
    const tree = room.tree();
    for (const name of ['n'.repeat(255), '\xff\xfe\n', '-rf', ' ', '\u00e9'] as Raw[]) {
      tree.writeSmallFile(ROOT, name, Buffer.from('x'), meta(), 'never');
      const path = Buffer.concat([Buffer.from(`${room.root}/`), rawToBytes(name)]);
      expect(fs.readFileSync(path, 'utf8')).toBe('x');
    }
  });

  it('is restored with its holes', () => {
    const tree = room.tree();
    const size = 8 << 20;
    const sparse = [
      [1 << 20, 4],
      [6 << 20, 3],
    ] as const;
    tree.writeSmallFile(ROOT, raw('s'), [Buffer.from('ab'), Buffer.from('cdefg')], meta({ size, sparse }), 'always');
    tree.writeSmallFile(ROOT, raw('hole'), [], meta({ size, sparse: [] }), 'always');
    const bytes = fs.readFileSync(room.path('s'));
    expect(bytes.length).toBe(size);
    expect(bytes.toString('latin1', 1 << 20, (1 << 20) + 5)).toBe('abcd\0');
    expect(bytes.toString('latin1', 6 << 20, (6 << 20) + 4)).toBe('efg\0');
    expect(exactly(room.path('s')).blocks * 512n).toBeLessThan(BigInt(size / 4));
    expect(exactly(room.path('hole')).size).toBe(BigInt(size));
  });

  it('with a bad name or path is refused', () => {
    const tree = room.tree();
    for (const name of ['', '.', '..', 'a/b', 'a\0']) {
      expect(() => tree.writeSmallFile(ROOT, raw(name), Buffer.alloc(1), meta(), 'always')).toThrow(
        expect.objectContaining({ code: 'name-refused' }),
      );
    }
    for (const path of ['/..', '/a/../../b', '/a//b', 'a', '/a/.', '/a/']) {
      expect(() => tree.makeDirectory(raw(path)), path).toThrow();
      expect(() => tree.writeSmallFile(raw(path), raw('f'), Buffer.alloc(1), meta(), 'always'), path).toThrow();
    }
    expect(fs.readdirSync(room.base)).toEqual(['out']);
  });
});

describe('what is there already', () => {
  beforeEach(() => {
    fs.mkdirSync(room.root);
    fs.writeFileSync(room.path('f'), 'old');
    fs.utimesSync(room.path('f'), 1000, 1000);
  });

  it.each([
    ['never', 2000n, 'kept'],
    ['if-newer', 2000n, 'written'],
    ['if-newer', 999n, 'kept'],
    ['if-changed', 1000n, 'kept'],
    ['if-changed', 1001n, 'written'],
    ['always', 1000n, 'written'],
  ] as const)('with policy %s and a time of %s is %s', (policy, seconds, outcome) => {
    const tree = room.tree();
    const wanted = meta({ mtime: seconds * 1_000_000_000n });
    expect(tree.writeSmallFile(ROOT, raw('f'), Buffer.from('new'), wanted, policy)).toBe(outcome);
    expect(text(room.path('f'))).toBe(outcome === 'kept' ? 'old' : 'new');
  });

  it('can be judged by a function, before content is fetched too', () => {
    const tree = room.tree();
    const coming = { type: 'file', size: 3, mtime: 5n } as const;
    const seen: unknown[] = [];
    const decision = tree.decide(ROOT, raw('f'), coming, (there, it) => {
      seen.push(there, it);
      return 'keep';
    });
    expect(decision).toBe('keep');
    expect(seen).toEqual([{ type: 'file', size: 3, mtime: 1_000_000_000_000n }, coming]);
    expect(tree.look(ROOT, raw('f'))).toMatchObject({ type: 'file' });
    expect(tree.look(ROOT, raw('none'))).toBeUndefined();
  });

  it('keeps its other hard links when it is replaced', () => {
    fs.linkSync(room.path('f'), room.path('g'));
    room.tree().writeSmallFile(ROOT, raw('f'), Buffer.from('new'), meta(), 'always');
    expect(text(room.path('g'))).toBe('old');
  });

  it('and is a directory is never removed, and the reverse', () => {
    fs.mkdirSync(room.path('d'));
    const tree = room.tree();
    const inTheWay = expect.objectContaining({ code: 'directory-in-the-way' });
    for (const policy of ['always', 'if-changed', 'never'] as const) {
      expect(() => tree.writeSmallFile(ROOT, raw('d'), Buffer.from('x'), meta(), policy)).toThrow(inTheWay);
      expect(() => tree.symlink(ROOT, raw('d'), raw('x'), meta(), policy)).toThrow(inTheWay);
      expect(() => tree.link(ROOT, raw('f'), ROOT, raw('d'), { type: 'file', mtime: 0n }, policy)).toThrow(inTheWay);
    }
    const temp = tree.createTemp(ROOT, 0);
    expect(() => tree.commitTemp(temp, raw('d'), meta(), 0)).toThrow(inTheWay);
    expect(() => tree.makeDirectory(raw('/f'))).toThrow(expect.objectContaining({ code: 'file-in-the-way' }));
    expect(() => tree.makeDirectory(raw('/f/g'))).toThrow(expect.objectContaining({ code: 'file-in-the-way' }));
    expect(fs.readdirSync(room.root).sort()).toEqual(['d', 'f']);
  });

  it('can be opened for comparison when it is a file that may be read, and nothing else', () => {
    fs.mkdirSync(room.path('d'));
    fs.symlinkSync('f', room.path('l'));
    execFileSync('mkfifo', [room.path('p')]);
    const tree = room.tree();
    const fd = tree.openExisting(ROOT, raw('f'))!;
    expect(fs.readFileSync(fd, 'utf8')).toBe('old');
    fs.closeSync(fd);
    for (const name of ['d', 'l', 'p', 'none']) expect(tree.openExisting(ROOT, raw(name))).toBeUndefined();
  });
});

describe('a big file', () => {
  it('is filled in any order by several trees and shows up when it is complete', () => {
    const [one, two] = [room.tree(), room.tree()];
    const size = 3 << 20;
    const temp = structuredClone(one.createTemp(raw('/d'), size));
    two.writeTemp(temp, Buffer.alloc(2 << 20, 2), 1 << 20);
    one.writeTemp(temp, Buffer.alloc(1 << 20, 1), 0);
    expect(fs.existsSync(room.path('d/big'))).toBe(false);
    two.commitTemp(temp, raw('big'), meta({ mode: 0o640, mtime: -5n }), size);
    const bytes = fs.readFileSync(room.path('d/big'));
    expect([bytes.length, bytes[0], bytes[(1 << 20) - 1], bytes[1 << 20], bytes.at(-1)]).toEqual([size, 1, 1, 2, 2]);
    expect(exactly(room.path('d/big')).mtimeNs).toBe(-5n);
    expect(fs.readdirSync(room.path('d'))).toEqual(['big']);
  });

  it('of 16 TiB with little data takes little room', () => {
    const tree = room.tree();
    const size = 15 * 2 ** 40;
    const sparse = [[size - 4096, 5]] as const;
    let temp: ReturnType<typeof tree.createTemp>;
    try {
      temp = tree.createTemp(ROOT, size, sparse);
    } catch (error) {
      // The file system of the test machine may have a lower limit.
      expect(error).toMatchObject({ code: 'target-file-too-big' });
      return;
    }
    tree.writeTemp(temp, Buffer.from('lo'), 3);
    tree.writeTemp(temp, Buffer.from('hel'), 0);
    tree.commitTemp(temp, raw('huge'), meta(), 5);
    const fd = fs.openSync(room.path('huge'), 'r');
    const read = Buffer.alloc(6);
    fs.readSync(fd, read, 0, 6, size - 4096);
    fs.closeSync(fd);
    expect(read.toString('latin1')).toBe('hello\0');
    expect(exactly(room.path('huge')).size).toBe(BigInt(size));
    expect(exactly(room.path('huge')).blocks).toBeLessThan(1000n);
  });

  it('that is given up leaves nothing', () => {
    const tree = room.tree();
    tree.discardTemp(tree.createTemp(ROOT, 100));
    expect(fs.readdirSync(room.root)).toEqual([]);
  });
});

describe('links and nodes', () => {
  it('are restored as what they are, with times of their own', () => {
    const tree = room.tree();
    const mtime = -123_456_789n;
    tree.symlink(ROOT, raw('l'), '/nowhere/\xff' as Raw, meta({ mtime }), 'never');
    tree.fifo(ROOT, raw('p'), meta({ mtime, mode: 0o642 }), 'never');
    expect(fs.readlinkSync(room.path('l'), { encoding: 'latin1' })).toBe('/nowhere/\xff');
    expect(exactly(room.path('l')).mtimeNs).toBe(mtime);
    const fifo = exactly(room.path('p'));
    expect([fifo.isFIFO(), Number(fifo.mode) & 0o7777, fifo.mtimeNs]).toEqual([true, 0o642, mtime]);
  });

  it('replace files and links as the policy says', () => {
    const tree = room.tree();
    tree.writeSmallFile(ROOT, raw('a'), Buffer.from('x'), meta(), 'always');
    expect(tree.symlink(ROOT, raw('a'), raw('one'), meta(), 'never')).toBe('kept');
    expect(tree.symlink(ROOT, raw('a'), raw('one'), meta(), 'if-changed')).toBe('written');
    expect(tree.symlink(ROOT, raw('a'), raw('two'), meta(), 'always')).toBe('written');
    expect(fs.readlinkSync(room.path('a'))).toBe('two');
    expect(fs.readdirSync(room.root)).toEqual(['a']);
  });

  it('that are hard are made between directories, again and over something else', () => {
    const tree = room.tree();
    const coming = { type: 'file', size: 1, mtime: 5n } as const;
    tree.writeSmallFile(raw('/d'), raw('a'), Buffer.from('x'), meta(), 'always');
    tree.writeSmallFile(ROOT, raw('other'), Buffer.from('yy'), meta(), 'always');
    expect(tree.link(raw('/d'), raw('a'), raw('/e/f'), raw('b'), coming, 'never')).toBe('written');
    expect(tree.link(raw('/d'), raw('a'), raw('/e/f'), raw('b'), coming, 'always')).toBe('kept');
    expect(tree.link(raw('/d'), raw('a'), ROOT, raw('other'), coming, 'never')).toBe('kept');
    expect(tree.link(raw('/d'), raw('a'), ROOT, raw('other'), coming, 'if-changed')).toBe('written');
    expect(exactly(room.path('d/a')).ino).toBe(exactly(room.path('other')).ino);
    expect(exactly(room.path('d/a')).nlink).toBe(3n);
    expect(
      fs.readdirSync(room.root, { recursive: true, encoding: 'utf8' }).filter((it) => it.includes('.ic-')),
    ).toEqual([]);
  });

  it('that are devices are made by root, and named for anybody else', () => {
    const tree = room.tree();
    const make = (): unknown => tree.device(ROOT, raw('null'), { type: 'char', major: 1, minor: 3 }, meta(), 'always');
    try {
      expect(make()).toBe('written');
      expect(fs.statSync(room.path('null')).rdev).toBe(fs.statSync('/dev/null').rdev);
    } catch (error) {
      expect(error).toMatchObject({ code: 'device-needs-root' });
    }
    expect(fs.readdirSync(room.root).filter((it) => it.startsWith('.ic-'))).toEqual([]);
  });
});

describe('directories', () => {
  it('get mode and times after their content, and can be written again by a second restore', () => {
    for (let run = 0; run < 2; run++) {
      const tree = room.tree();
      expect(tree.makeDirectory(raw('/a'))).toBe(run === 0);
      expect(tree.makeDirectory(raw('/a/b'))).toBe(run === 0);
      tree.writeSmallFile(raw('/a/b'), raw(`f${run}`), Buffer.from('x'), meta(), 'always');
      tree.finishDirectory(raw('/a/b'), meta({ mode: 0o500, mtime: 77n }));
      tree.finishDirectory(raw('/a'), meta({ mode: 0o000, mtime: -77n }));
      expect(exactly(room.path('a')).mtimeNs).toBe(-77n);
      expect(Number(exactly(room.path('a')).mode) & 0o7777).toBe(0);
      tree.close();
    }
    fs.chmodSync(room.path('a'), 0o700);
    expect(exactly(room.path('a/b')).mtimeNs).toBe(77n);
    expect(fs.readdirSync(room.path('a/b')).sort()).toEqual(['f0', 'f1']);
    fs.chmodSync(room.path('a/b'), 0o700);
  });

  it('are private until they are finished', () => {
    const tree = room.tree();
    tree.makeDirectory(raw('/a'));
    expect(Number(exactly(room.path('a')).mode) & 0o077).toBe(0);
  });

  it('may lie deeper than any path reaches, with few descriptors', () => {
    const tree = room.tree(undefined, { openDirectories: 8 });
    let path = '';
    for (let i = 0; i < 300; i++) {
      path += `/directory-number-${i}`;
      tree.makeDirectory(raw(path));
    }
    expect(path.length).toBeGreaterThan(5000);
    tree.writeSmallFile(raw(path), raw('f'), Buffer.from('deep'), meta(), 'always');
    tree.writeSmallFile(ROOT, raw('g'), Buffer.from('flat'), meta(), 'always');
    const other = room.tree();
    expect(other.look(raw(path), raw('f'))).toMatchObject({ size: 4 });
    for (let at = path; at !== ''; at = at.slice(0, at.lastIndexOf('/')))
      tree.finishDirectory(raw(at), meta({ mode: 0o755, mtime: 9n }));
    expect(exactly(room.path('directory-number-0')).mtimeNs).toBe(9n);
  });
});

describe('metadata', () => {
  it.runIf(isRoot)('of other owners is set by root, with setuid after it', () => {
    const tree = room.tree();
    const wanted = meta({ uid: 4_000_000_000, gid: 54_321, mode: 0o6755 });
    tree.writeSmallFile(ROOT, raw('f'), Buffer.from('x'), wanted, 'always');
    tree.symlink(ROOT, raw('l'), raw('f'), wanted, 'always');
    tree.fifo(ROOT, raw('p'), wanted, 'always');
    tree.finishDirectory(raw('/d'), { ...wanted, mode: 0o3755 });
    for (const name of ['f', 'l', 'p', 'd']) {
      const stats = exactly(room.path(name));
      expect([stats.uid, stats.gid]).toEqual([4_000_000_000n, 54_321n]);
    }
    expect(Number(exactly(room.path('f')).mode) & 0o7777).toBe(0o6755);
    expect(Number(exactly(room.path('d')).mode) & 0o7777).toBe(0o3755);
    expect(room.problems).toEqual([]);
  });

  it('of other owners is reported once where it cannot be set, and special bits are dropped', () => {
    const refuse = (): never => {
      throw Object.assign(new Error('no'), { code: 'EPERM' });
    };
    const tree = room.tree(replaceCalls(() => ({ chown: refuse, chownAt: refuse })));
    const wanted = meta({ uid: 12_345, gid: 12_345, mode: 0o7755 });
    for (const name of ['a', 'b', 'c']) tree.writeSmallFile(ROOT, raw(name), Buffer.from('x'), wanted, 'always');
    tree.symlink(ROOT, raw('l'), raw('x'), wanted, 'always');
    tree.finishDirectory(raw('/d'), wanted);
    for (const name of ['a', 'b', 'c', 'd']) expect(Number(exactly(room.path(name)).mode) & 0o7777).toBe(0o755);
    expect(room.codes()).toEqual(['owner-not-restored', 'special-bits-dropped']);
    expect(room.problems[0]!.severity).toBe('warning');
  });

  it('keeps special bits of files of this user', () => {
    room.tree().writeSmallFile(ROOT, raw('f'), Buffer.from('x'), meta({ mode: 0o4711 }), 'always');
    expect(Number(exactly(room.path('f')).mode) & 0o7777).toBe(0o4711);
    expect(room.problems).toEqual([]);
  });

  it('takes the group from a setgid directory for what it is', () => {
    if (!isRoot) return;
    fs.mkdirSync(room.root);
    fs.chownSync(room.root, 0, 4242);
    fs.chmodSync(room.root, 0o2777);
    const tree = room.tree();
    for (const name of ['a', 'b']) tree.writeSmallFile(ROOT, raw(name), Buffer.from('x'), meta({ gid: 0 }), 'always');
    tree.writeSmallFile(ROOT, raw('c'), Buffer.from('x'), meta({ gid: 4242 }), 'always');
    expect(['a', 'b', 'c'].map((name) => exactly(room.path(name)).gid)).toEqual([0n, 0n, 4242n]);
  });

  it('includes extended attributes, on files that are read-only too', () => {
    const libc = loadLibc();
    if (!(libc instanceof Libc)) return;
    const xattrs = { 'user.one': Buffer.from('value').toString('base64'), 'user.empty': '', 'user.\u00e9': 'AAEC' };
    const tree = room.tree();
    tree.writeSmallFile(ROOT, raw('f'), Buffer.from('x'), meta({ mode: 0o400, xattrs }), 'always');
    tree.finishDirectory(raw('/d'), meta({ mode: 0o500, xattrs: { 'user.dir': 'AAEC' } }));
    if (room.codes().includes('xattr-not-restored')) return; // The file system of the test machine has none.
    expect(libc.lgetxattr(raw(room.path('f')), raw('user.one')).toString()).toBe('value');
    expect(libc.lgetxattr(raw(room.path('f')), raw('user.empty')).length).toBe(0);
    expect([...libc.lgetxattr(raw(room.path('f')), raw('user.\u00e9'))]).toEqual([0, 1, 2]);
    expect([...libc.lgetxattr(raw(room.path('d')), raw('user.dir'))]).toEqual([0, 1, 2]);
    expect(Number(exactly(room.path('f')).mode) & 0o7777).toBe(0o400);
  });

  it('that the target refuses is reported and does not fail the file', () => {
    const setXattr = (_fd: number, name: string): void => {
      throw Object.assign(new Error('no'), { code: name.startsWith('user.big') ? 'ENOSPC' : 'EPERM' });
    };
    const tree = room.tree(replaceCalls(() => ({ setXattr })));
    const xattrs = { 'security.selinux': 'AA==', 'trusted.a': 'AA==', 'trusted.b': 'AA==' };
    for (const name of ['a', 'b']) tree.writeSmallFile(ROOT, raw(name), Buffer.from('x'), meta({ xattrs }), 'always');
    tree.writeSmallFile(ROOT, raw('c'), Buffer.from('x'), meta({ xattrs: { 'user.big': 'AA==' } }), 'always');
    expect(room.problems.map(({ severity, code }) => [severity, code])).toEqual([
      ['warning', 'xattr-not-restored'],
      ['warning', 'xattr-not-restored'],
      ['error', 'xattr-not-restored'],
    ]);
    expect(text(room.path('b'))).toBe('x');
  });

  it.runIf(isRoot && isLinux)('cannot replace an immutable file, which is named, and the rest goes on', () => {
    const tree = room.tree();
    tree.writeSmallFile(ROOT, raw('i'), Buffer.from('old'), meta(), 'always');
    try {
      execFileSync('chattr', ['+i', room.path('i')], { stdio: 'ignore' });
    } catch {
      return; // The file system of the test machine has no such flag.
    }
    try {
      expect(() => tree.writeSmallFile(ROOT, raw('i'), Buffer.from('new'), meta(), 'always')).toThrow(
        expect.objectContaining({ code: 'target-not-permitted', hint: expect.stringContaining('immutable') }),
      );
      tree.writeSmallFile(ROOT, raw('j'), Buffer.from('new'), meta(), 'always');
      expect(text(room.path('i'))).toBe('old');
      expect(fs.readdirSync(room.root).sort()).toEqual(['i', 'j']);
    } finally {
      execFileSync('chattr', ['-i', room.path('i')]);
    }
  });
});

describe('leftovers of a killed run', () => {
  it('are removed when their directory is used again; those of a live one and other files stay', () => {
    const dead = new TempNames({ pid: 4_194_000, token: 1, started: 0 }, 1);
    const alive = new TempNames({ pid: process.ppid, token: 1, started: 0 }, 1);
    fs.mkdirSync(room.path('d'), { recursive: true });
    const keep = [alive.next(), '.ic-mine', '.ic-0123'];
    const [leftover, late] = [dead.next(), dead.next()];
    for (const name of [...keep, leftover]) fs.writeFileSync(room.path('d', name), 'x');
    fs.symlinkSync('x', room.path('d', dead.next()));
    const tree = room.tree(undefined, { run: { ...room.run, started: Date.now() + 1000 } });
    expect(tree.makeDirectory(raw('/d'))).toBe(false);
    expect(fs.readdirSync(room.path('d')).sort()).toEqual([...keep].sort());
    // What changed after the run began is somebody's.
    fs.writeFileSync(room.path('d', late), 'x');
    const now = room.tree(undefined, { run: { ...room.run, started: Date.now() - 1000 } });
    now.makeDirectory(raw('/d'));
    expect(fs.existsSync(room.path('d', late))).toBe(true);
  });
});

describe('a target', () => {
  it('is probed for names that fall together, and left as it was', () => {
    const rules = room.tree().probe();
    if (isLinux) expect(rules).toEqual({ ignoresCase: false, ignoresNormalization: false });
    expect(fs.readdirSync(room.root)).toEqual([]);
  });

  it('that cannot be written is named before anything else happens', () => {
    fs.mkdirSync(room.root);
    const calls = replaceCalls(() => ({
      createFile: () => {
        throw Object.assign(new Error('read-only'), { code: 'EROFS' });
      },
    }));
    expect(() => room.tree(calls).probe()).toThrow(expect.objectContaining({ code: 'target-read-only' }));
    fs.writeFileSync(room.path('file'), '');
    Object.assign(room, { root: room.path('file') });
    expect(() => room.tree()).toThrow(expect.objectContaining({ kind: 'user' }));
  });

  it('knows its room, also before it exists', () => {
    const free = freeSpace(raw(room.path('not/yet')));
    expect(free.bytes).toBeGreaterThan(0);
    requireFreeSpace(raw(room.path('not/yet')), { bytes: 1, files: 1 });
    expect(() => requireFreeSpace(raw(room.base), { bytes: 2 ** 60, files: 1 })).toThrow(
      expect.objectContaining({ code: 'target-too-small', data: expect.objectContaining({ neededBytes: 2 ** 60 }) }),
    );
  });
});

describe.each([
  ['through /proc', true],
  ['by plain paths', false],
])('without the C library, %s,', (_name, hasProc) => {
  it.runIf(isLinux || !hasProc)('files, links and directories are restored to the microsecond', () => {
    const tree = room.tree(new NodeTargetCalls(hasProc));
    const wanted = meta({ mode: 0o640, mtime: -1_500_000_123n, xattrs: { 'user.a': 'AA==' } });
    tree.makeDirectory(raw('/a/b'));
    tree.writeSmallFile(raw('/a/b'), raw('f'), Buffer.from('x'), wanted, 'if-changed');
    tree.symlink(raw('/a'), raw('l'), raw('b/f'), wanted, 'always');
    tree.link(raw('/a/b'), raw('f'), raw('/a'), raw('h'), { type: 'file', mtime: 0n }, 'always');
    expect(() => tree.fifo(raw('/a'), raw('p'), wanted, 'always')).toThrow(expect.objectContaining({ kind: 'user' }));
    tree.finishDirectory(raw('/a/b'), { ...wanted, mode: 0o750 });
    tree.finishDirectory(raw('/a'), { ...wanted, mode: 0o750 });
    for (const name of ['a', 'a/b', 'a/b/f', 'a/l']) {
      const distance = exactly(room.path(name)).mtimeNs - wanted.mtime;
      expect(distance < 0n ? -distance : distance, name).toBeLessThan(1000n);
    }
    expect(text(room.path('a/h'))).toBe('x');
    expect(
      room
        .tree(new NodeTargetCalls(hasProc))
        .writeSmallFile(raw('/a/b'), raw('f'), Buffer.from('y'), wanted, 'if-changed'),
    ).toBe('kept');
    expect(fs.readdirSync(room.path('a')).sort()).toEqual(['b', 'h', 'l']);
    expect(room.codes()).toEqual(['xattrs-not-restored']);
  });
});
