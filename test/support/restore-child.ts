/** Run as a child process: restores from a directory repository until it ends or is killed. Argument: a task as JSON. */
import { systemClock } from '../../src/base/clock.ts';
import { silentMonitor } from '../../src/base/monitor.ts';
import type { LocalPlaces } from '../../src/repo/access.ts';
import { openRepository } from '../../src/repo/repository.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import { restore } from './restoring.ts';

/** What the child is told. */
export interface RestoreTask {
  readonly store: string;
  readonly places: LocalPlaces;
  readonly passphrase: string;
  readonly target: string;
  readonly path: string;
}

const { store, places, passphrase, target, path } = JSON.parse(process.argv[2]!) as RestoreTask;
const repo = await openRepository(await openDirectoryStore(store), {
  access: 'read',
  credentials: { passphrase: async () => passphrase },
  places,
  clock: systemClock,
  monitor: silentMonitor,
});
const approve = async (): Promise<boolean> => {
  process.stdout.write('begun\n');
  return true;
};
await restore(repo, target, { path, approve });
await repo.close();
