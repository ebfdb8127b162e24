/**
 * The terms of a place: what its provider does and what it charges, put together class by class. Owns how the two
 * sources are joined; both may know nothing of a class.
 */

import type { ClassPrices, PriceList } from './prices.ts';
import { PLAIN_CLASS } from './provider-aws.ts';
import type { ClassProfile, ProviderProfile, ThawTier } from './providers.ts';

/** Everything that a cost or a plan depends on, apart from what lies there. */
export interface Terms {
  readonly provider: ProviderProfile;
  readonly prices: PriceList;
}

/** The terms of one class. */
export interface ClassTerms extends ClassProfile {
  readonly prices: ClassPrices;
}

export const GIB = 2 ** 30;
/** The days that a month of storage has on a bill, on the average. */
export const DAYS_PER_MONTH = 30.4;

/** Finds the terms of a class; one that the profile does not know is taken for online, without minimum. */
export function termsOf({ provider, prices }: Terms, storageClass: string): ClassTerms {
  const profile = Object.hasOwn(provider.classes, storageClass) ? provider.classes[storageClass]! : PLAIN_CLASS;
  const own = Object.hasOwn(prices.classes, storageClass) ? prices.classes[storageClass]! : {};
  return {
    ...profile,
    minimumDays: own.minimumDays ?? profile.minimumDays,
    minimumBytes: own.minimumBytes ?? profile.minimumBytes,
    prices: own,
  };
}

/** Where an object lies: its class, and the archive of that class that it was moved to by itself, if it was. */
export interface StoredIn {
  readonly storageClass: string;
  readonly archiveTier?: string;
}

/**
 * The ways to thaw an object, fastest first; none when it is online, its class is unknown, or the provider has no way.
 */
export function thawTiers({ storageClass, archiveTier }: StoredIn, provider: ProviderProfile): readonly ThawTier[] {
  if (provider.quirks.restore === 'none' || !Object.hasOwn(provider.classes, storageClass)) return [];
  const { tiers, archiveTiers } = provider.classes[storageClass]!;
  return archiveTier === undefined ? tiers : (archiveTiers?.[archiveTier] ?? []);
}
