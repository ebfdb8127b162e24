import { execFileSync } from 'node:child_process';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { comparePaths, type Raw, rawFromText, rawToBytes } from '../../src/base/raw.ts';
import { loadLibc } from '../../src/files/libc.ts';
import { scan } from '../../src/files/scan.ts';
import { faultyFileSystem } from '../support/faulty-files.ts';
import { scanAll, withFolder } from '../support/scan-tree.ts';

/** Makes files and, where a path ends with a slash, directories. */
function make(folder: string, ...paths: string[]): void {
  for (const path of paths) {
    const bytes = rawToBytes(`${rawFromText(folder)}/${path}` as Raw);
    mkdirSync(bytes.subarray(0, bytes.lastIndexOf(0x2f)), { recursive: true });
    if (!path.endsWith('/')) writeFileSync(bytes, path);
  }
}

describe('the order of a scan', () => {
  it('lists all entries of a directory by bytes, then goes into its subdirectories in that order', () => {
    withFolder((folder) => {
      make(folder, 'b/x', 'a/y', 'a-b', 'a/a/z', 'A', '\xff', '\xc3\xa9', 'a.d/q', 'zz', 'empty/');
      expect(scanAll(folder).paths).toEqual([
        'A', 'a', 'a-b', 'a.d', 'b', 'empty', 'zz', '\xc3\xa9', '\xff', 'a/a', 'a/y', 'a/a/z', 'a.d/q', 'b/x',
      ]); // biome-ignore format: one order, one line
    });
  });

  it('agrees with the order of a manifest and with readdir, for any tree', () => {
    const name = fc.array(
      fc.integer({ min: 1, max: 255 }).filter((b) => b !== 0x2f),
      { minLength: 1, maxLength: 4 },
    );
    const part = name.map((bytes) => String.fromCharCode(...bytes)).filter((text) => text !== '.' && text !== '..');
    fc.assert(
      fc.property(fc.array(fc.array(part, { minLength: 1, maxLength: 4 }), { maxLength: 12 }), (paths) => {
        withFolder((folder) => {
          for (const parts of paths) mkdirSync(rawToBytes(`${folder}/${parts.join('/')}` as Raw), { recursive: true });
          const { pages, paths: found, problems } = scanAll(folder);
          const expected = readdirSync(Buffer.from(folder), { encoding: 'latin1', recursive: false });
          expect(problems).toEqual([]);
          expect(new Set(found)).toEqual(
            new Set(paths.flatMap((parts) => parts.map((_, i) => parts.slice(0, i + 1).join('/')))),
          );
          expect(found.slice(0, expected.length)).toEqual(expected.sort());
          for (const [i, page] of pages.entries()) {
            if (i > 0) expect(comparePaths(pages[i - 1]!.path, page.path)).toBeLessThan(0);
          }
        });
      }),
      { numRuns: process.env.SLOW ? 500 : 40 },
    );
  });

  it('begins at / with only the entries that lead to the roots, and says how deep each page is', () => {
    withFolder((folder) => {
      make(folder, 'a/x', 'b/y', 'c/z');
      const { pages, paths } = scanAll(folder, ['a', 'c']);
      expect(pages[0]).toMatchObject({ path: '/', depth: 0, isFirst: true, isLast: true });
      expect(pages[0]!.entries.map((entry) => entry.name)).toEqual([folder.split('/')[1]]);
      expect(paths).toEqual(['a', 'c', 'a/x', 'c/z']);
      expect(pages.at(-1)).toMatchObject({ path: `${folder}/c`, depth: folder.split('/').length });
    });
  });

  it('walks overlapping, doubled and untidy roots once', () => {
    withFolder((folder) => {
      make(folder, 'a/b/x', 'a/y', 'q');
      const once = scanAll(folder, ['a']).paths;
      expect(scanAll(folder, ['a', 'a/b', 'a/b/x', 'a']).paths).toEqual(once);
      expect(scanAll(folder, ['a/', './/a/.', 'a/b/../../a']).paths).toEqual(once);
    });
  });

  it('cuts a directory of 100,000 files into pages of at most 1,024 entries, in order', () => {
    withFolder((folder) => {
      const libc = loadLibc()!;
      const count = process.env.SLOW ? 1_000_000 : 100_000;
      const dir = libc.openat(libc.constants.AT_FDCWD, rawFromText(folder), 0);
      const first = 'f' as Raw;
      libc.mkfifoat(dir, first, 0o600);
      // Hard links to one inode (as many as the file system lets it have) are the cheapest entries to make.
      for (let i = 1; i < count; i++) {
        const name = `f${String(i).padStart(7, '0')}` as Raw;
        if (i % 30_000 === 0) libc.mkfifoat(dir, name, 0o600);
        else libc.linkat(dir, `f${i < 30_000 ? '' : String(i - (i % 30_000)).padStart(7, '0')}` as Raw, dir, name);
      }
      let seen = 0;
      let last = '';
      for (const page of scan([rawFromText(folder)])) {
        if (page.path !== folder) continue;
        expect(page.entries.length).toBeLessThanOrEqual(1024);
        expect(page.isFirst).toBe(seen === 0);
        for (const { name } of page.entries) {
          if (name <= last) throw new Error(`${name} after ${last}`);
          last = name;
        }
        seen += page.entries.length;
        expect(page.isLast).toBe(seen === count);
      }
      expect(seen).toBe(count);
      execFileSync('rm', ['-rf', folder]);
    });
  });
});

