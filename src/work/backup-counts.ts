/** What a backup has seen and done so far: for progress, for the snapshot's totals and for the summary. */
import type { BigIntStats } from 'node:fs';
import type { Problem } from '../base/monitor.ts';
import type { Raw } from '../base/raw.ts';
import type { ScanEntry } from '../files/scan-types.ts';
import type { SnapshotTotals } from '../format/snapshot.ts';

/** Mutable counts with one writer, the main thread of a backup. Bytes are plaintext. */
export class BackupCounts {
  files = 0;
  dirs = 0;
  symlinks = 0;
  others = 0;
  /** Sockets. */
  skipped = 0;
  excluded = 0;
  filesNew = 0;
  filesChanged = 0;
  filesUnchanged = 0;
  bytesScanned = 0;
  bytesRead = 0;
  bytesNew = 0;
  errors = 0;
  vanished = 0;
  /** Files that were read, or could not be. */
  filesDone = 0;
  bytesUnchanged = 0;
  /** What is being looked at, for display. */
  current: Raw | undefined;

  /** An entry of the walk. */
  saw(type: ScanEntry['type'], stat: BigIntStats): void {
    if (type === 'file') {
      this.files++;
      this.bytesScanned += Number(stat.size);
    } else if (type === 'dir') this.dirs++;
    else if (type === 'symlink') this.symlinks++;
    else this.others++;
  }

  /** A file is as it was. */
  unchanged(stat: BigIntStats): void {
    this.filesUnchanged++;
    this.bytesUnchanged += Number(stat.size);
  }

  /** A file was read. */
  read(bytes: number): void {
    this.filesDone++;
    this.bytesRead += bytes;
  }

  /** An entry that was seen is not in the snapshot; `bytes` is what the walk counted for it. */
  lost(type: ScanEntry['type'], bytes: number, isVanished: boolean): void {
    if (isVanished) this.vanished++;
    if (type === 'file') {
      this.files--;
      this.filesDone++;
      this.bytesScanned -= bytes;
    } else if (type === 'dir') this.dirs--;
    else if (type === 'symlink') this.symlinks--;
    else this.others--;
  }

  problem(problem: Problem): void {
    if (problem.severity === 'error') this.errors++;
  }

  get totals(): SnapshotTotals {
    const { files, dirs, symlinks, others } = this;
    return { files, dirs, symlinks, others, entries: files + dirs + symlinks + others, bytes: this.bytesScanned };
  }
}
