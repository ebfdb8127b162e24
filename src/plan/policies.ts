/**
 * The least permissions that each role needs in a bucket, as IAM policies ready to paste, and the lifecycle rules that a
 * bucket of ours should have. Owns which kinds of objects a role reads and writes; asks nothing, and knows no account.
 *
 * Semantics relied on, as the S3 user guide and the service authorization reference state them:
 * - CompleteMultipartUpload, CreateMultipartUpload and UploadPart are all authorized as `s3:PutObject`. The first one
 *   and PutObject create an object and carry `If-None-Match`; the others cannot, and `s3:ObjectCreationOperation` is
 *   what tells them apart ("Enforce conditional writes on Amazon S3 buckets").
 * - Without `s3:ListBucket` for a name, a GET of a missing object answers 403 and not 404; the name then counts as
 *   `s3:prefix`, so that a listing right that is narrowed to the prefix is enough.
 * - `s3:prefix` is no condition key of `s3:ListBucketMultipartUploads`: that one shows the names of all unfinished uploads.
 * - Multipart uploads under a KMS key take `kms:Decrypt` as well as `kms:GenerateDataKey`.
 */
import { kindPrefix, MARKER_NAME, PROBE_PREFIX } from '../format/layout.ts';
import { type KeyStatement, keyStatement, partitionOf } from './kms-policy.ts';

/**
 * What somebody does with a repository. `writer`: a host that backs up, and reads and deletes no backup. `reader`: lists
 * and restores. `admin`: creates, prunes, changes settings, runs every check of `doctor`.
 */
export type PolicyRole = 'writer' | 'reader' | 'admin';

/** All roles, the least able one first. */
export const POLICY_ROLES: readonly PolicyRole[] = ['writer', 'reader', 'admin'];

/** The place that a policy is about. `prefix` has no slash at either end and may be empty. */
export interface PolicyPlace {
  readonly bucket: string;
  readonly prefix: string;
  /** Decides between the partitions of AWS (`aws`, `aws-cn`, `aws-us-gov`). */
  readonly region?: string;
  /** Id, ARN or alias of the key that objects are encrypted with. */
  readonly kmsKey?: string;
  /** Objects are stored with tags. */
  readonly usesTags?: boolean;
}

