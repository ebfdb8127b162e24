/**
 * What a repository costs: a month of storage by class and kind, the same in every other class, reading all of it back,
 * and deleting it today. Owns how these answers are put together (`icecore cost`); the formulas are in storage-cost.ts,
 * restore-cost.ts and request-cost.ts.
 */
import { charge, sumUsd, type Usd } from './prices.ts';
import {
  cheapestOption,
  type ReadGroup,
  type ReadOptions,
  type RestoreOption,
  restoreOptions,
} from './restore-cost.ts';
import { earlyDeleteCost, type StorageCost, type StoredObjects, storageCost } from './storage-cost.ts';
import { type Terms, termsOf } from './terms.ts';

/** What is asked. */
export interface CostQuestion {
  readonly objects: readonly StoredObjects[];
  readonly terms: Terms;
  /** The kinds that lie in the class that a repository chooses; the rest is STANDARD whatever it chooses. */
  readonly movedKinds: readonly string[];
  /** Objects below this many bytes stay in STANDARD. */
  readonly coldMinimum: number;
  readonly restore: ReadOptions;
}

/** The repository, were its data in one class. */
export interface WhatIf {
  readonly storageClass: string;
  readonly isOnline: boolean;
  readonly minimumDays: number;
  readonly monthlyUsd: Usd;
  /** Storing all of what moves, one request an object. */
  readonly uploadUsd: Usd;
  /** The cheapest way to read everything back; absent when there is none. */
  readonly fullRestore?: RestoreOption;
}

/** The answer. Amounts are `unknown` where prices are; quantities are always there. */
export interface CostReport {
  readonly provider: string;
  readonly region: string;
  /** The date and the source of the prices; absent when none are known. */
  readonly asOf?: string;
  readonly source?: string;
  readonly storage: StorageCost;
  /** By class, in the order of the profile. */
  readonly whatIf: readonly WhatIf[];
  /** Reading everything back as it lies, by tier. */
  readonly fullRestore: readonly RestoreOption[];
  /** Deleting everything today. */
  readonly earlyDeleteUsd: Usd;
}

/** Answers what a repository costs. */
export function costReport(question: CostQuestion): CostReport {
  const { objects, terms, restore } = question;
  const { provider, region, asOf, source } = terms.prices;
  return {
    provider,
    region,
    ...(asOf === undefined ? {} : { asOf }),
    ...(source === undefined ? {} : { source }),
    storage: storageCost(objects, terms),
    whatIf: Object.keys(terms.provider.classes).map((storageClass) => whatIf(storageClass, question)),
    fullRestore: restoreOptions(readGroups(objects, terms), restore, terms),
    earlyDeleteUsd: earlyDeleteCost(objects, terms),
  };
}

function whatIf(storageClass: string, { objects, terms, movedKinds, coldMinimum, restore }: CostQuestion): WhatIf {
  const moving = new Set(movedKinds);
  const moved = objects.map((group) => {
    if (!moving.has(group.kind)) return group;
    return { ...group, storageClass: group.size < coldMinimum ? 'STANDARD' : storageClass };
  });
  const { isOnline, minimumDays } = termsOf(terms, storageClass);
  const uploads = moved.filter((group) => moving.has(group.kind));
  const best = cheapestOption(restoreOptions(readGroups(moved, terms), restore, terms));
  return {
    storageClass,
    isOnline,
    minimumDays,
    monthlyUsd: storageCost(moved, terms).monthlyUsd,
    uploadUsd: sumUsd(uploads.map((group) => charge(group.count / 1000, putPrice(group, terms)))),
    ...(best ? { fullRestore: best } : {}),
  };
}

function putPrice({ storageClass }: StoredObjects, terms: Terms): number | undefined {
  return termsOf(terms, storageClass).prices.putPer1000;
}

/** Everything, to be read as a whole, with one request an object. */
function readGroups(objects: readonly StoredObjects[], terms: Terms): ReadGroup[] {
  const groups = new Map<string, ReadGroup>();
  for (const { storageClass, count, size } of objects) {
    const group = groups.get(storageClass);
    const total = (group?.objects ?? 0) + count;
    const bytes = (group?.bytes ?? 0) + count * size;
    const isCold = !termsOf(terms, storageClass).isOnline;
    groups.set(storageClass, { storageClass, isCold, objects: total, bytes, fetchedBytes: bytes, gets: total });
  }
  return [...groups.values()];
}
