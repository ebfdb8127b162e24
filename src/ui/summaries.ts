/**
 * What people read at the end of a run, and plans before one: a few aligned fields, the result in the last line.
 * Owns wording; the figures are the verbs'.
 */
import { formatBytes, formatCount, formatDuration } from '../base/units.ts';
import type { RequestStats } from '../store/request-counts.ts';
import type { BackupStats } from '../work/backup.ts';
import type { RestorePlan, RestoreStats } from '../work/restore.ts';
import { escapeText } from './escape.ts';
import { count, paceOf } from './figures.ts';
import { shortId } from './snapshots.ts';
import { renderFields } from './table.ts';

type Field = readonly [name: string, value: string];

/** The end of `backup`; `isVerbose` also tells requests that nobody bills. */
export function backupSummary(stats: BackupStats, isDryRun: boolean, isVerbose = false): string[] {
  const files = [
    `${formatCount(stats.filesNew)} new`,
    `${formatCount(stats.filesChanged)} changed`,
    `${formatCount(stats.filesUnchanged)} unchanged`,
  ];
  const left = [
    stats.excluded > 0 ? `${formatCount(stats.excluded)} excluded` : '',
    stats.skipped > 0 ? `${formatCount(stats.skipped)} skipped` : '',
    stats.vanished > 0 ? `${formatCount(stats.vanished)} vanished` : '',
  ].filter(Boolean);
  const fields: Field[] = [
    ['files', files.join(', ')],
    ...(left.length > 0 ? [['left out', left.join(', ')] as const] : []),
    ['read', `${formatBytes(stats.bytesRead)} of ${formatBytes(stats.bytesScanned)}`],
  ];
  if (!isDryRun) {
    fields.push(['stored', `${formatBytes(stats.bytesStored)} for ${formatBytes(stats.bytesNew)} of new data`]);
  }
  fields.push(...requestFields(stats, isVerbose));
  fields.push(['time', `${formatDuration(stats.seconds * 1000)}${paceOf(stats.bytesRead, stats.seconds)}`]);
  return [...renderFields(fields), ...backupResult(stats, isDryRun)];
}

function backupResult(stats: BackupStats, isDryRun: boolean): string[] {
  if (isDryRun) return ['dry run: nothing was written'];
  if (stats.snapshot === undefined) return ['no snapshot was made'];
  const id = shortId(stats.snapshot);
  if (stats.partial) return [`interrupted: partial snapshot ${id} is kept, and the next run goes on from it`];
  if (stats.errors > 0) {
    return [
      `snapshot ${id} is saved, but ${count(stats.errors, 'item')} could not be read and ${stats.errors === 1 ? 'is' : 'are'} not in it`,
    ];
  }
  return [`snapshot ${id} is saved`];
}

/** What `restore --plan` shows; `more` is about packs. */
export function restorePlan(plan: RestorePlan, target: string, more: readonly Field[] = []): string[] {
  return renderFields([
    ['files', unchanged(formatCount(plan.files), plan.filesUnchanged)],
    ['directories', formatCount(plan.dirs)],
    ...(plan.others > 0 ? [['others', formatCount(plan.others)] as const] : []),
    ['size', formatBytes(plan.bytes)],
    ['to fetch', `${formatBytes(plan.packBytes)} in ${count(plan.packs, 'pack')}`],
    ...more,
    ['target', escapeText(target)],
  ]);
}

/** The end of `restore`; `isVerbose` as above. */
export function restoreSummary(stats: RestoreStats, target: string, isVerbose = false): string[] {
  const files = [
    `${formatCount(stats.filesRestored)} restored`,
    stats.filesUnchanged > 0 ? `${formatCount(stats.filesUnchanged)} there already` : '',
    stats.filesSkipped > 0 ? `${formatCount(stats.filesSkipped)} skipped` : '',
    stats.filesRemoved > 0 ? `${formatCount(stats.filesRemoved)} removed` : '',
    stats.filesVerified > 0 ? `${formatCount(stats.filesVerified)} verified` : '',
    stats.filesFrozen > 0 ? `${formatCount(stats.filesFrozen)} waiting` : '',
  ].filter(Boolean);
  const result =
    stats.errors > 0
      ? `restored to ${target}, but ${count(stats.errors, 'item')} could not be restored`
      : stats.filesFrozen > 0
        ? stats.filesRestored > 0
          ? `restored to ${target}: what can be read so far`
          : `nothing of the rest can be read yet: ${target} is as it was`
        : `restored to ${target}`;
  return [
    ...renderFields([
      ['files', files.join(', ')],
      ['written', `${formatBytes(stats.bytesWritten)}, ${formatBytes(stats.bytesFetched)} fetched`],
      ...requestFields(stats, isVerbose),
      ['time', `${formatDuration(stats.seconds * 1000)}${paceOf(stats.bytesWritten, stats.seconds)}`],
    ]),
    escapeText(result),
  ];
}

/** `7 (3 put, 2 get, 2 list)`: always where requests are paid for. */
export function requestFields({ requests, billed }: RequestStats, isVerbose: boolean): Field[] {
  if (!isVerbose && billed === undefined) return [];
  const counts = Object.entries(requests).filter(([, n]) => n > 0);
  const total = counts.reduce((sum, [, n]) => sum + n, 0);
  const kinds = counts.map(([kind, n]) => `${formatCount(n)} ${kind}`).join(', ');
  return [['requests', kinds === '' ? '0' : `${formatCount(total)} (${kinds})`]];
}

function unchanged(files: string, there: number): string {
  return there > 0 ? `${files}, ${formatCount(there)} of them there already` : files;
}
