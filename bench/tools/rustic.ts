/** rustic, with its defaults and without a profile. */
import { program, type Repository, type Tool } from './tool.ts';

export const rustic: Tool = {
  name: 'rustic',
  programs: ['rustic'],
  versionArguments: ['--version'],
  legs: ['first', 'unchanged', 'changed', 'restore', 'verify'],
  places: ['folder', 'bucket'],
  environment: ({ repository, passwordFile, local }) => ({
    ...repositoryEnvironment(repository),
    RUSTIC_PASSWORD_FILE: passwordFile,
    RUSTIC_CACHE_DIR: `${local}/cache`,
    RUSTIC_NO_PROGRESS: 'true',
  }),
  prepare: (site) => [{ argv: [program(site, 'rustic'), 'init'] }],
  command(leg, site) {
    const rustic = program(site, 'rustic');
    switch (leg) {
      case 'restore':
        return { argv: [rustic, 'restore', `latest:${site.source}`, site.target] };
      case 'verify':
        return { argv: [rustic, 'check', '--read-data'] };
      default:
        return { argv: [rustic, 'backup', site.source] };
    }
  },
  restored: ({ target }) => target,
};

function repositoryEnvironment(repository: Repository): Record<string, string> {
  if (repository.type === 'folder') return { RUSTIC_REPOSITORY: repository.path };
  const { endpoint, bucket, prefix, environment } = repository;
  return {
    RUSTIC_REPOSITORY: 'opendal:s3',
    RUSTIC_REPO_OPT_ENDPOINT: endpoint,
    RUSTIC_REPO_OPT_BUCKET: bucket,
    RUSTIC_REPO_OPT_ROOT: `/${prefix}`,
    RUSTIC_REPO_OPT_REGION: environment.AWS_REGION ?? 'us-east-1',
    ...environment,
  };
}
