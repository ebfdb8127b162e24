/**
 * The plan of a restore: which packs it needs, how many of them have to be thawed, and what that costs and how long it
 * takes by each way. Owns the gathering of packs and the choice of a way; the formulas are in restore-cost.ts. A plan
 * is made from the index, the manifests and one listing; nothing is asked for by making it.
 */

import type { TierName } from './providers.ts';
import {
  cheapestOption,
  type ReadGroup,
  type ReadOptions,
  type RestoreOption,
  restoreOptions,
  type TierRefusal,
} from './restore-cost.ts';
import { type StoredIn, type Terms, thawTiers } from './terms.ts';

/** Whether a pack can be read: always, not now, soon (it was asked for), or for a time that ends (in milliseconds). */
export type PackState =
  | { readonly type: 'online' | 'cold' | 'warming' }
  | { readonly type: 'warm'; readonly until: number };

/** A pack of which something is wanted. */
export interface WantedPack extends StoredIn {
  readonly name: string;
  readonly size: number;
  /** Stored bytes of it that are fetched. */
  readonly wantedBytes: number;
  /** With so many requests (default 1). */
  readonly gets?: number;
  /** It stands for so many packs; sizes and requests are those of all (default 1). */
  readonly packs?: number;
  readonly state: PackState;
}

/** What is asked. */
export interface RestoreQuestion {
  readonly packs: Iterable<WantedPack>;
  readonly files: number;
  /** Content bytes of the files. */
  readonly fileBytes: number;
  readonly options: ReadOptions;
  /** The way that the user wants; without it the cheapest is taken. */
  readonly tier?: TierName;
  readonly terms: Terms;
}

/** Packs, and their bytes as a whole. */
export interface PackTotals {
  readonly packs: number;
  readonly bytes: number;
}

/** The packs of one class. */
export interface ClassTotals extends PackTotals, StoredIn {
  readonly cold: PackTotals;
}

/** Why the plan cannot be carried out as asked, or cannot say what it costs. */
export type PlanRefusal = (TierRefusal & { readonly tier?: TierName }) | { readonly code: 'prices-unknown' };

/** The plan. */
export interface RestorePlan {
  readonly files: number;
  readonly fileBytes: number;
  /** Stored bytes that are fetched. */
  readonly wantedBytes: number;
  readonly online: PackTotals;
  readonly cold: PackTotals;
  /** Asked for already, by whomever: these cost nothing more, and may delay what is planned here. */
  readonly warming: PackTotals;
  /** `until`: when the first of them freezes again, in milliseconds. */
  readonly warm: PackTotals & { readonly until?: number };
  /** Bytes to thaw for each byte wanted of the packs that are thawed; absent when nothing is cold. */
  readonly amplification?: number;
  /** Sorted by class. */
  readonly byClass: readonly ClassTotals[];
  readonly days: number;
  /** The ways, fastest first. */
  readonly ways: readonly RestoreOption[];
  /** The way taken: the one that was asked for, or else the cheapest. Absent when that is not open. */
  readonly way?: RestoreOption;
  readonly refusals: readonly PlanRefusal[];
  /** Where the prices are from; without a date none are known. */
  readonly prices: {
    readonly provider: string;
    readonly region: string;
    readonly asOf?: string;
    readonly source?: string;
  };
}

/** Plans a restore. */
export function planRestore({ packs, files, fileBytes, options, tier, terms }: RestoreQuestion): RestorePlan {
  const totals = gather(packs);
  const groups = totals.groups.flatMap((group) => [group.cold, group.rest]);
  const ways = restoreOptions(groups, options, terms);
  const way = tier === undefined || ways[0]?.tier === undefined ? cheapestOption(ways) : openWay(ways, tier);
  const { provider, region, asOf, source } = terms.prices;
  const { cold } = totals;
  return {
    files,
    fileBytes,
    wantedBytes: totals.wantedBytes,
    online: totals.online,
    cold,
    warming: totals.warming,
    warm: { ...totals.warm, ...(totals.until === undefined ? {} : { until: totals.until }) },
    ...(totals.coldWantedBytes > 0 ? { amplification: cold.bytes / totals.coldWantedBytes } : {}),
    byClass: totals.groups.map(classTotals),
    days: options.days,
    ways,
    ...(way ? { way } : {}),
    refusals: refusalsOf(groups, ways, way, tier, terms),
    prices: { provider, region, ...(asOf === undefined ? {} : { asOf }), ...(source === undefined ? {} : { source }) },
  };
}

