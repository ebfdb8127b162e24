/**
 * Thaw jobs in the repository: lists, loads and makes them, and adds to them what happens. Every object is created once;
 * of two hosts that add the same number one wins, and the other one takes in what it said before it goes on. What is to
 * be asked for, and when, is decided in work/.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { damage, IcecoreError, isIcecoreError } from '../base/errors.ts';
import { makeSessionId, type SessionId } from '../base/ids.ts';
import { parseName, sessionPrefix, thawName } from '../format/layout.ts';
import {
  decodeThawEvent,
  encodeThawEvent,
  listRuns,
  type ThawEvent,
  type ThawHappening,
} from '../format/thaw-event.ts';
import { decodeThawJob, encodeThawJob, type ThawJob } from '../format/thaw-job.ts';
import { createHeader } from '../seal/age-header.ts';
import { tryLockFile } from './lock-file.ts';
import type { Repository } from './repository.ts';

/** `open` until it was ended or cancelled. */
export type ThawJobState = 'open' | 'ended' | 'cancelled';

/** What the events of a job say of one of its packs. */
export interface PackAsking {
  /** How often it was asked for. */
  readonly times: number;
  /** When it was asked for last, in milliseconds by the store's clock, and by which host. */
  readonly last: number;
  readonly host: string;
  readonly tier: ThawJob['tier'];
  readonly days: number;
  /** By a job of S3 Batch Operations. */
  readonly isBatch: boolean;
}

/** A job with everything that is known to have happened to it. */
export class StoredThawJob {
  readonly job: ThawJob;
  /** The id of the writer who signed it. */
  readonly writer: string;
  readonly #events: ThawEvent[] = [];
  readonly #asked = new Map<number, PackAsking>();
  #state: ThawJobState = 'open';

  constructor(job: ThawJob, writer: string) {
    this.job = job;
    this.writer = writer;
  }

  get id(): SessionId {
    return this.job.job;
  }

  get state(): ThawJobState {
    return this.#state;
  }

  /** Oldest first. */
  get events(): readonly ThawEvent[] {
    return this.#events;
  }

  /** The number of the next event. */
  get next(): number {
    return this.#events.length + 1;
  }

  /** What was asked for, by the pack's place in the job's list. */
  get asked(): ReadonlyMap<number, PackAsking> {
    return this.#asked;
  }

  /** Takes in the next event. */
  take(event: ThawEvent): void {
    this.#events.push(event);
    if (this.#state !== 'open') return;
    if (event.event !== 'asking') {
      this.#state = event.event;
      return;
    }
    for (const pack of listRuns(event.packs)) {
      const times = (this.#asked.get(pack)?.times ?? 0) + 1;
      this.#asked.set(pack, {
        times,
        last: Date.parse(event.time),
        host: event.host,
        tier: event.tier,
        days: event.days,
        isBatch: event.by === 'batch',
      });
    }
  }
}

/** Stores a new job. */
export async function createThawJob(repo: Repository, content: Omit<ThawJob, 'job' | 'time'>): Promise<StoredThawJob> {
  const now = repo.clock.now();
  const job: ThawJob = { ...content, job: makeSessionId(now, randomBytes(10)), time: new Date(now).toISOString() };
  await save(repo, thawName(job.job, 0), encodeThawJob(job));
  return new StoredThawJob(job, repo.keyring.writer!.id);
}

/**
 * Adds an event.
 * @param now the time, in milliseconds: by the store's clock, so that hosts understand each other
 * @returns false when another host has added one meanwhile: it was taken in, and the caller has to think again
 */
export async function addThawEvent(
  repo: Repository,
  stored: StoredThawJob,
  happening: ThawHappening & { readonly host: string; readonly now: number },
): Promise<boolean> {
  const { now, ...what } = happening;
  const event: ThawEvent = { job: stored.id, k: stored.next, time: new Date(now).toISOString(), ...what };
  if (!(await save(repo, thawName(stored.id, event.k), encodeThawEvent(event)))) {
    await refreshThawJob(repo, stored);
    return false;
  }
  stored.take(event);
  return true;
}

