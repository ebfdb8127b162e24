/**
 * The checks of `doctor` on what the credentials allow beyond what this host needs. Nothing of the repository is touched:
 * a name that does not exist shows as well as any other whether deleting and reading are allowed.
 */
import { kindPrefix } from '../format/layout.ts';
import { type Check, type CheckGroup, note, ok, problem, warning } from './doctor-check.ts';
import { isDenied, nameThatIsNot, type Permission } from './doctor-world.ts';

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

/** In a folder, permissions are those of the file system. */
const excess: Check = {
  code: 'more-than-a-writer',
  appliesTo: (world) => world.isWriteOnly && world.bucket !== undefined,
  async run(world) {
    const pack = nameThatIsNot(kindPrefix('pack'));
    const tries: readonly (readonly [what: string, may: Permission])[] = [
      ['delete backups', await world.mayDeleteAt(pack)],
      ['replace objects', await world.mayReplace()],
      ['fetch packs', await world.mayReadAt(pack)],
    ];
    const are = (wanted: Permission): string[] => tries.flatMap(([what, may]) => (may === wanted ? [what] : []));
    const allowed = are('allowed');
    const open =
      are('unknown').length === 0
        ? []
        : [note(`it could not be found out whether these credentials may ${listed(are('unknown'))}`)];
    const hint = 'back up with credentials of a writer: icecore doctor --policy writer prints what they need';
    if (allowed.length === 0) {
      return are('denied').length < tries.length
        ? open
        : ok('these credentials can add backups, and not delete, replace or fetch them');
    }
    // A key that only writes cannot open what it fetches.
    if (allowed.length === 1 && allowed[0] === 'fetch packs') {
      return [note('these credentials may fetch packs, which takes more than backing up', hint), ...open];
    }
    return [warning(`these credentials may ${listed(allowed)}: so may whoever takes this host over`, hint), ...open];
  },
};

function listed(parts: readonly string[]): string {
  return parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
}

export const permissionChecks: CheckGroup = { name: 'permissions', checks: [lists, excess] };
