/**
 * The profiles of S3 servers that people run themselves, at any host name, and of a store that nobody has described.
 * They are chosen by `provider=` in the repository's URL. Owns facts about calls; a server bills nothing.
 */
import { PLAIN_CLASS } from './provider-aws.ts';
import type { ProviderProfile, ProviderQuirks } from './providers.ts';

/** What holds where nothing is known: nothing is relied on, and nothing but plain calls is needed. */
export const CAUTIOUS: ProviderQuirks = {
  conditionalPut: 'ignored',
  conditionalComplete: 'ignored',
  checksum: 'none',
  pathStyle: true,
  isSinglePut: false,
  hasTags: false,
  restore: 'none',
  listsRestoreStatus: false,
};

const ONE_CLASS = { STANDARD: PLAIN_CLASS } as const;

/** A store that no profile fits. Its checksum header is sent until it is refused, as most stores of today take it. */
export const GENERIC: ProviderProfile = {
  id: 'generic',
  name: 'S3-compatible store',
  hosts: [],
  quirks: { ...CAUTIOUS, checksum: 'sha256' },
  classes: ONE_CLASS,
};

/**
 * Version 16 was tried: it honours the condition on PUT and ignores it on completion; RestoreObject is answered 501.
 * Source of the tags: Ceph documentation, "Ceph Object Gateway S3 API".
 */
const CEPH: ProviderProfile = {
  id: 'ceph',
  name: 'Ceph RGW',
  hosts: [],
  quirks: { ...CAUTIOUS, conditionalPut: 'honoured', hasTags: true },
  classes: ONE_CLASS,
};

/** Source: minio/minio, cmd/object-handlers.go and cmd/object-multipart-handlers.go: both look at the condition. */
const MINIO: ProviderProfile = {
  id: 'minio',
  name: 'MinIO',
  hosts: [],
  quirks: {
    ...CAUTIOUS,
    conditionalPut: 'honoured',
    conditionalComplete: 'honoured',
    checksum: 'sha256',
    hasTags: true,
  },
  classes: ONE_CLASS,
};

/** Source: Garage reference manual, "S3 compatibility status": few x-amz- headers, and neither tags nor conditions. */
const GARAGE: ProviderProfile = { id: 'garage', name: 'Garage', hosts: [], quirks: CAUTIOUS, classes: ONE_CLASS };

/** Source: seaweedfs issue 8800 (March 2026): of three concurrent creators, all won in version 4.16. */
const SEAWEEDFS: ProviderProfile = {
  id: 'seaweedfs',
  name: 'SeaweedFS',
  hosts: [],
  quirks: CAUTIOUS,
  classes: ONE_CLASS,
};

/**
 * Version 1.8 was tried: conditions hold on both calls, RestoreObject is answered 501, every class reads STANDARD.
 * Checksums and tags: versitygw issues 1549 and 1662 (2025).
 */
const VERSITYGW: ProviderProfile = {
  id: 'versitygw',
  name: 'Versity S3 Gateway',
  hosts: [],
  quirks: {
    ...CAUTIOUS,
    conditionalPut: 'honoured',
    conditionalComplete: 'honoured',
    checksum: 'sha256',
    hasTags: true,
  },
  classes: ONE_CLASS,
};

export const SERVERS: readonly ProviderProfile[] = [CEPH, MINIO, GARAGE, SEAWEEDFS, VERSITYGW];
