import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { writeFileAtomic } from '../../src/base/atomic-file.ts';
import { fileFaults } from '../support/faulty-fs.ts';

vi.mock('node:fs', async (original) => {
  const { wrapSync } = await import('../support/faulty-fs.ts');
  const module = await original<typeof import('node:fs')>();
  return wrapSync(module, ['openSync', 'writeSync', 'fsyncSync', 'closeSync', 'renameSync', 'unlinkSync']);
});

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'icecore-atomic-'));
  fileFaults.arm(0);
});
afterEach(() => {
  fileFaults.arm(0);
  rmSync(folder, { recursive: true });
});

describe('writing a file atomically', () => {
  it('creates and replaces, with the given permissions, and leaves no other file', () => {
    const path = join(folder, 'heads.json');
    writeFileAtomic(path, Buffer.from('one'));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    writeFileAtomic(path, Buffer.alloc(3_000_000, 7), 0o640);
    expect(readFileSync(path)).toHaveLength(3_000_000);
    expect(statSync(path).mode & 0o777).toBe(0o640);
    writeFileAtomic(path, new Uint8Array(0));
    expect(readFileSync(path)).toHaveLength(0);
    expect(readdirSync(folder)).toEqual(['heads.json']);
  });

  it('syncs the content before the rename and the folder after it', () => {
    writeFileAtomic(join(folder, 'a'), Buffer.from('x'));
    expect(fileFaults.log).toEqual([
      ...['openSync', 'writeSync', 'fsyncSync', 'closeSync', 'renameSync'],
      ...['openSync', 'fsyncSync', 'closeSync'],
    ]);
  });

  it('works for the longest name there can be', () => {
    writeFileAtomic(join(folder, 'n'.repeat(255)), Buffer.from('x'));
    expect(readdirSync(folder)).toEqual(['n'.repeat(255)]);
  });

  it('replaces a symbolic link instead of writing through it', () => {
    writeFileSync(join(folder, 'target'), 'precious');
    symlinkSync('target', join(folder, 'link'));
    writeFileAtomic(join(folder, 'link'), Buffer.from('new'));
    expect(readFileSync(join(folder, 'target'), 'utf8')).toBe('precious');
    expect(readFileSync(join(folder, 'link'), 'utf8')).toBe('new');
  });

  it('says so with an errno when the folder is missing', () => {
    expect(() => writeFileAtomic(join(folder, 'no', 'file'), Buffer.from('x'))).toThrow(
      expect.objectContaining({ code: 'ENOENT' }),
    );
  });

  for (const code of ['EIO', 'ENOSPC', 'EACCES', 'EMFILE']) {
    for (const isAfter of [false, true]) {
      it(`never returns normally and never leaves a part when a call fails with ${code} ${isAfter ? 'after' : 'before'} its effect`, () => {
        const path = join(folder, 'heads.json');
        for (let failAt = 1; failAt <= 8; failAt++) {
          fileFaults.arm(0);
          writeFileSync(path, 'old');
          fileFaults.arm(failAt, code, isAfter);
          expect(() => writeFileAtomic(path, Buffer.from('new content'))).toThrow(expect.objectContaining({ code }));
          fileFaults.arm(0);
          const renameCall = 5;
          const mayBeNew = failAt > renameCall || (failAt === renameCall && isAfter);
          expect(readFileSync(path, 'utf8'), `call ${failAt}`).toBe(mayBeNew ? 'new content' : 'old');
          const others = readdirSync(folder).filter((name) => name !== 'heads.json');
          // An open that succeeds and then reports failure is the one case where nobody knows of the file.
          expect(others.length, `call ${failAt}: ${others}`).toBeLessThanOrEqual(failAt === 1 && isAfter ? 1 : 0);
          for (const name of others) rmSync(join(folder, name));
        }
      });
    }
  }

  it('does not mind a file system that cannot sync folders', () => {
    fileFaults.arm(7, 'EINVAL');
    writeFileAtomic(join(folder, 'a'), Buffer.from('x'));
    expect(readFileSync(join(folder, 'a'), 'utf8')).toBe('x');
  });
});
