/** What the askings of a thaw job cost, by the formulas of plan/restore-cost.ts: for budgets and for the list of jobs. */
import { listRuns, type ThawHappening } from '../format/thaw-event.ts';
import { sumUsd, type Usd } from '../plan/prices.ts';
import { type ReadGroup, type RestoreMoney, restoreOptions } from '../plan/restore-cost.ts';
import type { Terms } from '../plan/terms.ts';
import type { StoredThawJob } from '../repo/thaw-jobs.ts';

/** What thawing costs, without what reading costs later. */
export function thawMoney({ retrieval, requests, temporaryStorage }: RestoreMoney): Usd {
  return sumUsd([retrieval, requests, temporaryStorage]);
}

/** What all askings cost. */
export function askingCost(stored: StoredThawJob, happenings: readonly ThawHappening[], terms: Terms): Usd {
  const amounts: Usd[] = [];
  for (const happening of happenings) {
    if (happening.event !== 'asking') continue;
    const groups = new Map<string, ReadGroup>();
    for (const place of listRuns(happening.packs)) {
      const { size, storageClass } = stored.job.packs[place]!;
      const known = groups.get(storageClass) ?? {
        storageClass,
        isCold: true,
        objects: 0,
        bytes: 0,
        fetchedBytes: 0,
        gets: 0,
      };
      groups.set(storageClass, { ...known, objects: known.objects + 1, bytes: known.bytes + size });
    }
    const options = { days: happening.days, egress: 'none', lists: 0 } as const;
    const ways = restoreOptions([...groups.values()], options, terms);
    const way = ways.find(({ tier }) => tier === happening.tier) ?? ways[0];
    amounts.push(way ? thawMoney(way.money) : 'unknown');
  }
  return sumUsd(amounts);
}
