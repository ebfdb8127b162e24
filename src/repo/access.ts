/** How a repository is opened: what for, with which secrets, and where this host keeps its part. Types only. */
import type { Clock } from '../base/clock.ts';
import type { Monitor } from '../base/monitor.ts';

/** Where this host keeps what belongs to repositories (absolute paths; the command line decides them). */
export interface LocalPlaces {
  /** Keys and profiles. */
  readonly config: string;
  /** Disposable: the catalog and the parent files. */
  readonly cache: string;
  /** heads.json. */
  readonly state: string;
}

/** What a command needs: `write` makes backups, `read` sees content, `admin` changes settings. */
export type Access = 'write' | 'read' | 'admin';

/** Where secrets come from. Each is asked at most once, and only when needed. */
export interface Credentials {
  /** A key bundle file given by the user (an age file or a plain bundle). */
  readonly keyFile?: string;
  /** Asks for the passphrase (file, command, terminal); undefined when there is no way to ask. */
  passphrase?(): Promise<string | undefined>;
}

/** What opening takes. */
export interface OpenOptions {
  readonly access: Access;
  readonly credentials: Credentials;
  readonly places: LocalPlaces;
  readonly clock: Clock;
  readonly monitor: Monitor;
}
