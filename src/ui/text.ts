/**
 * Messages for people: `icecore: error: …`, then `icecore: hint: …`. Lower case, no full stop, one line each, escaped.
 * Owns wording that several commands share; tables and summaries have files of their own.
 */
import { IcecoreError, messageOf } from '../base/errors.ts';
import type { Problem } from '../base/monitor.ts';
import { formatDuration } from '../base/units.ts';
import type { WaitNotice } from '../store/s3-options.ts';
import { escapeName, escapeText } from './escape.ts';

const PROGRAM = 'icecore';

/** How strongly a message is meant. */
export type Tone = 'error' | 'warning' | 'hint' | 'note';

/** One line of a message, with its prefix; a note has only the program's name. Colour is the caller's decision. */
export function messageLine(tone: Tone, text: string, inColour = false): string {
  const shown = escapeText(text);
  if (tone === 'note') return `${PROGRAM}: ${shown}`;
  const label = inColour ? `\u001b[${COLOURS[tone]}m${tone}:\u001b[39m` : `${tone}:`;
  return `${PROGRAM}: ${label} ${shown}`;
}

const COLOURS: Readonly<Record<Exclude<Tone, 'note'>, number>> = { error: 31, warning: 33, hint: 36 };

/** What people are told of a failure: what went wrong, and what can be done where something can. */
export interface Report {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly path?: string;
  readonly object?: string;
}

/** Takes anything that was thrown. Errors that are not ours are reported with the advice to tell us. */
export function reportOf(error: unknown): Report {
  if (error instanceof IcecoreError) {
    const { path, object } = error.data;
    return {
      code: error.code,
      message: error.message,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      ...(typeof path === 'string' ? { path } : {}),
      ...(typeof object === 'string' ? { object } : {}),
    };
  }
  return {
    code: 'unexpected',
    message: messageOf(error) || 'something unexpected happened',
    hint: 'this should not happen: please report it, with what ICECORE_DEBUG=1 prints',
  };
}

/** The lines of a failure. */
export function failureLines(report: Report, inColour = false): string[] {
  const lines = [messageLine('error', firstLower(report.message), inColour)];
  if (report.hint !== undefined) lines.push(messageLine('hint', report.hint, inColour));
  return lines;
}

/** What people are told while the store makes us wait. */
export function waitText({ reason, attempt, delayMs }: WaitNotice): string {
  const why = { throttled: 'throttled', unreachable: 'no answer', 'server-error': 'the store failed' }[reason];
  return `${why}, attempt ${attempt + 1} in ${formatDuration(delayMs)}`;
}

/** The line of a problem that did not stop the run. */
export function problemLine(problem: Problem, inColour = false): string {
  const about = problem.path === undefined ? problem.object : escapeName(problem.path);
  const text = about === undefined ? problem.message : `${about}: ${problem.message}`;
  return messageLine(problem.severity, text, inColour);
}

/** Messages of the platform begin with a capital now and then; a word in capitals (`ENOENT`) stays. */
function firstLower(text: string): string {
  return /^[A-Z][a-z]/.test(text) ? text[0]!.toLowerCase() + text.slice(1) : text;
}
