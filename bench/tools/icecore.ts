/** Icecore itself: the bundle in dist/, run by the Node that runs the comparison. Defaults throughout. */
import { fileURLToPath } from 'node:url';
import type { Repository, Site, Tool } from './tool.ts';

const LAUNCHER = fileURLToPath(new URL('../../bin/icecore.js', import.meta.url));

export const icecore: Tool = {
  name: 'icecore',
  programs: [],
  versionArguments: [],
  legs: ['first', 'unchanged', 'changed', 'restore', 'verify'],
  places: ['folder', 'bucket'],
  environment: ({ repository, passwordFile, local }) => ({
    ...repositoryEnvironment(repository),
    ICECORE_PASSWORD_FILE: passwordFile,
    XDG_CONFIG_HOME: `${local}/config`,
    XDG_CACHE_HOME: `${local}/cache`,
    XDG_STATE_HOME: `${local}/state`,
    XDG_DATA_HOME: `${local}/data`,
  }),
  prepare: () => [icecoreCommand(['init'])],
  command(leg, { source, target }) {
    switch (leg) {
      case 'restore':
        return icecoreCommand(['restore', `latest:${source}`, '--target', target, '--no-progress']);
      case 'verify':
        return icecoreCommand(['verify', '--level', 'data', '--no-progress']);
      default:
        return icecoreCommand(['backup', '--no-progress', source]);
    }
  },
  restored: (site: Site) => site.target,
};

function repositoryEnvironment(repository: Repository): Record<string, string> {
  if (repository.type === 'folder') return { ICECORE_REPOSITORY: repository.path };
  const { endpoint, bucket, prefix, environment } = repository;
  return { ICECORE_REPOSITORY: `s3://${bucket}/${prefix}?endpoint=${endpoint}`, ...environment };
}

/** A command of the bundle in dist/. */
export function icecoreCommand(args: readonly string[]): { argv: readonly string[] } {
  return { argv: [process.execPath, LAUNCHER, ...args] };
}
