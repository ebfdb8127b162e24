import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { meta, raw, TargetRoom } from '../support/target-room.ts';

let room: TargetRoom;
beforeEach(() => {
  room = new TargetRoom();
});
afterEach(() => {
  room.remove();
});

/** What a thread does: everyone makes all directories, writes its share of files and slices of the big file. */
const PROGRAM = `
  import { workerData, parentPort } from 'node:worker_threads';
  const { base, root, run, index, threads, big, meta } = workerData;
  const { TargetTree } = await import(base + 'src/files/target.ts');
  const { loadTargetCalls } = await import(base + 'src/files/target-load.ts');
  const report = (problem) => parentPort.postMessage(problem);
  const tree = new TargetTree(root, loadTargetCalls(), { run, setsOwners: true, report, openDirectories: 8 });
  for (let i = 0; i < 600; i++) {
    const directory = '/d' + (i % 30) + '/e/f' + (i % 7);
    tree.makeDirectory(directory);
    if (i % threads === index) tree.writeSmallFile(directory, 'file' + i, Buffer.from('content ' + i), meta, 'if-changed');
  }
  for (let at = index * 65536; at < big.size; at += threads * 65536) {
    tree.writeTemp(big, Buffer.alloc(Math.min(65536, big.size - at), index + 1), at);
  }
  tree.close();
`;

describe('several threads on one tree', () => {
  it('make the same directories, write their files and fill one big file together', async () => {
    const threads = 4;
    const size = 5_000_000;
    const tree = room.tree();
    const big = tree.createTemp(raw('/d0'), size);
    const problems: unknown[] = [];
    const running = Array.from({ length: threads }, (_, index) => {
      const workerData = {
        base: new URL('../../', import.meta.url).href,
        root: room.root,
        run: room.run,
        index,
        threads,
        big,
        meta: meta(),
      };
      const url = new URL(`data:text/javascript,${encodeURIComponent(PROGRAM)}`);
      const worker = new Worker(url, { workerData, trackUnmanagedFds: false });
      worker.on('message', (problem) => problems.push(problem));
      return new Promise<void>((resolve, reject) => {
        worker.on('error', reject);
        worker.on('exit', () => resolve());
      });
    });
    await Promise.all(running);
    tree.commitTemp(big, raw('big'), meta(), size);
    expect(problems).toEqual([]);
    for (let i = 0; i < 600; i++) {
      expect(fs.readFileSync(room.path(`d${i % 30}/e/f${i % 7}/file${i}`), 'utf8')).toBe(`content ${i}`);
    }
    const bytes = fs.readFileSync(room.path('d0/big'));
    expect(bytes.length).toBe(size);
    for (let at = 0; at < size; at += 65536) expect(bytes[at]).toBe(((at / 65536) % threads) + 1);
    const names = fs.readdirSync(room.root, { recursive: true, encoding: 'utf8' });
    expect(names.filter((name) => name.includes('.ic-'))).toEqual([]);
  });
});

/** A restore that never ends: complete files are of one letter each, 300,000 bytes long. */
const ENDLESS = `
  const [base, root] = process.argv.slice(1);
  const { TargetTree } = await import(base + 'src/files/target.ts');
  const { loadTargetCalls } = await import(base + 'src/files/target-load.ts');
  const run = { pid: process.pid, token: 1, started: Date.now() };
  const tree = new TargetTree(root, loadTargetCalls(), { run, setsOwners: true, report() {} });
  const meta = { mode: 0o644, uid: process.geteuid(), gid: process.getegid(), mtime: 5n, size: 300000 };
  for (let i = 0; ; i++) {
    tree.makeDirectory('/d' + (i % 3));
    const part = Buffer.alloc(150000, 97 + (i % 26));
    tree.writeSmallFile('/d' + (i % 3), 'small' + (i % 20), [part, part], meta, 'always');
    const temp = tree.createTemp('/d' + (i % 3), 300000);
    tree.writeTemp(temp, part, 150000);
    tree.writeTemp(temp, part, 0);
    tree.commitTemp(temp, 'big' + (i % 20), meta, 300000);
    if (i === 30) console.log('running');
  }
`;

describe('a restore that is killed', () => {
  it('leaves complete files only, and its temporary files go with the next restore', async () => {
    const base = new URL('../../', import.meta.url).href;
    for (let kill = 0; kill < 6; kill++) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', ENDLESS, base, room.root]);
      await new Promise((resolve) => child.stdout.once('data', resolve));
      await new Promise((resolve) => setTimeout(resolve, 10 + 7 * kill));
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await gone;
      for (const name of fs.readdirSync(room.root, { recursive: true, encoding: 'utf8' })) {
        if (!/(small|big)\d+$/.test(name)) continue;
        const bytes = fs.readFileSync(room.path(name));
        expect([bytes.length, bytes.equals(Buffer.alloc(300_000, bytes[0]))], name).toEqual([300_000, true]);
      }
    }
    const tree = room.tree(undefined, { run: { ...room.run, started: Date.now() + 1000 } });
    for (let i = 0; i < 3; i++) tree.makeDirectory(raw(`/d${i}`));
    const names = fs.readdirSync(room.root, { recursive: true, encoding: 'utf8' });
    expect(names.filter((name) => name.includes('.ic-'))).toEqual([]);
    expect(names.length).toBeGreaterThan(40);
  });
});
