/**
 * Failed requests put in words: what was to be done with which object, what the store said, what the user can do. Goes
 * by codes and statuses; whether to ask again was decided before (s3-faults.ts, s3-retry.ts).
 */
import { IcecoreError } from '../base/errors.ts';
import { formatDuration } from '../base/units.ts';
import { type Fault, factsOf, isTlsCode } from './s3-faults.ts';
import { BY_CODE, BY_FAULT, BY_STATUS, type Meaning } from './s3-meanings.ts';

/** What failed. */
export interface FailedRequest {
  /** The service's name of the request: `PutObject`. */
  readonly operation: string;
  /** `s3://bucket/prefix`. */
  readonly location: string;
  readonly bucket: string;
  /** The host that was asked, or its region where that is AWS. */
  readonly endpoint: string;
  readonly region: string;
  /** The object, relative to the repository. */
  readonly name?: string | undefined;
  readonly storageClass: string;
  /** Attempts, and for how long. */
  readonly attempts: number;
  readonly triedForMs: number;
  /** What the store's clock is ahead of ours, where it was seen. */
  readonly aheadMs?: number | undefined;
}

/** What an operation does, in words, and the permission that it takes where that is not called like the operation. */
const OPERATIONS: Readonly<Record<string, { readonly verb: string; readonly action?: string }>> = {
  PutObject: { verb: 'store' },
  CreateMultipartUpload: { verb: 'store', action: 's3:PutObject' },
  UploadPart: { verb: 'store', action: 's3:PutObject' },
  CompleteMultipartUpload: { verb: 'store', action: 's3:PutObject' },
  AbortMultipartUpload: { verb: 'end an upload of' },
  GetObject: { verb: 'read' },
  HeadObject: { verb: 'look at', action: 's3:GetObject' },
  DeleteObject: { verb: 'delete' },
  RestoreObject: { verb: 'thaw' },
  ListObjectsV2: { verb: 'list', action: 's3:ListBucket' },
  ListMultipartUploads: { verb: 'list the uploads of', action: 's3:ListBucketMultipartUploads' },
  HeadBucket: { verb: 'use', action: 's3:ListBucket' },
  GetBucketLifecycleConfiguration: { verb: 'ask', action: 's3:GetLifecycleConfiguration' },
  GetBucketEncryption: { verb: 'ask', action: 's3:GetEncryptionConfiguration' },
  GetPublicAccessBlock: { verb: 'ask', action: 's3:GetBucketPublicAccessBlock' },
  GetObjectLockConfiguration: { verb: 'ask', action: 's3:GetBucketObjectLockConfiguration' },
};

/** The IAM action that an operation needs. */
export function actionOf(operation: string): string {
  return OPERATIONS[operation]?.action ?? `s3:${operation}`;
}

/** Makes the error of kind `store` for a request that failed for good. */
export function requestError(error: unknown, fault: Fault, request: FailedRequest): IcecoreError {
  const facts = factsOf(error);
  const { operation, location, name, attempts, triedForMs } = request;
  const verb = OPERATIONS[operation]?.verb ?? 'ask';
  const subject = name === undefined ? location : `${name} in ${location}`;
  const meaning = meaningOf(fault, facts.code, facts.status);
  const detail = detailOf(facts.message) || (facts.status === undefined ? '' : `status ${facts.status}`);
  const words = { ...request, action: actionOf(operation), detail, rightRegion: facts.region };
  const tried = triedForMs >= 1000 ? `, ${attempts} attempts in ${formatDuration(triedForMs)}` : '';
  const hint = meaning.hint?.(words);
  return new IcecoreError('store', meaning.code, `cannot ${verb} ${subject}: ${meaning.text(words)}${tried}`, {
    ...(hint === undefined ? {} : { hint }),
    data: {
      operation,
      location,
      attempts,
      ...(name === undefined ? {} : { object: name }),
      ...(facts.status === undefined ? {} : { status: facts.status }),
      ...(facts.code === undefined ? {} : { errorCode: facts.code }),
      ...(facts.requestId === undefined ? {} : { requestId: facts.requestId }),
      ...(facts.message === '' ? {} : { detail: detailOf(facts.message) }),
    },
    cause: error,
  });
}

/** One line that says what went wrong in one attempt, for notices while it is tried again. */
export function attemptLine(error: unknown, fault: Fault, request: FailedRequest): string {
  const { code, status } = factsOf(error);
  const answer = [status, code].filter((part) => part !== undefined).join(' ');
  const subject = request.name ?? request.location;
  const isAnswered = answer !== '' && fault !== 'unreachable' && fault !== 'credentials';
  return `${request.operation} of ${subject}: ${(isAnswered ? answer : detailOf(factsOf(error).message)) || answer || fault}`;
}

function meaningOf(fault: Fault, code: string | undefined, status: number | undefined): Meaning {
  if (isTlsCode(code)) return BY_FAULT.tls;
  const known = code === undefined ? undefined : BY_CODE[code];
  if (known) return known;
  if (fault !== 'final') return BY_FAULT[fault];
  return (status === undefined ? undefined : BY_STATUS[status]) ?? BY_FAULT.final;
}

/** Others' words in one line of ours. */
function detailOf(message: string): string {
  // biome-ignore lint/complexity/useRegexLiterals: control characters are clearer so
  const line = message.replace(new RegExp('[\\u0000-\\u001f\\u007f\\s]+', 'g'), ' ').trim().replace(/\.$/, '');
  return line.length > 200 ? `${line.slice(0, 200)}…` : line;
}
