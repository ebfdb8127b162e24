/**
 * What a check asks of a store, as a plan, and what that costs: looks at objects, and reads of them. Owns the shape of
 * the plan; the formulas are those of reading back (restore-cost.ts), with nothing to be thawed.
 */
import { type RestoreMoney, restoreOptions } from './restore-cost.ts';
import type { Terms } from './terms.ts';

/** What is to be done with the packs of one class. */
export interface VerifyPart {
  readonly storageClass: string;
  /** Looks (HEAD): what the store keeps of an object beside its content. */
  readonly looks: number;
  /** Reads (GET), and the bytes that they yield. */
  readonly reads: number;
  readonly bytes: number;
}

/** What a check comes to before it begins, beyond listings and metadata, which every run reads. */
export interface VerifyPlan {
  readonly level: 'checksums' | 'data';
  readonly parts: readonly VerifyPart[];
  /** Data packs that are archived: a check at level data leaves them out. */
  readonly packsArchived: number;
}

/** Prices a plan, for a reader outside of the store's own region unless `egress` says otherwise. */
export function verifyCost(plan: VerifyPlan, terms: Terms, egress: 'internet' | 'none' = 'internet'): RestoreMoney {
  const groups = plan.parts.map(({ storageClass, looks, reads, bytes }) => ({
    storageClass,
    isCold: false,
    objects: reads,
    bytes,
    fetchedBytes: bytes,
    gets: looks + reads,
  }));
  return restoreOptions(groups, { days: 0, egress, lists: 0 }, terms)[0]!.money;
}
