/**
 * The profile of Amazon S3, and the classes that stores which imitate it share. Owns facts about classes and calls;
 * prices are in prices-aws.ts.
 *
 * Sources: Amazon S3 User Guide, "Understanding and managing Amazon S3 storage classes", "Understanding archive
 * retrieval options", "Working with archived objects", "How to prevent object overwrites with conditional writes",
 * and the API reference of RestoreObject and ListObjectsV2 (all read in 2026).
 */
import type { ClassProfile, ProviderProfile, ThawTier } from './providers.ts';

/** A class that is read at once, and billed from the first byte and for as long as the object exists. */
export const PLAIN_CLASS: ClassProfile = {
  isOnline: true,
  tiers: [],
  minimumDays: 0,
  minimumBytes: 0,
  overheadBytes: { own: 0, standard: 0 },
};

const INFREQUENT: ClassProfile = { ...PLAIN_CLASS, minimumDays: 30, minimumBytes: 128 * 1024 };

/** An archived object is billed 32 KiB more in its own class, for its index, and 8 KiB in STANDARD, for its name. */
const ARCHIVE_OVERHEAD = { own: 32 * 1024, standard: 8 * 1024 } as const;

const ARCHIVE_TIERS: readonly ThawTier[] = [
  { name: 'expedited', minHours: 1 / 60, maxHours: 5 / 60 },
  { name: 'standard', minHours: 3, maxHours: 5 },
  { name: 'bulk', minHours: 5, maxHours: 12 },
];

const DEEP_ARCHIVE_TIERS: readonly ThawTier[] = [
  { name: 'standard', minHours: 0, maxHours: 12 },
  { name: 'bulk', minHours: 0, maxHours: 48 },
];

export const AWS: ProviderProfile = {
  id: 'aws',
  name: 'Amazon S3',
  // Suffixes of the partitions in the SDK's endpoint rules; regional, dual-stack, FIPS, VPC and accelerated endpoints
  // are below them. Those of closed government partitions are left out.
  hosts: ['amazonaws.com', 'amazonaws.com.cn', 'amazonaws.eu', 'api.aws'],
  quirks: {
    conditionalPut: 'honoured',
    conditionalComplete: 'honoured',
    checksum: 'sha256',
    pathStyle: false,
    isSinglePut: false,
    hasTags: true,
    restore: 'tiers',
    listsRestoreStatus: true,
  },
  classes: {
    STANDARD: PLAIN_CLASS,
    // Objects under 128 KB are kept in the frequent tier. The archive tiers are off unless the bucket turns them on.
    INTELLIGENT_TIERING: {
      ...PLAIN_CLASS,
      archiveTiers: { ARCHIVE_ACCESS: ARCHIVE_TIERS, DEEP_ARCHIVE_ACCESS: DEEP_ARCHIVE_TIERS },
    },
    STANDARD_IA: INFREQUENT,
    ONEZONE_IA: INFREQUENT,
    GLACIER_IR: { ...INFREQUENT, minimumDays: 90 },
    GLACIER: {
      isOnline: false,
      tiers: ARCHIVE_TIERS,
      minimumDays: 90,
      minimumBytes: 0,
      overheadBytes: ARCHIVE_OVERHEAD,
    },
    DEEP_ARCHIVE: {
      isOnline: false,
      tiers: DEEP_ARCHIVE_TIERS,
      minimumDays: 180,
      minimumBytes: 0,
      overheadBytes: ARCHIVE_OVERHEAD,
    },
  },
};
