/** borg 1. Its default is lz4, which stores half as much again; with zstd it does what the others do. */
import type { Leg } from './tool.ts';
import { program, repositoryFolder, type Tool } from './tool.ts';

export const borg: Tool = {
  name: 'borg',
  programs: ['borg'],
  versionArguments: ['--version'],
  legs: ['first', 'unchanged', 'changed', 'restore', 'verify'],
  places: ['folder'],
  environment: (site) => ({
    BORG_REPO: repositoryFolder(site),
    BORG_PASSPHRASE: site.password,
    BORG_BASE_DIR: site.local,
  }),
  prepare: (site) => [{ argv: [program(site, 'borg'), 'init', '--encryption=repokey'] }],
  command(leg, site) {
    const borg = program(site, 'borg');
    switch (leg) {
      case 'restore':
        return { argv: [borg, 'extract', `::${newest(site.done)}`], directory: site.target };
      case 'verify':
        return { argv: [borg, 'check', '--verify-data'] };
      default:
        return { argv: [borg, 'create', '--compression=zstd,3', `::${leg}`, site.source] };
    }
  },
  restored: ({ target, source }) => target + source,
};

/** Archives carry the name of the leg that made them. */
function newest(done: readonly Leg[]): Leg {
  return done.findLast((leg) => leg === 'first' || leg === 'unchanged' || leg === 'changed') ?? 'first';
}
