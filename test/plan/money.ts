/** What the tests of plans and costs share: terms of places, and amounts made readable for snapshots. */
import { findPrices } from '../../src/plan/find-prices.ts';
import { findProvider } from '../../src/plan/find-provider.ts';
import type { Usd } from '../../src/plan/prices.ts';
import { decodePrices } from '../../src/plan/prices-file.ts';
import type { RestoreOption } from '../../src/plan/restore-cost.ts';
import type { Terms } from '../../src/plan/terms.ts';

export const MIB = 2 ** 20;
export const TIB = 2 ** 40;

/** Amazon S3 in Virginia, whose prices are built in. */
export const VIRGINIA: Terms = { provider: findProvider({}), prices: findPrices('aws', 'us-east-1') };

/** The terms of a place without known prices. */
export function unpriced(provider: string, region?: string): Terms {
  return { provider: findProvider({ provider }), prices: findPrices(provider, region) };
}

/** The terms of a place with prices from a user's file. */
export function priced(provider: string, region: string, prices: object): Terms {
  const list = { provider, region, asOf: '2026-11', classes: {}, ...prices };
  const own = decodePrices(JSON.stringify({ prices: [list] }), 'prices.json');
  return { provider: findProvider({ provider }), prices: findPrices(provider, region, own) };
}

/** Dollars as in a bill, with more digits below a cent. */
export function dollars(amount: Usd): string {
  if (amount === 'unknown') return '?';
  return `$${amount !== 0 && amount < 0.1 ? amount.toPrecision(3) : amount.toFixed(2)}`;
}

/** One line of a tier table. */
export function optionLine({ tier, money, minHours, maxHours, refusal }: RestoreOption): string {
  const hours = `${Number(minHours.toFixed(2))} to ${Number(maxHours.toFixed(2))} h`;
  const parts = [money.retrieval, money.requests, money.temporaryStorage, money.egress, money.total];
  const [retrieval, requests, copies, egress, total] = parts.map(dollars);
  const why = refusal ? `, ${refusal.code} in ${refusal.storageClass}` : '';
  const sum = `retrieval ${retrieval} + requests ${requests} + copies ${copies} + egress ${egress} = ${total}`;
  return `${tier ?? 'no thaw'}: ${hours}, ${sum}${why}`;
}
