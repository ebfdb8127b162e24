/**
 * DoctorWorld: what the checks of one run of `doctor` share: the store, the repository as far as it opens without a
 * passphrase, and answers that several checks need and only one should ask for.
 */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { type IcecoreError, isIcecoreError } from '../base/errors.ts';
import type { RepoId } from '../base/ids.ts';
import type { LocalPlaces } from '../repo/access.ts';
import { probeName } from '../repo/probe-steps.ts';
import type { Repository } from '../repo/repository.ts';
import type { Bucket, BucketSettings } from '../store/bucket.ts';
import type { Store } from '../store/store.ts';

/** Whether the credentials allow something; `unknown` when the try failed for another reason. */
export type Permission = 'allowed' | 'denied' | 'unknown';

/** What is looked at. */
export interface DoctorSubject {
  readonly store: Store;
  readonly places: LocalPlaces;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** The id that the marker says; undefined when there is no repository. */
  readonly id: RepoId | undefined;
  /** The repository, opened with this host's key; why not, otherwise. */
  readonly repository: Repository | undefined;
  readonly openFailure: IcecoreError | undefined;
  /** Rounds of races, and bytes of the upload in parts; tests lower them. */
  readonly rounds: number;
  readonly multipartBytes: number;
}

/** See the top of this file. Nothing is asked before a check wants it. */
export class DoctorWorld implements DoctorSubject {
  readonly store: Store;
  readonly places: LocalPlaces;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly id: RepoId | undefined;
  readonly repository: Repository | undefined;
  readonly openFailure: IcecoreError | undefined;
  readonly rounds: number;
  readonly multipartBytes: number;
  readonly #answers = new Map<string, Promise<unknown>>();

  constructor(subject: DoctorSubject) {
    this.store = subject.store;
    this.places = subject.places;
    this.clock = subject.clock;
    this.signal = subject.signal;
    this.id = subject.id;
    this.repository = subject.repository;
    this.openFailure = subject.openFailure;
    this.rounds = subject.rounds;
    this.multipartBytes = subject.multipartBytes;
  }

  get bucket(): Bucket | undefined {
    return this.store.bucket;
  }

  /** Whether this host is meant to read no backups: it has a key that can only write. */
  get isWriteOnly(): boolean {
    return this.repository?.role === 'writer';
  }

  /** The settings of the bucket; call it for buckets only. */
  settings(): Promise<BucketSettings> {
    return this.once('settings', () => this.bucket!.settings(this.signal));
  }

  /** Whether probes can be written. */
  async mayWrite(): Promise<Permission> {
    return (await this.#firstProbe()).write;
  }

  /** Whether an object that is there can be replaced. Only tried in a bucket, for a host that is not meant to. */
  async mayReplace(): Promise<Permission> {
    return (await this.#firstProbe()).replace;
  }

  /** Whether probes can be deleted: deleting what is not there succeeds where deleting is allowed, and harms nothing. */
  mayDelete(): Promise<Permission> {
    return this.mayDeleteAt(probeName());
  }

  /** Whether an object of this name could be deleted; there is none. */
  mayDeleteAt(name: string): Promise<Permission> {
    return this.once(`delete ${name.slice(0, name.indexOf('/'))}`, () =>
      this.#try(() => this.store.delete(name, this.signal)),
    );
  }

  /** Whether an object of this name could be read; there is none. */
  mayReadAt(name: string): Promise<Permission> {
    return this.#try(() => this.store.get(name, { offset: 0, length: 1 }, this.signal).then(() => {}));
  }

  /** Asks a question the first time, and gives the same answer from then on. */
  once<T>(question: string, ask: () => Promise<T>): Promise<T> {
    let answer = this.#answers.get(question);
    if (answer === undefined) {
      answer = ask();
      this.#answers.set(question, answer);
    }
    return answer as Promise<T>;
  }

  /** One object of one byte answers both questions: where nothing may be deleted, no more than that is left. */
  #firstProbe(): Promise<{ readonly write: Permission; readonly replace: Permission }> {
    return this.once('probe', async () => {
      const name = probeName();
      const put = (ifAbsent: boolean): Promise<Permission> =>
        this.#try(async () => {
          await this.store.put(name, randomBytes(1), { ifAbsent, signal: this.signal });
        });
      const write = await put(true);
      if (write !== 'allowed') return { write, replace: write };
      const replace = this.isWriteOnly && this.bucket !== undefined ? await put(false) : 'unknown';
      if ((await this.mayDelete()) === 'allowed') await this.store.delete(name, this.signal);
      return { write, replace };
    });
  }

  async #try(work: () => Promise<void>): Promise<Permission> {
    try {
      await work();
      return 'allowed';
    } catch (error) {
      if (isDenied(error)) return 'denied';
      if (isIcecoreError(error, 'store')) return 'unknown';
      throw error;
    }
  }
}

/** True for a store's answer that the credentials, or the permissions of a folder, do not allow something. */
export function isDenied(error: unknown): boolean {
  if (!isIcecoreError(error, 'store')) return false;
  const { status, errno } = error.data;
  return status === 403 || errno === 'EACCES' || errno === 'EPERM' || errno === 'EROFS';
}

/** A name below a prefix that no repository ever uses: too short for a session. */
export function nameThatIsNot(prefix: string): string {
  return `${prefix}doctor-${randomBytes(4).toString('hex')}`;
}
