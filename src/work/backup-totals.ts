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
  #counted: CountedTotals | undefined;

  constructor({ paths, exclude, oneFileSystem }: Pick<BackupOptions, 'paths' | 'exclude' | 'oneFileSystem'>) {
    this.#pool = new WorkerPool(1, (_worker, message) => {
      this.#counted = message;
    });
    this.#pool.post(0, { type: 'setup', setup: { role: 'totals', paths, exclude, oneFileSystem } });
  }

  /** What was counted; undefined until all of it is, and for ever when the count has failed. */
  get counted(): CountedTotals | undefined {
    return this.#counted;
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }
}

/** Walks and counts as a backup would. Problems are the backup's to report. */
export function countTotals({ paths, exclude, oneFileSystem }: TotalsSetup): CountedTotals {
  let files = 0;
  let bytes = 0;
  for (const { entries } of scan(paths, { exclude: makeExcludes(exclude), oneFileSystem })) {
    for (const { type, stat } of entries) {
      if (type !== 'file') continue;
      files++;
      bytes += Number(stat.size);
    }
  }
  return { type: 'totals', files, bytes };
}
