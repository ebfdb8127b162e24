/** Amounts of money for people. Owns their wording; the arithmetic is in plan/. */
import type { Usd } from '../plan/prices.ts';

/** A US dollar amount: `$1,234.50`, `$0.0066` (two digits that say something, where it is small), `unknown`. */
export function formatUsd(amount: Usd): string {
  if (amount === 'unknown') return 'unknown';
  if (amount === 0) return '$0';
  if (amount < 0.000_01) return '<$0.00001';
  // 0.00995 would round to a cent that it is not.
  if (amount < 0.01) return `$${amount.toFixed(Math.min(5, 1 - Math.floor(Math.log10(amount))))}`;
  const [whole, cents] = amount.toFixed(2).split('.');
  return `$${whole!.replace(/\B(?=(?:\d{3})+$)/g, ',')}.${cents}`;
}
