/**
 * AWS Signature Version 4 as S3 verifies it: Authorization headers and presigned addresses. Rebuilds the canonical
 * request from what was sent and refuses whatever differs, with the error that S3 gives. The body's hash is payload.ts,
 * signed chunks are chunked.ts.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { VirtualClock } from './clock.ts';
import { S3Error } from './errors.ts';
import { encode, queryItems, type S3Request } from './request.ts';
import type { S3Credentials } from './world.ts';

/** What a signature is judged by. */
export interface SignatureRules {
  readonly credentials: readonly S3Credentials[];
  readonly clock: VirtualClock;
  /** The region that it must be signed for. */
  readonly region: string;
}

/** A request whose signature holds. */
export interface Signed {
  readonly credentials: S3Credentials;
  /** The signature, which seeds those of chunks, with what goes into them. */
  readonly signature: string;
  readonly signingKey: Buffer;
  readonly date: string;
  readonly scope: string;
  /** What the signature says of the body: x-amz-content-sha256. */
  readonly payloadHash: string;
}

/** The parts of a signature, from header or query. */
interface Claim {
  readonly accessKeyId: string;
  readonly scopeDate: string;
  readonly region: string;
  readonly scope: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  readonly date: string;
  readonly payloadHash: string;
  readonly token: string | undefined;
  /** Presigned: seconds that it holds. */
  readonly expiresSeconds?: number;
}

const ALGORITHM = 'AWS4-HMAC-SHA256';

/**
 * Verifies the signature of a request.
 * @throws S3Error as S3 would answer.
 */
export function verifySignature(request: S3Request, rules: SignatureRules): Signed {
  const claim = request.query.has('X-Amz-Signature') ? presignedClaim(request) : headerClaim(request);
  const { clock, region } = rules;
  checkDate(claim, clock);
  if (claim.region !== region) {
    throw new S3Error('AuthorizationHeaderMalformed', {
      message: `The authorization header is malformed; the region '${claim.region}' is wrong; expecting '${region}'`,
      fields: { Region: region },
    });
  }
  const credentials = rules.credentials.find(({ accessKeyId }) => accessKeyId === claim.accessKeyId);
  if (credentials === undefined) {
    throw new S3Error('InvalidAccessKeyId', {
      message: 'The access key is not known here',
      fields: { AWSAccessKeyId: claim.accessKeyId },
    });
  }
  if (credentials.sessionToken !== claim.token) {
    throw new S3Error(claim.token === undefined ? 'InvalidAccessKeyId' : 'InvalidToken', {
      message: 'The security token does not belong to the access key',
    });
  }
  checkSignedHeaders(request, claim);
  const canonical = canonicalRequest(request, claim);
  const stringToSign = [ALGORITHM, claim.date, claim.scope, sha256Hex(canonical)].join('\n');
  const signingKey = keyOf(credentials.secretAccessKey, claim.scopeDate, claim.region);
  const expected = createHmac('sha256', signingKey).update(stringToSign).digest('hex');
  if (!isSame(expected, claim.signature)) {
    throw new S3Error('SignatureDoesNotMatch', {
      message: 'The signature is not the one that the server computes; check the secret key',
      fields: {
        AWSAccessKeyId: claim.accessKeyId,
        StringToSign: stringToSign,
        SignatureProvided: claim.signature,
        CanonicalRequest: canonical,
      },
    });
  }
  if (credentials.expires !== undefined && clock.now() >= credentials.expires) {
    throw new S3Error('ExpiredToken', { message: 'The token has expired' });
  }
  const { signature, date, scope, payloadHash } = claim;
  return { credentials, signature, signingKey, date, scope, payloadHash };
}

