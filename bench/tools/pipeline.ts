/** tar, zstd and age in a pipe: what the stock tools can do. A second backup would be a full one again, so it has none. */
import { basename, dirname } from 'node:path';
import { program, repositoryFolder, type Site, type Tool } from './tool.ts';

export const pipeline: Tool = {
  name: 'pipeline',
  programs: ['age', 'age-keygen', 'tar', 'zstd'],
  versionArguments: ['--version'],
  legs: ['first', 'restore', 'verify'],
  places: ['folder'],
  environment: () => ({}),
  prepare: (site) => [{ argv: [program(site, 'age-keygen'), '-o', keyFile(site)] }],
  command(leg, site) {
    const tar = quote(program(site, 'tar'));
    const zstd = quote(program(site, 'zstd'));
    const age = quote(program(site, 'age'));
    const key = quote(keyFile(site));
    const archive = quote(`${repositoryFolder(site)}/archive.tar.zst.age`);
    const { source, target } = site;
    switch (leg) {
      case 'restore':
        return shell(`${age} -d -i ${key} ${archive} | ${zstd} -q -d | ${tar} -x -p -C ${quote(target)}`);
      case 'verify':
        return shell(`${age} -d -i ${key} ${archive} | ${zstd} -q -t`);
      default: {
        const read = `${tar} -c -C ${quote(dirname(source))} -- ${quote(basename(source))}`;
        // The key file is the recipient too: -e encrypts to the identities in it.
        return shell(
          `mkdir -p ${quote(repositoryFolder(site))}; ${read} | ${zstd} -q -3 -T0 | ${age} -e -i ${key} -o ${archive}`,
        );
      }
    }
  },
  restored: ({ target, source }) => `${target}/${basename(source)}`,
};

function keyFile({ local }: Site): string {
  return `${local}/age.key`;
}

function shell(line: string): { argv: readonly string[] } {
  return { argv: ['bash', '-c', `set -euo pipefail; ${line}`] };
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
