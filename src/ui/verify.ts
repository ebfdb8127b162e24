/** What people read of `verify`: what it will ask for, what was found, and what that means. Owns wording. */
import { formatBytes, formatCount, formatDuration } from '../base/units.ts';
import { formatUsd } from '../plan/money.ts';
import type { PriceList } from '../plan/prices.ts';
import type { RestoreMoney } from '../plan/restore-cost.ts';
import type { VerifyPlan } from '../plan/verify-cost.ts';
import type { Finding, VerifyStats } from '../work/verify.ts';
import { escapeText } from './escape.ts';
import { count, paceOf } from './figures.ts';
import { requestFields } from './summaries.ts';
import { renderFields } from './table.ts';

type Level = 'list' | 'checksums' | 'data';

/** What a check is about to ask of the store, and what that costs, in a line; none when it asks for nothing. */
export function verifyPlan(plan: VerifyPlan, cost: RestoreMoney, prices: PriceList): string[] {
  const looks = plan.parts.reduce((sum, part) => sum + part.looks, 0);
  const reads = plan.parts.reduce((sum, part) => sum + part.reads, 0);
  const bytes = plan.parts.reduce((sum, part) => sum + part.bytes, 0);
  const asked = [
    ...(looks > 0 ? [`${count(looks, 'request')} for checksums`] : []),
    ...(reads > 0 ? [`${count(reads, 'request')} that read ${formatBytes(bytes)}`] : []),
  ];
  if (asked.length === 0) return [];
  const what = `this takes ${asked.join(' and ')}`;
  if (cost.total === 'unknown') {
    const place = escapeText(`${prices.provider}, region ${prices.region}`);
    return [`${what}; what that costs is not known for ${place}: --prices can say it`];
  }
  const egress = cost.egress === 0 ? '' : `, ${formatUsd(cost.egress)} of it for sending it to the internet`;
  return [`${what}, and costs ${formatUsd(cost.total)}${egress} (prices of ${prices.asOf ?? 'an unknown date'})`];
}

/** The end of `verify`; `isVerbose` also tells requests that nobody bills. */
export function verifySummary(stats: VerifyStats, level: Level, isVerbose = false): string[] {
  const fields = renderFields([
    ['snapshots', formatCount(stats.snapshots)],
    ['packs', packsOf(stats, level)],
    ...(stats.packsArchived > 0 ? [['archived', `${count(stats.packsArchived, 'pack')}, not read`] as const] : []),
    ['chunks', formatCount(stats.chunks)],
    ['read', formatBytes(stats.bytesRead)],
    ...requestFields(stats, isVerbose),
    ['time', `${formatDuration(stats.seconds * 1000)}${paceOf(stats.bytesRead, stats.seconds)}`],
  ]);
  const damaged = `${count(stats.findings.length, 'object')} damaged`;
  return [...fields, ...(stats.findings.length === 0 ? soundness(stats, level) : [damaged])];
}

function packsOf(stats: VerifyStats, level: Level): string {
  if (level === 'data') return `${formatCount(stats.packsRead)} of ${formatCount(stats.packs)} read`;
  if (!stats.stored) return formatCount(stats.packs);
  const { packsCompared, packsReported } = stats.stored;
  const reported = packsReported > 0 ? `, ${formatCount(packsReported)} as reported by S3` : '';
  return `${formatCount(packsCompared)} of ${formatCount(stats.packs)} compared${reported}`;
}

/** What a run without findings has shown, and what it has not. */
function soundness({ stored, packsArchived }: VerifyStats, level: Level): string[] {
  if (level === 'data') {
    const rest = 'archived packs were not read: --level checksums compares what the store keeps of them';
    return ['what was read is as it was written', ...(packsArchived > 0 ? [rest] : [])];
  }
  if (!stored) return ['everything that is needed is there'];
  const { packsUnmarked, packsRewritten } = stored;
  if (packsUnmarked === 0 && packsRewritten === 0)
    return ['everything is there, and what the store keeps of each pack is what was written'];
  const unproven = count(packsUnmarked + packsRewritten, 'pack');
  return [
    'everything that is needed is there, with its size',
    `the store keeps nothing that tells the content of ${unproven}: --level data is what proves it`,
  ];
}

/** What one damaged object means, with at most `paths` of the paths concerned. */
export function findingLines(finding: Finding, paths: number): string[] {
  const shown = finding.paths.slice(0, paths);
  const hidden = finding.pathCount - shown.length;
  const lines = [`damaged  ${escapeText(finding.object)}: ${escapeText(finding.message)}`];
  if (finding.snapshots.length > 0) lines.push(`         needed by ${count(finding.snapshots.length, 'snapshot')}`);
  for (const path of shown) lines.push(`         ${escapeText(path)}`);
  if (hidden > 0) lines.push(`         and ${count(hidden, 'more path', 'more paths')}`);
  return lines;
}
