/**
 * What a thaw job knows of each of its packs, and how that changes by what a store answers and shows. Owns the states
 * and the transitions; what to do next is decided in thaw-plan.ts, and who asks the store is elsewhere.
 *
 * A store's answers to a request to thaw: it is accepted (202), it runs already (409), the pack is warm already and
 * stays so longer (200), or there is no capacity for that tier (503, expedited only). A listing or a look at one object
 * shows whether it warms, is warm until when, or is neither.
 */
import { isFaster, type ThawTier, type TierName } from './providers.ts';
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

/** What was learned of a pack: the first three are answers to a request, the next three what a look shows. */
export type ThawFact =
  | ThawAsked
  | { readonly type: 'refused'; readonly tier: TierName }
  /** It can be read, until then or for good. */
  | { readonly type: 'warm'; readonly until?: number }
  /** A store that does tell says that it neither warms nor is warm. One that does not tell is no such fact. */
  | { readonly type: 'frozen'; readonly at: number }
  | { readonly type: 'fetched' };

/**
 * A pack warms: because a request was accepted, as one that runs already is in the way of a request, or as a look
 * shows, which does not tell the tier (`tier` is then the one that the job would ask for).
 */
export interface ThawAsked {
  readonly type: 'accepted' | 'running' | 'warming';
  readonly at: number;
  readonly tier: TierName;
  readonly days?: number;
}

const HOUR = 3_600_000;
/** What no known tier takes longer than. */
const LONGEST = { minHours: 0, maxHours: 48 };

/**
 * Takes a fact into account. What is fetched stays so, whatever comes later. A pack that was asked for and is seen
 * frozen is still believed to warm until its tier's time is over: a listing may be older than the request.
 * @param tiers the tiers of the pack's class
 */
export function learn(pack: ThawPack, fact: ThawFact, tiers: readonly ThawTier[]): ThawPack {
  if (pack.state.type === 'fetched') return pack;
  switch (fact.type) {
    case 'accepted':
      return withState(pack, askedState(fact));
    // The request that is in the way may be this job's own, of which a crash left no record.
    case 'running':
      return isSlower(pack.state, fact.tier) ? withState(pack, askedState(fact)) : pack;
    case 'warming':
      return pack.state.type === 'asked' ? pack : withState(pack, askedState(fact));
    case 'refused':
      return { ...pack, refusedTiers: [...new Set([...(pack.refusedTiers ?? []), fact.tier])] };
    case 'warm':
      return withState(pack, { type: 'warm', ...(fact.until === undefined ? {} : { until: fact.until }) });
    case 'frozen':
      return isBelieved(pack.state, fact.at, tiers) ? pack : withState(pack, { type: 'cold' });
    case 'fetched':
      return withState(pack, { type: 'fetched' });
  }
}

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

function isBelieved(state: ThawState, at: number, tiers: readonly ThawTier[]): boolean {
  return state.type === 'asked' && at <= dueTime(state, tiers).until;
}

/** True unless the pack is known to warm in that tier or a faster one. */
function isSlower(state: ThawState, than: TierName): boolean {
  return state.type !== 'asked' || isFaster(than, state.tier);
}

function askedState({ at, tier, days }: ThawAsked): ThawState {
  return { type: 'asked', at, tier, ...(days === undefined ? {} : { days }) };
}

function withState(pack: ThawPack, state: ThawState): ThawPack {
  return { ...pack, state };
}
