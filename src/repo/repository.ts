/**
 * A repository: a store, the keys, the config in force, and this host's catalog of it. Opening proves that the store
 * holds a repository, that the keys fit, and that it has not gone back in time. What is done with it lives in work/.
 */
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { IcecoreError, isIcecoreError, messageOf } from '../base/errors.ts';
import type { RepoId } from '../base/ids.ts';
import type { Monitor } from '../base/monitor.ts';
import type { Config } from '../format/config.ts';
import type { TagRule } from '../format/object-tags.ts';
import { HeaderOpener } from '../seal/age-header.ts';
import { type DerivedKeys, deriveKeys, type Keyring } from '../seal/keys.ts';
import { MeteredStore, type StoreUse } from '../store/meter.ts';
import { type RequestStats, requestStatsOf } from '../store/request-counts.ts';
import type { Store } from '../store/store.ts';
import type { Access, LocalPlaces, OpenOptions } from './access.ts';
import { Catalog } from './catalog.ts';
import { isUnusable } from './catalog-database.ts';
import { loadConfig } from './configs.ts';
import { HeadsFile } from './heads-file.ts';
import { findKeyring } from './keyrings.ts';
import { lockFile } from './lock-file.ts';
import { loadMarker } from './marker.ts';
import { checkRegion } from './region.ts';
import { SealedObjects } from './sealed-objects.ts';
import { TaggedStore } from './tagged-store.ts';

/** An open repository. Close it when done. */
export class Repository {
  readonly id: RepoId;
  readonly store: Store;
  readonly keyring: Keyring;
  readonly derived: DerivedKeys;
  readonly config: Config;
  /** SHA-256 of the stored config, which the next one names. */
  readonly configHash: string;
  readonly catalog: Catalog;
  readonly heads: HeadsFile;
  readonly objects: SealedObjects;
  readonly opener: HeaderOpener;
  readonly places: LocalPlaces;
  readonly clock: Clock;
  readonly monitor: Monitor;
  readonly #meter: MeteredStore;
  readonly #tags: readonly TagRule[];

  /** Called by {@link openRepository} and by init only. */
  constructor(parts: {
    readonly meter: MeteredStore;
    readonly keyring: Keyring;
    readonly derived: DerivedKeys;
    readonly opener: HeaderOpener;
    readonly config: Config;
    readonly configHash: string;
    readonly catalog: Catalog;
    readonly heads: HeadsFile;
    /** Beside those of the config. */
    readonly tags?: readonly TagRule[];
    readonly options: Pick<OpenOptions, 'places' | 'clock' | 'monitor'>;
  }) {
    const tags = [...(parts.config.objectTags ?? []), ...(parts.tags ?? [])];
    this.#meter = parts.meter;
    this.#tags = parts.tags ?? [];
    this.store = tags.length === 0 ? parts.meter : new TaggedStore(parts.meter, tags);
    this.id = parts.keyring.repo;
    this.keyring = parts.keyring;
    this.derived = parts.derived;
    this.opener = parts.opener;
    this.config = parts.config;
    this.configHash = parts.configHash;
    this.catalog = parts.catalog;
    this.heads = parts.heads;
    this.places = parts.options.places;
    this.clock = parts.options.clock;
    this.monitor = parts.options.monitor;
    this.objects = new SealedObjects(this.store, this.catalog, {
      repo: this.id,
      keyring: this.keyring,
      derived: this.derived,
      opener: this.opener,
      writers: writerKeys(parts.config),
      configGeneration: parts.config.generation,
    });
  }

  /** Where it is, safe to print. */
  get location(): string {
    return this.#meter.location;
  }

  get role(): Keyring['role'] {
    return this.keyring.role;
  }

