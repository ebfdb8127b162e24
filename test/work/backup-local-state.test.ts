/** What this host keeps between backups may be lost, damaged or somebody else's: slower then, never wrong. */
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Entry } from '../../src/format/entry.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import type { Store } from '../../src/store/store.ts';
import { BackupRoom, nextSecond } from '../support/backup-room.ts';
import { seededBytes, seededRandom } from '../support/random.ts';
import { collectingMonitor, TestRepository } from '../support/repository.ts';

const ROUNDS = process.env.SLOW === '1' ? 300 : 3;

let room: BackupRoom;
beforeEach(async () => {
  room = await BackupRoom.create();
  mkdirSync(room.at('dir'));
  for (let i = 0; i < 30; i++) writeFileSync(room.at(i % 2 ? 'dir' : '', `file-${i}`), seededBytes(i * 50, i + 1));
});
afterEach(() => room.remove());

const cacheFolder = (): string => {
  const { cache } = room.test.places;
  return join(cache, readdirSync(cache)[0]!);
};
const parentFile = (suffix: string): string => {
  const folder = join(cacheFolder(), 'parents');
  return join(folder, readdirSync(folder).find((name) => name.endsWith(suffix))!);
};

/** What a snapshot says of the source; not of the directories above, whose times other tests change. */
async function described(): Promise<Map<string, Entry>> {
  return new Map([...(await room.entries())].filter(([path]) => !path.startsWith('/')));
}

