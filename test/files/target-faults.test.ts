import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isIcecoreError } from '../../src/base/errors.ts';
import type { TargetTree } from '../../src/files/target.ts';
import { FaultyCalls, meta, raw, replaceCalls, TargetRoom } from '../support/target-room.ts';

let room: TargetRoom;
beforeEach(() => {
  room = new TargetRoom();
});
afterEach(() => {
  room.remove();
});

const OLD = 'what was there before';
const NEW = 'new content '.repeat(500);

/** A restore of a few items; every failure must be an error with a name. @returns how many items failed. */
function restore(tree: TargetTree): number {
  let failures = 0;
  const step = (action: () => void): void => {
    try {
      action();
    } catch (error) {
      if (!isIcecoreError(error, 'user')) throw error;
      failures += 1;
    }
  };
  const content = Buffer.from(NEW);
  step(() => tree.makeDirectory(raw('/d/e')));
  step(() =>
    tree.writeSmallFile(raw('/d/e'), raw('small'), content, meta({ xattrs: { 'user.a': 'YQ==' } }), 'if-changed'),
  );
  step(() =>
    tree.writeSmallFile(raw('/'), raw('old'), [content.subarray(0, 100), content.subarray(100)], meta(), 'always'),
  );
  step(() => {
    const temp = tree.createTemp(raw('/d'), content.length);
    try {
      tree.writeTemp(temp, content.subarray(1000), 1000);
      tree.writeTemp(temp, content.subarray(0, 1000), 0);
    } catch (error) {
      tree.discardTemp(temp);
      throw error;
    }
    tree.commitTemp(temp, raw('big'), meta(), content.length);
  });
  step(() => tree.symlink(raw('/d'), raw('link'), raw('nowhere'), meta(), 'if-changed'));
  step(() => tree.fifo(raw('/d'), raw('fifo'), meta(), 'always'));
  step(() => tree.link(raw('/d/e'), raw('small'), raw('/d'), raw('hard'), { type: 'file', mtime: 0n }, 'if-changed'));
  step(() => tree.link(raw('/d/e'), raw('small'), raw('/d'), raw('hard2'), { type: 'file', mtime: 0n }, 'always'));
  step(() => tree.finishDirectory(raw('/d/e'), meta({ mode: 0o755 })));
  step(() => tree.finishDirectory(raw('/d'), meta({ mode: 0o755 })));
  return failures;
}

function prepare(): void {
  mkdirSync(room.path('d'), { recursive: true });
  writeFileSync(room.path('old'), OLD);
  writeFileSync(room.path('d', 'hard2'), OLD);
}

function checkNothingShort(): void {
  expect([OLD, NEW]).toContain(readFileSync(room.path('old'), 'utf8'));
  expect([OLD, NEW]).toContain(readFileSync(room.path('d', 'hard2'), 'utf8'));
  for (const name of ['small', 'e/small', 'big', 'hard']) {
    if (existsSync(room.path('d', name))) expect(readFileSync(room.path('d', name), 'utf8')).toBe(NEW);
  }
}

