import { describe, expect, it } from 'vitest';
import {
  buildLifecycle,
  buildPolicy,
  POLICY_ROLES,
  type Policy,
  type PolicyStatement,
} from '../../src/plan/policies.ts';

const PLACE = { bucket: 'b', prefix: 'nas' };

/** What a policy decides about a request, by the rules of IAM: a deny wins, and what nothing allows is denied. */
function decides(policy: Policy, action: string, resource: string, context: Record<string, string> = {}): boolean {
  const meant = policy.Statement.filter(
    (statement) =>
      statement.Action.includes(action) &&
      statement.Resource.some((pattern) => matches(pattern, resource)) &&
      Object.entries(statement.Condition ?? {}).every(([operator, tests]) =>
        Object.entries(tests).every(([key, wanted]) => holds(operator, context[key], [wanted].flat())),
      ),
  );
  return meant.length > 0 && meant.every((statement) => statement.Effect === 'Allow');
}

function holds(operator: string, value: string | undefined, wanted: readonly string[]): boolean {
  if (operator === 'Null') return String(value === undefined) === wanted[0];
  if (operator === 'Bool') return value === wanted[0];
  if (operator === 'StringLike') return value !== undefined && wanted.some((pattern) => matches(pattern, value));
  throw new Error(`the test does not know ${operator}`);
}

function matches(pattern: string, text: string): boolean {
  const parts = pattern.split(/(\$\{[*?$]\}|\*)/).map((part) => {
    if (part === '*') return '.*';
    return (/^\$\{(.)\}$/.exec(part)?.[1] ?? part).replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  });
  return new RegExp(`^${parts.join('')}$`).test(text);
}

const CREATE = { 's3:ObjectCreationOperation': 'true', 's3:if-none-match': '*' };
const REPLACE = { 's3:ObjectCreationOperation': 'true' };
const PART = { 's3:ObjectCreationOperation': 'false' };

const objectOf = (name: string): string => `arn:aws:s3:::b/nas/${name}`;
const KINDS = ['packs/S/0', 'meta/S/0', 'index/S/0', 'claims/S/0', 'snapshots/S', 'config/1', 'gc/1', 'keys/admin.age'];
const ALL = [...KINDS, 'thaw/J/0', 'icecore.json', 'RECOVERY.md', 'recover.sh', 'probe/x'];

describe('the policy of a writer', () => {
  const policy = buildPolicy('writer', PLACE);

  it('is this one', () => {
    expect(policy).toMatchInlineSnapshot(`
      {
        "Statement": [
          {
            "Action": [
              "s3:GetBucketLocation",
              "s3:ListBucketMultipartUploads",
            ],
            "Effect": "Allow",
            "Resource": [
              "arn:aws:s3:::b",
            ],
            "Sid": "LookAtBucket",
          },
          {
            "Action": [
              "s3:ListBucket",
            ],
            "Condition": {
              "StringLike": {
                "s3:prefix": [
                  "nas/*",
                ],
              },
            },
            "Effect": "Allow",
            "Resource": [
              "arn:aws:s3:::b",
            ],
            "Sid": "ListRepository",
          },
          {
            "Action": [
              "s3:GetObject",
            ],
            "Effect": "Allow",
            "Resource": [
              "arn:aws:s3:::b/nas/icecore.json",
              "arn:aws:s3:::b/nas/claims/*",
              "arn:aws:s3:::b/nas/config/*",
              "arn:aws:s3:::b/nas/gc/*",
              "arn:aws:s3:::b/nas/index/*",
              "arn:aws:s3:::b/nas/snapshots/*",
              "arn:aws:s3:::b/nas/probe/*",
            ],
            "Sid": "ReadObjects",
          },
          {
            "Action": [
              "s3:PutObject",
            ],
            "Effect": "Allow",
            "Resource": [
              "arn:aws:s3:::b/nas/claims/*",
              "arn:aws:s3:::b/nas/index/*",
              "arn:aws:s3:::b/nas/snapshots/*",
              "arn:aws:s3:::b/nas/packs/*",
              "arn:aws:s3:::b/nas/meta/*",
              "arn:aws:s3:::b/nas/probe/*",
            ],
            "Sid": "AddObjects",
          },
          {
            "Action": [
              "s3:AbortMultipartUpload",
            ],
            "Effect": "Allow",
            "Resource": [
              "arn:aws:s3:::b/nas/packs/*",
              "arn:aws:s3:::b/nas/meta/*",
              "arn:aws:s3:::b/nas/probe/*",
            ],
            "Sid": "EndUnfinishedUploads",
          },
          {
            "Action": [
              "s3:PutObject",
            ],
            "Condition": {
              "Bool": {
                "s3:ObjectCreationOperation": "true",
              },
              "Null": {
                "s3:if-none-match": "true",
              },
            },
            "Effect": "Deny",
            "Resource": [
              "arn:aws:s3:::b/nas/*",
            ],
            "Sid": "NeverReplaceObjects",
          },
        ],
        "Version": "2012-10-17",
      }
    `);
  });

  it('lets a host add what a backup is made of, in one put or in parts, and nothing else', () => {
    const added = ALL.filter((name) => decides(policy, 's3:PutObject', objectOf(name), CREATE));
    expect(added).toEqual(['packs/S/0', 'meta/S/0', 'index/S/0', 'claims/S/0', 'snapshots/S', 'probe/x']);
    expect(ALL.filter((name) => decides(policy, 's3:PutObject', objectOf(name), PART))).toEqual(added);
  });

  it('lets nobody replace an object, and nothing delete one', () => {
    for (const name of ALL) {
      expect(decides(policy, 's3:PutObject', objectOf(name), REPLACE), name).toBe(false);
      expect(decides(policy, 's3:DeleteObject', objectOf(name)), name).toBe(false);
    }
    const actions = policy.Statement.filter((statement) => statement.Effect === 'Allow').flatMap(
      ({ Action }) => Action,
    );
    expect(actions.filter((action) => /Delete|\*|Bypass|PutBucket|PutLifecycle|Acl/.test(action))).toEqual([]);
  });

  it('does not let a host read packs, manifests and key files', () => {
    const read = ALL.filter((name) => decides(policy, 's3:GetObject', objectOf(name)));
    expect(read).toEqual(['index/S/0', 'claims/S/0', 'snapshots/S', 'config/1', 'gc/1', 'icecore.json', 'probe/x']);
  });

  it('lists the repository and no other prefix of the bucket', () => {
    const lists = (prefix?: string): boolean =>
      decides(policy, 's3:ListBucket', 'arn:aws:s3:::b', prefix === undefined ? {} : { 's3:prefix': prefix });
    expect([lists('nas/'), lists('nas/packs/')]).toEqual([true, true]);
    expect([lists(), lists(''), lists('na'), lists('nas2/')]).toEqual([false, false, false, false]);
  });
});

