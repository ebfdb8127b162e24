/**
 * S3Store: a repository in a bucket, on AWS or on any store that speaks S3.
 */
import { IcecoreError } from '../base/errors.ts';
import type { S3StoreOptions } from './s3-options.ts';
import type { Store } from './store.ts';

/**
 * Opens a bucket, or what lies below a prefix in one, as a store. Sends nothing yet.
 * @throws kind `usage` for options that make no sense
 */
export async function openS3Store(options: S3StoreOptions): Promise<Store> {
  throw new IcecoreError('usage', 's3-unsupported', `this version of icecore cannot use s3://${options.bucket} yet`);
}