describe('a cache', () => {
  it('that is lost costs a reading of everything, and nothing is stored twice', async () => {
    await room.backup();
    const before = await described();
    rmSync(room.test.places.cache, { recursive: true });
    expect(await room.backup()).toMatchObject({ filesNew: 30, bytesNew: 0, errors: 0, codes: [] });
    expect(await described()).toEqual(before);
  });

  it('that cannot be used is done without, with a warning, and backups and restores work', async () => {
    await room.backup();
    rmSync(room.test.places.cache, { recursive: true });
    writeFileSync(room.test.places.cache, 'a file where the folder should be');
    const monitor = collectingMonitor();
    expect(await room.test.backup([room.source], {}, monitor)).toMatchObject({ filesNew: 30, bytesNew: 0, errors: 0 });
    expect(monitor.problems.map(({ code, severity }) => [code, severity])).toEqual([['no-cache', 'warning']]);
    expect((await room.restore()).stats).toMatchObject({ filesRestored: 30, errors: 0 });
  });

  it('that fills up during the backup does not end it', async () => {
    // A folder that gives out no file: as a full disk, or one that was mounted for reading only meanwhile.
    await room.backup();
    const folder = join(cacheFolder(), 'parents');
    rmSync(folder, { recursive: true });
    writeFileSync(folder, '');
    expect(await room.backup()).toMatchObject({ filesNew: 30, bytesNew: 0, errors: 0 });
  });

  it('whose catalog is damaged, empty, of another version or of another repository is made anew', async () => {
    await room.backup();
    const before = await described();
    const catalog = join(cacheFolder(), 'catalog.sqlite');
    const other = await BackupRoom.create();
    writeFileSync(other.at('file'), 'of another repository');
    await other.backup();
    const [otherId] = readdirSync(other.test.places.cache);
    const damages: Record<string, () => void> = {
      empty: () => writeFileSync(catalog, ''),
      text: () => writeFileSync(catalog, 'this is no database at all\n'.repeat(1000)),
      cut: () => writeFileSync(catalog, readFileSync(catalog).subarray(0, 5000)),
      zeros: () => writeFileSync(catalog, readFileSync(catalog).fill(0, 4096)),
      version: () => {
        const db = new DatabaseSync(catalog);
        db.exec('PRAGMA user_version = 4711; DROP TABLE chunk;');
        db.close();
      },
      foreign: () => cpSync(join(other.test.places.cache, otherId!, 'catalog.sqlite'), catalog),
    };
    for (const [what, damage] of Object.entries(damages)) {
      for (const suffix of ['-wal', '-shm']) rmSync(catalog + suffix, { force: true });
      damage();
      expect(await room.backup({ force: true }), what).toMatchObject({ errors: 0, bytesNew: 0 });
      expect(await described(), what).toEqual(before);
    }
    other.remove();
  });

  it('whose catalog has wrong bytes anywhere is removed at the latest when it shows, and makes no snapshot wrong', {
    timeout: 400_000,
  }, async () => {
    await room.backup();
    const before = await described();
    const catalog = join(cacheFolder(), 'catalog.sqlite');
    const sound = readFileSync(catalog);
    for (let seed = 1; seed <= ROUNDS; seed++) {
      const random = seededRandom(seed);
      const bytes = Buffer.from(sound);
      for (let i = 0; i < 40; i++) bytes[Math.floor(random() * bytes.length)]! ^= 1 << Math.floor(random() * 8);
      mkdirSync(dirname(catalog), { recursive: true });
      writeFileSync(catalog, bytes);
      const failure = await room.backup({ force: true }).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (failure !== undefined) {
        expect(failure, `seed ${seed}`).toMatchObject({ code: 'catalog-damaged' });
        expect(await room.backup({ force: true }), `seed ${seed}`).toMatchObject({ errors: 0, bytesNew: 0 });
      }
      // Seen by a host that knows nothing yet.
      rmSync(room.test.places.cache, { recursive: true });
      expect(await described(), `seed ${seed}`).toEqual(before);
    }
  });

  it('whose parent file is damaged, cut, of another version or of other paths is not believed', {
    timeout: 400_000,
  }, async () => {
    await nextSecond();
    await room.backup();
    await room.backup();
    const before = await described();
    const [data, header] = [parentFile('.data'), parentFile('.json')];
    const sound = [readFileSync(data), readFileSync(header)];
    const check = async (what: string) => {
      expect(await room.backup(), what).toMatchObject({ errors: 0, bytesNew: 0 });
      expect(await described(), what).toEqual(before);
      writeFileSync(data, sound[0]!);
      writeFileSync(header, sound[1]!);
    };
    for (let seed = 1; seed <= ROUNDS; seed++) {
      const random = seededRandom(seed);
      const bytes = Buffer.from(sound[0]!);
      const flips = 1 + Math.floor(random() * 3);
      for (let i = 0; i < flips; i++) bytes[Math.floor(random() * bytes.length)]! ^= 1 << Math.floor(random() * 8);
      writeFileSync(data, bytes);
      await check(`seed ${seed}`);
    }
    for (const length of [0, 88, sound[0]!.length - 1]) {
      writeFileSync(data, sound[0]!.subarray(0, length));
      await check(`cut at ${length}`);
    }
    writeFileSync(header, sound[1]!.subarray(0, -5));
    await check('header cut');
    writeFileSync(header, '{}');
    await check('header empty');
    rmSync(header);
    await check('no header');
    writeFileSync(
      header,
      Buffer.from(
        sound[1]!
          .toString()
          .replace(/"snapshot":"(.)/, '"snapshot":"$10')
          .slice(0, -1),
      ),
    );
    await check('header of another snapshot');
  });
});

describe('the config of a repository', () => {
  /** The repository with some objects replaced; `undefined` leaves one out. */
  async function altered(changes: (name: string, bytes: Buffer) => Buffer | undefined): Promise<TestRepository> {
    const copy = new MemoryStore();
    const { store } = room.test;
    for await (const { name } of store.list('')) {
      const bytes = changes(name, Buffer.from((await store.get(name))!));
      if (bytes) await copy.put(name, bytes, { ifAbsent: true });
    }
    return room.test.on(copy);
  }

  const isConfig = (name: string): boolean => name.startsWith('config/');

  it('that is cut, altered, gone or of another repository is refused, on old and new hosts', async () => {
    await room.backup();
    const other = await TestRepository.create();
    const theirs = new Map<string, Buffer>();
    for (const name of await namesOf(other.store)) theirs.set(name, Buffer.from((await other.store.get(name))!));
    const config = [...theirs.keys()].find(isConfig)!;
    const cases: [what: string, (name: string, bytes: Buffer) => Buffer | undefined][] = [
      ['empty', (name, bytes) => (isConfig(name) ? bytes.subarray(0, 0) : bytes)],
      ['cut', (name, bytes) => (isConfig(name) ? bytes.subarray(0, bytes.length >> 1) : bytes)],
      ['cut at its end', (name, bytes) => (isConfig(name) ? bytes.subarray(0, -1) : bytes)],
      ['gone', (name, bytes) => (isConfig(name) ? undefined : bytes)],
      ['of another repository', (name, bytes) => (isConfig(name) ? theirs.get(config) : bytes)],
      ...[10, 200, 400, 600].map((at): (typeof cases)[number] => [
        `altered at ${at}`,
        (name, bytes) => {
          if (isConfig(name)) bytes[Math.min(at, bytes.length - 1)]! ^= 1;
          return bytes;
        },
      ]),
    ];
    for (const [what, change] of cases) {
      const test = await altered(change);
      for (const host of ['host', 'stranger']) {
        const opened = test.open('read', undefined, host);
        await expect(opened, `${what}, ${host}`).rejects.toMatchObject({
          name: 'IcecoreError',
          message: expect.stringMatching(/config/),
        });
      }
      await expect(test.backup([room.source]), what).rejects.toMatchObject({ name: 'IcecoreError' });
      const before = await namesOf(test.store);
      await expect(init(test), what).rejects.toMatchObject({ code: 'repository-exists' });
      expect(await namesOf(test.store)).toEqual(before);
    }
    other.remove();
  });

  it('is not looked for where the marker is of another repository, or is none', async () => {
    await room.backup();
    const other = await TestRepository.create();
    const marker = Buffer.from((await other.store.get('icecore.json'))!);
    const swapped = await altered((name, bytes) => (name === 'icecore.json' ? marker : bytes));
    await expect(swapped.open('read')).rejects.toMatchObject({ kind: expect.stringMatching(/key|damage/) });
    const broken = await altered((name, bytes) => (name === 'icecore.json' ? Buffer.from('{"icecore":1') : bytes));
    await expect(broken.open('read')).rejects.toMatchObject({ kind: 'damage' });
    const newer = await altered((name, bytes) =>
      name === 'icecore.json' ? Buffer.from(bytes.toString().replace('"icecore":1', '"icecore":2')) : bytes,
    );
    await expect(newer.open('read')).rejects.toMatchObject({ message: expect.stringMatching(/newer|version|format/) });
    const none = await altered((name, bytes) => (name === 'icecore.json' ? undefined : bytes));
    await expect(none.open('read')).rejects.toMatchObject({ kind: 'missing' });
    await expect(init(none)).rejects.toMatchObject({ code: 'store-not-empty' });
    other.remove();
  });
});

async function namesOf(store: Store): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of store.list('')) names.push(name);
  return names.sort();
}

