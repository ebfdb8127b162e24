/** What the place that a repository is in does and charges: its provider's profile and the prices of its region. */
import { findPrices } from '../plan/find-prices.ts';
import type { PriceList } from '../plan/prices.ts';
import type { Terms } from '../plan/terms.ts';
import type { Repository } from '../repo/repository.ts';

/**
 * Finds the terms of the bucket; undefined for a repository that is in none, where nobody bills. A region that is pinned
 * in the config is taken at its word; otherwise the bucket is asked, and where it does not say, prices are unknown.
 * @param own price lists of the user, which count more than what is built in
 */
export async function termsOfRepository(
  repo: Repository,
  own: readonly PriceList[] = [],
  signal?: AbortSignal,
): Promise<Terms | undefined> {
  const { bucket } = repo.store;
  if (!bucket) return undefined;
  const region = repo.config.region ?? (await bucket.region(signal));
  return { provider: bucket.provider, prices: findPrices(bucket.provider.id, region, own) };
}
