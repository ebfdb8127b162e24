/** kopia. It compresses nothing by default; with zstd it does what the others do. */
import { program, repositoryFolder, type Tool } from './tool.ts';

export const kopia: Tool = {
  name: 'kopia',
  programs: ['kopia'],
  versionArguments: ['--version'],
  legs: ['first', 'unchanged', 'changed', 'restore', 'verify'],
  places: ['folder'],
  environment: ({ password, local }) => ({
    KOPIA_PASSWORD: password,
    KOPIA_CONFIG_PATH: `${local}/kopia.config`,
    KOPIA_CACHE_DIRECTORY: `${local}/cache`,
    KOPIA_LOG_DIR: `${local}/log`,
    KOPIA_CHECK_FOR_UPDATES: 'false',
  }),
  prepare: (site) => [
    { argv: [program(site, 'kopia'), 'repository', 'create', 'filesystem', '--path', repositoryFolder(site)] },
    { argv: [program(site, 'kopia'), 'policy', 'set', '--global', '--compression=zstd'] },
  ],
  command(leg, site) {
    const kopia = program(site, 'kopia');
    switch (leg) {
      case 'restore':
        return { argv: [kopia, 'restore', site.source, site.target, '--snapshot-time=latest'] };
      case 'verify':
        return { argv: [kopia, 'snapshot', 'verify', '--verify-files-percent=100'] };
      default:
        return { argv: [kopia, 'snapshot', 'create', site.source] };
    }
  },
  restored: ({ target }) => target,
};
