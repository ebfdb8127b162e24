/** The test S3 server's objects, listings, versions, locks and rights, seen through the AWS SDK and raw requests. */
import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketLocationCommand,
  GetBucketPolicyStatusCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  GetObjectLegalHoldCommand,
  GetObjectLockConfigurationCommand,
  GetObjectRetentionCommand,
  GetObjectTaggingCommand,
  GetPublicAccessBlockCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  PutObjectLegalHoldCommand,
  PutObjectRetentionCommand,
  PutObjectTaggingCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterEach, describe, expect, it } from 'vitest';
import { clientOf, codeOf } from '../support/s3/client.ts';
import { sendRaw } from '../support/s3/raw-client.ts';
import { type S3TestServer, startS3Server } from '../support/s3/server.ts';
import type { S3ServerOptions } from '../support/s3/world.ts';

const Bucket = 'b';
const open: { server: S3TestServer; client: S3Client }[] = [];
afterEach(async () => {
  for (const { server, client } of open.splice(0)) {
    client.destroy();
    await server.close();
  }
});

async function start(options: S3ServerOptions = {}) {
  const server = await startS3Server({ buckets: [Bucket], ...options });
  const client = clientOf(server);
  open.push({ server, client });
  const put = (Key: string, more: Partial<PutObjectCommandInput> = {}) =>
    client.send(new PutObjectCommand({ Bucket, Key, Body: 'hello', ...more }));
  const get = async (Key: string, more: object = {}): Promise<string> =>
    (await client.send(new GetObjectCommand({ Bucket, Key, ...more }))).Body!.transformToString();
  const head = (Key: string, more: object = {}) => client.send(new HeadObjectCommand({ Bucket, Key, ...more }));
  return { server, client, bucket: server.bucket(Bucket), put, get, head };
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

describe('Object Lock', () => {
  it('keeps versions until their time, and wants a checksum with every body', async () => {
    const { put, client, bucket, server } = await start();
    Object.assign(bucket.settings, { versioning: 'enabled', objectLock: { mode: 'COMPLIANCE', days: 1 } });
    expect((await sendRaw(server, { method: 'PUT', target: '/b/k', body: Buffer.from('x') })).code).toBe(
      'InvalidRequest',
    );
    const { VersionId } = await put('k', { ChecksumAlgorithm: 'SHA256' });
    const remove = (more: object = {}) =>
      client.send(new DeleteObjectCommand({ Bucket, Key: 'k', VersionId, ...more }));
    expect(await codeOf(client.send(new DeleteObjectCommand({ Bucket, Key: 'k' })))).toBe('none');
    expect(await codeOf(remove())).toBe('AccessDenied');
    expect(await codeOf(remove({ BypassGovernanceRetention: true }))).toBe('AccessDenied');
    server.clock.advance(86_400_000);
    expect(await codeOf(remove())).toBe('none');
  });

  it('gives way to who may bypass governance, but not from under a legal hold', async () => {
    const { put, client, bucket } = await start();
    Object.assign(bucket.settings, { versioning: 'enabled', objectLock: { mode: 'GOVERNANCE', days: 1 } });
    const { VersionId } = await put('k', { ChecksumAlgorithm: 'SHA256', ObjectLockLegalHoldStatus: 'ON' });
    const input = { Bucket, Key: 'k', VersionId, BypassGovernanceRetention: true };
    expect(await codeOf(client.send(new DeleteObjectCommand(input)))).toBe('AccessDenied');
    bucket.get('k')!.hasLegalHold = false;
    expect(await codeOf(client.send(new DeleteObjectCommand({ ...input, BypassGovernanceRetention: false })))).toBe(
      'AccessDenied',
    );
    expect(await codeOf(client.send(new DeleteObjectCommand(input)))).toBe('none');
  });
});

describe('retention', () => {
  it('is made longer, never shorter, and holds are put on and taken off', async () => {
    const { put, client, bucket } = await start();
    Object.assign(bucket.settings, { versioning: 'enabled', objectLock: { mode: 'COMPLIANCE', days: 10 } });
    await put('k', { ChecksumAlgorithm: 'SHA256' });
    const retain = (days: number) => {
      const RetainUntilDate = new Date(Date.now() + days * 86_400_000);
      const Retention = { Mode: 'COMPLIANCE' as const, RetainUntilDate };
      return codeOf(client.send(new PutObjectRetentionCommand({ Bucket, Key: 'k', Retention })));
    };
    expect([await retain(20), await retain(5), await retain(-1)]).toEqual(['none', 'AccessDenied', 'InvalidArgument']);
    const { Retention } = await client.send(new GetObjectRetentionCommand({ Bucket, Key: 'k' }));
    expect(Retention?.RetainUntilDate?.getTime()).toBeGreaterThan(Date.now() + 19 * 86_400_000);
    const LegalHold = { Status: 'ON' as const };
    await client.send(new PutObjectLegalHoldCommand({ Bucket, Key: 'k', LegalHold }));
    expect((await client.send(new GetObjectLegalHoldCommand({ Bucket, Key: 'k' }))).LegalHold).toEqual(LegalHold);
  });
});

describe('buckets', () => {
  it('say where they are, to those of other regions too', async () => {
    const { server, client } = await start();
    server.world.addBucket('far', 'eu-central-1').put('k', Buffer.from('x'));
    expect((await client.send(new HeadBucketCommand({ Bucket }))).BucketRegion).toBe('us-east-1');
    expect(await codeOf(client.send(new HeadBucketCommand({ Bucket: 'none' })))).toBe('NotFound');
    const away = await sendRaw(server, { method: 'HEAD', target: '/far' });
    expect([away.status, away.headers['x-amz-bucket-region']]).toEqual([301, 'eu-central-1']);
    expect((await sendRaw(server, { method: 'GET', target: '/far/k' })).code).toBe('PermanentRedirect');
    expect((await sendRaw(server, { method: 'GET', target: '/far/k', region: 'eu-central-1' })).status).toBe(200);
    const wrong = await sendRaw(server, { method: 'GET', target: '/far/k', region: 'ap-south-1' });
    expect(wrong.body.toString()).toContain('<Region>eu-central-1</Region>');
    const location = (name: string) => client.send(new GetBucketLocationCommand({ Bucket: name }));
    expect((await location('far')).LocationConstraint).toBe('eu-central-1');
    expect((await location(Bucket)).LocationConstraint).toBeFalsy();
  });

  it('are made and listed', async () => {
    const { client } = await start();
    await client.send(
      new CreateBucketCommand({ Bucket: 'new-one', CreateBucketConfiguration: { LocationConstraint: 'eu-west-1' } }),
    );
    expect(await codeOf(client.send(new CreateBucketCommand({ Bucket: 'Bad_Name' })))).toBe('InvalidBucketName');
    const { Buckets } = await client.send(new ListBucketsCommand({}));
    expect(Buckets?.map(({ Name }) => Name)).toEqual(['b', 'new-one']);
  });

  it('answer with their settings, or with what they lack', async () => {
    const { client, bucket } = await start();
    const { settings } = bucket;
    const input = { Bucket };
    const lifecycle = () => client.send(new GetBucketLifecycleConfigurationCommand(input));
    expect(await codeOf(lifecycle())).toBe('NoSuchLifecycleConfiguration');
    settings.lifecycle = [
      { id: 'a', prefix: 'x/', tags: { k: 'v' }, expirationDays: 30, abortUploadsAfterDays: 7 },
      { id: 'b', isEnabled: false, transitions: [{ days: 1, storageClass: 'GLACIER' }], noncurrentExpirationDays: 9 },
    ];
    expect((await lifecycle()).Rules).toMatchObject([
      {
        ID: 'a',
        Status: 'Enabled',
        Filter: { And: { Prefix: 'x/', Tags: [{ Key: 'k', Value: 'v' }] } },
        Expiration: { Days: 30 },
        AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 },
      },
      {
        ID: 'b',
        Status: 'Disabled',
        Transitions: [{ Days: 1, StorageClass: 'GLACIER' }],
        NoncurrentVersionExpiration: { NoncurrentDays: 9 },
      },
    ]);
    const versioning = () => client.send(new GetBucketVersioningCommand(input));
    expect((await versioning()).Status).toBeUndefined();
    settings.versioning = 'suspended';
    expect((await versioning()).Status).toBe('Suspended');
    const lock = () => client.send(new GetObjectLockConfigurationCommand(input));
    expect(await codeOf(lock())).toBe('ObjectLockConfigurationNotFoundError');
    settings.objectLock = { mode: 'COMPLIANCE', days: 5 };
    expect((await lock()).ObjectLockConfiguration?.Rule?.DefaultRetention).toEqual({ Mode: 'COMPLIANCE', Days: 5 });
    const block = () => client.send(new GetPublicAccessBlockCommand(input));
    expect((await block()).PublicAccessBlockConfiguration?.RestrictPublicBuckets).toBe(true);
    settings.publicAccessBlock = undefined;
    expect(await codeOf(block())).toBe('NoSuchPublicAccessBlockConfiguration');
    const encryption = await client.send(new GetBucketEncryptionCommand(input));
    const [rule] = encryption.ServerSideEncryptionConfiguration!.Rules!;
    expect(rule?.ApplyServerSideEncryptionByDefault?.SSEAlgorithm).toBe('AES256');
    const policy = () => client.send(new GetBucketPolicyStatusCommand(input));
    expect(await codeOf(policy())).toBe('NoSuchBucketPolicy');
    settings.isPublic = true;
    expect((await policy()).PolicyStatus?.IsPublic).toBe(true);
  });
});

