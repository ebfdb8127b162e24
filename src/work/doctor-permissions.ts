/**
 * The checks of `doctor` on what the credentials allow beyond what this host needs. Nothing of the repository is touched:
 * a name that does not exist shows as well as any other whether deleting and reading are allowed.
 */
import { kindPrefix } from '../format/layout.ts';
import { createProbe, probeContent, probeName } from '../repo/probe-steps.ts';
import { type Check, type CheckGroup, note, ok, problem, warning } from './doctor-check.ts';
import { type DoctorWorld, isDenied, nameThatIsNot } from './doctor-world.ts';

/** A host that only backs up, with credentials of a bucket. In a folder, permissions are those of the file system. */
const isWriter = (world: DoctorWorld): boolean => world.isWriteOnly && world.bucket !== undefined;

const USE_WRITER = 'back up with credentials of a writer: icecore doctor --policy writer prints what they need';

const lists: Check = {
  code: 'may-list',
  async run({ store, signal }) {
    try {
      for await (const _ of store.list(kindPrefix('config'), signal)) break;
      return ok('the repository can be listed');
    } catch (error) {
      if (!isDenied(error)) throw error;
      return problem('these credentials may not list the repository', 'every command lists: allow s3:ListBucket');
    }
  },
};

const deletesPacks: Check = {
  code: 'may-delete-packs',
  appliesTo: isWriter,
  async run(world) {
    const may = await world.mayDeleteAt(nameThatIsNot(kindPrefix('pack')));
    if (may === 'denied') return ok('a thief of this host cannot delete backups');
    if (may === 'unknown') return note('whether these credentials may delete backups could not be found out');
    return warning(
      'these credentials may delete backups: whoever takes this host over could remove them all',
      USE_WRITER,
    );
  },
};

const readsPacks: Check = {
  code: 'may-read-packs',
  appliesTo: isWriter,
  async run(world) {
    const may = await world.mayReadAt(nameThatIsNot(kindPrefix('pack')));
    if (may === 'denied') return ok('these credentials cannot fetch packs');
    if (may === 'unknown') return note('whether these credentials may fetch packs could not be found out');
    return note(
      'these credentials may fetch packs, which takes more than backing up; the key of this host cannot open them',
      USE_WRITER,
    );
  },
};

const replaces: Check = {
  code: 'may-replace',
  appliesTo: async (world) =>
    isWriter(world) && (await world.mayWrite()) === 'allowed' && (await world.mayDelete()) === 'allowed',
  async run({ store, signal }) {
    const name = probeName();
    try {
      await createProbe(store, name, probeContent(1), { signal });
      await store.put(name, probeContent(2), { ifAbsent: false, signal });
      return warning(
        'these credentials may replace objects: whoever takes this host over could overwrite backups',
        USE_WRITER,
      );
    } catch (error) {
      if (isDenied(error)) return ok('objects can be created, and not replaced');
      throw error;
    } finally {
      await store.delete(name, signal);
    }
  },
};

export const permissionChecks: CheckGroup = {
  name: 'permissions',
  checks: [lists, deletesPacks, readsPacks, replaces],
};
