/** The options of all commands that show prices: a file of the user's own, and a limit. */
import { readFileSync } from 'node:fs';
import { errnoOf, IcecoreError, messageOf } from '../base/errors.ts';
import { formatUsd } from '../plan/money.ts';
import type { PriceList, Usd } from '../plan/prices.ts';
import { decodePrices } from '../plan/prices-file.ts';
import type { Context } from './context.ts';
import type { OptionSpec } from './option.ts';
import { usage, type Values } from './values.ts';

/** Where prices come from beside what is built in. */
export const pricesOption: OptionSpec = {
  flags: '--prices <file>',
  help: 'take prices from this file where it knows them (JSON)',
  complete: 'file',
};

/** A limit on what a run may cost. */
export const maxCostOption: OptionSpec = {
  flags: '--max-cost <usd>',
  help: 'stop with exit 15 before anything that may cost more, in US dollars',
};

/**
 * Reads the price lists of {@link pricesOption}; none without it.
 * @throws kind `user`, `prices-file` when it cannot be read; kind `usage` when it is not a price file
 */
export function readPrices(values: Values, context: Context): readonly PriceList[] {
  const path = values.text('prices');
  if (path === undefined) return [];
  const absolute = context.absolute(path);
  try {
    return decodePrices(readFileSync(absolute), absolute);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    throw new IcecoreError('user', 'prices-file', `cannot read the price file ${absolute}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Reads {@link maxCostOption}: a decimal amount, with or without a dollar sign. */
export function readMaxCost(values: Values): number | undefined {
  return values.parsed('max-cost', (text) => {
    const match = /^\$?(\d{1,9}(?:\.\d{1,6})?)$/.exec(text.trim());
    if (match) return Number(match[1]);
    throw usage('bad-amount', `'${text}' is no amount of money`, 'write it as 5 or 0.50 (US dollars)');
  });
}

/**
 * Stops a run that may cost more than its limit, or of which nobody knows what it costs.
 * @throws kind `cost`: `cost-limit`, `cost-unknown`
 */
export function requireWithin(limit: number | undefined, total: Usd): void {
  if (limit === undefined || (total !== 'unknown' && total <= limit)) return;
  if (total === 'unknown') {
    throw new IcecoreError('cost', 'cost-unknown', 'what this costs is not known here, so --max-cost stops it', {
      hint: 'give the prices of your provider and region with --prices, or leave out --max-cost',
      data: { maxCostUsd: limit },
    });
  }
  throw new IcecoreError('cost', 'cost-limit', `this would cost ${formatUsd(total)}, more than ${formatUsd(limit)}`, {
    hint: 'raise --max-cost, or ask for less',
    data: { costUsd: total, maxCostUsd: limit },
  });
}
