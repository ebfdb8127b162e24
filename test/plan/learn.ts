/**
 * A host that believes what it is told, as a model for the tests of the thaw plan: how the state of a pack changes by
 * what a store answers and shows. The program's own host (work/thaw-asking.ts) believes less, and is tested with stores.
 */
import { isFaster, type ThawTier, type TierName } from '../../src/plan/providers.ts';
import { dueTime, type ThawPack, type ThawState } from '../../src/plan/thaw-state.ts';

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