describe('what a scan finds', () => {
  it('keeps names as bytes: invalid UTF-8, 255 bytes, NFC beside NFD, control characters', () => {
    withFolder((folder) => {
      const names = ['\xff\xfe', 'e\xcc\x81', '\xc3\xa9', '\x1b[31m\n\t', 'x'.repeat(255), '-rf', ' ', '*', '\r', '~'];
      make(folder, ...names);
      make(folder, '\xe9\xe8/\xff/deep');
      expect(new Set(scanAll(folder).paths)).toEqual(
        new Set([...names, '\xe9\xe8', '\xe9\xe8/\xff', '\xe9\xe8/\xff/deep']),
      );
    });
  });

  it('tells types apart and opens nothing: FIFOs, sockets, links to nowhere and in circles', async () => {
    const server = createServer();
    const folder = realpathSync(mkdtempSync(join(tmpdir(), 'icecore-files-')));
    try {
      make(folder, 'd/f');
      execFileSync('mkfifo', [join(folder, 'fifo')]);
      symlinkSync('/nowhere', join(folder, 'dangling'));
      symlinkSync('loop', join(folder, 'loop'));
      symlinkSync('..', join(folder, 'd/up'));
      await new Promise<void>((listening) => server.listen(join(folder, 'socket'), listening));
      const { entries, paths, problems } = scanAll(folder);
      expect(Object.fromEntries(paths.map((path) => [path, entries.get(path)!.type]))).toEqual({
        d: 'dir', dangling: 'symlink', fifo: 'fifo', loop: 'symlink', socket: 'socket', 'd/f': 'file', 'd/up': 'symlink',
      }); // biome-ignore format: a table
      expect(problems).toEqual([]);
      expect(scanAll('/dev', ['null']).entries.get('null')?.type).toBe('char');
    } finally {
      server.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('gives times before 1970 and nanoseconds exactly', () => {
    withFolder((folder) => {
      make(folder, 'old', 'new');
      const libc = loadLibc()!;
      const path = (name: string) => rawFromText(join(folder, name));
      libc.utimensat(libc.constants.AT_FDCWD, path('old'), undefined, -123_456_789_987_654_321n);
      libc.utimensat(libc.constants.AT_FDCWD, path('new'), undefined, 1_700_000_000_123_456_789n);
      const { entries } = scanAll(folder);
      expect(entries.get('old')?.stat.mtimeNs).toBe(-123_456_789_987_654_321n);
      expect(entries.get('new')?.stat.mtimeNs).toBe(1_700_000_000_123_456_789n);
    });
  });
});

describe('the roots of a scan', () => {
  it('are links as links, unless a trailing slash follows them', () => {
    withFolder((folder) => {
      make(folder, 'real/x');
      symlinkSync('real', join(folder, 'link'));
      expect(scanAll(folder, ['link']).paths).toEqual(['link']);
      expect(scanAll(folder, ['link']).entries.get('link')?.type).toBe('symlink');
      const followed = scanAll(folder, ['link/']);
      expect(followed.paths).toEqual(['link', 'link/x']);
      expect(followed.entries.get('link')?.type).toBe('dir');
      expect(scanAll(folder, ['', 'link/']).paths).toEqual(['link', 'real', 'link/x', 'real/x']);
    });
  });

  it('below a link are kept below a directory, never below a link', () => {
    withFolder((folder) => {
      make(folder, 'real/sub/x', 'real/other');
      symlinkSync('real', join(folder, 'link'));
      const { paths, entries } = scanAll(folder, ['link/sub']);
      expect(paths).toEqual(['link', 'link/sub', 'link/sub/x']);
      expect(entries.get('link')?.type).toBe('dir');
      expect(scanAll(folder, ['', 'link/sub']).paths).toContain('real/other');
      expect(scanAll(folder, ['', 'link/sub']).paths).not.toContain('link/other');
    });
  });

  it('resolve .. as the kernel does, also after a link', () => {
    withFolder((folder) => {
      make(folder, 'far/away/', 'far/x', 'x-near');
      symlinkSync('far/away', join(folder, 'link'));
      expect(scanAll(folder, ['link/../x']).paths).toEqual(['far', 'far/x']);
    });
  });

  it('may be single files', () => {
    withFolder((folder) => {
      make(folder, 'a', 'b');
      expect(scanAll(folder, ['b']).paths).toEqual(['b']);
    });
  });

  it('end the run when they are missing, unreadable, no directory where one is meant, or none', () => {
    withFolder((folder) => {
      make(folder, 'a/b', 'file');
      const fatal = (roots: string[], options = {}) => {
        try {
          scanAll(folder, roots, options);
        } catch (error) {
          return (error as { code: string }).code;
        }
        return 'no error';
      };
      expect(fatal(['missing'])).toBe('root-unreadable');
      expect(fatal(['a', 'a/missing'])).toBe('root-unreadable');
      expect(fatal(['file/'])).toBe('root-unreadable');
      expect(fatal(['file/below'])).toBe('root-unreadable');
      expect(fatal([])).toBe('no-roots');
      expect(fatal(['a\0b'])).toBe('bad-root');
      for (const on of ['lstatSync', 'openSync', 'readdirSync'] as const) {
        const fs = faultyFileSystem({ on, at: 1, code: 'EACCES' });
        expect(fatal(['a'], { fs })).toBe('root-unreadable');
      }
    });
  });

  it('fail at the call of scan, before anything is iterated', () => {
    expect(() => scan(['/nowhere-at-all' as Raw])).toThrow(/does not exist/);
  });

  it('end the run when they vanish or are replaced while it goes on', () => {
    for (const change of ['remove', 'replace'] as const) {
      withFolder((folder) => {
        make(folder, 'root/x');
        const before = (call: string) => {
          if (call !== 'readdirSync') return;
          renameSync(join(folder, 'root'), join(folder, 'gone'));
          if (change === 'replace') make(folder, 'root/other');
        };
        expect(() => scanAll(folder, ['root'], { fs: faultyFileSystem({ before }) })).toThrow(/root/);
      });
    }
  });
});

describe('a scan of something that changes or fails', () => {
  it('reports a file that vanished after it was listed, and goes on', () => {
    withFolder((folder) => {
      make(folder, 'a', 'b', 'c', 'd/e');
      const before = (call: string, _: number, [path]: readonly unknown[]) => {
        if (call === 'lstatSync' && path === join(folder, 'b')) rmSync(join(folder, 'b'));
      };
      const { paths, problems } = scanAll(folder, [''], { fs: faultyFileSystem({ before }) });
      expect(paths).toEqual(['a', 'c', 'd', 'd/e']);
      expect(problems).toMatchObject([{ code: 'vanished', severity: 'warning', path: join(folder, 'b') }]);
    });
  });

  it('says once that a directory vanished, at its listing or in its middle', () => {
    for (const stop of ['readdirSync', 'lstatSync']) {
      withFolder((folder) => {
        make(folder, 'd/e', 'd/f', 'd/g', 'z');
        const before = (call: string, _: number, [path]: readonly unknown[]) => {
          if (call === stop && String(path).startsWith(join(folder, stop === 'lstatSync' ? 'd/' : 'd'))) {
            rmSync(join(folder, 'd'), { recursive: true, force: true });
          }
        };
        const { paths, problems, pages } = scanAll(folder, [''], { fs: faultyFileSystem({ before }) });
        expect(paths).toEqual(['d', 'z']);
        expect(problems).toMatchObject([{ code: 'vanished', path: join(folder, 'd') }]);
        expect(pages.at(-1)).toMatchObject({ path: join(folder, 'd'), isLast: true, problem: { code: 'vanished' } });
      });
    }
  });

  it('notices a directory that is swapped for a link while it is listed', () => {
    withFolder((folder) => {
      make(folder, 'd/mine', 'secret/theirs');
      const before = (call: string, _: number, [path]: readonly unknown[]) => {
        if (call !== 'readdirSync' || path !== join(folder, 'd')) return;
        renameSync(join(folder, 'd'), join(folder, 'moved'));
        symlinkSync('secret', join(folder, 'd'));
      };
      const { problems } = scanAll(folder, [''], { fs: faultyFileSystem({ before }) });
      expect(problems).toMatchObject([{ code: 'replaced', path: join(folder, 'd') }]);
    });
  });

  it('keeps the entry of a directory that may not be listed, and names it', () => {
    withFolder((folder) => {
      make(folder, 'closed/x', 'open/y');
      const before = (call: string, _: number, [path]: readonly unknown[]) => {
        if (call === 'readdirSync' && path === join(folder, 'closed'))
          throw Object.assign(new Error(), { code: 'EACCES' });
      };
      const { paths, problems, pages } = scanAll(folder, [''], { fs: faultyFileSystem({ before }) });
      expect(paths).toEqual(['closed', 'open', 'open/y']);
      expect(problems).toMatchObject([{ code: 'unreadable', severity: 'error', path: join(folder, 'closed') }]);
      expect(problems[0]!.message).toBe('cannot list it: permission denied (EACCES)');
      expect(pages.find((page) => page.path.endsWith('closed'))?.problem).toBe(problems[0]);
    });
  });

  it('finds everything, or says what is missing, or fails, whichever file call fails and how', () => {
    withFolder((folder) => {
      make(folder, 'a/b/c', 'a/d', 'e/f/g', 'h', 'i/', `${'long/'.repeat(4)}x`);
      const complete = scanAll(folder).paths;
      for (const code of ['EIO', 'EACCES', 'EMFILE', 'ENOENT', 'ENOMEM', 'ENOSPC']) {
        const counter = faultyFileSystem({});
        scanAll(folder, [''], { fs: counter });
        for (let at = 1; at <= counter.calls(); at++) {
          let outcome: string;
          try {
            const { paths, problems } = scanAll(folder, [''], { fs: faultyFileSystem({ at, code }) });
            outcome =
              problems.length > 0 || paths.length === complete.length ? 'fine' : `silent loss at ${at}, ${code}`;
          } catch (error) {
            outcome = (error as { code?: string }).code === 'root-unreadable' || at <= 5 ? 'fine' : String(error);
          }
          expect(outcome).toBe('fine');
        }
      }
    });
  });

  it('leaves no descriptor open when it is abandoned in the middle', () => {
    if (process.platform !== 'linux') return;
    withFolder((folder) => {
      make(folder, `${`${'n'.repeat(200)}/`.repeat(15)}x`, 'z/y');
      const before = readdirSync('/proc/self/fd').length;
      for (const page of scan([rawFromText(folder)])) if (page.depth > 10) break;
      expect(readdirSync('/proc/self/fd').length).toBe(before);
    });
  });
});

describe('file systems in file systems', () => {
  /** Makes one directory look like a mount point of another device. */
  function mounted(path: string, type = 0x01021994) {
    const fs = faultyFileSystem({});
    const shift = (at: unknown, stat: ReturnType<typeof fs.statSync> | undefined) => {
      if (stat && (at === path || String(at).startsWith(`${path}/`))) Object.assign(stat, { dev: stat.dev + 1n });
      return stat;
    };
    return {
      ...fs,
      lstatSync: (at: string) => shift(at, fs.lstatSync(at)),
      statSync: (at: string) => shift(at, fs.statSync(at))!,
      statfsTypeSync: () => type,
    } as unknown as typeof fs;
  }

  it('are entered, unless --one-file-system keeps them as empty directories', () => {
    withFolder((folder) => {
      make(folder, 'a/b', 'mnt/x', 'mnt/y/z');
      const fs = mounted(join(folder, 'mnt'));
      expect(scanAll(folder, [''], { fs }).paths).toContain('mnt/y/z');
      const { paths, excluded, problems } = scanAll(folder, [''], { fs, oneFileSystem: true });
      expect([paths, excluded, problems]).toEqual([['a', 'mnt', 'a/b'], ['mnt'], []]);
      expect(scanAll(folder, ['', 'mnt/y'], { fs, oneFileSystem: true }).paths).toEqual([
        'a',
        'mnt',
        'a/b',
        'mnt/y',
        'mnt/y/z',
      ]);
    });
  });

  it('of the kernel are kept as empty directories, wherever they are mounted, and reported', () => {
    if (process.platform !== 'linux') return;
    withFolder((folder) => {
      make(folder, 'chroot/proc/1/', 'x');
      const fs = mounted(join(folder, 'chroot/proc'), 0x9fa0);
      const { paths, excluded, reasons } = scanAll(folder, [''], { fs });
      expect([paths, excluded]).toEqual([['chroot', 'x', 'chroot/proc'], ['chroot/proc']]);
      expect(reasons[0]).toContain('pseudo file system (proc)');
    });
    const found: string[] = [];
    for (const page of scan(['/' as Raw], { onExcluded: (path) => found.push(path) })) if (page.path !== '/') break;
    expect(found).toEqual(expect.arrayContaining(['/dev', '/proc', '/sys']));
  });

  it('that contain themselves are not entered again', () => {
    withFolder((folder) => {
      make(folder, 'a/bind/below', 'b');
      const top = lstatSync(join(folder, 'a'), { bigint: true });
      const fs = faultyFileSystem({});
      const looped = {
        ...fs,
        lstatSync: (path: string) => {
          const stat = fs.lstatSync(path);
          return stat && path === join(folder, 'a/bind') ? Object.assign(stat, { ino: top.ino }) : stat;
        },
      } as unknown as typeof fs;
      const { paths, problems, entries } = scanAll(folder, [''], { fs: looped });
      expect(paths).toEqual(['a', 'b', 'a/bind']);
      expect(problems).toMatchObject([{ code: 'directory-loop', path: join(folder, 'a/bind') }]);
      expect(entries.get('a/bind')?.problem).toBe(problems[0]);
    });
  });
});

it('a directory whose time changes while it is scanned is no problem', () => {
  withFolder((folder) => {
    make(folder, 'd/x', 'y');
    const before = (call: string) => {
      if (call !== 'readdirSync') return;
      utimesSync(join(folder, 'd'), 1, 1);
      make(folder, 'd/later/');
      rmdirSync(join(folder, 'd/later'));
    };
    expect(scanAll(folder, [''], { fs: faultyFileSystem({ before }) }).problems).toEqual([]);
  });
});