describe('rights', () => {
  it('are taken away by action and key, and who may not list learns of nothing missing', async () => {
    const { put, get, bucket, head } = await start();
    await put('data/k');
    bucket.settings.denied = [{ action: 's3:GetObject', key: /^data\// }];
    expect(await codeOf(get('data/k'))).toBe('AccessDenied');
    expect(await codeOf(head('data/k'))).toBe('403');
    expect(await codeOf(get('other'))).toBe('NoSuchKey');
    bucket.settings.denied = ['s3:ListBucket'];
    expect(await codeOf(get('other'))).toBe('AccessDenied');
    expect(await codeOf(head('other'))).toBe('403');
    expect(await codeOf(get('data/k'))).toBe('none');
  });

  it('follow an identity policy: create-only under a prefix, for one that may not delete', async () => {
    const { put, get, client, server } = await start();
    const arn = 'arn:aws:s3:::b';
    const policy = {
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Action: ['s3:GetObject', 's3:PutObject*'], Resource: `${arn}/host/*` },
        {
          Effect: 'Allow',
          Action: 's3:ListBucket',
          Resource: arn,
          Condition: { StringLike: { 's3:prefix': 'host/*' } },
        },
        {
          Effect: 'Deny',
          Action: 's3:PutObject',
          Resource: `${arn}/*`,
          Condition: { Null: { 's3:if-none-match': 'true' }, Bool: { 's3:ObjectCreationOperation': 'true' } },
        },
      ],
    } as const;
    server.world.credentials = [{ ...server.world.credentials[0]!, policy }];
    expect(await codeOf(put('host/k', { IfNoneMatch: '*' }))).toBe('none');
    expect(await codeOf(put('host/k2'))).toBe('AccessDenied');
    expect(await codeOf(put('elsewhere', { IfNoneMatch: '*' }))).toBe('AccessDenied');
    expect(await get('host/k')).toBe('hello');
    expect(await codeOf(client.send(new DeleteObjectCommand({ Bucket, Key: 'host/k' })))).toBe('AccessDenied');
    expect(await codeOf(client.send(new ListObjectsV2Command({ Bucket, Prefix: 'host/' })))).toBe('none');
    expect(await codeOf(client.send(new ListObjectsV2Command({ Bucket })))).toBe('AccessDenied');
  });

  it('cost the requester where the bucket says so', async () => {
    const { put, get, bucket } = await start();
    bucket.settings.requestPayer = 'Requester';
    expect(await codeOf(put('k'))).toBe('AccessDenied');
    expect(await codeOf(put('k', { RequestPayer: 'requester' }))).toBe('none');
    expect(await codeOf(get('k', { RequestPayer: 'requester' }))).toBe('none');
  });
});