describe('the policies of a reader and an admin', () => {
  it('are these', () => {
    expect(buildPolicy('reader', PLACE)).toMatchInlineSnapshot(`
      {
        "Statement": [
          {
            "Action": [
              "s3:GetBucketLocation",
            ],
            "Effect": "Allow",
            "Resource": [
              "arn:aws:s3:::b",
            ],
            "Sid": "LookAtBucket",
          },
          {
            "Action": [
              "s3:ListBucket",
            ],
            "Condition": {
              "StringLike": {
                "s3:prefix": [
                  "nas/*",
                ],
              },
            },
            "Effect": "Allow",
            "Resource": [
              "arn:aws:s3:::b",
            ],
            "Sid": "ListRepository",
          },
          {
            "Action": [
              "s3:GetObject",
            ],
            "Effect": "Allow",
            "Resource": [
              "arn:aws:s3:::b/nas/*",
            ],
            "Sid": "ReadObjects",
          },
          {
            "Action": [
              "s3:PutObject",
            ],
            "Effect": "Allow",
            "Resource": [
              "arn:aws:s3:::b/nas/thaw/*",
            ],
            "Sid": "AddObjects",
          },
          {
            "Action": [
              "s3:RestoreObject",
            ],
            "Effect": "Allow",
            "Resource": [
              "arn:aws:s3:::b/nas/packs/*",
              "arn:aws:s3:::b/nas/meta/*",
            ],
            "Sid": "ThawPacks",
          },
          {
            "Action": [
              "s3:PutObject",
            ],
            "Condition": {
              "Bool": {
                "s3:ObjectCreationOperation": "true",
              },
              "Null": {
                "s3:if-none-match": "true",
              },
            },
            "Effect": "Deny",
            "Resource": [
              "arn:aws:s3:::b/nas/*",
            ],
            "Sid": "NeverReplaceObjects",
          },
        ],
        "Version": "2012-10-17",
      }
    `);
    expect(buildPolicy('admin', PLACE)).toMatchInlineSnapshot(`
      {
        "Statement": [
          {
            "Action": [
              "s3:GetBucketLocation",
              "s3:ListBucketMultipartUploads",
              "s3:GetBucketObjectLockConfiguration",
              "s3:GetBucketPublicAccessBlock",
              "s3:GetBucketVersioning",
              "s3:GetEncryptionConfiguration",
              "s3:GetLifecycleConfiguration",
            ],
            "Effect": "Allow",
            "Resource": [
              "arn:aws:s3:::b",
            ],
            "Sid": "LookAtBucket",
          },
          {
            "Action": [
              "s3:ListBucket",
            ],
            "Condition": {
              "StringLike": {
                "s3:prefix": [
                  "nas/*",
                ],
              },
            },
            "Effect": "Allow",
            "Resource": [
              "arn:aws:s3:::b",
            ],
            "Sid": "ListRepository",
          },
          {
            "Action": [
              "s3:GetObject",
            ],
            "Effect": "Allow",
            "Resource": [
              "arn:aws:s3:::b/nas/*",
            ],
            "Sid": "ReadObjects",
          },
          {
            "Action": [
              "s3:PutObject",
            ],
            "Effect": "Allow",
            "Resource": [
              "arn:aws:s3:::b/nas/*",
            ],
            "Sid": "AddObjects",
          },
          {
            "Action": [
              "s3:AbortMultipartUpload",
            ],
            "Effect": "Allow",
            "Resource": [
              "arn:aws:s3:::b/nas/*",
            ],
            "Sid": "EndUnfinishedUploads",
          },
          {
            "Action": [
              "s3:DeleteObject",
            ],
            "Effect": "Allow",
            "Resource": [
              "arn:aws:s3:::b/nas/*",
            ],
            "Sid": "DeleteObjects",
          },
          {
            "Action": [
              "s3:RestoreObject",
            ],
            "Effect": "Allow",
            "Resource": [
              "arn:aws:s3:::b/nas/packs/*",
              "arn:aws:s3:::b/nas/meta/*",
            ],
            "Sid": "ThawPacks",
          },
          {
            "Action": [
              "s3:PutObject",
            ],
            "Condition": {
              "Bool": {
                "s3:ObjectCreationOperation": "true",
              },
              "Null": {
                "s3:if-none-match": "true",
              },
            },
            "Effect": "Deny",
            "Resource": [
              "arn:aws:s3:::b/nas/*",
            ],
            "Sid": "NeverReplaceObjects",
          },
        ],
        "Version": "2012-10-17",
      }
    `);
  });

  it('a reader reads everything, thaws packs, and adds nothing but thaw jobs', () => {
    const policy = buildPolicy('reader', PLACE);
    expect(ALL.filter((name) => decides(policy, 's3:GetObject', objectOf(name)))).toEqual(ALL);
    expect(ALL.filter((name) => decides(policy, 's3:RestoreObject', objectOf(name)))).toEqual([
      'packs/S/0',
      'meta/S/0',
    ]);
    expect(ALL.filter((name) => decides(policy, 's3:PutObject', objectOf(name), CREATE))).toEqual(['thaw/J/0']);
    expect(ALL.filter((name) => decides(policy, 's3:DeleteObject', objectOf(name)))).toEqual([]);
  });

  it('an admin may do everything with the repository except replacing an object', () => {
    const policy = buildPolicy('admin', PLACE);
    for (const name of ALL) {
      for (const action of ['s3:GetObject', 's3:DeleteObject', 's3:AbortMultipartUpload']) {
        expect(decides(policy, action, objectOf(name)), `${action} ${name}`).toBe(true);
      }
      expect(decides(policy, 's3:PutObject', objectOf(name), CREATE), name).toBe(true);
      expect(decides(policy, 's3:PutObject', objectOf(name), REPLACE), name).toBe(false);
    }
    expect(decides(policy, 's3:GetObject', 'arn:aws:s3:::b/other/x')).toBe(false);
  });

  it('what a role may, the next one may too, except for what is none of its business', () => {
    const [writer, reader, admin] = POLICY_ROLES.map((role) => buildPolicy(role, PLACE));
    for (const name of ALL) {
      for (const action of ['s3:GetObject', 's3:PutObject', 's3:AbortMultipartUpload', 's3:RestoreObject']) {
        const may = [writer, reader, admin].map((policy) => decides(policy!, action, objectOf(name), CREATE));
        if (may[0] || may[1]) expect(may[2], `${action} ${name}`).toBe(true);
      }
    }
  });
});

