/** Fire drills: what is picked, what comes back, what is compared, what is left. */
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Raw, rawFromText } from '../../src/base/raw.ts';
import type { DirectoryEntries, Entry } from '../../src/format/entry.ts';
import { patternOf, pickFiles } from '../../src/work/drill-choice.ts';
import { ArchiveStore } from '../support/archive-store.ts';
import { runOn } from '../support/command-room.ts';
import { each } from '../support/fake-verbs.ts';
import { seededBytes, seededRandom } from '../support/random.ts';
import { TestRepository } from '../support/repository.ts';
import { makeTestFolder } from '../support/test-folder.ts';

function directory(path: string, files: readonly (readonly [name: string, size: number])[]): DirectoryEntries {
  const entries = files.map(([name, size]) => ({ name: rawFromText(name), type: 'file', size, mtime: 0n }) as Entry);
  return { path: path as Raw, entries };
}

describe('the files of a drill', () => {
  const random = seededRandom(11);
  const sizes = Array.from({ length: 500 }, (_, i) => [`f${i}`, Math.floor(random() * 5000)] as const);
  const tree = () => each(directory('/a', sizes.slice(0, 250)), directory('/b', sizes.slice(250)));

  it('fit into the size, nearly fill it, and are the same for the same seed alone', async () => {
    const first = await pickFiles(tree(), 100_000, 'one');
    expect(first.bytes).toBeLessThanOrEqual(100_000);
    expect(first.bytes).toBeGreaterThan(80_000);
    expect(first.bytes).toBe(first.files.reduce((sum, { size }) => sum + size, 0));
    expect(first.candidates).toBe(500);
    expect(await pickFiles(tree(), 100_000, 'one')).toEqual(first);
    expect(await pickFiles(tree(), 100_000, 'two')).not.toEqual(first);
  });

  it('come from everywhere: enough drills see every file', async () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 200; seed++) {
      for (const { path } of (await pickFiles(tree(), 100_000, String(seed))).files) seen.add(path);
    }
    expect(seen.size).toBe(500);
  });

  it('are never larger than the drill, and never more than a thousand', async () => {
    const small = await pickFiles(each(directory('/', [['big', 101]])), 100, 's');
    expect(small).toMatchObject({ files: [], tooLarge: 1 });
    const many = Array.from({ length: 3000 }, (_, i) => [`f${i}`, 1] as const);
    expect((await pickFiles(each(directory('/', many)), 10_000, 's')).files).toHaveLength(1000);
  });

  it('are named by patterns that match nothing else', () => {
    expect(patternOf({ path: rawFromText('/a [1]/*?\\') as Raw, size: 0, mtime: 0n })).toBe('/a \\[1\\]/\\*\\?\\\\');
  });
});

/** A time that can be set again exactly. */
const WHOLE_SECOND = 1_700_000_000;
let folder: string;
let source: string;
let store: ArchiveStore;
let test: TestRepository;

beforeAll(async () => {
  folder = makeTestFolder('drill');
  source = join(folder, 'source');
  mkdirSync(join(source, 'deep [1]'), { recursive: true });
  for (let i = 0; i < 20; i++) writeFileSync(join(source, `${i}.bin`), seededBytes(1000 * i, i));
  writeFileSync(join(source, 'deep [1]', '*?.txt'), 'text');
  writeFileSync(join(source, 'deep [1]', 'empty'), '');
  utimesSync(join(source, '2.bin'), WHOLE_SECOND, WHOLE_SECOND);
  store = new ArchiveStore();
  test = await TestRepository.create({ store, chunkBytes: 1 << 16, packBytes: 1 << 18 });
  await test.backup([source], { host: 'testhost' });
});
afterAll(() => {
  test.remove();
  rmSync(folder, { recursive: true, force: true });
});

const drills = (): string[] => {
  const cache = join(test.places.cache, readdirSync(test.places.cache)[0]!, 'drills');
  return existsSync(cache) ? readdirSync(cache) : [];
};

describe('icecore verify --drill', () => {
  it('restores, compares with the chunks and with the sources, and leaves nothing behind', async () => {
    const ran = await runOn(test, ['verify', '--drill', '10MiB', '--workers', '1']);
    expect(ran.err).toBe('');
    expect(ran.exit).toBe(0);
    expect(ran.out).toMatch(/files +22 of 22, /);
    expect(ran.out).toMatch(/restored +22 files, read again and compared/);
    expect(ran.out).toMatch(/sources +22 the same/);
    expect(ran.out).toMatch(/requests +\d+ \(/);
    expect(ran.out).toContain('the drill passed');
    expect(drills()).toEqual([]);
  });

  it('is one object in JSON, and can be run again by its seed', async () => {
    const run = async () =>
      (await runOn(test, ['verify', '--drill', '30000', '--seed', 'abc', '--json', '--workers', '1'])).lines().at(-1)!;
    const [first, again] = [await run(), await run()];
    expect(first).toMatchObject({ result: 'passed', seed: 'abc', candidates: 22, exitCode: 0 });
    expect(first.bytes).toBeLessThanOrEqual(30_000);
    expect(again.files).toBe(first.files);
  });

  it('keeps the files in a target that was named', async () => {
    const target = join(folder, 'kept');
    await runOn(test, ['verify', '--drill', '10MiB', '--target', target, '--workers', '1']);
    expect(statSync(join(target, source, '19.bin')).size).toBe(19_000);
  });

  it('counts sources that changed, and reports those that differ although nothing says so', async () => {
    appendFileSync(join(source, '1.bin'), 'more');
    const path = join(source, '2.bin');
    writeFileSync(path, seededBytes(2000, 77));
    utimesSync(path, WHOLE_SECOND, WHOLE_SECOND);
    const ran = await runOn(test, ['verify', '--drill', '10MiB', '--workers', '1']);
    expect(ran.exit).toBe(3);
    expect(ran.out).toMatch(/sources +20 the same, 1 changed since, or gone, 1 with other content/);
    expect(ran.err).toContain(`${path}: has the size and time that were backed up`);
  });

  it('fails with exit 13 when a pack is damaged', async () => {
    const name = store.names('packs/')[0]!;
    const bytes = Buffer.from((await store.get(name))!);
    const sound = Buffer.from(bytes);
    bytes.fill(0, bytes.length >> 1);
    await store.replace(name, bytes);
    const ran = await runOn(test, ['verify', '--drill', '10MiB', '--workers', '1']);
    expect(ran.exit).toBe(13);
    expect(ran.out).toMatch(/the drill failed: \d+ files? did not come back/);
    expect(drills()).toEqual([]);
    await store.replace(name, sound);
  });

  it('refuses what cannot be meant', async () => {
    for (const args of [
      ['--drill', '1MiB', '--level', 'data'],
      ['--seed', 'x'],
      ['--level', 'data', '--wait'],
      ['--drill', '1MiB', '--seed', '../x'],
    ]) {
      expect((await runOn(test, ['verify', ...args])).exit).toBe(2);
    }
    const large = await TestRepository.create();
    await large.backup([join(source, '19.bin')]);
    const ran = await runOn(large, ['verify', '--drill', '1000']);
    expect(ran.exit).toBe(1);
    expect(ran.err).toContain('give a larger size');
    large.remove();
  });
});
