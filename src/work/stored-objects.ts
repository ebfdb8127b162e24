/**
 * What lies in a store, summed up for costs: one listing, and objects that cost the same by the byte together, so that
 * what is kept does not grow with the repository. Owns the grouping; the formulas are in plan/storage-cost.ts.
 */
import { parseName } from '../format/layout.ts';
import type { StoredObjects } from '../plan/storage-cost.ts';
import type { ObjectInfo } from '../store/store.ts';

const DAY = 86_400_000;
/** Nothing becomes cheaper, or free to delete, after more days than this. */
const OLDEST_DAYS = 400;

/** What was found. */
export interface StoredSums {
  readonly objects: readonly StoredObjects[];
  readonly count: number;
  readonly bytes: number;
}

/**
 * Sums up a listing. Within a group the price of storage is a straight line of the size, so that the mean does for all.
 * @param thresholds sizes at which prices begin to differ: minimum billed sizes, the smallest pack of a cold class
 * @param now milliseconds, by the store's clock or near it
 */
export async function sumStored(
  listing: AsyncIterable<ObjectInfo>,
  thresholds: readonly number[],
  now: number,
): Promise<StoredSums> {
  const steps = [...new Set(thresholds)].sort((a, b) => a - b);
  const groups = new Map<string, { group: Omit<StoredObjects, 'count' | 'size'>; count: number; bytes: number }>();
  let count = 0;
  let bytes = 0;
  for await (const { name, size, modified, storageClass } of listing) {
    const kind = kindOf(name);
    const ageDays = Math.min(OLDEST_DAYS, Math.max(0, Math.floor((now - modified) / DAY)));
    const band = steps.filter((step) => size >= step).length;
    const key = `${storageClass} ${kind} ${band} ${ageDays}`;
    const found = groups.get(key) ?? { group: { storageClass, kind, ageDays }, count: 0, bytes: 0 };
    found.count++;
    found.bytes += size;
    groups.set(key, found);
    count++;
    bytes += size;
  }
  const objects = [...groups.values()].map((found) => ({
    ...found.group,
    count: found.count,
    size: found.bytes / found.count,
  }));
  return { objects, count, bytes };
}

/** What an object is, in the words of people: packs of data are `data`; what is not ours is `other`. */
function kindOf(name: string): string {
  const kind = parseName(name)?.kind;
  return kind === 'pack' ? 'data' : (kind ?? 'other');
}