describe('a policy', () => {
  it('of a whole bucket lists it without a condition', () => {
    const policy = buildPolicy('writer', { bucket: 'b', prefix: '' });
    expect(policy.Statement.find((statement) => statement.Sid === 'ListRepository')).not.toHaveProperty('Condition');
    expect(decides(policy, 's3:ListBucket', 'arn:aws:s3:::b')).toBe(true);
    expect(decides(policy, 's3:PutObject', 'arn:aws:s3:::b/packs/S/0', CREATE)).toBe(true);
  });

  it('takes a prefix literally, whatever it means to IAM', () => {
    const policy = buildPolicy('reader', { bucket: 'b', prefix: 'a*b$c' });
    expect(decides(policy, 's3:GetObject', 'arn:aws:s3:::b/a*b$c/packs/S/0')).toBe(true);
    expect(decides(policy, 's3:GetObject', 'arn:aws:s3:::b/aXb$c/packs/S/0')).toBe(false);
  });

  it('belongs to the partition of its region', () => {
    const bucketOf = (region: string): string | undefined =>
      buildPolicy('reader', { ...PLACE, region }).Statement[0]!.Resource[0];
    expect(bucketOf('eu-west-1')).toBe('arn:aws:s3:::b');
    expect(bucketOf('cn-north-1')).toBe('arn:aws-cn:s3:::b');
    expect(bucketOf('us-gov-west-1')).toBe('arn:aws-us-gov:s3:::b');
  });

  it('allows tags only where they are used, and a key only through S3', () => {
    const actions = (policy: Policy): readonly string[] => policy.Statement.flatMap(({ Action }) => Action);
    expect(actions(buildPolicy('writer', PLACE))).not.toContain('s3:PutObjectTagging');
    expect(actions(buildPolicy('writer', { ...PLACE, usesTags: true }))).toContain('s3:PutObjectTagging');
    const keyOf = (kmsKey: string, region?: string): unknown =>
      buildPolicy('writer', { ...PLACE, kmsKey, ...(region ? { region } : {}) }).Statement.at(-1);
    expect(keyOf('arn:aws:kms:eu-west-1:111122223333:key/k-1', 'eu-west-1')).toMatchInlineSnapshot(`
      {
        "Action": [
          "kms:GenerateDataKey",
          "kms:Decrypt",
        ],
        "Condition": {
          "StringLike": {
            "kms:ViaService": "s3.eu-west-1.amazonaws.com",
          },
        },
        "Effect": "Allow",
        "Resource": [
          "arn:aws:kms:eu-west-1:111122223333:key/k-1",
        ],
        "Sid": "UseKey",
      }
    `);
    expect(keyOf('k-1')).toMatchObject({ Resource: ['arn:aws:kms:*:*:key/k-1'] });
    expect(keyOf('alias/backup', 'cn-north-1')).toMatchInlineSnapshot(`
      {
        "Action": [
          "kms:GenerateDataKey",
          "kms:Decrypt",
        ],
        "Condition": {
          "ForAnyValue:StringEquals": {
            "kms:ResourceAliases": "alias/backup",
          },
          "StringLike": {
            "kms:ViaService": "s3.cn-north-1.amazonaws.com*",
          },
        },
        "Effect": "Allow",
        "Resource": [
          "arn:aws-cn:kms:cn-north-1:*:key/*",
        ],
        "Sid": "UseKey",
      }
    `);
  });

  it('fits into a managed policy of 6,144 characters', () => {
    for (const role of POLICY_ROLES) {
      const place = { bucket: 'x'.repeat(63), prefix: 'y'.repeat(150), kmsKey: 'k'.repeat(100), usesTags: true };
      expect(JSON.stringify(buildPolicy(role, place)).length).toBeLessThan(6144);
    }
  });

  it('has statements with names of their own, in letters and digits only', () => {
    for (const role of POLICY_ROLES) {
      const names = (buildPolicy(role, PLACE).Statement as PolicyStatement[]).map((statement) => statement.Sid);
      expect(names).toEqual([...new Set(names)]);
      for (const name of names) expect(name).toMatch(/^[A-Za-z0-9]+$/);
    }
  });
});

describe('the lifecycle rules', () => {
  it('are these', () => {
    expect(buildLifecycle(PLACE)).toMatchInlineSnapshot(`
      {
        "Rules": [
          {
            "AbortIncompleteMultipartUpload": {
              "DaysAfterInitiation": 7,
            },
            "Filter": {
              "Prefix": "nas/",
            },
            "ID": "icecore-abort-unfinished-uploads",
            "Status": "Enabled",
          },
          {
            "Expiration": {
              "ExpiredObjectDeleteMarker": true,
            },
            "Filter": {
              "Prefix": "nas/",
            },
            "ID": "icecore-expire-old-versions",
            "NoncurrentVersionExpiration": {
              "NoncurrentDays": 30,
            },
            "Status": "Enabled",
          },
        ],
      }
    `);
  });

  it('never let a current object expire, nor move one to another class', () => {
    for (const rule of buildLifecycle({ prefix: '' }).Rules) {
      expect(rule.Filter).toEqual({ Prefix: '' });
      expect(rule.Expiration ?? { ExpiredObjectDeleteMarker: true }).toEqual({ ExpiredObjectDeleteMarker: true });
      expect(Object.keys(rule)).not.toContain('Transitions');
    }
  });
});
