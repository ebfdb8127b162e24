/**
 * The meanings of S3's error codes, statuses and other failures of a request, each with what the user can do. A table;
 * s3-errors.ts chooses from it.
 */
import { formatDuration } from '../base/units.ts';
import type { Fault } from './s3-faults.ts';

/** What a text may speak of. */
export interface MeaningWords {
  readonly action: string;
  readonly bucket: string;
  readonly endpoint: string;
  readonly region: string;
  readonly rightRegion?: string | undefined;
  readonly storageClass: string;
  readonly aheadMs?: number | undefined;
  /** The store's own words, or the system's. */
  readonly detail: string;
}

/** A stable code, what went wrong, and what to do. */
export interface Meaning {
  readonly code: string;
  readonly text: (words: MeaningWords) => string;
  readonly hint?: (words: MeaningWords) => string;
}

const NO_BUCKET: Meaning = {
  code: 'no-bucket',
  text: ({ bucket, endpoint }) => `there is no bucket ${bucket} at ${endpoint}`,
  hint: () => 'check its name and the endpoint, or create the bucket first: icecore makes none',
};
const DENIED: Meaning = {
  code: 'access-denied',
  text: ({ action, detail }) => `permission denied: it takes ${missingAction(detail) ?? action}`,
  hint: ({ action }) =>
    'allow it in the policies of the user and of the bucket (doctor prints them); ' +
    // Whoever may not list is not told that an object is missing.
    (action === 's3:GetObject' ? 'without s3:ListBucket a store says the same of what is not there; ' : '') +
    'with a KMS key also kms:GenerateDataKey and kms:Decrypt, and in a bucket whose requester pays, requester-pays=true in the URL',
};
const BAD_KEY: Meaning = {
  code: 'bad-access-key',
  text: ({ endpoint }) => `the access key is not known at ${endpoint}`,
  hint: () => 'check AWS_ACCESS_KEY_ID or the profile (AWS_PROFILE): the key may be deleted, or of another service',
};
const EXPIRED: Meaning = {
  code: 'credentials-expired',
  text: () => 'the credentials have expired, and there are no newer ones',
  hint: () =>
    'sign in again (aws sso login), or renew AWS_SESSION_TOKEN, and run the command again; ' +
    'what is stored already is kept and used again',
};
const SKEW: Meaning = {
  code: 'clock-skew',
  text: ({ aheadMs }) => {
    if (aheadMs === undefined) return 'the clock of this host is wrong';
    return `the clock of this host is ${formatDuration(Math.abs(aheadMs))} ${aheadMs > 0 ? 'behind' : 'ahead'}`;
  },
  hint: () => 'set the clock (timedatectl set-ntp true) and run the command again',
};
const WRONG_REGION: Meaning = {
  code: 'wrong-region',
  text: ({ bucket, region, rightRegion }) =>
    rightRegion === undefined || rightRegion === region
      ? `the bucket ${bucket} is not in the region ${region}`
      : `the bucket ${bucket} is in the region ${rightRegion}, not ${region}`,
  hint: ({ region, rightRegion }) =>
    rightRegion === undefined || rightRegion === region
      ? 'put the right one into the URL (region=…)'
      : `put region=${rightRegion} into the URL, or leave the region out`,
};
const KMS: Meaning = {
  code: 'kms-denied',
  text: ({ detail }) => `the KMS key cannot be used: ${detail}`,
  hint: () =>
    'the key must exist in the region of the bucket, be enabled, and allow kms:GenerateDataKey and kms:Decrypt',
};
const CLASS: Meaning = {
  code: 'storage-class-refused',
  text: ({ storageClass }) => `the store does not take the storage class ${storageClass}`,
  hint: () => 'choose one that it has with --storage-class',
};
const QUOTA: Meaning = {
  code: 'store-quota',
  text: () => 'the quota of the store is used up',
  hint: () => 'raise it, or forget and prune old snapshots; what is stored already is kept and used again',
};
const COLD: Meaning = {
  code: 'object-cold',
  text: () => 'the object is archived and must be thawed before it can be read',
  hint: () => 'icecore restore thaws what it needs, and shows the price first',
};
const THROTTLED: Meaning = {
  code: 'store-throttled',
  text: () => 'the store asks for fewer requests',
  hint: () => 'run it again later; what is stored already is kept and used again',
};
const SERVER: Meaning = {
  code: 'server-error',
  text: ({ endpoint, detail }) => `${endpoint} has a fault${detail === '' ? '' : `: ${detail}`}`,
  hint: () => 'see the status of the service, and run the command again later; what is stored already is kept',
};
const UNREACHABLE: Meaning = {
  code: 'store-unreachable',
  text: ({ endpoint, detail }) => `no answer from ${endpoint}${detail === '' ? '' : `: ${detail}`}`,
  hint: () =>
    'check the network, the endpoint in the URL, and that the service runs; then run the command again; ' +
    'what is stored already is kept and used again',
};
const NO_HOST: Meaning = {
  code: 'unknown-host',
  text: ({ endpoint, detail }) => `there is no host of the name ${missingHost(detail) ?? endpoint}`,
  hint: () =>
    'check the endpoint, the region and the network; a store without bucket names in its host takes path-style=true',
};

const UPLOAD_LOST: Meaning = {
  code: 'upload-lost',
  text: () => 'the store has dropped the unfinished upload, or a part of it',
  hint: () => 'run the command again; a lifecycle rule that ends uploads must give them a day at least',
};
const NOT_S3: Meaning = {
  code: 'not-s3',
  text: ({ endpoint, detail }) => `${endpoint} does not answer as S3 does${detail === '' ? '' : `: ${detail}`}`,
  hint: () => 'check the endpoint in the URL, and for a proxy or a sign-in page in between',
};

