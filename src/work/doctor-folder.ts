/** The checks of `doctor` on a repository in a folder: room, who else gets in, and what its file system can do. */
import { formatBytes, formatPercentage } from '../base/units.ts';
import { type FolderFacts, inspectFolder } from '../store/folder-facts.ts';
import { type Check, type CheckGroup, note, ok, problem, type Verdict, warning } from './doctor-check.ts';
import type { DoctorWorld } from './doctor-world.ts';
import { currentUser } from './process-facts.ts';

/** Less than this is full soon: a pack of every worker, and some time to react. */
const LOW_BYTES = 1024 ** 3;
const LOW_SHARE = 0.03;

/** A check on what was found out about the folder. */
function folderCheck(code: string, judge: (facts: FolderFacts, path: string) => Verdict): Check {
  return {
    code,
    // In memory and in buckets there is no folder.
    appliesTo: ({ store }) => store.bucket === undefined && store.location.startsWith('/'),
    async run(world: DoctorWorld) {
      const { location } = world.store;
      return judge(await world.once('folder', () => inspectFolder(location, currentUser())), location);
    },
  };
}

const room = folderCheck('free-space', ({ freeBytes, totalBytes }) => {
  const text = `${formatBytes(freeBytes)} free (${formatPercentage(freeBytes / totalBytes)})`;
  const isLow = freeBytes < LOW_BYTES || freeBytes < totalBytes * LOW_SHARE;
  return isLow ? warning(`only ${text}`, 'make room on that disk, or move the repository to a larger one') : ok(text);
});

const access = folderCheck('folder-mode', ({ mode, isOwn }, path) => {
  const shown = mode.toString(8).padStart(4, '0');
  if ((mode & 0o022) !== 0) {
    return warning(`other users may change the repository (mode ${shown})`, `chmod go-w ${path}`);
  }
  if (!isOwn) return note(`the folder belongs to another user (mode ${shown})`);
  return (mode & 0o055) === 0
    ? ok(`nobody else gets in (mode ${shown})`)
    : note(`other users may look into the repository (mode ${shown}); what it holds is encrypted`, `chmod 700 ${path}`);
});

const links = folderCheck('hard-links', ({ hasHardLinks }) => {
  if (hasHardLinks === undefined)
    return problem('the folder cannot be written', 'check its owner and how it is mounted');
  return hasHardLinks
    ? ok('the file system has hard links')
    : note('the file system has no hard links: creating an object takes a few calls more');
});

const sync = folderCheck('folder-sync', ({ syncsFolders }) =>
  syncsFolders
    ? ok('folders can be made durable')
    : note(
        'the file system does not say when a folder is durable',
        'after a power cut, run icecore verify: objects of the last minutes may be missing',
      ),
);

const thief: Check = {
  code: 'folder-protection',
  appliesTo: ({ store, isWriteOnly }) => store.bucket === undefined && store.location.startsWith('/') && isWriteOnly,
  run: async () =>
    note(
      'whoever takes this host over can delete a repository in a folder that it mounts',
      'keep a second copy elsewhere: on a disk that is not attached, or in a bucket that this host cannot delete from',
    ),
};

export const folderChecks: CheckGroup = { name: 'folder', checks: [room, access, links, sync, thief] };
