/**
 * What a run asked of its store, for summaries: requests by kind, and as a service bills them. Owns which kind a
 * service's own names of requests belong to.
 */
import type { MeteredStore } from './meter.ts';
import type { RequestCounts, RequestTally, StoreOperation } from './store.ts';

/** The part of a summary that is about requests. */
export interface RequestStats {
  /** Where the store is a service: requests that went out, every attempt counted. Elsewhere: calls. */
  readonly requests: RequestCounts;
  /** The same by the service's own names, and the class that sets the price; absent where nobody bills. */
  readonly billed?: readonly RequestTally[];
}

/** What a metered store was asked since it was opened. */
export function requestStatsOf(store: MeteredStore): RequestStats {
  const billed = store.tally();
  return billed === undefined ? { requests: store.use.requests } : { requests: countByKind(billed), billed };
}

/** Sums up a tally by kind. */
export function countByKind(tally: readonly RequestTally[]): RequestCounts {
  const counts: Record<StoreOperation, number> = { put: 0, get: 0, list: 0, stat: 0, delete: 0 };
  for (const { operation, count } of tally) counts[kindOf(operation)] += count;
  return counts;
}

/**
 * S3 names its requests by a verb and what it is about. Only GetObject fetches content; what else begins with Get or
 * Head asks about an object or the bucket. All that changes something and removes nothing counts as a put.
 */
function kindOf(operation: string): StoreOperation {
  if (operation === 'GetObject') return 'get';
  if (operation.startsWith('List')) return 'list';
  if (/^(?:Get|Head)/.test(operation)) return 'stat';
  if (/^(?:Delete|Abort)/.test(operation)) return 'delete';
  return 'put';
}
