/** The checks of `doctor` on this host: its key, what it remembers of the repository, and the cache. */
import { access, constants, mkdir, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf, isIcecoreError, messageOf } from '../base/errors.ts';
import { formatBytes } from '../base/units.ts';
import { HeadsFile } from '../repo/heads-file.ts';
import { hostKeyFile } from '../repo/keyrings.ts';
import { type Check, type CheckGroup, note, ok, problem, warning } from './doctor-check.ts';

/** A catalog of a million files takes about this much. */
const LOW_BYTES = 512 * 1024 ** 2;

const keyFile: Check = {
  code: 'key-file',
  appliesTo: ({ id }) => id !== undefined,
  async run({ id, places }) {
    const path = hostKeyFile(places.config, id!);
    try {
      const { mode } = await stat(path);
      if ((mode & 0o077) === 0) return ok(`key of this host: ${path}`);
      return warning(`other users can read the key of this host: ${path}`, `chmod 600 ${path}`);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
      return note(
        'this host has no key for the repository: its backups need the passphrase or --key-file',
        'on a host that has one, icecore key export-writer makes a key for another host',
      );
    }
  },
};

const heads: Check = {
  code: 'heads',
  appliesTo: ({ id }) => id !== undefined,
  async run({ id, places }) {
    const path = join(places.state, id!, 'heads.json');
    try {
      const { config, writers } = HeadsFile.open(path, id!);
      if (config === undefined) return note('this host has not seen the repository before');
      return ok(
        `this host would notice an older state: it has seen config ${config.number} and ${writers.size} writers`,
      );
    } catch (error) {
      const isTorn = isIcecoreError(error, 'damage');
      return problem(
        `${path} cannot be read: ${messageOf(error)}`,
        isTorn
          ? 'look why it is damaged, then delete it: the next run begins a new one'
          : `check the permissions of ${dirname(path)}`,
      );
    }
  },
};

const cache: Check = {
  code: 'cache',
  async run({ places }) {
    const folder = places.cache;
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    } catch (error) {
      const why = errnoOf(error) ?? messageOf(error);
      return warning(
        `the cache folder ${folder} cannot be used (${why}): runs are slower`,
        '--cache-dir names another one',
      );
    }
    const { bavail, bsize } = await statfs(folder);
    const free = bavail * bsize;
    const text = `cache: ${folder}, ${formatBytes(free)} free`;
    return free < LOW_BYTES ? warning(text, 'make room there, or name another folder with --cache-dir') : ok(text);
  },
};

const folders: Check = {
  code: 'own-folders',
  async run({ places }) {
    const open: string[] = [];
    for (const folder of [places.config, places.state]) {
      // A folder that is not there yet is made with the right mode.
      const mode = await stat(folder).then(
        (info) => info.mode,
        () => 0,
      );
      if ((mode & 0o022) !== 0) open.push(folder);
    }
    return open.length === 0
      ? []
      : warning(`other users may change ${open.join(' and ')}`, `chmod go-w ${open.join(' ')}`);
  },
};

export const hostChecks: CheckGroup = { name: 'host', checks: [keyFile, heads, cache, folders] };
