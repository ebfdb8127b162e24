/**
 * A request's way through the service once it has arrived whole: throttled, verified, authorised, done, answered. Knows
 * no sockets; faults of the connection are the transport's.
 */
import { type Answer, errorAnswer } from './answer.ts';
import type { Content } from './content.ts';
import { authorise, bucketOf, type Context, type Handler } from './context.ts';
import { S3Error } from './errors.ts';
import { HANDLERS } from './handlers.ts';
import { ACTIONS, type S3Operation } from './operations.ts';
import { checkPayload } from './payload.ts';
import type { S3Request } from './request.ts';
import { verifySignature } from './signature.ts';
import type { World } from './world.ts';

/** What comes with a request. */
export interface Arrival {
  readonly request: S3Request;
  readonly operation: S3Operation;
  readonly body: Content;
  readonly requestId: string;
  readonly hiddenKeys: ReadonlySet<string>;
}

/** Requests of a second, to see who comes too often. */
export class RateLimiter {
  readonly #perSecond: number;
  #second = 0;
  #count = 0;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** True for a request that is one too many. */
  isOver(now: number): boolean {
    const second = Math.floor(now / 1000);
    if (second !== this.#second) this.#count = 0;
    this.#second = second;
    this.#count++;
    return this.#count > this.#perSecond;
  }
}

/** Does what a request asks and answers it. Errors of S3 are answers; anything else is a mistake in this server. */
export function serve(world: World, limiter: RateLimiter | undefined, arrival: Arrival): Answer {
  const { request, operation, requestId } = arrival;
  try {
    if (limiter?.isOver(world.clock.now())) {
      throw new S3Error('SlowDown', { message: 'Please reduce your request rate.' });
    }
    const answer = perform(world, arrival);
    meter(world, operation, answer);
    return answer;
  } catch (error) {
    if (!(error instanceof S3Error)) throw error;
    const plain = errorAnswer(error, request.method, request.path, requestId);
    // Even who may not look into a bucket is told where it is.
    const bucket = operation === 'HeadBucket' ? world.buckets.get(request.bucket ?? '') : undefined;
    const where = bucket === undefined ? {} : { 'x-amz-bucket-region': bucket.settings.region };
    const answer = { ...plain, headers: { ...where, ...plain.headers } };
    if (error.status < 500 && error.status !== 403) meter(world, operation, answer);
    return answer;
  }
}

function perform(world: World, { request, operation, body, hiddenKeys }: Arrival): Answer {
  const signed = verifySignature(request, { ...world, region: regionFor(world, request, operation) });
  checkRegion(world, request, operation);
  const payload = checkPayload(request, body, signed, {
    checksums: world.quirks.checksums,
    isChecksumOfBody: operation !== 'CompleteMultipartUpload',
  });
  const handler: Handler | undefined = HANDLERS[operation];
  if (handler === undefined) {
    throw new S3Error('NotImplemented', { message: 'A header or query you provided implies what is not implemented' });
  }
  const context: Context = { world, request, payload, credentials: signed.credentials, hiddenKeys };
  if (operation !== 'ListBuckets' && operation !== 'CreateBucket') checkPayer(context);
  // Of many objects at once, each is judged by itself.
  if (operation !== 'DeleteObjects') authorise(context, actionOf(request, operation), request.key);
  return handler(context);
}

/** The region that a request must be signed for: its bucket's, or the endpoint's where that is asked about it. */
function regionFor(world: World, request: S3Request, operation: S3Operation): string {
  const bucket = world.buckets.get(request.bucket ?? '');
  if (bucket === undefined || bucket.settings.region === world.region) return world.region;
  const scope = /\/\d{8}\/([^/]+)\/s3\/aws4_request/.exec(request.header('authorization') ?? '');
  // Signed for the endpoint: well signed, but sent to the wrong place.
  return scope?.[1] === world.region || operation === 'GetBucketLocation' ? world.region : bucket.settings.region;
}

/** A bucket of another region answers here with where it is, unless the request was signed for it. */
function checkRegion(world: World, request: S3Request, operation: S3Operation): void {
  const bucket = world.buckets.get(request.bucket ?? '');
  if (bucket === undefined || operation === 'GetBucketLocation') return;
  const { region } = bucket.settings;
  const scope = /\/\d{8}\/([^/]+)\/s3\/aws4_request/.exec(request.header('authorization') ?? '');
  if (region === world.region || scope?.[1] === region) return;
  throw new S3Error('PermanentRedirect', {
    message: 'The bucket must be addressed by the endpoint of its region',
    fields: { Bucket: bucket.name, Endpoint: `s3.${region}.amazonaws.com` },
    headers: { 'x-amz-bucket-region': region },
  });
}

function checkPayer(context: Context): void {
  const { settings } = bucketOf(context);
  if (settings.requestPayer === 'BucketOwner' || context.request.header('x-amz-request-payer') === 'requester') return;
  throw new S3Error('AccessDenied', { message: 'The requester pays in this bucket, and must say so' });
}

function actionOf(request: S3Request, operation: S3Operation): string {
  const action = ACTIONS[operation];
  const hasVersion = request.query.has('versionId');
  return hasVersion ? action.replace(/^s3:(Get|Put|Delete)Object(?=$|Tagging$)/, 's3:$1ObjectVersion') : action;
}

const FREE: ReadonlySet<S3Operation> = new Set([
  'DeleteObject',
  'DeleteObjects',
  'AbortMultipartUpload',
  'DeleteBucket',
]);

function meter(world: World, operation: S3Operation, answer: Answer): void {
  if (!FREE.has(operation)) world.meter.request(operation, answer.storageClass ?? 'STANDARD');
}
