import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Raw, rawFromText, rawToBytes } from '../../src/base/raw.ts';
import { fileProblem } from '../../src/files/file-problems.ts';
import type { FileSystem } from '../../src/files/fs.ts';
import { nodeFileSystem } from '../../src/files/fs.ts';
import { loadLibc } from '../../src/files/libc.ts';
import { OwnerNames } from '../../src/files/owners.ts';
import { readSmallSource } from '../../src/files/small-source.ts';
import { openSource, type SourceReader } from '../../src/files/source.ts';
import { findExtents } from '../../src/files/sparse.ts';
import { readXattrs, readXattrsOfPath } from '../../src/files/xattrs.ts';
import { faultyFileSystem } from '../support/faulty-files.ts';
import { withFolder } from '../support/scan-tree.ts';

const stat = (path: string | Buffer) => lstatSync(path, { bigint: true });

function open(path: string, expected = stat(path), fs: FileSystem = nodeFileSystem): SourceReader {
  const opened = openSource(rawFromText(path), expected, fs);
  if (opened.type === 'problem') throw new Error(opened.problem.message);
  return opened.source;
}

/** Runs something once, before the nth call of a kind. */
function onceBefore(call: string, number: number, action: () => void): FileSystem {
  let calls = 0;
  return faultyFileSystem({ before: (name) => name === call && ++calls === number && action() });
}

describe('a small source', () => {
  it('is read whole, into the middle of a buffer, even when reads come short, whatever its name', () => {
    withFolder((folder) => {
      const path = `${rawFromText(folder)}/\xff\xe9` as Raw;
      const bytes = rawToBytes(path);
      writeFileSync(bytes, 'the content');
      const target = Buffer.alloc(20, '.');
      const result = readSmallSource(path, stat(bytes), target, 3, undefined, faultyFileSystem({ shortReads: 2 }));
      expect(result).toMatchObject({ type: 'read', length: 11 });
      expect(result).not.toHaveProperty('flaw');
      expect(result).not.toHaveProperty('problem');
      expect(target.toString()).toBe('...the content......');
    });
  });

  it('that changes once is read again, and is then fine', () => {
    withFolder((folder) => {
      const path = join(folder, 'f');
      for (const change of [
        () => appendFileSync(path, 'more'),
        () => truncateSync(path, 2),
        () => utimesSync(path, 5, 5),
      ]) {
        for (const [call, number] of [
          ['readSync', 1],
          ['fstatSync', 2],
        ] as const) {
          writeFileSync(path, 'content');
          const expected = stat(path);
          const target = Buffer.alloc(20);
          const result = readSmallSource(
            rawFromText(path),
            expected,
            target,
            0,
            undefined,
            onceBefore(call, number, change),
          );
          const now = stat(path);
          expect(result).toMatchObject({ type: 'read', length: Number(now.size), stat: { mtimeNs: now.mtimeNs } });
          expect(result).not.toHaveProperty('flaw');
        }
      }
    });
  });

  it('that goes on changing is stored as far as it was, and flagged', () => {
    withFolder((folder) => {
      const path = join(folder, 'f');
      writeFileSync(path, 'content');
      const growing = faultyFileSystem({ before: (call) => call === 'readSync' && appendFileSync(path, '!') });
      const grown = readSmallSource(rawFromText(path), stat(path), Buffer.alloc(99), 0, undefined, growing);
      expect(grown).toMatchObject({
        type: 'read',
        length: 8,
        flaw: 'changed',
        problem: { code: 'changed-while-read', severity: 'warning' },
      });
      writeFileSync(path, 'x'.repeat(50));
      const shrinking = faultyFileSystem({
        before: (call) => call === 'readSync' && truncateSync(path, Number(stat(path).size) >> 1),
      });
      const shrunk = readSmallSource(rawFromText(path), stat(path), Buffer.alloc(99), 0, undefined, shrinking);
      expect(shrunk).toMatchObject({ type: 'read', flaw: 'truncated', problem: { code: 'changed-while-read' } });
    });
  });

  it('that was replaced by another file is that file, and reported', () => {
    withFolder((folder) => {
      const path = join(folder, 'f');
      writeFileSync(path, 'old');
      const expected = stat(path);
      writeFileSync(join(folder, 'g'), 'new one');
      renameSync(join(folder, 'g'), path);
      const result = readSmallSource(rawFromText(path), expected, Buffer.alloc(99), 0);
      expect(result).toMatchObject({
        type: 'read',
        length: 7,
        problem: { code: 'replaced' },
        stat: { ino: stat(path).ino },
      });
    });
  });

  it('that has become a link, a FIFO, a directory or a socket is not read, and nothing waits', () => {
    withFolder((folder) => {
      const path = join(folder, 'f');
      const changes = [
        () => symlinkSync('/etc/passwd', path),
        () => execFileSync('mkfifo', [path]),
        () => mkdirSync(path),
      ];
      for (const change of changes) {
        rmSync(path, { recursive: true, force: true });
        writeFileSync(path, 'old');
        const expected = stat(path);
        rmSync(path);
        change();
        const result = readSmallSource(rawFromText(path), expected, Buffer.alloc(99), 0);
        expect(result).toMatchObject({ type: 'problem', problem: { code: 'replaced', severity: 'error' } });
      }
    });
  });

  it('that has vanished is a warning, that has outgrown the buffer is for somebody else', () => {
    withFolder((folder) => {
      const path = join(folder, 'f');
      writeFileSync(path, 'content');
      const expected = stat(path);
      expect(readSmallSource(rawFromText(path), expected, Buffer.alloc(6), 0)).toEqual({ type: 'large' });
      rmSync(path);
      expect(readSmallSource(rawFromText(path), expected, Buffer.alloc(9), 0)).toMatchObject({
        type: 'problem',
        problem: { code: 'vanished', severity: 'warning' },
      });
    });
  });

  it('never succeeds silently nor leaks a descriptor, whichever call fails and how', () => {
    withFolder((folder) => {
      const path = join(folder, 'f');
      writeFileSync(path, 'content');
      const expected = stat(path);
      const descriptors = () => readdirSync('/proc/self/fd').length;
      const before = process.platform === 'linux' ? descriptors() : 0;
      for (const code of ['EIO', 'EACCES', 'EMFILE', 'ENOENT', 'ENOSPC']) {
        for (let at = 1; at <= 6; at++) {
          const target = Buffer.alloc(20);
          const fs = faultyFileSystem({ at, code, shortReads: 4 });
          const result = readSmallSource(rawFromText(path), expected, target, 0, undefined, fs);
          if (result.type === 'problem') expect(result.problem.path).toBe(path);
          else expect([result, target.toString('utf8', 0, 7)]).toMatchObject([{ type: 'read', length: 7 }, 'content']);
        }
      }
      if (process.platform === 'linux') expect(descriptors()).toBe(before);
    });
  });
});

