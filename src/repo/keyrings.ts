/**
 * Where the keys of a repository are found on this host or in the repository itself: a bundle that the user names, the
 * writer bundle that `init` left here, or a bundle in `keys/` that the passphrase opens. Keys are never written here
 * (init and key export do that).
 */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, IcecoreError, isIcecoreError } from '../base/errors.ts';
import type { RepoId } from '../base/ids.ts';
import type { Monitor } from '../base/monitor.ts';
import { decodeBundle, openBundle } from '../seal/bundle.ts';
import type { Keyring } from '../seal/keys.ts';
import type { Store } from '../store/store.ts';
import type { OpenOptions } from './access.ts';

/** The file of this host's own bundle. */
export function hostKeyFile(configFolder: string, repo: RepoId): string {
  return join(configFolder, 'keys', `${repo}.json`);
}

/**
 * Finds keys that allow `access`.
 * @throws `key`: `no-key` when there are none and no passphrase can be asked for, `wrong-passphrase`, `wrong-repository`.
 */
export async function findKeyring(store: Store, repo: RepoId, options: OpenOptions): Promise<Keyring> {
  const { access, credentials, places, monitor } = options;
  if (credentials.keyFile !== undefined) return fromKeyFile(credentials.keyFile, repo, options);
  const host = fromHost(hostKeyFile(places.config, repo), repo, monitor);
  if (host && allows(host, access)) return host;
  const passphrase = await credentials.passphrase?.();
  if (passphrase === undefined) {
    const what =
      access === 'write'
        ? 'this host has no key for the repository'
        : 'the keys of this host cannot read the repository';
    throw new IcecoreError('key', 'no-key', host ? what : 'this host has no key for the repository', {
      hint: 'give the passphrase with --password-file or --password-command, or a key with --key-file',
    });
  }
  return fromPassphrase(store, repo, passphrase);
}

function allows(keyring: Keyring, access: OpenOptions['access']): boolean {
  if (access === 'write') return keyring.writer !== undefined;
  if (access === 'read') return keyring.dataIdentity !== undefined;
  return keyring.role === 'admin';
}

async function fromKeyFile(path: string, repo: RepoId, options: OpenOptions): Promise<Keyring> {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new IcecoreError('user', 'key-file', `cannot read the key file ${path} (${errnoOf(cause) ?? 'error'})`, {
      cause,
    });
  }
  if (!Buffer.from(bytes.subarray(0, 14)).equals(Buffer.from('age-encryption'))) {
    return checkRepo(decodeBundle(bytes, path), repo, path);
  }
  const passphrase = await options.credentials.passphrase?.();
  if (passphrase === undefined) {
    throw new IcecoreError('key', 'no-key', `the key file ${path} is sealed to a passphrase`, {
      hint: 'give it with --password-file or --password-command',
    });
  }
  return checkRepo(await openBundle(bytes, { passphrase }, path), repo, path);
}

function fromHost(path: string, repo: RepoId, monitor: Monitor): Keyring | undefined {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw new IcecoreError('user', 'key-file', `cannot read the key file ${path} (${errnoOf(error) ?? 'error'})`, {
      cause: error,
    });
  }
  warnIfOthersCanRead(path, monitor);
  return checkRepo(decodeBundle(bytes, path), repo, path);
}

async function fromPassphrase(store: Store, repo: RepoId, passphrase: string): Promise<Keyring> {
  let failure: unknown;
  for await (const { name } of store.list('keys/')) {
    const bytes = await store.get(name);
    if (!bytes) continue;
    try {
      return checkRepo(await openBundle(bytes, { passphrase }, name), repo, name);
    } catch (error) {
      // A key file that is damaged must not hide one that is not; a wrong passphrase is the better thing to report.
      if (!isIcecoreError(failure, 'key')) failure = error;
    }
  }
  throw (
    failure ??
    new IcecoreError('key', 'no-key', 'the repository has no key files', { hint: 'give a key with --key-file' })
  );
}

function checkRepo(keyring: Keyring, repo: RepoId, path: string): Keyring {
  if (keyring.repo === repo) return keyring;
  throw new IcecoreError(
    'key',
    'wrong-repository',
    `the key ${path} belongs to repository ${keyring.repo}, this is ${repo}`,
  );
}

function warnIfOthersCanRead(path: string, monitor: Monitor): void {
  if ((statSync(path).mode & 0o077) === 0) return;
  monitor.problem({
    severity: 'warning',
    code: 'key-file-open',
    message: `other users can read the key file ${path}`,
    hint: `chmod 600 ${path}`,
  });
}
