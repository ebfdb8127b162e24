/**
 * What a service charges, as data: a dated list for a provider and a region, in US dollars, and the arithmetic of
 * amounts that may be unknown. Owns the shapes; the lists are in prices-*.ts, a user's own in prices-file.ts, both are
 * found by find-prices.ts, and what is made of them is in cost.ts.
 *
 * A price that nobody knows is absent, and an amount that needs it is `unknown`: never a guess, and never nothing. A
 * "GB" on a bill of S3 is 2^30 bytes, and prices are by GiB here.
 */
import type { TierName } from './providers.ts';

/** An amount in US dollars, not rounded; `unknown` when a price for it is not known. */
export type Usd = number | 'unknown';

/** What one way to thaw costs. */
export interface TierPrice {
  readonly perGib?: number;
  readonly per1000?: number;
}

/** The storage price of objects that were not read for so many days. */
export interface AgedPrice {
  readonly fromDays: number;
  readonly perGib: number;
}

/** What a storage class costs. All of it may be absent. */
export interface ClassPrices {
  /** Storage, a month. */
  readonly storagePerGib?: number;
  /** Where storage gets cheaper by itself: steps in ascending order, each instead of `storagePerGib`. */
  readonly aged?: readonly AgedPrice[];
  /** Watching objects, a month, where that is billed: for each 1,000 of those that are large enough to be tiered. */
  readonly monitoringPer1000?: number;
  /** Requests that store: PUT, COPY, and what completes a multipart upload. */
  readonly putPer1000?: number;
  /** Requests that read: GET, HEAD and the rest. */
  readonly getPer1000?: number;
  /** Reading from an online class that charges for it. */
  readonly retrievalPerGib?: number;
  readonly tiers?: Readonly<Partial<Record<TierName, TierPrice>>>;
  /** Instead of what the provider's profile says. */
  readonly minimumDays?: number;
  readonly minimumBytes?: number;
}

/** Sending to the internet: what a GiB costs from so many GiB a month on. */
export interface EgressStep {
  readonly fromGib: number;
  readonly perGib: number;
}

/** A price list. */
export interface PriceList {
  readonly provider: string;
  readonly region: string;
  /** The month that the prices were read in, `YYYY-MM` or `YYYY-MM-DD`; absent when none is known. */
  readonly asOf?: string;
  readonly source?: string;
  /** Requests that list, whatever the class. */
  readonly listPer1000?: number;
  readonly classes: Readonly<Record<string, ClassPrices>>;
  /** Steps in ascending order, the first from 0. */
  readonly egress?: readonly EgressStep[];
}

/** What a quantity costs: nothing of something costs nothing, whatever its price. */
export function charge(quantity: number, price: number | undefined): Usd {
  if (quantity === 0) return 0;
  return price === undefined ? 'unknown' : quantity * price;
}

/** The sum, which is unknown when any part of it is. */
export function sumUsd(amounts: Iterable<Usd>): Usd {
  let total = 0;
  for (const amount of amounts) {
    if (amount === 'unknown') return 'unknown';
    total += amount;
  }
  return total;
}

/** What sending so many GiB to the internet in one month costs, each step's price holding for what is in the step. */
export function chargeEgress(gib: number, steps: readonly EgressStep[] | undefined): Usd {
  if (gib === 0) return 0;
  if (steps === undefined) return 'unknown';
  let total = 0;
  for (const [i, { fromGib, perGib }] of steps.entries()) {
    const toGib = steps[i + 1]?.fromGib ?? Number.POSITIVE_INFINITY;
    total += Math.max(0, Math.min(gib, toGib) - fromGib) * perGib;
  }
  return total;
}
