/** Which operation a request is: method, bucket, key and sub-resource decide, as in S3's reference. */
import type { S3Operation } from './operations.ts';
import type { S3Request } from './request.ts';

type ByMethod = Readonly<Record<string, S3Operation>>;

/** Sub-resources of a bucket: the query parameter that names it, and the operations by method. */
const BUCKET_RESOURCES: Readonly<Record<string, ByMethod>> = {
  location: { GET: 'GetBucketLocation' },
  versioning: { GET: 'GetBucketVersioning', PUT: 'PutBucketVersioning' },
  lifecycle: { GET: 'GetBucketLifecycleConfiguration' },
  publicAccessBlock: { GET: 'GetPublicAccessBlock' },
  encryption: { GET: 'GetBucketEncryption' },
  policyStatus: { GET: 'GetBucketPolicyStatus' },
  policy: { GET: 'GetBucketPolicy' },
  acl: { GET: 'GetBucketAcl', PUT: 'PutBucketAcl' },
  cors: { GET: 'GetBucketCors' },
  ownershipControls: { GET: 'GetBucketOwnershipControls' },
  requestPayment: { GET: 'GetBucketRequestPayment' },
  tagging: { GET: 'GetBucketTagging' },
  'object-lock': { GET: 'GetObjectLockConfiguration' },
  versions: { GET: 'ListObjectVersions' },
  uploads: { GET: 'ListMultipartUploads' },
  delete: { POST: 'DeleteObjects' },
};

/** The same of an object. */
const OBJECT_RESOURCES: Readonly<Record<string, ByMethod>> = {
  tagging: { GET: 'GetObjectTagging', PUT: 'PutObjectTagging', DELETE: 'DeleteObjectTagging' },
  retention: { GET: 'GetObjectRetention', PUT: 'PutObjectRetention' },
  'legal-hold': { GET: 'GetObjectLegalHold', PUT: 'PutObjectLegalHold' },
  acl: { GET: 'GetObjectAcl', PUT: 'PutObjectAcl' },
  restore: { POST: 'RestoreObject' },
  uploads: { POST: 'CreateMultipartUpload' },
  uploadId: {
    GET: 'ListParts',
    PUT: 'UploadPart',
    POST: 'CompleteMultipartUpload',
    DELETE: 'AbortMultipartUpload',
  },
};

/** Query parameters that name sub-resources which this server does not have. */
const OTHER_RESOURCES = [
  'accelerate',
  'analytics',
  'attributes',
  'intelligent-tiering',
  'inventory',
  'logging',
  'metrics',
  'notification',
  'replication',
  'select',
  'torrent',
  'website',
];

/** The operation of a request; `Unknown` for one that this server does not have. */
export function operationOf(request: S3Request): S3Operation {
  const { method, query, bucket, key } = request;
  if (bucket === undefined) return method === 'GET' && key === undefined ? 'ListBuckets' : 'Unknown';
  if (OTHER_RESOURCES.some((name) => query.has(name))) return 'Unknown';
  const resources = key === undefined ? BUCKET_RESOURCES : OBJECT_RESOURCES;
  const resource = Object.keys(resources).find((name) => query.has(name));
  const isCopy = request.header('x-amz-copy-source') !== undefined;
  if (resource !== undefined) {
    const operation = resources[resource]![method] ?? 'Unknown';
    if (operation === 'UploadPart' && !query.has('partNumber')) return 'Unknown';
    return operation === 'UploadPart' && isCopy ? 'UploadPartCopy' : operation;
  }
  if (key === undefined) {
    const listing = query.get('list-type') === '2' ? 'ListObjectsV2' : 'ListObjects';
    const plain: ByMethod = { GET: listing, HEAD: 'HeadBucket', PUT: 'CreateBucket', DELETE: 'DeleteBucket' };
    return plain[method] ?? 'Unknown';
  }
  const plain: ByMethod = {
    GET: 'GetObject',
    HEAD: 'HeadObject',
    PUT: isCopy ? 'CopyObject' : 'PutObject',
    DELETE: 'DeleteObject',
  };
  return plain[method] ?? 'Unknown';
}
