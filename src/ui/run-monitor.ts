/**
 * The monitor of the command line: shows progress, prints problems as they happen, and counts them for the exit code.
 * Owns what goes where in each mode (people, JSON lines, quiet). Keeps counts, never the problems themselves: a run may
 * have any number of them.
 */
import type { ItemNote, Monitor, Problem, Progress } from '../base/monitor.ts';
import { formatBytes } from '../base/units.ts';
import type { WaitNotice } from '../store/s3-options.ts';
import { escapeName, escapeText } from './escape.ts';
import { encodeLine, itemFields, pathFields, problemFields } from './json-lines.ts';
import type { Output } from './output.ts';
import { PaceMeter } from './progress.ts';
import { messageLine, problemLine, waitText } from './text.ts';
import { pad } from './width.ts';

const STATUS_EVERY = 100;
const WAIT_LINE_EVERY = 60_000;
const WAIT_SHOWN = 2_000;

/** The part of tty.ts that is needed here; that file is loaded only where there is a terminal. */
export interface Display {
  update(progress: Progress): void;
  /** Shows a text instead of the progress, for some milliseconds. */
  hold(text: string, milliseconds: number): void;
  pause(): void;
  resume(): void;
  stop(): void;
}

export interface RunMonitorOptions {
  /** Results: items and JSON lines. */
  readonly out: Output;
  /** Messages for people. */
  readonly messages: Output;
  readonly isJson: boolean;
  readonly isVerbose: boolean;
  readonly isQuiet: boolean;
  readonly inColour: boolean;
  /** Whether `status` lines are wanted, in JSON. */
  readonly wantsStatus: boolean;
  /** Whether warnings count as errors. */
  readonly isStrict: boolean;
  readonly monotonic: () => number;
}

/** Shows and counts what happens during a run. */
export class RunMonitor implements Monitor {
  readonly wantsItems: boolean;
  readonly #options: RunMonitorOptions;
  readonly #meter = new PaceMeter();
  readonly #hintsGiven = new Set<string>();
  #display: Display | undefined;
  #lastStatus = Number.NEGATIVE_INFINITY;
  #lastWait = Number.NEGATIVE_INFINITY;
  #errors = 0;
  #warnings = 0;

  constructor(options: RunMonitorOptions) {
    this.#options = options;
    this.wantsItems = options.isVerbose;
  }

  /** True while there is a display to be fed: nobody reads the status lines of JSON closely enough to pay for them. */
  get wantsProgress(): boolean {
    return this.#display !== undefined;
  }

  /** Problems so far that make the run incomplete. */
  get errors(): number {
    return this.#errors;
  }

  /** Problems so far that are only worth knowing. */
  get warnings(): number {
    return this.#warnings;
  }

  /** Shows progress on this display from now on. */
  attach(display: Display): void {
    this.#display = display;
  }

  /** Clears the screen for a question, and goes on after it. */
  async aside<T>(work: () => Promise<T>): Promise<T> {
    this.#display?.pause();
    try {
      return await work();
    } finally {
      this.#display?.resume();
    }
  }

  /** Ends the display. */
  stop(): void {
    this.#display?.stop();
    this.#display = undefined;
  }

  progress(progress: Progress): void {
    this.#display?.update(progress);
    if (!this.#options.isJson || !this.#options.wantsStatus) return;
    const now = this.#options.monotonic();
    if (now - this.#lastStatus < STATUS_EVERY) return;
    this.#lastStatus = now;
    const { current, ...counts } = progress;
    this.#options.out.line(
      encodeLine('status', {
        ...counts,
        ...this.#meter.measure(progress, now),
        ...(current === undefined ? {} : pathFields(current, 'current', 'rawCurrent')),
      }),
    );
  }

  problem(problem: Problem): void {
    const { isJson, isStrict, inColour, messages, out } = this.#options;
    if (problem.severity === 'error' || isStrict) this.#errors++;
    else this.#warnings++;
    if (isJson) {
      out.line(encodeLine('error', problemFields(problem)));
      return;
    }
    messages.line(problemLine(problem, inColour));
    // The same advice for a thousand files would hide everything else.
    if (problem.hint !== undefined && !this.#hintsGiven.has(problem.hint)) {
      this.#hintsGiven.add(problem.hint);
      messages.line(messageLine('hint', problem.hint, inColour));
    }
  }

  /**
   * The store makes us wait. A terminal shows it while it lasts; a log gets a line a minute at most, and none for a
   * first attempt: those fail every day.
   */
  waiting(notice: WaitNotice): void {
    const { isJson, isQuiet, wantsStatus, messages, out, monotonic } = this.#options;
    if (this.#display) {
      // A little longer than the pause: nobody says when the next attempt has been answered.
      this.#display.hold(waitText(notice), notice.delayMs + WAIT_SHOWN);
      return;
    }
    const now = monotonic();
    if (now - this.#lastWait < (isJson ? STATUS_EVERY : WAIT_LINE_EVERY)) return;
    if (isJson ? !wantsStatus : isQuiet || notice.attempt < 2) return;
    this.#lastWait = now;
    if (isJson) out.line(encodeLine('status', { waiting: notice }));
    else messages.line(messageLine('note', `${notice.message}: ${waitText(notice)}`));
  }

  item(note: ItemNote): void {
    if (!this.wantsItems) return;
    if (this.#options.isJson) {
      this.#options.out.line(encodeLine('entry', itemFields(note)));
      return;
    }
    const detail = note.reason ?? (note.size === undefined ? undefined : formatBytes(note.size));
    const text = `${pad(note.action, 9)}  ${escapeName(note.path)}`;
    this.#options.out.line(detail === undefined ? text : `${text}  (${escapeText(detail)})`);
  }
}
