/**
 * What a failed request means for the next one: may it pass with time, must something be mended first, or is it final.
 * Goes by codes, names and statuses, never by messages. Words for the user are in s3-errors.ts.
 */
import { bug } from '../base/errors.ts';

/**
 * - `throttled`: too many requests; `server-error`: the store's own trouble; `unreachable`: no whole answer came;
 *   `conflict`: another request on the same name was under way. All pass with time.
 * - `corrupted`: bytes changed on the way; `foreign`: what answered is no S3 store, or makes no sense. Once more may help.
 * - `skew`: the clocks differ; `expired`: the credentials are too old; `elsewhere`: the bucket is in another region.
 *   Something must be set right before it helps to ask again.
 * - `credentials`: none could be had.
 * - `final`: the store's answer, which stays what it is.
 */
export type Fault =
  | 'throttled'
  | 'server-error'
  | 'unreachable'
  | 'conflict'
  | 'corrupted'
  | 'foreign'
  | 'skew'
  | 'expired'
  | 'elsewhere'
  | 'credentials'
  | 'final';

/** A failure that we saw ourselves in an answer that the SDK was content with, or on the way to one. */
export class RequestFault extends Error {
  readonly fault: Fault;

  constructor(fault: Fault, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'RequestFault';
    this.fault = fault;
  }
}

/** What can be read off anything that a request throws. */
export interface FailureFacts {
  /** The HTTP status, where there was an answer. */
  readonly status?: number;
  /** The answer was read to its end and understood. */
  readonly isWhole: boolean;
  /** The store's error code, or the name of a failed system call. */
  readonly code?: string;
  readonly requestId?: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The store's own words. */
  readonly message: string;
  /** The region that the store names as the right one. */
  readonly region?: string;
}

