/** rustic, with its defaults and without a profile. */
import { program, type Tool } from './tool.ts';

export const rustic: Tool = {
  name: 'rustic',
  programs: ['rustic'],
  versionArguments: ['--version'],
  legs: ['first', 'unchanged', 'changed', 'restore', 'verify'],
  environment: ({ repository, passwordFile, local }) => ({
    RUSTIC_REPOSITORY: repository,
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
