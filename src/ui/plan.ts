/**
 * What people read of a plan to restore: what has to be thawed, and every way to do it with its money and hours. Owns
 * wording and layout; the figures are plan/restore-plan.ts's.
 */
import { formatBytes, formatCount } from '../base/units.ts';
import { formatUsd } from '../plan/money.ts';
import type { Usd } from '../plan/prices.ts';
import type { RestoreOption } from '../plan/restore-cost.ts';
import type { RestorePlan as CostPlan, PackTotals } from '../plan/restore-plan.ts';
import type { RestorePlan } from '../work/restore-options.ts';
import { escapeText } from './escape.ts';
import { count, localTime } from './figures.ts';
import { restorePlan } from './summaries.ts';
import { type Column, renderTable } from './table.ts';

const right = (title: string): Column => ({ title, align: 'right' });

/** The plan of a restore; `cost` where the store bills for it. */
export function restoreOffer(plan: RestorePlan, target: string, cost: CostPlan | undefined): string[] {
  if (!cost) return restorePlan(plan, target);
  const lines = restorePlan(plan, target, packFields(cost));
  return [...lines, '', ...wayTable(cost), ...refusalLines(cost), priceLine(cost)];
}

/** The question before packs are thawed. */
export function thawQuestion(cost: CostPlan): string {
  const { cold, warming, way } = cost;
  const money = way ? formatUsd(way.money.total) : 'unknown';
  const price = money === 'unknown' ? 'at a price that is not known' : `for ${money}`;
  if (cold.packs === 0)
    return `wait for ${count(warming.packs, 'pack')} that ${warming.packs === 1 ? 'warms' : 'warm'} already, and restore ${price}? [y/N] `;
  const tier = way?.tier === undefined ? '' : ` in the tier ${way.tier}`;
  return `thaw ${count(cold.packs, 'pack')}${tier} and restore ${price}, ${readyText(way)}? [y/N] `;
}

/** The question before packs that are warming are asked for in a faster tier. */
export function upgradeQuestion(packs: number, usd: Usd): string {
  const price = usd === 'unknown' ? 'at a price that is not known' : `for ${formatUsd(usd)} on top`;
  return `ask for ${count(packs, 'pack')} that ${packs === 1 ? 'is' : 'are'} warming to come faster, ${price}? [y/N] `;
}

/** When a way is through: `up to 48 h`. */
export function readyText(way: RestoreOption | undefined): string {
  if (way?.tier === undefined) return 'at once';
  return way.maxHours < 1 ? `within ${Math.ceil(way.maxHours * 60)} min` : `within ${Math.ceil(way.maxHours)} h`;
}

function packFields({ cold, warming, warm, amplification }: CostPlan): (readonly [string, string])[] {
  const fields: (readonly [string, string])[] = [];
  const add = (name: string, totals: PackTotals, more = ''): void => {
    if (totals.packs > 0) fields.push([name, `${formatBytes(totals.bytes)} in ${count(totals.packs, 'pack')}${more}`]);
  };
  const ratio = amplification === undefined ? '' : `, ${formatRatio(amplification)} for each byte that is wanted`;
  add('to thaw', cold, ratio);
  add('warming', warming, ', asked for already');
  add('warm', warm, warm.until === undefined ? '' : `, until ${localTime(warm.until)}`);
  return fields;
}

/** A little less than 1 is what whole packs come to: ranges are fetched in blocks, which two of them may share. */
function formatRatio(amplification: number): string {
  const ratio = Math.max(1, amplification);
  const bytes = ratio < 9.95 ? ratio.toFixed(1) : formatCount(ratio);
  return `${bytes} ${bytes === '1.0' ? 'byte' : 'bytes'}`;
}

/** The way that is taken has an asterisk. */
function wayTable({ ways, way, days, cold }: CostPlan): string[] {
  if (ways.length === 0) return [];
  const columns: Column[] = [
    { title: '', optional: true },
    { title: 'tier', optional: true },
    right('retrieval'),
    right('requests'),
    right(`copies, ${count(days, 'day')}`),
    right('sending it'),
    right('total'),
    { title: 'ready' },
  ];
  const rows = ways.map((option) => {
    const { retrieval, requests, temporaryStorage, egress, total } = option.money;
    const mark = option === way && ways.length > 1 ? '*' : '';
    const name = option.tier ?? '';
    if (option.refusal)
      return [mark, name, '', '', '', '', '', `not offered for ${escapeText(option.refusal.storageClass)}`];
    const copies = cold.packs === 0 ? '' : formatUsd(temporaryStorage);
    return [
      mark,
      name,
      formatUsd(retrieval),
      formatUsd(requests),
      copies,
      formatUsd(egress),
      formatUsd(total),
      readyText(option),
    ];
  });
  return renderTable(columns, rows);
}

function refusalLines({ refusals }: CostPlan): string[] {
  return refusals.flatMap((refusal) =>
    refusal.code === 'no-thaw'
      ? [
          `what lies in ${escapeText(refusal.storageClass)} cannot be thawed through S3: --thaw-command names a command that does it`,
        ]
      : [],
  );
}

function priceLine({ prices }: CostPlan): string {
  const place = escapeText(`${prices.provider}, region ${prices.region}`);
  if (prices.asOf === undefined) return `prices of ${place} are not known: --prices FILE can say them`;
  return `prices of ${escapeText(prices.asOf)} for ${place}`;
}
