/**
 * Whole lives of a repository on stores of every kind that fail, lie and forget by seed, without anything that asks
 * again in between: what is said to have worked has, everything else is an error with a name.
 */
import { rmSync } from 'node:fs';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { openDirectoryStore } from '../../src/store/directory.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import type { Store } from '../../src/store/store.ts';
import { tryLife } from '../support/fault-lab.ts';
import { FaultyStore } from '../support/faulty-store.ts';
import { BUCKET, useS3Room } from '../support/s3-room.ts';
import { openBucket } from '../support/s3-stage.ts';
import { makeLife } from '../support/small-life.ts';
import { makeTestFolder } from '../support/test-folder.ts';

vi.mock('node:worker_threads', async (original) => {
  const { withInProcessWorkers } = await import('../support/in-process-workers.ts');
  return withInProcessWorkers(await original());
});

const SEEDS = process.env.SEED
  ? [Number(process.env.SEED)]
  : Array.from({ length: process.env.SLOW === undefined ? 2 : 200 }, (_, i) => i + 1);
const room = useS3Room();
const folders: string[] = [];

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

async function inDirectory(): Promise<Store> {
  const folder = makeTestFolder('store');
  folders.push(folder);
  return await openDirectoryStore(folder, { create: true });
}

describe.each([
  ['memory', async () => new MemoryStore()],
  ['a directory', inDirectory],
  ['a bucket', async () => openBucket(await room().serve(), BUCKET)],
] as const)('a life on faulty %s', (name, open: () => Promise<Store>) => {
  it('ends right, or in errors with names', { timeout: 3_600_000 }, async () => {
    const wrong: unknown[] = [];
    const refusals = new Map<string, number>();
    let succeeded = 0;
    let faults = 0;
    for (const seed of SEEDS) {
      const store = await open();
      const life = await makeLife(store, seed, 200_000, 100_000);
      const opened: FaultyStore[] = [];
      const outcome = await tryLife(life, {
        honest: async () => store,
        faulty: async () => {
          // From one fault in a run to several.
          const faulty = new FaultyStore(store, { seed: seed * 100 + opened.length, rate: 0.012 * (1 + (seed % 6)) });
          opened.push(faulty);
          return faulty;
        },
      });
      life.remove();
      succeeded += outcome.succeeded;
      faults += opened.reduce((sum, faulty) => sum + faulty.faults.length, 0);
      for (const code of outcome.refusals) refusals.set(code, (refusals.get(code) ?? 0) + 1);
      const injected = opened.flatMap((faulty) => faulty.faults.map((fault) => JSON.stringify(fault)));
      if (outcome.wrong.length > 0) wrong.push({ seed, lines: outcome.wrong, injected });
      await store.close();
    }
    const codes = [...refusals].map(([code, count]) => `${count} ${code}`).join(', ');
    console.info(
      `${name}: ${SEEDS.length} lives, ${faults} faults, ${wrong.length} wrong; ${succeeded} runs right, others: ${codes}`,
    );
    expect(wrong).toEqual([]);
  });
});
