/** PutObject, GetObject, HeadObject: one object at a time, whole or a range of it. */
import { createHash } from 'node:crypto';
import { type Answer, emptyAnswer, headersOf } from './answer.ts';
import { checkReadable } from './archive.ts';
import { attributesOf, checksumHeaders, describeVersion, encryptionHeaders, versionHeader } from './attributes.ts';
import type { BucketState, ObjectVersion } from './bucket.ts';
import { IMMEDIATE_RETRIEVAL } from './classes.ts';
import { checkRead, checkWrite } from './conditions.ts';
import { Content } from './content.ts';
import { bucketOf, type Context, findVersion, keyOf } from './context.ts';
import { S3Error } from './errors.ts';
import { checkLockedPayload } from './lock.ts';

const MAX_KEY_BYTES = 1024;
/** The most that one PUT takes. */
export const MAX_PUT_BYTES = 5 * 2 ** 30;

/** PutObject */
export function putObject(context: Context): Answer {
  const { request, payload, world } = context;
  const bucket = bucketOf(context);
  const key = keyOf(context);
  checkKey(key);
  checkLength(context);
  const attributes = attributesOf(context, bucket);
  checkLockedPayload(context, bucket, 'Object');
  if (payload.content.size > MAX_PUT_BYTES) throw new S3Error('EntityTooLarge');
  checkWrite(context, bucket, key, world.quirks.conditionalPut);
  const etag = entityTag(md5Of(payload.content), attributes.encryption);
  const checksum = payload.checksum;
  const version = bucket.put(key, payload.content, { ...attributes, etag, checksum });
  const headers = {
    etag: `"${etag}"`,
    ...checksumHeaders(version),
    ...encryptionHeaders(version),
    ...versionHeader(isVersioned(bucket), version),
  };
  return { ...emptyAnswer(200, headers), storageClass: request.header('x-amz-storage-class') ?? 'STANDARD' };
}

/** GetObject and HeadObject. */
export function getObject(context: Context): Answer {
  const { request, world } = context;
  const isHead = request.method === 'HEAD';
  bucketOf(context);
  const version = findVersion(context, keyOf(context), request.query.get('versionId'));
  checkRead(context, version);
  if (!isHead) checkReadable(world, version);
  const part = partRange(context, version);
  const range = part ?? parseRange(request.header('range'), version.content.size);
  const content = range === undefined ? version.content : version.content.slice(range.start, range.end);
  const wantsChecksum = request.header('x-amz-checksum-mode')?.toUpperCase() === 'ENABLED' && range === undefined;
  if (!isHead && IMMEDIATE_RETRIEVAL.has(version.storageClass)) {
    world.meter.retrieved(version.storageClass, 'Immediate', content.size);
  }
  const headers = headersOf({
    ...describeVersion(context, version),
    ...(wantsChecksum ? checksumHeaders(version) : {}),
    ...responseOverrides(context),
    'content-range': range && `bytes ${range.start}-${range.end - 1}/${version.content.size}`,
    'x-amz-mp-parts-count': part && (version.partSizes?.length ?? undefined),
  });
  return {
    status: range === undefined ? 200 : 206,
    headers,
    body: isHead ? new Content([]) : content,
    storageClass: version.storageClass,
    isObject: true,
    ...(isHead ? { contentLength: content.size } : {}),
  };
}

/** The MD5 of some bytes, in hex. */
export function md5Of(content: Content): string {
  const hash = createHash('md5');
  for (const chunk of content.chunks) hash.update(chunk);
  return hash.digest('hex');
}

/** The entity tag: the MD5, unless the object is encrypted with a KMS key; then it is something else of that form. */
export function entityTag(md5: string, encryption: ObjectVersion['encryption']): string {
  if (encryption === undefined || encryption.algorithm === 'AES256') return md5;
  const [digest = '', parts] = md5.split('-');
  const other = createHash('md5').update(`${encryption.kmsKey} ${digest}`).digest('hex');
  return parts === undefined ? other : `${other}-${parts}`;
}

/** True for a bucket whose answers name versions. */
export function isVersioned(bucket: BucketState): boolean {
  return bucket.settings.versioning !== 'off';
}

/** @throws KeyTooLongError */
export function checkKey(key: string): void {
  if (Buffer.byteLength(key) <= MAX_KEY_BYTES) return;
  throw new S3Error('KeyTooLongError', {
    message: 'Your key is too long',
    fields: { Size: Buffer.byteLength(key), MaxSizeAllowed: MAX_KEY_BYTES },
  });
}

/** A body of unknown length is refused. @throws NotImplemented, MissingContentLength */
export function checkLength({ request }: Context): void {
  if (
    request.header('transfer-encoding') !== undefined &&
    request.header('x-amz-decoded-content-length') === undefined
  ) {
    throw new S3Error('NotImplemented', {
      message: 'A header you provided implies functionality that is not implemented',
      fields: { Header: 'Transfer-Encoding' },
    });
  }
  const length = request.header('content-length') ?? request.header('x-amz-decoded-content-length');
  if (length === undefined) {
    throw new S3Error('MissingContentLength', { message: 'You must provide the Content-Length HTTP header.' });
  }
}

interface Range {
  readonly start: number;
  readonly end: number;
}

/**
 * The bytes that a Range header means. Headers that are no single range of bytes are passed over, as HTTP allows.
 * @throws InvalidRange when nothing of the object is in it.
 */
export function parseRange(header: string | undefined, size: number): Range | undefined {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '') ?? [];
  if (first === undefined || last === undefined || (first === '' && last === '')) return undefined;
  if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined;
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size : Math.min(size, Number(last) + 1);
  if (start < end) return { start, end };
  throw new S3Error('InvalidRange', {
    message: 'The requested range is not satisfiable',
    fields: { RangeRequested: header ?? '', ActualObjectSize: size },
    headers: { 'content-range': `bytes */${size}` },
  });
}

function partRange({ request }: Context, version: ObjectVersion): Range | undefined {
  const number = request.number('partNumber', 1, 10_000);
  if (number === undefined) return undefined;
  const sizes = version.partSizes ?? [version.content.size];
  const size = sizes[number - 1];
  if (size === undefined) throw new S3Error('InvalidRange', { message: 'The requested partnumber is not satisfiable' });
  const start = sizes.slice(0, number - 1).reduce((sum, other) => sum + other, 0);
  return { start, end: start + size };
}

/** `response-content-type` and its like replace headers. */
function responseOverrides({ request }: Context): Record<string, string> {
  const found = [...request.query].filter(([name]) => name.startsWith('response-'));
  return Object.fromEntries(found.map(([name, value]) => [name.slice('response-'.length), value]));
}
