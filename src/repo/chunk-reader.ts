/**
 * Reads single chunks: finds their places in the catalog, fetches the frame with one ranged request, opens,
 * decompresses and checks it. Keeps the last frames, because what is asked for together lies together. It is for
 * metadata and for single files; bulk work (restore, verify) opens whole packs in worker threads instead.
 *
 * A chunk often has one place, and sometimes several: then a missing or damaged pack costs a look at the next place.
 */
import { damage, type IcecoreError, isIcecoreError, throwIfAborted } from '../base/errors.ts';
import type { ChunkId } from '../base/ids.ts';
import { Semaphore } from '../base/limit.ts';
import { unlessAborted } from '../base/unless-aborted.ts';
import { MAX_FRAME_LENGTH, MAX_FRAME_RAW_LENGTH } from '../format/pack.ts';
import { hmac } from '../seal/signatures.ts';
import { decompressFrame } from '../seal/zstd.ts';
import type { CatalogFrame, ChunkPlace } from './catalog.ts';
import type { CatalogPack } from './catalog-pack.ts';
import { FrameCache } from './frame-cache.ts';
import { type GcState, loadGc } from './gc-records.ts';
import { loadIndex } from './index-loader.ts';
import type { Repository } from './repository.ts';
import { headerOf, SealedPack } from './sealed-pack.ts';

/** What a reader may be told. */
export interface ChunkReaderOptions {
  /** Decompressed bytes of frames to keep (default 48 MiB). */
  readonly cacheBytes?: number;
  /** Frames fetched at the same time (default 8, or what the store likes if that is less). */
  readonly concurrency?: number;
}

/** A place of a chunk, with what is known of its pack. */
interface Candidate {
  readonly pack: CatalogPack;
  readonly place: ChunkPlace;
}

/** A pack that was read from lately. */
interface OpenPack {
  readonly sealed: SealedPack;
  readonly frames: readonly CatalogFrame[];
}

const CACHE_BYTES = 48 * 1_048_576;
const CONCURRENCY = 8;
const OPEN_PACKS = 256;

/** Reads chunks by id. One reader may be asked by many at the same time. */
export class ChunkReader {
  readonly #repo: Repository;
  readonly #fetches: Semaphore;
  readonly #frames: FrameCache;
  readonly #packs = new Map<string, Promise<OpenPack>>();
  #index: Promise<unknown> | undefined;
  #gc: Promise<GcState> | undefined;
  #hasRefreshed = false;

  /** @throws kind `key`, `insufficient-key`, when the keys at hand cannot open packs */
  constructor(repo: Repository, options: ChunkReaderOptions = {}) {
    repo.require('read');
    this.#repo = repo;
    this.#frames = new FrameCache(options.cacheBytes ?? CACHE_BYTES);
    this.#fetches = new Semaphore(options.concurrency ?? Math.min(CONCURRENCY, repo.store.concurrency));
  }

  /**
   * Brings the catalog up to date; {@link get} does it by itself the first time. For those who look into the catalog
   * themselves.
   */
  async loadIndex(): Promise<void> {
    this.#index ??= loadIndex(this.#repo);
    try {
      await this.#index;
    } catch (error) {
      this.#index = undefined;
      throw error;
    }
  }