const THROTTLED: ReadonlySet<string> = new Set([
  ...['SlowDown', 'SlowDownRead', 'SlowDownWrite', 'ServiceUnavailable', 'Throttling', 'ThrottlingException'],
  ...['ThrottledException', 'RequestThrottled', 'RequestThrottledException', 'RequestLimitExceeded'],
  ...['TooManyRequests', 'TooManyRequestsException', 'BandwidthLimitExceeded', 'LimitExceededException'],
  ...['ProvisionedThroughputExceededException', 'TransactionInProgressException', 'PriorRequestNotComplete'],
]);
const EXPIRED: ReadonlySet<string> = new Set([
  ...['ExpiredToken', 'ExpiredTokenException', 'TokenRefreshRequired', 'RequestExpired'],
]);
const SKEWED: ReadonlySet<string> = new Set(['RequestTimeTooSkewed', 'RequestInTheFuture']);
const ELSEWHERE: ReadonlySet<string> = new Set([
  ...['PermanentRedirect', 'TemporaryRedirect', 'Redirect', 'AuthorizationHeaderMalformed'],
  ...['IllegalLocationConstraintException'],
]);
const CONFLICTS: ReadonlySet<string> = new Set(['ConditionalRequestConflict', 'OperationAborted']);
/** The request did not reach the store as it was sent. */
const CORRUPTED: ReadonlySet<string> = new Set([
  'BadDigest',
  'XAmzContentSHA256Mismatch',
  'XAmzContentChecksumMismatch',
]);
const UNREACHABLE: ReadonlySet<string> = new Set(['RequestTimeout', 'RequestTimeoutException', 'IncompleteBody']);
/** A 5xx that no repetition changes. */
const FINAL_STATUSES: ReadonlySet<number> = new Set([501, 505, 507]);
const FINAL_CODES: ReadonlySet<string> = new Set([
  ...[
    'NotImplemented',
    'InvalidObjectState',
    'QuotaExceeded',
    'XMinioStorageFull',
    'GlacierExpeditedRetrievalNotAvailable',
  ],
]);
/** Failures of OpenSSL and of certificates; `ERR_TLS…` and `ERR_SSL…` beside. */
const TLS: ReadonlySet<string> = new Set([
  ...['EPROTO', 'CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID', 'CERT_UNTRUSTED', 'CERT_REVOKED', 'CERT_REJECTED'],
  ...['DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  ...['UNABLE_TO_GET_ISSUER_CERT', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'HOSTNAME_MISMATCH'],
]);

const MADE_UP: ReadonlySet<string> = new Set(['Unknown', 'UnknownError', 'NotFound', 'Error', 'S3ServiceException']);

/** True for the code of a failed TLS handshake. */
export function isTlsCode(code: string | undefined): boolean {
  return code !== undefined && (TLS.has(code) || code.startsWith('ERR_TLS') || code.startsWith('ERR_SSL'));
}

/** Reads off an error what is known of it. */
export function factsOf(error: unknown): FailureFacts {
  if (typeof error !== 'object' || error === null) return { isWhole: false, headers: {}, message: String(error) };
  const { $metadata, $response, name, message } = error as {
    $metadata?: { httpStatusCode?: number; requestId?: string };
    $response?: { statusCode?: number; headers?: Record<string, string> };
    name?: unknown;
    message?: unknown;
  };
  const { Code, code, Region } = error as { Code?: unknown; code?: unknown; Region?: unknown };
  const headers = $response?.headers ?? {};
  const status = $metadata?.httpStatusCode ?? $response?.statusCode;
  // Without a body there is no code; the SDK then makes up a name, which says less than the status.
  const isWhole = '$fault' in error;
  const isNamed = isWhole && typeof name === 'string' && !MADE_UP.has(name);
  const given = [Code, code, isNamed ? name : undefined].find((text) => typeof text === 'string');
  const region = headers['x-amz-bucket-region'] ?? (typeof Region === 'string' ? Region : undefined);
  return {
    isWhole,
    headers,
    message: wordsOf(message),
    ...(status === undefined ? {} : { status }),
    ...(typeof given === 'string' ? { code: given } : {}),
    ...($metadata?.requestId === undefined ? {} : { requestId: $metadata.requestId }),
    ...(region === undefined ? {} : { region }),
  };
}

/** The first line: further ones are the SDK's advice to programmers. Where nobody said anything, it makes up a word. */
function wordsOf(message: unknown): string {
  const [line = ''] = typeof message === 'string' ? message.split('\n') : [];
  return MADE_UP.has(line) ? '' : line;
}

/** Judges what a request threw. */
export function faultOf(error: unknown): Fault {
  if (error instanceof RequestFault) return error.fault;
  const { status, code = '', isWhole } = factsOf(error);
  if (status === undefined || (!isWhole && isSystemCode(code))) return withoutAnswer(error, code);
  // An answer that could not be read: the SDK's parser gave up on it.
  if (status < 300 || (!isWhole && status < 500 && status !== 429)) return 'foreign';
  if (FINAL_CODES.has(code)) return 'final';
  if (THROTTLED.has(code) || status === 429 || status === 503) return 'throttled';
  if (EXPIRED.has(code)) return 'expired';
  if (SKEWED.has(code)) return 'skew';
  if (ELSEWHERE.has(code) || status === 301 || status === 307) return 'elsewhere';
  if (CONFLICTS.has(code)) return 'conflict';
  if (CORRUPTED.has(code)) return 'corrupted';
  if (UNREACHABLE.has(code) || status === 408) return 'unreachable';
  if (status >= 500 && !FINAL_STATUSES.has(status)) return 'server-error';
  return 'final';
}

function withoutAnswer(error: unknown, code: string): Fault {
  if (!(error instanceof Error)) throw bug('a request failed without an error', error);
  if (isTlsCode(code)) return 'final';
  // The HTTP parser met something else than HTTP.
  if (code.startsWith('HPE_')) return 'foreign';
  if (error.name === 'TimeoutError' || error.name === 'AbortError') return 'unreachable';
  return isSystemCode(code) ? 'unreachable' : 'final';
}

function isSystemCode(code: string): boolean {
  return (/^E[A-Z0-9_]+$/.test(code) && !code.startsWith('ERR_')) || code === 'ERR_STREAM_PREMATURE_CLOSE';
}