describe('other providers', () => {
  it('ignore or refuse If-None-Match', async () => {
    const ignoring = await start({ quirks: { conditionalPut: 'ignored' } });
    await ignoring.put('k', { IfNoneMatch: '*' });
    expect(await codeOf(ignoring.put('k', { IfNoneMatch: '*', Body: 'other' }))).toBe('none');
    const refusing = await start({ quirks: { conditionalPut: 'refused' } });
    expect(await codeOf(refusing.put('k', { IfNoneMatch: '*' }))).toBe('NotImplemented');
  });

  it('ignore or refuse checksums, tags and classes', async () => {
    const input = { ChecksumAlgorithm: 'SHA256' as const };
    const refusing = await start({ quirks: { checksums: 'refused', tags: 'refused', classes: ['STANDARD'] } });
    expect(await codeOf(refusing.put('k', input))).toBe('InvalidArgument');
    expect(await codeOf(refusing.put('k', { Tagging: 'a=b' }))).toBe('NotImplemented');
    expect(await codeOf(refusing.put('k', { StorageClass: 'GLACIER' }))).toBe('InvalidStorageClass');
    const ignoring = await start({ quirks: { checksums: 'ignored', tags: 'ignored', hasBucketSettings: false } });
    await ignoring.put('k', { ...input, Tagging: 'a=b' });
    expect((await ignoring.head('k', { ChecksumMode: 'ENABLED' })).ChecksumSHA256).toBeUndefined();
    const Tagging = { TagSet: [{ Key: 'a', Value: 'b' }] };
    expect(await codeOf(ignoring.client.send(new PutObjectTaggingCommand({ Bucket, Key: 'k', Tagging })))).toBe(
      'NotImplemented',
    );
    expect(await codeOf(ignoring.client.send(new GetBucketVersioningCommand({ Bucket })))).toBe('NotImplemented');
  });
});
