/**
 * Keeps what a verify finds out in this host's record (repo/verify-record.ts) while it runs, so that a run that is
 * interrupted has not read in vain. Where the record cannot be kept, the run goes on without: it is a help, not a need.
 */
import { messageOf } from '../base/errors.ts';
import type { Monitor } from '../base/monitor.ts';
import type { Repository } from '../repo/repository.ts';
import { type SnapshotCheck, type VerifyLevel, VerifyRecord } from '../repo/verify-record.ts';
import type { Findings } from './findings.ts';

/** So many packs wait to be written down together. */
const HELD = 1000;
/** What is read is written down at least so often, in milliseconds. */
const FLUSH_EVERY = 10_000;

/** The notes of one run. Close it in any case. */
export class VerifyLedger {
  readonly #repo: Repository;
  readonly #monitor: Monitor;
  /** When the run began: all of one run carry the same time. */
  readonly #time: number;
  #record: VerifyRecord | undefined;
  readonly #sound = { read: new Set<string>(), compared: new Set<string>() };
  readonly #damaged = new Set<string>();
  #flushed: number;

  constructor(repo: Repository, monitor: Monitor) {
    this.#repo = repo;
    this.#monitor = monitor;
    this.#time = repo.clock.now();
    this.#flushed = repo.clock.monotonic();
    this.#attempt(() => {
      this.#record = VerifyRecord.open(repo.places.state, repo.id);
    });
  }

  /** When a pack was last read and found right, in milliseconds; 0 for never. */
  lastRead(pack: string): number {
    return this.#attempt(() => this.#record?.lastRead(pack)) ?? 0;
  }

  /** Takes note of a pack that was found right. */
  sawSound(how: 'read' | 'compared', pack: string): void {
    this.#sound[how].add(pack);
    const isDue = this.#repo.clock.monotonic() - this.#flushed > FLUSH_EVERY;
    if (isDue || this.#sound.read.size + this.#sound.compared.size >= HELD) this.#flush();
  }

  /** Takes note of a pack that was not. */
  sawDamaged(pack: string): void {
    this.#damaged.add(pack);
  }

  /**
   * Writes down the checks of the snapshots that the run has looked at, and forgets what is gone.
   * @param isPackThere undefined where the run has not seen the whole repository
   */
  finish(
    snapshots: readonly { readonly id: string }[],
    { level, share }: { readonly level: VerifyLevel; readonly share: number },
    findings: Findings,
    isPackThere: ((name: string) => boolean) | undefined,
  ): void {
    this.#flush();
    const damaged = new Set(findings.list().flatMap((finding) => finding.snapshots));
    // What has read a part of the data has checked everything else in whole.
    const seen: Pick<SnapshotCheck, 'level' | 'share'>[] = share < 1 ? [{ level: 'list', share: 1 }] : [];
    if (share > 0) seen.push({ level, share });
    const checks = snapshots.flatMap(({ id }) =>
      seen.map((part) => ({ id, ...part, time: this.#time, isSound: !damaged.has(id) })),
    );
    this.#attempt(() => {
      this.#record?.sawSnapshots(checks);
      if (isPackThere) this.#record?.sweep(isPackThere, new Set(snapshots.map(({ id }) => id)));
    });
  }

  close(): void {
    this.#flush();
    this.#record?.close();
    this.#record = undefined;
  }

  #flush(): void {
    this.#attempt(() => {
      for (const how of ['read', 'compared'] as const) {
        if (this.#sound[how].size > 0) this.#record?.sawSound(how, this.#sound[how], this.#time);
      }
      if (this.#damaged.size > 0) this.#record?.sawDamaged(this.#damaged);
    });
    for (const held of [this.#sound.read, this.#sound.compared, this.#damaged]) held.clear();
    this.#flushed = this.#repo.clock.monotonic();
  }

  #attempt<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      this.#record?.close();
      this.#record = undefined;
      this.#monitor.problem({
        severity: 'warning',
        code: 'verify-not-recorded',
        message: `cannot keep what was verified: ${messageOf(error)}`,
        hint: `check the folder ${this.#repo.places.state}; samples go by chance alone until then`,
      });
      return undefined;
    }
  }
}
