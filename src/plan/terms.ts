/**
 * The terms of a place: what its provider does and what it charges, put together class by class. Owns how the two
 * sources are joined; both may know nothing of a class.
 */

import type { ClassPrices, PriceList } from './prices.ts';
import { PLAIN_CLASS } from './provider-aws.ts';
import type { ClassProfile, ProviderProfile } from './providers.ts';

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
