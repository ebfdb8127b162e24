/** The test S3 server's multipart uploads: what they make, and everything that S3 refuses about them. */
import { createHash } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  type CompleteMultipartUploadCommandInput,
  CreateMultipartUploadCommand,
  type CreateMultipartUploadCommandInput,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  type S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { afterEach, expect, it } from 'vitest';
import { seededBytes } from '../support/random.ts';
import { clientOf, codeOf } from '../support/s3/client.ts';
import { sendRaw } from '../support/s3/raw-client.ts';
import { type S3TestServer, startS3Server } from '../support/s3/server.ts';
import type { S3ServerOptions } from '../support/s3/world.ts';

const MIB = 2 ** 20;
const FIRST = seededBytes(5 * MIB, 1);
const LAST = seededBytes(1000, 2);
const object = { Bucket: 'b', Key: 'k' };

const open: { server: S3TestServer; client: S3Client }[] = [];
afterEach(async () => {
  for (const { server, client } of open.splice(0)) {
    client.destroy();
    await server.close();
  }
});

interface Etag {
  readonly PartNumber: number;
  readonly ETag: string | undefined;
  readonly ChecksumSHA256?: string;
}

async function start(options: S3ServerOptions = {}, more: Partial<CreateMultipartUploadCommandInput> = {}) {
  const server = await startS3Server({ buckets: ['b'], ...options });
  const client = clientOf(server);
  open.push({ server, client });
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ ...object, ...more }));
  const upload = { ...object, UploadId };
  const ChecksumAlgorithm = more.ChecksumAlgorithm;
  const part = async (PartNumber: number, Body: Uint8Array): Promise<Etag> => {
    const input = { ...upload, PartNumber, Body, ...(ChecksumAlgorithm ? { ChecksumAlgorithm } : {}) };
    const { ETag, ChecksumSHA256 } = await client.send(new UploadPartCommand(input));
    return { PartNumber, ETag, ...(ChecksumSHA256 ? { ChecksumSHA256 } : {}) };
  };
  const complete = (Parts: readonly Etag[], other: Partial<CompleteMultipartUploadCommandInput> = {}) =>
    client.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts: [...Parts] }, ...other }));
  return { server, client, bucket: server.bucket('b'), upload, part, complete };
}

it('an upload becomes one object with composite tag and checksum, of the class asked for', async () => {
  const { part, complete, client, bucket } = await start(
    {},
    { ChecksumAlgorithm: 'SHA256', StorageClass: 'DEEP_ARCHIVE', Metadata: { a: '1' }, Tagging: 'k=v' },
  );
  const parts = [await part(1, FIRST), await part(2, LAST)];
  expect(bucket.keys()).toEqual([]);
  const done = await complete(parts);
  const digest = (algorithm: string) => {
    const hashes = [FIRST, LAST].map((bytes) => createHash(algorithm).update(bytes).digest());
    return createHash(algorithm).update(Buffer.concat(hashes));
  };
  expect(done.ETag).toBe(`"${digest('md5').digest('hex')}-2"`);
  const checksum = `${digest('sha256').digest('base64')}-2`;
  expect(done.ChecksumSHA256).toBe(checksum);
  const head = await client.send(new HeadObjectCommand({ ...object, ChecksumMode: 'ENABLED' }));
  expect(head).toMatchObject({
    ETag: done.ETag,
    ChecksumSHA256: checksum,
    ChecksumType: 'COMPOSITE',
    StorageClass: 'DEEP_ARCHIVE',
    Metadata: { a: '1' },
    ContentLength: FIRST.length + LAST.length,
  });
  const stored = bucket.get('k')!;
  expect(stored.content.bytes().equals(Buffer.concat([FIRST, LAST]))).toBe(true);
  expect([stored.tags, stored.partSizes]).toEqual([{ k: 'v' }, [FIRST.length, LAST.length]]);
  expect(bucket.uploads.size).toBe(0);
});

