/** Entries of a snapshot for people: lines in the manner of `ls -l`, and the marks of `diff`. */
import type { Raw } from '../base/raw.ts';
import type { Entry, EntryType } from '../format/entry.ts';
import type { Difference, ListedEntry } from '../work/browse.ts';
import { escapeName, escapeText } from './escape.ts';
import { localTimeOf } from './figures.ts';
import { pad } from './width.ts';

const TYPE_LETTERS: Readonly<Record<EntryType, string>> = {
  file: '-',
  dir: 'd',
  symlink: 'l',
  fifo: 'p',
  block: 'b',
  char: 'c',
};
const MARKS: Readonly<Record<Difference['change'], string>> = {
  added: '+',
  removed: '-',
  modified: 'M',
  metadata: 'U',
  type: 'T',
};
/** So many entries are looked at before the first is printed, to find the widths of the columns. */
const PAGE = 500;

/** `drwxr-xr-x`: type and permissions, with setuid, setgid and sticky as `ls` shows them. */
export function modeText(entry: Pick<Entry, 'type' | 'mode'>): string {
  const { mode } = entry;
  const triple = (shift: number, special: number, letter: string): string => {
    const bits = mode >> shift;
    const executes = (bits & 1) !== 0;
    const last = (mode & special) === 0 ? (executes ? 'x' : '-') : executes ? letter : letter.toUpperCase();
    return (bits & 4 ? 'r' : '-') + (bits & 2 ? 'w' : '-') + last;
  };
  return TYPE_LETTERS[entry.type] + triple(6, 0o4000, 's') + triple(3, 0o2000, 's') + triple(0, 0o1000, 't');
}

/** A path with a slash behind a directory's, so that a list shows what is one. */
export function markedPath(path: Raw, entry: Entry): string {
  const shown = escapeName(path);
  return entry.type === 'dir' && !shown.endsWith('/') ? `${shown}/` : shown;
}

/**
 * Lines of `ls --long`. Columns are as wide as the first entries need; a wider value further on only widens its line
 * and those that follow. `prefix` is put before the path.
 */
export async function* longLines<T extends ListedEntry>(
  entries: AsyncIterable<T>,
  prefix: (entry: T) => string = () => '',
): AsyncGenerator<string> {
  const widths = [0, 0, 0];
  let page: T[] | undefined = [];
  const cellsOf = ({ entry }: T): string[] => [
    escapeText(entry.user ?? String(entry.uid)),
    escapeText(entry.group ?? String(entry.gid)),
    entry.rdev === undefined ? String(entry.size ?? 0) : `${entry.rdev.major}, ${entry.rdev.minor}`,
  ];
  const widen = (cells: readonly string[]): void => {
    for (const [i, cell] of cells.entries()) widths[i] = Math.max(widths[i]!, cell.length);
  };
  const lineOf = (listed: T): string => {
    const { path, entry } = listed;
    const cells = cellsOf(listed);
    widen(cells);
    const [user, group, size] = cells.map((cell, i) => pad(cell, widths[i]!, i === 2 ? 'right' : 'left'));
    const arrow = entry.target === undefined ? '' : ` -> ${escapeName(entry.target)}`;
    const flaw = entry.flaw === undefined ? '' : `  [${entry.flaw}]`;
    const name = prefix(listed) + escapeName(path);
    return `${modeText(entry)}  ${user}  ${group}  ${size}  ${localTimeOf(entry.mtime)}  ${name}${arrow}${flaw}`;
  };
  for await (const listed of entries) {
    if (page === undefined) {
      yield lineOf(listed);
      continue;
    }
    page.push(listed);
    widen(cellsOf(listed));
    if (page.length < PAGE) continue;
    for (const held of page) yield lineOf(held);
    page = undefined;
  }
  for (const held of page ?? []) yield lineOf(held);
}

/** One line of `diff`: `+ /added`, `- /removed`, `M /modified`, `U /metadata only`, `T /another type`. */
export function differenceLine(difference: Difference): string {
  const entry = difference.after ?? difference.before;
  const path = entry === undefined ? escapeName(difference.path) : markedPath(difference.path, entry);
  return `${MARKS[difference.change]} ${path}`;
}
