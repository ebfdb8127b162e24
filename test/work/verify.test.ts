/** Verify at its levels on a store that keeps marks and classes: what is looked at, what is left out, what is recorded. */
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { isIcecoreError } from '../../src/base/errors.ts';
import type { VerifyPlan } from '../../src/plan/verify-cost.ts';
import { VerifyRecord } from '../../src/repo/verify-record.ts';
import type { Store } from '../../src/store/store.ts';
import { listSnapshots } from '../../src/work/snapshot-list.ts';
import { runVerify, type VerifyOptions, type VerifyStats } from '../../src/work/verify.ts';
import { ArchiveStore, type Kept } from '../support/archive-store.ts';
import { seededBytes } from '../support/random.ts';
import { collectingMonitor, TestRepository } from '../support/repository.ts';
import { makeTestFolder } from '../support/test-folder.ts';

const PACKS = 'packs/';
let folder: string;
let source: string;
let store: ArchiveStore;
let test: TestRepository;
let before: Map<string, Kept>;

beforeAll(async () => {
  folder = makeTestFolder('verify');
  source = join(folder, 'source');
  mkdirSync(source);
  writeFileSync(join(source, 'a.bin'), seededBytes(900_000, 1));
  writeFileSync(join(source, 'b.txt'), 'some text\n'.repeat(2000));
  store = new ArchiveStore();
  test = await TestRepository.create({ store, chunkBytes: 1 << 16, packBytes: 1 << 18 });
  await test.backup([source]);
  writeFileSync(join(source, 'c.bin'), seededBytes(300_000, 2));
  await test.backup([source]);
});
afterAll(() => {
  test.remove();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  before = new Map([...store.kept].map(([name, kept]) => [name, { ...kept }]));
});
afterEach(() => {
  for (const [name, kept] of before) Object.assign(store.kept.get(name)!, kept);
});

/** Where this host's record of the repository is. */
function recordFile(): string {
  return join(test.places.state, readdirSync(test.places.state)[0]!, 'verified.sqlite');
}

/** When packs were last read, as the record says. */
function lastReads(): Map<string, number> {
  const db = new DatabaseSync(recordFile());
  const rows = db.prepare('SELECT name, read FROM pack').all();
  db.close();
  return new Map(rows.flatMap(({ name, read }) => (read === null ? [] : [[String(name), Number(read)]])));
}

/** The same objects and marks in another store, to be damaged. */
async function copyOf(original: ArchiveStore): Promise<ArchiveStore> {
  const copy = new ArchiveStore();
  for (const name of original.names('')) {
    const kept = original.kept.get(name)!;
    await copy.put(name, (await original.get(name))!, { ifAbsent: true, storageClass: kept.storageClass });
  }
  return copy;
}

interface Checked {
  readonly stats: VerifyStats;
  readonly problems: readonly string[];
  readonly plans: readonly VerifyPlan[];
}

async function verify(options: VerifyOptions, on: Store = store): Promise<Checked> {
  const monitor = collectingMonitor();
  const plans: VerifyPlan[] = [];
  const approve = async (plan: VerifyPlan) => void plans.push(plan);
  const repo = await test.on(on).open('read', monitor);
  try {
    const stats = await runVerify(repo, { workers: 1, approve, ...options }, monitor, new AbortController().signal);
    return { stats, plans, problems: monitor.problems.map(({ severity, code }) => `${severity} ${code}`) };
  } finally {
    await repo.close();
  }
}

const packs = (): string[] => store.names(PACKS);
const allPacks = (): number => packs().length + store.names('meta/').length;

