/** The test S3 server's buckets: locks, settings, regions, rights, and the ways of other providers. */
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketLocationCommand,
  GetBucketPolicyStatusCommand,
  GetBucketVersioningCommand,
  GetObjectLegalHoldCommand,
  GetObjectLockConfigurationCommand,
  GetObjectRetentionCommand,
  GetPublicAccessBlockCommand,
  HeadBucketCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectLegalHoldCommand,
  PutObjectRetentionCommand,
  PutObjectTaggingCommand,
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
