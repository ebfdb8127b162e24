/** Snapshots for people: the table of `snapshots`, and the short ids that other outputs use. */
import { rawToDisplay } from '../base/raw.ts';
import { formatBytes, formatPercentage } from '../base/units.ts';
import type { SnapshotInfo } from '../work/browse.ts';
import { escapeName, escapeText } from './escape.ts';
import { localTime } from './figures.ts';
import { type Column, renderTable } from './table.ts';

/** Ten characters of an id are its whole time in milliseconds: shorter ones differ only for snapshots far apart. */
const SHORTEST_ID = 10;

const COLUMNS: readonly Column[] = [
  { title: 'id' },
  { title: 'time' },
  { title: 'host' },
  { title: 'tags', optional: true },
  { title: 'size', align: 'right' },
  { title: 'paths', flexible: true },
  { title: 'verified', optional: true },
  { title: 'note', optional: true },
];

/** The length, at least ten, at which the ids of all given snapshots differ. */
export function shortIdLength(ids: readonly string[]): number {
  const sorted = ids.toSorted();
  let length = SHORTEST_ID;
  for (let i = 1; i < sorted.length; i++) {
    const [a, b] = [sorted[i - 1]!, sorted[i]!];
    let same = 0;
    while (same < a.length && a[same] === b[same]) same++;
    if (same < a.length) length = Math.max(length, same + 1);
  }
  return length;
}

/** The id of one snapshot, short, for messages. */
export function shortId(id: string): string {
  return id.slice(0, SHORTEST_ID);
}

/** What is special about a snapshot: `partial`, `incomplete`. */
export function snapshotNote(snapshot: SnapshotInfo): string {
  // What was interrupted is incomplete by that alone.
  const isIncomplete = snapshot.errors > 0 || !(snapshot.complete || snapshot.partial);
  return [snapshot.partial ? 'partial' : '', isIncomplete ? 'incomplete' : ''].filter(Boolean).join(', ');
}

const DEPTHS = ['list', 'checksums', 'data'] as const;

/**
 * What this host has verified of a snapshot: `data 2026-11-02, data 5% 2026-11-20`. The deepest check comes first, and
 * others only when they are newer, since a deeper one says all that a flatter one does.
 */
export function verifiedNote(checks: SnapshotInfo['verified']): string {
  const shown: string[] = [];
  let newest = Number.NEGATIVE_INFINITY;
  const byDepth = (checks ?? []).toSorted(
    (a, b) => DEPTHS.indexOf(b.level) - DEPTHS.indexOf(a.level) || b.share - a.share,
  );
  for (const { level, time, share, isSound } of byDepth) {
    if (time < newest) continue;
    // A sample does not stand for what it has left out.
    if (share === 1) newest = time;
    const part = share < 1 ? ` ${formatPercentage(share)}` : '';
    shown.push(`${level}${part} ${localTime(time).slice(0, 10)}${isSound ? '' : ' damaged'}`);
  }
  return shown.join(', ');
}

/** The table of snapshots, in the order given. */
export function snapshotTable(
  snapshots: readonly SnapshotInfo[],
  options: { readonly columns?: number | undefined; readonly heading: boolean },
): string[] {
  const length = shortIdLength(snapshots.map((snapshot) => snapshot.id));
  const rows = snapshots.map((snapshot) => [
    snapshot.id.slice(0, length),
    localTime(Date.parse(snapshot.time)),
    escapeText(snapshot.host),
    escapeText(snapshot.tags.join(', ')),
    formatBytes(snapshot.bytes),
    snapshot.paths.map((path) => escapeName(path)).join(', '),
    verifiedNote(snapshot.verified),
    snapshotNote(snapshot),
  ]);
  return renderTable(COLUMNS, rows, options);
}

/** One line that says which snapshot is meant: `01KA8Y2Q7X of 2026-11-17 10:05 (host: /home)`. */
export function snapshotLine(snapshot: SnapshotInfo): string {
  const paths = snapshot.paths.map(rawToDisplay).join(', ');
  return `${shortId(snapshot.id)} of ${localTime(Date.parse(snapshot.time))} (${snapshot.host}: ${paths})`;
}
