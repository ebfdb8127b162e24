import { S3ServiceException } from '@aws-sdk/client-s3';
import { describe, expect, it } from 'vitest';
import { IcecoreError } from '../../src/base/errors.ts';
import { findProvider } from '../../src/plan/find-provider.ts';
import type { UnfinishedUpload } from '../../src/store/bucket.ts';
import { S3Bucket } from '../../src/store/s3-bucket.ts';
import type { CallOptions, S3Answer, S3Caller, S3Command } from '../../src/store/s3-caller.ts';

type Input = Readonly<Record<string, unknown>>;
/** What a command is answered: output, and headers; or an error. */
interface Reply {
  readonly output?: object;
  readonly headers?: Readonly<Record<string, string>>;
  readonly status?: number;
  readonly code?: string;
}
type Server = Readonly<Record<string, (input: Input) => Reply>>;

/** A caller that a few lines answer, by the names of commands; it words what is no answer as the real one does. */
function callerOf(server: Server): S3Caller & { readonly asked: [string, Input][] } {
  const asked: [string, Input][] = [];
  return {
    asked,
    bucket: 'b',
    keyPrefix: 'nas/',
    profile: findProvider({ provider: 'aws' }),
    requestParams: () => ({}),
    async send<Output extends object>(make: () => S3Command<Output>, options: CallOptions = {}): Promise<Output> {
      const command = make() as unknown as { constructor: { name: string }; input: Input };
      const name = command.constructor.name.replace(/Command$/, '');
      asked.push([name, command.input]);
      const {
        output = {},
        headers = {},
        status = 200,
        code,
      } = server[name]?.(command.input) ?? { status: 501, code: 'NotImplemented' };
      const answer: S3Answer = { status, headers };
      options.onAnswer?.(answer);
      if (code === undefined) return output as Output;
      const error = new S3ServiceException({ name: code, $fault: 'client', $metadata: { httpStatusCode: status } });
      if (options.isAnswer?.(error)) throw error;
      throw new IcecoreError('store', 'refused', code, { data: { status, errorCode: code } });
    },
  };
}

const regionOf = (server: Server): Promise<string | undefined> => new S3Bucket(callerOf(server)).region();
const locationOf = (LocationConstraint?: string) => ({ GetBucketLocation: () => ({ output: { LocationConstraint } }) });
const silent = { HeadBucket: () => ({}) };

describe('the region of a bucket', () => {
  it('is what the answer to a HEAD says, a refusal included, with one request', async () => {
    const headers = { 'x-amz-bucket-region': 'eu-central-1' };
    for (const reply of [
      { headers },
      { headers, status: 403, code: 'Forbidden' },
      { headers, status: 301, code: 'PermanentRedirect' },
    ]) {
      const caller = callerOf({ HeadBucket: () => reply });
      expect(await new S3Bucket(caller).region()).toBe('eu-central-1');
      expect(caller.asked.map(([name]) => name)).toEqual(['HeadBucket']);
    }
  });

  it('is asked for where the HEAD does not say; the oldest regions have names of their own', async () => {
    expect(await regionOf({ ...silent, ...locationOf('ap-south-1') })).toBe('ap-south-1');
    expect(await regionOf({ ...silent, ...locationOf() })).toBe('us-east-1');
    expect(await regionOf({ ...silent, ...locationOf('') })).toBe('us-east-1');
    expect(await regionOf({ ...silent, ...locationOf('EU') })).toBe('eu-west-1');
  });

  it('is unknown where nobody may or can say it', async () => {
    expect(
      await regionOf({ ...silent, GetBucketLocation: () => ({ status: 403, code: 'AccessDenied' }) }),
    ).toBeUndefined();
    expect(
      await regionOf({ ...silent, GetBucketLocation: () => ({ status: 501, code: 'NotImplemented' }) }),
    ).toBeUndefined();
  });

  it('of a bucket that does not exist is an error, and so are bad credentials', async () => {
    await expect(regionOf({ HeadBucket: () => ({ status: 404, code: 'NotFound' }) })).rejects.toMatchObject({
      kind: 'store',
    });
    const unknownKey = { HeadBucket: () => ({ status: 403, code: 'InvalidAccessKeyId' }) };
    await expect(regionOf(unknownKey)).rejects.toMatchObject({ kind: 'store' });
  });
});

