/** The errors of S3 by code, with the status that S3's reference gives them. Made here, rendered by answer.ts. */

const STATUS: Readonly<Record<string, number>> = {
  AccessControlListNotSupported: 400,
  AccessDenied: 403,
  AuthorizationHeaderMalformed: 400,
  AuthorizationQueryParametersError: 400,
  BadDigest: 400,
  BadRequest: 400,
  BucketAlreadyExists: 409,
  BucketAlreadyOwnedByYou: 409,
  BucketNotEmpty: 409,
  ConditionalRequestConflict: 409,
  EntityTooLarge: 400,
  EntityTooSmall: 400,
  ExpiredToken: 400,
  GlacierExpeditedRetrievalNotAvailable: 503,
  IllegalLocationConstraintException: 400,
  IncompleteBody: 400,
  InternalError: 500,
  InvalidAccessKeyId: 403,
  InvalidArgument: 400,
  InvalidBucketName: 400,
  InvalidBucketState: 409,
  InvalidChunkSizeError: 403,
  InvalidDigest: 400,
  InvalidEncryptionAlgorithmError: 400,
  InvalidLocationConstraint: 400,
  InvalidObjectState: 403,
  InvalidPart: 400,
  InvalidPartOrder: 400,
  InvalidRange: 416,
  InvalidRequest: 400,
  InvalidStorageClass: 400,
  InvalidTag: 400,
  InvalidToken: 400,
  InvalidURI: 400,
  KeyTooLongError: 400,
  MalformedXML: 400,
  MetadataTooLarge: 400,
  MethodNotAllowed: 405,
  MissingContentLength: 411,
  NoSuchBucket: 404,
  NoSuchBucketPolicy: 404,
  NoSuchCORSConfiguration: 404,
  NoSuchKey: 404,
  NoSuchLifecycleConfiguration: 404,
  NoSuchObjectLockConfiguration: 404,
  NoSuchPublicAccessBlockConfiguration: 404,
  NoSuchTagSet: 404,
  NoSuchUpload: 404,
  NoSuchVersion: 404,
  NotImplemented: 501,
  NotModified: 304,
  ObjectLockConfigurationNotFoundError: 404,
  ObjectNotInActiveTierError: 403,
  OwnershipControlsNotFoundError: 404,
  PermanentRedirect: 301,
  PreconditionFailed: 412,
  RequestTimeout: 400,
  RequestTimeTooSkewed: 403,
  RestoreAlreadyInProgress: 409,
  ServerSideEncryptionConfigurationNotFoundError: 404,
  ServiceUnavailable: 503,
  SignatureDoesNotMatch: 403,
  SlowDown: 503,
  ThrottlingException: 400,
  TooManyRequests: 429,
  XAmzContentSHA256Mismatch: 400,
};

/** What an error says beside its code. */
export interface S3ErrorDetails {
  readonly message?: string;
  readonly status?: number;
  /** Further elements of the error's XML. */
  readonly fields?: Readonly<Record<string, string | number>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An error that a request is answered with. */
export class S3Error extends Error {
  readonly code: string;
  readonly status: number;
  readonly fields: Readonly<Record<string, string | number>>;
  readonly headers: Readonly<Record<string, string>>;

  /** @throws Error for a code that S3 does not know, unless a status comes with it. */
  constructor(code: string, details: S3ErrorDetails = {}) {
    super(details.message ?? `the test server answers ${code}`);
    this.name = 'S3Error';
    this.code = code;
    const status = details.status ?? STATUS[code];
    if (status === undefined) throw new Error(`the test S3 server knows no error ${code}: give it a status`);
    this.status = status;
    this.fields = details.fields ?? {};
    this.headers = details.headers ?? {};
  }
}

/** An InvalidArgument about one argument. */
export function invalidArgument(name: string, value: string | undefined, message: string): S3Error {
  return new S3Error('InvalidArgument', { message, fields: { ArgumentName: name, ArgumentValue: value ?? '' } });
}
