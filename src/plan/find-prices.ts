/**
 * Finds the price list of a place: what comes with the program, and on top of it what the user's own lists say. Owns
 * the list of lists and how one overrides another.
 */
import type { ClassPrices, PriceList } from './prices.ts';
import { AWS_PRICES } from './prices-aws.ts';
import type { TierName } from './providers.ts';

/** The lists that come with the program. */
const BUILT_IN: readonly PriceList[] = AWS_PRICES;

/**
 * Finds the prices of a place. Lists of the user come on top of what is built in, price by price, the last one counting
 * most. For a place that nobody knows the list is empty, so that every amount is unknown.
 */
export function findPrices(provider: string, region: string | undefined, own: readonly PriceList[] = []): PriceList {
  const place = { provider, region: region ?? 'unknown' };
  const fitting = [...BUILT_IN, ...own].filter((list) => list.provider === provider && list.region === place.region);
  return fitting.reduce(overlay, { ...place, classes: {} });
}

function overlay(base: PriceList, over: PriceList): PriceList {
  const classes: Record<string, ClassPrices> = { ...base.classes };
  for (const [name, prices] of Object.entries(over.classes)) {
    const known = classes[name];
    const tiers = { ...known?.tiers };
    for (const [tier, price] of Object.entries(prices.tiers ?? {})) {
      tiers[tier as TierName] = { ...tiers[tier as TierName], ...price };
    }
    classes[name] = { ...known, ...prices, ...(Object.keys(tiers).length > 0 ? { tiers } : {}) };
  }
  return { ...base, ...over, classes };
}
