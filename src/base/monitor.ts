/**
 * The only way up for progress and for problems that do not stop a run. It is not a logger: every call is a fact that
 * some display or summary needs. Implementations live in ui/; tests collect.
 */
import type { Raw } from './raw.ts';

/** What a run is doing at the moment. */
export type Phase = 'scan' | 'backup' | 'plan' | 'restore' | 'thaw' | 'verify' | 'commit' | 'load';

/** How far a run is. Counts only grow within a phase; totals are absent while unknown, estimates are marked. */
export interface Progress {
  readonly phase: Phase;
  readonly filesDone: number;
  /** What is counted as files, where it is something else. */
  readonly unit?: 'pack';
  readonly filesTotal?: number;
  readonly bytesDone: number;
  readonly bytesTotal?: number;
  /** Bytes written to or read from the store. */
  readonly bytesStored?: number;
  readonly totalsAreEstimates?: boolean;
  readonly current?: Raw;
  readonly errors: number;
}

/** Something went wrong with one item; the run goes on. `error` problems make the exit code 3, `warning` ones do not. */
export interface Problem {
  readonly severity: 'error' | 'warning';
  /** Stable, kebab-case: `unreadable`, `vanished`, `changed-while-read`, … */
  readonly code: string;
  readonly message: string;
  readonly path?: Raw;
  /** The repository object concerned. */
  readonly object?: string;
  readonly hint?: string;
}

/** One line of a verbose run: what happened to a path and why. */
export interface ItemNote {
  readonly path: Raw;
  readonly action: 'new' | 'changed' | 'unchanged' | 'excluded' | 'skipped' | 'restored' | 'removed' | 'kept';
  /** For `excluded`: the rule and where it stands; for `skipped`: why. */
  readonly reason?: string;
  readonly size?: number;
}

/** Receives what happens during a run. Methods must be cheap and never throw. */
export interface Monitor {
  /** True when {@link item} has a reader; otherwise callers need not build notes. */
  readonly wantsItems: boolean;
  /** True when somebody watches {@link progress}; otherwise nothing is done for its sake alone. */
  readonly wantsProgress?: boolean;
  progress(progress: Progress): void;
  problem(problem: Problem): void;
  item(note: ItemNote): void;
}

/** Swallows everything. */
export const silentMonitor: Monitor = {
  wantsItems: false,
  progress() {},
  problem() {},
  item() {},
};
