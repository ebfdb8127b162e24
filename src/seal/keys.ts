/**
 * The keys of a repository: who holds which. Owns: making them, restricting them to a role, and deriving the symmetric
 * keys. Does not own how they are stored; that is bundle.ts.
 *
 * - S, 32 random bytes; decrypts nothing, but K_id, K_cdc and K_obj are derived from it.
 * - D, an age identity: opens packs. M, another: opens everything else.
 * - W, Ed25519, one a host: signs what a backup stores. A, Ed25519: signs configs. Everybody holds A's public key: it is
 *   what all trust in a repository starts from.
 */
import { randomBytes } from 'node:crypto';
import { generateHybridIdentity, generateX25519Identity, identityToRecipient } from 'age-encryption';
import { IcecoreError } from '../base/errors.ts';
import type { RepoId } from '../base/ids.ts';
import { ADMIN_WRITER } from '../format/envelope.ts';
import { generateSigningKey, hkdf, type Signer, type SigningKey, writerId } from './signatures.ts';

/** `pq`: the hybrid of ML-KEM-768 and X25519. `x25519`: for people who want any old age to do. */
export type AgeType = 'pq' | 'x25519';

/** Writers back up and read no content; readers restore; admins do both and change the config. */
export type Role = 'writer' | 'reader' | 'admin';

/** W: the keys a host signs with, and its name, the first 16 hex digits of the SHA-256 of the public key. */
export interface WriterKey extends SigningKey {
  readonly id: string;
}

/** What one role holds. Everything but the recipients, the writer's id and the public keys is secret. */
export interface Keyring {
  readonly repo: RepoId;
  readonly role: Role;
  /** S. */
  readonly secret: Uint8Array;
  /** The recipient of D. Only a first value: once the config is read, its recipients count. */
  readonly dataRecipient: string;
  /** D; readers and admins. */
  readonly dataIdentity?: string;
  readonly metaRecipient: string;
  /** M. */
  readonly metaIdentity: string;
  /** W; writers and admins. */
  readonly writer?: WriterKey;
  /** A: the public key for all, the private key for admins. */
  readonly admin: { readonly publicKey: Uint8Array; readonly privateKey?: Uint8Array };
}

/** The symmetric keys of a repository, 32 bytes each. */
export interface DerivedKeys {
  /** K_id: names chunks by their content. */
  readonly chunkId: Uint8Array;
  /** K_cdc: decides where chunks and segments end. */
  readonly chunker: Uint8Array;
  /** K_obj: authenticates objects. */
  readonly object: Uint8Array;
}

/** Makes all keys of a new repository, as its admin. */
export async function generateKeyring(repo: RepoId, ageType: AgeType): Promise<Keyring> {
  const generate = ageType === 'pq' ? generateHybridIdentity : generateX25519Identity;
  const [dataIdentity, metaIdentity] = await Promise.all([generate(), generate()]);
  return {
    repo,
    role: 'admin',
    secret: randomBytes(32),
    dataRecipient: await identityToRecipient(dataIdentity),
    dataIdentity,
    metaRecipient: await identityToRecipient(metaIdentity),
    metaIdentity,
    writer: generateWriterKey(),
    admin: generateSigningKey(),
  };
}

/** Makes the keys of a new writer. It can store nothing that others accept until a config names it. */
export function generateWriterKey(): WriterKey {
  const key = generateSigningKey();
  return { id: writerId(key.publicKey), ...key };
}

/**
 * The same keys without what the role has no use for; never more than the keyring holds.
 * @param newWriter the writer keys to hold instead of the keyring's own (writers and admins)
 * @throws IcecoreError key `key-missing` when the keyring lacks what the role needs
 */
export function restrictKeyring(keyring: Keyring, role: Role, newWriter?: WriterKey): Keyring {
  const { repo, secret, dataRecipient, dataIdentity, metaRecipient, metaIdentity, admin } = keyring;
  const writer = newWriter ?? keyring.writer;
  const shared = { repo, role, secret, dataRecipient, metaRecipient, metaIdentity };
  const trust = { publicKey: admin.publicKey };
  switch (role) {
    case 'writer':
      if (writer === undefined) throw keyMissing(role, 'writer key');
      return { ...shared, writer, admin: trust };
    case 'reader':
      if (dataIdentity === undefined) throw keyMissing(role, 'data identity');
      return { ...shared, dataIdentity, admin: trust };
    case 'admin':
      if (dataIdentity === undefined) throw keyMissing(role, 'data identity');
      if (admin.privateKey === undefined) throw keyMissing(role, 'admin key');
      return { ...shared, dataIdentity, ...(writer === undefined ? {} : { writer }), admin };
  }
}

/** Derives K_id, K_cdc and K_obj: HKDF-SHA-256 of S, the salt being the 32 hex digits of the repository's id. */
export function deriveKeys(keyring: Pick<Keyring, 'repo' | 'secret'>): DerivedKeys {
  return {
    chunkId: hkdf(keyring.secret, keyring.repo, 'icecore/1 chunk id'),
    chunker: hkdf(keyring.secret, keyring.repo, 'icecore/1 chunker'),
    object: hkdf(keyring.secret, keyring.repo, 'icecore/1 object mac'),
  };
}

/**
 * The signer of what a keyring's holder stores: its writer, or, for configs, the admin.
 * @throws IcecoreError key `key-missing`
 */
export function signerOf(keyring: Keyring, derived: DerivedKeys, as: 'writer' | 'admin' = 'writer'): Signer {
  const { repo, writer, admin } = keyring;
  const shared = { repo, macKey: derived.object };
  if (as === 'writer') {
    if (writer === undefined) throw missing('these keys can read, and sign nothing');
    return { ...shared, writer: writer.id, privateKey: writer.privateKey };
  }
  if (admin.privateKey === undefined) throw missing('only the keys of an admin can change the settings');
  return { ...shared, writer: ADMIN_WRITER, privateKey: admin.privateKey };
}

function keyMissing(role: Role, what: string): IcecoreError {
  return missing(`these keys make no ${role}: the ${what} is missing`);
}

function missing(message: string): IcecoreError {
  return new IcecoreError('key', 'key-missing', message);
}
