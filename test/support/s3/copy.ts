/** CopyObject, and what a copied part needs of it: the source, its conditions and its rights. */
import { type Answer, xmlAnswer } from './answer.ts';
import { isReadable } from './archive.ts';
import { attributesOf, encryptionHeaders, versionHeader } from './attributes.ts';
import type { ObjectVersion, VersionAttributes } from './bucket.ts';
import { CHECKSUM_ALGORITHMS, type Checksum, checksumOf } from './checksums.ts';
import { checkRead, checkWrite } from './conditions.ts';
import { authorise, bucketOf, type Context, findVersion, keyOf } from './context.ts';
import { invalidArgument, S3Error } from './errors.ts';
import { isoTime } from './listing.ts';
import { checkKey, entityTag, isVersioned, MAX_PUT_BYTES, md5Of } from './objects.ts';
import { decode, S3Request } from './request.ts';
import type { XmlElement } from './xml.ts';

/** CopyObject */
export function copyObject(context: Context): Answer {
  const { world } = context;
  const bucket = bucketOf(context);
  const key = keyOf(context);
  checkKey(key);
  const source = sourceOf(context);
  const replacesMetadata = directive(context, 'x-amz-metadata-directive');
  const replacesTags = directive(context, 'x-amz-tagging-directive');
  if (source === bucket.current(key) && !replacesMetadata && !changesStorage(context)) {
    throw new S3Error('InvalidRequest', {
      message: 'This copy request is illegal because it is trying to copy an object to itself without changing it',
    });
  }
  if (source.content.size > MAX_PUT_BYTES) {
    throw new S3Error('InvalidRequest', { message: 'The specified copy source is larger than the maximum allowable' });
  }
  checkWrite(context, bucket, key, world.quirks.conditionalPut);
  const asked = attributesOf(context, bucket);
  const attributes: VersionAttributes = {
    ...asked,
    ...(replacesMetadata ? {} : { metadata: source.metadata, headers: source.headers }),
    tags: replacesTags ? (asked.tags ?? {}) : source.tags,
    checksum: copiedChecksum(context, source),
    etag: entityTag(md5Of(source.content), asked.encryption),
  };
  const version = bucket.put(key, source.content, attributes);
  const headers = {
    ...encryptionHeaders(version),
    ...versionHeader(isVersioned(bucket), version),
    'x-amz-copy-source-version-id': source.versionId === 'null' ? undefined : source.versionId,
  };
  return {
    ...xmlAnswer('CopyObjectResult', copyResult(version.etag, version.modified, version.checksum), headers),
    storageClass: version.storageClass,
  };
}

/** What the answer to a copy says. */
export function copyResult(etag: string, modified: number, checksum: Checksum | undefined): XmlElement[] {
  const elements: XmlElement[] = [
    ['LastModified', isoTime(modified)],
    ['ETag', `"${etag}"`],
  ];
  if (checksum !== undefined) elements.push([`Checksum${checksum.algorithm}`, checksum.value]);
  return elements;
}

/** The version that x-amz-copy-source names, if it may be read now. @throws S3Error */
export function sourceOf(context: Context): ObjectVersion {
  const { request, world } = context;
  const header = request.header('x-amz-copy-source') ?? '';
  const [, bucket, key, versionId] = /^\/?([^/]+)\/(.+?)(?:\?versionId=(.+))?$/.exec(header) ?? [];
  if (bucket === undefined || key === undefined) {
    throw invalidArgument('x-amz-copy-source', header, 'The copy source must be BUCKET/KEY, encoded');
  }
  // The source is looked up as if it had been asked for by itself.
  const target = `/${bucket}/${key}`;
  const asked = new S3Request({ method: 'GET', target, headers: [] }, [], 'path');
  const other: Context = { ...context, request: asked };
  bucketOf(other);
  const name = decode(key);
  authorise(other, versionId === undefined ? 's3:GetObject' : 's3:GetObjectVersion', name);
  const version = findVersion(other, name, versionId);
  checkRead(context, version, 'x-amz-copy-source-');
  if (!isReadable(world, version)) {
    throw new S3Error('ObjectNotInActiveTierError', { message: 'The source object of the COPY action is archived' });
  }
  return version;
}

function directive({ request }: Context, name: string): boolean {
  const value = request.header(name) ?? 'COPY';
  if (value === 'COPY' || value === 'REPLACE') return value === 'REPLACE';
  throw invalidArgument(name, value, `Unknown ${name}`);
}

function changesStorage({ request }: Context): boolean {
  return ['x-amz-storage-class', 'x-amz-server-side-encryption', 'x-amz-website-redirect-location'].some(
    (name) => request.header(name) !== undefined,
  );
}

/** The checksum asked for, or of the source's kind: computed over the whole, whatever parts the source was made of. */
function copiedChecksum({ request }: Context, source: ObjectVersion): Checksum | undefined {
  const asked = request.header('x-amz-checksum-algorithm')?.toUpperCase();
  const algorithm =
    asked === undefined ? source.checksum?.algorithm : CHECKSUM_ALGORITHMS.find((candidate) => candidate === asked);
  if (algorithm === undefined) return undefined;
  return { algorithm, type: 'FULL_OBJECT', value: checksumOf(algorithm, source.content.chunks) };
}
