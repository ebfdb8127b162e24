/**
 * What `doctor` shows people: groups of findings, each with what to change below it, and a last line that says how it
 * stands. Owns layout and wording of the whole; each finding's words are its check's.
 */
import { formatBytes, formatDuration } from '../base/units.ts';
import type { DoctorStats } from '../work/doctor.ts';
import type { DoctorFinding, Severity } from '../work/doctor-check.ts';
import { escapeText } from './escape.ts';
import { count } from './figures.ts';
import { wrap } from './width.ts';

const LABELS: Readonly<Record<Severity, string>> = { ok: 'ok', note: 'note', warning: 'warning', error: 'ERROR' };
const COLOURS: Readonly<Record<Severity, number>> = { ok: 32, note: 36, warning: 33, error: 31 };
const LABEL_WIDTH = 7;
const INDENT = ' '.repeat(2 + LABEL_WIDTH + 2);

/** How findings are shown. */
export interface DoctorStyle {
  /** Width of the terminal; undefined where there is none, and then nothing is wrapped. */
  readonly columns: number | undefined;
  readonly inColour: boolean;
}

/** The heading of a group. */
export function doctorHeading(group: string): string {
  return group;
}

/** One finding: what is so, what to change, and what to paste. */
export function doctorFindingLines(finding: DoctorFinding, { columns, inColour }: DoctorStyle): string[] {
  const { severity, message, hint, document } = finding;
  const label = LABELS[severity].padEnd(LABEL_WIDTH);
  const shown = inColour ? `\u001b[${COLOURS[severity]}m${label}\u001b[39m` : label;
  const [first = '', ...others] = broken(escapeText(message), columns);
  return [
    `  ${shown}  ${first}`,
    ...others.map((line) => INDENT + line),
    ...(hint === undefined ? [] : broken(`to do: ${escapeText(hint)}`, columns).map((line) => INDENT + line)),
    // Never broken nor escaped into something else: it is there to be copied.
    ...(document === undefined
      ? []
      : JSON.stringify(document, null, 2)
          .split('\n')
          .map((line) => INDENT + line)),
  ];
}

/** The end of `doctor`. */
export function doctorSummary(stats: DoctorStats): string[] {
  const { error, warning, note, ok } = stats.counts;
  const parts = [
    error > 0 ? count(error, 'error') : '',
    warning > 0 ? count(warning, 'warning') : '',
    note > 0 ? count(note, 'note') : '',
    `${ok} ok`,
  ].filter(Boolean);
  const asked = Object.values(stats.requests).reduce((sum, requests) => sum + requests, 0);
  const result =
    error > 0 ? 'this has to be changed' : warning > 0 ? 'this should be changed' : 'nothing has to be changed';
  return [
    '',
    `${count(asked, 'request')}, ${formatBytes(stats.bytesSent)} sent, ${formatDuration(stats.seconds * 1000)}`,
    `${result}: ${parts.join(', ')}`,
  ];
}

function broken(text: string, columns: number | undefined): string[] {
  return columns === undefined ? [text] : wrap(text, Math.max(20, columns - INDENT.length));
}
