/**
 * The damage matrix: every kind of object × every way of damaging it. Verify names what is damaged, a restore gives back
 * what is not and nothing wrong, and the next backup goes on or says why it cannot.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IcecoreError, isIcecoreError, messageOf } from '../../src/base/errors.ts';
import { silentMonitor } from '../../src/base/monitor.ts';
import { rawFromText } from '../../src/base/raw.ts';
import { openBundle } from '../../src/seal/bundle.ts';
import { runBackup } from '../../src/work/backup.ts';
import {
  type Damage,
  damaged,
  damagesOf,
  deletion,
  flip,
  kindOf,
  type Objects,
  replacement,
  storeOf,
} from '../support/damage.ts';
import { DamagedWorld } from '../support/damaged-world.ts';
import { collectingMonitor } from '../support/repository.ts';

const SLOW = process.env.SLOW === '1';
/** What nothing depends on any more once a session has ended: it may go away, and prune removes it. */
const INERT = new Set(['claim']);

let world: DamagedWorld;
let foreign: Objects;
const counts = new Map<string, number>();

beforeAll(async () => {
  world = await DamagedWorld.create(1);
  const other = await DamagedWorld.create(2);
  foreign = other.objects;
  other.remove();
});
afterAll(() => {
  world.remove();
  if (SLOW) process.stderr.write(`damages: ${[...counts].map(([kind, count]) => `${kind} ${count}`).join(', ')}\n`);
});

function namesOf(kind: string): string[] {
  return [...world.objects.keys()].filter((name) => kindOf(name) === kind);
}

/** What verify says of a damage; an error of opening the repository counts, because then nothing is believed either. */
async function seen(damage: Damage, level: 'list' | 'data'): Promise<string[]> {
  const store = await damaged(world.objects, damage);
  try {
    const { findings } = await world.verify(store, { level, workers: 1 });
    return findings.map(({ object, code }) => `${object} ${code}`);
  } catch (error) {
    if (!(error instanceof IcecoreError) || error.kind === 'bug') throw error;
    expect(['damage', 'rollback', 'missing', 'key', 'config']).toContain(error.kind);
    return [`open ${error.code} ${JSON.stringify(error.data)}`];
  }
}

/** Runs all damages of a kind; returns those that went unseen, or were seen at another object only. */
async function unseen(kind: string, level: 'list' | 'data'): Promise<{ cases: number; unseen: string[] }> {
  const names = namesOf(kind);
  expect(names.length).toBeGreaterThan(0);
  const missed: string[] = [];
  let cases = 0;
  // Every object is deleted; all that can happen to the first (of packs) and the last is enough, unless there is time.
  const full = new Set([names.at(-1)!, ...(level === 'data' ? [names[0]!] : [])]);
  const damages = names.flatMap((name) =>
    SLOW || full.has(name) ? damagesOf(name, world.objects, foreign) : [deletion(name)],
  );
  for (const damage of damages) {
    if (INERT.has(kind) && damage.what.endsWith(' deleted')) continue;
    cases++;
    const found = await seen(damage, level);
    const isNamed = found.some((text) => text.startsWith('open ') || damage.names.some((name) => text.includes(name)));
    // A snapshot that is gone has no name any more; its writer and number say which it was.
    const isGone = kind === 'snapshot' && found.some((text) => text === 'snapshots/ snapshot-gone');
    if (!isNamed && !isGone) missed.push(`${damage.what}: ${found.join(', ') || 'nothing found'}`);
  }
  counts.set(kind, cases);
  return { cases, unseen: missed };
}

