/**
 * How an S3 store is opened: plain values, which open-store.ts takes from the URL and the command line. Credentials are
 * none of them: those come from the AWS SDK's own chain.
 */
import type { Clock } from '../base/clock.ts';
import type { Bandwidth } from './bandwidth.ts';

/** Server-side encryption asked for with every object. `kmsKey` is an id or ARN, for the two `aws:kms` algorithms. */
export interface S3Encryption {
  readonly algorithm: 'AES256' | 'aws:kms' | 'aws:kms:dsse';
  readonly kmsKey?: string;
}

/** Why a request is repeated. */
export type WaitReason = 'throttled' | 'unreachable' | 'server-error';

/** A request failed in a way that passes, and is sent again after `delayMs`. `attempt` counts from 1. */
export interface WaitNotice {
  readonly reason: WaitReason;
  readonly attempt: number;
  readonly delayMs: number;
  /** One line: what failed, and how. */
  readonly message: string;
}

/** Time for the retry loop, replaceable in tests. */
export interface RetryClock extends Clock {
  /** Resolves after `ms`; rejects with the signal's reason as soon as it is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/**
 * Bytes of a part of a multipart upload by default, the last one excepted. A pack of the usual 16 MiB fits into one, and
 * is one PUT then, instead of a creation, parts and a completion; one of 128 MiB takes 8. Some stores want all parts but
 * the last to have one size, so it never grows: 10,000 parts of it are 176 GiB.
 */
export const PART_BYTES = 18 * 1024 * 1024;

/** Where the store is and how it behaves. */
export interface S3StoreOptions {
  readonly bucket: string;
  /** What all keys start with; no slash at either end, may be empty. */
  readonly prefix: string;
  /** URL of a server that is not AWS. Without it the SDK's environment and configuration are asked, then AWS. */
  readonly endpoint?: string;
  readonly region?: string;
  /** `endpoint/bucket/key` instead of `bucket.endpoint/key`. By default the provider's way. */
  readonly isPathStyle?: boolean;
  /** Id of a provider profile; by default the endpoint tells. */
  readonly provider?: string;
  readonly encryption?: S3Encryption;
  /** Requests are billed to us and not to the owner of the bucket. */
  readonly isRequesterPays?: boolean;
  /** For how long a request is repeated before it fails; 5 minutes by default. */
  readonly retryForMs?: number;
  readonly bandwidth?: Bandwidth;
  /** Bytes of a part of a multipart upload, the last one excepted; {@link PART_BYTES} by default. */
  readonly partBytes?: number;
  /** Requests in flight at most; 16 by default. */
  readonly concurrency?: number;
  /** A connection without a byte for so long is given up; 60,000 ms by default, and more under a bandwidth limit. */
  readonly idleMs?: number;
  readonly onWait?: (notice: WaitNotice) => void;
  /** Is told once when the store's clock is not this host's: by how many milliseconds it is ahead. */
  readonly onSkew?: (aheadMs: number) => void;
  readonly clock?: RetryClock;
}
