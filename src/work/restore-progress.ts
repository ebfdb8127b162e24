/** Tells the monitor how far a restore is, a few times a second. */
import type { Monitor, Phase } from '../base/monitor.ts';
import type { RestoreCounts } from './restore-counts.ts';
import type { RestorePlan } from './restore-options.ts';

const INTERVAL_MS = 100;

/** The progress of one run. Close it at the end. */
export class RestoreProgress {
  readonly #monitor: Monitor;
  readonly #counts: RestoreCounts;
  readonly #timer: NodeJS.Timeout;
  #phase: Phase = 'plan';
  #plan: RestorePlan | undefined;
  #files = 0;
  #bytes = 0;

  constructor(monitor: Monitor, counts: RestoreCounts) {
    this.#monitor = monitor;
    this.#counts = counts;
    this.#timer = setInterval(() => this.#report(), INTERVAL_MS);
    this.#timer.unref();
  }

  /** A phase begins; the plan gives the totals. */
  enter(phase: Phase, plan?: RestorePlan): void {
    this.#phase = phase;
    this.#plan = plan;
    this.#files = 0;
    this.#bytes = 0;
    this.#report();
  }

  /** Files and bytes that are done. */
  wrote(files: number, bytes: number): void {
    this.#files += files;
    this.#bytes += bytes;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #report(): void {
    this.#monitor.progress({
      phase: this.#phase,
      filesDone: this.#files,
      bytesDone: this.#bytes,
      ...(this.#plan ? { filesTotal: this.#plan.files, bytesTotal: this.#plan.bytes } : {}),
      bytesStored: this.#counts.bytesFetched,
      errors: this.#counts.errors,
    });
  }
}
