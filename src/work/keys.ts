/** Lists, tests and exports keys. What a key is lives in seal/keys.ts; who is a writer, in the config. */
import { IcecoreError, isIcecoreError, messageOf } from '../base/errors.ts';
import { type Config, encodeConfig } from '../format/config.ts';
import { configName, parseName } from '../format/layout.ts';
import { configObjects } from '../repo/configs.ts';
import { loadIndex } from '../repo/index-loader.ts';
import type { Repository } from '../repo/repository.ts';
import { headerOf } from '../repo/sealed-pack.ts';
import { loadSnapshots } from '../repo/snapshots.ts';
import { createHeader } from '../seal/age-header.ts';
import { encodeBundle } from '../seal/bundle.ts';
import { generateWriterKey, restrictKeyring } from '../seal/keys.ts';

/** A key of the repository, as far as it can be known without opening it. */
export interface KeyInfo {
  /** A writer's id, or the name of a key file. */
  readonly id: string;
  readonly role: 'admin' | 'reader' | 'writer';
  readonly host?: string;
  readonly added?: string;
  /** Object in the repository that holds it, where there is one. */
  readonly object?: string;
  /** True for the key this process uses. */
  readonly current: boolean;
}

/** One thing that was tried with a key. */
export interface KeyCheck {
  readonly check: string;
  readonly ok: boolean;
  readonly detail: string;
}

/** Lists the key files in the repository, then the writers that the config names. */
export async function listKeys(repo: Repository): Promise<KeyInfo[]> {
  const keys: KeyInfo[] = [];
  for await (const { name } of repo.store.list('keys/')) {
    const parsed = parseName(name);
    if (parsed?.kind !== 'key') continue;
    keys.push({
      id: parsed.key,
      role: 'admin',
      object: name,
      current: repo.role === 'admin' && parsed.key === 'admin',
    });
  }
  for (const [id, { host, added }] of repo.config.writers) {
    keys.push({ id, role: 'writer', host, added, current: repo.role === 'writer' && repo.keyring.writer?.id === id });
  }
  return keys;
}

/**
 * Proves that the key in use does what its role says: reads metadata, may sign, opens or does not open content. Nothing
 * is written.
 */
export async function testKey(repo: Repository): Promise<readonly KeyCheck[]> {
  const checks: KeyCheck[] = [];
  const attempt = async (check: string, work: () => Promise<string>) => {
    try {
      checks.push({ check, ok: true, detail: await work() });
    } catch (error) {
      if (!isIcecoreError(error)) throw error;
      checks.push({ check, ok: false, detail: messageOf(error) });
    }
  };
  await attempt('config', async () => `generation ${repo.config.generation}, signed by the admin`);
  await attempt('metadata', async () => {
    const { snapshots } = await loadSnapshots(repo);
    return `${snapshots.length} snapshots can be opened`;
  });
  await attempt('writing', async () => {
    const id = repo.keyring.writer?.id;
    if (id === undefined) return 'this key cannot write, as its role says';
    if (!repo.config.writers.has(id))
      throw new IcecoreError('key', 'unknown-writer', `the config does not know writer ${id}`);
    return `signs as writer ${id}`;
  });
  await attempt('content', () => tryContent(repo));
  return checks;
}

/** Opens the header of a pack, which only holders of D can. */
async function tryContent(repo: Repository): Promise<string> {
  if (!repo.keyring.dataIdentity) return 'this key cannot read content, as its role says';
  await loadIndex(repo);
  const [pack] = repo.catalog.packs();
  if (!pack) return 'there is no content yet';
  await repo.opener.openHeader(headerOf(pack.header), pack.name);
  return `opens ${pack.name}`;
}

/**
 * Makes a writer for another host: publishes a config that names it, and returns the bundle file for that host. With
 * it, the host can back up and cannot read.
 * @throws `key` without admin access; `config` when another admin changed the config at the same time
 */
export async function exportWriter(repo: Repository, host: string): Promise<Uint8Array> {
  repo.require('admin');
  const key = generateWriterKey();
  const now = new Date(repo.clock.now()).toISOString();
  const config: Config = {
    ...repo.config,
    generation: repo.config.generation + 1,
    prev: repo.configHash,
    created: now,
    writers: new Map(repo.config.writers).set(key.id, { publicKey: key.publicKey, host, added: now }),
  };
  const objects = configObjects(repo.store, repo.catalog, repo, repo.config.generation);
  const header = await createHeader(repo.config.recipients.meta);
  const name = configName(config.generation);
  const saved = await objects.save('config', name, encodeConfig(config), header, { cache: false });
  if (saved.outcome === 'exists') {
    throw new IcecoreError(
      'config',
      'config-changed',
      'somebody else changed the settings of this repository just now',
      {
        hint: 'run the command again',
      },
    );
  }
  repo.heads.sawConfig({ number: config.generation, hash: saved.hash });
  repo.heads.save();
  return encodeBundle(restrictKeyring(repo.keyring, 'writer', key));
}
