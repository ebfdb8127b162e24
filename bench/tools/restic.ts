/** restic, with its defaults. */
import { program, type Repository, type Tool } from './tool.ts';

export const restic: Tool = {
  name: 'restic',
  programs: ['restic'],
  versionArguments: ['version'],
  legs: ['first', 'unchanged', 'changed', 'restore', 'verify'],
  places: ['folder', 'bucket'],
  environment: ({ repository, passwordFile, local }) => ({
    ...repositoryEnvironment(repository),
    RESTIC_PASSWORD_FILE: passwordFile,
    RESTIC_CACHE_DIR: `${local}/cache`,
  }),
  prepare: (site) => [{ argv: [program(site, 'restic'), 'init'] }],
  command(leg, site) {
    const restic = program(site, 'restic');
    switch (leg) {
      case 'restore':
        return { argv: [restic, 'restore', 'latest', '--target', site.target] };
      case 'verify':
        return { argv: [restic, 'check', '--read-data'] };
      default:
        return { argv: [restic, 'backup', site.source] };
    }
  },
  restored: ({ target, source }) => target + source,
};

function repositoryEnvironment(repository: Repository): Record<string, string> {
  if (repository.type === 'folder') return { RESTIC_REPOSITORY: repository.path };
  const { endpoint, bucket, prefix, environment } = repository;
  return { RESTIC_REPOSITORY: `s3:${endpoint}/${bucket}/${prefix}`, ...environment };
}
