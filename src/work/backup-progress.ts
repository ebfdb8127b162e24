/**
 * Tells the monitor, a few times a second, how far a backup is. Totals are the parent's, as an estimate; where there is
 * no parent and somebody watches, they are counted.
 */
import type { Monitor, Phase, Progress } from '../base/monitor.ts';
import type { ParentHeader } from '../repo/parent-state.ts';
import type { Repository } from '../repo/repository.ts';
import type { BackupCounts } from './backup-counts.ts';
import type { BackupTotals } from './backup-totals.ts';

const INTERVAL_MS = 100;
/** A run must have lasted so long before its totals are worth a count. */
const COUNT_AFTER_MS = 1000;

/** What the totals come from, besides the counts themselves. */
export interface ProgressBasis {
  readonly header: ParentHeader | undefined;
  /** Starts a count of what there is; absent where a count makes no sense. */
  readonly count?: () => BackupTotals;
}

/** The progress of one attempt; close it. */
export class BackupProgress {
  readonly #repo: Repository;
  readonly #counts: BackupCounts;
  readonly #basis: ProgressBasis;
  readonly #monitor: Monitor;
  readonly #timer: NodeJS.Timeout;
  #phase: Phase = 'load';
  #started: number | undefined;
  #totals: BackupTotals | undefined;

  constructor(repo: Repository, counts: BackupCounts, basis: ProgressBasis, monitor: Monitor) {
    this.#repo = repo;
    this.#counts = counts;
    this.#basis = basis;
    this.#monitor = monitor;
    this.#timer = setInterval(() => this.#tick(), INTERVAL_MS);
    this.#timer.unref();
  }

  /** The walk begins. */
  start(): void {
    this.#phase = 'backup';
    this.#started = performance.now();
    this.#report();
  }

  /** Everything is read; packs end and the snapshot is committed. */
  commit(): void {
    this.#phase = 'commit';
    this.#report();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#totals?.close();
  }

  #tick(): void {
    const { header, count } = this.#basis;
    const isLong = this.#started !== undefined && performance.now() - this.#started > COUNT_AFTER_MS;
    if (isLong && !header && this.#phase === 'backup' && this.#monitor.wantsProgress) this.#totals ??= count?.();
    this.#report();
  }

  #report(): void {
    const { filesDone, bytesDone, errors, current } = this.#counts;
    this.#monitor.progress({
      phase: this.#phase,
      filesDone,
      bytesDone,
      bytesStored: this.#repo.use().sentBytes,
      errors,
      ...(current === undefined ? {} : { current }),
      ...this.#totalsNow(),
    });
  }

  #totalsNow(): Pick<Progress, 'filesTotal' | 'bytesTotal' | 'totalsAreEstimates'> {
    const { files, bytesScanned } = this.#counts;
    const expected = this.#basis.header ?? this.#totals?.counted;
    if (!expected) return {};
    return {
      filesTotal: Math.max(expected.files, files),
      bytesTotal: Math.max(expected.bytes, bytesScanned),
      ...(this.#basis.header ? { totalsAreEstimates: true } : {}),
    };
  }
}
