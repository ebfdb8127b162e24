/**
 * S3Thaw: RestoreObject, and what listings and HEAD tell of archived objects. Owns how a provider is asked and how its
 * answers read; which tier, for how long and at what price is decided above. When a warm object becomes cold again is
 * read from the store and never computed: it rounds up to the next midnight in its own way.
 */
import { HeadObjectCommand, RestoreObjectCommand, type S3ServiceException } from '@aws-sdk/client-s3';
import { mapOrdered } from '../base/limit.ts';
import { RequestFault } from './s3-faults.ts';
import { type ListedKey, listKeys } from './s3-listing.ts';
import type { S3Requests } from './s3-requests.ts';
import type { Thaw, ThawAnswer, ThawInfo, ThawLook, ThawRequest, ThawState, ThawTierName } from './thaw.ts';

/** Objects in this class move to archive tiers of their own, which no listing shows. */
const TIERING = 'INTELLIGENT_TIERING';
const TIERS = { expedited: 'Expedited', standard: 'Standard', bulk: 'Bulk' } as const satisfies Record<
  ThawTierName,
  string
>;
/** Error codes of RestoreObject that are answers. Source: Amazon S3 API reference, RestoreObject. */
const ANSWERS: Readonly<Record<string, ThawAnswer>> = {
  RestoreAlreadyInProgress: 'in-progress',
  GlacierExpeditedRetrievalNotAvailable: 'no-expedited',
  ObjectAlreadyInActiveTierError: 'online',
  // The object is in a class that is not archived.
  InvalidObjectState: 'online',
  NoSuchKey: 'absent',
};

/** Thaws the objects of one bucket. */
export class S3Thaw implements Thaw {
  readonly #requests: S3Requests;
  readonly #concurrency: number;

  /** @param concurrency HEAD requests in flight, where listings do not tell */
  constructor(requests: S3Requests, concurrency: number) {
    this.#requests = requests;
    this.#concurrency = concurrency;
  }

  get listsStates(): boolean {
    return this.#requests.profile.quirks.listsRestoreStatus;
  }

  async request(name: string, request: ThawRequest, signal?: AbortSignal): Promise<ThawAnswer> {
    const { profile } = this.#requests;
    const { tier, days, storageClass } = request;
    let status = 0;
    const input = {
      ...this.#params(),
      Key: this.#requests.keyPrefix + name,
      RestoreRequest: {
        // What has been moved by the service itself comes back for good.
        ...(storageClass === TIERING ? {} : { Days: days }),
        ...(tier !== undefined && profile.quirks.restore === 'tiers'
          ? { GlacierJobParameters: { Tier: TIERS[tier] } }
          : {}),
      },
    };
    try {
      await this.#requests.send(() => new RestoreObjectCommand(input), {
        signal,
        name,
        ...(storageClass === undefined ? {} : { storageClass }),
        onAnswer: (answer) => {
          status = answer.status;
        },
        isAnswer: (error) => answerOf(error) !== undefined,
      });
    } catch (error) {
      const answer = answerOf(error);
      if (answer === undefined) throw error;
      return answer;
    }
    return status === 200 ? 'extended' : 'started';
  }

  async *states(prefix: string, signal?: AbortSignal): AsyncIterable<ThawInfo> {
    const looked = mapOrdered(this.#objects(prefix, signal), this.#concurrency, async (object) => {
      const name = object.Key.slice(this.#requests.keyPrefix.length);
      const storageClass = object.StorageClass ?? 'STANDARD';
      const found = await this.#stateOf(name, storageClass, object, signal);
      return found && { name, size: object.Size, ...found };
    });
    for await (const info of looked) if (info) yield info;
  }

  async look(name: string, storageClass: string, signal?: AbortSignal): Promise<ThawLook | undefined> {
    const input = { ...this.#params(), Key: this.#requests.keyPrefix + name };
    try {
      const head = await this.#requests.send(() => new HeadObjectCommand(input), {
        ...{ signal, name, storageClass },
        isAnswer: isAbsence,
        // Without a word of an object it is none: a class that is not named would stand for STANDARD, that is, online.
        take: async ({ ETag, LastModified }) => {
          if (ETag === undefined && LastModified === undefined) {
            throw new RequestFault('foreign', 'an object without an entity tag');
          }
        },
      });
      const current = head.StorageClass ?? 'STANDARD';
      const tier = head.ArchiveStatus === undefined ? {} : { archiveTier: head.ArchiveStatus };
      const state = readRestoreHeader(head.Restore);
      if (state) return { storageClass: current, ...tier, state };
      const isFrozen = current === TIERING ? head.ArchiveStatus !== undefined : this.#isArchive(current);
      return { storageClass: current, ...tier, state: { type: isFrozen ? 'cold' : 'online' } };
    } catch (error) {
      if (isAbsence(error)) return undefined;
      throw error;
    }
  }

  /** @returns undefined for an object that has gone since it was listed */
  async #stateOf(
    name: string,
    storageClass: string,
    listed: ListedKey,
    signal: AbortSignal | undefined,
  ): Promise<ThawLook | undefined> {
    const isArchive = this.#isArchive(storageClass);
    if (!isArchive && storageClass !== TIERING) return { storageClass, state: { type: 'online' } };
    if (!isArchive || !this.listsStates) return await this.look(name, storageClass, signal);
    const { IsRestoreInProgress, RestoreExpiryDate } = listed.RestoreStatus ?? {};
    if (IsRestoreInProgress) return { storageClass, state: { type: 'warming' } };
    const state: ThawState = RestoreExpiryDate
      ? { type: 'warm', until: RestoreExpiryDate.getTime() }
      : { type: 'cold' };
    return { storageClass, state };
  }

  #isArchive(storageClass: string): boolean {
    return this.#requests.profile.classes[storageClass]?.isOnline === false;
  }

  #objects(prefix: string, signal: AbortSignal | undefined): AsyncIterable<ListedKey> {
    const extra = this.listsStates ? { OptionalObjectAttributes: ['RestoreStatus' as const] } : {};
    return listKeys(this.#requests, prefix, extra, signal);
  }

  #params() {
    return { Bucket: this.#requests.bucket, ...this.#requests.requestParams() };
  }
}

/**
 * Reads `x-amz-restore`: `ongoing-request="true"`, or `ongoing-request="false", expiry-date="Fri, 21 Dec 2012 …"`.
 * @returns undefined when there is none, or one that cannot be read
 */
export function readRestoreHeader(header: string | undefined): ThawState | undefined {
  const match = /ongoing-request="(true|false)"(?:\s*,\s*expiry-date="([^"]*)")?/.exec(header ?? '');
  if (match?.[1] === 'true') return { type: 'warming' };
  const until = match?.[2] === undefined ? Number.NaN : Date.parse(match[2]);
  return Number.isNaN(until) ? undefined : { type: 'warm', until };
}

function answerOf(error: unknown): ThawAnswer | undefined {
  return error instanceof Error ? ANSWERS[error.name] : undefined;
}

/** HEAD has no body, hence no code: the status tells. */
function isAbsence(error: unknown): boolean {
  return (error as Partial<S3ServiceException>).$metadata?.httpStatusCode === 404;
}
