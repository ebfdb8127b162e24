/**
 * Verify, level checksums: what the store keeps of each pack against what the index says, by the listing and, where that
 * does not tell enough, by a look at the object. Nothing is read or thawed, so archived packs are checked like others.
 */
import { mapOrdered } from '../base/limit.ts';
import type { Monitor } from '../base/monitor.ts';
import type { VerifyPart } from '../plan/verify-cost.ts';
import type { PackPair, ScratchCatalog } from '../repo/scratch-catalog.ts';
import { readReports } from './batch-report.ts';
import type { VerifyContext } from './verify-context.ts';
import { compareMarks, type MarkVerdict, wantsLook } from './verify-marks.ts';

/** What is told at a time of packs that are like each other. */
const EXAMPLES = 3;

/** What a comparison came to. */
export interface StoredCounts {
  /** Packs whose marks are those of the index. */
  readonly packsCompared: number;
  /** Packs of which neither side keeps a mark that the other has too: their content is not proven. */
  readonly packsUnmarked: number;
  /** Packs that somebody has stored once more, so that nothing tells what is in them. */
  readonly packsRewritten: number;
  /** Packs whose content a report told: S3 has read them where they lie. */
  readonly packsReported: number;
  /** Packs that are in another class than the one that they were stored in. */
  readonly packsMoved: number;
}

/** Who takes what the comparison finds out. */
export interface StoredVerdicts {
  /** The pack is not what was written. */
  damaged(name: string): void;
  /** The store's marks say that the pack is the one that was written. */
  sound(name: string): void;
}

/** The comparison of one run. */
export class VerifyStored {
  readonly #context: VerifyContext;
  readonly #scratch: ScratchCatalog;
  readonly #monitor: Monitor;
  readonly #isWanted: (pack: number) => boolean;
  readonly #looks: boolean;
  readonly #counts: Record<MarkVerdict, number> = { same: 0, other: 0, rewritten: 0, unmarked: 0 };
  readonly #rewritten: string[] = [];
  readonly #moved = new Map<string, number>();
  #done = 0;
  #reported = 0;

  /**
   * @param isWanted whether a pack (by the catalog's number) is to be checked
   * @param looks whether objects may be looked at one by one; otherwise what the listing says must do
   */
  constructor(
    context: VerifyContext,
    scratch: ScratchCatalog,
    monitor: Monitor,
    options: { readonly isWanted: (pack: number) => boolean; readonly looks: boolean },
  ) {
    this.#context = context;
    this.#scratch = scratch;
    this.#monitor = monitor;
    this.#isWanted = options.isWanted;
    this.#looks = options.looks;
  }

  /** Takes checksums from reports of S3 Batch Operations, which then need no looks. */
  async takeReports(paths: readonly string[]): Promise<void> {
    const { bucket } = this.#context.repo.store;
    if (bucket && paths.length > 0) this.#reported = await this.#scratch.addChecksums(readReports(paths, bucket));
  }

  /** How many looks it will take, by class. */
  plan(): VerifyPart[] {
    const looks = new Map<string, number>();
    for (const pair of this.#pairs()) {
      if (!this.#wantsLook(pair)) continue;
      const { storageClass } = pair.listed;
      looks.set(storageClass, (looks.get(storageClass) ?? 0) + 1);
    }
    return [...looks].sort().map(([storageClass, count]) => ({ storageClass, looks: count, reads: 0, bytes: 0 }));
  }

  /** Compares. What is damaged is added to the findings; what cannot be compared is told to the monitor. */
  async run(verdicts: StoredVerdicts, total: number): Promise<StoredCounts> {
    const { store } = this.#context.repo;
    const checks = mapOrdered(this.#pairs(), store.concurrency, async (pair) => ({
      pair,
      stored: this.#wantsLook(pair) ? await store.stat(pair.name, this.#context.signal) : pair.listed,
    }));
    for await (const { pair, stored } of checks) {
      this.#judge(pair, stored, verdicts);
      this.#progress(total);
    }
    this.#tell();
    return {
      packsCompared: this.#counts.same,
      packsUnmarked: this.#counts.unmarked,
      packsRewritten: this.#counts.rewritten,
      packsReported: this.#reported,
      packsMoved: [...this.#moved.values()].reduce((sum, count) => sum + count, 0),
    };
  }

  #judge(
    pair: PackPair,
    stored:
      | { readonly size?: number; readonly checksum?: string | undefined; readonly etag?: string | undefined }
      | undefined,
    verdicts: StoredVerdicts,
  ): void {
    const { name, size, recorded, listed } = pair;
    const { findings } = this.#context;
    if (recorded.storageClass !== listed.storageClass) {
      const move = `${recorded.storageClass} → ${listed.storageClass}`;
      this.#moved.set(move, (this.#moved.get(move) ?? 0) + 1);
    }
    if (!stored || (stored.size !== undefined && stored.size !== size)) {
      const text = stored ? `has ${stored.size} bytes, the index says ${size}` : 'went away while it was checked';
      findings.add(name, stored ? 'pack-size' : 'pack-missing', text);
      verdicts.damaged(name);
      return;
    }
    const verdict = compareMarks(recorded, stored);
    this.#counts[verdict]++;
    if (verdict === 'same') verdicts.sound(name);
    if (verdict === 'rewritten' && this.#rewritten.length < EXAMPLES) this.#rewritten.push(name);
    if (verdict !== 'other') return;
    findings.add(
      name,
      'pack-checksum',
      `the checksum that the store keeps (${stored.checksum}) is not the one in the index`,
    );
    verdicts.damaged(name);
  }

  #tell(): void {
    for (const [move, count] of this.#moved) {
      this.#monitor.problem({
        severity: 'warning',
        code: 'packs-moved',
        message: `${packs(count)} in another storage class than the one they were stored in: ${move}`,
        hint: 'a lifecycle rule of the bucket does that; prices and waiting times follow the class that they are in',
      });
    }
    const { rewritten } = this.#counts;
    if (rewritten === 0) return;
    const more = rewritten > this.#rewritten.length ? ', …' : '';
    this.#monitor.problem({
      severity: 'error',
      code: 'packs-rewritten',
      message: `${packs(rewritten)} stored again since the backup, so that nothing the store keeps tells their content: ${this.#rewritten.join(', ')}${more}`,
      hint: 'a copy to another bucket does that; icecore verify --level data reads them',
    });
  }

  *#pairs(): Generator<PackPair> {
    for (const pair of this.#scratch.pairs()) if (this.#isWanted(pair.pack)) yield pair;
  }

  #wantsLook(pair: PackPair): boolean {
    return this.#looks && wantsLook(pair.recorded, pair.listed);
  }

  #progress(total: number): void {
    this.#done++;
    this.#monitor.progress({
      phase: 'verify',
      unit: 'pack',
      filesDone: this.#done,
      filesTotal: total,
      bytesDone: 0,
      errors: this.#context.findings.size,
    });
  }
}

function packs(count: number): string {
  return count === 1 ? '1 pack is' : `${count} packs are`;
}
