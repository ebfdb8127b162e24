/**
 * Writes jobs for S3 Batch Operations into a folder: the manifest, the request, and the commands that a person (or a
 * pipeline) with the rights to it runs. Nothing is sent from here: such a job runs under a role of the account, which
 * no key of a backup should be able to use. The texts are plan/batch-job.ts's.
 */
import { createHash } from 'node:crypto';
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { IcecoreError } from '../base/errors.ts';
import {
  type BatchOperation,
  batchCommand,
  batchJobRequest,
  batchManifest,
  batchUploadCommand,
} from '../plan/batch-job.ts';
import type { Repository } from '../repo/repository.ts';

/** Keys that are written at a time. */
const CHUNK = 10_000;
const ROLE_ARN = /^arn:aws[a-z-]*:iam::(\d{12}):role\/[\w+=,.@/-]{1,512}$/;

/** What is to be written. */
export interface BatchOrder {
  readonly operation: BatchOperation;
  /** Names of objects, relative to the repository. */
  readonly names: Iterable<string>;
  /** Made when missing. */
  readonly folder: string;
  /** The role that the job runs as; its account is the job's. */
  readonly roleArn: string;
  /** For people, in the list of jobs: `verify`, `thaw of …`. */
  readonly description: string;
}

/** What was written. */
export interface BatchFiles {
  readonly objects: number;
  readonly manifest: string;
  readonly request: string;
  /** Shell commands, to be run in order. */
  readonly commands: readonly string[];
  /** Where the report will be: a bucket and a prefix in it. */
  readonly report: { readonly bucket: string; readonly prefix: string };
}

/** Makes sure that a job can be written, before anything is done for its sake. Errors as of {@link writeBatchJob}. */
export async function requireBatch(repo: Repository, roleArn: string, signal: AbortSignal): Promise<void> {
  accountOf(roleArn);
  await placeOf(repo, signal);
}

/**
 * Writes a job.
 * @throws kind `usage`, `bad-role`; kind `user`: `batch-elsewhere` when the repository is not in a bucket of S3 whose
 *   region is known, `nothing-to-batch`
 */
export async function writeBatchJob(repo: Repository, order: BatchOrder, signal: AbortSignal): Promise<BatchFiles> {
  const accountId = accountOf(order.roleArn);
  const { bucket, region } = await placeOf(repo, signal);
  mkdirSync(order.folder, { recursive: true });
  const manifest = join(order.folder, 'manifest.csv');
  const { objects, md5, token } = writeManifest(manifest, bucket.name, bucket.keyPrefix, order);
  if (objects === 0) throw new IcecoreError('user', 'nothing-to-batch', 'there is no object for such a job');
  // Beside the repository, not in it: what lies there is read by every listing.
  const prefix = `icecore-batch/${token}`;
  const key = `${prefix}/manifest.csv`;
  const job = batchJobRequest({
    operation: order.operation,
    accountId,
    region,
    roleArn: order.roleArn,
    manifest: { bucket: bucket.name, key, etag: md5 },
    report: { bucket: bucket.name, prefix },
    token,
    description: order.description.slice(0, 256),
  });
  const request = join(order.folder, 'job.json');
  writeFileSync(request, `${JSON.stringify(job, undefined, 2)}\n`);
  return {
    objects,
    manifest,
    request,
    commands: [batchUploadCommand(manifest, { bucket: bucket.name, key, region }), batchCommand(request, region)],
    report: { bucket: bucket.name, prefix },
  };
}

/** The token is made of what the job is: sent twice, the same job runs once. */
function writeManifest(
  path: string,
  bucket: string,
  keyPrefix: string,
  { names, operation }: BatchOrder,
): { readonly objects: number; readonly md5: string; readonly token: string } {
  const md5 = createHash('md5');
  const sha256 = createHash('sha256').update(`${JSON.stringify(operation)}\n`);
  const file = openSync(path, 'w');
  let objects = 0;
  let keys: string[] = [];
  const store = () => {
    const bytes = Buffer.from(batchManifest(bucket, keys), 'utf8');
    for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
    md5.update(bytes);
    sha256.update(bytes);
    objects += keys.length;
    keys = [];
  };
  try {
    for (const name of names) if (keys.push(keyPrefix + name) >= CHUNK) store();
    store();
  } finally {
    closeSync(file);
  }
  return { objects, md5: md5.digest('hex'), token: sha256.digest('hex').slice(0, 32) };
}

function accountOf(roleArn: string): string {
  const match = ROLE_ARN.exec(roleArn);
  if (match) return match[1]!;
  throw new IcecoreError('usage', 'bad-role', `'${roleArn}' is not the ARN of a role`, {
    hint: 'it looks like arn:aws:iam::123456789012:role/batch-operations',
  });
}

async function placeOf(repo: Repository, signal: AbortSignal) {
  const { bucket } = repo.store;
  if (bucket?.provider.id !== 'aws') {
    throw new IcecoreError('user', 'batch-elsewhere', 'S3 Batch Operations works on buckets of Amazon S3 alone');
  }
  const region = repo.config.region ?? (await bucket.region(signal));
  if (region !== undefined) return { bucket, region };
  throw new IcecoreError('user', 'batch-elsewhere', 'the bucket does not say in which region it is', {
    hint: 'give it with region= in the URL of the repository',
  });
}
