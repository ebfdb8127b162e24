/**
 * Loads and saves the small objects that are sealed to the metadata key: opens the envelope, checks MAC and signature,
 * and keeps what was checked in the catalog, because such an object never changes under its name.
 */
import { createHash } from 'node:crypto';
import { damage } from '../base/errors.ts';
import type { RepoId } from '../base/ids.ts';
import { ADMIN_WRITER, type EnvelopeType } from '../format/envelope.ts';
import type { HeaderOpener, SealHeader } from '../seal/age-header.ts';
import { openObject, sealObject } from '../seal/envelope.ts';
import type { DerivedKeys, Keyring } from '../seal/keys.ts';
import type { PutResult, Store } from '../store/store.ts';
import type { Catalog } from './catalog.ts';

/** An object after its envelope was checked. `hash` is the SHA-256 of the stored object, in hex. */
export interface CheckedObject {
  readonly payload: Uint8Array;
  readonly writer: string;
  readonly hash: string;
}

/** What envelopes are checked against and made with. */
export interface SealContext {
  readonly repo: RepoId;
  readonly keyring: Keyring;
  readonly derived: DerivedKeys;
  readonly opener: HeaderOpener;
  /** Public keys of the writers that the config in force names, and of the admin as `admin`. */
  readonly writers: ReadonlyMap<string, Uint8Array>;
  readonly configGeneration: number;
}

/** Store I/O of sealed objects. */
export class SealedObjects {
  readonly #store: Store;
  readonly #catalog: Catalog;
  readonly #context: SealContext;

  constructor(store: Store, catalog: Catalog, context: SealContext) {
    this.#store = store;
    this.#catalog = catalog;
    this.#context = context;
  }

  /**
   * Loads an object; undefined when there is none.
   * @throws kind `damage` when a check fails.
   */
  async load(
    type: EnvelopeType,
    name: string,
    options: { readonly cache: boolean } = { cache: true },
  ): Promise<CheckedObject | undefined> {
    if (options.cache) {
      const cached = this.#catalog.cachedObject(name);
      if (cached) return cached;
    }
    const file = await this.#store.get(name);
    if (!file) return undefined;
    const opened = await openObject(file, { type, name }, this.#context);
    const object = { payload: opened.payload, writer: opened.writer, hash: sha256(file) };
    if (options.cache) this.#catalog.cacheObject(name, object);
    return object;
  }

  /** Like {@link load}, for an object that must be there. */
  async get(type: EnvelopeType, name: string, options?: { readonly cache: boolean }): Promise<CheckedObject> {
    const object = await this.load(type, name, options);
    if (!object) throw damage('object-missing', `${name} is missing`, { object: name });
    return object;
  }

  /** Seals and stores an object, create-only. */
  async save(
    type: EnvelopeType,
    name: string,
    payload: Uint8Array,
    header: SealHeader,
    options: { readonly cache: boolean },
  ): Promise<PutResult & { readonly hash: string }> {
    const file = sealObject({ type, name, payload }, this.#context, header);
    const hash = sha256(file);
    const result = await this.#store.put(name, file, { ifAbsent: true });
    if (result.outcome === 'stored' && options.cache) {
      this.#catalog.cacheObject(name, {
        hash,
        writer: type === 'config' ? ADMIN_WRITER : this.#context.keyring.writer!.id,
        payload,
      });
    }
    return { ...result, hash };
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
