/** Amounts of money for people. Owns their wording; the arithmetic is in plan/. */
import type { Usd } from './prices.ts';

/** A US dollar amount: `$1,234.50`, `$0.0066` (two digits that say something, where it is small), `unknown`. */
export function formatUsd(amount: Usd): string {
  if (amount === 'unknown') return 'unknown';
  if (amount === 0) return '$0';
  if (amount < 0.0001) return '<$0.0001';
  // Two digits that say something, and no cent that is none: 0.00995 stays below 0.01.
  if (amount < 0.01) return `$${amount.toFixed(amount < 0.001 ? 5 : 4)}`;
  const [whole, cents] = amount.toFixed(2).split('.');
  return `$${whole!.replace(/\B(?=(?:\d{3})+$)/g, ',')}.${cents}`;
}