describe('verify --level checksums', () => {
  it('compares every pack by its checksum, with a look at each and no read of data', async () => {
    const reads = store.asked('GetObject');
    const looks = store.asked('HeadObject');
    const { stats, plans, problems } = await verify({ level: 'checksums' });
    expect(problems).toEqual([]);
    expect(stats.findings).toEqual([]);
    expect(stats.stored).toEqual({
      packsCompared: allPacks(),
      packsUnmarked: 0,
      packsRewritten: 0,
      packsReported: 0,
      packsMoved: 0,
    });
    expect(plans[0]!.parts).toEqual([{ storageClass: 'STANDARD', looks: allPacks(), reads: 0, bytes: 0 }]);
    expect(store.asked('HeadObject') - looks).toBe(allPacks());
    const small = [...store.kept.keys()].length - packs().length;
    // Metadata is read, twice at most; packs of data are not.
    expect(store.asked('GetObject') - reads).toBeLessThan(2 * small + 6);
  });

  it('goes by entity tags alone when it may only list', async () => {
    const looks = store.asked('HeadObject');
    const { stats, plans } = await verify({ level: 'checksums', looks: false });
    expect(store.asked('HeadObject')).toBe(looks);
    expect(plans[0]!.parts).toEqual([]);
    expect(stats.stored?.packsCompared).toBe(allPacks());
    expect(stats.findings).toEqual([]);
  });

  it('checks archived packs, and says that they were moved without calling it damage', async () => {
    for (const name of packs()) store.move(name, 'DEEP_ARCHIVE');
    const { stats, problems } = await verify({ level: 'checksums' });
    expect(stats.findings).toEqual([]);
    expect(stats.stored).toMatchObject({ packsCompared: allPacks(), packsMoved: packs().length });
    expect(problems).toEqual(['warning packs-moved']);
  });

  it('names the files and snapshots that need a pack whose stored checksum is another', async () => {
    const name = packs()[0]!;
    store.kept.get(name)!.checksum = `sha256:${createHash('sha256').update('x').digest('base64')}`;
    const { stats } = await verify({ level: 'checksums' });
    expect(stats.findings).toHaveLength(1);
    expect(stats.findings[0]).toMatchObject({ object: name, code: 'pack-checksum' });
    expect(stats.findings[0]!.snapshots.length).toBeGreaterThan(0);
    expect(stats.findings[0]!.paths.join()).toContain('a.bin');
  });

  it('finds packs that are missing or of another size', async () => {
    const copy = await copyOf(store);
    const [missing, short] = packs();
    await copy.delete(missing!);
    await copy.replace(short!, new Uint8Array(1000));
    const { stats } = await verify({ level: 'checksums' }, copy);
    expect(stats.findings.map(({ object, code }) => `${object} ${code}`)).toEqual([
      `${missing} pack-missing`,
      `${short} pack-size`,
    ]);
  });

  it('does not vouch for packs that were stored again and have no checksum to compare', async () => {
    const kept = store.kept.get(packs()[1]!)!;
    kept.etag = '0123456789abcdef0123456789abcdef-2';
    kept.checksum = undefined;
    const { stats, problems } = await verify({ level: 'checksums' });
    expect(stats.findings).toEqual([]);
    expect(stats.stored).toMatchObject({ packsRewritten: 1, packsCompared: allPacks() - 1 });
    expect(problems).toEqual(['error packs-rewritten']);
  });

  it('trusts a checksum of the whole object even when the entity tag changed, as a copy does', async () => {
    store.kept.get(packs()[1]!)!.etag = 'another-9';
    const { stats, problems } = await verify({ level: 'checksums' });
    expect(stats.stored?.packsCompared).toBe(allPacks());
    expect(problems).toEqual([]);
  });

  it('stops with advice when metadata was moved to an archive class', async () => {
    store.move(store.names('index/')[0]!, 'GLACIER');
    const error = await verify({ level: 'checksums' }).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(isIcecoreError(error, 'store') && error.code).toBe('metadata-archived');
    expect((error as Error & { hint: string }).hint).toContain('lifecycle rule');
  });

  it('says of a store without marks that existence and size were checked', async () => {
    const plain = await TestRepository.create({ chunkBytes: 1 << 16, packBytes: 1 << 18 });
    await plain.backup([source]);
    const stats = await plain.use((repo) =>
      runVerify(repo, { level: 'checksums', workers: 1 }, collectingMonitor(), new AbortController().signal),
    );
    expect(stats.findings).toEqual([]);
    expect(stats.stored).toMatchObject({ packsCompared: 0, packsUnmarked: stats.packs, packsRewritten: 0 });
    plain.remove();
  });

  it('asks for nothing more when it is not approved', async () => {
    const looks = store.asked('HeadObject');
    const approve = async () => {
      throw new Error('too dear');
    };
    await expect(verify({ level: 'checksums', approve })).rejects.toThrow('too dear');
    expect(store.asked('HeadObject')).toBe(looks);
  });
});

