/** What a backup has seen and done so far: for progress, for the snapshot's totals and for the summary. */
import type { Problem } from '../base/monitor.ts';
import type { Raw } from '../base/raw.ts';
import type { ScanEntry } from '../files/scan-types.ts';
import type { FileStat } from '../files/stat.ts';
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
  /** For display: files that are dealt with in whatever way, and bytes that are, also of files that are not done. */
  filesDone = 0;
  bytesDone = 0;
  /** What is being looked at, for display. */
  current: Raw | undefined;

  /** An entry of the walk. */
  saw(type: ScanEntry['type'], stat: FileStat): void {
    if (type === 'file') {
      this.files++;
      this.bytesScanned += Number(stat.size);
    } else if (type === 'dir') this.dirs++;
    else if (type === 'symlink') this.symlinks++;
    else this.others++;
  }

  /** A file is as it was. */
  unchanged(stat: FileStat): void {
    this.filesUnchanged++;
    this.settled(Number(stat.size));
  }

  /** A file was read. */
  read(bytes: number): void {
    this.bytesRead += bytes;
  }

  /** Bytes of a file were read and hashed. */
  hashed(bytes: number): void {
    this.bytesDone += bytes;
  }

  /** A file is dealt with; `rest` of its bytes were not hashed: unchanged, holes, or unreadable. */
  settled(rest: number): void {
    this.filesDone++;
    this.bytesDone += rest;
  }

  /** An entry that was seen is not in the snapshot; `bytes` is what the walk counted for it. */
  lost(type: ScanEntry['type'], bytes: number, isVanished: boolean): void {
    if (isVanished) this.vanished++;
    if (type === 'file') {
      this.files--;
      this.bytesScanned -= bytes;
    } else if (type === 'dir') this.dirs--;
    else if (type === 'symlink') this.symlinks--;
    else this.others--;
  }

  /** An interrupt came before this file was read: it is as if it had not been seen. */
  abandoned(bytes: number, isKnown: boolean): void {
    this.lost('file', bytes, false);
    if (isKnown) this.filesChanged--;
    else this.filesNew--;
  }

  problem(problem: Problem): void {
    if (problem.severity === 'error') this.errors++;
  }

  get totals(): SnapshotTotals {
    const { files, dirs, symlinks, others } = this;
    return { files, dirs, symlinks, others, entries: files + dirs + symlinks + others, bytes: this.bytesScanned };
  }
}
