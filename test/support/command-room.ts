/** A test repository as the command line sees it: its host's places by environment, its store behind any URL. */
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestRepository } from './repository.ts';
import { type Ran, run, type WorldOptions } from './world.ts';

/** Runs a command on the repository, as its host; the passphrase is at hand. */
export async function runOn(test: TestRepository, argv: readonly string[], options: WorldOptions = {}): Promise<Ran> {
  const env: Record<string, string> = {};
  for (const kind of ['config', 'cache', 'state'] as const) {
    const base = join(test.folder, `xdg-${kind}`);
    mkdirSync(base, { recursive: true });
    mkdirSync(test.places[kind], { recursive: true });
    rmSync(join(base, 'icecore'), { force: true });
    symlinkSync(test.places[kind], join(base, 'icecore'));
    env[`XDG_${kind.toUpperCase()}_HOME`] = base;
  }
  const passphrase = join(test.folder, 'passphrase');
  writeFileSync(passphrase, 'correct horse\n', { mode: 0o600 });
  const { store } = test;
  return await run(['-r', '/the/repository', '--password-file', passphrase, ...argv], {
    ...options,
    env: { ...env, ...options.env },
    verbs: { store: async () => ({ openStore: async () => store }), ...options.verbs },
  });
}
