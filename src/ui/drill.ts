/** What people read of a fire drill. Owns wording. */
import { formatBytes, formatCount, formatDuration } from '../base/units.ts';
import { formatUsd } from '../plan/money.ts';
import type { DrillStats } from '../work/drill.ts';
import { escapeText } from './escape.ts';
import { count, paceOf } from './figures.ts';
import { shortId } from './snapshots.ts';
import { requestFields } from './summaries.ts';
import { renderFields } from './table.ts';

/** The end of a drill; `isVerbose` also tells requests that nobody bills. */
export function drillSummary(stats: DrillStats, isVerbose: boolean): string[] {
  const { restore, sources } = stats;
  const compared = [
    sources.same > 0 ? `${formatCount(sources.same)} the same` : '',
    sources.changed > 0 ? `${formatCount(sources.changed)} changed since, or gone` : '',
    sources.differ > 0 ? `${formatCount(sources.differ)} with other content` : '',
  ].filter(Boolean);
  const fields = renderFields([
    ['snapshot', shortId(stats.snapshot)],
    ['files', `${formatCount(stats.files)} of ${formatCount(stats.candidates)}, ${formatBytes(stats.bytes)}`],
    ['restored', `${count(stats.filesVerified, 'file')}, read again and compared`],
    ...(compared.length > 0 ? [['sources', compared.join(', ')] as const] : []),
    ['fetched', formatBytes(restore.bytesFetched)],
    ...requestFields(restore, isVerbose),
    ...(stats.cost === undefined ? [] : [['cost', `${formatUsd(stats.cost.total)}, by its plan`] as const]),
    ['time', `${formatDuration(stats.seconds * 1000)}${paceOf(restore.bytesWritten, stats.seconds)}`],
    ['seed', escapeText(stats.seed)],
  ]);
  return [...fields, resultOf(stats)];
}

function resultOf({ result, files, filesVerified, sources }: DrillStats): string {
  switch (result) {
    case 'passed':
      return 'the drill passed: every file came back as it was backed up';
    case 'failed': {
      const lost = files - filesVerified;
      if (lost > 0) return `the drill failed: ${count(lost, 'file')} did not come back as backed up`;
      return sources.differ > 0
        ? `the drill failed: ${count(sources.differ, 'file')} came back as backed up, and the source differs`
        : 'the drill failed: every file came back, and something else went wrong';
    }
    case 'warming':
      return 'archived packs are warming: the drill is not over';
    case 'declined':
    case 'planned':
      return 'nothing was restored';
  }
}
