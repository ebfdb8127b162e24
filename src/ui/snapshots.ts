/** Snapshots for people: the table of `snapshots`, and the short ids that other outputs use. */
import { rawToDisplay } from '../base/raw.ts';
import { formatBytes } from '../base/units.ts';
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
    snapshotNote(snapshot),
  ]);
  return renderTable(COLUMNS, rows, options);
}

/** One line that says which snapshot is meant: `01KA8Y2Q7X of 2026-11-17 10:05 (host: /home)`. */
export function snapshotLine(snapshot: SnapshotInfo): string {
  const paths = snapshot.paths.map(rawToDisplay).join(', ');
  return `${shortId(snapshot.id)} of ${localTime(Date.parse(snapshot.time))} (${snapshot.host}: ${paths})`;
}