async function init(test: TestRepository): Promise<void> {
  const { initRepository } = await import('../../src/work/init.ts');
  const { repository } = await initRepository(
    test.store,
    test.places,
    {
      passphrase: 'another',
      ageType: 'x25519',
      chunkBytes: 1 << 20,
      packBytes: 16 << 20,
      storageClass: 'STANDARD',
      compression: 3,
      host: 'host',
      user: 'user',
      existsOk: false,
      scryptLogN: 1,
    },
    test.clock,
  );
  await repository.close();
}

describe('a key file of this host', () => {
  it('that others can read is warned of, and one that is damaged or of another repository is refused', async () => {
    const folder = join(room.test.places.config, 'keys');
    const file = join(folder, readdirSync(folder)[0]!);
    chmodSync(file, 0o644);
    const monitor = collectingMonitor();
    await room.test.backup([room.source], {}, monitor);
    expect(monitor.problems).toEqual([expect.objectContaining({ severity: 'warning', code: 'key-file-open' })]);
    chmodSync(file, 0o600);
    const sound = readFileSync(file);
    writeFileSync(file, sound.subarray(0, 100));
    await expect(room.backup()).rejects.toMatchObject({ kind: 'damage' });
    const other = await TestRepository.create();
    const otherFolder = join(other.places.config, 'keys');
    writeFileSync(file, readFileSync(join(otherFolder, readdirSync(otherFolder)[0]!)));
    await expect(room.backup()).rejects.toMatchObject({ kind: 'key', code: 'wrong-repository' });
    other.remove();
  });
});
