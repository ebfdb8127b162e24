/**
 * Backups to a bucket and restores from it that are killed at every HTTP request, before it has its effect and before it
 * is answered: nothing is lost, the next run succeeds, ends the uploads of the dead one, and uses what that one stored.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { countOperations, type Death, deathsOf, type Scenario, survive } from '../support/crash-lab.ts';
import { type Random, seededBytes, seededRandom } from '../support/random.ts';
import { steppingClock, TestRepository } from '../support/repository.ts';
import { BUCKET, useS3Room } from '../support/s3-room.ts';
import { bytesOf, inBuckets, openBucket, type Remains } from '../support/s3-stage.ts';
import { makeTestFolder } from '../support/test-folder.ts';
import { treeState } from '../support/tree-state.ts';

vi.mock('node:worker_threads', async (original) => {
  const { withInProcessWorkers } = await import('../support/in-process-workers.ts');
  return withInProcessWorkers(await original());
});

const SLOW = process.env.SLOW !== undefined;
const SEED = Number(process.env.SEED ?? 1);
/** Deaths a scenario without SLOW. */
const SAMPLE = 2;
const AHEAD_MS = 3_600_000;
const MIB = 1 << 20;

/** Two parts. */
const PACK_BYTES = 6 * MIB;
/** What a first backup has in one file: a pack and a little, or several. */
const LARGE_BYTES = (SLOW ? 20 : 6.5) * MIB;
const SIZES = { packBytes: PACK_BYTES, coldMinimum: PACK_BYTES - MIB };
const folders: string[] = [];
const room = useS3Room();

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A tree of small files, and one large one. */
function makeTree(largeBytes: number): string {
  const source = makeTestFolder('source');
  folders.push(source);
  for (let i = 0; i < 6; i++) {
    mkdirSync(join(source, `dir ${i % 3}`), { recursive: true });
    writeFileSync(join(source, `dir ${i % 3}`, `file ${i}`), seededBytes(5000, SEED * 100 + i));
  }
  writeFileSync(join(source, 'large'), seededBytes(largeBytes, SEED));
  return source;
}

async function makeRepository(url: Parameters<typeof openBucket>[0], storageClass: string): Promise<TestRepository> {
  const store = await openBucket(url, BUCKET);
  const clock = steppingClock(AHEAD_MS);
  const test = await TestRepository.create({ store, clock, storageClass, ...SIZES });
  folders.push(test.folder);
  return test;
}

type Make = (test: TestRepository) => Promise<Omit<Scenario, 'name' | 'base'>>;

/** Packs of two parts in the class of the repository, and what is left in STANDARD. */
const firstBackup: Make = async () => {
  const source = makeTree(LARGE_BYTES);
  return { source, snapshots: new Map(), run: (test) => test.backup([source]), makes: treeState(source) };
};

/** A pack of two parts. */
const incremental: Make = async (base) => {
  const source = makeTree(MIB);
  const first = treeState(source);
  const { snapshot } = await base.backup([source]);
  writeFileSync(join(source, 'new'), seededBytes(6 * MIB, SEED + 1));
  writeFileSync(join(source, 'dir 1', 'file 1'), seededBytes(4000, SEED + 2));
  return {
    source,
    snapshots: new Map([[snapshot!, first]]),
    run: (test) => test.backup([source]),
    makes: treeState(source),
  };
};

const restore: Make = async (base) => {
  const source = makeTree(6 * MIB);
  const { snapshot } = await base.backup([source]);
  const state = treeState(source);
  return {
    source,
    snapshots: new Map([[snapshot!, state]]),
    run: (test, target) => test.restore(snapshot!, source, target),
    restores: { from: new Map(), to: state },
  };
};

const MOMENTS = ['before', 'after'] as const;

function pointIn(requests: number, random: Random): Death['point'] {
  return { operation: 1 + Math.floor(random() * requests), when: MOMENTS[Math.floor(random() * 2)]! };
}

function sample(deaths: readonly Death[], random: Random): readonly Death[] {
  if (SLOW) return deaths;
  return deaths
    .map((death) => ({ death, order: random() }))
    .sort((a, b) => a.order - b.order)
    .slice(0, SAMPLE)
    .map(({ death }) => death);
}

describe.each([
  ['a first backup to DEEP_ARCHIVE', 'DEEP_ARCHIVE', firstBackup],
  ['an incremental backup to STANDARD', 'STANDARD', incremental],
  ['a restore', 'STANDARD', restore],
] as const)('%s that is killed', (name, storageClass, make) => {
  it('loses nothing at any HTTP request, and leaves no upload', { timeout: 1_800_000 }, async () => {
    const server = await room().serve();
    const base = await makeRepository(server, storageClass);
    const scenario: Scenario = { name, base, ...(await make(base)) };
    const remains: Remains = { mostBytes: 0, strayUploads: 0 };
    const setStage = inBuckets(server, server.bucket(BUCKET), remains);
    const requests = await countOperations(scenario, setStage);
    const operations = server.requests.slice(-requests).map(({ operation }) => operation);
    const completion = operations.indexOf('CompleteMultipartUpload');
    const wholeBytes = remains.mostBytes;
    const random = seededRandom(SEED);
    const deaths = [...sample(deathsOf(requests, MOMENTS), random)];
    // One that leaves an upload is always among them.
    if (scenario.makes) deaths.push({ point: { operation: completion + 1, when: 'before' }, local: 'kept' });
    const wrong: unknown[] = [];
    for (const death of deaths) {
      const lines = await survive(scenario, death, undefined, setStage);
      if (lines.length > 0) wrong.push({ seed: SEED, ...death, lines });
    }
    const twice = SLOW ? 12 : 1;
    for (let i = 0; i < twice; i++) {
      const death = { point: pointIn(requests, random), local: 'kept' } as const;
      const again = pointIn(requests, random);
      const lines = await survive(scenario, death, again, setStage);
      if (lines.length > 0) wrong.push({ seed: SEED, ...death, again, lines });
    }
    console.info(
      `${name}, seed ${SEED}: ${requests} requests, killed at ${deaths.length} points and ${twice} times twice, ${wrong.length} wrong; ` +
        `${remains.strayUploads} unfinished uploads ended; at most ${remains.mostBytes} bytes, ${wholeBytes} without a kill`,
    );
    expect(wrong).toEqual([]);
    // Each run that died leaves what it had stored, at most.
    const made = wholeBytes - bytesOf(server.bucket(BUCKET));
    expect(remains.mostBytes).toBeLessThan(wholeBytes + 2 * made + MIB);
    if (scenario.makes) expect(remains.strayUploads).toBeGreaterThan(0);
  });
});