describe('verify', () => {
  it('finds nothing in a repository that is sound, on the host that made it and on one that knows nothing', async () => {
    const store = await storeOf(world.objects);
    for (const level of ['list', 'data'] as const) {
      const stats = await world.verify(store, { level });
      expect(stats.findings).toEqual([]);
      expect(stats).toMatchObject({ snapshots: 4, unindexedPacks: 0 });
      expect(stats.packsRead).toBe(level === 'data' ? stats.packs : namesOf('meta').length);
    }
  });

  it.each(['marker', 'config', 'gc', 'claim', 'index', 'snapshot', 'meta'])(
    'finds every damage to objects of kind %s without reading data',
    async (kind) => {
      const { cases, unseen: missed } = await unseen(kind, 'list');
      expect(cases).toBeGreaterThan(20);
      expect(missed).toEqual([]);
    },
  );

  it('finds every damage to data packs when it reads them', async () => {
    const { cases, unseen: missed } = await unseen('pack', 'data');
    expect(cases).toBeGreaterThan(60);
    expect(missed).toEqual([]);
  });

  it('finds data packs that are missing or of another length without reading them', async () => {
    for (const name of namesOf('pack')) {
      const half = replacement(name, 'cut', (bytes) => bytes.subarray(0, bytes.length >> 1));
      for (const damage of [deletion(name), half]) {
        expect((await seen(damage, 'list')).join(), damage.what).toContain(`${name} pack-`);
      }
    }
  });

  it('finds that all key files are gone; a damaged one is named when it is opened', async () => {
    const names = namesOf('key');
    const store = await storeOf(world.objects);
    const repo = await world.open(store);
    for (const name of names) await store.delete(name);
    const { findings } = await runVerifyOf(repo);
    await repo.close();
    expect(findings).toMatchObject([{ object: 'keys/', code: 'keys-missing' }]);
    await expect(world.verify(store, { level: 'list' })).rejects.toMatchObject({ kind: 'key', code: 'no-key' });
    for (const damage of damagesOf(names[0]!, world.objects, foreign)) {
      if (damage.what.endsWith(' deleted') || damage.what.endsWith(' swapped')) continue;
      const copy = new Map(world.objects);
      damage.apply(copy);
      const opened = openBundle(copy.get(names[0]!)!, { passphrase: 'correct horse' }, names[0]!);
      const result = await opened.then(
        ({ repo }) => (repo === foreignRepo() ? "another repository's" : 'opened'),
        (error: unknown) => (isIcecoreError(error) && error.kind !== 'bug' ? error.kind : messageOf(error)),
      );
      expect(['damage', 'key', "another repository's"], damage.what).toContain(result);
    }
  });

  it('warns that the texts that explain a recovery are missing, without calling it damage', async () => {
    const monitor = collectingMonitor();
    const store = await damaged(world.objects, deletion('RECOVERY.md'));
    expect((await world.verify(store, { level: 'list' }, monitor)).findings).toEqual([]);
    expect(monitor.problems.map(({ code, object }) => `${code} ${object}`)).toEqual(['recovery-missing RECOVERY.md']);
  });

  it('names the snapshots and the paths that need a damaged pack, and no others', async () => {
    const named = new Set<string>();
    for (const name of namesOf('pack')) {
      const bytes = world.objects.get(name)!;
      const damage = flip(name, 'the middle', bytes.length >> 1);
      const { findings } = await world.verify(await damaged(world.objects, damage), { level: 'data' });
      expect(findings).toHaveLength(1);
      expect(findings[0]).toMatchObject({ object: name, code: 'stream-damaged' });
      for (const path of findings[0]!.paths) named.add(path);
      // What is named cannot be restored, and everything else can.
      for (const [i, id] of world.snapshots.entries()) await expectRestored(damage, i, id, findings[0]!.paths);
    }
    expect([...named].some((path) => path.endsWith('one/large.bin'))).toBe(true);
  });

  it('restricts itself to one snapshot, and to a sample', async () => {
    const store = await storeOf(world.objects);
    const id = world.snapshots[0]!;
    const whole = await world.verify(store, { level: 'data' });
    const one = await world.verify(store, { level: 'data', snapshot: { id: id as never } });
    expect(one).toMatchObject({ snapshots: 1, findings: [] });
    expect(one.packsRead).toBeLessThan(whole.packsRead);
    expect(one.packsRead).toBe(one.packs);
    const metaPacks = namesOf('meta').length;
    const sample = await world.verify(store, { level: 'data', sample: { packs: 2 }, random: () => 0.5 });
    expect(sample.packsRead).toBe(metaPacks + 2);
    const share = await world.verify(store, { level: 'data', sample: { share: 1 } });
    expect(share.packsRead).toBe(whole.packsRead);
    const bytes = await world.verify(store, { level: 'data', sample: { bytes: 1 } });
    expect(bytes.packsRead).toBe(metaPacks + 1);
    // Damage elsewhere does not concern the first snapshot.
    const last = namesOf('pack').at(-1)!;
    const elsewhere = await damaged(world.objects, deletion(last));
    expect((await world.verify(elsewhere, { level: 'list', snapshot: { id: id as never } })).findings).toEqual([]);
    expect((await world.verify(elsewhere, { level: 'list' })).findings.map(({ object }) => object)).toEqual([last]);
  });

  it('needs a key that can read', async () => {
    const repo = await world.open(await storeOf(world.objects), 'write');
    try {
      await expect(runVerifyOf(repo)).rejects.toMatchObject({ kind: 'key', code: 'insufficient-key' });
    } finally {
      await repo.close();
    }
  });
});

