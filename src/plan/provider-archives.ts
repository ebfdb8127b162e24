/**
 * The profiles of services that have an archive of their own behind an S3 door: what must be thawed, how, and how long
 * that takes. Owns facts about classes and calls; prices are the user's. Where a service has tiers of its own that were
 * not seen to work through the S3 call, no tier is asked for, and its default counts.
 */
import { PLAIN_CLASS } from './provider-aws.ts';
import { CAUTIOUS } from './provider-servers.ts';
import type { ClassProfile, ProviderProfile } from './providers.ts';

/** What an archive class is billed for at least. */
interface ArchiveMinimum {
  readonly days?: number;
  readonly bytes?: number;
}

/** A class that is thawed by a request with days and no tier, within so many hours. */
function archive(minHours: number, maxHours: number, { days = 0, bytes = 0 }: ArchiveMinimum = {}): ClassProfile {
  const tiers = [{ name: 'standard', minHours, maxHours }] as const;
  return { ...PLAIN_CLASS, isOnline: false, tiers, minimumDays: days, minimumBytes: bytes };
}

/**
 * A part counts as an object at a restore, and at most 1,000 parts are taken. Sources: Scaleway docs, "Using
 * conditional writes" (July 2026: put and completion), "Supported checksums" (June 2025), "Supported Object Storage API
 * calls" (tags, RestoreObject), "Cold storage" FAQ (from minutes to 24 hours until a restore starts). No minimum
 * duration was found.
 */
const SCALEWAY: ProviderProfile = {
  id: 'scaleway',
  name: 'Scaleway Object Storage',
  hosts: ['scw.cloud'],
  quirks: {
    ...CAUTIOUS,
    conditionalPut: 'honoured',
    conditionalComplete: 'honoured',
    checksum: 'sha256',
    isSinglePut: true,
    hasTags: true,
    restore: 'days',
  },
  classes: { STANDARD: PLAIN_CLASS, ONEZONE_IA: PLAIN_CLASS, GLACIER: archive(0, 24) },
};

/**
 * DEEP_ARCHIVE is tape; what is called GLACIER and GLACIER_IR there is online. Sources: OVHcloud guides, "Restoring an
 * archived object from Cold Archive storage class" (March 2026: 48 hours, 180 days, no tiers, no overheads; the days of
 * a restore are billed up front, and a second request cannot shorten them), "Choosing the right storage class" (July
 * 2025: 30 days of Infrequent Access), "Conditional writes" (April 2026: put and completion), "Compliancy" (November
 * 2024: tags). The minimum of the online archive classes was not found.
 */
const OVH: ProviderProfile = {
  id: 'ovh',
  name: 'OVHcloud Object Storage',
  hosts: ['cloud.ovh.net', 'cloud.ovh.us'],
  quirks: {
    ...CAUTIOUS,
    conditionalPut: 'honoured',
    conditionalComplete: 'honoured',
    hasTags: true,
    restore: 'days',
  },
  classes: {
    STANDARD: PLAIN_CLASS,
    STANDARD_IA: { ...PLAIN_CLASS, minimumDays: 30 },
    GLACIER_IR: PLAIN_CLASS,
    GLACIER: PLAIN_CLASS,
    DEEP_ARCHIVE: archive(0, 48, { days: 180 }),
  },
};

/** Its S3 API has no RestoreObject: archived objects are thawed with its own tools. */
const ORACLE: ProviderProfile = {
  id: 'oracle',
  name: 'Oracle Cloud Object Storage',
  hosts: ['oraclecloud.com', 'customer-oci.com'],
  quirks: CAUTIOUS,
  classes: { STANDARD: PLAIN_CLASS },
};

/**
 * What S3 calls GLACIER is its Archive. Sources: OSS help, "Restore objects" (within a minute; 202, then 200, 409 while
 * it runs; 1 to 7 days), "Minimum storage duration" (March 2026: 30 and 60 days), "Storage fees" (64 KB at least), "S3
 * API on OSS" (December 2025: virtual-hosted style only; does not name RestoreObject, nor tags).
 */
const ALIBABA: ProviderProfile = {
  id: 'alibaba',
  name: 'Alibaba Cloud OSS',
  hosts: ['aliyuncs.com'],
  quirks: { ...CAUTIOUS, pathStyle: false, restore: 'days' },
  classes: {
    STANDARD: PLAIN_CLASS,
    STANDARD_IA: { ...PLAIN_CLASS, minimumDays: 30, minimumBytes: 64 * 1024 },
    GLACIER: archive(0, 1, { days: 60, bytes: 64 * 1024 }),
  },
};

/**
 * Sources: COS documents, "Direct upload to ARCHIVE" (January 2024: 3 to 5 hours, and 12 to 24 in DEEP_ARCHIVE, by the
 * standard mode), "POST Object restore" (November 2024: 100 requests a second; the tier is in an element that S3 does
 * not have). Minima were found in no document of its own: 90 and 180 days are from a course.
 */
const TENCENT: ProviderProfile = {
  id: 'tencent',
  name: 'Tencent Cloud COS',
  hosts: ['myqcloud.com', 'tencentcos.cn', 'tencentcos.com'],
  quirks: { ...CAUTIOUS, pathStyle: false, restore: 'days' },
  classes: {
    STANDARD: PLAIN_CLASS,
    STANDARD_IA: { ...PLAIN_CLASS, minimumDays: 30 },
    ARCHIVE: archive(3, 5, { days: 90 }),
    DEEP_ARCHIVE: archive(12, 24, { days: 180 }),
  },
};

/**
 * Sources: OBS API reference, "Restoring Archive or Deep Archive objects" (November 2025: 3 to 5 and 5 to 12 hours by
 * the standard tier, 1 to 30 days, the tier in an element that S3 does not have), user guide (a restore that runs
 * cannot be made faster, 409). The names of the classes are those of its SDKs. Minima were not found.
 */
const HUAWEI: ProviderProfile = {
  id: 'huawei',
  name: 'Huawei Cloud OBS',
  hosts: ['myhuaweicloud.com', 'myhuaweicloud.eu'],
  quirks: { ...CAUTIOUS, pathStyle: false, restore: 'days' },
  classes: {
    STANDARD: PLAIN_CLASS,
    STANDARD_IA: PLAIN_CLASS,
    GLACIER: archive(3, 5),
    DEEP_ARCHIVE: archive(5, 12),
  },
};

/**
 * The bucket has the class; a policy of the bucket archives, to one of two classes. Source: IBM Cloud docs, "Archiving
 * and accessing cold data" (up to 12 hours, or 2 from the accelerated one). Minima were not found.
 */
const IBM: ProviderProfile = {
  id: 'ibm',
  name: 'IBM Cloud Object Storage',
  hosts: ['cloud-object-storage.appdomain.cloud'],
  quirks: { ...CAUTIOUS, restore: 'days' },
  classes: { STANDARD: PLAIN_CLASS, GLACIER: archive(0, 12), ACCELERATED: archive(0, 2) },
};

export const ARCHIVE_SERVICES: readonly ProviderProfile[] = [SCALEWAY, OVH, ORACLE, ALIBABA, TENCENT, HUAWEI, IBM];
