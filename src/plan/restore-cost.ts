/**
 * What reading objects back costs and how long it takes, by the way in which the cold ones are thawed. Owns these
 * formulas and which ways there are; which objects a restore needs is in restore-plan.ts.
 */
import { charge, chargeEgress, sumUsd, type Usd } from './prices.ts';
import { TIER_NAMES, type TierName } from './providers.ts';
import { DAYS_PER_MONTH, GIB, type StoredIn, type Terms, termsOf, thawTiers } from './terms.ts';

/**
 * The most by which a copy is kept longer than was asked for. S3 adds the days to the moment in which the object was
 * thawed, and keeps the copy until the next midnight (UTC) after that: "Working with archived objects" of its user
 * guide. That moment is not known beforehand: a tier only says the hours that it may take, and within most of these
 * ranges there is a midnight, just after which an object may be ready. So a plan counts the whole day: copies may be
 * billed for less than that, never for more.
 */
const ROUNDING_DAYS = 1;

/** Objects of one class that are to be read. */
export interface ReadGroup extends StoredIn {
  /** They have to be thawed, and were not asked for yet. */
  readonly isCold: boolean;
  readonly objects: number;
  /** Of the objects as a whole: what is thawed. */
  readonly bytes: number;
  /** Of these, what is fetched, and with how many requests. */
  readonly fetchedBytes: number;
  readonly gets: number;
}

/** How they are to be read. */
export interface ReadOptions {
  /** How long a thawed copy can be read at least. It is kept, and billed, up to a day longer. */
  readonly days: number;
  /** Where the bytes go: within the service's own region nothing is billed for that. */
  readonly egress: 'internet' | 'none';
  /** Listings that it takes, to look which objects are warm. */
  readonly lists: number;
}

/** What a restore costs, in US dollars. */
export interface RestoreMoney {
  readonly retrieval: Usd;
  /** Of all sorts: thawing, reading, listing. */
  readonly requests: Usd;
  /** Of the thawed copies. */
  readonly temporaryStorage: Usd;
  readonly egress: Usd;
  readonly total: Usd;
}

/** Why a way is not open: the class does not know that tier, or knows no way at all. */
export interface TierRefusal {
  readonly code: 'tier-not-offered' | 'no-thaw';
  readonly storageClass: string;
}

/** One way to do it. */
export interface RestoreOption {
  /** Absent when nothing has to be thawed. */
  readonly tier?: TierName;
  readonly money: RestoreMoney;
  /** From the request to the first and to the last object that can be read; 0 when nothing has to be thawed. */
  readonly minHours: number;
  readonly maxHours: number;
  readonly refusal?: TierRefusal;
}

/**
 * Lists the ways to read the objects, fastest first: one for each tier that any of their classes has, or a single one
 * without a tier when nothing is cold. Ways that are not open to all of them are in the list, with the reason.
 */
export function restoreOptions(groups: readonly ReadGroup[], options: ReadOptions, terms: Terms): RestoreOption[] {
  const cold = groups.filter((group) => group.isCold && group.objects > 0);
  if (cold.length === 0) return [optionOf(undefined, groups, options, terms)];
  const offered = new Set(cold.flatMap((group) => thawTiers(group, terms.provider).map((tier) => tier.name)));
  return TIER_NAMES.filter((name) => offered.has(name)).map((name) => optionOf(name, groups, options, terms));
}

/**
 * Picks the cheapest of the ways that are open, the faster one of two that cost the same. Where the money is unknown,
 * it picks the slowest: that is the cheapest one everywhere.
 */
export function cheapestOption(options: readonly RestoreOption[]): RestoreOption | undefined {
  let best: RestoreOption | undefined;
  for (const option of options) {
    if (option.refusal) continue;
    if (!best || !isCheaper(best.money.total, option.money.total)) best = option;
  }
  return best;
}

/** True unless the slower way is cheaper, or might be. */
function isCheaper(faster: Usd, slower: Usd): boolean {
  return faster !== 'unknown' && slower !== 'unknown' && faster <= slower;
}

function optionOf(
  tier: TierName | undefined,
  groups: readonly ReadGroup[],
  options: ReadOptions,
  terms: Terms,
): RestoreOption {
  const cold = groups.filter((group) => group.isCold && group.objects > 0);
  const ways = cold.map((group) => thawTiers(group, terms.provider).find((way) => way.name === tier));
  const closed = ways.indexOf(undefined);
  const refusal = closed < 0 ? undefined : refusalOf(cold[closed]!, terms);
  return {
    ...(tier === undefined ? {} : { tier }),
    money: moneyOf(tier, groups, options, terms),
    minHours: ways.length === 0 ? 0 : Math.min(...ways.map((way) => way?.minHours ?? 0)),
    maxHours: Math.max(0, ...ways.map((way) => way?.maxHours ?? 0)),
    ...(refusal ? { refusal } : {}),
  };
}

function refusalOf(group: ReadGroup, terms: Terms): TierRefusal {
  const code = thawTiers(group, terms.provider).length === 0 ? 'no-thaw' : 'tier-not-offered';
  return { code, storageClass: group.storageClass };
}

/**
 * The restore of n objects of S GiB, with r a GiB and k a request of the tier, D days kept, storage price p_STD,
 * request price q: n · (k + S · r) + n · S · p_STD · (D + 1) / 30.4 + gets · q + lists + egress. Whole objects are
 * thawed, and what is fetched of them is sent. What is thawed for good, or was thawed before, has no temporary copy that
 * this adds.
 */
function moneyOf(
  tier: TierName | undefined,
  groups: readonly ReadGroup[],
  { days, egress, lists }: ReadOptions,
  terms: Terms,
): RestoreMoney {
  const standard = termsOf(terms, 'STANDARD').prices;
  const retrieval: Usd[] = [];
  const requests: Usd[] = [charge(lists / 1000, terms.prices.listPer1000)];
  const copies: Usd[] = [];
  for (const group of groups) {
    const own = termsOf(terms, group.storageClass);
    requests.push(charge(group.gets / 1000, own.prices.getPer1000));
    if (group.isCold) {
      const price = tier === undefined ? undefined : own.prices.tiers?.[tier];
      retrieval.push(charge(group.bytes / GIB, price?.perGib));
      requests.push(charge(group.objects / 1000, price?.per1000));
      const months = group.archiveTier === undefined ? (days + ROUNDING_DAYS) / DAYS_PER_MONTH : 0;
      copies.push(charge((group.bytes / GIB) * months, standard.storagePerGib));
    } else if (own.isOnline) {
      retrieval.push(charge(group.fetchedBytes / GIB, own.prices.retrievalPerGib));
    }
  }
  const fetched = groups.reduce((sum, group) => sum + group.fetchedBytes, 0);
  const parts = {
    retrieval: sumUsd(retrieval),
    requests: sumUsd(requests),
    temporaryStorage: sumUsd(copies),
    egress: egress === 'none' ? 0 : chargeEgress(fetched / GIB, terms.prices.egress),
  };
  return { ...parts, total: sumUsd(Object.values(parts)) };
}
