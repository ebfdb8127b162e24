/** The lock between processes of one host: it is taken in turn, and what a dead process leaves holds nobody up. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockFile } from '../../src/repo/lock-file.ts';
import { makeTestFolder } from '../support/test-folder.ts';

const never = new AbortController().signal;

describe('a lock between processes', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = makeTestFolder('lock');
    path = join(folder, 'state', 'commit.lock');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('is held by one at a time, and is gone afterwards', async () => {
    let holders = 0;
    const work = async () => {
      const give = await lockFile(path, never);
      expect(++holders).toBe(1);
      await sleep(5);
      holders--;
      give();
    };
    await Promise.all([work(), work(), work()]);
    expect(existsSync(path)).toBe(false);
  });

  it.each([
    ['of a process that is gone', '4194305 1'],
    ['of an earlier process of the same number', `${process.pid} 12345.6`],
    ['of a process that died before it could write its number', ''],
  ])('is taken over when it was left, %s', async (_what, content) => {
    mkdirSync(join(folder, 'state'));
    writeFileSync(path, content);
    const began = performance.now();
    const give = await lockFile(path, never);
    expect(performance.now() - began).toBeLessThan(5000);
    expect(readFileSync(path, 'utf8')).toMatch(new RegExp(`^${process.pid} `));
    give();
    expect(existsSync(path)).toBe(false);
  });

  it('does not remove a lock that is another one by now', async () => {
    const give = await lockFile(path, never);
    writeFileSync(path, '1 1');
    give();
    expect(readFileSync(path, 'utf8')).toBe('1 1');
  });

  it('is done without where it cannot be', async () => {
    writeFileSync(join(folder, 'state'), 'in the way');
    (await lockFile(path, never))();
  });

  it('stops waiting when the run is cancelled', async () => {
    const give = await lockFile(path, never);
    const controller = new AbortController();
    const waiting = lockFile(path, controller.signal);
    setTimeout(() => controller.abort(), 40);
    await expect(waiting).rejects.toMatchObject({ kind: 'cancelled' });
    give();
  });
});
