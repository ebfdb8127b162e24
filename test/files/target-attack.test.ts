import * as fs from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TargetCalls } from '../../src/files/target-calls.ts';
import { loadTargetCalls } from '../../src/files/target-load.ts';
import { NodeTargetCalls } from '../../src/files/target-node.ts';
import { meta, raw, replaceCalls, TargetRoom } from '../support/target-room.ts';

let room: TargetRoom;
let victim: string;
beforeEach(() => {
  room = new TargetRoom();
  victim = join(room.base, 'victim');
  fs.mkdirSync(victim);
  fs.writeFileSync(join(victim, 'f'), 'precious', { mode: 0o600 });
  fs.utimesSync(join(victim, 'f'), 1000, 1000);
  fs.mkdirSync(room.root);
});
afterEach(() => {
  expectVictimUntouched();
  room.remove();
});

function expectVictimUntouched(): void {
  expect(fs.readdirSync(victim)).toEqual(['f']);
  const stats = fs.statSync(join(victim, 'f'));
  expect([fs.readFileSync(join(victim, 'f'), 'utf8'), stats.mode & 0o7777, stats.mtimeMs, stats.nlink]).toEqual([
    'precious',
    0o600,
    1_000_000,
    1,
  ]);
}

const IN_THE_WAY = expect.objectContaining({ code: 'symlink-in-the-way' });
const kinds: [string, () => TargetCalls][] = [
  ['the C library', loadTargetCalls],
  ['/proc', () => new NodeTargetCalls(true)],
  ['plain paths', () => new NodeTargetCalls(false)],
];

describe.each(kinds)('a symbolic link in the target, with %s,', (_name, load) => {
  it('is not followed where a directory goes', () => {
    fs.symlinkSync(victim, room.path('d'));
    fs.mkdirSync(room.path('sub'));
    fs.symlinkSync('../../victim', room.path('sub/d'));
    const tree = room.tree(load());
    for (const directory of ['/d', '/sub/d', '/d/new', '/sub/d/e/f'].map(raw)) {
      expect(() => tree.makeDirectory(directory)).toThrow(IN_THE_WAY);
      expect(() => tree.writeSmallFile(directory, raw('f'), Buffer.from('evil'), meta(), 'always')).toThrow(IN_THE_WAY);
      expect(() => tree.createTemp(directory, 5)).toThrow(IN_THE_WAY);
      expect(() => tree.symlink(directory, raw('f'), raw('x'), meta(), 'always')).toThrow(IN_THE_WAY);
      expect(() => tree.finishDirectory(directory, meta({ mode: 0o777 }))).toThrow(IN_THE_WAY);
    }
  });

  it('is replaced, not followed, where a file goes', () => {
    const tree = room.tree(load());
    for (const name of ['a', 'b', 'c', 'd']) fs.symlinkSync(join(victim, 'f'), room.path(name));
    tree.writeSmallFile(raw('/'), raw('a'), Buffer.from('evil'), meta({ mode: 0o666 }), 'always');
    const temp = tree.createTemp(raw('/'), 4);
    tree.writeTemp(temp, Buffer.from('evil'), 0);
    tree.commitTemp(temp, raw('b'), meta({ mode: 0o666 }), 4);
    tree.symlink(raw('/'), raw('c'), raw('x'), meta({ mode: 0o666 }), 'always');
    tree.link(raw('/'), raw('a'), raw('/'), raw('d'), { type: 'file', mtime: 0n }, 'always');
    expect(['a', 'b', 'd'].map((name) => fs.lstatSync(room.path(name)).isFile())).toEqual([true, true, true]);
    expect(fs.readlinkSync(room.path('c'))).toBe('x');
  });

  it('made by the snapshot itself is not followed by what comes after', () => {
    const tree = room.tree(load());
    tree.symlink(raw('/'), raw('d'), raw(victim), meta(), 'always');
    expect(() => tree.writeSmallFile(raw('/d'), raw('f'), Buffer.from('evil'), meta(), 'always')).toThrow(IN_THE_WAY);
    expect(() => tree.makeDirectory(raw('/d'))).toThrow(IN_THE_WAY);
  });
});

