/**
 * A tree with everything that a backup has to bring back, and a way to list any tree so that two can be compared:
 * bytes, types, modes, owners, times to the nanosecond, attributes, holes, and which names are one file.
 */
import { createHash } from 'node:crypto';
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
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { joinRaw, type Raw, rawFromText, rawToBytes } from '../../src/base/raw.ts';
import { type Libc, loadLibc } from '../../src/files/libc.ts';
import { readXattrsOfPath } from '../../src/files/xattrs.ts';
import { seededBytes } from './random.ts';

const isRoot = process.geteuid?.() === 0;

/** Makes the tree in `root` (made when missing). What this user or file system cannot make is left out. */
export function makeNastyTree(root: string): void {
  const libc = loadLibc()!;
  const at = (...names: string[]) => [root, ...names].join('/');
  mkdirSync(root, { recursive: true });
  mkdirSync(at('empty dir'));
  writeFileSync(at('empty'), '');
  writeFileSync(at('plain'), 'hello\n');
  writeFileSync(at('same content'), 'hello\n');
  writeFileSync(at('line\nfeed\t\x1b[31m'), 'escape');
  writeFileSync(at('-rf'), 'dash');
  writeFileSync(at('*'), 'star');
  writeFileSync(at('n'.repeat(255)), 'long name');
  writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xff, 0xfe, 0x41])]), 'not UTF-8');
  mkdirSync(Buffer.concat([Buffer.from(`${root}/dir`), Buffer.from([0xc3, 0x28])]));
  writeFileSync(Buffer.concat([Buffer.from(`${root}/dir`), Buffer.from([0xc3, 0x28]), Buffer.from('/in')]), 'inside');
  writeFileSync(at('e\u0301'), 'decomposed');
  writeFileSync(at('\u00e9'), 'composed');
  writeFileSync(at('several chunks'), seededBytes(900_000, 1));
  writeFileSync(at('zeros'), Buffer.alloc(300_000));
  let deep = at('deep');
  mkdirSync(deep);
  for (let i = 0; i < 14; i++) {
    deep += `/${'d'.repeat(240)}`;
    mkdirSync(deep);
  }
  writeFileSync(`${deep}/bottom`, 'deep down');
  symlinkSync('plain', at('link'));
  symlinkSync('/does/not/exist', at('dangling'));
  symlinkSync('empty dir', at('link to dir'));
  symlinkSync('..', at('loop'));
  mkdirSync(at('linked'));
  writeFileSync(at('linked', 'a'), seededBytes(5000, 2));
  linkSync(at('linked', 'a'), at('linked', 'b'));
  linkSync(at('linked', 'a'), at('later name'));
  const sparse = openSync(at('sparse'), 'w');
  writeSync(sparse, seededBytes(70_000, 3), 0, 70_000, 8 << 20);
  ftruncateSync(sparse, 24 << 20);
  closeSync(sparse);
  const hole = openSync(at('all hole'), 'w');
  ftruncateSync(hole, 1 << 20);
  closeSync(hole);
  attempt(() => inDirectory(libc, root, (fd) => libc.mkfifoat(fd, 'fifo' as Raw, 0o640)));
  if (isRoot) {
    attempt(() => inDirectory(libc, root, (fd) => libc.mknodat(fd, 'null' as Raw, 0o20666, BigInt((1 << 8) | 3))));
    chownSync(at('same content'), 1234, 4321);
    writeFileSync(at('setuid'), 'suid');
    chmodSync(at('setuid'), 0o4755);
  }
  mkdirSync(at('attributes'));
  writeFileSync(at('attributes', 'f'), 'attributed');
  attempt(() => libc.lsetxattr(rawFromText(at('attributes', 'f')), 'user.note' as Raw, Buffer.from([1, 0, 2])));
  attempt(() => libc.lsetxattr(rawFromText(at('attributes')), 'user.dir' as Raw, Buffer.from('x')));
  attempt(() => libc.lsetxattr(rawFromText(at('attributes', 'f')), 'system.posix_acl_access' as Raw, acl()));
  mkdirSync(at('closed'));
  writeFileSync(at('closed', 'in'), 'in a directory that is read-only');
  chmodSync(at('closed', 'in'), 0o400);
  const times: readonly (readonly [string, bigint])[] = [
    ['plain', -1_500_000_001n],
    ['link', 1_111_111_111_222_333_444n],
    ['empty', 4_200_000_000_000_000_007n],
    ['several chunks', 999n],
  ];
  for (const [name, time] of times) inDirectory(libc, root, (fd) => libc.utimensat(fd, name as Raw, time, time));
  chmodSync(at('closed'), 0o550);
  for (const name of ['closed', 'linked', 'deep', 'empty dir'] as Raw[]) {
    inDirectory(libc, root, (fd) => libc.utimensat(fd, name, undefined, 1_234_567_890_123_456_789n));
  }
}

