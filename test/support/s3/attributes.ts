/**
 * What a PUT says of an object beside its bytes, and what a GET or HEAD tells of it: class, encryption, metadata, tags,
 * Object Lock, in headers. Validates as S3 does.
 */

import type { LooseHeaders } from './answer.ts';
import { restoreHeader } from './archive.ts';
import type { BucketState, ObjectVersion, VersionAttributes } from './bucket.ts';
import { checksumHeader } from './checksums.ts';
import { CLASSES } from './classes.ts';
import { authorise, type Context } from './context.ts';
import { invalidArgument, S3Error } from './errors.ts';
import { lockOf } from './lock.ts';
import { tagsOfHeader } from './tagging.ts';

/** Standard headers that are kept with an object. */
const KEPT_HEADERS = [
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-type',
  'expires',
  'x-amz-website-redirect-location',
];

const META = 'x-amz-meta-';
/** Bytes of user metadata, names and values together. */
const MAX_METADATA_BYTES = 2048;

/** What a new object shall be, by the request's headers and the bucket's defaults. @throws S3Error */
export function attributesOf(context: Context, bucket: BucketState): VersionAttributes {
  const { request, world } = context;
  checkAcl(context, bucket);
  const tagging = request.header('x-amz-tagging');
  if (tagging !== undefined && world.quirks.tags === 'refused') throw new S3Error('NotImplemented');
  if (tagging !== undefined) authorise(context, 's3:PutObjectTagging', request.key);
  const hasTags = tagging !== undefined && world.quirks.tags === 'kept';
  return {
    storageClass: storageClassOf(context),
    encryption: encryptionOf(context, bucket),
    metadata: metadataOf(context),
    headers: headersToKeep(context),
    tags: hasTags ? tagsOfHeader(tagging) : {},
    ...lockOf(context, bucket),
  };
}

/** Headers that describe a version. */
export function describeVersion(context: Context, version: ObjectVersion): LooseHeaders {
  const { world } = context;
  const tagCount = Object.keys(version.tags).length;
  const { retention } = version;
  return {
    'content-type': 'binary/octet-stream',
    ...version.headers,
    ...Object.fromEntries(Object.entries(version.metadata).map(([name, value]) => [META + name, value])),
    etag: `"${version.etag}"`,
    'last-modified': new Date(version.modified).toUTCString(),
    'accept-ranges': 'bytes',
    'x-amz-storage-class': version.storageClass === 'STANDARD' ? undefined : version.storageClass,
    'x-amz-archive-status': version.archiveTier,
    'x-amz-restore': restoreHeader(version, world.clock.now()),
    'x-amz-tagging-count': tagCount === 0 ? undefined : tagCount,
    ...versionHeader(bucketVersioned(context), version),
    ...encryptionHeaders(version),
    'x-amz-object-lock-mode': retention?.mode,
    'x-amz-object-lock-retain-until-date': retention && new Date(retention.until).toISOString(),
    'x-amz-object-lock-legal-hold': version.hasLegalHold ? 'ON' : undefined,
  };
}

/** The headers of a version's checksum, for who asked with x-amz-checksum-mode. */
export function checksumHeaders({ checksum }: Pick<ObjectVersion, 'checksum'>): LooseHeaders {
  return checksum === undefined
    ? {}
    : { [checksumHeader(checksum.algorithm)]: checksum.value, 'x-amz-checksum-type': checksum.type };
}

/** The headers of a version's encryption. */
export function encryptionHeaders({ encryption }: Pick<ObjectVersion, 'encryption'>): LooseHeaders {
  return {
    'x-amz-server-side-encryption': encryption?.algorithm,
    'x-amz-server-side-encryption-aws-kms-key-id': encryption?.kmsKey,
  };
}

/** The header of a version's id, where the bucket has (or had) versions. */
export function versionHeader(isVersioned: boolean, version: Pick<ObjectVersion, 'versionId'>): LooseHeaders {
  return { 'x-amz-version-id': isVersioned ? version.versionId : undefined };
}

function bucketVersioned({ world, request }: Context): boolean {
  return world.buckets.get(request.bucket ?? '')?.settings.versioning !== 'off';
}

/** The class that a request asks for. @throws InvalidStorageClass */
export function storageClassOf({ request, world }: Context): string {
  const name = request.header('x-amz-storage-class') ?? 'STANDARD';
  const known = world.quirks.classes ?? Object.keys(CLASSES);
  if (known.includes(name)) return name;
  throw new S3Error('InvalidStorageClass', {
    message: 'The storage class you specified is not valid',
    fields: { StorageClassRequested: name },
  });
}

function encryptionOf({ request, world }: Context, bucket: BucketState): ObjectVersion['encryption'] {
  if (request.headersWith('x-amz-server-side-encryption-customer-').size > 0) {
    throw new S3Error('NotImplemented', { message: 'This server keeps no keys of customers' });
  }
  const algorithm = request.header('x-amz-server-side-encryption') ?? bucket.settings.encryption?.algorithm;
  if (algorithm === undefined) return undefined;
  if (!['AES256', 'aws:kms', 'aws:kms:dsse'].includes(algorithm)) {
    throw new S3Error('InvalidEncryptionAlgorithmError', {
      message: 'The Encryption request you specified is not valid. Supported value: AES256.',
      fields: { ArgumentName: 'x-amz-server-side-encryption', ArgumentValue: algorithm },
    });
  }
  const key = request.header('x-amz-server-side-encryption-aws-kms-key-id');
  if (algorithm === 'AES256') {
    if (key === undefined) return { algorithm };
    throw invalidArgument(
      'x-amz-server-side-encryption',
      algorithm,
      'A KMS key requires the header x-amz-server-side-encryption: aws:kms',
    );
  }
  const kmsKey = key ?? bucket.settings.encryption?.kmsKey ?? `arn:aws:kms:${world.region}:111122223333:alias/aws/s3`;
  return { algorithm, kmsKey };
}

function metadataOf({ request }: Context): Record<string, string> {
  const found = [...request.headersWith(META)].map(([name, value]) => [name.slice(META.length), value] as const);
  const size = found.reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + Buffer.byteLength(value), 0);
  if (size > MAX_METADATA_BYTES) {
    throw new S3Error('MetadataTooLarge', {
      message: 'Your metadata headers exceed the maximum allowed metadata size',
      fields: { Size: size, MaxSizeAllowed: MAX_METADATA_BYTES },
    });
  }
  return Object.fromEntries(found);
}

function headersToKeep({ request }: Context): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of KEPT_HEADERS) {
    let value = request.header(name);
    // The framing of the transfer is no property of the object.
    if (name === 'content-encoding') value = value?.replace(/^aws-chunked,?\s*|,?\s*aws-chunked$/, '');
    if (value !== undefined && value !== '') kept[name] = value;
  }
  return kept;
}

function checkAcl({ request }: Context, bucket: BucketState): void {
  const acl = request.header('x-amz-acl');
  const hasGrants = request.headersWith('x-amz-grant-').size > 0;
  if (bucket.settings.ownership !== 'BucketOwnerEnforced') return;
  if ((acl === undefined || acl === 'bucket-owner-full-control') && !hasGrants) return;
  throw new S3Error('AccessControlListNotSupported', { message: 'The bucket does not allow ACLs' });
}