describe('a symbolic link that is swapped in during the restore', () => {
  it('for a directory that is open diverts nothing', () => {
    const tree = room.tree();
    tree.makeDirectory(raw('/a/b'));
    fs.renameSync(room.path('a'), room.path('moved'));
    fs.mkdirSync(join(victim, 'b'));
    fs.symlinkSync(victim, room.path('a'));
    tree.writeSmallFile(raw('/a/b'), raw('f'), Buffer.from('x'), meta(), 'always');
    tree.finishDirectory(raw('/a/b'), meta({ mode: 0o755 }));
    expect(fs.readdirSync(room.path('moved/b'))).toEqual(['f']);
    fs.rmdirSync(join(victim, 'b'));
  });

  it('at any call of a restore diverts nothing', () => {
    let total = 100;
    for (let n = 1; n <= total; n++) {
      let count = 0;
      const swap = (): void => {
        count += 1;
        if (count !== n) return;
        // Everything that exists by then, and the temporary names too, become links to the victim.
        for (const name of fs.readdirSync(room.root)) {
          const path = room.path(name);
          const isDirectory = fs.lstatSync(path).isDirectory();
          fs.renameSync(path, join(room.base, `gone-${n}-${name}`));
          fs.symlinkSync(isDirectory ? victim : join(victim, 'f'), path);
        }
      };
      const calls = new Proxy(loadTargetCalls(), {
        get: (target, name) => {
          const value: unknown = Reflect.get(target, name, target);
          if (typeof value !== 'function') return value;
          return (...values: unknown[]): unknown => {
            swap();
            return Reflect.apply(value, target, values);
          };
        },
      });
      const tree = room.tree(calls);
      const steps: (() => unknown)[] = [
        () => tree.makeDirectory(raw('/a')),
        () => tree.writeSmallFile(raw('/a'), raw('f'), Buffer.from('evil'), meta({ mode: 0o666, mtime: 1n }), 'always'),
        () =>
          tree.writeSmallFile(raw('/'), raw('f'), Buffer.from('evil'), meta({ mode: 0o666, mtime: 1n }), 'if-changed'),
        () => tree.fifo(raw('/'), raw('p'), meta({ mode: 0o666, mtime: 1n }), 'always'),
        () => tree.symlink(raw('/'), raw('l'), raw('x'), meta({ mtime: 1n }), 'always'),
        () => tree.finishDirectory(raw('/a'), meta({ mode: 0o777, mtime: 1n })),
      ];
      for (const step of steps) {
        try {
          step();
        } catch {
          // Failing is right.
        }
      }
      tree.close();
      total = count;
      expectVictimUntouched();
      fs.rmSync(room.root, { recursive: true });
      fs.mkdirSync(room.root);
      for (const name of fs.readdirSync(room.base))
        if (name.startsWith('gone-')) fs.rmSync(join(room.base, name), { recursive: true });
    }
    expect(total).toBeGreaterThan(20);
  });

  it('for a file between the look and the opening is not read through', () => {
    fs.writeFileSync(room.path('f'), 'x');
    const calls = replaceCalls((real) => ({
      openFile: (dir, name) => {
        fs.unlinkSync(room.path('f'));
        fs.symlinkSync(join(victim, 'f'), room.path('f'));
        return real.openFile(dir, name);
      },
    }));
    expect(room.tree(calls).openExisting(raw('/'), raw('f'))).toBeUndefined();
  });

  it('again and again by another thread diverts nothing', async () => {
    const worker = new Worker(
      `const fs = require('node:fs');
       const { workerData: { path, aside, victim } } = require('node:worker_threads');
       for (;;) {
         try { fs.renameSync(path, aside); fs.symlinkSync(victim, path); fs.unlinkSync(path); fs.renameSync(aside, path); } catch {}
       }`,
      { eval: true, workerData: { path: room.path('d'), aside: room.path('aside'), victim } },
    );
    await new Promise((resolve) => worker.once('online', resolve));
    const outcomes = { written: 0, failed: 0 };
    const end = Date.now() + 700;
    for (let i = 0; Date.now() < end; i++) {
      const tree = room.tree(undefined, { openDirectories: 4 });
      try {
        tree.makeDirectory(raw('/d'));
        tree.writeSmallFile(raw('/d'), raw(`f${i % 50}`), Buffer.from('evil'), meta(), 'always');
        tree.finishDirectory(raw('/d'), meta({ mode: 0o700 }));
        outcomes.written += 1;
      } catch {
        outcomes.failed += 1;
      }
      tree.close();
    }
    await worker.terminate();
    expect(outcomes.written).toBeGreaterThan(0);
  });
});
