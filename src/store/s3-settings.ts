/**
 * The settings of a bucket as S3 tells them, made into ours. Owns which error code means "not set", which "not allowed"
 * and which "no such thing here"; what a setting means for a repository is judged elsewhere.
 */
import {
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  type GetBucketLifecycleConfigurationCommandOutput,
  GetBucketVersioningCommand,
  GetObjectLockConfigurationCommand,
  GetPublicAccessBlockCommand,
  type LifecycleRule as S3Rule,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import type { Answer, BucketSettings, LifecycleRule } from './bucket.ts';
import type { CallOptions, S3Caller, S3Command } from './s3-caller.ts';

/** How a question is asked: as any call, and which error codes stand for a value. */
export interface QuestionOptions<T> extends CallOptions {
  /** Error codes that are answers: nothing is configured. */
  readonly absent?: Readonly<Record<string, T>>;
}

/** 403, but about who asks and when: the retry loop may mend that, and its words are better than "denied". */
const ABOUT_CREDENTIALS: ReadonlySet<string> = new Set([
  'ExpiredToken',
  'ExpiredTokenException',
  'InvalidAccessKeyId',
  'InvalidToken',
  'InvalidSecurity',
  'RequestExpired',
  'RequestTimeTooSkewed',
  'SignatureDoesNotMatch',
  'TokenRefreshRequired',
]);
/** 4xx of a server that is to be asked again, or that has no such bucket at all. */
const NO_ANSWER: ReadonlySet<number> = new Set([401, 408, 425, 429]);

/**
 * Sends a command whose refusal is an answer too.
 * @throws what {@link S3Caller.send} throws for anything that is neither an answer nor a refusal
 */
export async function answerOf<Output extends object, T>(
  caller: S3Caller,
  make: () => S3Command<Output>,
  read: (output: Output) => T,
  options: QuestionOptions<T> = {},
): Promise<Answer<T>> {
  const { absent = {}, ...call } = options;
  try {
    return { type: 'known', value: read(await caller.send(make, { ...call, isAnswer })) };
  } catch (error) {
    if (!(error instanceof S3ServiceException)) throw error;
    if (Object.hasOwn(absent, error.name)) return { type: 'known', value: absent[error.name] as T };
    return { type: error.$metadata.httpStatusCode === 403 ? 'denied' : 'unsupported' };
  }
}

function isAnswer(error: S3ServiceException): boolean {
  const status = error.$metadata.httpStatusCode ?? 0;
  if (error.name === 'NoSuchBucket' || ABOUT_CREDENTIALS.has(error.name) || NO_ANSWER.has(status)) return false;
  // A HEAD has no body to carry a code, and is only ever sent to the bucket itself: 404 says that there is none.
  if (status === 404 && ['NotFound', '404', 'UnknownError', 'Unknown'].includes(error.name)) return false;
  return (status >= 300 && status < 500) || status === 501;
}

/** Reads all settings, at the same time. */
export async function readSettings(caller: S3Caller, signal: AbortSignal | undefined): Promise<BucketSettings> {
  const bucket = { Bucket: caller.bucket };
  const [versioning, lifecycle, objectLock, publicAccessBlocked, encryption] = await Promise.all([
    answerOf(
      caller,
      () => new GetBucketVersioningCommand(bucket),
      ({ Status }) => (Status === 'Enabled' ? 'enabled' : Status === 'Suspended' ? 'suspended' : 'off'),
      { signal },
    ),
    answerOf<GetBucketLifecycleConfigurationCommandOutput, readonly LifecycleRule[]>(
      caller,
      () => new GetBucketLifecycleConfigurationCommand(bucket),
      ({ Rules }) => (Rules ?? []).map(readRule),
      { signal, absent: { NoSuchLifecycleConfiguration: [] } },
    ),
    answerOf(
      caller,
      () => new GetObjectLockConfigurationCommand(bucket),
      ({ ObjectLockConfiguration: lock }) => {
        if (lock?.ObjectLockEnabled !== 'Enabled') return undefined;
        const { Mode, Days, Years } = lock.Rule?.DefaultRetention ?? {};
        const days = Days ?? (Years === undefined ? undefined : Years * 365);
        return { ...(Mode === undefined ? {} : { mode: Mode }), ...(days === undefined ? {} : { days }) };
      },
      { signal, absent: { ObjectLockConfigurationNotFoundError: undefined, NoSuchObjectLockConfiguration: undefined } },
    ),
    answerOf(
      caller,
      () => new GetPublicAccessBlockCommand(bucket),
      ({ PublicAccessBlockConfiguration: block }) =>
        block?.BlockPublicAcls === true &&
        block.BlockPublicPolicy === true &&
        block.IgnorePublicAcls === true &&
        block.RestrictPublicBuckets === true,
      { signal, absent: { NoSuchPublicAccessBlockConfiguration: false } },
    ),
    answerOf(
      caller,
      () => new GetBucketEncryptionCommand(bucket),
      ({ ServerSideEncryptionConfiguration: encryption }) => {
        const rule = encryption?.Rules?.[0]?.ApplyServerSideEncryptionByDefault;
        if (rule?.SSEAlgorithm === undefined) return undefined;
        const { SSEAlgorithm: algorithm, KMSMasterKeyID: kmsKey } = rule;
        return { algorithm, ...(kmsKey === undefined ? {} : { kmsKey }) };
      },
      { signal, absent: { ServerSideEncryptionConfigurationNotFoundError: undefined } },
    ),
  ]);
  return { versioning, lifecycle, objectLock, publicAccessBlocked, encryption };
}

/** A rule that acts on a date acts on all that is older: 0 days, once that day has come. */
function readRule(rule: S3Rule, index: number): LifecycleRule {
  const { Filter: filter, Expiration, NoncurrentVersionExpiration, AbortIncompleteMultipartUpload } = rule;
  const and = filter?.And;
  const narrowing = [
    ...[filter?.Tag, filter?.ObjectSizeGreaterThan, filter?.ObjectSizeLessThan],
    ...[and?.Tags, and?.ObjectSizeGreaterThan, and?.ObjectSizeLessThan],
  ];
  const expires = Expiration?.Days ?? (Expiration?.Date === undefined ? undefined : 0);
  const oldVersions = NoncurrentVersionExpiration?.NoncurrentDays;
  const aborts = AbortIncompleteMultipartUpload?.DaysAfterInitiation;
  return {
    id: rule.ID || `rule ${index + 1}`,
    isEnabled: rule.Status === 'Enabled',
    // The field at the top is the old form, which servers still take and give back.
    prefix: filter?.Prefix ?? and?.Prefix ?? (rule as { Prefix?: string }).Prefix ?? '',
    isNarrowed: narrowing.some((part) => part !== undefined),
    ...(expires === undefined ? {} : { expiresAfterDays: expires }),
    ...(oldVersions === undefined ? {} : { expiresOldVersionsAfterDays: oldVersions }),
    transitions: (rule.Transitions ?? []).map(({ Days, StorageClass }) => ({
      days: Days ?? 0,
      storageClass: StorageClass ?? 'unknown',
    })),
    ...(aborts === undefined ? {} : { abortsUploadsAfterDays: aborts }),
  };
}
