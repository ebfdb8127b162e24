/** The test S3 server's objects, listings and versions, seen through the AWS SDK and raw requests. */
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectTaggingCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
} from '@aws-sdk/client-s3';
import { afterEach, describe, expect, it } from 'vitest';
import { codeOf } from '../support/s3/client.ts';
import { BUCKET as Bucket, type Desk, openDesk } from '../support/s3/desk.ts';
import { sendRaw } from '../support/s3/raw-client.ts';
import type { S3ServerOptions } from '../support/s3/world.ts';

const desks: Desk[] = [];
afterEach(async () => {
  for (const desk of desks.splice(0)) await desk.close();
});

async function start(options: S3ServerOptions = {}): Promise<Desk> {
  const desk = await openDesk(options);
  desks.push(desk);
  return desk;
}

describe('objects', () => {
  it('come back as they were put, with all that was said of them', async () => {
    const { put, get, head, client } = await start();
    const Key = 'sp ace/ü+&%41(1)~';
    const stored = await put(Key, {
      Metadata: { a: '1' },
      ContentType: 'text/x',
      StorageClass: 'STANDARD_IA',
      Tagging: 'k=v%20w',
      ChecksumAlgorithm: 'SHA256',
      ServerSideEncryption: 'aws:kms',
      SSEKMSKeyId: 'key-1',
    });
    expect(await get(Key)).toBe('hello');
    expect(await head(Key, { ChecksumMode: 'ENABLED' })).toMatchObject({
      ContentLength: 5,
      ETag: stored.ETag,
      Metadata: { a: '1' },
      ContentType: 'text/x',
      StorageClass: 'STANDARD_IA',
      ChecksumSHA256: 'LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=',
      ServerSideEncryption: 'aws:kms',
      SSEKMSKeyId: 'key-1',
    });
    expect((await head(Key)).ChecksumSHA256).toBeUndefined();
    const tags = await client.send(new GetObjectTaggingCommand({ Bucket, Key }));
    expect(tags.TagSet).toEqual([{ Key: 'k', Value: 'v w' }]);
    // With a KMS key the entity tag is no MD5.
    expect(stored.ETag).not.toBe((await put('plain')).ETag);
    expect((await head('plain')).StorageClass).toBeUndefined();
  });

  it.each([
    ['bytes=1-2', 206, 'el', 'bytes 1-2/5'],
    ['bytes=3-', 206, 'lo', 'bytes 3-4/5'],
    ['bytes=-2', 206, 'lo', 'bytes 3-4/5'],
    ['bytes=-9', 206, 'hello', 'bytes 0-4/5'],
    ['bytes=0-99', 206, 'hello', 'bytes 0-4/5'],
    ['bytes=2-1', 200, 'hello', undefined],
    ['words=1-2', 200, 'hello', undefined],
  ])('are read by range: %s', async (range, status, text, contentRange) => {
    const { server, put } = await start();
    await put('k');
    const answer = await sendRaw(server, { method: 'GET', target: '/b/k', headers: { range } });
    expect([answer.status, answer.body.toString(), answer.headers['content-range']]).toEqual([
      status,
      text,
      contentRange,
    ]);
  });

  it.each(['bytes=5-', 'bytes=-0', 'bytes=9-10'])('have nothing at %s', async (Range) => {
    const { put, get } = await start();
    await put('k');
    expect(await codeOf(get('k', { Range }))).toBe('InvalidRange');
  });

  it('are read, written and deleted on conditions', async () => {
    const { put, get, client, bucket } = await start();
    const { ETag } = await put('k', { IfNoneMatch: '*' });
    expect(await codeOf(put('k', { IfNoneMatch: '*', Body: 'other' }))).toBe('PreconditionFailed');
    expect(await codeOf(put('k', { IfNoneMatch: '"abc"' }))).toBe('NotImplemented');
    expect(await codeOf(put('k', { IfMatch: '"abc"' }))).toBe('PreconditionFailed');
    expect(await codeOf(put('none', { IfMatch: ETag! }))).toBe('NoSuchKey');
    expect(await codeOf(put('k', { IfMatch: ETag!, Body: 'next' }))).toBe('none');
    expect(await codeOf(get('k', { IfMatch: ETag }))).toBe('PreconditionFailed');
    expect(await codeOf(get('k', { IfNoneMatch: ETag }))).toBe('none');
    expect(await codeOf(get('k', { IfNoneMatch: '*' }))).toBe('304');
    expect(await codeOf(get('k', { IfModifiedSince: new Date(Date.now() + 60_000) }))).toBe('304');
    const remove = (IfMatch: string) => client.send(new DeleteObjectCommand({ Bucket, Key: 'k', IfMatch }));
    expect(await codeOf(remove(ETag!))).toBe('PreconditionFailed');
    expect(await codeOf(remove('*'))).toBe('none');
    expect(bucket.keys()).toEqual([]);
  });

  it.each([
    ['an unknown class', { StorageClass: 'COLD' as never }, 'InvalidStorageClass'],
    ['an unknown encryption', { ServerSideEncryption: 'ROT13' as never }, 'InvalidEncryptionAlgorithmError'],
    ['a KMS key without KMS', { ServerSideEncryption: 'AES256' as const, SSEKMSKeyId: 'k' }, 'InvalidArgument'],
    ['eleven tags', { Tagging: Array.from({ length: 11 }, (_, i) => `k${i}=v`).join('&') }, 'BadRequest'],
    ['a tag twice', { Tagging: 'k=1&k=2' }, 'InvalidTag'],
    ['a tag of an invalid name', { Tagging: 'a%3Cb=1' }, 'InvalidTag'],
    ['too much metadata', { Metadata: { a: 'x'.repeat(2048) } }, 'MetadataTooLarge'],
    ['an ACL', { ACL: 'public-read' as const }, 'AccessControlListNotSupported'],
    ['a lock in a bucket without', { ObjectLockLegalHoldStatus: 'ON' as const }, 'InvalidRequest'],
  ])('are not taken with %s', async (_, more, code) => {
    const { put, bucket } = await start();
    expect(await codeOf(put('k', more))).toBe(code);
    expect(bucket.keys()).toEqual([]);
  });

  it('are not taken under too long a key, nor without a length', async () => {
    const { put, server } = await start();
    expect(await codeOf(put('k'.repeat(1025)))).toBe('KeyTooLongError');
    const call = {
      method: 'PUT',
      target: '/b/k',
      body: Buffer.from('x'),
      unsigned: { 'transfer-encoding': 'chunked' },
    };
    expect((await sendRaw(server, call)).code).toBe('NotImplemented');
  });

  it('are copied with or without their metadata, but not onto themselves unchanged', async () => {
    const { put, client, head } = await start();
    await put('a b', { Metadata: { x: '1' }, Tagging: 'k=v' });
    const copy = (Key: string, more: object = {}) =>
      client.send(new CopyObjectCommand({ Bucket, Key, CopySource: 'b/a%20b', ...more }));
    await copy('c');
    expect((await head('c')).Metadata).toEqual({ x: '1' });
    await copy('d', { MetadataDirective: 'REPLACE', Metadata: { y: '2' } });
    expect((await head('d')).Metadata).toEqual({ y: '2' });
    expect(await codeOf(copy('a b'))).toBe('InvalidRequest');
    expect(await codeOf(copy('a b', { StorageClass: 'GLACIER' }))).toBe('none');
    expect(await codeOf(copy('e'))).toBe('ObjectNotInActiveTierError');
    expect(await codeOf(copy('e', { CopySource: 'b/none' }))).toBe('NoSuchKey');
  });
});

