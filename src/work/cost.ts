/**
 * What a repository costs: from one listing of its store, the prices of its place, and what this host's last runs asked
 * for. Reads nothing that is stored, changes nothing, and needs no key beyond the one that opens the repository.
 */
import { throwIfAborted } from '../base/errors.ts';
import { type CostReport, costReport } from '../plan/cost.ts';
import type { Usd } from '../plan/prices.ts';
import { type RequestCount, requestCost } from '../plan/request-cost.ts';
import { type Terms, termsOf } from '../plan/terms.ts';
import type { Repository } from '../repo/repository.ts';
import { type PastRun, readRuns } from '../repo/run-history.ts';
import type { RequestStats } from '../store/request-counts.ts';
import { sumStored } from './stored-objects.ts';

/** Objects of a page of a listing. */
const PAGE = 1000;
/** INTELLIGENT_TIERING leaves smaller objects alone; the step is needed for what-if too. */
const SMALLEST_TIERED = 128 * 1024;

/** What is asked. */
export interface CostOptions {
  /** The terms of the place; those of a repository that is in no bucket are the ones that the user asks about. */
  readonly terms: Terms;
  /** How long thawed copies are kept in the restores that are priced. */
  readonly days: number;
  /** Where restored bytes go. */
  readonly egress: 'internet' | 'none';
  /** So many of the last runs are priced. */
  readonly runs: number;
}

/** A past run and its price. */
export interface PricedRun extends PastRun {
  readonly usd: Usd;
  /** Requests that have no single price: those that thaw. They are not in `usd`. */
  readonly unpriced: readonly RequestCount[];
}

/** The answer. */
export interface CostStats extends RequestStats {
  readonly report: CostReport;
  /** Class of new packs. */
  readonly storageClass: string;
  /** Of this host, oldest first. */
  readonly runs: readonly PricedRun[];
  readonly seconds: number;
}

/** Finds out what a repository costs. */
export async function runCost(repo: Repository, options: CostOptions, signal: AbortSignal): Promise<CostStats> {
  throwIfAborted(signal);
  const began = repo.clock.monotonic();
  const { terms, days, egress } = options;
  const { coldMinimum, storageClass } = repo.config;
  const minima = Object.keys(terms.provider.classes).map((name) => termsOf(terms, name).minimumBytes);
  const thresholds = [...minima, coldMinimum, SMALLEST_TIERED];
  const { objects, count } = await sumStored(repo.store.list('', signal), thresholds, repo.clock.now());
  const report = costReport({
    objects,
    terms,
    movedKinds: ['data'],
    coldMinimum,
    restore: { days, egress, lists: Math.ceil(count / PAGE) },
  });
  const runs = readRuns(repo.places.state, repo.id, options.runs);
  return {
    report,
    storageClass,
    runs: runs.map((run) => ({ ...run, ...requestCost(run.billed, terms) })),
    ...repo.requestStats(),
    seconds: (repo.clock.monotonic() - began) / 1000,
  };
}
