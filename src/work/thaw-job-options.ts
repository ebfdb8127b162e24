/** From a restore to the job that stands for it, and back. */
import type { ThawJob } from '../format/thaw-job.ts';
import type { Repository } from '../repo/repository.ts';
import { loadThawJobs, type StoredThawJob } from '../repo/thaw-jobs.ts';
import type { RestoreOptions } from './restore-options.ts';

/** The part of a job that says what is restored, and where to. */
export type JobTarget = Pick<ThawJob, 'snapshot' | 'path' | 'target' | 'include' | 'exclude' | 'overwrite' | 'flags'>;

/** What a job keeps of a restore's options. */
export function jobTarget(options: RestoreOptions): JobTarget {
  const { path, target, include, exclude, overwrite } = options;
  const flags = (['delete', 'verify', 'sparse', 'numericIds'] as const).filter((flag) => options[flag]);
  return { snapshot: options.snapshot.id, path, target, include, exclude, overwrite, flags };
}

/** The options of the restore that a job stands for. `target` takes the place of the job's. */
export function restoreOptionsOf(
  job: ThawJob,
  target: string | undefined,
  workers: number | undefined,
): RestoreOptions {
  const has = (flag: ThawJob['flags'][number]): boolean => job.flags.includes(flag);
  return {
    ...{ snapshot: { id: job.snapshot }, path: job.path, target: target ?? job.target },
    ...{ include: job.include, exclude: job.exclude, overwrite: job.overwrite },
    ...{ delete: has('delete'), verify: has('verify'), sparse: has('sparse'), numericIds: has('numericIds') },
    planOnly: false,
    ...(workers === undefined ? {} : { workers }),
  };
}

/** Finds an open job of the same writer for the same restore that has all of the packs: a stopped restore goes on with it. */
export async function findSameJob(
  repo: Repository,
  options: RestoreOptions,
  host: string,
  packs: readonly { readonly name: string }[],
): Promise<StoredThawJob | undefined> {
  const wanted = JSON.stringify(jobTarget(options));
  for (const stored of (await loadThawJobs(repo)).toReversed()) {
    const { job } = stored;
    const { snapshot, path, target, include, exclude, overwrite, flags } = job;
    const isSame = JSON.stringify({ snapshot, path, target, include, exclude, overwrite, flags }) === wanted;
    if (stored.state !== 'open' || stored.writer !== repo.keyring.writer?.id || job.host !== host || !isSame) continue;
    const names = new Set(job.packs.map(({ name }) => name));
    if (packs.every(({ name }) => names.has(name))) return stored;
  }
  return undefined;
}
