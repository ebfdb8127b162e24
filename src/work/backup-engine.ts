/**
 * What turns content into packs during an attempt: the worker threads for data, the writer of meta packs on this
 * thread. Started when first needed: an unchanged backup has no use for either.
 */
import { makeGearTable } from '../format/chunker.ts';
import { MetaPacks } from '../repo/meta-packs.ts';
import type { Repository } from '../repo/repository.ts';
import type { WriteSession } from '../repo/session.ts';
import { createHeader, type SealHeader } from '../seal/age-header.ts';
import { gearKeystream } from '../seal/gear.ts';
import { signerOf } from '../seal/keys.ts';
import type { BackupSetup } from './backup-messages.ts';
import { BackupWorkers } from './backup-workers.ts';

/** Sealed bytes on the way from one worker to the store. */
const OUTPUT_WINDOW = 4 * 1_048_576;
/**
 * So few chunks are stored without asking whether they are there already: a segment that differs from the parent's is
 * almost always new, and the index of a large repository takes longer to load than they take to store.
 */
const UNASKED_CHUNKS = 16;
/** Manifests are read by the segment, so their packs are small whatever the class of the data. */
const META_PACK_BYTES = 16 * 1_048_576;

/** What an engine is built from. */
export interface BackupEngineOptions {
  readonly repo: Repository;
  readonly session: WriteSession;
  readonly level: number;
  /** Class and target size of data packs. */
  readonly storageClass: string;
  readonly packBytes: number;
  readonly workers: number;
  /** ISO time, for the index. */
  readonly created: string;
  /** Ids (hex) of meta chunks that are known to be stored. */
  readonly assumed: ReadonlySet<string>;
  readonly onHashed: (bytes: number) => void;
  readonly onNewBytes: (bytes: number) => void;
  /** Aborted when a worker or the store has failed. */
  readonly hard: AbortController;
}

/** The packing machinery of one attempt. */
export class BackupEngine {
  readonly meta: MetaPacks;
  readonly #options: BackupEngineOptions;
  readonly #stop = new SharedArrayBuffer(4);
  #header: Promise<SealHeader> | undefined;
  #workers: BackupWorkers | undefined;
  #failure: unknown;

  constructor(options: BackupEngineOptions) {
    this.#options = options;
    this.meta = this.#makeMeta();
  }

  /** The workers; the first call starts them. */
  workers(count: number = this.#options.workers): BackupWorkers {
    if (this.#workers) return this.#workers;
    const { session, repo, hard, onHashed, onNewBytes, storageClass } = this.#options;
    const { config, store } = repo;
    this.#workers = new BackupWorkers({
      count,
      setup: this.#setup(),
      known: async () => (await session.known()).data,
      destination: { store, storageClass, coldMinimum: config.coldMinimum },
      onPack: (pack) => session.packStored(pack),
      stop: this.#stop,
      onHashed,
      onNewBytes,
      onStall: (problem) => repo.monitor.problem(problem),
      signal: hard.signal,
    });
    this.#workers.failure.catch((error: unknown) => {
      this.#failure = error;
      hard.abort();
    });
    return this.#workers;
  }

  /** What a worker or the store has failed with: why all that is under way is being ended. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Gives up files that are not read yet, and ends those that are being read. */
  abandonReads(): void {
    this.#workers?.abandon();
  }

  /** Ends all packs; when it resolves, they are stored. */
  async finish(): Promise<void> {
    await this.#workers?.finish();
    await this.meta.finish();
  }

  async close(): Promise<void> {
    await this.#workers?.close();
  }

  async #setup(): Promise<BackupSetup> {
    const { repo, session, level, created, packBytes, storageClass } = this.#options;
    const { derived, keyring, config } = repo;
    return {
      role: 'backup',
      sid: session.sid,
      chunkIdKey: derived.chunkId,
      gearTable: makeGearTable(gearKeystream(derived)),
      chunkSizes: config.chunker,
      header: await this.#dataHeader(),
      signer: signerOf(keyring, derived),
      level,
      packBytes,
      storageClass,
      created,
      packCounter: session.packCounter,
      stop: this.#stop,
      outputWindow: OUTPUT_WINDOW,
    };
  }

  #makeMeta(): MetaPacks {
    const { repo, session, level, created, assumed, hard } = this.#options;
    const { derived, keyring, store } = repo;
    return new MetaPacks({
      sid: session.sid,
      chunkIdKey: derived.chunkId,
      pack: async () => ({ header: await this.#dataHeader(), signer: signerOf(keyring, derived), level, created }),
      packBytes: META_PACK_BYTES,
      store,
      known: async (chunks) => (chunks > UNASKED_CHUNKS || session.hasIndex ? (await session.known()).meta : undefined),
      assumed,
      nextNumber: () => session.nextMetaPack(),
      onPack: (pack) => session.packStored(pack),
      signal: hard.signal,
    });
  }

  /** Manifests are sealed to the reader's key like content: they hold the names of files. */
  #dataHeader(): Promise<SealHeader> {
    this.#header ??= createHeader(this.#options.repo.config.recipients.data);
    return this.#header;
  }
}
