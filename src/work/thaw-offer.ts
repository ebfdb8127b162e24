/**
 * Puts the offer of a restore together: what is read from which packs, in which state they are, and what that costs.
 * The formulas are plan/restore-plan.ts's; the prices are those of the place that the repository lies in.
 */

import { IcecoreError } from '../base/errors.ts';
import { formatUsd } from '../plan/money.ts';
import type { PriceList } from '../plan/prices.ts';
import { type RestorePlan as CostPlan, exceedsBudget, planRestore, type WantedPack } from '../plan/restore-plan.ts';
import type { ThawLook } from '../store/thaw.ts';
import type { RestorePlan } from './restore-options.ts';
import type { PackReads } from './restore-reads.ts';
import { FETCH_RATE } from './thaw-asking.ts';
import type { ThawOptions } from './thaw-options.ts';
import type { ThawSource } from './thaw-source.ts';

const PAGE = 1000;
const DAY_SECONDS = 86_400;
/** Days beyond what fetching takes: a person who comes back by hand does so later than a program that waits. */
const SLACK_DAYS = { waits: 1, returns: 3 } as const;

/** Plans what a restore costs. */
export function offerOf(
  plan: RestorePlan,
  reads: PackReads,
  looks: ReadonlyMap<string, ThawLook>,
  {
    source,
    prices,
    options,
  }: { readonly source: ThawSource; readonly prices: PriceList; readonly options: ThawOptions },
): CostPlan {
  const packs = [...wanted(reads, looks)];
  const seconds = packs.reduce((sum, { wantedBytes }) => sum + wantedBytes, 0) / FETCH_RATE;
  const slack = options.waits ? SLACK_DAYS.waits : SLACK_DAYS.returns;
  return planRestore({
    packs,
    files: plan.files - plan.filesUnchanged,
    fileBytes: plan.bytes,
    options: {
      days: options.days ?? slack + Math.floor(seconds / DAY_SECONDS),
      egress: options.egress,
      lists: Math.ceil(reads.archived.length / PAGE),
    },
    ...(options.tier === undefined ? {} : { tier: options.tier }),
    terms: { provider: source.provider, prices },
  });
}

/**
 * Stops a restore that cannot be done as asked, or costs more than it may.
 * @throws kind `user`, `no-thaw`, `tier-not-offered`; kind `cost`, `cost-unknown`, `cost-limit`
 */
export function requirePossible(cost: CostPlan, maxCost: number | undefined): void {
  for (const refusal of cost.refusals) {
    if (refusal.code === 'no-thaw') {
      throw new IcecoreError(
        'user',
        'no-thaw',
        `${cost.prices.provider} cannot thaw ${refusal.storageClass} through S3`,
        {
          hint: "give a command that does it with --thaw-command, or thaw the packs with the provider's own tools and restore then",
        },
      );
    }
    if (refusal.code === 'tier-not-offered') {
      const message = `${refusal.storageClass} is not thawed in the tier ${refusal.tier}`;
      throw new IcecoreError('user', 'tier-not-offered', message, { hint: 'restore --plan shows the tiers' });
    }
  }
  if (maxCost === undefined || !exceedsBudget(cost, maxCost)) return;
  const total = cost.way?.money.total;
  if (total === undefined || total === 'unknown') {
    const { provider, region } = cost.prices;
    throw new IcecoreError(
      'cost',
      'cost-unknown',
      `what this costs is not known: there are no prices of ${provider} in ${region}`,
      {
        hint: 'give them with --prices FILE, or restore without --max-cost',
      },
    );
  }
  throw new IcecoreError(
    'cost',
    'cost-limit',
    `this costs ${formatUsd(total)}, more than --max-cost ${maxCost} allows`,
    {
      hint: 'a slower tier, or less to restore, costs less; restore --plan shows what',
      data: { usd: total, limit: maxCost },
    },
  );
}

function* wanted(reads: PackReads, looks: ReadonlyMap<string, ThawLook>): Generator<WantedPack> {
  for (const { storageClass, packs, bytes, wantedBytes, gets } of reads.online) {
    yield { name: storageClass, size: bytes, storageClass, wantedBytes, gets, packs, state: { type: 'online' } };
  }
  for (const pack of reads.archived) {
    const look = looks.get(pack.name);
    const { archiveTier, storageClass = pack.storageClass, state = { type: 'online' } as const } = look ?? {};
    yield { ...pack, storageClass, ...(archiveTier === undefined ? {} : { archiveTier }), state };
  }
}