it('a part that is sent again replaces the first', async () => {
  const { part, complete, bucket } = await start();
  const old = await part(1, LAST);
  const next = await part(1, FIRST.subarray(0, 10));
  expect(await codeOf(complete([old]))).toBe('InvalidPart');
  await complete([next]);
  expect(bucket.get('k')?.content.size).toBe(10);
});

it('completions are refused that name the wrong parts', async () => {
  const { part, complete, bucket, server, upload } = await start();
  const parts = [await part(1, FIRST), await part(2, LAST), await part(3, LAST)];
  const [first, second, third] = parts as [Etag, Etag, Etag];
  expect(await codeOf(complete([second, first]))).toBe('InvalidPartOrder');
  expect(await codeOf(complete([first, first]))).toBe('InvalidPartOrder');
  expect(await codeOf(complete([first, { ...third, PartNumber: 4 }]))).toBe('InvalidPart');
  expect(await codeOf(complete([{ ...first, ETag: second.ETag }]))).toBe('InvalidPart');
  expect(await codeOf(complete(parts))).toBe('EntityTooSmall');
  expect(await codeOf(complete([]))).toBe('MalformedXML');
  expect(await codeOf(complete([first, third], { MpuObjectSize: 1 }))).toBe('InvalidRequest');
  const target = `/b/k?uploadId=${upload.UploadId}`;
  for (const body of ['', '<x/>', '<CompleteMultipartUpload>', '<!DOCTYPE x><CompleteMultipartUpload/>']) {
    expect((await sendRaw(server, { method: 'POST', target, body: Buffer.from(body) })).code, body).toBe(
      'MalformedXML',
    );
  }
  expect(bucket.keys()).toEqual([]);
  // Parts that are not named are dropped.
  await complete([first, third]);
  expect(bucket.get('k')?.content.size).toBe(FIRST.length + LAST.length);
});

it('an upload with checksums wants them with every part, and parts numbered from 1', async () => {
  const { part, complete, client, upload } = await start({}, { ChecksumAlgorithm: 'SHA256' });
  const bare = client.send(new UploadPartCommand({ ...upload, PartNumber: 1, Body: LAST }));
  expect(await codeOf(bare)).toBe('InvalidRequest');
  const first = await part(1, FIRST);
  const third = await part(3, LAST);
  expect(await codeOf(complete([{ PartNumber: 1, ETag: first.ETag }]))).toBe('InvalidRequest');
  expect(await codeOf(complete([{ ...first, ChecksumSHA256: third.ChecksumSHA256! }]))).toBe('InvalidPart');
  expect(await codeOf(complete([first, third]))).toBe('InternalError');
  expect(await codeOf(complete([first], { ChecksumSHA256: third.ChecksumSHA256! }))).toBe('BadDigest');
  expect(await codeOf(complete([first]))).toBe('none');
});

it('a completion that is create-only finds what came in between', async () => {
  const { part, complete, bucket } = await start();
  const parts = [await part(1, LAST)];
  bucket.put('k', Buffer.from('first'));
  expect(await codeOf(complete(parts, { IfNoneMatch: '*' }))).toBe('PreconditionFailed');
  expect(bucket.get('k')?.content.bytes().toString()).toBe('first');
  bucket.remove('k');
  expect(await codeOf(complete(parts, { IfNoneMatch: '*' }))).toBe('none');
});

it('a completion that is repeated word by word succeeds again, unless the store is told to forget', async () => {
  const { part, complete, bucket } = await start();
  const parts = [await part(1, LAST)];
  const done = await complete(parts, { IfNoneMatch: '*' });
  expect((await complete(parts, { IfNoneMatch: '*' })).ETag).toBe(done.ETag);
  expect(bucket.versions('k').length).toBe(1);
  expect(await codeOf(complete([{ ...parts[0]!, PartNumber: 2 }]))).toBe('NoSuchUpload');
  const forgetful = await start({ quirks: { repeatedComplete: 'no-such-upload' } });
  const others = [await forgetful.part(1, LAST)];
  await forgetful.complete(others);
  expect(await codeOf(forgetful.complete(others))).toBe('NoSuchUpload');
});