describe('listings', () => {
  it('come in pages of 1,000, sorted by bytes, in both versions', async () => {
    const { client, bucket } = await start();
    const keys = [...Array.from({ length: 2100 }, (_, i) => `n/${i}`), '\uffee', '\u{1f600}', 'é', 'Z', 'a'];
    for (const key of keys) bucket.put(key, Buffer.from('x'));
    const expected = keys
      .map((key) => Buffer.from(key))
      .sort(Buffer.compare)
      .map(String);
    const second: string[] = [];
    let ContinuationToken: string | undefined;
    do {
      const page = await client.send(new ListObjectsV2Command({ Bucket, ContinuationToken }));
      second.push(...page.Contents!.map(({ Key }) => Key!));
      ContinuationToken = page.NextContinuationToken;
    } while (ContinuationToken !== undefined);
    expect(second).toEqual(expected);
    const first: string[] = [];
    for (let isTruncated = true; isTruncated; ) {
      const page = await client.send(new ListObjectsCommand({ Bucket, Marker: first.at(-1) }));
      first.push(...page.Contents!.map(({ Key }) => Key!));
      isTruncated = page.IsTruncated!;
    }
    expect(first).toEqual(expected);
    expect(await codeOf(client.send(new ListObjectsV2Command({ Bucket, ContinuationToken: 'abc' })))).toBe(
      'InvalidArgument',
    );
  });

  it('fold keys at a delimiter, over pages of any size', async () => {
    const { client, bucket } = await start();
    for (const key of ['a', 'b/1', 'b/2', 'c/1/x', 'c/2', 'd']) bucket.put(key, Buffer.from('x'));
    for (const MaxKeys of [1, 2, 3, 1000]) {
      const found: string[] = [];
      let ContinuationToken: string | undefined;
      do {
        const page = await client.send(
          new ListObjectsV2Command({ Bucket, Delimiter: '/', MaxKeys, ContinuationToken }),
        );
        expect(page.KeyCount).toBeLessThanOrEqual(MaxKeys);
        found.push(
          ...(page.Contents ?? []).map(({ Key }) => Key!),
          ...(page.CommonPrefixes ?? []).map((p) => p.Prefix!),
        );
        ContinuationToken = page.NextContinuationToken;
      } while (ContinuationToken !== undefined);
      expect(found.sort(), `pages of ${MaxKeys}`).toEqual(['a', 'b/', 'c/', 'd']);
    }
    const inner = await client.send(
      new ListObjectsV2Command({ Bucket, Prefix: 'c/', Delimiter: '/', StartAfter: 'c/1' }),
    );
    expect([inner.Contents?.map(({ Key }) => Key), inner.CommonPrefixes?.map(({ Prefix }) => Prefix)]).toEqual([
      ['c/2'],
      ['c/1/'],
    ]);
  });

  it('carry names that XML cannot, when asked to encode them', async () => {
    const { client, bucket } = await start();
    const key = 'a\u0001 b+<ü>&';
    bucket.put(key, Buffer.from('x'));
    const page = await client.send(new ListObjectsV2Command({ Bucket, EncodingType: 'url' }));
    expect(page.Contents?.[0]?.Key).toBe('a%01+b%2B%3C%C3%BC%3E%26');
  });
});