/** SHA-256 in hex. */
export function sha256Hex(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** Compares two signatures. */
export function isSame(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}

function keyOf(secret: string, date: string, region: string): Buffer {
  return [date, region, 's3', 'aws4_request'].reduce<Buffer>(
    (key, part) => createHmac('sha256', key).update(part).digest(),
    Buffer.from(`AWS4${secret}`),
  );
}

function headerClaim(request: S3Request): Claim {
  const header = request.header('authorization');
  if (header === undefined) throw new S3Error('AccessDenied', { message: 'Requests must be signed' });
  if (!header.startsWith(`${ALGORITHM} `)) {
    throw new S3Error('InvalidRequest', { message: `The authorization mechanism is not ${ALGORITHM}` });
  }
  const fields = new Map(
    header
      .slice(ALGORITHM.length)
      .split(',')
      .map((field) => field.trim().split('=', 2) as [string, string]),
  );
  const payloadHash = request.header('x-amz-content-sha256');
  if (payloadHash === undefined) {
    throw new S3Error('InvalidRequest', { message: 'Missing required header for this request: x-amz-content-sha256' });
  }
  const date = request.header('x-amz-date') ?? basicDate(request.header('date'));
  if (date === undefined || !/^\d{8}T\d{6}Z$/.test(date)) {
    throw new S3Error('AccessDenied', { message: 'A signed request needs a valid Date or x-amz-date header' });
  }
  return {
    ...credentialOf(fields.get('Credential'), date),
    signedHeaders: (fields.get('SignedHeaders') ?? '').split(';'),
    signature: fields.get('Signature') ?? '',
    date,
    payloadHash,
    token: request.header('x-amz-security-token'),
  };
}

function presignedClaim(request: S3Request): Claim {
  const get = (name: string): string => request.query.get(`X-Amz-${name}`) ?? '';
  const expires = Number(get('Expires'));
  if (get('Algorithm') !== ALGORITHM || !(expires >= 1 && expires <= 604_800)) {
    throw new S3Error('AuthorizationQueryParametersError', {
      message: 'X-Amz-Algorithm must be AWS4-HMAC-SHA256 and X-Amz-Expires 1 to 604800',
    });
  }
  const date = get('Date');
  return {
    ...credentialOf(get('Credential'), date),
    signedHeaders: get('SignedHeaders').split(';'),
    signature: get('Signature'),
    date,
    payloadHash: request.header('x-amz-content-sha256') ?? 'UNSIGNED-PAYLOAD',
    token: request.query.get('X-Amz-Security-Token'),
    expiresSeconds: expires,
  };
}

function credentialOf(
  credential: string | undefined,
  date: string,
): Pick<Claim, 'accessKeyId' | 'scopeDate' | 'region' | 'scope'> {
  const match = /^(.+)\/(\d{8})\/([^/]+)\/s3\/aws4_request$/.exec(credential ?? '');
  if (match === null || match[2] !== date.slice(0, 8)) {
    throw new S3Error('AuthorizationHeaderMalformed', {
      message: 'The credential must be KEY/YYYYMMDD/REGION/s3/aws4_request, of the date of the request',
    });
  }
  const [, accessKeyId = '', scopeDate = '', region = ''] = match;
  return { accessKeyId, scopeDate, region, scope: `${scopeDate}/${region}/s3/aws4_request` };
}

function basicDate(header: string | undefined): string | undefined {
  const time = Date.parse(header ?? '');
  if (Number.isNaN(time)) return undefined;
  return new Date(time).toISOString().replace(/[-:]|\.\d+/g, '');
}

/** The time that a basic ISO 8601 date means. */
function timeOf(date: string): number {
  return Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
}

function checkDate({ date, expiresSeconds }: Claim, clock: VirtualClock): void {
  const time = timeOf(date);
  if (expiresSeconds !== undefined) {
    if (clock.now() <= time + expiresSeconds * 1000) return;
    throw new S3Error('AccessDenied', { message: 'Request has expired' });
  }
  if (clock.accepts(time)) return;
  throw new S3Error('RequestTimeTooSkewed', {
    message: "The difference between the request's time and the server's is too large",
    fields: { RequestTime: date, ServerTime: new Date(clock.now()).toISOString(), MaxAllowedSkewMilliseconds: 900_000 },
  });
}

/** The host and every x-amz header that came must be signed; every signed header must have come. */
function checkSignedHeaders(request: S3Request, { signedHeaders }: Claim): void {
  const mustBeSigned = ['host', ...request.headersWith('x-amz-').keys()];
  const missing = mustBeSigned.filter((name) => !signedHeaders.includes(name));
  if (missing.length > 0) {
    throw new S3Error('AccessDenied', {
      message: 'There were headers present in the request which were not signed',
      fields: { HeadersNotSigned: missing.join(', ') },
    });
  }
}

function canonicalRequest(request: S3Request, { signedHeaders, payloadHash }: Claim): string {
  const query = queryItems(request.rawQuery)
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort();
  const headers = signedHeaders.map((name) => {
    const values = request.headers.filter(([other]) => other === name).map(([, value]) => value);
    return `${name}:${values.map((value) => value.trim().replace(/ +/g, ' ')).join(',')}\n`;
  });
  const path = encode(decodeURIComponent(request.path), true);
  return [request.method, path, query.join('&'), headers.join(''), signedHeaders.join(';'), payloadHash].join('\n');
}
