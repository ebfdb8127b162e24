/**
 * What lies in a bucket, and what that costs a month and would still cost when it were deleted. Owns the formulas of
 * storage: overheads, minimum billed sizes, prices by age, minimum durations. Reading back is in restore-cost.ts.
 */
import { charge, sumUsd, type Usd } from './prices.ts';
import { type ClassTerms, GIB, type Terms, termsOf } from './terms.ts';

/** Objects of one class, kind, size and age. A pack is such a group of one. */
export interface StoredObjects {
  readonly storageClass: string;
  /** What they are: `data`, `meta`, `index`, … */
  readonly kind: string;
  readonly count: number;
  /** Of each of them, in bytes. */
  readonly size: number;
  readonly ageDays: number;
}

/** What the objects of one class and kind cost a month. */
export interface StorageRow {
  readonly storageClass: string;
  readonly kind: string;
  readonly objects: number;
  readonly bytes: number;
  /** Bytes on the bill at the class's own price, and at that of STANDARD. */
  readonly billedBytes: number;
  readonly standardBytes: number;
  readonly monthlyUsd: Usd;
}

/** What all objects cost a month. */
export interface StorageCost {
  /** Sorted by class and kind. */
  readonly rows: readonly StorageRow[];
  readonly objects: number;
  readonly bytes: number;
  readonly monthlyUsd: Usd;
}

/** Below this, INTELLIGENT_TIERING neither moves an object nor bills for watching it (S3 User Guide). */
const SMALLEST_TIERED = 128 * 1024;

/**
 * Computes the storage of a month, at the ages that the objects have now. With N objects of S GiB, class price p,
 * overheads o of its own and s in STANDARD at p_STD: N · ((max(S, minimum) + o) · p + s · p_STD).
 */
export function storageCost(objects: Iterable<StoredObjects>, terms: Terms): StorageCost {
  const rows = new Map<string, StorageRow>();
  for (const group of objects) {
    const added = rowOf(group, terms);
    const key = `${group.storageClass}\0${group.kind}`;
    const row = rows.get(key);
    rows.set(key, row ? addRows(row, added) : added);
  }
  const sorted = [...rows.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
  return {
    rows: sorted,
    objects: sorted.reduce((sum, row) => sum + row.objects, 0),
    bytes: sorted.reduce((sum, row) => sum + row.bytes, 0),
    monthlyUsd: sumUsd(sorted.map((row) => row.monthlyUsd)),
  };
}

/**
 * Computes what deleting all of it today would be billed for the rest of the minimum durations: with class price p,
 * minimum m days and age a, S · p · max(0, m − a) / 30. Waiting costs the same.
 */
export function earlyDeleteCost(objects: Iterable<StoredObjects>, terms: Terms): Usd {
  const amounts: Usd[] = [];
  for (const { storageClass, count, size, ageDays } of objects) {
    const { minimumDays, minimumBytes, prices } = termsOf(terms, storageClass);
    const rest = Math.max(0, minimumDays - ageDays) / 30;
    amounts.push(charge((count * Math.max(size, minimumBytes) * rest) / GIB, prices.storagePerGib));
  }
  return sumUsd(amounts);
}

function rowOf({ storageClass, kind, count, size, ageDays }: StoredObjects, terms: Terms): StorageRow {
  const own = termsOf(terms, storageClass);
  const billedBytes = count * (Math.max(size, own.minimumBytes) + own.overheadBytes.own);
  const standardBytes = count * own.overheadBytes.standard;
  const monthlyUsd = sumUsd([
    charge(billedBytes / GIB, storagePrice(own, size, ageDays)),
    charge(standardBytes / GIB, termsOf(terms, 'STANDARD').prices.storagePerGib),
    watching(own, count, size),
  ]);
  return { storageClass, kind, objects: count, bytes: count * size, billedBytes, standardBytes, monthlyUsd };
}

function storagePrice({ prices }: ClassTerms, size: number, ageDays: number): number | undefined {
  if (!prices.aged || size < SMALLEST_TIERED) return prices.storagePerGib;
  return prices.aged.findLast((step) => ageDays >= step.fromDays)?.perGib ?? prices.storagePerGib;
}

/** The monthly price of watching, which most classes do not have at all. */
function watching({ prices }: ClassTerms, count: number, size: number): Usd {
  if (prices.monitoringPer1000 === undefined || size < SMALLEST_TIERED) return 0;
  return (count / 1000) * prices.monitoringPer1000;
}

function addRows(a: StorageRow, b: StorageRow): StorageRow {
  return {
    ...a,
    objects: a.objects + b.objects,
    bytes: a.bytes + b.bytes,
    billedBytes: a.billedBytes + b.billedBytes,
    standardBytes: a.standardBytes + b.standardBytes,
    monthlyUsd: sumUsd([a.monthlyUsd, b.monthlyUsd]),
  };
}