/** u::rwx, user 1000 rw-, g::r--, mask rw-, o::--- in the form of the attribute. */
function acl(): Buffer {
  const entries: readonly (readonly [tag: number, perm: number, id: number])[] = [
    [1, 7, 0xffffffff],
    [2, 6, 1000],
    [4, 4, 0xffffffff],
    [16, 6, 0xffffffff],
    [32, 0, 0xffffffff],
  ];
  const bytes = Buffer.alloc(4 + entries.length * 8);
  bytes.writeUInt32LE(2, 0);
  for (const [i, [tag, perm, id]] of entries.entries()) {
    bytes.writeUInt16LE(tag, 4 + i * 8);
    bytes.writeUInt16LE(perm, 6 + i * 8);
    bytes.writeUInt32LE(id, 8 + i * 8);
  }
  return bytes;
}

function inDirectory(_libc: Libc, path: string, work: (fd: number) => void): void {
  const fd = openSync(path, 'r');
  try {
    work(fd);
  } finally {
    closeSync(fd);
  }
}

function attempt(work: () => void): void {
  try {
    work();
  } catch {
    // Not on this file system, or not for this user: then there is nothing to bring back.
  }
}

/** Lists a tree: a line for every item below `root`, by path. Times of directories are left out when told. */
export function listTree(root: string, options: { readonly withTimes?: boolean } = {}): Map<string, string> {
  const libc = loadLibc();
  const items = new Map<string, string>();
  const firstNames = new Map<string, string>();
  const visit = (path: Raw): void => {
    const fsPath = rawToBytes((rawFromText(root) + path) as Raw);
    for (const name of readdirSync(fsPath, 'latin1').sort() as Raw[]) {
      const own = joinRaw(path, name);
      const full = (rawFromText(root) + own) as Raw;
      const bytes = rawToBytes(full);
      const stat = lstatSync(bytes, { bigint: true });
      const facts: (string | bigint)[] = [(stat.mode & 0o177777n).toString(8), stat.uid, stat.gid];
      if (options.withTimes ?? true) facts.push(stat.mtimeNs);
      if (stat.isFile()) {
        facts.push(stat.size, createHash('sha256').update(readFileSync(bytes)).digest('hex').slice(0, 16));
        const key = `${stat.dev}:${stat.ino}`;
        if (stat.nlink > 1n) facts.push(`= ${firstNames.get(key) ?? own}`);
        if (!firstNames.has(key)) firstNames.set(key, own);
      }
      if (stat.isSymbolicLink()) facts.push(readlinkSync(bytes, 'latin1'));
      if (stat.isCharacterDevice() || stat.isBlockDevice()) facts.push(stat.rdev);
      const xattrs = libc && full.length < 4000 ? readXattrsOfPath(full, libc) : undefined;
      if (xattrs) facts.push(JSON.stringify(xattrs));
      items.set(own, facts.join(' '));
      if (stat.isDirectory()) visit(own);
    }
  };
  visit('' as Raw);
  return items;
}