/** One damage of each sort for every kind that restores and backups look at. */
function nextActionDamages(): Damage[] {
  return ['pack', 'meta', 'index', 'snapshot', 'config', 'gc', 'claim'].flatMap((kind) => {
    const name = namesOf(kind)[0]!;
    const all = damagesOf(name, world.objects, foreign);
    const wanted = [' deleted', ' flipped in middle', ...(SLOW ? [' swapped', "another repository's"] : [])];
    return wanted.flatMap((end) => all.find(({ what }) => what.endsWith(end)) ?? []);
  });
}

describe('after damage', () => {
  it('a restore gives back what is not affected, and never anything wrong', async () => {
    let restored = 0;
    for (const damage of nextActionDamages()) {
      for (const [i, id] of world.snapshots.entries()) {
        if (i === 0 || SLOW) restored += await expectRestored(damage, i, id);
      }
    }
    expect(restored).toBeGreaterThan(100);
  });

  it('a backup commits what it says it commits, or names what stops it', async () => {
    const outcomes = new Map<string, number>();
    writeFileSync(join(world.source, 'after.txt'), 'written after the damage');
    for (const damage of nextActionDamages()) {
      const store = await damaged(world.objects, damage);
      const result = await backupOn(store);
      outcomes.set(result.type, (outcomes.get(result.type) ?? 0) + 1);
      if (result.type === 'refused') continue;
      const { files } = await world.restore(store, result.id).catch(() => ({ files: new Map<string, Buffer>() }));
      for (const [path, content] of files) {
        const expected = world.contents.at(-1)!.get(path);
        if (expected) expect(content.equals(expected), `${damage.what}: ${path}`).toBe(true);
      }
    }
    expect(outcomes.get('committed')).toBeGreaterThan(0);
    expect(outcomes.get('refused')).toBeGreaterThan(0);
  });
});

function foreignRepo(): string {
  const marker = JSON.parse(Buffer.from(foreign.get('icecore.json')!).toString()) as { repo: string };
  return marker.repo;
}

async function runVerifyOf(repo: Parameters<typeof import('../../src/work/verify.ts').runVerify>[0]) {
  const { runVerify } = await import('../../src/work/verify.ts');
  return await runVerify(repo, { level: 'list' }, silentMonitor, new AbortController().signal);
}

/**
 * Restores one snapshot of a damaged store: every file is right or not there. With `lost` (`snapshot:path`) exactly
 * those are not there. @returns how many files were right
 */
async function expectRestored(damage: Damage, i: number, id: string, lost?: readonly string[]): Promise<number> {
  const store = await damaged(world.objects, damage);
  let files: ReadonlyMap<string, Buffer> = new Map();
  try {
    ({ files } = await world.restore(store, id));
  } catch (error) {
    const isNamed = isIcecoreError(error) && error.kind !== 'bug';
    expect(isNamed, `${damage.what}: ${messageOf(error)}`).toBe(true);
  }
  const expected = world.contents[i]!;
  for (const [path, content] of expected) {
    const found = files.get(path);
    if (found) expect(found.equals(content), `${damage.what}: ${path} has other content`).toBe(true);
    if (lost) expect(found === undefined, `${damage.what}: ${id}:${path}`).toBe(lost.includes(`${id}:${path}`));
  }
  return files.size;
}

async function backupOn(store: Awaited<ReturnType<typeof damaged>>) {
  try {
    const repo = await world.open(store, 'write', world.host());
    try {
      const stats = await runBackup(
        repo,
        {
          paths: [rawFromText(world.source)],
          host: 'host',
          user: 'user',
          tags: [],
          exclude: { patterns: [], files: [], ignoreFileNames: [], ifPresent: [], caches: false },
          oneFileSystem: false,
          force: false,
          ignoreCtime: false,
          ignoreInode: false,
          withAtime: false,
          dryRun: false,
          allowEmpty: false,
          workers: 1,
        },
        silentMonitor,
        new AbortController().signal,
      );
      return { type: 'committed' as const, id: stats.snapshot! };
    } finally {
      await repo.close();
    }
  } catch (error) {
    expect(isIcecoreError(error) && error.kind !== 'bug', messageOf(error)).toBe(true);
    return { type: 'refused' as const };
  }
}
