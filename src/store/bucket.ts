/**
 * Bucket: what can be asked of the place that an S3 store is in, beside its objects: where it lies, how it is set up,
 * which uploads were begun and never ended. Types only; s3-bucket.ts asks.
 */
import type { ProviderProfile } from '../plan/providers.ts';

/** A multipart upload that was begun and neither completed nor aborted. `started` is the store's clock, milliseconds. */
export interface UnfinishedUpload {
  /** The object's name, relative to the repository. */
  readonly name: string;
  readonly uploadId: string;
  readonly started: number;
}

/** A setting that could be read, or why not: `denied` by the permissions, `unsupported` by the store. */
export type Answer<T> = { readonly type: 'known'; readonly value: T } | { readonly type: 'denied' | 'unsupported' };

/** A lifecycle rule as far as it matters: which names (whole keys) it hits, and what it does with them. */
export interface LifecycleRule {
  readonly id: string;
  readonly isEnabled: boolean;
  /** Keys start so; empty for all. */
  readonly prefix: string;
  /** It is narrowed by tags or sizes too: it may hit only some of these keys. */
  readonly isNarrowed: boolean;
  readonly expiresAfterDays?: number;
  readonly expiresOldVersionsAfterDays?: number;
  /** Days until objects move to another class, and which. */
  readonly transitions: readonly { readonly days: number; readonly storageClass: string }[];
  readonly abortsUploadsAfterDays?: number;
}

/** How a bucket is set up. */
export interface BucketSettings {
  readonly versioning: Answer<'enabled' | 'suspended' | 'off'>;
  readonly lifecycle: Answer<readonly LifecycleRule[]>;
  /** Default retention in days where there is one; `undefined` value: Object Lock is off. */
  readonly objectLock: Answer<{ readonly mode?: string; readonly days?: number } | undefined>;
  /** True when all four blocks of public access are on. */
  readonly publicAccessBlocked: Answer<boolean>;
  /** The default encryption of new objects: `AES256`, `aws:kms`, …; `undefined` value: none. */
  readonly encryption: Answer<{ readonly algorithm: string; readonly kmsKey?: string } | undefined>;
}

/** The bucket of an S3 store. Every method throws IcecoreError of kind `store` on failure. */
export interface Bucket {
  readonly name: string;
  /** What every key of the repository starts with: empty, or ends with a slash. */
  readonly keyPrefix: string;
  readonly provider: ProviderProfile;
  /** The region that the store says it lies in; undefined where it does not say. */
  region(signal?: AbortSignal): Promise<string | undefined>;
  settings(signal?: AbortSignal): Promise<BucketSettings>;
  /** The time by the store's clock, in milliseconds, and what it is ahead of this host's. */
  clock(signal?: AbortSignal): Promise<{ readonly time: number; readonly aheadMs: number }>;
  /** Uploads below `prefix` (relative to the repository) that were never ended. */
  unfinishedUploads(prefix: string, signal?: AbortSignal): AsyncIterable<UnfinishedUpload>;
  /** Ends one; a missing one is fine. */
  abortUpload(upload: UnfinishedUpload, signal?: AbortSignal): Promise<void>;
}
