import { describe, expect, it } from 'vitest';
import { isIcecoreError } from '../../src/base/errors.ts';
import { type BatchJob, batchCommand, batchJobRequest, batchManifest } from '../../src/plan/batch-job.ts';

const JOB: BatchJob = {
  operation: { type: 'restore', tier: 'bulk', days: 7 },
  accountId: '123456789012',
  region: 'eu-central-1',
  roleArn: 'arn:aws:iam::123456789012:role/icecore-batch',
  manifest: { bucket: 'archive', key: 'photos/thaw/a1/manifest.csv', etag: '60e460c9d1046e73f7dde5043ac3ae85' },
  report: { bucket: 'archive', prefix: 'photos/thaw/a1/report' },
  token: 'icecore-a1-bulk',
  description: 'icecore restore a1: 2 packs',
};

describe('the manifest of a batch job', () => {
  it('has a line for each key, URL-encoded, with slashes as they are', () => {
    const keys = ['photos/data/ab/abcdef', 'My backups/größe+1,2/"x"\n%/it\'s (1)*!'];
    expect(batchManifest('archive', keys)).toMatchInlineSnapshot(`
      "archive,photos/data/ab/abcdef
      archive,My%20backups/gr%C3%B6%C3%9Fe%2B1%2C2/%22x%22%0A%25/it%27s%20%281%29%2A%21
      "
    `);
  });

  it('can be read back: commas and ends of lines are only between keys', () => {
    const keys = Array.from({ length: 256 }, (_, code) => `dir/${String.fromCharCode(code)}`);
    const lines = batchManifest('archive', keys).trimEnd().split('\n');
    expect(lines.map((line) => line.split(','))).toEqual(
      keys.map(() => ['archive', expect.stringMatching(/^[\w.~%/-]*$/)]),
    );
    expect(lines.map((line) => decodeURIComponent(line.split(',')[1]!))).toEqual(keys);
  });
});

describe('the request of a batch job', () => {
  it('that thaws says the tier and the days, and reports what failed', () => {
    expect(batchJobRequest(JOB)).toMatchInlineSnapshot(`
      {
        "AccountId": "123456789012",
        "ClientRequestToken": "icecore-a1-bulk",
        "ConfirmationRequired": false,
        "Description": "icecore restore a1: 2 packs",
        "Manifest": {
          "Location": {
            "ETag": "60e460c9d1046e73f7dde5043ac3ae85",
            "ObjectArn": "arn:aws:s3:::archive/photos/thaw/a1/manifest.csv",
          },
          "Spec": {
            "Fields": [
              "Bucket",
              "Key",
            ],
            "Format": "S3BatchOperations_CSV_20180820",
          },
        },
        "Operation": {
          "S3InitiateRestoreObject": {
            "ExpirationInDays": 7,
            "GlacierJobTier": "BULK",
          },
        },
        "Priority": 10,
        "Report": {
          "Bucket": "arn:aws:s3:::archive",
          "Enabled": true,
          "Format": "Report_CSV_20180820",
          "Prefix": "photos/thaw/a1/report",
          "ReportScope": "FailedTasksOnly",
        },
        "RoleArn": "arn:aws:iam::123456789012:role/icecore-batch",
      }
    `);
  });

  it('that computes checksums reports all of them', () => {
    const { Operation, Report } = batchJobRequest({ ...JOB, operation: { type: 'checksum', of: 'composite' } });
    expect([Operation, Report.ReportScope]).toMatchInlineSnapshot(`
      [
        {
          "S3ComputeObjectChecksum": {
            "ChecksumAlgorithm": "SHA256",
            "ChecksumType": "COMPOSITE",
          },
        },
        "AllTasks",
      ]
    `);
    expect(batchJobRequest({ ...JOB, operation: { type: 'checksum', of: 'object' } }).Operation).toEqual({
      S3ComputeObjectChecksum: { ChecksumAlgorithm: 'SHA256', ChecksumType: 'FULL_OBJECT' },
    });
  });

  it('names no days for what is thawed for good', () => {
    expect(batchJobRequest({ ...JOB, operation: { type: 'restore', tier: 'standard' } }).Operation).toEqual({
      S3InitiateRestoreObject: { GlacierJobTier: 'STANDARD' },
    });
  });

  it('is refused for the expedited tier', () => {
    let refusal: unknown;
    try {
      batchJobRequest({ ...JOB, operation: { type: 'restore', tier: 'expedited', days: 1 } });
    } catch (error) {
      refusal = error;
    }
    expect(isIcecoreError(refusal, 'usage') && refusal.code).toBe('batch-tier');
  });

  it('names resources by the partition of the region', () => {
    const arnIn = (region: string) => batchJobRequest({ ...JOB, region }).Manifest.Location.ObjectArn.split(':s3:')[0];
    expect(['us-east-1', 'cn-north-1', 'us-gov-west-1', 'eusc-de-east-1'].map(arnIn)).toEqual([
      'arn:aws',
      'arn:aws-cn',
      'arn:aws-us-gov',
      'arn:aws-eusc',
    ]);
  });
});

describe('the command for a batch job', () => {
  it('can be pasted into a shell', () => {
    expect(batchCommand('/tmp/job.json', 'eu-central-1')).toBe(
      'aws s3control create-job --region eu-central-1 --cli-input-json file:///tmp/job.json',
    );
    expect(batchCommand("/tmp/it's here/job.json", 'eu-central-1')).toBe(
      "aws s3control create-job --region eu-central-1 --cli-input-json 'file:///tmp/it'\\''s here/job.json'",
    );
  });
});
