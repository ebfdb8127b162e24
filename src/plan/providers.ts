/**
 * How stores that speak S3 differ, as data: a profile each, chosen by the endpoint or by name (find-provider.ts). Owns
 * what a profile says; the profiles are in provider-*.ts, where sources stand beside the figures, and prices elsewhere.
 * What could not be sourced has the cautious value.
 */

/** The ways to thaw, from the fastest to the slowest. */
export const TIER_NAMES = ['expedited', 'standard', 'bulk'] as const;
export type TierName = (typeof TIER_NAMES)[number];

/** True when the one tier is faster than the other. */
export function isFaster(tier: TierName, than: TierName): boolean {
  return TIER_NAMES.indexOf(tier) < TIER_NAMES.indexOf(than);
}

/** One way to thaw. Hours from request to readable, as documented. */
export interface ThawTier {
  readonly name: TierName;
  readonly minHours: number;
  readonly maxHours: number;
}

/** What a storage class means at one provider. */
export interface ClassProfile {
  /** Objects are readable at once. */
  readonly isOnline: boolean;
  /** How objects are thawed; empty for online classes. A provider without tiers has one, called `standard`. */
  readonly tiers: readonly ThawTier[];
  /**
   * Where a class moves objects to an archive of its own by itself: what it calls these, and how objects in them are
   * thawed (for good: without days, and without a second copy that is billed).
   */
  readonly archiveTiers?: Readonly<Record<string, readonly ThawTier[]>>;
  /** Deleted earlier, the rest is billed all the same. */
  readonly minimumDays: number;
  /** Billed sizes start here. */
  readonly minimumBytes: number;
  /** Billed on top of each object: in its own class, and in STANDARD. */
  readonly overheadBytes: { readonly own: number; readonly standard: number };
}

/** What a provider does with headers and calls that not all of them know. */
export interface ProviderQuirks {
  /**
   * `If-None-Match: *` on a PUT: honoured, silently ignored (or not known to be honoured: it does no harm), or refused
   * (it must not be sent).
   */
  readonly conditionalPut: 'honoured' | 'ignored' | 'refused';
  /** The same on the completion of a multipart upload. */
  readonly conditionalComplete: 'honoured' | 'ignored' | 'refused';
  /** `x-amz-checksum-sha256`: checked and kept, or not to be sent. */
  readonly checksum: 'sha256' | 'none';
  readonly pathStyle: boolean;
  /** A part counts as an object (in restores, say): packs go up in one PUT. */
  readonly isSinglePut: boolean;
  readonly hasTags: boolean;
  /** How archived objects are thawed: RestoreObject with tiers, with days only, or not through S3. */
  readonly restore: 'tiers' | 'days' | 'none';
  /** Listings tell RestoreStatus when asked. */
  readonly listsRestoreStatus: boolean;
}

/** A provider. */
export interface ProviderProfile {
  /** What `provider=` in a repository URL says. */
  readonly id: string;
  readonly name: string;
  /** Host names that are one of these, or below it, are this provider's. A `*` at a label's end stands for digits. */
  readonly hosts: readonly string[];
  readonly quirks: ProviderQuirks;
  readonly classes: Readonly<Record<string, ClassProfile>>;
}
