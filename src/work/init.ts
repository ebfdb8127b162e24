/** Creates a repository: keys, first config, recovery texts. */

import type { Clock } from '../base/clock.ts';
import { bug } from '../base/errors.ts';
import type { LocalPlaces, Repository } from '../repo/repository.ts';
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
export interface InitResult {
  readonly repository: Repository;
  readonly created: boolean;
  /** The writer bundle on this host. */
  readonly hostKeyFile: string;
}

export async function initRepository(
  _store: Store,
  _places: LocalPlaces,
  _options: InitOptions,
  _clock: Clock,
): Promise<InitResult> {
  throw bug('not built yet');
}