describe('the settings of a bucket', () => {
  it('that were never made are known to be so', async () => {
    const none = (code: string) => () => ({ status: 404, code });
    const settings = await new S3Bucket(
      callerOf({
        GetBucketVersioning: () => ({ output: {} }),
        GetBucketLifecycleConfiguration: none('NoSuchLifecycleConfiguration'),
        GetObjectLockConfiguration: none('ObjectLockConfigurationNotFoundError'),
        GetPublicAccessBlock: none('NoSuchPublicAccessBlockConfiguration'),
        GetBucketEncryption: none('ServerSideEncryptionConfigurationNotFoundError'),
      }),
    ).settings();
    expect(settings).toEqual({
      versioning: { type: 'known', value: 'off' },
      lifecycle: { type: 'known', value: [] },
      objectLock: { type: 'known', value: undefined },
      publicAccessBlocked: { type: 'known', value: false },
      encryption: { type: 'known', value: undefined },
    });
  });

  it('that may not be seen are denied, those that the store does not have unsupported; it never throws for these', async () => {
    const settings = await new S3Bucket(
      callerOf({
        GetBucketVersioning: () => ({ status: 403, code: 'AccessDenied' }),
        GetBucketLifecycleConfiguration: () => ({ status: 501, code: 'NotImplemented' }),
        GetObjectLockConfiguration: () => ({ status: 405, code: 'MethodNotAllowed' }),
        GetPublicAccessBlock: () => ({ status: 400, code: 'InvalidRequest' }),
        GetBucketEncryption: () => ({ status: 404, code: 'NoSuchSomething' }),
      }),
    ).settings();
    expect(Object.values(settings).map((answer) => answer.type)).toEqual([
      ...['denied', 'unsupported', 'unsupported', 'unsupported', 'unsupported'],
    ]);
  });

  it('are read whatever their form: rules with filters old and new, retention in years, one open block', async () => {
    const { lifecycle, objectLock, publicAccessBlocked } = await new S3Bucket(
      callerOf({
        GetBucketLifecycleConfiguration: () => ({
          output: {
            Rules: [
              { ID: 'a', Status: 'Enabled', Prefix: 'old/', Expiration: { Days: 3 } },
              { Status: 'Disabled', Filter: { Prefix: 'new/' }, Expiration: { ExpiredObjectDeleteMarker: true } },
              {
                ID: 'c',
                Status: 'Enabled',
                Filter: { Tag: { Key: 'k', Value: 'v' } },
                Expiration: { Date: new Date(0) },
              },
              {
                ID: 'd',
                Status: 'Enabled',
                Filter: { And: { Prefix: 'and/', ObjectSizeGreaterThan: 5 } },
                Transitions: [{ Days: 30, StorageClass: 'GLACIER' }],
                NoncurrentVersionExpiration: { NoncurrentDays: 9 },
                AbortIncompleteMultipartUpload: { DaysAfterInitiation: 2 },
              },
            ],
          },
        }),
        GetObjectLockConfiguration: () => ({
          output: {
            ObjectLockConfiguration: {
              ObjectLockEnabled: 'Enabled',
              Rule: { DefaultRetention: { Mode: 'COMPLIANCE', Years: 2 } },
            },
          },
        }),
        GetPublicAccessBlock: () => ({
          output: { PublicAccessBlockConfiguration: { BlockPublicAcls: true, BlockPublicPolicy: true } },
        }),
      }),
    ).settings();
    expect(lifecycle).toEqual({
      type: 'known',
      value: [
        { id: 'a', isEnabled: true, prefix: 'old/', isNarrowed: false, transitions: [], expiresAfterDays: 3 },
        { id: 'rule 2', isEnabled: false, prefix: 'new/', isNarrowed: false, transitions: [] },
        { id: 'c', isEnabled: true, prefix: '', isNarrowed: true, transitions: [], expiresAfterDays: 0 },
        {
          ...{ id: 'd', isEnabled: true, prefix: 'and/', isNarrowed: true },
          transitions: [{ days: 30, storageClass: 'GLACIER' }],
          expiresOldVersionsAfterDays: 9,
          abortsUploadsAfterDays: 2,
        },
      ],
    });
    expect(objectLock).toEqual({ type: 'known', value: { mode: 'COMPLIANCE', days: 730 } });
    expect(publicAccessBlocked).toEqual({ type: 'known', value: false });
  });
});

