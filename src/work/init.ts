/**
 * Creates a repository: tries the store, makes keys and the first config, writes what explains a recovery, and leaves a
 * writer bundle on this host. The marker comes last: until then there is no repository.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { writeFileAtomic } from '../base/atomic-file.ts';
import type { Clock } from '../base/clock.ts';
import { IcecoreError } from '../base/errors.ts';
import type { RepoId } from '../base/ids.ts';
import { type Monitor, silentMonitor } from '../base/monitor.ts';
import { checkChunkSizes } from '../format/chunker.ts';
import { type Config, encodeConfig } from '../format/config.ts';
import { configName, keyName, MARKER_NAME, RECOVERY_NAME, RECOVERY_SCRIPT_NAME } from '../format/layout.ts';
import { type TagRule, tagsOfKind } from '../format/object-tags.ts';
import type { LocalPlaces } from '../repo/access.ts';
import { checkBucketChoices } from '../repo/bucket-choices.ts';
import { configObjects } from '../repo/configs.ts';
import { hostKeyFile } from '../repo/keyrings.ts';
import { encodeMarker, findMarker } from '../repo/marker.ts';
import { probeStore } from '../repo/probe.ts';
import { recoveryScript, recoveryText } from '../repo/recovery.ts';
import { checkRegion } from '../repo/region.ts';
import { openCatalog, openRepository, type Repository } from '../repo/repository.ts';
import { TaggedStore } from '../repo/tagged-store.ts';
import { createHeader, HeaderOpener } from '../seal/age-header.ts';
import { encodeBundle, sealBundleToPassphrase } from '../seal/bundle.ts';
import { deriveKeys, generateKeyring, type Keyring, restrictKeyring } from '../seal/keys.ts';
import { MeteredStore } from '../store/meter.ts';
import { type RequestStats, requestStatsOf } from '../store/request-counts.ts';
import type { Store } from '../store/store.ts';

/** What `init` may be told. */
export interface InitOptions {
  /** Protects the admin bundle in the repository. */
  readonly passphrase: string;
  readonly ageType: 'pq' | 'x25519';
  /** Target size of a chunk in bytes, a power of two; minimum a quarter, maximum four times it. */
  readonly chunkBytes: number;
  /** Target size of a pack in bytes. */
  readonly packBytes: number;
  /** Class of data packs; `STANDARD` for a directory. */
  readonly storageClass: string;
  /** The region that the bucket has to be in, now and whenever the repository is opened. */
  readonly region?: string;
  /** Data packs smaller than this are STANDARD: they cost more in an archive than out of it (default 16 MiB). */
  readonly coldMinimum?: number;
  /** Tags that objects are stored with. */
  readonly objectTags?: readonly TagRule[];
  /** zstd level of new packs. */
  readonly compression: number;
  readonly host: string;
  readonly user: string;
  /** Succeed when the repository is there already. */
  readonly existsOk: boolean;
  /** scrypt work factor (log2); tests lower it. */
  readonly scryptLogN?: number;
}

/** What `init` made. */
export interface InitResult extends RequestStats {
  readonly repository: Repository;
  readonly created: boolean;
  /** The writer bundle on this host. */
  readonly hostKeyFile: string;
}

/** Packs smaller than this stay in STANDARD whatever the class of the repository. */
const COLD_MINIMUM = 16 * 1_048_576;

/**
 * Creates a repository in an empty store, and opens it as this host's writer.
 * @throws `user`: `repository-exists`, `store-not-empty`; `config`: impossible sizes, another region;
 *   `usage`: a class or tags that the store does not have; `store`: what the probe found.
 */
