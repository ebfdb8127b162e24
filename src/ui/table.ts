/** Lays rows out in aligned columns. Owns spacing only: cells are texts that are already formatted and escaped. */
import { cutEnd, displayWidth, pad } from './width.ts';

/** A column: its heading and the side that its cells keep to. */
export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** Left out when every cell is empty. */
  readonly optional?: boolean;
  /** May be cut when the table is wider than the terminal. At most one column should say so. */
  readonly flexible?: boolean;
}

const GAP = '  ';
const NARROWEST = 12;

/**
 * Renders a table, two spaces between columns, no trailing blanks.
 * @param columns how wide the terminal is; undefined where it is none, and then nothing is cut
 * @returns lines, the heading first (unless `heading` is false)
 */
export function renderTable(
  definition: readonly Column[],
  rows: readonly (readonly string[])[],
  options: { readonly columns?: number | undefined; readonly heading?: boolean } = {},
): string[] {
  const heading = options.heading ?? true;
  const shown = definition
    .map((column, index) => ({ column, index }))
    .filter(({ column, index }) => !column.optional || rows.some((row) => (row[index] ?? '') !== ''));
  const widths = shown.map(({ column, index }) =>
    rows.reduce((width, row) => Math.max(width, displayWidth(row[index] ?? '')), heading ? column.title.length : 0),
  );
  const total = widths.reduce((sum, width) => sum + width, GAP.length * (widths.length - 1));
  const flexible = shown.findIndex(({ column }) => column.flexible);
  if (options.columns !== undefined && flexible >= 0 && total > options.columns) {
    widths[flexible] = Math.max(NARROWEST, widths[flexible]! - (total - options.columns));
  }
  const layOut = (cells: readonly string[]): string =>
    shown
      .map(({ column, index }, at) => pad(cutEnd(cells[index] ?? '', widths[at]!), widths[at]!, column.align))
      .join(GAP)
      .trimEnd();
  const lines = rows.map(layOut);
  return heading ? [layOut(definition.map((column) => column.title)), ...lines] : lines;
}

/** Lays out names and values in two columns: `repository  /mnt/backup`. */
export function renderFields(fields: readonly (readonly [name: string, value: string])[]): string[] {
  return renderTable([{ title: '' }, { title: '' }], fields, { heading: false });
}