describe('a system call that fails', () => {
  it.each(['ENOSPC', 'EIO', 'EACCES', 'EMFILE', 'ENOENT', 'EDQUOT', 'EPERM'])(
    'with %s, whichever it is, leaves no short file under a final name and no false success',
    (code) => {
      let last = 0;
      for (let n = 1; n <= 400; n++) {
        prepare();
        const faulty = new FaultyCalls(code);
        faulty.failAt = n;
        let failures = 0;
        try {
          const tree = room.tree(faulty.calls);
          failures = restore(tree);
          faulty.failAt = 0;
          tree.close();
        } catch (error) {
          if (!isIcecoreError(error, 'user')) throw error;
          failures = 1;
        }
        checkNothingShort();
        // Every item is in place, or an error or a report was given.
        if (failures === 0 && room.problems.length === 0) {
          expect(readFileSync(room.path('d', 'big'), 'utf8')).toBe(NEW);
          expect(readFileSync(room.path('d', 'e', 'small'), 'utf8')).toBe(NEW);
          expect(readFileSync(room.path('old'), 'utf8')).toBe(NEW);
          expect(statSync(room.path('d', 'hard')).nlink).toBeGreaterThan(1);
        }
        last = faulty.count;
        // What a failed unlink or close leaves behind is for the next run to sweep; nothing else stays.
        const leftover = readdirSync(room.root, { recursive: true, encoding: 'utf8' }).filter((it) =>
          it.includes('.ic-'),
        );
        expect(leftover).toEqual([]);
        const closeFailed = faulty.open.size;
        expect(closeFailed).toBeLessThanOrEqual(1);
        room.remove();
        room = new TargetRoom();
        if (n > last) break;
      }
      expect(last).toBeGreaterThan(40);
      expect(last).toBeLessThan(400);
    },
  );

  it('in a full disk from then on leaves what was there, and a second run completes', () => {
    prepare();
    let isFull = true;
    const calls = replaceCalls((real) => ({
      write: (...values) => {
        if (!isFull) return real.write(...values);
        const [fd, bytes, offset, length, position] = values;
        if (length > 100) return real.write(fd, bytes, offset, 100, position);
        throw Object.assign(new Error('full'), { code: 'ENOSPC' });
      },
    }));
    expect(() => room.tree(calls).writeSmallFile(raw('/'), raw('old'), Buffer.alloc(250, 1), meta(), 'always')).toThrow(
      expect.objectContaining({ code: 'target-full' }),
    );
    expect(readFileSync(room.path('old'), 'utf8')).toBe(OLD);
    isFull = false;
    expect(restore(room.tree(calls))).toBe(0);
    expect(readFileSync(room.path('old'), 'utf8')).toBe(NEW);
  });

  it('is not needed for a short write: the rest is written', () => {
    const calls = replaceCalls((real) => ({
      write: (fd, bytes, offset, length, position) => real.write(fd, bytes, offset, Math.min(length, 777), position),
    }));
    expect(restore(room.tree(calls))).toBe(0);
    for (const name of ['d/e/small', 'd/big', 'old']) expect(readFileSync(room.path(name), 'utf8')).toBe(NEW);
  });

  it('for lack of descriptors is got over by closing directories', () => {
    const held = new Set<number>();
    const guard = (open: () => number): number => {
      if (held.size >= 8) throw Object.assign(new Error('too many'), { code: 'EMFILE' });
      const fd = open();
      held.add(fd);
      return fd;
    };
    const calls = replaceCalls((real) => ({
      openDirectory: (dir, name) => guard(() => real.openDirectory(dir, name)),
      createFile: (dir, name) => guard(() => real.createFile(dir, name)),
      close: (fd) => {
        held.delete(fd);
        real.close(fd);
      },
    }));
    const tree = room.tree(calls);
    for (let i = 0; i < 30; i++) {
      tree.makeDirectory(raw(`/d${i}/e`));
      tree.writeSmallFile(raw(`/d${i}/e`), raw('f'), Buffer.from(NEW), meta(), 'never');
    }
    for (let i = 0; i < 30; i++) expect(readFileSync(room.path(`d${i}/e/f`), 'utf8')).toBe(NEW);
  });

  it('with a name of the disk refuses that item only', () => {
    const tree = room.tree();
    expect(() => tree.writeSmallFile(raw('/'), raw('x'.repeat(256)), Buffer.from('a'), meta(), 'always')).toThrow(
      expect.objectContaining({ code: 'target-name-refused' }),
    );
    tree.writeSmallFile(raw('/'), raw('x'.repeat(255)), Buffer.from('a'), meta(), 'always');
    expect(readdirSync(room.root)).toEqual(['x'.repeat(255)]);
  });
});

describe('content of the wrong length', () => {
  it('is never given a final name', () => {
    const tree = room.tree();
    const content = Buffer.from('12345');
    expect(() => tree.writeSmallFile(raw('/'), raw('a'), content, meta({ size: 6 }), 'always')).toThrow();
    const temp = tree.createTemp(raw('/'), 6);
    tree.writeTemp(temp, content, 0);
    expect(() => tree.commitTemp(temp, raw('b'), meta(), 5)).toThrow();
    const other = tree.createTemp(raw('/'), 6);
    expect(() => tree.writeTemp(other, content, 2)).toThrow();
    tree.discardTemp(other);
    expect(readdirSync(room.root)).toEqual([]);
  });
});