describe('a large source', () => {
  it('is read at any position, and never past the size that it was opened with', () => {
    withFolder((folder) => {
      const path = join(folder, 'f');
      writeFileSync(path, 'abcdefgh');
      const source = open(path);
      appendFileSync(path, 'SECRET');
      const target = Buffer.alloc(20, '.');
      expect(source.read(target, 1, 10, 6)).toBe(2);
      expect(source.read(target, 5, 3, 0)).toBe(3);
      expect(target.toString()).toBe('.gh..abc............');
      expect(source.finish()).toMatchObject({ flaw: 'changed', stat: { size: 8n } });
      source.close();
    });
  });

  it('that grows is flagged even where its time of modification is put back', () => {
    withFolder((folder) => {
      const path = join(folder, 'f');
      writeFileSync(path, 'abc');
      utimesSync(path, 5, 5);
      const source = open(path);
      appendFileSync(path, 'def');
      utimesSync(path, 5, 5);
      expect(source.finish()).toMatchObject({
        flaw: 'changed',
        problem: { message: expect.stringContaining('size went from 3 to 6') },
      });
    });
  });

  it('that cannot be read in the middle names the byte', () => {
    withFolder((folder) => {
      const path = join(folder, 'f');
      writeFileSync(path, 'abcdefgh');
      const source = open(path, stat(path), faultyFileSystem({ on: 'readSync', at: 3, code: 'EIO', shortReads: 2 }));
      let problem: unknown;
      try {
        source.read(Buffer.alloc(8), 0, 8, 0);
      } catch (error) {
        problem = fileProblem(error, rawFromText(path), 'read');
      }
      expect(problem).toMatchObject({
        severity: 'error',
        code: 'unreadable',
        message: 'cannot read it at byte 4: the device reports an input/output error (EIO)',
      });
      source.close();
    });
  });

  it('tells its data from its holes, to 16 TiB where the file system can', () => {
    withFolder((folder) => {
      const libc = loadLibc()!;
      const path = join(folder, 'f');
      const fd = openSync(path, 'w');
      let size = 16 * 2 ** 40;
      for (;;) {
        try {
          ftruncateSync(fd, size);
          break;
        } catch {
          size /= 4;
        }
      }
      writeSync(fd, Buffer.alloc(4096, 1), 0, 4096, 1 << 20);
      // Two pieces with a small hole between them count as one.
      writeSync(fd, Buffer.alloc(4096, 1), 0, 4096, size / 2);
      writeSync(fd, Buffer.alloc(4096, 1), 0, 4096, size / 2 + 16384);
      closeSync(fd);
      const source = open(path);
      expect(source.size).toBe(size);
      const extents = source.extents(libc);
      if (extents)
        expect(extents).toEqual([
          [1 << 20, 4096],
          [size / 2, 20480],
        ]);
      expect(source.extents(undefined)).toBeUndefined();
      const target = Buffer.alloc(4096);
      expect(source.read(target, 0, 4096, size / 2)).toBe(4096);
      expect(target[0]).toBe(1);
      source.close();
      truncateSync(path, 0);
      truncateSync(path, 1 << 20);
      const hollow = open(path);
      if (extents) expect(hollow.extents(libc)).toEqual([]);
      hollow.close();
    });
  });

  it('without holes, or with small ones only, is not sparse', () => {
    withFolder((folder) => {
      const path = join(folder, 'f');
      writeFileSync(path, Buffer.alloc(200_000, 7));
      const source = open(path);
      expect(source.extents(loadLibc())).toBeUndefined();
      // Also where fewer blocks than bytes mean compression, not holes.
      expect(findExtents(source.fd, source.size, loadLibc()!)).toBeUndefined();
      source.close();
    });
  });
});

