/** A repository: a store, keys, the config in force, and the local catalog. */
import type { Clock } from '../base/clock.ts';
import { bug } from '../base/errors.ts';
import type { RepoId } from '../base/ids.ts';
import type { Monitor } from '../base/monitor.ts';
import type { RequestCounts, Store } from '../store/store.ts';

/** Where this host keeps what belongs to repositories (absolute paths; the command line decides them). */
export interface LocalPlaces {
  /** Keys and profiles. */
  readonly config: string;
  /** Disposable: the catalog and the parent files. */
  readonly cache: string;
  /** heads.json. */
  readonly state: string;
}

/** What a command may do: `none` keys are needed, `write` backups, `read` content, `admin` settings. */
export type Access = 'write' | 'read' | 'admin';

/** Where secrets come from. Each is asked at most once, and only when needed. */
export interface Credentials {
  /** A key bundle file given by the user (an age file or a plain bundle). */
  readonly keyFile?: string;
  /** Asks for the passphrase (file, command, terminal); undefined when there is no way to ask. */
  passphrase?(): Promise<string | undefined>;
}

export interface OpenOptions {
  readonly access: Access;
  readonly credentials: Credentials;
  readonly places: LocalPlaces;
  readonly clock: Clock;
  readonly monitor: Monitor;
}

export interface Repository {
  readonly id: RepoId;
  readonly location: string;
  readonly role: 'writer' | 'reader' | 'admin';
  /** Requests to the store so far. */
  requests(): RequestCounts;
  close(): Promise<void>;
}

export async function openRepository(_store: Store, _options: OpenOptions): Promise<Repository> {
  throw bug('not built yet');
}
