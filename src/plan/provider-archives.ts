/**
 * The profiles of services that have an archive of their own behind an S3 door: what must be thawed, how, and how long
 * that takes. Owns facts about classes and calls; prices are the user's.
 */
import { PLAIN_CLASS } from './provider-aws.ts';
import { CAUTIOUS } from './provider-servers.ts';
import type { ClassProfile, ProviderProfile, ThawTier } from './providers.ts';

/** A class that is thawed in one of `tiers`. */
function archive(tiers: readonly ThawTier[], minimumDays: number, minimumBytes = 0): ClassProfile {
  return { ...PLAIN_CLASS, isOnline: false, tiers, minimumDays, minimumBytes };
}

/** Restores take days and no tier; a part counts as an object there, and at most 1,000 are taken. */
const SCALEWAY: ProviderProfile = {
  id: 'scaleway',
  name: 'Scaleway Object Storage',
  hosts: ['scw.cloud'],
  quirks: { ...CAUTIOUS, isSinglePut: true, hasTags: true, restore: 'days' },
  classes: {
    STANDARD: PLAIN_CLASS,
    ONEZONE_IA: PLAIN_CLASS,
    GLACIER: archive([{ name: 'standard', minHours: 0, maxHours: 24 }], 90),
  },
};

/** DEEP_ARCHIVE is tape; what is called GLACIER and GLACIER_IR there is online. */
const OVH: ProviderProfile = {
  id: 'ovh',
  name: 'OVHcloud Object Storage',
  hosts: ['cloud.ovh.net', 'cloud.ovh.us'],
  quirks: { ...CAUTIOUS, restore: 'days' },
  classes: {
    STANDARD: PLAIN_CLASS,
    STANDARD_IA: PLAIN_CLASS,
    GLACIER_IR: PLAIN_CLASS,
    GLACIER: PLAIN_CLASS,
    DEEP_ARCHIVE: archive([{ name: 'standard', minHours: 0, maxHours: 48 }], 180),
  },
};

/** Its S3 API has no RestoreObject: objects of its archive are thawed by its own tools. */
const ORACLE: ProviderProfile = {
  id: 'oracle',
  name: 'Oracle Cloud Object Storage',
  hosts: ['oraclecloud.com', 'customer-oci.com'],
  quirks: CAUTIOUS,
  classes: { STANDARD: PLAIN_CLASS },
};

const ALIBABA: ProviderProfile = {
  id: 'alibaba',
  name: 'Alibaba Cloud OSS',
  hosts: ['aliyuncs.com'],
  quirks: { ...CAUTIOUS, pathStyle: false, restore: 'days' },
  classes: {
    STANDARD: PLAIN_CLASS,
    STANDARD_IA: { ...PLAIN_CLASS, minimumDays: 30, minimumBytes: 64 * 1024 },
    GLACIER: archive([{ name: 'standard', minHours: 0, maxHours: 1 }], 60, 64 * 1024),
  },
};

const TENCENT: ProviderProfile = {
  id: 'tencent',
  name: 'Tencent Cloud COS',
  hosts: ['myqcloud.com', 'tencentcos.cn', 'tencentcos.com'],
  quirks: { ...CAUTIOUS, pathStyle: false, restore: 'tiers' },
  classes: { STANDARD: PLAIN_CLASS },
};

const HUAWEI: ProviderProfile = {
  id: 'huawei',
  name: 'Huawei Cloud OBS',
  hosts: ['myhuaweicloud.com', 'myhuaweicloud.eu'],
  quirks: { ...CAUTIOUS, pathStyle: false, restore: 'tiers' },
  classes: { STANDARD: PLAIN_CLASS },
};

const IBM: ProviderProfile = {
  id: 'ibm',
  name: 'IBM Cloud Object Storage',
  hosts: ['cloud-object-storage.appdomain.cloud'],
  quirks: { ...CAUTIOUS, restore: 'days' },
  classes: { STANDARD: PLAIN_CLASS },
};

export const ARCHIVE_SERVICES: readonly ProviderProfile[] = [SCALEWAY, OVH, ORACLE, ALIBABA, TENCENT, HUAWEI, IBM];