export async function initRepository(
  place: Store,
  places: LocalPlaces,
  options: InitOptions,
  clock: Clock,
  monitor: Monitor = silentMonitor,
): Promise<InitResult> {
  const store = new MeteredStore(place);
  const existing = await findMarker(store);
  const open = () =>
    openRepository(store, {
      access: 'write',
      credentials: { passphrase: async () => options.passphrase },
      places,
      clock,
      monitor,
    });
  if (existing !== undefined) {
    if (!options.existsOk) {
      throw new IcecoreError('user', 'repository-exists', `there is a repository at ${store.location} already`, {
        hint: 'choose another place; init never touches an existing repository',
        data: { repository: existing },
      });
    }
    const repository = await open();
    return { repository, created: false, hostKeyFile: hostKeyFile(places.config, existing), ...requestStatsOf(store) };
  }
  checkBucketChoices(store, options);
  if (options.region !== undefined) await checkRegion(store, options.region);
  await refuseLeftovers(store);
  const { storageClass, objectTags = [] } = options;
  // The probe is tagged like a pack: a bucket may refuse objects with tags, or without.
  const tags = tagsOfKind('data', objectTags);
  const facts = await probeStore(store, { storageClass, ...(tags ? { tags } : {}) });
  const tagged = objectTags.length === 0 ? store : new TaggedStore(store, objectTags);
  const id = randomBytes(16).toString('hex') as RepoId;
  const keyring = await generateKeyring(id, options.ageType);
  const config = firstConfig(keyring, options, facts, clock);
  await create(tagged, keyName('admin'), await sealBundleToPassphrase(keyring, options.passphrase, options.scryptLogN));
  await saveConfig(tagged, keyring, config, places, monitor);
  await create(tagged, RECOVERY_NAME, Buffer.from(recoveryText(id)));
  await create(tagged, RECOVERY_SCRIPT_NAME, Buffer.from(recoveryScript()));
  const keyFile = hostKeyFile(places.config, id);
  mkdirSync(dirname(keyFile), { recursive: true, mode: 0o700 });
  writeFileAtomic(keyFile, encodeBundle(restrictKeyring(keyring, 'writer')), 0o600);
  await create(tagged, MARKER_NAME, encodeMarker(id));
  const repository = await open();
  return { repository, created: true, hostKeyFile: keyFile, ...requestStatsOf(store) };
}

/** Creates one object of the new repository; somebody else's in its place ends the init before it can mix with theirs. */
async function create(store: Store, name: string, bytes: Uint8Array): Promise<void> {
  const { outcome } = await store.put(name, bytes, { ifAbsent: true });
  if (outcome === 'exists') throw raced(store);
}

function raced(store: Store): IcecoreError {
  return new IcecoreError('user', 'repository-exists', `somebody else is creating a repository at ${store.location}`, {
    hint: 'run init again when they are done, or choose another place',
  });
}

/** Objects without a marker are somebody's: never mix a new repository into them. */
async function refuseLeftovers(store: Store): Promise<void> {
  for (const prefix of ['keys/', 'config/', 'packs/', 'snapshots/']) {
    for await (const { name } of store.list(prefix)) {
      throw new IcecoreError(
        'user',
        'store-not-empty',
        `there is something at ${store.location} already (${name}), but no ${MARKER_NAME}`,
        {
          hint: 'an interrupted init leaves this: remove it, or choose an empty place',
        },
      );
    }
  }
}

function firstConfig(keyring: Keyring, options: InitOptions, facts: Config['store'], clock: Clock): Config {
  const chunker = { min: options.chunkBytes / 4, target: options.chunkBytes, max: options.chunkBytes * 4 };
  checkChunkSizes(chunker);
  const now = new Date(clock.now()).toISOString();
  const writer = keyring.writer!;
  return {
    repo: keyring.repo,
    generation: 1,
    prev: null,
    created: now,
    ageType: options.ageType,
    recipients: { data: [keyring.dataRecipient], meta: [keyring.metaRecipient] },
    writers: new Map([[writer.id, { publicKey: writer.publicKey, host: options.host, added: now }]]),
    admin: keyring.admin.publicKey,
    chunker,
    packSize: options.packBytes,
    storageClass: options.storageClass,
    coldMinimum: options.coldMinimum ?? COLD_MINIMUM,
    compression: options.compression,
    store: facts,
    ...(options.region === undefined ? {} : { region: options.region }),
    ...(options.objectTags?.length ? { objectTags: options.objectTags } : {}),
  };
}

async function saveConfig(
  store: Store,
  keyring: Keyring,
  config: Config,
  places: LocalPlaces,
  monitor: Monitor,
): Promise<void> {
  const catalog = openCatalog(keyring.repo, { places, monitor });
  try {
    const opener = new HeaderOpener([keyring.metaIdentity]);
    const objects = configObjects(store, catalog, { keyring, derived: deriveKeys(keyring), opener }, 0);
    const header = await createHeader(config.recipients.meta);
    const saved = await objects.save('config', configName(1), encodeConfig(config), header, { cache: false });
    if (saved.outcome === 'exists') throw raced(store);
  } finally {
    catalog.close();
  }
}
