/**
 * Jobs for S3 Batch Operations, which ask for any number of objects at once: the manifest that lists them, the request
 * that creates the job, and the command that sends it. Owns these three texts; who stores the manifest, and whether a
 * job is worth it, is decided elsewhere.
 *
 * Sources: S3 API reference, CreateJob, S3InitiateRestoreObjectOperation (no expedited tier; no days for what
 * INTELLIGENT_TIERING archived, which needs a job of its own) and S3ComputeObjectChecksumOperation; S3 User Guide,
 * "Specifying a manifest" (CSV of bucket and key, the key URL-encoded).
 */
import { IcecoreError } from '../base/errors.ts';
import type { TierName } from './providers.ts';

/** What is done with every object: thawed (without days for good), or its checksum computed where it lies. */
export type BatchOperation =
  | { readonly type: 'restore'; readonly tier: TierName; readonly days?: number }
  /** `composite` for objects that were stored in parts. */
  | { readonly type: 'checksum'; readonly of: 'object' | 'composite' };

/** A job. */
export interface BatchJob {
  readonly operation: BatchOperation;
  /** Twelve digits. */
  readonly accountId: string;
  readonly region: string;
  /** The role that the job runs as. */
  readonly roleArn: string;
  /** The stored manifest; `etag` without quotes. */
  readonly manifest: { readonly bucket: string; readonly key: string; readonly etag: string };
  /** Where the report goes: for a restore what failed, for checksums what they are. */
  readonly report: { readonly bucket: string; readonly prefix: string };
  /** Of this job alone, at most 64 characters: a request that is sent twice creates one job. */
  readonly token: string;
  /** At most 256 characters. */
  readonly description: string;
}

/** The request of CreateJob, as `aws s3control create-job --cli-input-json` takes it. */
export interface BatchJobRequest {
  readonly AccountId: string;
  readonly ConfirmationRequired: boolean;
  readonly Operation: Readonly<Record<string, Readonly<Record<string, string | number>>>>;
  readonly Report: Readonly<Record<string, string | boolean>>;
  readonly ClientRequestToken: string;
  readonly Manifest: {
    readonly Spec: { readonly Format: string; readonly Fields: readonly string[] };
    readonly Location: { readonly ObjectArn: string; readonly ETag: string };
  };
  readonly Description: string;
  readonly Priority: number;
  readonly RoleArn: string;
}

/** Among the jobs of an account, the larger number goes first; ours has no reason to push others aside. */
const PRIORITY = 10;

/** Lists objects by their whole keys, one a line. */
export function batchManifest(bucket: string, keys: Iterable<string>): string {
  let text = '';
  for (const key of keys) text += `${bucket},${encodeKey(key)}\n`;
  return text;
}

/**
 * Makes the request that creates a job.
 * @throws usage `batch-tier` for the expedited tier, which there is not
 */
export function batchJobRequest(job: BatchJob): BatchJobRequest {
  const partition = partitionOf(job.region);
  return {
    AccountId: job.accountId,
    // Sending it is the confirmation.
    ConfirmationRequired: false,
    Operation: operationOf(job.operation),
    Report: {
      Bucket: `arn:${partition}:s3:::${job.report.bucket}`,
      Format: 'Report_CSV_20180820',
      Enabled: true,
      Prefix: job.report.prefix,
      ReportScope: job.operation.type === 'restore' ? 'FailedTasksOnly' : 'AllTasks',
    },
    ClientRequestToken: job.token,
    Manifest: {
      Spec: { Format: 'S3BatchOperations_CSV_20180820', Fields: ['Bucket', 'Key'] },
      Location: {
        ObjectArn: `arn:${partition}:s3:::${job.manifest.bucket}/${job.manifest.key}`,
        ETag: job.manifest.etag,
      },
    },
    Description: job.description,
    Priority: PRIORITY,
    RoleArn: job.roleArn,
  };
}

/** Where a manifest or a report goes in a bucket. */
export interface BatchPlace {
  readonly bucket: string;
  readonly key: string;
  readonly region: string;
}

/**
 * The command that stores a manifest, for a POSIX shell. Encrypted by S3's own keys its entity tag is its MD5, whatever
 * the bucket does by default: the request of the job has to name it.
 */
export function batchUploadCommand(file: string, { bucket, key, region }: BatchPlace): string {
  const place = `--region ${quote(region)} --bucket ${quote(bucket)} --key ${quote(key)}`;
  return `aws s3api put-object ${place} --body ${quote(file)} --server-side-encryption AES256`;
}

/** The command that sends a request that was written to a file, for a POSIX shell. */
export function batchCommand(requestFile: string, region: string): string {
  return `aws s3control create-job --region ${quote(region)} --cli-input-json ${quote(`file://${requestFile}`)}`;
}

function operationOf(operation: BatchOperation): BatchJobRequest['Operation'] {
  if (operation.type === 'checksum') {
    const ChecksumType = operation.of === 'object' ? 'FULL_OBJECT' : 'COMPOSITE';
    return { S3ComputeObjectChecksum: { ChecksumAlgorithm: 'SHA256', ChecksumType } };
  }
  if (operation.tier === 'expedited') {
    throw new IcecoreError('usage', 'batch-tier', 'S3 Batch Operations does not restore in the expedited tier', {
      hint: 'take the standard or the bulk tier, or restore without a batch job',
    });
  }
  const days = operation.days === undefined ? {} : { ExpirationInDays: operation.days };
  return { S3InitiateRestoreObject: { ...days, GlacierJobTier: operation.tier.toUpperCase() } };
}

/** Encodes a key for the manifest: everything but unreserved characters (RFC 3986) and slashes. */
function encodeKey(key: string): string {
  return encodeURIComponent(key)
    .replaceAll('%2F', '/')
    .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** The partition that names of a region's resources begin with (endpoint rules of the SDK). */
function partitionOf(region: string): string {
  if (region.startsWith('cn-')) return 'aws-cn';
  if (region.startsWith('us-gov-')) return 'aws-us-gov';
  return region.startsWith('eusc-') ? 'aws-eusc' : 'aws';
}

/** Quotes a word where a shell would read it otherwise. */
function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
