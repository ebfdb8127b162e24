/** What people read of `cost`: tables of money, and what they leave out. Owns wording and layout. */
import { formatBytes, formatCount } from '../base/units.ts';
import type { CostReport, WhatIf } from '../plan/cost.ts';
import { formatUsd } from '../plan/money.ts';
import type { RestoreOption } from '../plan/restore-cost.ts';
import type { CostStats, PricedRun } from '../work/cost.ts';
import { escapeText } from './escape.ts';
import { count, localTime } from './figures.ts';
import { type Column, renderTable } from './table.ts';

const right = (title: string): Column => ({ title, align: 'right' });

/** The whole answer. `days`: how long thawed copies are kept. */
export function costText(stats: CostStats, days: number): string[] {
  const { report, runs } = stats;
  return [
    ...placeLines(report),
    '',
    'a month of storage',
    ...indent(storageTable(report)),
    '',
    `were the data in another class (it is in ${stats.storageClass})`,
    ...indent(whatIfTable(report.whatIf)),
    '',
    `reading all of it back, with thawed copies kept for ${count(days, 'day')}`,
    ...indent(restoreTable(report.fullRestore)),
    '',
    `deleting all of it today would still be billed ${formatUsd(report.earlyDeleteUsd)} for the rest of minimum durations`,
    ...(runs.length === 0 ? [] : ['', 'the last runs of this host', ...indent(runTable(runs))]),
  ];
}

function placeLines({ provider, region, asOf, source, storage }: CostReport): string[] {
  const place = escapeText(`${provider}, region ${region}`);
  if (asOf === undefined && storage.monthlyUsd === 'unknown') {
    return [`prices for ${place} are not known: quantities only; --prices FILE can say them`];
  }
  return [
    `prices of ${escapeText(asOf ?? 'an unknown date')} for ${place}${source === undefined ? '' : ` (${escapeText(source)})`}`,
  ];
}

function storageTable({ storage }: CostReport): string[] {
  const columns = [
    { title: 'class' },
    { title: 'kind' },
    right('objects'),
    right('size'),
    right('billed'),
    right('a month'),
  ];
  const rows = storage.rows.map((row) => [
    escapeText(row.storageClass),
    row.kind,
    formatCount(row.objects),
    formatBytes(row.bytes),
    formatBytes(row.billedBytes + row.standardBytes),
    formatUsd(row.monthlyUsd),
  ]);
  const total = [
    'total',
    '',
    formatCount(storage.objects),
    formatBytes(storage.bytes),
    '',
    formatUsd(storage.monthlyUsd),
  ];
  return renderTable(columns, [...rows, total]);
}

function whatIfTable(whatIf: readonly WhatIf[]): string[] {
  const columns = [
    { title: 'class' },
    right('a month'),
    right('storing it'),
    right('kept at least'),
    right('reading it back'),
    { title: '' },
  ];
  const rows = whatIf.map(({ storageClass, monthlyUsd, uploadUsd, minimumDays, fullRestore }) => [
    storageClass,
    formatUsd(monthlyUsd),
    formatUsd(uploadUsd),
    minimumDays === 0 ? '' : count(minimumDays, 'day'),
    fullRestore ? formatUsd(fullRestore.money.total) : '',
    fullRestore ? waitText(fullRestore) : 'cannot be thawed through S3',
  ]);
  return renderTable(columns, rows);
}

function restoreTable(options: readonly RestoreOption[]): string[] {
  if (options.length === 0) return ['the provider does not thaw through S3'];
  const columns = [
    { title: 'tier', optional: true },
    right('retrieval'),
    right('requests'),
    right('copies'),
    right('sending it'),
    right('total'),
    { title: '' },
  ];
  const rows = options.map((option) => {
    const { retrieval, requests, temporaryStorage, egress, total } = option.money;
    const amounts = [retrieval, requests, temporaryStorage, egress, total].map(formatUsd);
    const refused = option.refusal && `not offered for ${option.refusal.storageClass}`;
    return [option.tier ?? '', ...(refused ? ['', '', '', '', ''] : amounts), refused ?? readyText(option)];
  });
  return renderTable(columns, rows);
}

/** `bulk, up to 48 h`, or `at once`. */
function waitText(option: RestoreOption): string {
  return option.tier === undefined ? 'at once' : `${option.tier}, ${readyText(option)}`;
}

function readyText({ tier, maxHours }: RestoreOption): string {
  if (tier === undefined) return 'at once';
  return `up to ${maxHours < 1 ? `${Math.ceil(maxHours * 60)} min` : `${Math.ceil(maxHours)} h`}`;
}

function runTable(runs: readonly PricedRun[]): string[] {
  const columns = [
    { title: 'ended' },
    { title: 'command' },
    right('requests'),
    right('stored'),
    right('fetched'),
    right('requests cost'),
    { title: '', optional: true },
  ];
  const rows = runs.map(({ time, command, billed, storedBytes, fetchedBytes, usd, unpriced }) => {
    const thaws = unpriced.reduce((sum, request) => sum + request.count, 0);
    return [
      localTime(Date.parse(time)),
      escapeText(command),
      formatCount(billed.reduce((sum, request) => sum + request.count, 0)),
      formatBytes(storedBytes),
      formatBytes(fetchedBytes),
      formatUsd(usd),
      thaws > 0 ? `and ${count(thaws, 'thaw request')}, priced by tier` : '',
    ];
  });
  return renderTable(columns, rows);
}

function indent(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}