describe('deletes', () => {
  it('forgive what is missing, and take many at once with a checksum', async () => {
    const { put, client, bucket, server } = await start();
    expect(await codeOf(client.send(new DeleteObjectCommand({ Bucket, Key: 'none' })))).toBe('none');
    for (const key of ['a', 'b', 'c']) await put(key);
    const Delete = { Objects: ['a', 'b', 'none'].map((Key) => ({ Key })) };
    const done = await client.send(new DeleteObjectsCommand({ Bucket, Delete }));
    expect([done.Deleted?.length, done.Errors]).toEqual([3, undefined]);
    expect(bucket.keys()).toEqual(['c']);
    const body = Buffer.from('<Delete><Object><Key>c</Key></Object></Delete>');
    expect((await sendRaw(server, { method: 'POST', target: '/b?delete', body })).code).toBe('InvalidRequest');
  });

  it('leave markers in a bucket with versions, and old versions readable', async () => {
    const { put, get, client, bucket } = await start();
    await put('k', { Body: 'before' });
    bucket.settings.versioning = 'enabled';
    const first = await put('k', { Body: 'first' });
    await put('k', { Body: 'second', IfMatch: first.ETag! });
    const marker = await client.send(new DeleteObjectCommand({ Bucket, Key: 'k' }));
    expect(marker.DeleteMarker).toBe(true);
    expect(await codeOf(get('k'))).toBe('NoSuchKey');
    expect(await codeOf(get('k', { VersionId: marker.VersionId }))).toBe('MethodNotAllowed');
    expect(await codeOf(get('k', { VersionId: 'other' }))).toBe('NoSuchVersion');
    expect(await get('k', { VersionId: first.VersionId })).toBe('first');
    expect(await get('k', { VersionId: 'null' })).toBe('before');
    // A marker is nothing: create-only works over it.
    expect(await codeOf(put('k', { IfNoneMatch: '*', Body: 'third' }))).toBe('none');
    const ids: (string | undefined)[] = [];
    let next: { KeyMarker?: string | undefined; VersionIdMarker?: string | undefined } | undefined = {};
    while (next !== undefined) {
      const page: Awaited<ReturnType<typeof list>> = await list(next);
      ids.push(...[...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])].map(({ VersionId }) => VersionId));
      next = page.IsTruncated
        ? { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker }
        : undefined;
    }
    expect(ids).toEqual(bucket.versions('k').map(({ versionId }) => versionId));
    expect(ids.length).toBe(5);
    for (const VersionId of ids) await client.send(new DeleteObjectCommand({ Bucket, Key: 'k', VersionId }));
    expect(bucket.allKeys()).toEqual([]);

    function list(marker: object) {
      return client.send(new ListObjectVersionsCommand({ Bucket, MaxKeys: 2, ...marker }));
    }
  });
});
