/**
 * Verify, level data: which packs are to be read and what that asks of the store. Archived packs are never among them:
 * reading those takes a thaw, which a check does not start by itself.
 */
import type { VerifyPart } from '../plan/verify-cost.ts';
import type { ScratchCatalog } from '../repo/scratch-catalog.ts';
import type { VerifyLedger } from './verify-ledger.ts';
import { choosePacks, type Sample, type SampledPack } from './verify-sample.ts';

/** What will be read. */
export interface DataChoice {
  /** By the catalog's numbers. */
  readonly packs: Set<number>;
  readonly parts: readonly VerifyPart[];
}

/** Chooses among the data packs of the index: all that `needed` names, or a sample of them. */
export function chooseData(
  scratch: ScratchCatalog,
  ledger: VerifyLedger,
  options: {
    readonly needed: ReadonlySet<number> | undefined;
    readonly sample: Sample | undefined;
    readonly random: () => number;
    readonly rangeBytes: number;
  },
): DataChoice {
  const { needed, sample, random, rangeBytes } = options;
  const candidates: SampledPack[] = [];
  for (const { pack, name, size, isReadable } of scratch.dataPacks()) {
    if (!isReadable || (needed && !needed.has(pack))) continue;
    candidates.push({ pack, size, lastRead: sample ? ledger.lastRead(name) : 0 });
  }
  const packs = sample ? choosePacks(candidates, sample, random) : new Set(candidates.map(({ pack }) => pack));
  const sums = new Map<string, { packs: number; bytes: number }>();
  for (const { pack, size, storageClass } of scratch.dataPacks()) {
    if (!packs.has(pack)) continue;
    const sum = sums.get(storageClass) ?? { packs: 0, bytes: 0 };
    sum.packs++;
    sum.bytes += size;
    sums.set(storageClass, sum);
  }
  const parts = [...sums].sort(([a], [b]) => (a < b ? -1 : 1));
  return { packs, parts: parts.map(([storageClass, sum]) => readingOf(storageClass, sum, rangeBytes)) };
}

/** What reading all data packs that are listed asks for. */
export function readingAll(scratch: ScratchCatalog, rangeBytes: number): VerifyPart[] {
  const sums = scratch.listedClasses('pack').filter(({ isReadable }) => isReadable);
  return sums.map((sum) => readingOf(sum.storageClass, sum, rangeBytes));
}

/** Bytes of the data packs of the index, or of those that are needed, and how many of them are archived. */
export function sumData(
  scratch: ScratchCatalog,
  needed: ReadonlySet<number> | undefined,
): { readonly total: number; readonly archived: number } {
  let total = 0;
  let archived = 0;
  for (const { pack, size, isReadable } of scratch.dataPacks()) {
    if (needed && !needed.has(pack)) continue;
    total += size;
    if (!isReadable) archived++;
  }
  return { total, archived };
}

/** Packs come whole or in ranges of equal length: a request each. */
function readingOf(
  storageClass: string,
  { packs, bytes }: { readonly packs: number; readonly bytes: number },
  rangeBytes: number,
): VerifyPart {
  const perPack = packs === 0 ? 0 : Math.ceil(bytes / packs / rangeBytes);
  return { storageClass, looks: 0, reads: packs * perPack, bytes };
}