describe('the clock of a bucket', () => {
  it('is the date of an answer, a refusal included, held against this host', async () => {
    const date = new Date(Math.floor(Date.now() / 1000) * 1000 + 3_600_000).toUTCString();
    const { time, aheadMs } = await new S3Bucket(
      callerOf({ HeadBucket: () => ({ headers: { date }, status: 403, code: 'Forbidden' }) }),
    ).clock();
    expect(time).toBe(Date.parse(date) + 500);
    expect(Math.abs(aheadMs - 3_600_000)).toBeLessThan(60_000);
    await expect(new S3Bucket(callerOf(silent)).clock()).rejects.toMatchObject({ code: 'no-clock' });
  });
});

describe('unfinished uploads', () => {
  const listed = async (server: Server, prefix = ''): Promise<UnfinishedUpload[]> => {
    const uploads: UnfinishedUpload[] = [];
    for await (const upload of new S3Bucket(callerOf(server)).unfinishedUploads(prefix)) uploads.push(upload);
    return uploads;
  };
  const upload = (Key: string, UploadId: string) => ({ Key, UploadId, Initiated: new Date(5000) });

  it('come page by page, named relative to the repository', async () => {
    const pages: Record<string, object> = {
      '': {
        Uploads: [upload('nas/packs/S/0', 'u1'), upload('nas/packs/S/0', 'u2')],
        ...{ IsTruncated: true, NextKeyMarker: 'nas/packs/S/0', NextUploadIdMarker: 'u2' },
      },
      'nas/packs/S/0 u2': { Uploads: [upload('nas/packs/S/1', 'u3')], IsTruncated: false },
    };
    const server = {
      ListMultipartUploads: (input: Input) => {
        expect(input.Prefix).toBe('nas/packs/');
        return { output: pages[[input.KeyMarker, input.UploadIdMarker].filter(Boolean).join(' ')]! };
      },
    };
    expect(await listed(server, 'packs/')).toEqual([
      { name: 'packs/S/0', uploadId: 'u1', started: 5000 },
      { name: 'packs/S/0', uploadId: 'u2', started: 5000 },
      { name: 'packs/S/1', uploadId: 'u3', started: 5000 },
    ]);
  });

  it('are not asked for for ever by a store that goes round in a circle', async () => {
    const page = { Uploads: [], IsTruncated: true, NextKeyMarker: 'nas/x', NextUploadIdMarker: 'u' };
    await expect(listed({ ListMultipartUploads: () => ({ output: page }) })).rejects.toMatchObject({
      code: 'listing-stuck',
    });
  });

  it('are ended by name and id; one that is gone is fine, one that may not be ended is an error', async () => {
    const one = { name: 'packs/S/0', uploadId: 'u1', started: 0 };
    const caller = callerOf({ AbortMultipartUpload: () => ({ status: 204 }) });
    await new S3Bucket(caller).abortUpload(one);
    expect(caller.asked[0]![1]).toMatchObject({ Key: 'nas/packs/S/0', UploadId: 'u1' });
    await new S3Bucket(callerOf({ AbortMultipartUpload: () => ({ status: 404, code: 'NoSuchUpload' }) })).abortUpload(
      one,
    );
    const denied = callerOf({ AbortMultipartUpload: () => ({ status: 403, code: 'AccessDenied' }) });
    await expect(new S3Bucket(denied).abortUpload(one)).rejects.toMatchObject({ code: 'upload-not-aborted' });
  });
});