  /**
   * Reads a chunk and checks that it is the one that was asked for.
   * @param kind where to look first: a chunk may lie in data and meta packs
   * @returns its content, a view into a shared buffer: not to be changed
   * @throws damage `chunk-unknown` when no index object names it; else what the first of its places failed with
   */
  async get(id: Uint8Array | ChunkId, kind: 'data' | 'meta', signal?: AbortSignal): Promise<Buffer> {
    throwIfAborted(signal);
    const bytes = typeof id === 'string' ? Buffer.from(id, 'hex') : id;
    await this.loadIndex();
    let candidates = this.#candidates(bytes, kind);
    if (candidates.length === 0 && (await this.#refresh())) candidates = this.#candidates(bytes, kind);
    if (candidates.length === 0) throw unknownChunk(bytes);
    if (candidates.length > 1) candidates = await this.#inOrder(candidates, kind);
    try {
      return await this.#first(candidates, bytes, signal);
    } catch (error) {
      // A prune may have moved the chunk since the index was read.
      if (!isIcecoreError(error, 'damage') || error.code !== 'pack-missing' || !(await this.#refresh())) throw error;
      const known = new Set(candidates.map(({ pack }) => pack.name));
      const others = this.#candidates(bytes, kind).filter(({ pack }) => !known.has(pack.name));
      if (others.length === 0) throw error;
      return await this.#first(others, bytes, signal);
    }
  }

  /** The length of a chunk as the index states it, or undefined when no index object names it. Call after {@link get}. */
  lengthOf(id: ChunkId): number | undefined {
    return this.#repo.catalog.placesOf(Buffer.from(id, 'hex'))[0]?.length;
  }

  /** Where the chunk lies, best place first. */
  #candidates(id: Uint8Array, kind: 'data' | 'meta'): Candidate[] {
    const { catalog } = this.#repo;
    const found = catalog.placesOf(id).map((place) => ({ place, pack: catalog.pack(place.pack) }));
    return found.sort((a, b) => Number(a.pack.kind !== kind) - Number(b.pack.kind !== kind));
  }

  /** Condemned packs may be gone the next moment, so they come last; what is in memory comes first. */
  async #inOrder(candidates: readonly Candidate[], kind: 'data' | 'meta'): Promise<Candidate[]> {
    this.#gc ??= loadGc(this.#repo);
    const gc = await this.#gc;
    const cost = ({ pack, place }: Candidate): number =>
      (gc.isCondemned(pack.name) ? 4 : 0) +
      (pack.kind === kind ? 0 : 2) +
      (this.#frames.has(frameKey(pack, place)) ? 0 : 1);
    return candidates
      .map((candidate) => ({ candidate, cost: cost(candidate) }))
      .sort((a, b) => a.cost - b.cost)
      .map(({ candidate }) => candidate);
  }

  async #first(candidates: readonly Candidate[], id: Uint8Array, signal: AbortSignal | undefined): Promise<Buffer> {
    let failure: unknown;
    for (const candidate of candidates) {
      try {
        const frame = await unlessAborted(this.#frame(candidate), signal);
        return this.#cut(frame, candidate, id);
      } catch (error) {
        if (!isIcecoreError(error, 'damage') && !isIcecoreError(error, 'store')) throw error;
        failure ??= error;
      }
    }
    throw failure;
  }

  #cut(frame: Buffer, { pack, place }: Candidate, id: Uint8Array): Buffer {
    const { offset, length } = place;
    const content = frame.subarray(offset, offset + length);
    if (content.length === length && hmac(this.#repo.derived.chunkId, content).equals(id)) return content;
    throw damage('chunk-damaged', `${pack.name}: chunk ${hex(id)} is not what was stored`, {
      object: pack.name,
      data: { chunk: hex(id) },
    });
  }

  /** Reads again what is there, once: afterwards an absence is final. */
  async #refresh(): Promise<boolean> {
    if (this.#hasRefreshed) return false;
    this.#hasRefreshed = true;
    this.#index = loadIndex(this.#repo);
    await this.#index;
    return true;
  }

  #frame({ pack, place }: Candidate): Promise<Buffer> {
    return this.#frames.get(frameKey(pack, place), () => this.#fetches.run(() => this.#fetch(pack, place.frame)));
  }

  async #fetch(pack: CatalogPack, number: number): Promise<Buffer> {
    const { name } = pack;
    const { sealed, frames } = await this.#open(pack);
    const frame = frames[number];
    if (!frame || frame.length > MAX_FRAME_LENGTH || frame.rawLength > MAX_FRAME_RAW_LENGTH) {
      throw damage('frame-place', `${name}: the index names a frame that cannot be`, { object: name });
    }
    const range = sealed.range(frame.offset, frame.length);
    const bytes = await this.#repo.store.get(name, { offset: range.offset, length: range.length });
    if (!bytes) throw damage('pack-missing', `${name} is missing`, { object: name });
    const content = decompressFrame(sealed.open(range, bytes), { maxRawLength: frame.rawLength }, name);
    if (content.length === frame.rawLength) return content;
    throw damage('frame-length', `${name}: a frame is shorter than the index says`, { object: name });
  }

  #open(pack: CatalogPack): Promise<OpenPack> {
    const held = this.#packs.get(pack.name);
    if (held) return held;
    const opened = this.#openPack(pack);
    opened.catch(() => this.#packs.delete(pack.name));
    this.#packs.set(pack.name, opened);
    if (this.#packs.size > OPEN_PACKS) this.#packs.delete(this.#packs.keys().next().value!);
    return opened;
  }

  async #openPack({ id, name, header, size }: CatalogPack): Promise<OpenPack> {
    const fileKey = await openPackHeader(this.#repo, header, name);
    return { sealed: new SealedPack(name, header, size, fileKey), frames: this.#repo.catalog.frames(id) };
  }
}

/**
 * Opens the header of a pack.
 * @param head age header and nonce, as the index keeps them
 * @throws damage when no key fits: the keys opened the config, so it is the header that is wrong
 */
export async function openPackHeader(repo: Repository, head: Uint8Array, name: string): Promise<Uint8Array> {
  try {
    return await repo.opener.openHeader(headerOf(head), name);
  } catch (cause) {
    if (!isIcecoreError(cause, 'key')) throw cause;
    throw damage('header-damaged', `${name}: its header fits none of the keys`, { object: name, cause });
  }
}

function unknownChunk(id: Uint8Array): IcecoreError {
  return damage('chunk-unknown', `no index object names chunk ${hex(id)}`, { data: { chunk: hex(id) } });
}

function frameKey(pack: CatalogPack, place: ChunkPlace): string {
  return `${pack.name}/${place.frame}`;
}

function hex(id: Uint8Array): string {
  return Buffer.from(id.buffer, id.byteOffset, id.length).toString('hex');
}
