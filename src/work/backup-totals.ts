/**
 * Counts what there is to back up, ahead of the walk and in a thread of its own, so that a first backup can say how
 * long it will take. Only somebody who watches needs it: it looks at every entry a second time.
 */
import type { Raw } from '../base/raw.ts';
import { scan } from '../files/scan.ts';
import { makeExcludes } from './backup-excludes.ts';
import type { BackupOptions } from './backup-options.ts';
import { WorkerPool } from './worker-pool.ts';

/** What the counting thread is told. */
export interface TotalsSetup extends Pick<BackupOptions, 'exclude' | 'oneFileSystem'> {
  readonly role: 'totals';
  readonly paths: readonly Raw[];
  /** One number, shared: not 0 once nobody waits for the count any more. */
  readonly stop: SharedArrayBuffer;
}

/** What there is. */
export interface CountedTotals {
  readonly type: 'totals';
  readonly files: number;
  readonly bytes: number;
}

/** A count that goes on in the background; close it. */
export class BackupTotals {
  readonly #pool: WorkerPool<{ readonly type: 'setup'; readonly setup: TotalsSetup }, CountedTotals>;
  readonly #stop = new SharedArrayBuffer(4);
  #counted: CountedTotals | undefined;

  constructor({ paths, exclude, oneFileSystem }: Pick<BackupOptions, 'paths' | 'exclude' | 'oneFileSystem'>) {
    this.#pool = new WorkerPool(1, (_worker, message) => {
      this.#counted = message;
    });
    this.#pool.post(0, { type: 'setup', setup: { role: 'totals', paths, exclude, oneFileSystem, stop: this.#stop } });
  }

  /** What was counted; undefined until all of it is, and for ever when the count has failed. */
  get counted(): CountedTotals | undefined {
    return this.#counted;
  }

  async close(): Promise<void> {
    Atomics.store(new Int32Array(this.#stop), 0, 1);
    await this.#pool.close();
  }
}

/** Walks and counts as a backup would; undefined when it was stopped or fails, which is the backup's to report. */
export function countTotals({ paths, exclude, oneFileSystem, stop }: TotalsSetup): CountedTotals | undefined {
  const isStopped = new Int32Array(stop);
  let files = 0;
  let bytes = 0;
  try {
    for (const { entries } of scan(paths, { exclude: makeExcludes(exclude), oneFileSystem })) {
      if (Atomics.load(isStopped, 0) !== 0) return undefined;
      for (const { type, stat } of entries) {
        if (type !== 'file') continue;
        files++;
        bytes += Number(stat.size);
      }
    }
  } catch {
    return undefined;
  }
  return { type: 'totals', files, bytes };
}
