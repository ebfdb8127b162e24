/**
 * A small repository with something of every kind in it: three snapshots of two sources, several data packs, two
 * configs, two gc records, two key files. And what can be asked of a damaged copy of it.
 */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Monitor, silentMonitor } from '../../src/base/monitor.ts';
import type { Raw } from '../../src/base/raw.ts';
import { encodeConfig } from '../../src/format/config.ts';
import { encodeGcRecord, type GcRecord } from '../../src/format/gc-record.ts';
import { configName, gcName, keyName } from '../../src/format/layout.ts';
import type { Access, LocalPlaces } from '../../src/repo/access.ts';
import { configObjects } from '../../src/repo/configs.ts';
import { openRepository, type Repository } from '../../src/repo/repository.ts';
import { createHeader } from '../../src/seal/age-header.ts';
import { sealBundleToPassphrase } from '../../src/seal/bundle.ts';
import type { Store } from '../../src/store/store.ts';
import { runRestore } from '../../src/work/restore.ts';
import { listSnapshots } from '../../src/work/snapshot-list.ts';
import { runVerify, type VerifyOptions, type VerifyStats } from '../../src/work/verify.ts';
import { type Objects, readObjects } from './damage.ts';
import { seededBytes } from './random.ts';
import { collectingMonitor, TestRepository } from './repository.ts';
import { makeTestFolder } from './test-folder.ts';

const PASSPHRASE = 'correct horse';

/** What a restore left: files by path in the snapshot, and what was reported. */
export interface Restored {
  readonly files: ReadonlyMap<string, Buffer>;
  readonly errors: readonly string[];
}

/** The repository, its bytes, and the content of its sources at each snapshot. */
export class DamagedWorld {
  readonly test: TestRepository;
  readonly source: string;
  readonly snapshots: string[] = [];
  /** What each snapshot must give back. */
  readonly contents: Map<string, Buffer>[] = [];
  objects: Objects = new Map();
  readonly #folder: string;
  #hosts = 0;

  private constructor(test: TestRepository) {
    this.test = test;
    this.#folder = makeTestFolder('damage');
    this.source = join(this.#folder, 'source');
  }

  static async create(seed: number): Promise<DamagedWorld> {
    const world = new DamagedWorld(await TestRepository.create({ chunkBytes: 1 << 16, packBytes: 1 << 18 }));
    world.#write('one/large.bin', seededBytes(700_000, seed));
    world.#write('one/text.txt', Buffer.from('some text\n'.repeat(5000)));
    for (let i = 0; i < 20; i++)
      world.#write(`one/small/${i}.txt`, Buffer.from(`small file ${i} of ${seed}\n`.repeat(i + 1)));
    world.#write('two/other.bin', seededBytes(300_000, seed + 1));
    await world.#backup();
    world.#write('one/small/3.txt', Buffer.from('changed'));
    world.#write('one/new.bin', seededBytes(90_000, seed + 2));
    await world.#backup();
    world.#write('two/other.bin', seededBytes(310_000, seed + 3));
    await world.#backup();
    await world.#addGenerations();
    world.objects = await readObjects(world.test.store);
    return world;
  }

  remove(): void {
    this.test.remove();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** The places of a host that has made the backups; each call gives a copy of its own. */
  host(): LocalPlaces {
    const root = join(this.#folder, `host-${this.#hosts++}`);
    const { places } = this.test;
    const copy = { config: join(root, 'config'), cache: join(root, 'cache'), state: join(root, 'state') };
    for (const place of ['config', 'cache', 'state'] as const) {
      mkdirSync(copy[place], { recursive: true });
      cpSync(places[place], copy[place], { recursive: true });
    }
    return copy;
  }

  open(
    store: Store,
    access: Access = 'read',
    places = this.test.places,
    monitor: Monitor = silentMonitor,
  ): Promise<Repository> {
    const credentials = { passphrase: async () => PASSPHRASE };
    return openRepository(store, { access, credentials, places, clock: this.test.clock, monitor });
  }

  /** Opens and verifies a store. */
  async verify(store: Store, options: VerifyOptions, monitor: Monitor = silentMonitor): Promise<VerifyStats> {
    const repo = await this.open(store, 'read', this.test.places, monitor);
    try {
      return await runVerify(repo, options, monitor, new AbortController().signal);
    } finally {
      await repo.close();
    }
  }

  /** Restores a snapshot of a store as far as it goes. */
  async restore(store: Store, id: string): Promise<Restored> {
    const places = this.host();
    const monitor = collectingMonitor();
    const repo = await this.open(store, 'read', places, monitor);
    const target = join(places.cache, 'restored');
    try {
      const found = await listSnapshots(repo, { hosts: [], tags: [], paths: [] });
      const snapshot = found.find((each) => each.id === id);
      if (!snapshot) return { files: new Map(), errors: monitor.problems.map(({ code }) => code) };
      await runRestore(
        repo,
        {
          snapshot,
          path: '/' as Raw,
          target,
          include: [],
          exclude: [],
          overwrite: 'always',
          delete: false,
          verify: false,
          sparse: false,
          numericIds: true,
          planOnly: false,
          workers: 1,
        },
        async () => true,
        monitor,
        new AbortController().signal,
      );
      const files = new Map<string, Buffer>();
      for (const path of this.contents.flatMap((content) => [...content.keys()])) {
        try {
          files.set(path, readFileSync(join(target, path)));
        } catch {
          // Not restored: the caller decides whether that is right.
        }
      }
      return { files, errors: monitor.problems.map(({ code }) => code) };
    } finally {
      await repo.close();
      rmSync(target, { recursive: true, force: true });
    }
  }

  #write(name: string, content: Uint8Array): void {
    const path = join(this.source, name);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, content);
  }

  async #backup(): Promise<void> {
    const { snapshot } = await this.test.backup([this.source]);
    this.snapshots.push(snapshot!);
    const before = this.contents.at(-1);
    const content = new Map<string, Buffer>();
    const names = ['one/large.bin', 'one/text.txt', 'one/new.bin', 'two/other.bin'];
    for (let i = 0; i < 20; i++) names.push(`one/small/${i}.txt`);
    for (const name of names) {
      const path = join(this.source, name);
      try {
        content.set(path, readFileSync(path));
      } catch {
        if (before?.has(path)) throw new Error(`${path} went away`);
      }
    }
    this.contents.push(content);
  }

  /** What only an admin or a pruner writes, made with the real functions. */
  async #addGenerations(): Promise<void> {
    await this.test.use(async (repo) => {
      const { store, catalog, config, configHash, objects } = repo;
      const header = await createHeader(config.recipients.meta);
      const time = '2026-11-17T12:00:00.000Z';
      let prev: string | null = null;
      for (let n = 1; n <= 2; n++) {
        const condemned = { packs: new Map(), meta: new Map() };
        const record: GcRecord = { n, prev, time, condemned, forgotten: [], recalled: [], revoked: [] };
        prev = (await objects.save('gc', gcName(n), encodeGcRecord(record), header, { cache: false })).hash;
      }
      const next = { ...config, generation: 2, prev: configHash };
      const admin = configObjects(store, catalog, repo, 1);
      await admin.save('config', configName(2), encodeConfig(next), header, { cache: false });
      await store.put(keyName('second'), await sealBundleToPassphrase(repo.keyring, PASSPHRASE, 1), { ifAbsent: true });
    }, 'admin');
    // This host sees them once, and keeps the heads.
    await this.#backup();
  }
}