/** True unless the way that the plan takes is known to cost no more than so many US dollars. */
export function exceedsBudget(plan: RestorePlan, usd: number): boolean {
  const total = plan.way?.money.total;
  return total === undefined || total === 'unknown' || total > usd;
}

/** The packs of one class, those that have to be thawed apart from the others. */
interface Gathered {
  readonly cold: ReadGroup;
  readonly rest: ReadGroup;
}

function gather(packs: Iterable<WantedPack>) {
  const sums = { online: NOTHING, cold: NOTHING, warming: NOTHING, warm: NOTHING };
  const groups = new Map<string, Gathered>();
  let wantedBytes = 0;
  let coldWantedBytes = 0;
  let until: number | undefined;
  for (const pack of packs) {
    const { storageClass, archiveTier, state } = pack;
    sums[state.type] = { packs: sums[state.type].packs + (pack.packs ?? 1), bytes: sums[state.type].bytes + pack.size };
    wantedBytes += pack.wantedBytes;
    const isCold = state.type === 'cold';
    if (isCold) coldWantedBytes += pack.wantedBytes;
    if (state.type === 'warm') until = Math.min(until ?? state.until, state.until);
    const key = `${storageClass}\0${archiveTier ?? ''}`;
    const found = groups.get(key) ?? { cold: emptyGroup(pack, true), rest: emptyGroup(pack, false) };
    groups.set(
      key,
      isCold ? { ...found, cold: addPack(found.cold, pack) } : { ...found, rest: addPack(found.rest, pack) },
    );
  }
  const sorted = [...groups.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
  return { ...sums, groups: sorted, wantedBytes, coldWantedBytes, until };
}

const NOTHING: PackTotals = { packs: 0, bytes: 0 };

function emptyGroup({ storageClass, archiveTier }: WantedPack, isCold: boolean): ReadGroup {
  const archive = archiveTier === undefined ? {} : { archiveTier };
  return { storageClass, ...archive, isCold, objects: 0, bytes: 0, fetchedBytes: 0, gets: 0 };
}

function addPack(group: ReadGroup, pack: WantedPack): ReadGroup {
  return {
    ...group,
    objects: group.objects + (pack.packs ?? 1),
    bytes: group.bytes + pack.size,
    fetchedBytes: group.fetchedBytes + pack.wantedBytes,
    gets: group.gets + (pack.gets ?? 1),
  };
}

function classTotals({ cold, rest }: Gathered): ClassTotals {
  return {
    storageClass: cold.storageClass,
    ...(cold.archiveTier === undefined ? {} : { archiveTier: cold.archiveTier }),
    packs: cold.objects + rest.objects,
    bytes: cold.bytes + rest.bytes,
    cold: { packs: cold.objects, bytes: cold.bytes },
  };
}

function openWay(ways: readonly RestoreOption[], tier: TierName): RestoreOption | undefined {
  return ways.find((way) => way.tier === tier && !way.refusal);
}

function refusalsOf(
  groups: readonly ReadGroup[],
  ways: readonly RestoreOption[],
  way: RestoreOption | undefined,
  tier: TierName | undefined,
  terms: Terms,
): PlanRefusal[] {
  const refusals = way ? [] : closedClasses(groups, tier, terms);
  const isUnknown = (way ?? ways.find((other) => !other.refusal))?.money.total === 'unknown';
  return isUnknown ? [...refusals, { code: 'prices-unknown' }] : refusals;
}

/** The classes that cannot be thawed, or not in the way that was asked for. */
function closedClasses(groups: readonly ReadGroup[], tier: TierName | undefined, terms: Terms): PlanRefusal[] {
  const refusals: PlanRefusal[] = [];
  for (const group of groups) {
    if (!group.isCold || group.objects === 0) continue;
    const { storageClass } = group;
    const tiers = thawTiers(group, terms.provider);
    if (tiers.length === 0) refusals.push({ code: 'no-thaw', storageClass });
    else if (tier !== undefined && !tiers.some(({ name }) => name === tier)) {
      refusals.push({ code: 'tier-not-offered', storageClass, tier });
    }
  }
  return refusals;
}
