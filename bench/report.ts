/**
 * Turns the results of a comparison into medians and ratios, and these into a table. A ratio is formed within a round,
 * between runs that were close together in time, and the median is taken of the ratios: that forgives a machine whose
 * speed changes from minute to minute. Below 1 is better than the baseline in every column.
 */
import type { Result } from './rounds.ts';
import type { Leg } from './tools/tool.ts';

/** Figures of one tool in one column of a table. */
export interface Figure {
  readonly data: string;
  readonly tool: string;
  readonly leg: Leg;
  readonly measure: Measured;
  readonly runs: number;
  readonly median: number;
  /** Of the baseline's figure in the same round; left out when there is no such round. */
  readonly ratio?: number;
}

/** What is measured of a run. */
export type Measured = 'seconds' | 'cpuSeconds' | 'peakRssBytes' | 'storedBytes';

interface Section {
  readonly measure: Measured;
  readonly title: string;
  /** Size of the unit that is shown. */
  readonly unit: number;
  readonly digits: number;
  readonly legs: readonly Leg[];
}

const ALL_LEGS = ['first', 'unchanged', 'changed', 'restore', 'verify'] as const;
const SECTIONS: readonly Section[] = [
  { measure: 'seconds', title: 'seconds', unit: 1, digits: 2, legs: ALL_LEGS },
  { measure: 'cpuSeconds', title: 'CPU seconds', unit: 1, digits: 2, legs: ALL_LEGS },
  { measure: 'peakRssBytes', title: 'peak memory, MB', unit: 1e6, digits: 0, legs: ALL_LEGS },
  { measure: 'storedBytes', title: 'stored, MB', unit: 1e6, digits: 1, legs: ['first', 'changed'] },
];

/** The median; of an even number, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Medians and ratios of all results, in the order of the results. */
export function summarise(results: readonly Result[], baseline: string): Figure[] {
  const figures: Figure[] = [];
  const groups = Map.groupBy(results, ({ data, tool, leg }) => `${data} ${tool} ${leg}`);
  for (const group of groups.values()) {
    const { data, tool, leg } = group[0]!;
    for (const { measure } of SECTIONS) {
      const runs = group.filter((run) => run[measure] !== undefined);
      if (runs.length === 0) continue;
      const ratios = runs.flatMap((run) => {
        const other = results.find(
          (it) => it.data === data && it.leg === leg && it.round === run.round && it.tool === baseline,
        );
        return other?.[measure] === undefined ? [] : [run[measure]! / other[measure]];
      });
      figures.push({
        data,
        tool,
        leg,
        measure,
        runs: runs.length,
        median: median(runs.map((run) => run[measure]!)),
        ...(ratios.length === 0 ? {} : { ratio: median(ratios) }),
      });
    }
  }
  return figures;
}

/** Tables of one data set's figures: a section a measure, a row a tool, a column a leg. */
export function renderTables(figures: readonly Figure[], tools: readonly string[], baseline: string): string {
  const tables = SECTIONS.flatMap(({ measure, title, unit, digits, legs }) => {
    const shown = figures.filter((figure) => figure.measure === measure);
    const columns = legs.filter((leg) => shown.some((figure) => figure.leg === leg));
    if (columns.length === 0) return [];
    const rows = tools.map((tool) => [
      { text: tool, ratio: '' },
      ...columns.map((leg) => {
        const figure = shown.find((it) => it.tool === tool && it.leg === leg);
        if (!figure) return { text: '–', ratio: '' };
        const ratio = tool === baseline || figure.ratio === undefined ? '' : `(${figure.ratio.toFixed(2)})`;
        return { text: (figure.median / unit).toFixed(digits), ratio };
      }),
    ]);
    return [align([[title, ...columns].map((text) => ({ text, ratio: '' })), ...rows])];
  });
  return tables.join('\n\n');
}

/** Lines up the first column at its left, figures at their right, and ratios below each other. */
function align(rows: readonly (readonly { readonly text: string; readonly ratio: string }[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.text.length)));
  return rows
    .map((row) =>
      row
        .map(({ text, ratio }, column) =>
          column === 0 ? text.padEnd(widths[0]!) : `${text.padStart(widths[column]! + 2)} ${ratio.padEnd(7)}`,
        )
        .join('')
        .trimEnd(),
    )
    .join('\n');
}
