/** The checks of `doctor` on the repository itself: that it is one that this program knows, and what its settings say. */
import { formatBytes } from '../base/units.ts';
import { type Check, type CheckGroup, note, ok, problem, warning } from './doctor-check.ts';

const format: Check = {
  code: 'repository',
  async run({ id, store, openFailure }) {
    if (id === undefined && openFailure === undefined) {
      return note(`there is no repository at ${store.location} yet`, 'icecore init makes one');
    }
    if (openFailure === undefined) return ok(`repository ${id}, format 1`);
    // Without a key, nothing is wrong: a doctor needs no passphrase.
    if (openFailure.kind === 'key') {
      return note(`repository ${id}: its settings stay unread, ${openFailure.message}`);
    }
    return problem(openFailure.message, openFailure.hint);
  },
};

const config: Check = {
  code: 'config',
  appliesTo: ({ repository }) => repository !== undefined,
  async run({ repository }) {
    const { generation, storageClass, packSize, writers } = repository!.config;
    const hosts = `${writers.size} ${writers.size === 1 ? 'host' : 'hosts'} may write`;
    return ok(`config ${generation}: packs of ${formatBytes(packSize)} in ${storageClass}, ${hosts}`);
  },
};

const createOnly: Check = {
  code: 'made-without-create-only',
  appliesTo: ({ repository }) => repository?.config.store.createOnly === false,
  run: async () =>
    warning(
      'the store did not keep create-only puts when the repository was made',
      'backups work; never run two prunes at the same time, nor one beside a backup',
    ),
};

const knownClass: Check = {
  code: 'known-class',
  appliesTo: ({ repository, bucket }) =>
    repository !== undefined && bucket !== undefined && bucket.provider.hosts.length > 0,
  async run({ repository, bucket }) {
    const { storageClass } = repository!.config;
    const known = bucket!.provider.classes;
    if (Object.hasOwn(known, storageClass)) return [];
    return warning(
      `packs are to go to ${storageClass}, which ${bucket!.provider.name} does not have`,
      `it has ${Object.keys(known).join(', ')}: give one of them with backup --storage-class`,
    );
  },
};

const pinnedRegion: Check = {
  code: 'pinned-region',
  appliesTo: ({ repository, bucket }) => repository !== undefined && bucket?.provider.id === 'aws',
  async run({ repository }) {
    const { region } = repository!.config;
    return region === undefined
      ? ok('the repository is pinned to no region')
      : ok(`the repository is pinned to ${region}`);
  },
};

export const repositoryChecks: CheckGroup = {
  name: 'repository',
  checks: [format, config, createOnly, knownClass, pinnedRegion],
};