/** One statement of a policy; the field names are those of IAM. */
export interface PolicyStatement {
  readonly Sid: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Action: readonly string[];
  readonly Resource: readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

/** An IAM policy that can be attached to a user, a group or a role. */
export interface Policy {
  readonly Version: '2012-10-17';
  readonly Statement: readonly (PolicyStatement | KeyStatement)[];
}

/** What a role may do with the objects of the repository: prefixes and names, `''` for all of them. */
interface RoleRights {
  readonly bucket: readonly string[];
  readonly reads: readonly string[];
  readonly adds: readonly string[];
  readonly aborts: readonly string[];
  readonly deletes: readonly string[];
  readonly thaws: readonly string[];
}

const PACKS = [kindPrefix('pack'), kindPrefix('meta')];
const ALL = [''];

const RIGHTS: Readonly<Record<PolicyRole, RoleRights>> = {
  writer: {
    bucket: ['s3:GetBucketLocation', 's3:ListBucketMultipartUploads'],
    // Not packs/ and meta/, which it could not open anyway, and not keys/, where passphrases could be tried.
    reads: [
      MARKER_NAME,
      ...(['claim', 'config', 'gc', 'index', 'snapshot'] as const).map((kind) => kindPrefix(kind)),
      PROBE_PREFIX,
    ],
    // Not config/, gc/ and keys/: whoever takes the next number there stops everybody, however bad the signature.
    adds: [...(['claim', 'index', 'snapshot'] as const).map((kind) => kindPrefix(kind)), ...PACKS, PROBE_PREFIX],
    aborts: [...PACKS, PROBE_PREFIX],
    deletes: [],
    thaws: [],
  },
  reader: {
    bucket: ['s3:GetBucketLocation'],
    reads: ALL,
    // A restore of archived packs is a job that any machine with the key can go on with, so it lies in the repository.
    adds: [kindPrefix('thaw')],
    aborts: [],
    deletes: [],
    thaws: PACKS,
  },
  admin: {
    bucket: [
      's3:GetBucketLocation',
      's3:ListBucketMultipartUploads',
      's3:GetBucketObjectLockConfiguration',
      's3:GetBucketPublicAccessBlock',
      's3:GetBucketVersioning',
      's3:GetEncryptionConfiguration',
      's3:GetLifecycleConfiguration',
    ],
    reads: ALL,
    adds: ALL,
    aborts: ALL,
    deletes: ALL,
    thaws: PACKS,
  },
};

/**
 * Builds the least policy of a role for one repository. Nobody, the admin included, may replace an object: what creates
 * one without `If-None-Match` is denied, whatever other policies allow.
 */
export function buildPolicy(role: PolicyRole, place: PolicyPlace): Policy {
  const rights = RIGHTS[role];
  const bucket = `arn:${partitionOf(place.region)}:s3:::${place.bucket}`;
  const base = place.prefix === '' ? '' : `${literal(place.prefix)}/`;
  const objects = (names: readonly string[]): readonly string[] =>
    names.map((name) => `${bucket}/${base}${name}${name === '' || name.endsWith('/') ? '*' : ''}`);
  const allow = (Sid: string, Action: readonly string[], names: readonly string[]): PolicyStatement[] =>
    names.length === 0 ? [] : [{ Sid, Effect: 'Allow', Action, Resource: objects(names) }];
  return {
    Version: '2012-10-17',
    Statement: [
      { Sid: 'LookAtBucket', Effect: 'Allow', Action: rights.bucket, Resource: [bucket] },
      {
        Sid: 'ListRepository',
        Effect: 'Allow',
        Action: ['s3:ListBucket'],
        Resource: [bucket],
        ...(base === '' ? {} : { Condition: { StringLike: { 's3:prefix': [`${base}*`] } } }),
      },
      ...allow('ReadObjects', ['s3:GetObject'], rights.reads),
      ...allow('AddObjects', ['s3:PutObject', ...(place.usesTags ? ['s3:PutObjectTagging'] : [])], rights.adds),
      ...allow('EndUnfinishedUploads', ['s3:AbortMultipartUpload'], rights.aborts),
      ...allow('DeleteObjects', ['s3:DeleteObject'], rights.deletes),
      ...allow('ThawPacks', ['s3:RestoreObject'], rights.thaws),
      {
        Sid: 'NeverReplaceObjects',
        Effect: 'Deny',
        Action: ['s3:PutObject'],
        Resource: objects(ALL),
        Condition: { Null: { 's3:if-none-match': 'true' }, Bool: { 's3:ObjectCreationOperation': 'true' } },
      },
      ...(place.kmsKey === undefined ? [] : [keyStatement(place.kmsKey, place.region)]),
    ],
  };
}

/** A lifecycle rule; the field names are those of S3. */
export interface LifecycleDocumentRule {
  readonly ID: string;
  readonly Status: 'Enabled';
  readonly Filter: { readonly Prefix: string };
  readonly AbortIncompleteMultipartUpload?: { readonly DaysAfterInitiation: number };
  readonly NoncurrentVersionExpiration?: { readonly NoncurrentDays: number };
  readonly Expiration?: { readonly ExpiredObjectDeleteMarker: true };
}

/** What `put-bucket-lifecycle-configuration` takes. */
export interface LifecycleDocument {
  readonly Rules: readonly LifecycleDocumentRule[];
}

/** The longest upload of one pack takes minutes; a week leaves room for a host that sleeps in the middle of one. */
const ABORT_DAYS = 7;
/** So long a delete can be undone where versions are kept. */
const OLD_VERSION_DAYS = 30;

/**
 * Builds the lifecycle rules that go with a repository: uploads that nobody ended stop costing after a week, and with
 * versioning, what was deleted is gone after a month. Nothing that is current is ever touched.
 */
export function buildLifecycle(place: Pick<PolicyPlace, 'prefix'>): LifecycleDocument {
  const Filter = { Prefix: place.prefix === '' ? '' : `${place.prefix}/` };
  return {
    Rules: [
      {
        ID: 'icecore-abort-unfinished-uploads',
        Status: 'Enabled',
        Filter,
        AbortIncompleteMultipartUpload: { DaysAfterInitiation: ABORT_DAYS },
      },
      {
        ID: 'icecore-expire-old-versions',
        Status: 'Enabled',
        Filter,
        NoncurrentVersionExpiration: { NoncurrentDays: OLD_VERSION_DAYS },
        Expiration: { ExpiredObjectDeleteMarker: true },
      },
    ],
  };
}

/** Writes a prefix so that IAM takes it literally: a star would match anything, and a dollar may begin a variable. */
function literal(prefix: string): string {
  return prefix.replace(/[*?$]/g, (character) => `\${${character}}`);
}
