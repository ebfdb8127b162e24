import { expect, test } from 'vitest';
import { countByKind } from '../../src/store/request-counts.ts';

test.each([
  [
    'put',
    ['PutObject', 'CreateMultipartUpload', 'UploadPart', 'CompleteMultipartUpload', 'CopyObject', 'RestoreObject'],
  ],
  ['get', ['GetObject']],
  ['list', ['ListObjectsV2', 'ListMultipartUploads', 'ListObjectVersions', 'ListParts']],
  ['stat', ['HeadObject', 'HeadBucket', 'GetBucketLocation', 'GetBucketVersioning', 'GetObjectLockConfiguration']],
  ['delete', ['DeleteObject', 'AbortMultipartUpload']],
] as const)('requests of a service count as %s', (kind, operations) => {
  const tally = operations.flatMap((operation) => [
    { operation, storageClass: 'STANDARD', count: 2 },
    { operation, storageClass: 'GLACIER', count: 1 },
  ]);
  const none = { put: 0, get: 0, list: 0, stat: 0, delete: 0 };
  expect(countByKind(tally)).toEqual({ ...none, [kind]: 3 * operations.length });
});
