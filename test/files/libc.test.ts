import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { errnoOf } from '../../src/base/errors.ts';
import { type Raw, rawFromText } from '../../src/base/raw.ts';
import { makeDevice, splitDevice } from '../../src/files/device-number.ts';
import { type Libc, loadLibc } from '../../src/files/libc.ts';

const raw = (text: string) => text as Raw;
const isRoot = process.getuid?.() === 0;

function codeOf(action: () => unknown): string | undefined {
  try {
    action();
  } catch (error) {
    return errnoOf(error);
  }
  return undefined;
}

describe('libc', () => {
  let folder: string;
  let libc: Libc;
  let dir: number;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'icecore-libc-'));
    libc = loadLibc()!;
    dir = libc.openat(libc.constants.AT_FDCWD, rawFromText(folder), constants.O_RDONLY | constants.O_DIRECTORY);
  });

  afterEach(() => {
    closeSync(dir);
    rmSync(folder, { recursive: true });
  });

  it('creates, links, renames and removes names that are not UTF-8, relative to a directory', () => {
    const name = raw('caf\xe9\xff');
    const fd = libc.openat(dir, name, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, 0o600);
    writeSync(fd, 'content');
    closeSync(fd);
    libc.linkat(dir, name, dir, raw('hard'));
    libc.renameat(dir, name, dir, raw('\xfe'));
    expect(readFileSync(Buffer.from(`${folder}/\xfe`, 'latin1'), 'utf8')).toBe('content');
    expect(lstatSync(`${folder}/hard`).nlink).toBe(2);
    libc.unlinkat(dir, raw('\xfe'));
    expect(lstatSync(`${folder}/hard`).nlink).toBe(1);
    libc.symlinkat(raw('/nowhere/\xe9'), dir, raw('link'));
    expect(libc.readlinkat(dir, raw('link'))).toBe('/nowhere/\xe9');
    libc.mkdirat(dir, raw('sub'), 0o700);
    expect(codeOf(() => libc.unlinkat(dir, raw('sub')))).toMatch(/EISDIR|EPERM/);
    libc.unlinkat(dir, raw('sub'), libc.constants.AT_REMOVEDIR);
    expect(codeOf(() => lstatSync(`${folder}/sub`))).toBe('ENOENT');
  });

  it('throws errors that look like those of node:fs', () => {
    const failure = (() => {
      try {
        libc.openat(dir, rawFromText('fehlt-ä'), constants.O_RDONLY);
      } catch (error) {
        return error as NodeJS.ErrnoException;
      }
      return undefined;
    })();
    expect(failure).toBeInstanceOf(Error);
    expect(failure).toMatchObject({ code: 'ENOENT', errno: -2, syscall: 'openat', path: 'fehlt-ä' });
    expect(failure?.message).toBe("ENOENT: no such file or directory, openat 'fehlt-ä'");
    expect(codeOf(() => libc.mkdirat(dir, raw('a\0b'), 0o700))).toBe('EINVAL');
    expect(codeOf(() => libc.mkdirat(dir, raw('x'.repeat(256)), 0o700))).toBe('ENAMETOOLONG');
    expect(codeOf(() => libc.lgetxattr(rawFromText(folder), raw('user.none')))).toBe('ENODATA');
  });

  it('does not follow a symlink that it opens with O_NOFOLLOW, nor one whose owner or times it sets', () => {
    libc.symlinkat(raw('target'), dir, raw('link'));
    expect(codeOf(() => libc.openat(dir, raw('link'), constants.O_RDONLY | constants.O_NOFOLLOW))).toBe('ELOOP');
    libc.utimensat(dir, raw('link'), 5n, 1_000_000_007n);
    if (isRoot) libc.fchownat(dir, raw('link'), 12, 34);
    const stat = lstatSync(`${folder}/link`, { bigint: true });
    expect(stat.mtimeNs).toBe(1_000_000_007n);
    if (isRoot) expect([stat.uid, stat.gid]).toEqual([12n, 34n]);
  });

  it('sets times to the nanosecond, before 1970 and after 2038, and leaves out what is not given', () => {
    const fd = openSync(`${folder}/f`, 'w');
    for (const time of [
      -1n,
      -1_000_000_000n,
      -1_500_000_001n,
      0n,
      1_699_999_999_123_456_789n,
      4_102_444_800_000_000_001n,
    ]) {
      libc.futimens(fd, 0n, time);
      expect(fstatSync(fd, { bigint: true }).mtimeNs).toBe(time);
      libc.utimensat(dir, raw('f'), 7n, undefined);
      const stat = fstatSync(fd, { bigint: true });
      expect([stat.atimeNs, stat.mtimeNs]).toEqual([7n, time]);
    }
    closeSync(fd);
  });

  it('round-trips extended attributes by descriptor and by path, empty and larger than its buffer', () => {
    const fd = openSync(`${folder}/f`, 'w');
    const path = rawFromText(`${folder}/f`);
    const names = [...Array(100).keys()].map((i) =>
      raw(`user.attribute-with-a-long-name-${String(i).padStart(3, '0')}`),
    );
    try {
      for (const name of names) libc.fsetxattr(fd, name, Buffer.from(name));
      libc.fsetxattr(fd, names[0]!, new Uint8Array(0));
      libc.lsetxattr(path, names[1]!, Buffer.alloc(200, 0xff));
      expect(
        libc
          .flistxattr(fd)
          .filter((name) => name.startsWith('user.'))
          .sort(),
      ).toEqual(names);
      expect(libc.llistxattr(path).length).toBeGreaterThanOrEqual(100);
      expect(libc.fgetxattr(fd, names[0]!)).toHaveLength(0);
      expect(libc.lgetxattr(path, names[1]!)).toEqual(Buffer.alloc(200, 0xff));
      libc.lremovexattr(path, names[1]!);
      expect(codeOf(() => libc.fgetxattr(fd, names[1]!))).toBe('ENODATA');
    } catch (error) {
      // A temporary folder on a file system without attributes, or with little room for them, proves nothing here.
      if (!['ENOTSUP', 'EOPNOTSUPP', 'ENOSPC'].includes(errnoOf(error) ?? '')) throw error;
    } finally {
      closeSync(fd);
    }
  });

  it('makes FIFOs and, as root, device nodes', () => {
    libc.mkfifoat(dir, raw('fifo'), 0o640);
    expect(lstatSync(`${folder}/fifo`).isFIFO()).toBe(true);
    libc.fchmodat(dir, raw('fifo'), 0o4711);
    expect(lstatSync(`${folder}/fifo`).mode & 0o7777).toBe(0o4711);
    if (!isRoot) return;
    const code = codeOf(() => libc.mknodat(dir, raw('null'), constants.S_IFCHR | 0o600, makeDevice(1, 3)));
    if (code === undefined) {
      expect(splitDevice(lstatSync(`${folder}/null`, { bigint: true }).rdev)).toEqual({ major: 1, minor: 3 });
    } else {
      expect(code).toBe('EPERM');
    }
  });

  it('finds data and holes, past 2^32', () => {
    const fd = openSync(`${folder}/sparse`, 'w+');
    const far = 5 * 2 ** 32;
    writeSync(fd, Buffer.alloc(4096, 1), 0, 4096, far);
    const data = libc.seekData(fd, 0);
    expect(data === far || data === 0).toBe(true);
    expect(libc.seekHole(fd, far)).toBe(far + 4096);
    expect(libc.seekData(fd, far + 4096)).toBeUndefined();
    closeSync(fd);
    expect(codeOf(() => libc.seekData(fd, 0))).toBe('EBADF');
  });

  it('works in worker threads, several at a time', async () => {
    const source = `
      import { loadLibc } from ${JSON.stringify(new URL('../../src/files/libc.ts', import.meta.url).href)};
      import { parentPort, workerData } from 'node:worker_threads';
      const libc = loadLibc();
      let code;
      for (let i = 0; i < 200; i++) {
        libc.mkdirat(workerData.dir, 'w' + workerData.id + '-' + i, 0o700);
        try { libc.mkdirat(workerData.dir, 'w' + workerData.id + '-' + i, 0o700); } catch (error) { code = error.code; }
      }
      parentPort.postMessage(code);`;
    const codes = await Promise.all(
      [0, 1, 2].map(
        (id) =>
          new Promise((resolve, reject) => {
            const url = new URL(`data:text/javascript,${encodeURIComponent(source)}`);
            const worker = new Worker(url, { workerData: { dir, id } });
            worker.on('message', resolve).on('error', reject);
          }),
      ),
    );
    expect(codes).toEqual(['EEXIST', 'EEXIST', 'EEXIST']);
  });
});

describe('device numbers', () => {
  it('survive packing and unpacking at the ends of their ranges', () => {
    for (const [major, minor] of [
      [0, 0],
      [1, 3],
      [259, 1_048_575],
      [0xfffff, 0xffffffff],
    ] as const) {
      expect(splitDevice(makeDevice(major, minor, 'linux'), 'linux')).toEqual({ major, minor });
    }
    expect(splitDevice(makeDevice(14, 70_000, 'darwin'), 'darwin')).toEqual({ major: 14, minor: 70_000 });
  });
});
