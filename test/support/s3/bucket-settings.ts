/** The calls that read how a bucket is set up. They answer what a test assigned to `settings`. */
import { type Answer, emptyAnswer, xmlAnswer } from './answer.ts';
import type { BucketSettings, LifecycleSetting } from './bucket.ts';
import { bucketOf, type Context, type Handler } from './context.ts';
import { S3Error } from './errors.ts';
import { OWNER } from './listing.ts';
import { malformed, readXml, type XmlElement } from './xml.ts';

/** A handler that answers from the settings; stores without such calls refuse it. */
function reads(answer: (settings: BucketSettings, context: Context) => Answer): Handler {
  return (context) => {
    const { settings } = bucketOf(context);
    if (!context.world.quirks.hasBucketSettings) throw new S3Error('NotImplemented', { message: 'Not implemented' });
    return answer(settings, context);
  };
}

export const getBucketVersioning: Handler = reads(({ versioning }) =>
  xmlAnswer('VersioningConfiguration', [['Status', VERSIONING[versioning]]]),
);

const VERSIONING = { off: undefined, enabled: 'Enabled', suspended: 'Suspended' } as const;

/** PutBucketVersioning. It cannot be suspended where Object Lock is on. */
export const putBucketVersioning: Handler = reads((settings, { payload }) => {
  const status = readXml(payload.content.bytes(), 'VersioningConfiguration').get('Status');
  if (status !== 'Enabled' && status !== 'Suspended') throw malformed();
  if (status === 'Suspended' && settings.objectLock !== undefined) {
    throw new S3Error('InvalidBucketState', { message: 'Versioning cannot be suspended with Object Lock' });
  }
  settings.versioning = status === 'Enabled' ? 'enabled' : 'suspended';
  return emptyAnswer(200);
});

export const getBucketLifecycle: Handler = reads(({ lifecycle }) => {
  if (lifecycle === undefined) throw missing('NoSuchLifecycleConfiguration');
  return xmlAnswer(
    'LifecycleConfiguration',
    lifecycle.map((rule): XmlElement => ['Rule', lifecycleRule(rule)]),
  );
});

export const getPublicAccessBlock: Handler = reads(({ publicAccessBlock: block }) => {
  if (block === undefined) throw missing('NoSuchPublicAccessBlockConfiguration');
  return xmlAnswer('PublicAccessBlockConfiguration', [
    ['BlockPublicAcls', block.blockPublicAcls],
    ['IgnorePublicAcls', block.ignorePublicAcls],
    ['BlockPublicPolicy', block.blockPublicPolicy],
    ['RestrictPublicBuckets', block.restrictPublicBuckets],
  ]);
});

export const getBucketEncryption: Handler = reads(({ encryption }) => {
  if (encryption === undefined) throw missing('ServerSideEncryptionConfigurationNotFoundError');
  const byDefault: XmlElement[] = [
    ['SSEAlgorithm', encryption.algorithm],
    ['KMSMasterKeyID', encryption.kmsKey],
  ];
  return xmlAnswer('ServerSideEncryptionConfiguration', [
    [
      'Rule',
      [
        ['ApplyServerSideEncryptionByDefault', byDefault],
        ['BucketKeyEnabled', false],
      ],
    ],
  ]);
});

export const getBucketPolicyStatus: Handler = reads(({ isPublic }) => {
  if (isPublic === undefined) throw missing('NoSuchBucketPolicy');
  return xmlAnswer('PolicyStatus', [['IsPublic', isPublic]]);
});

export const getBucketPolicy: Handler = reads(() => {
  throw missing('NoSuchBucketPolicy');
});

export const getBucketCors: Handler = reads(() => {
  throw missing('NoSuchCORSConfiguration');
});

export const getBucketTagging: Handler = reads(() => {
  throw missing('NoSuchTagSet');
});

export const getBucketOwnershipControls: Handler = reads(({ ownership }) =>
  xmlAnswer('OwnershipControls', [['Rule', [['ObjectOwnership', ownership]]]]),
);

export const getBucketRequestPayment: Handler = reads(({ requestPayer }) =>
  xmlAnswer('RequestPaymentConfiguration', [['Payer', requestPayer]]),
);

export const getObjectLockConfiguration: Handler = reads(({ objectLock }) => {
  if (objectLock === undefined) throw missing('ObjectLockConfigurationNotFoundError');
  const { mode = 'GOVERNANCE', days } = objectLock;
  const retention: XmlElement[] = [
    ['Mode', mode],
    ['Days', days],
  ];
  return xmlAnswer('ObjectLockConfiguration', [
    ['ObjectLockEnabled', 'Enabled'],
    ['Rule', days === undefined ? undefined : [['DefaultRetention', retention]]],
  ]);
});

const GRANTEE = 'Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"';

/** GetBucketAcl and GetObjectAcl: the owner may do everything. */
export const getAcl: Handler = (context) => {
  bucketOf(context);
  const grant: XmlElement[] = [
    [GRANTEE, OWNER[1]],
    ['Permission', 'FULL_CONTROL'],
  ];
  return xmlAnswer('AccessControlPolicy', [OWNER, ['AccessControlList', [['Grant', grant]]]]);
};

/** PutBucketAcl and PutObjectAcl: the owner's grant is all that there is. */
export const putAcl: Handler = (context) => {
  if (bucketOf(context).settings.ownership !== 'BucketOwnerEnforced') return emptyAnswer(200);
  throw new S3Error('AccessControlListNotSupported', { message: 'The bucket does not allow ACLs' });
};

function lifecycleRule(rule: LifecycleSetting): XmlElement[] {
  const conditions: XmlElement[] = [
    ['Prefix', rule.prefix],
    ...Object.entries(rule.tags ?? {}).map(
      ([key, value]): XmlElement => [
        'Tag',
        [
          ['Key', key],
          ['Value', value],
        ],
      ],
    ),
    ['ObjectSizeGreaterThan', rule.objectSizeGreaterThan],
    ['ObjectSizeLessThan', rule.objectSizeLessThan],
  ];
  const given = conditions.filter(([, content]) => content !== undefined);
  const filter: XmlElement[] = given.length > 1 ? [['And', given]] : given;
  return [
    ['ID', rule.id],
    rule.hasOldForm ? ['Prefix', rule.prefix ?? ''] : ['Filter', filter],
    ['Status', rule.isEnabled === false ? 'Disabled' : 'Enabled'],
    ...(rule.transitions ?? []).map(
      ({ days, storageClass }): XmlElement => [
        'Transition',
        [
          ['Days', days],
          ['StorageClass', storageClass],
        ],
      ],
    ),
    ['Expiration', expiration(rule)],
    [
      'NoncurrentVersionExpiration',
      rule.noncurrentExpirationDays === undefined ? undefined : [['NoncurrentDays', rule.noncurrentExpirationDays]],
    ],
    [
      'AbortIncompleteMultipartUpload',
      rule.abortUploadsAfterDays === undefined ? undefined : [['DaysAfterInitiation', rule.abortUploadsAfterDays]],
    ],
  ];
}

function expiration({ expirationDays, expirationDate }: LifecycleSetting): XmlElement[] | undefined {
  if (expirationDays === undefined && expirationDate === undefined) return undefined;
  return [
    ['Days', expirationDays],
    ['Date', expirationDate],
  ];
}

function missing(code: string): S3Error {
  return new S3Error(code, { message: 'The bucket has no such configuration' });
}
