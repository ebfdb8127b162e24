/**
 * The profiles of services whose every class is read at once, so that nothing is ever thawed. Owns facts about classes
 * and calls; prices are the user's.
 */
import { PLAIN_CLASS } from './provider-aws.ts';
import { CAUTIOUS } from './provider-servers.ts';
import type { ProviderProfile } from './providers.ts';

const ONE_CLASS = { STANDARD: PLAIN_CLASS } as const;

/** Refuses x-amz-checksum headers. */
const BACKBLAZE: ProviderProfile = {
  id: 'backblaze',
  name: 'Backblaze B2',
  hosts: ['backblazeb2.com'],
  quirks: CAUTIOUS,
  classes: ONE_CLASS,
};

/** Bills every object for 90 days at least. */
const WASABI: ProviderProfile = {
  id: 'wasabi',
  name: 'Wasabi',
  hosts: ['wasabisys.com'],
  quirks: { ...CAUTIOUS, hasTags: true },
  classes: { STANDARD: { ...PLAIN_CLASS, minimumDays: 90 } },
};

const CLOUDFLARE: ProviderProfile = {
  id: 'cloudflare',
  name: 'Cloudflare R2',
  hosts: ['r2.cloudflarestorage.com'],
  quirks: { ...CAUTIOUS, conditionalPut: 'honoured' },
  classes: { STANDARD: PLAIN_CLASS, STANDARD_IA: { ...PLAIN_CLASS, minimumDays: 30 } },
};

/** The XML API: the archive is online like the rest, If-None-Match is ignored, and checksum headers are refused. */
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

const DIGITALOCEAN: ProviderProfile = {
  id: 'digitalocean',
  name: 'DigitalOcean Spaces',
  hosts: ['digitaloceanspaces.com'],
  quirks: CAUTIOUS,
  classes: ONE_CLASS,
};

const HETZNER: ProviderProfile = {
  id: 'hetzner',
  name: 'Hetzner Object Storage',
  hosts: ['your-objectstorage.com'],
  quirks: CAUTIOUS,
  classes: ONE_CLASS,
};

const STORJ: ProviderProfile = {
  id: 'storj',
  name: 'Storj',
  hosts: ['storjshare.io'],
  quirks: CAUTIOUS,
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