describe('extended attributes', () => {
  it('come by descriptor and by path, sorted, as base64', () => {
    withFolder((folder) => {
      const libc = loadLibc()!;
      const path = join(folder, 'f');
      writeFileSync(path, '');
      const raw = rawFromText(path);
      try {
        libc.lsetxattr(raw, 'user.b' as Raw, Buffer.from([0, 255]));
      } catch {
        return;
      }
      libc.lsetxattr(raw, 'user.a' as Raw, Buffer.alloc(0));
      const source = open(path);
      const user = (found: Readonly<Record<string, string>> | undefined) =>
        Object.entries(found ?? {}).filter(([name]) => name.startsWith('user.'));
      expect(user(readXattrs(source.fd, libc))).toEqual([
        ['user.a', ''],
        ['user.b', 'AP8='],
      ]);
      source.close();
      expect(user(readXattrsOfPath(raw, libc))).toEqual([
        ['user.a', ''],
        ['user.b', 'AP8='],
      ]);
      const read = readSmallSource(raw, stat(path), Buffer.alloc(1), 0, libc);
      expect(read).toMatchObject({ type: 'read', xattrs: { 'user.b': 'AP8=' } });
      symlinkSync('f', join(folder, 'link'));
      expect(user(readXattrsOfPath(rawFromText(join(folder, 'link')), libc))).toEqual([]);
    });
  });
});

describe('owner names', () => {
  it('are found both ways; the first line counts; nonsense and missing files are no error', () => {
    withFolder((folder) => {
      const passwd = join(folder, 'passwd');
      writeFileSync(
        passwd,
        'root:x:0:0::/:/bin/sh\ntoor:x:0:0::/:\n#c:x:5:5\nbad\nneg:x:-1:0\nbig:x:99999999999:0\nana:x:1000:1000\n+::::\n',
      );
      const owners = new OwnerNames(passwd, join(folder, 'missing'));
      expect([0, 1000, 5, 77].map((id) => owners.userName(id))).toEqual(['root', 'ana', undefined, undefined]);
      expect(['root', 'toor', 'ana', 'neg', 'big'].map((name) => owners.userId(name))).toEqual([
        0,
        0,
        1000,
        undefined,
        undefined,
      ]);
      expect([owners.groupName(0), owners.groupId('root')]).toEqual([undefined, undefined]);
    });
  });
});