it('where a store ignores conditions on completion, the last one wins; where it refuses them, none does', async () => {
  const ignoring = await start({ quirks: { conditionalComplete: 'ignored' } });
  ignoring.bucket.put('k', Buffer.from('first'));
  await ignoring.complete([await ignoring.part(1, LAST)], { IfNoneMatch: '*' });
  expect(ignoring.bucket.get('k')?.content.size).toBe(LAST.length);
  const refusing = await start({ quirks: { conditionalComplete: 'refused' } });
  const parts = [await refusing.part(1, LAST)];
  expect(await codeOf(refusing.complete(parts, { IfNoneMatch: '*' }))).toBe('NotImplemented');
});

it('an aborted upload is gone with its parts', async () => {
  const { part, complete, client, upload, bucket } = await start();
  const first = await part(1, LAST);
  await client.send(new AbortMultipartUploadCommand(upload));
  expect(await codeOf(complete([first]))).toBe('NoSuchUpload');
  expect(await codeOf(part(2, LAST))).toBe('NoSuchUpload');
  expect(await codeOf(client.send(new AbortMultipartUploadCommand(upload)))).toBe('NoSuchUpload');
  expect(bucket.uploads.size).toBe(0);
});

it('parts and uploads are listed page by page', async () => {
  const { part, client, upload, server } = await start();
  for (const number of [3, 1, 2]) await part(number, LAST);
  const page = await client.send(new ListPartsCommand({ ...upload, MaxParts: 2 }));
  expect([page.Parts?.map(({ PartNumber }) => PartNumber), page.IsTruncated]).toEqual([[1, 2], true]);
  const rest = await client.send(new ListPartsCommand({ ...upload, PartNumberMarker: page.NextPartNumberMarker }));
  expect(rest.Parts?.map(({ PartNumber, Size }) => [PartNumber, Size])).toEqual([[3, LAST.length]]);
  server.clock.advance(1000);
  for (const Key of ['k', 'a/1', 'a/2']) await client.send(new CreateMultipartUploadCommand({ Bucket: 'b', Key }));
  const found: (string | undefined)[] = [];
  let marker: { KeyMarker?: string | undefined; UploadIdMarker?: string | undefined } | undefined = {};
  while (marker !== undefined) {
    const uploads: Awaited<ReturnType<typeof list>> = await list(marker);
    found.push(...(uploads.Uploads ?? []).map(({ UploadId }) => UploadId));
    marker = uploads.IsTruncated
      ? { KeyMarker: uploads.NextKeyMarker, UploadIdMarker: uploads.NextUploadIdMarker }
      : undefined;
  }
  const ids = [...server.bucket('b').uploads.values()].map(({ id }) => id);
  expect(found.sort()).toEqual(ids.sort());
  expect((await list({ Prefix: 'a/' })).Uploads?.map(({ Key }) => Key)).toEqual(['a/1']);

  function list(more: object) {
    return client.send(new ListMultipartUploadsCommand({ Bucket: 'b', MaxUploads: 1, ...more }));
  }
});

it('parts are copied from other objects', async () => {
  const { complete, client, upload, bucket } = await start();
  bucket.put('source', FIRST);
  const copied = await client.send(
    new UploadPartCopyCommand({ ...upload, PartNumber: 1, CopySource: 'b/source', CopySourceRange: 'bytes=10-19' }),
  );
  await complete([{ PartNumber: 1, ETag: copied.CopyPartResult?.ETag }]);
  expect(bucket.get('k')?.content.bytes().equals(FIRST.subarray(10, 20))).toBe(true);
});
