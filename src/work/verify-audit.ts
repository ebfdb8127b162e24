/**
 * Has S3 itself check the packs: writes a job for S3 Batch Operations that computes the SHA-256 of every pack where it
 * lies, archived ones included, with no thaw and no download. Its reports are compared with the index by
 * `verify --level checksums`. That proves content, by S3's word.
 */
import { loadIndex } from '../repo/index-loader.ts';
import type { Repository } from '../repo/repository.ts';
import { type BatchFiles, writeBatchJob } from './batch-files.ts';

/** Where to. */
export interface AuditOrder {
  readonly folder: string;
  readonly roleArn: string;
}

/** Writes the job for all packs of the index. Errors as of {@link writeBatchJob}. */
export async function writeAudit(repo: Repository, order: AuditOrder, signal: AbortSignal): Promise<BatchFiles> {
  await loadIndex(repo, signal);
  return await writeBatchJob(
    repo,
    {
      ...order,
      operation: { type: 'checksum', of: 'object' },
      names: namesOf(repo),
      description: `icecore verify of ${repo.location}`,
    },
    signal,
  );
}

function* namesOf(repo: Repository): Generator<string> {
  for (const { name } of repo.catalog.packs()) yield name;
}
