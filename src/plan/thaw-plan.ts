/**
 * Decides what a thaw job does next, from what it knows of its packs: which are asked for, in which tier, which warm
 * ones are kept longer, which are fetched and in what order, and when to look again. Pure, and made anew each time: a
 * job that was killed anywhere, or goes on elsewhere, decides the same from the same knowledge.
 *
 * A pack is asked for once. It is asked for again only in a faster tier than before, or after it froze again.
 */
import { isFaster, type ProviderProfile, type ThawTier, TIER_NAMES, type TierName } from './providers.ts';
import { thawTiers } from './terms.ts';
import { type DueTime, dueTime, type ThawPack, type ThawState } from './thaw-state.ts';

/** What is to be decided upon. */
export interface ThawQuestion {
  /** In order of use. */
  readonly packs: readonly ThawPack[];
  /** Milliseconds since 1970, by the store's clock. */
  readonly now: number;
  /** How long packs are to stay warm. */
  readonly days: number;
  readonly tier: TierName;
  readonly provider: ProviderProfile;
  /** What fetching is likely to reach, in bytes a second. */
  readonly fetchRate: number;
}

/** A pack to be asked for. Without `days` it is thawed for good. */
export interface ThawRequest {
  readonly name: string;
  readonly tier: TierName;
  readonly days?: number;
}

/** The decision. Requests first: they take the longest. */
export interface ThawActions {
  readonly request: readonly ThawRequest[];
  /** Packs that warm, to be asked for again in a faster tier, with the same days. */
  readonly upgrade: readonly ThawRequest[];
  /** Warm packs that would freeze before their turn, to be kept for so many days from now. */
  readonly extend: readonly { readonly name: string; readonly days: number }[];
  /** Warm packs, the one that freezes first in front, and then in order of use. */
  readonly fetch: readonly string[];
  /** When to look at the packs that warm, in milliseconds; absent when none does. */
  readonly pollAt?: number;
  /** When the packs that warm are due: the first one not before, the last one not after. */
  readonly due?: { readonly from: number; readonly until: number };
  /** Packs that should be warm by now, and are not known to be. */
  readonly overdue: readonly string[];
  /** Cold packs that the provider has no way to thaw. */
  readonly stuck: readonly string[];
  /** All are fetched. */
  readonly isDone: boolean;
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** A pack is to be fetched so long before it freezes. */
const MARGIN = HOUR;
/** What an extension has to gain, so that a slow fetch does not ask for one at every look. */
const WORTHWHILE = 12 * HOUR;
/** Looks lie so far apart, whatever the tier; in between, 20 of them fit into the time that a tier takes. */
const MIN_POLL = 30_000;
const MAX_POLL = HOUR / 2;
const POLLS = 20;

/** Decides what to do next. */
export function planThaw(question: ThawQuestion): ThawActions {
  const { packs, now, provider } = question;
  const request: ThawRequest[] = [];
  const upgrade: ThawRequest[] = [];
  const overdue: string[] = [];
  const stuck: string[] = [];
  const warming: DueTime[] = [];
  for (const pack of packs) {
    const { name, state } = pack;
    const tiers = thawTiers(pack, provider);
    const tier = chooseTier(question.tier, tiers, pack.refusedTiers ?? []);
    if (isCold(state, now)) {
      if (tier === undefined) stuck.push(name);
      else {
        request.push({ name, tier, ...(pack.archiveTier === undefined ? { days: question.days } : {}) });
        warming.push(dueTime({ at: now, tier }, tiers));
      }
    } else if (state.type === 'asked') {
      const due = dueTime(state, tiers);
      if (due.until < now) overdue.push(name);
      if (tier !== undefined && provider.quirks.restore === 'tiers' && isFaster(tier, state.tier)) {
        upgrade.push({ name, tier, ...(state.days === undefined ? {} : { days: state.days }) });
        warming.push(dueTime({ at: now, tier }, tiers));
      } else warming.push(due);
    }
  }
  const isDone = packs.every((pack) => pack.state.type === 'fetched');
  return { request, upgrade, ...planFetches(question), ...planPolls(warming, now), overdue, stuck, isDone };
}

/** True for a pack that has to be asked for: it was not, or it was warm and froze again. */
function isCold(state: ThawState, now: number): boolean {
  return state.type === 'cold' || (state.type === 'warm' && state.until !== undefined && state.until <= now);
}

/**
 * The tier to ask for: the one that is wanted, or else the next slower one that there is, or else the slowest faster
 * one.
 */
function chooseTier(wanted: TierName, tiers: readonly ThawTier[], refused: readonly TierName[]): TierName | undefined {
  const open = TIER_NAMES.filter((name) => !refused.includes(name) && tiers.some((tier) => tier.name === name));
  return open.find((name) => !isFaster(name, wanted)) ?? open.at(-1);
}

/** Orders the warm packs by when they freeze, and keeps those longer that would not be reached in time. */
function planFetches({ packs, now, days, fetchRate }: ThawQuestion): Pick<ThawActions, 'fetch' | 'extend'> {
  const warm: { readonly name: string; readonly size: number; readonly until: number }[] = [];
  for (const { name, size, state } of packs) {
    if (state.type === 'warm' && !isCold(state, now)) {
      warm.push({ name, size, until: state.until ?? Number.POSITIVE_INFINITY });
    }
  }
  // Sorting is stable: those that freeze together stay in order of use.
  warm.sort((a, b) => (a.until === b.until ? 0 : a.until - b.until));
  const extend: { name: string; days: number }[] = [];
  let doneAt = now;
  for (const { name, size, until } of warm) {
    doneAt += (size / fetchRate) * 1000;
    if (doneAt + MARGIN <= until) continue;
    const needed = Math.max(days, Math.ceil((doneAt + MARGIN - now) / DAY));
    if (now + needed * DAY - until >= WORTHWHILE) extend.push({ name, days: needed });
  }
  return { fetch: warm.map(({ name }) => name), extend };
}

/** When to look again: not before anything can be warm, and in steps that suit the tier. */
function planPolls(warming: readonly DueTime[], now: number): Pick<ThawActions, 'pollAt' | 'due'> {
  if (warming.length === 0) return {};
  let pollAt = Number.POSITIVE_INFINITY;
  let from = Number.POSITIVE_INFINITY;
  let until = 0;
  for (const due of warming) {
    const step = Math.min(MAX_POLL, Math.max(MIN_POLL, (due.until - due.asked) / POLLS));
    pollAt = Math.min(pollAt, Math.max(due.from, now + step));
    from = Math.min(from, due.from);
    until = Math.max(until, due.until);
  }
  return { pollAt, due: { from, until } };
}
