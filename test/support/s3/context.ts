/** What a handler gets: the world, the verified request, and who asks. With the look-ups that all handlers share. */
import { type Denial, isDenied } from './access.ts';
import type { Answer } from './answer.ts';
import type { BucketState, ObjectVersion } from './bucket.ts';
import { S3Error } from './errors.ts';
import type { Payload } from './payload.ts';
import { allows, type PolicyQuestion } from './policy.ts';
import type { S3Request } from './request.ts';
import type { S3Credentials, World } from './world.ts';

/** A request on its way through a handler. */
export interface Context {
  readonly world: World;
  readonly request: S3Request;
  readonly payload: Payload;
  readonly credentials: S3Credentials;
  /** Keys that listings lack: the fault `stale-list`. */
  readonly hiddenKeys: ReadonlySet<string>;
}

/** Does an operation at once and answers it; nothing comes between. */
export type Handler = (context: Context) => Answer;

/** The bucket of a request. @throws NoSuchBucket */
export function bucketOf({ world, request }: Pick<Context, 'world' | 'request'>): BucketState {
  const bucket = request.bucket === undefined ? undefined : world.buckets.get(request.bucket);
  if (bucket !== undefined) return bucket;
  throw new S3Error('NoSuchBucket', {
    message: 'The specified bucket does not exist',
    fields: { BucketName: request.bucket ?? '' },
  });
}

/** The key of a request that has one. */
export function keyOf({ request }: Context): string {
  return request.key!;
}

/** True when who asks may do an action, on the request's key or another. */
export function mayDo(context: Context, action: string, key: string | undefined): boolean {
  const { world, request, credentials } = context;
  const bucket = request.bucket === undefined ? undefined : world.buckets.get(request.bucket);
  const denials: readonly Denial[] = [...world.denied, ...(bucket?.settings.denied ?? [])];
  if (isDenied(denials, action, key)) return false;
  return credentials.policy === undefined || allows(credentials.policy, questionOf(request, action, key));
}

/** Makes sure that who asks may do an action. @throws AccessDenied */
export function authorise(context: Context, action: string, key: string | undefined): void {
  if (mayDo(context, action, key)) return;
  throw new S3Error('AccessDenied', { message: `The user is not authorized to perform: ${action}` });
}

/**
 * The version that a request names, or the current one. Who may not list the bucket is not told that an object is
 * missing.
 * @throws NoSuchKey, NoSuchVersion, MethodNotAllowed for a delete marker, AccessDenied
 */
export function findVersion(context: Context, key: string, versionId: string | undefined): ObjectVersion {
  const bucket = bucketOf(context);
  const found =
    versionId === undefined
      ? bucket.current(key)
      : bucket.versions(key).find((version) => version.versionId === versionId);
  if (found === undefined && versionId !== undefined) {
    throw new S3Error('NoSuchVersion', { message: 'The specified version does not exist', fields: { Key: key } });
  }
  if (found !== undefined && !found.isDeleteMarker) return found;
  const headers: Record<string, string> = found?.isDeleteMarker
    ? { 'x-amz-delete-marker': 'true', 'x-amz-version-id': found.versionId }
    : {};
  if (found !== undefined && versionId !== undefined) {
    throw new S3Error('MethodNotAllowed', { message: 'A delete marker has no content', headers });
  }
  if (!mayDo(context, 's3:ListBucket', undefined)) throw new S3Error('AccessDenied', { message: 'Access Denied' });
  throw new S3Error('NoSuchKey', { message: 'The specified key does not exist.', fields: { Key: key }, headers });
}

function questionOf(request: S3Request, action: string, key: string | undefined): PolicyQuestion {
  // The tests speak plain HTTP; policies that insist on TLS shall not be in their way.
  const keys = new Map<string, string>([['aws:securetransport', 'true']]);
  for (const name of ['prefix', 'delimiter', 'max-keys', 'versionid']) {
    const value = request.query.get(name === 'versionid' ? 'versionId' : name);
    if (value !== undefined && (key !== undefined) === (name === 'versionid')) keys.set(`s3:${name}`, value);
  }
  // A listing without a prefix is one with an empty prefix.
  const isListing = request.method === 'GET' && request.key === undefined && action.startsWith('s3:ListBucket');
  if (isListing && !keys.has('s3:prefix')) {
    keys.set('s3:prefix', '');
  }
  // Whether who asks for a missing object may know that it is missing: then its key counts as the prefix, as on AWS
  // (which is why Ceph does so, ceph/ceph#68577).
  if (key === undefined && action === 's3:ListBucket' && request.key !== undefined) keys.set('s3:prefix', request.key);
  for (const [name, value] of request.headersWith('x-amz-')) keys.set(`s3:${name}`, value);
  for (const name of ['if-none-match', 'if-match']) {
    const value = request.header(name);
    if (value !== undefined) keys.set(`s3:${name}`, value);
  }
  const { query, method } = request;
  const isPart = query.has('uploads') || query.has('partNumber');
  if (action === 's3:PutObject') keys.set('s3:objectcreationoperation', String(!isPart && method !== 'GET'));
  const resource =
    request.bucket === undefined ? '*' : `arn:aws:s3:::${request.bucket}${key === undefined ? '' : `/${key}`}`;
  return { action, resource, context: keys };
}