/** Takes in what other hosts have added. */
export async function refreshThawJob(repo: Repository, stored: StoredThawJob): Promise<void> {
  for (;;) {
    const name = thawName(stored.id, stored.next);
    const object = await repo.objects.load('thaw', name);
    if (!object) return;
    stored.take(decodeThawEvent(object.payload, name, stored.job.packs.length));
  }
}

/**
 * Loads a job.
 * @throws `user` `no-such-thaw-job`; `damage`
 */
export async function loadThawJob(repo: Repository, id: SessionId): Promise<StoredThawJob> {
  const name = thawName(id, 0);
  const object = await repo.objects.load('thaw', name);
  if (!object) throw noSuchJob(id);
  const stored = new StoredThawJob(decodeThawJob(object.payload, name), object.writer);
  await refreshThawJob(repo, stored);
  return stored;
}

/** The ids of all jobs, oldest first. */
export async function listThawJobs(repo: Repository): Promise<SessionId[]> {
  const ids: SessionId[] = [];
  for await (const { name } of repo.store.list('thaw/')) {
    const parsed = parseName(name);
    if (parsed?.kind === 'thaw' && parsed.number === 0) ids.push(parsed.sid);
  }
  return ids;
}

/**
 * Loads all jobs, oldest first. A damaged one is reported as a problem and left out.
 */
export async function loadThawJobs(repo: Repository): Promise<StoredThawJob[]> {
  const jobs: StoredThawJob[] = [];
  for (const id of await listThawJobs(repo)) {
    try {
      jobs.push(await loadThawJob(repo, id));
    } catch (error) {
      if (!isIcecoreError(error, 'damage')) throw error;
      const object = sessionPrefix('thaw', id);
      repo.monitor.problem({ severity: 'error', code: error.code, message: error.message, object });
    }
  }
  return jobs;
}

/**
 * Finds a job by its id, or by a part of its end or beginning that no other job shares.
 * @throws `user` `no-such-thaw-job`, `ambiguous-thaw-job`
 */
export async function findThawJob(repo: Repository, text: string): Promise<StoredThawJob> {
  const wanted = text.toUpperCase();
  const isMatch = (id: string): boolean => wanted.length >= 4 && (id.startsWith(wanted) || id.endsWith(wanted));
  const [found, another] = (await listThawJobs(repo)).filter(isMatch);
  if (found === undefined) throw noSuchJob(text);
  if (another !== undefined) {
    throw new IcecoreError('user', 'ambiguous-thaw-job', `${text} could be more than one thaw job`, {
      hint: 'give more of its id; icecore thaw list shows the ids',
    });
  }
  return await loadThawJob(repo, found);
}

/**
 * Keeps other processes of this host from working on a job meanwhile: two of them would fetch everything twice.
 * @returns the function that lets them again
 * @throws code `warming` while another one works on it: the same command does later
 */
export function holdThawJob(repo: Repository, id: SessionId): () => void {
  const path = join(repo.stateFolder(), `thaw-${id}.lock`);
  const release = tryLockFile(path);
  if (release) return release;
  throw new IcecoreError('user', 'warming', `another process of this host is working on thaw job ${id}`, {
    hint: `run this again when it has ended; if there is none, remove ${path}`,
    data: { job: id },
  });
}

/** @returns whether it was stored: false when something else stands under the name */
async function save(repo: Repository, name: string, payload: Uint8Array): Promise<boolean> {
  repo.require('write');
  const header = await createHeader(repo.config.recipients.meta);
  try {
    if ((await repo.objects.save('thaw', name, payload, header, { cache: true })).outcome === 'stored') return true;
  } catch (error) {
    if (!isIcecoreError(error, 'store')) throw error;
    // The answer may have been lost after the effect.
    const found = await repo.objects.load('thaw', name, { cache: false }).catch(() => undefined);
    if (!found) throw error;
    return Buffer.from(found.payload).equals(payload);
  }
  const found = await repo.objects.load('thaw', name, { cache: false });
  if (!found) throw damage('object-missing', `${name} is missing`, { object: name });
  return Buffer.from(found.payload).equals(payload);
}

function noSuchJob(text: string): IcecoreError {
  return new IcecoreError('user', 'no-such-thaw-job', `there is no thaw job ${text}`, {
    hint: 'icecore thaw list shows the jobs',
  });
}
