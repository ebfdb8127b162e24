/** Tells the monitor, a few times a second, how far a backup is. Totals are the parent's, as an estimate. */
import type { Monitor, Phase } from '../base/monitor.ts';
import type { ParentHeader } from '../repo/parent-state.ts';
import type { Repository } from '../repo/repository.ts';
import type { BackupCounts } from './backup-counts.ts';

const INTERVAL_MS = 100;

/** The progress of one attempt; close it. */
export class BackupProgress {
  readonly #report: () => void;
  readonly #timer: NodeJS.Timeout;
  #phase: Phase = 'load';

  constructor(repo: Repository, counts: BackupCounts, header: ParentHeader | undefined, monitor: Monitor) {
    this.#report = () =>
      monitor.progress({
        phase: this.#phase,
        filesDone: counts.filesUnchanged + counts.filesDone,
        bytesDone: counts.bytesUnchanged + counts.bytesRead,
        bytesStored: repo.use().sentBytes,
        errors: counts.errors,
        ...(counts.current === undefined ? {} : { current: counts.current }),
        ...(header
          ? {
              filesTotal: Math.max(header.files, counts.files),
              bytesTotal: Math.max(header.bytes, counts.bytesScanned),
              totalsAreEstimates: true,
            }
          : {}),
      });
    this.#timer = setInterval(this.#report, INTERVAL_MS);
    this.#timer.unref();
  }

  /** The walk begins. */
  start(): void {
    this.#phase = 'backup';
    this.#report();
  }

  /** Everything is read; packs end and the snapshot is committed. */
  commit(): void {
    this.#phase = 'commit';
    this.#report();
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
