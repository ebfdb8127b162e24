/** What people read of thaw jobs: how far they are, and when to come back. Owns wording and layout. */
import { formatAge, formatBytes, formatCount } from '../base/units.ts';
import type { ThawJobInfo } from '../work/thaw-jobs.ts';
import type { ThawStatus } from '../work/thaw-options.ts';
import { escapeText } from './escape.ts';
import { count, localTime } from './figures.ts';
import { renderTable } from './table.ts';

/** One line: `4 of 12 packs can be read, 8 are warming, due by 2026-11-04 10:30; 30 files wait`. */
export function thawStatusLine(status: ThawStatus): string {
  const { needed, readable, warming, cold, due, filesWaiting, time } = status;
  const parts = [`${formatCount(readable)} of ${count(needed, 'pack')} can be read`];
  if (warming > 0) parts.push(`${formatCount(warming)} ${warming === 1 ? 'is' : 'are'} warming${dueText(due, time)}`);
  if (cold > 0) parts.push(`${formatCount(cold)} ${cold === 1 ? 'is' : 'are'} cold`);
  const files = filesWaiting > 0 ? `; ${count(filesWaiting, 'file waits', 'files wait')}` : '';
  return parts.join(', ') + files;
}

/** The table of jobs, in the order given. */
export function thawJobTable(jobs: readonly ThawJobInfo[], now: number, columns: number | undefined): string[] {
  const rows = jobs.map((job) => [
    job.id,
    job.state,
    formatAge(now - Date.parse(job.time)),
    escapeText(job.host),
    `${formatCount(job.packs)} in ${formatBytes(job.bytes)}`,
    formatCount(job.asked),
    escapeText(job.target),
  ]);
  const definition = [
    { title: 'job' },
    { title: 'state' },
    { title: 'made' },
    { title: 'host' },
    { title: 'packs', align: 'right' as const },
    { title: 'asked for', align: 'right' as const },
    { title: 'target', flexible: true },
  ];
  return renderTable(definition, rows, { columns });
}

function dueText(due: ThawStatus['due'], time: number): string {
  if (due === undefined) return '';
  if (due.until < time) return ' and late';
  return due.from > time
    ? `, due from ${localTime(due.from)} to ${localTime(due.until)}`
    : `, due by ${localTime(due.until)}`;
}