describe('verify --level data', () => {
  it('leaves archived packs out and counts them', async () => {
    const [cold, ...warm] = packs();
    store.move(cold!, 'DEEP_ARCHIVE');
    const { stats, plans, problems } = await verify({ level: 'data' });
    expect(problems).toEqual([]);
    expect(stats.findings).toEqual([]);
    expect(stats).toMatchObject({ packsArchived: 1, packsRead: allPacks() - 1 });
    expect(plans).toHaveLength(1);
    expect(plans[0]).toMatchObject({ level: 'data', packsArchived: 1 });
    expect(plans[0]!.parts[0]).toMatchObject({ storageClass: 'STANDARD', reads: warm.length });
  });

  it('reads an archived pack while it is thawed', async () => {
    store.move(packs()[0]!, 'DEEP_ARCHIVE');
    store.kept.get(packs()[0]!)!.state = { type: 'warm', until: Date.now() + 86_400_000 };
    expect((await verify({ level: 'data' })).stats).toMatchObject({ packsArchived: 0, packsRead: allPacks() });
  });

  it('takes only warm packs into a sample', async () => {
    for (const name of packs().slice(1)) store.move(name, 'DEEP_ARCHIVE');
    const { stats } = await verify({ level: 'data', sample: { share: 1 } });
    expect(stats).toMatchObject({ packsArchived: packs().length - 1, packsRead: store.names('meta/').length + 1 });
  });
});

describe('what was verified when', () => {
  const fresh = () => rmSync(test.places.state, { recursive: true, force: true });

  it('makes repeated samples see every pack before any of them twice', async () => {
    fresh();
    const count = packs().length;
    for (let run = 1; run <= count; run++) {
      await verify({ level: 'data', sample: { packs: 1 } });
      const read = packs().filter((name) => lastReads().get(name) !== undefined);
      expect(read).toHaveLength(run);
    }
  });

  it('is shown with the snapshots, by level, with the share that was read', async () => {
    fresh();
    await verify({ level: 'checksums' });
    await verify({ level: 'data', sample: { packs: 1 } });
    const listed = await test.use((repo) => listSnapshots(repo, { hosts: [], tags: [], paths: [] }));
    for (const { verified } of listed) {
      expect(verified?.map(({ level, isSound }) => ({ level, isSound }))).toEqual([
        { level: 'checksums', isSound: true },
        { level: 'data', isSound: true },
        { level: 'list', isSound: true },
      ]);
      expect(verified![1]!.share).toBeGreaterThan(0);
      expect(verified![1]!.share).toBeLessThan(1);
      expect(verified![2]!.share).toBe(1);
    }
  });

  it('says which snapshots are damaged, and takes a damaged pack first the next time', async () => {
    fresh();
    const copy = await copyOf(store);
    await verify({ level: 'data' }, copy);
    const name = packs().at(-1)!;
    const bytes = Buffer.from((await copy.get(name))!);
    bytes[bytes.length >> 1]! ^= 1;
    await copy.replace(name, bytes);
    const { stats } = await verify({ level: 'data' }, copy);
    expect(stats.findings.map(({ object }) => object)).toEqual([name]);
    const checks = await test.use(async (repo) => VerifyRecord.checksOf(repo.places.state, repo.id));
    const sound = [...checks].map(([id, [check]]) => [id, check!.isSound]);
    expect(sound).toEqual(sound.map(([id]) => [id, !stats.findings[0]!.snapshots.includes(id as string)]));
    expect(sound.some(([, isSound]) => isSound === false)).toBe(true);
    expect(lastReads().get(name)).toBeUndefined();
    const again = await verify({ level: 'data', sample: { packs: 1 } }, copy);
    expect(again.stats.findings.map(({ object }) => object)).toEqual([name]);
  });

  it('forgets packs that are gone', async () => {
    fresh();
    await verify({ level: 'data' });
    const copy = await copyOf(store);
    const gone = packs()[0]!;
    await copy.delete(gone);
    await verify({ level: 'list' }, copy);
    expect(lastReads().has(gone)).toBe(false);
    expect(lastReads().size).toBe(allPacks() - 1);
  });

  it('is begun anew when the record is torn, and missed by nothing when it cannot be kept', async () => {
    fresh();
    await verify({ level: 'list' });
    const path = recordFile();
    writeFileSync(path, 'garbage'.repeat(1000));
    expect((await verify({ level: 'list' })).problems).toEqual([]);
    expect((await test.use(async (repo) => VerifyRecord.checksOf(repo.places.state, repo.id))).size).toBe(2);
    const db = new DatabaseSync(path);
    db.exec('DROP TABLE snapshot; PRAGMA user_version = 99');
    db.close();
    expect((await test.use(async (repo) => VerifyRecord.checksOf(repo.places.state, repo.id))).size).toBe(0);
    expect((await verify({ level: 'list' })).problems).toEqual([]);
    if (process.geteuid?.() === 0) return;
    rmSync(path);
    chmodSync(join(path, '..'), 0o500);
    expect((await verify({ level: 'list' })).problems).toContain('warning verify-not-recorded');
    chmodSync(join(path, '..'), 0o700);
  });
});
