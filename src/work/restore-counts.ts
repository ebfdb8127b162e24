/** What a restore counts, and the one place through which its problems go. */
import type { Monitor, Problem } from '../base/monitor.ts';
import type { Raw } from '../base/raw.ts';
import type { RestorePlan } from './restore-options.ts';
import { onceKey } from './restore-problems.ts';

/** What a pass over the manifest finds. */
export class PlanCounts {
  files = 0;
  dirs = 0;
  others = 0;
  bytes = 0;
  filesUnchanged = 0;
  filesSkipped = 0;
  packBytes = 0;
  /** What the target must have room for. */
  neededBytes = 0;
  neededFiles = 0;
  /** One bit for each pack of the catalog. */
  #packs = new Uint8Array(1024);
  #packCount = 0;

  /** @returns whether it is the first time */
  addPack(number: number): boolean {
    const byte = number >>> 3;
    if (byte >= this.#packs.length) {
      const larger = new Uint8Array(Math.max(byte + 1, this.#packs.length * 2));
      larger.set(this.#packs);
      this.#packs = larger;
    }
    const bit = 1 << (number & 7);
    if ((this.#packs[byte]! & bit) !== 0) return false;
    this.#packs[byte]! |= bit;
    this.#packCount++;
    return true;
  }

  plan(): RestorePlan {
    const { files, dirs, others, bytes, filesUnchanged, packBytes } = this;
    return { files, dirs, others, bytes, filesUnchanged, packs: this.#packCount, packBytes };
  }
}

/** What a restore does. */
export class RestoreCounts {
  filesRestored = 0;
  filesRemoved = 0;
  filesVerified = 0;
  filesSkipped = 0;
  /** Left for a later pass, because a pack that they need cannot be read now. */
  filesFrozen = 0;
  dirs = 0;
  others = 0;
  bytesWritten = 0;
  bytesFetched = 0;
  errors = 0;
  warnings = 0;
  readonly #monitor: Monitor;
  readonly #once = new Set<string>();

  constructor(monitor: Monitor) {
    this.#monitor = monitor;
  }

  /** Tells what became of an item, to those who want to know. */
  note(path: () => Raw, action: 'restored' | 'removed' | 'kept', size?: number): void {
    if (!this.#monitor.wantsItems) return;
    this.#monitor.item({ path: path(), action, ...(size === undefined ? {} : { size }) });
  }

  problem(problem: Problem): void {
    const key = onceKey(problem);
    if (key !== undefined) {
      if (this.#once.has(key)) return;
      this.#once.add(key);
    }
    if (problem.severity === 'error') this.errors++;
    else this.warnings++;
    this.#monitor.problem(problem);
  }
}
