/**
 * The storage classes of S3 as the test server knows them: which are archives, how long a restore takes by tier, and
 * what the meter must know of billing. Figures are those of the S3 user guide (storage classes, archive retrieval
 * options); prices are not here.
 */

/** The tiers of RestoreObject, slowest first. */
export type RestoreTier = 'Bulk' | 'Standard' | 'Expedited';

/** Hours from request to readable: least and most. */
export interface RestoreHours {
  readonly min: number;
  readonly max: number;
}

/** A storage class. */
export interface StorageClassFacts {
  /** Undefined for classes that are read at once. */
  readonly tiers?: Readonly<Partial<Record<RestoreTier, RestoreHours>>>;
  readonly minimumDays: number;
  /** Smaller objects are billed as if they had this size. */
  readonly minimumBytes: number;
  /** Billed on top of each object. */
  readonly overheadBytes: { readonly own: number; readonly standard: number };
}

const ONLINE = { minimumDays: 0, minimumBytes: 0, overheadBytes: { own: 0, standard: 0 } } as const;
const ARCHIVE_OVERHEAD = { own: 32 * 1024, standard: 8 * 1024 } as const;
const KIB_128 = 128 * 1024;

/** All classes by name. */
export const CLASSES: Readonly<Record<string, StorageClassFacts>> = {
  STANDARD: ONLINE,
  REDUCED_REDUNDANCY: ONLINE,
  INTELLIGENT_TIERING: ONLINE,
  STANDARD_IA: { ...ONLINE, minimumDays: 30, minimumBytes: KIB_128 },
  ONEZONE_IA: { ...ONLINE, minimumDays: 30, minimumBytes: KIB_128 },
  GLACIER_IR: { ...ONLINE, minimumDays: 90, minimumBytes: KIB_128 },
  GLACIER: {
    tiers: {
      Expedited: { min: 1 / 60, max: 5 / 60 },
      Standard: { min: 3, max: 5 },
      Bulk: { min: 5, max: 12 },
    },
    minimumDays: 90,
    minimumBytes: 0,
    overheadBytes: ARCHIVE_OVERHEAD,
  },
  DEEP_ARCHIVE: {
    tiers: { Standard: { min: 9, max: 12 }, Bulk: { min: 24, max: 48 } },
    minimumDays: 180,
    minimumBytes: 0,
    overheadBytes: ARCHIVE_OVERHEAD,
  },
};

/** The classes whose reads are billed by the byte. */
export const IMMEDIATE_RETRIEVAL: ReadonlySet<string> = new Set(['STANDARD_IA', 'ONEZONE_IA', 'GLACIER_IR']);

/** True for a class whose objects must be restored before they can be read. */
export function isArchive(storageClass: string): boolean {
  return CLASSES[storageClass]?.tiers !== undefined;
}

/** The size that an object is billed for, without overhead. */
export function billableBytes(storageClass: string, size: number): number {
  return Math.max(size, CLASSES[storageClass]?.minimumBytes ?? 0);
}
