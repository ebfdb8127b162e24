/** Thaw jobs as the command line shows and ends them: lists them, looks how far one is, cancels one. */
import { IcecoreError } from '../base/errors.ts';
import type { SessionId } from '../base/ids.ts';
import type { Monitor } from '../base/monitor.ts';
import { type Raw, rawToDisplay } from '../base/raw.ts';
import type { Repository } from '../repo/repository.ts';
import { addThawEvent, loadThawJobs, type StoredThawJob, type ThawJobState } from '../repo/thaw-jobs.ts';
import { storeTime } from './thaw-run.ts';
import { StoreThaw } from './thaw-source.ts';

/** A job, for lists. */
export interface ThawJobInfo {
  readonly id: SessionId;
  readonly state: ThawJobState;
  readonly time: string;
  readonly host: string;
  readonly user: string;
  readonly snapshot: SessionId;
  readonly path: Raw;
  readonly target: string;
  readonly tier?: string;
  readonly days: number;
  readonly packs: number;
  readonly bytes: number;
  /** Packs that were asked for. */
  readonly asked: number;
}

/** How the packs of a job are now. */
export interface ThawJobLook {
  readonly readable: number;
  readonly warming: number;
  readonly cold: number;
  /** When the first of those that can be read freezes again, in milliseconds. */
  readonly until?: number;
}

/** Describes a job. */
export function describeJob({ job, state, asked }: StoredThawJob): ThawJobInfo {
  const { time, host, user, snapshot, path, target, tier, days, packs } = job;
  const bytes = packs.reduce((sum, { size }) => sum + size, 0);
  return {
    ...{ id: job.job, state, time, host, user, snapshot, path, target },
    ...(tier === undefined ? {} : { tier }),
    ...{ days, packs: packs.length, bytes, asked: asked.size },
  };
}

/** All jobs, oldest first; only the open ones unless `all`. */
export async function listJobs(repo: Repository, all: boolean): Promise<StoredThawJob[]> {
  return (await loadThawJobs(repo)).filter(({ state }) => all || state === 'open');
}

/**
 * The open jobs that this host made with the key that it has: those it may go on with without being told which. A job
 * names a folder to write to, so one of another host is gone on with only by name.
 */
export async function ownJobs(repo: Repository, host: string): Promise<StoredThawJob[]> {
  const isOwn = ({ job, writer }: StoredThawJob): boolean => job.host === host && writer === repo.keyring.writer?.id;
  return (await listJobs(repo, false)).filter(isOwn);
}

/** Looks at all packs of a job. Asks for nothing. */
export async function lookAtJob(repo: Repository, stored: StoredThawJob, signal: AbortSignal): Promise<ThawJobLook> {
  const { bucket, thaw } = repo.store;
  const counts = { readable: 0, warming: 0, cold: 0 };
  let until: number | undefined;
  if (!bucket || !thaw) return { ...counts, readable: stored.job.packs.length };
  const looks = await new StoreThaw(repo.store, thaw, bucket.provider).look(stored.job.packs, signal);
  for (const { state } of looks.values()) {
    counts[state.type === 'warming' || state.type === 'cold' ? state.type : 'readable']++;
    if (state.type === 'warm') until = Math.min(until ?? state.until, state.until);
  }
  return { ...counts, ...(until === undefined ? {} : { until }) };
}

/**
 * Cancels a job. What it asked for thaws and is billed all the same: that cannot be taken back.
 * @throws `user`, `thaw-job-over`, for one that is over
 */
export async function cancelJob(
  repo: Repository,
  stored: StoredThawJob,
  host: string,
  monitor: Monitor,
  signal: AbortSignal,
): Promise<void> {
  while (stored.state === 'open') {
    const now = await storeTime(repo, signal);
    if (await addThawEvent(repo, stored, { event: 'cancelled', host, now })) {
      if (stored.asked.size === 0) return;
      const message = `${stored.asked.size} packs were asked for already: they thaw and are billed all the same`;
      monitor.problem({ severity: 'warning', code: 'thaw-under-way', message });
      return;
    }
  }
  throw new IcecoreError('user', 'thaw-job-over', `the thaw job ${stored.id} was ${stored.state} before`, {
    data: { path: rawToDisplay(stored.job.path) },
  });
}
