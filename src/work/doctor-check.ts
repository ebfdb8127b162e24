/**
 * What a check of `doctor` is, and what it says. A check asks one thing and judges the answer; the groups of checks are
 * lists in doctor-*.ts, so that a new one is an entry there and nothing else.
 */
import type { DoctorWorld } from './doctor-world.ts';

/** `note`: worth knowing; `warning`: should be changed; `error`: backups fail, or are in danger. */
export type Severity = 'ok' | 'note' | 'warning' | 'error';

/** What came of a check. Texts are one line, lower case, without a full stop. */
export interface Verdict {
  readonly severity: Severity;
  readonly message: string;
  /** What to change. */
  readonly hint?: string;
  /** JSON to paste where the hint says. */
  readonly document?: object;
}

/** One thing that is looked at. */
export interface Check {
  /** Stable, kebab-case; what scripts match on. */
  readonly code: string;
  /** Whether there is anything to look at here; always, when absent. */
  appliesTo?(world: DoctorWorld): boolean | Promise<boolean>;
  /** Looks. What it throws of kind `store` or `user` becomes an error of its own. */
  run(world: DoctorWorld): Promise<Verdict | readonly Verdict[]>;
}

/** Checks that belong together. */
export interface CheckGroup {
  readonly name: string;
  readonly checks: readonly Check[];
}

/** A verdict, and which check it is from. */
export interface DoctorFinding extends Verdict {
  readonly group: string;
  readonly code: string;
}

/** All is well, and this is what was seen. */
export function ok(message: string): Verdict {
  return { severity: 'ok', message };
}

/** Makes a verdict that is worth knowing. */
export function note(message: string, hint?: string, document?: object): Verdict {
  return verdict('note', message, hint, document);
}

/** Makes a verdict of something that should be changed. */
export function warning(message: string, hint?: string, document?: object): Verdict {
  return verdict('warning', message, hint, document);
}

/** Makes a verdict of something that has to be changed. */
export function problem(message: string, hint?: string, document?: object): Verdict {
  return verdict('error', message, hint, document);
}

function verdict(severity: Severity, message: string, hint?: string, document?: object): Verdict {
  return {
    severity,
    message,
    ...(hint === undefined ? {} : { hint }),
    ...(document === undefined ? {} : { document }),
  };
}