/** By S3's error codes, and by the names of system errors. */
export const BY_CODE: Readonly<Record<string, Meaning>> = {
  NoSuchBucket: NO_BUCKET,
  AccessDenied: DENIED,
  AllAccessDisabled: DENIED,
  Forbidden: DENIED,
  Unauthorized: DENIED,
  UnauthorizedAccess: DENIED,
  InvalidAccessKeyId: BAD_KEY,
  InvalidToken: {
    code: 'bad-session-token',
    text: () => 'the session token does not fit the access key',
    hint: () => 'set AWS_SESSION_TOKEN together with the key that it was issued for, or unset it',
  },
  SignatureDoesNotMatch: {
    code: 'bad-secret-key',
    text: () => 'the secret key is wrong',
    hint: () => 'check AWS_SECRET_ACCESS_KEY or the profile; a proxy that changes requests has the same effect',
  },
  ExpiredToken: EXPIRED,
  ExpiredTokenException: EXPIRED,
  TokenRefreshRequired: EXPIRED,
  RequestTimeTooSkewed: SKEW,
  RequestInTheFuture: SKEW,
  RequestExpired: SKEW,
  PermanentRedirect: WRONG_REGION,
  TemporaryRedirect: WRONG_REGION,
  AuthorizationHeaderMalformed: WRONG_REGION,
  IllegalLocationConstraintException: WRONG_REGION,
  KMSAccessDeniedException: KMS,
  KMSDisabledException: KMS,
  KMSInvalidStateException: KMS,
  KMSNotFoundException: KMS,
  'KMS.AccessDeniedException': KMS,
  'KMS.DisabledException': KMS,
  'KMS.KMSInvalidStateException': KMS,
  'KMS.NotFoundException': KMS,
  KMSNotConfigured: KMS,
  InvalidStorageClass: CLASS,
  InvalidObjectState: COLD,
  QuotaExceeded: QUOTA,
  TotalQuotaExceeded: QUOTA,
  XMinioAdminBucketQuotaExceeded: QUOTA,
  XMinioStorageFull: {
    code: 'store-full',
    text: () => 'no space left on the disks of the store',
    hint: () => 'make room there, or forget and prune old snapshots; what is stored already is kept and used again',
  },
  EntityTooLarge: {
    code: 'object-too-large',
    text: () => 'the object is larger than the store takes',
    hint: () => 'choose a smaller --pack-size; a proxy before the store may have a limit of its own',
  },
  NoSuchUpload: UPLOAD_LOST,
  InvalidPart: UPLOAD_LOST,
  NotImplemented: {
    code: 'store-unsupported',
    text: ({ detail }) => `the store cannot do that${detail === '' ? '' : `: ${detail}`}`,
    hint: () => 'name its provider in the URL (provider=…), so that only what it can do is asked of it',
  },
  ENOTFOUND: NO_HOST,
  EAI_AGAIN: NO_HOST,
  EAI_NODATA: NO_HOST,
};

/** By status, where a code says nothing. */
export const BY_STATUS: Readonly<Record<number, Meaning>> = {
  401: DENIED,
  403: DENIED,
  404: NOT_S3,
  405: NOT_S3,
  413: BY_CODE.EntityTooLarge!,
  501: BY_CODE.NotImplemented!,
  507: QUOTA,
};

/** By what the failure was, where nothing else says it. `tls` stands for all that fails while a connection is secured. */
export const BY_FAULT: Readonly<Record<Fault | 'tls', Meaning>> = {
  throttled: THROTTLED,
  'server-error': SERVER,
  unreachable: UNREACHABLE,
  conflict: {
    code: 'store-conflict',
    text: () => 'others keep changing the same object',
    hint: () => 'see what else writes to the bucket, and run the command again',
  },
  corrupted: {
    code: 'bytes-changed',
    text: () => 'what arrived was not what was sent, again and again',
    hint: () => 'the network, a proxy, or the memory of this host changes bytes: find out which before going on',
  },
  foreign: NOT_S3,
  skew: SKEW,
  expired: EXPIRED,
  elsewhere: WRONG_REGION,
  credentials: {
    code: 'no-credentials',
    text: ({ detail }) => `no credentials${detail === '' ? '' : `: ${detail}`}`,
    hint: () =>
      'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE for a profile in ~/.aws; with SSO, sign in first',
  },
  tls: {
    code: 'tls-failed',
    text: ({ endpoint, detail }) => `no secure connection to ${endpoint}: ${tlsReason(detail)}`,
    hint: () =>
      'for a certificate of your own authority, set NODE_EXTRA_CA_CERTS to its file; for a server without TLS, write http://',
  },
  final: {
    code: 'request-refused',
    text: ({ detail }) => detail || 'the store refuses the request',
    hint: () =>
      'icecore doctor tries what the store can do; name its provider in the URL where it is known (provider=…)',
  },
};

/** The permission that a refusal names: it may be another than the one of the request (s3:ListBucket for a missing key). */
function missingAction(detail: string): string | undefined {
  return /not authorized to perform: (\w+:\w+)/.exec(detail)?.[1];
}

/** The host name in a failed look-up: with the bucket's name before it, it is not the one that was given. */
function missingHost(detail: string): string | undefined {
  return /\b(?:ENOTFOUND|EAI_AGAIN|EAI_NODATA) (\S+)/.exec(detail)?.[1];
}

/** OpenSSL's reason, out of a line that is about its source files. */
function tlsReason(detail: string): string {
  return /:SSL routines:[^:]*:([^:]+):/.exec(detail)?.[1] ?? detail;
}
