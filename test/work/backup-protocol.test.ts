/**
 * The writer's side of the protocol as others meet it: how much a backup asks of the store, two of them at once, lost
 * answers, a session that was revoked, and packs that were condemned.
 */
import {
  appendFileSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { IcecoreError } from '../../src/base/errors.ts';
import type { SessionId } from '../../src/base/ids.ts';
import { silentMonitor } from '../../src/base/monitor.ts';
import { decodeClaim } from '../../src/format/claim.ts';
import { listPacks, makePackRanges } from '../../src/format/fields.ts';
import { encodeGcRecord } from '../../src/format/gc-record.ts';
import { gcName, packName, parseName, snapshotName } from '../../src/format/layout.ts';
import { encodeRevocation } from '../../src/format/snapshot.ts';
import { loadSnapshots } from '../../src/repo/snapshots.ts';
import { createHeader } from '../../src/seal/age-header.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import type { BackupStats } from '../../src/work/backup.ts';
import { runVerify } from '../../src/work/verify.ts';
import { KillableStore } from '../support/faulty-store.ts';
import { HookStore } from '../support/hook-store.ts';
import { seededBytes } from '../support/random.ts';
import { RecordingStore } from '../support/recording-store.ts';
import { collectingMonitor, steppingClock, TestRepository } from '../support/repository.ts';
import { makeTestFolder } from '../support/test-folder.ts';
import { type TreeState, treeDifferences, treeState } from '../support/tree-state.ts';

vi.mock('node:worker_threads', async (original) => {
  const { withInProcessWorkers } = await import('../support/in-process-workers.ts');
  return withInProcessWorkers(await original());
});

const AHEAD_MS = 3_600_000;

describe('a backup', () => {
  let source: string;
  let store: MemoryStore;
  let test: TestRepository;

  beforeEach(async () => {
    source = join(makeTestFolder('source'), 'tree');
    for (let i = 0; i < 60; i++) {
      mkdirSync(join(source, `dir ${i % 6}`), { recursive: true });
      writeFileSync(join(source, `dir ${i % 6}`, `file ${i}`), seededBytes(5000, i));
    }
    store = new MemoryStore();
    test = await TestRepository.create({
      store,
      chunkBytes: 16_384,
      packBytes: 65_536,
      clock: steppingClock(AHEAD_MS),
    });
  });

  afterEach(() => {
    test.remove();
    rmSync(dirname(source), { recursive: true, force: true });
  });

  async function namesOf(prefix: string): Promise<string[]> {
    const names: string[] = [];
    for await (const { name } of store.list(prefix)) names.push(name);
    return names;
  }

  /** Backs up through a store that records. */
  async function recorded(): Promise<{ stats: BackupStats; recording: RecordingStore }> {
    const recording = new RecordingStore(store);
    return { stats: await test.on(recording).backup([source]), recording };
  }

  /** The same, when nothing has changed since the last: repeated when others have touched a parent of the source. */
  async function recordedAgain(): Promise<{ stats: BackupStats; recording: RecordingStore }> {
    for (;;) {
      const before = changed();
      await test.backup([source]);
      const made = await recorded();
      if (changed() === before) return made;
    }
  }

  /** When the parents of the source have changed last. */
  function changed(): string {
    const times: bigint[] = [];
    for (let path = dirname(source); path !== '/'; path = dirname(path))
      times.push(statSync(path, { bigint: true }).ctimeNs);
    return times.join();
  }

  async function differences(snapshot: string | undefined, expected: TreeState = treeState(source)): Promise<string[]> {
    // Not beside the source: its parents are in the snapshot, and must not change between two backups.
    const target = mkdtempSync(join(test.folder, 'target-'));
    try {
      await test.restore(snapshot!, source, target);
      return treeDifferences(expected, treeState(target));
    } finally {
      rmSync(target, { recursive: true, force: true });
    }
  }

  async function findings(): Promise<readonly unknown[]> {
    const stats = await test.use((repo) =>
      runVerify(repo, { level: 'data', workers: 1 }, silentMonitor, new AbortController().signal),
    );
    return stats.findings;
  }

  /** The foreign packs that the claims of a session name. */
  async function claimed(sid: string): Promise<string[]> {
    return await test.use(async (repo) => {
      const names: string[] = [];
      for (const name of await namesOf(`claims/${sid}/`)) {
        const claim = decodeClaim((await repo.objects.get('claim', name, { cache: false })).payload, name);
        for (const pack of listPacks(claim.packs)) names.push(packName(pack.sid, pack.number));
      }
      return names;
    });
  }

  /** What prune does: a record that condemns all packs of a session. */
  async function condemn(sid: string): Promise<void> {
    const packs = [...(await namesOf(`packs/${sid}/`)), ...(await namesOf(`meta/${sid}/`))].map(
      (name) => parseName(name)!,
    );
    const ranges = (kind: 'pack' | 'meta') =>
      makePackRanges(packs.flatMap((pack) => (pack.kind === kind ? [{ sid: pack.sid, number: pack.number }] : [])));
    await test.use(async (repo) => {
      const record = {
        n: 1,
        prev: null,
        time: new Date().toISOString(),
        condemned: { packs: ranges('pack'), meta: ranges('meta') },
        ...{ forgotten: [], recalled: [], revoked: [] },
      };
      await repo.objects.save(
        'gc',
        gcName(1),
        encodeGcRecord(record),
        await createHeader(repo.config.recipients.meta),
        { cache: false },
      );
    }, 'write');
  }

  /** Deletes the packs and the index objects of a session: what relied on them is lost. */
  async function deletePacks(sid: string): Promise<void> {
    for (const folder of ['packs', 'meta', 'index']) {
      for (const name of await namesOf(`${folder}/${sid}/`)) await store.delete(name);
    }
  }

  describe('costs', () => {
    it('at most 8 calls when nothing has changed, however often it runs', async () => {
      for (let i = 0; i < 4; i++) {
        const { stats, recording } = await recordedAgain();
        expect(stats).toMatchObject({ filesUnchanged: 60, filesChanged: 0, bytesRead: 0, packs: 0 });
        expect(recording.calls.length, recording.lines().join('\n')).toBeLessThanOrEqual(8);
        expect(recording.lines('put').map((line) => line.split('/')[0])).toEqual(['put claims', 'put snapshots']);
        expect(await differences(stats.snapshot)).toEqual([]);
      }
    });

    it('the same when there are hard links, whose segments are made anew each time', async () => {
      linkSync(join(source, 'dir 2', 'file 2'), join(source, 'dir 2', 'also file 2'));
      await test.backup([source]);
      const { stats, recording } = await recordedAgain();
      expect(stats).toMatchObject({ filesChanged: 0, bytesRead: 0, packs: 0 });
      expect(recording.lines('put').map((line) => line.split('/')[0])).toEqual(['put claims', 'put snapshots']);
    });

    it('a pack of data and one of metadata when one file has changed, both small', async () => {
      await test.backup([source]);
      appendFileSync(join(source, 'dir 2', 'file 2'), 'more');
      const { stats, recording } = await recorded();
      expect(stats).toMatchObject({
        filesUnchanged: 59,
        filesChanged: 1,
        bytesRead: 5004,
        bytesNew: expect.any(Number),
      });
      const puts = recording.lines('put').map((line) => line.split('/')[0]);
      expect(puts.toSorted()).toEqual(['put claims', 'put index', 'put meta', 'put packs', 'put snapshots']);
      expect(stats.bytesStored).toBeLessThan(32_768);
      expect(await differences(stats.snapshot)).toEqual([]);
    });

    it('no pack of data when a file was only touched, or copied, or moved', async () => {
      await test.backup([source]);
      utimesSync(join(source, 'dir 1', 'file 1'), 1e9, 1.5e9);
      copyFileSync(join(source, 'dir 1', 'file 7'), join(source, 'a copy'));
      const { stats, recording } = await recorded();
      expect(recording.lines('put').filter((line) => line.startsWith('put packs/'))).toEqual([]);
      expect(stats).toMatchObject({ filesUnchanged: 59, filesChanged: 1, filesNew: 1, bytesNew: 0 });
      expect(await differences(stats.snapshot)).toEqual([]);
    });

    it('no pack of data when the host has lost all that it knew', async () => {
      await test.backup([source]);
      test.loseLocalState();
      const { stats, recording } = await recorded();
      expect(recording.lines('put').filter((line) => line.startsWith('put packs/'))).toEqual([]);
      expect(stats).toMatchObject({ bytesRead: 300_000, bytesNew: 0 });
      expect(await differences(stats.snapshot)).toEqual([]);
    });
  });

  describe('whose answer is lost', () => {
    const lost = () => new IcecoreError('store', 'timeout', 'no answer came');

    it('has succeeded when its snapshot is there', async () => {
      const hooked = new HookStore(store, {
        after: (operation, name) => {
          if (operation === 'put' && name.startsWith('snapshots/')) throw lost();
        },
      });
      const stats = await test.on(hooked).backup([source]);
      expect(await namesOf('snapshots/')).toEqual([snapshotName(stats.snapshot as SessionId)]);
      expect(await differences(stats.snapshot)).toEqual([]);
      expect(await test.backup([source])).toMatchObject({ parent: stats.snapshot, filesUnchanged: 60 });
      expect(await findings()).toEqual([]);
    });

    it('has succeeded when the store has tried again and found the snapshot there', async () => {
      const hooked = new HookStore(store, {});
      hooked.put = async (name, body, options) => {
        const result = await store.put(name, body, options);
        return name.startsWith('snapshots/') ? { outcome: 'exists', size: 0 } : result;
      };
      const stats = await test.on(hooked).backup([source]);
      expect(await namesOf('snapshots/')).toEqual([snapshotName(stats.snapshot as SessionId)]);
      expect(await test.backup([source])).toMatchObject({ parent: stats.snapshot, filesUnchanged: 60 });
      expect(await findings()).toEqual([]);
    });

    it('fails with the error of the store when its snapshot is not there, and leaves its packs to the next', async () => {
      const hooked = new HookStore(store, {
        before: (operation, name) => {
          if (operation === 'put' && name.startsWith('snapshots/')) throw lost();
        },
      });
      await expect(test.on(hooked).backup([source])).rejects.toMatchObject({ kind: 'store', code: 'timeout' });
      expect(await namesOf('snapshots/')).toEqual([]);
      const packs = await namesOf('packs/');
      const stats = await test.backup([source]);
      expect(await namesOf('packs/')).toEqual(packs);
      expect(await differences(stats.snapshot)).toEqual([]);
    });
  });

  it('stores packs before the index that names them, and everything before the snapshot, however slow the store is', async () => {
    writeFileSync(join(source, 'large'), seededBytes(5_000_000, 3));
    const under = new Set<string>();
    const early: string[] = [];
    const hooked = new HookStore(store, {
      before: (operation, name) => {
        if (operation !== 'put') return;
        if (/^(index|snapshots)\//.test(name)) early.push(...[...under].map((other) => `${name} before ${other}`));
        under.add(name);
      },
      after: async (operation, name) => {
        if (operation !== 'put') return;
        await sleep(name.startsWith('packs/') ? 120 : 60);
        under.delete(name);
      },
    });
    const { snapshot } = await test.on(hooked).backup([source]);
    expect((await namesOf('packs/')).length).toBeGreaterThan(2);
    expect(early).toEqual([]);
    expect(await differences(snapshot)).toEqual([]);
  });

  it('reads again what was changed in the second in which the last one began, even if nothing shows it', async () => {
    const path = join(source, 'dir 3', 'file 3');
    // The repository's clock is ahead: this is the second in which its next backup begins.
    const time = Math.floor((Date.now() + AHEAD_MS) / 1000) + 1.5;
    utimesSync(path, time, time);
    await test.backup([source], { ignoreCtime: true });
    writeFileSync(path, seededBytes(5000, 4711));
    utimesSync(path, time, time);
    const stats = await test.backup([source], { ignoreCtime: true });
    expect(stats).toMatchObject({ filesChanged: 1, filesUnchanged: 59 });
    expect(await differences(stats.snapshot)).toEqual([]);
  });

  it('takes over packs that a killed one stored and did not index', async () => {
    const killable = new KillableStore(
      new HookStore(store, {
        before: (operation, name) => {
          if (operation === 'put' && name.startsWith('index/')) throw new Error('killed');
        },
      }),
    );
    await expect(test.on(killable).backup([source])).rejects.toThrow();
    const packs = await namesOf('packs/');
    expect(packs.length).toBeGreaterThan(0);
    const stats = await test.backup([source]);
    expect(await namesOf('packs/')).toEqual(packs);
    expect(stats.bytesNew).toBe(0);
    expect(await claimed(stats.snapshot!)).toEqual(expect.arrayContaining(packs));
    expect(await differences(stats.snapshot)).toEqual([]);
    expect(await findings()).toEqual([]);
  });

  it('that was taken for dead and revoked starts over with its packs', async () => {
    let revoked: SessionId | undefined;
    const hooked = new HookStore(store, {
      before: async (operation, name) => {
        if (operation !== 'put' || !name.startsWith('snapshots/') || revoked) return;
        revoked = parseName(name)!.sid as SessionId;
        await test.use(async (repo) => {
          const payload = encodeRevocation({
            sid: revoked!,
            time: new Date().toISOString(),
            by: repo.keyring.writer!.id,
          });
          const header = await createHeader(repo.config.recipients.meta);
          await repo.objects.save('snapshot', name, payload, header, { cache: false });
        }, 'write');
      },
    });
    const stats = await test.on(hooked).backup([source]);
    expect(revoked).toBeDefined();
    expect(stats.snapshot).not.toBe(revoked);
    const packs = await namesOf('packs/');
    expect(packs.every((name) => name.startsWith(`packs/${revoked}/`))).toBe(true);
    expect(await claimed(stats.snapshot!)).toEqual(expect.arrayContaining(packs));
    const listed = await test.use(async (repo) =>
      (await loadSnapshots(repo)).snapshots.map(({ snapshot }) => snapshot.id),
    );
    expect(listed).toEqual([stats.snapshot]);
    expect(await differences(stats.snapshot)).toEqual([]);
    expect(await findings()).toEqual([]);
    expect(await test.backup([source])).toMatchObject({ parent: stats.snapshot, filesUnchanged: 60 });
  });

  describe('after prune has condemned packs', () => {
    it('of its parent, stores what it needs again and relies on none of them', async () => {
      const first = (await test.backup([source])).snapshot!;
      await condemn(first);
      const stats = await test.backup([source]);
      await deletePacks(first);
      expect(await differences(stats.snapshot)).toEqual([]);
      const next = await recordedAgain();
      expect(next.stats).toMatchObject({ filesUnchanged: 60, packs: 0 });
      expect(next.recording.calls.length).toBeLessThanOrEqual(8);
      expect(await differences(next.stats.snapshot)).toEqual([]);
    });

    it('of others, does the same', async () => {
      const first = (await test.backup([source])).snapshot!;
      await condemn(first);
      test.loseLocalState();
      const stats = await test.backup([source]);
      await deletePacks(first);
      expect(await differences(stats.snapshot)).toEqual([]);
    });

    it.each([
      ['before it lists the records', 'list', 'gc/'],
      ['before it commits', 'put', 'index/'],
    ] as const)('of its parent, %s, does the same', async (_when, operation, prefix) => {
      const first = (await test.backup([source])).snapshot!;
      appendFileSync(join(source, 'dir 2', 'file 2'), 'more');
      let isDone = false;
      const hooked = new HookStore(store, {
        before: async (called, name) => {
          if (called !== operation || !name.startsWith(prefix) || isDone) return;
          isDone = true;
          await condemn(first);
        },
      });
      const stats = await test.on(hooked).backup([source]);
      expect(isDone).toBe(true);
      if (prefix === 'gc/') {
        await deletePacks(first);
        expect(await differences(stats.snapshot)).toEqual([]);
      } else {
        // Prune lists claims after its record: it sees this session's, and spares what that names.
        const names = await claimed(stats.snapshot!);
        expect(names).toEqual(expect.arrayContaining(await namesOf(`packs/${first}/`)));
      }
    });

    it('of others, between what it found and its claim, stores those chunks again', async () => {
      const first = (await test.backup([source])).snapshot!;
      test.loseLocalState();
      writeFileSync(join(source, 'new'), seededBytes(10_000, 99));
      let isDone = false;
      const hooked = new HookStore(store, {
        before: async (operation, name) => {
          const parsed = parseName(name);
          if (operation !== 'put' || parsed?.kind !== 'claim' || parsed.number !== 1 || isDone) return;
          isDone = true;
          await condemn(first);
        },
      });
      const stats = await test.on(hooked).backup([source]);
      expect(isDone).toBe(true);
      await deletePacks(first);
      expect(await differences(stats.snapshot)).toEqual([]);
      // What the first attempt has stored is needed as well: the next run claims it before it relies on it.
      const next = await test.backup([source]);
      expect(next).toMatchObject({ filesUnchanged: 61 });
      expect(await claimed(next.snapshot!)).toEqual(expect.arrayContaining(await namesOf(`packs/${stats.snapshot}/`)));
    });
  });

  it('goes on where a killed first one stopped, without reading that again', async () => {
    for (let i = 0; i < 6000; i++) writeFileSync(join(source, `many ${i}`), seededBytes(2500, 10_000 + i));
    let packs = 0;
    const hooked = new HookStore(store, {
      before: (operation, name) => {
        if (operation === 'put' && name.startsWith('packs/') && ++packs > 5) throw new Error('killed');
      },
    });
    await expect(test.on(hooked).backup([source])).rejects.toThrow('killed');
    const stored = await namesOf('packs/');
    expect(stored).toHaveLength(5);
    const stats = await test.backup([source]);
    const bytes = 6000 * 2500 + 300_000;
    expect(stats.bytesRead).toBeGreaterThan(0);
    expect(stats.bytesRead).toBeLessThan(bytes * 0.9);
    expect(stats.bytesNew).toBeLessThan(bytes * 0.8);
    expect(await claimed(stats.snapshot!)).toEqual(expect.arrayContaining(stored));
    expect(await differences(stats.snapshot)).toEqual([]);
    expect(await findings()).toEqual([]);
  });

  it('does not mind another one of the same paths at the same time', async () => {
    await test.backup([source]);
    for (let round = 0; round < 5; round++) {
      writeFileSync(join(source, `round ${round}`), seededBytes(9000, 500 + round));
      const both = await Promise.all([test.backup([source]), test.backup([source])]);
      expect(new Set(both.map(({ snapshot }) => snapshot)).size).toBe(2);
      for (const { snapshot } of both) expect(await differences(snapshot)).toEqual([]);
    }
    expect(await findings()).toEqual([]);
    await test.backup([source]);
    expect(await test.backup([source])).toMatchObject({ filesUnchanged: 65 });
    const { snapshots } = await test.use((repo) => loadSnapshots(repo));
    expect(snapshots.length).toBe(13);
    expect(snapshots.map(({ snapshot }) => snapshot.seq).toSorted((a, b) => a - b)).toEqual(
      snapshots.map((_, i) => i + 1),
    );
  });

  it('goes on with a cache that was damaged, and says nothing wrong', async () => {
    await test.backup([source]);
    const monitor = collectingMonitor();
    const cache = join(test.places.cache, readdirSync(test.places.cache)[0]!);
    for (const [round, name] of readdirSync(join(cache, 'parents')).entries()) {
      const path = join(cache, 'parents', name);
      const bytes = readFileSync(path);
      for (let at = round; at < bytes.length; at += Math.ceil(bytes.length / 12)) {
        const damaged = Buffer.from(bytes);
        damaged[at]! ^= 0x41;
        writeFileSync(path, damaged);
        const fork = test.on(store);
        const stats = await fork.backup([source], {}, monitor);
        expect(await differences(stats.snapshot), `${name} at ${at}`).toEqual([]);
      }
    }
    expect(monitor.problems).toEqual([]);
  }, 120_000);
});