  /** Requests to the store since it was opened, for a summary. */
  requestStats(): RequestStats {
    return requestStatsOf(this.#meter);
  }

  /** Calls of the store and bytes since it was opened. */
  use(): StoreUse {
    return this.#meter.use;
  }

  /** The folder of this repository in the local cache. */
  cacheFolder(): string {
    return join(this.places.cache, this.id);
  }

  /** The folder of this repository in the local state. */
  stateFolder(): string {
    return join(this.places.state, this.id);
  }

  /** Says which key is missing when this role cannot do what `access` needs. */
  require(access: Access): void {
    const { role } = this.keyring;
    if (access === 'admin' && role !== 'admin') throw insufficient('the admin key');
    if (access === 'read' && role === 'writer')
      throw insufficient('a key that can read (the passphrase of the repository)');
    if (access === 'write' && !this.keyring.writer) throw insufficient('a key that can write');
  }

  /**
   * The same repository with another catalog, hence with nothing that was opened and checked before: every object is
   * read from the store again. It shares the store and the heads, and is not to be closed; the catalog is its maker's.
   */
  withCatalog(catalog: Catalog, monitor: Monitor): Repository {
    return this.#variant({ catalog, monitor });
  }

  /** The same repository, whose objects are stored with these tags too; not to be closed. */
  withTags(tags: readonly TagRule[]): Repository {
    return this.#variant({ tags: [...this.#tags, ...tags] });
  }

  #variant(change: { catalog?: Catalog; monitor?: Monitor; tags?: readonly TagRule[] }): Repository {
    const { keyring, derived, opener, config, configHash, heads, places, clock } = this;
    const { catalog = this.catalog, monitor = this.monitor, tags = this.#tags } = change;
    const options = { places, clock, monitor };
    const parts = { keyring, derived, opener, config, configHash, catalog, heads, tags, options };
    return new Repository({ meter: this.#meter, ...parts });
  }

  /** Keeps what was seen. A host that cannot goes on: heads are a check, not a need. */
  saveHeads(): void {
    try {
      this.heads.save();
    } catch (error) {
      this.monitor.problem({
        severity: 'warning',
        code: 'heads-not-saved',
        message: `cannot keep what was seen of the repository: ${messageOf(error)}`,
        hint: `check the folder ${this.places.state}`,
      });
    }
  }

  /** Keeps other processes of this host from committing meanwhile; resolves to the function that lets them again. */
  lockHeads(signal: AbortSignal): Promise<() => void> {
    return lockFile(join(this.stateFolder(), 'commit.lock'), signal);
  }

  /**
   * Looks whether a run failed because the local catalog is torn (a power cut does that now and then). Then it is
   * removed, and the error to be reported instead is returned.
   */
  catalogFailure(error: unknown): IcecoreError | undefined {
    const isExplained = error instanceof IcecoreError && error.kind !== 'bug';
    if (!isUnusable(error) && (isExplained || this.catalog.isSound())) return undefined;
    this.catalog.discard();
    return new IcecoreError('config', 'catalog-damaged', "this host's catalog of the repository is damaged", {
      hint: 'it has been removed, and is made anew when you run the command again; the repository is not concerned',
      cause: error,
    });
  }

  async close(): Promise<void> {
    this.saveHeads();
    this.catalog.close();
    await this.#meter.close();
  }
}

/**
 * Opens the repository in a store.
 * @throws `missing` no repository there; `key` no or wrong key; `damage` its config; `rollback` it went back in time;
 *   `config` it lies in another region than it is pinned to.
 */
export async function openRepository(store: Store, options: OpenOptions): Promise<Repository> {
  const meter = new MeteredStore(store);
  const id = await loadMarker(meter);
  const keyring = await findKeyring(meter, id, options);
  const derived = deriveKeys(keyring);
  const opener = new HeaderOpener([keyring.metaIdentity, ...(keyring.dataIdentity ? [keyring.dataIdentity] : [])]);
  const catalog = openCatalog(id, options);
  try {
    const heads = HeadsFile.open(join(options.places.state, id, 'heads.json'), id);
    const { config, hash: configHash } = await loadConfig(meter, catalog, { keyring, derived, opener }, heads);
    if (config.store.createOnly) meter.relyOnCreateOnly();
    // A folder lies where it lies: it has no region, and a repository in one has none in its config, unless it was copied.
    if (config.region !== undefined && meter.bucket !== undefined) await checkRegion(meter, config.region);
    if (keyring.role === 'writer' && !config.writers.has(keyring.writer!.id)) {
      throw new IcecoreError(
        'key',
        'unknown-writer',
        `this repository does not know the writer key of this host (${keyring.writer!.id})`,
        {
          hint: 'ask its admin for a bundle made by `icecore key export-writer`',
        },
      );
    }
    const repo = new Repository({ meter, keyring, derived, opener, config, configHash, catalog, heads, options });
    repo.require(options.access);
    return repo;
  } catch (error) {
    catalog.close();
    throw error;
  }
}

/** Opens the catalog on disk; where the cache folder cannot be used, one in memory does, at the price of a slower run. */
export function openCatalog(id: RepoId, options: Pick<OpenOptions, 'places' | 'monitor'>): Catalog {
  try {
    return Catalog.open(join(options.places.cache, id, 'catalog.sqlite'));
  } catch (error) {
    if (isIcecoreError(error)) throw error;
    options.monitor.problem({
      severity: 'warning',
      code: 'no-cache',
      message: `cannot use the cache folder ${options.places.cache}: ${messageOf(error)}`,
      hint: 'the run goes on without it, slower; --cache-dir names another folder',
    });
    return Catalog.open(':memory:');
  }
}

/** The public keys that envelopes are checked against. */
export function writerKeys(config: Config): Map<string, Uint8Array> {
  return new Map([...config.writers].map(([id, writer]) => [id, writer.publicKey]));
}

function insufficient(what: string): IcecoreError {
  return new IcecoreError('key', 'insufficient-key', `this needs ${what}`, {
    hint: 'give it with --password-file, --password-command or --key-file',
  });
}
