/** A small repository with a source and an edit of it, for tests that run whole lives on stores that misbehave. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Store } from '../../src/store/store.ts';
import type { Life } from './fault-lab.ts';
import { seededBytes } from './random.ts';
import { steppingClock, TestRepository } from './repository.ts';
import { makeTestFolder } from './test-folder.ts';

/** All files look old: a backup need not read again what was made a moment before it. */
const AHEAD_MS = 3_600_000;

/** Makes an empty repository and a source; `newBytes` come with the edit, in one file. `remove` takes both away. */
export async function makeLife(
  store: Store,
  seed: number,
  newBytes: number,
  packBytes: number,
): Promise<Life & { remove(): void }> {
  const source = makeTestFolder('source');
  mkdirSync(join(source, 'dir'));
  for (let i = 0; i < 8; i++) writeFileSync(join(source, 'dir', `${i}`), seededBytes(3000, seed * 100 + i));
  writeFileSync(join(source, 'large'), seededBytes(300_000, seed));
  const test = await TestRepository.create({ store, clock: steppingClock(AHEAD_MS), chunkBytes: 16_384, packBytes });
  return {
    test,
    source,
    edit: () => {
      writeFileSync(join(source, 'new'), seededBytes(newBytes, seed + 1));
      writeFileSync(join(source, 'dir', '3'), seededBytes(2000, seed + 2));
    },
    damage: async (kept) => {
      // All of them: one that a failed run left is needed by nobody.
      const names: string[] = [];
      for await (const { name } of kept.list('packs/')) names.push(name);
      for (const name of names) {
        const bytes = Buffer.from((await kept.get(name))!);
        bytes[bytes.length >> 1]! ^= 4;
        await kept.delete(name);
        await kept.put(name, bytes, { ifAbsent: true });
      }
    },
    remove: () => {
      test.remove();
      rmSync(source, { recursive: true, force: true });
    },
  };
}
