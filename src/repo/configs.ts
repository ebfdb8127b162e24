/**
 * The chain of configs: finds the newest generation, proves that the admin signed it and that the chain did not go
 * back. Who backs up and to whom packs are sealed is taken from here alone.
 */
import { damage, IcecoreError } from '../base/errors.ts';
import { type Config, decodeConfig } from '../format/config.ts';
import { ADMIN_WRITER } from '../format/envelope.ts';
import { configName, parseName } from '../format/layout.ts';
import type { HeaderOpener } from '../seal/age-header.ts';
import type { DerivedKeys, Keyring } from '../seal/keys.ts';
import type { Store } from '../store/store.ts';
import type { Catalog } from './catalog.ts';
import type { HeadsFile } from './heads-file.ts';
import { SealedObjects } from './sealed-objects.ts';

/** The keys that configs are opened and checked with. */
export interface ConfigKeys {
  readonly keyring: Keyring;
  readonly derived: DerivedKeys;
  readonly opener: HeaderOpener;
}

/** Store I/O of configs: only the admin's signature counts. */
export function configObjects(store: Store, catalog: Catalog, keys: ConfigKeys, generation: number): SealedObjects {
  return new SealedObjects(store, catalog, {
    repo: keys.keyring.repo,
    keyring: keys.keyring,
    derived: keys.derived,
    opener: keys.opener,
    writers: new Map([[ADMIN_WRITER, keys.keyring.admin.publicKey]]),
    configGeneration: generation,
  });
}

/** A config with the hash of its stored object, which the next one names. */
export interface ChainedConfig {
  readonly config: Config;
  readonly hash: string;
}

/**
 * Loads the newest config and moves the local heads forward. It is opened and checked every time: who backs up, and to
 * whom packs are sealed, is never taken from a cache.
 * @throws `rollback` when the repository's newest is older than what was seen; `damage` when it is missing or forged.
 */
export async function loadConfig(
  store: Store,
  catalog: Catalog,
  keys: ConfigKeys,
  heads: HeadsFile,
): Promise<ChainedConfig> {
  let newest = 0;
  for await (const { name } of store.list('config/')) {
    const parsed = parseName(name);
    if (parsed?.kind === 'config') newest = Math.max(newest, parsed.number);
  }
  const name = configName(Math.max(newest, 1));
  const seen = heads.config;
  if (seen && newest < seen.number) {
    throw wentBack(`its newest config is ${newest}, this host has seen ${seen.number}`);
  }
  if (newest === 0) throw damage('config-missing', 'the repository has no config', { object: name });
  const object = await configObjects(store, catalog, keys, newest).get('config', name, { cache: false });
  if (seen && seen.number === newest && seen.hash !== object.hash)
    throw wentBack(`config ${newest} is another than before`);
  const config = decodeConfig(object.payload, name);
  if (config.repo !== keys.keyring.repo) {
    throw damage('object-mismatch', `${name}: belongs to another repository`, { object: name });
  }
  heads.sawConfig({ number: newest, hash: object.hash });
  return { config, hash: object.hash };
}

/** The error of a repository that is not what this host has seen of it. */
export function wentBack(how: string): IcecoreError {
  return new IcecoreError('rollback', 'rollback', `the repository went back in time: ${how}`, {
    hint: 'somebody restored an old copy of it or removed objects; if that was you, delete heads.json in the state folder of this repository',
  });
}
