/**
 * What a thaw job knows of each of its packs, and when one that was asked for is due. What to do next is decided in
 * thaw-plan.ts; who asks the store, and what its answers change, is in work/.
 */
import type { ThawTier, TierName } from './providers.ts';
import type { StoredIn } from './terms.ts';

/** Times are milliseconds since 1970. */
export type ThawState =
  | { readonly type: 'cold' }
  | { readonly type: 'asked'; readonly at: number; readonly tier: TierName; readonly days?: number }
  /** Without `until` it stays so. */
  | { readonly type: 'warm'; readonly until?: number }
  | { readonly type: 'fetched' };

/** A pack of a thaw job. */
export interface ThawPack extends StoredIn {
  readonly name: string;
  readonly size: number;
  readonly state: ThawState;
  /** Tiers that the store had no capacity for: not asked for again. */
  readonly refusedTiers?: readonly TierName[];
}

const HOUR = 3_600_000;
/** What no known tier takes longer than. */
const LONGEST = { minHours: 0, maxHours: 48 };

/** When a pack that was asked for can be read: not before, and at the latest. In milliseconds since 1970. */
export interface DueTime {
  readonly asked: number;
  readonly from: number;
  readonly until: number;
}

/** Tells when a pack is due that was asked for at a time in a tier, of those that its class has. */
export function dueTime(
  { at, tier }: { readonly at: number; readonly tier: TierName },
  tiers: readonly ThawTier[],
): DueTime {
  // A tier that the class does not have was asked for under another profile: the slowest that it has is a fair guess.
  const { minHours, maxHours } = tiers.find(({ name }) => name === tier) ?? tiers.at(-1) ?? LONGEST;
  return { asked: at, from: at + minHours * HOUR, until: at + maxHours * HOUR };
}
