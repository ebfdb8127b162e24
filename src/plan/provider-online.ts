/**
 * The profiles of services whose every class is read at once, so that nothing is ever thawed. Owns facts about classes
 * and calls; prices are the user's. A service without a source beside it was described nowhere that was looked at: it
 * has the cautious values.
 */
import { PLAIN_CLASS } from './provider-aws.ts';
import { CAUTIOUS } from './provider-servers.ts';
import type { ProviderProfile } from './providers.ts';

const ONE_CLASS = { STANDARD: PLAIN_CLASS } as const;

/**
 * Refuses x-amz-checksum headers, and x-amz-tagging too (B2 S3 API reference, "S3 Copy Object"). Conditions on writes
 * are in no document of its own.
 */
const BACKBLAZE: ProviderProfile = {
  id: 'backblaze',
  name: 'Backblaze B2',
  hosts: ['backblazeb2.com'],
  quirks: CAUTIOUS,
  classes: ONE_CLASS,
};

/** Bills every object for 90 days at least. Its operations on objects (January 2025) name no conditions on writes. */
const WASABI: ProviderProfile = {
  id: 'wasabi',
  name: 'Wasabi',
  hosts: ['wasabisys.com'],
  quirks: CAUTIOUS,
  classes: { STANDARD: { ...PLAIN_CLASS, minimumDays: 90 } },
};

/**
 * Sources: R2 docs, "Conditional operations" (put and completion), "S3 API compatibility" (SHA-256 among the checksum
 * algorithms; no object tags). The 30 days of Infrequent Access are from others' descriptions of it.
 */
const CLOUDFLARE: ProviderProfile = {
  id: 'cloudflare',
  name: 'Cloudflare R2',
  hosts: ['r2.cloudflarestorage.com'],
  quirks: { ...CAUTIOUS, conditionalPut: 'honoured', conditionalComplete: 'honoured', checksum: 'sha256' },
  classes: { STANDARD: PLAIN_CLASS, STANDARD_IA: { ...PLAIN_CLASS, minimumDays: 30 } },
};

/**
 * The XML API: the archive is online like the rest, If-None-Match is ignored, and checksum headers are refused. Source
 * of the durations: Cloud Storage documentation, "Storage classes".
 */
const GOOGLE: ProviderProfile = {
  id: 'google',
  name: 'Google Cloud Storage',
  hosts: ['storage.googleapis.com'],
  quirks: CAUTIOUS,
  classes: {
    STANDARD: PLAIN_CLASS,
    NEARLINE: { ...PLAIN_CLASS, minimumDays: 30 },
    COLDLINE: { ...PLAIN_CLASS, minimumDays: 90 },
    ARCHIVE: { ...PLAIN_CLASS, minimumDays: 365 },
  },
};

/** Source: Spaces API reference (object tags are supported). Conditions on writes are not mentioned. */
const DIGITALOCEAN: ProviderProfile = {
  id: 'digitalocean',
  name: 'DigitalOcean Spaces',
  hosts: ['digitaloceanspaces.com'],
  quirks: { ...CAUTIOUS, hasTags: true },
  classes: ONE_CLASS,
};

const HETZNER: ProviderProfile = {
  id: 'hetzner',
  name: 'Hetzner Object Storage',
  hosts: ['your-objectstorage.com'],
  quirks: CAUTIOUS,
  classes: ONE_CLASS,
};

/** Source: storj/edge issue 564 (closed in 2025): If-None-Match on put and completion. */
const STORJ: ProviderProfile = {
  id: 'storj',
  name: 'Storj',
  hosts: ['storjshare.io'],
  quirks: { ...CAUTIOUS, conditionalPut: 'honoured', conditionalComplete: 'honoured' },
  classes: ONE_CLASS,
};

const IDRIVE: ProviderProfile = {
  id: 'idrive',
  name: 'IDrive e2',
  hosts: ['idrivee2.com', 'idrivee2-*.com'],
  quirks: CAUTIOUS,
  classes: ONE_CLASS,
};

const LINODE: ProviderProfile = {
  id: 'linode',
  name: 'Akamai (Linode) Object Storage',
  hosts: ['linodeobjects.com'],
  quirks: CAUTIOUS,
  classes: ONE_CLASS,
};

export const ONLINE_SERVICES: readonly ProviderProfile[] = [
  BACKBLAZE,
  WASABI,
  CLOUDFLARE,
  GOOGLE,
  DIGITALOCEAN,
  HETZNER,
  STORJ,
  IDRIVE,
  LINODE,
];
