/**
 * From a repository's URL to the documents that the owner of its bucket pastes: policies by role, and lifecycle rules.
 * Sends nothing and needs no credentials.
 */
import { IcecoreError } from '../base/errors.ts';
import { findProvider } from '../plan/find-provider.ts';
import { buildLifecycle, buildPolicy, type LifecycleDocument, type Policy, type PolicyRole } from '../plan/policies.ts';
import { type BucketUrl, parseRepositoryUrl } from '../store/repository-url.ts';

/** A document, and what has to be known about the bucket to use it. */
export interface BucketDocument<T> {
  readonly document: T;
  readonly bucket: string;
  /** False where the store is not AWS: then the document may say more than the store understands. */
  readonly isAws: boolean;
}

/** The least policy of a role for the repository at `url`; `usesTags`: objects are stored with tags. */
export function policyDocument(url: string, role: PolicyRole, usesTags: boolean): BucketDocument<Policy> {
  const place = bucketOf(url);
  const { bucket, prefix, region, encryption } = place;
  const kmsKey = encryption?.kmsKey;
  const policy = buildPolicy(role, {
    bucket,
    prefix,
    usesTags,
    ...(region === undefined ? {} : { region }),
    ...(kmsKey === undefined ? {} : { kmsKey }),
  });
  return { document: policy, bucket, isAws: isAws(place) };
}

/** The lifecycle rules for the repository at `url`. */
export function lifecycleDocument(url: string): BucketDocument<LifecycleDocument> {
  const place = bucketOf(url);
  return { document: buildLifecycle(place), bucket: place.bucket, isAws: isAws(place) };
}

function isAws(place: BucketUrl): boolean {
  return findProvider(place).id === 'aws';
}

function bucketOf(url: string): BucketUrl {
  const place = parseRepositoryUrl(url);
  if (place.type === 's3') return place;
  throw new IcecoreError(
    'usage',
    'not-a-bucket',
    'policies and lifecycle rules are for buckets, and this is a folder',
    {
      hint: 'give -r s3://BUCKET/PREFIX; who gets into a folder is decided by its permissions',
    },
  );
}
