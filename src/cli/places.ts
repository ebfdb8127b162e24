/**
 * Where this host keeps what belongs to the program: the XDG base directories, and the default repository. Owns paths
 * only; nothing is created here.
 */
import { isAbsolute, join } from 'node:path';
import { IcecoreError } from '../base/errors.ts';
import type { LocalPlaces } from '../repo/access.ts';
import type { Environment } from './io.ts';

/** The places of {@link LocalPlaces}, and those of the default repository. */
export interface Places extends LocalPlaces {
  /** The repository that is used when none is configured. */
  readonly defaultRepository: string;
  /** Holds the passphrase of that repository, and of no other. */
  readonly defaultPassphraseFile: string;
}

/**
 * Finds the places. As the XDG specification says, a relative path in a variable counts as unset.
 * @param cacheDir overrides the cache (an absolute path)
 * @throws kind `user`, `no-home` when neither the variables nor a home directory say where
 */
export function findPlaces(env: Environment, home: () => string | undefined, cacheDir?: string): Places {
  const directory = (variable: string, ...fallback: string[]): string => {
    const value = env[variable];
    if (value !== undefined && isAbsolute(value)) return join(value, 'icecore');
    const base = home();
    if (base === undefined || !isAbsolute(base)) {
      throw new IcecoreError('user', 'no-home', 'there is no home directory to keep keys and settings in', {
        hint: 'set HOME, or XDG_CONFIG_HOME, XDG_CACHE_HOME, XDG_STATE_HOME and XDG_DATA_HOME',
      });
    }
    return join(base, ...fallback, 'icecore');
  };
  const config = directory('XDG_CONFIG_HOME', '.config');
  return {
    config,
    cache: cacheDir ?? directory('XDG_CACHE_HOME', '.cache'),
    state: directory('XDG_STATE_HOME', '.local', 'state'),
    defaultRepository: join(directory('XDG_DATA_HOME', '.local', 'share'), 'default'),
    defaultPassphraseFile: join(config, 'default.passphrase'),
  };
}
