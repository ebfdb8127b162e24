/**
 * Multipart uploads, as strict as S3: parts with their entity tags and checksums, their order and sizes, completion with
 * conditions, and what a repeated completion finds.
 */
import { createHash, randomBytes } from 'node:crypto';
import { type Answer, emptyAnswer, type LooseHeaders, xmlAnswer } from './answer.ts';
import { attributesOf, encryptionHeaders, versionHeader } from './attributes.ts';
import type { BucketState, ObjectVersion, VersionAttributes } from './bucket.ts';
import { CHECKSUM_ALGORITHMS, type Checksum, type ChecksumAlgorithm, checksumHeader, checksumOf } from './checksums.ts';
import { isArchive } from './classes.ts';
import { completedParts } from './completion.ts';
import { checkWrite } from './conditions.ts';
import { Content } from './content.ts';
import { bucketOf, type Context, keyOf } from './context.ts';
import { copyResult, sourceOf } from './copy.ts';
import { invalidArgument, S3Error } from './errors.ts';
import { checkLockedPayload } from './lock.ts';
import { checkKey, checkLength, entityTag, isVersioned, MAX_PUT_BYTES, md5Of, parseRange } from './objects.ts';

/** A part that is there. */
export interface Part {
  readonly number: number;
  readonly content: Content;
  /** Without quotes. */
  readonly etag: string;
  /** In hex; the entity tag is something else where a KMS key is used. */
  readonly md5: string;
  readonly modified: number;
  /** Base64, of the upload's algorithm. */
  readonly checksum: string | undefined;
}

/** An upload that was begun and neither completed nor aborted. */
export interface Upload {
  readonly id: string;
  readonly key: string;
  readonly started: number;
  readonly parts: Map<number, Part>;
  readonly attributes: VersionAttributes;
  readonly checksumAlgorithm: ChecksumAlgorithm | undefined;
  readonly checksumType: Checksum['type'];
}

/** A completion that was answered, for one that comes again. */
export interface Completion {
  readonly key: string;
  readonly parts: string;
  readonly version: ObjectVersion;
}

/** CreateMultipartUpload */
export function createMultipartUpload(context: Context): Answer {
  const { request, world } = context;
  const bucket = bucketOf(context);
  const key = keyOf(context);
  checkKey(key);
  const name = request.header('x-amz-checksum-algorithm')?.toUpperCase();
  const algorithm = CHECKSUM_ALGORITHMS.find((candidate) => candidate === name);
  if (name !== undefined && algorithm === undefined) {
    throw new S3Error('InvalidRequest', { message: 'Checksum algorithm provided is unsupported' });
  }
  const isKept = algorithm !== undefined && world.quirks.checksums === 'kept';
  const upload: Upload = {
    id: randomBytes(24).toString('base64url'),
    key,
    started: world.clock.now(),
    parts: new Map(),
    attributes: attributesOf(context, bucket),
    checksumAlgorithm: isKept ? algorithm : undefined,
    checksumType: typeOf(request.header('x-amz-checksum-type'), algorithm),
  };
  bucket.uploads.set(upload.id, upload);
  const headers: LooseHeaders = {
    ...encryptionHeaders({ encryption: upload.attributes.encryption }),
    'x-amz-checksum-algorithm': upload.checksumAlgorithm,
    'x-amz-checksum-type': upload.checksumAlgorithm && upload.checksumType,
  };
  const answer = xmlAnswer(
    'InitiateMultipartUploadResult',
    [
      ['Bucket', bucket.name],
      ['Key', key],
      ['UploadId', upload.id],
    ],
    headers,
  );
  return { ...answer, storageClass: stagingClass(upload) };
}

/** UploadPart */
export function uploadPart(context: Context): Answer {
  const { payload } = context;
  const bucket = bucketOf(context);
  const upload = uploadOf(context, bucket);
  checkLength(context);
  checkLockedPayload(context, bucket, 'Part');
  const { checksum } = payload;
  if (checksum?.algorithm !== upload.checksumAlgorithm) {
    const nameOf = (algorithm: string | undefined): string => algorithm?.toLowerCase() ?? 'null';
    throw new S3Error('InvalidRequest', {
      message:
        `Checksum Type mismatch occurred, expected checksum Type: ${nameOf(upload.checksumAlgorithm)}, ` +
        `actual checksum Type: ${nameOf(checksum?.algorithm)}`,
    });
  }
  const part = addPart(context, upload, payload.content, checksum?.value);
  const headers: LooseHeaders = {
    etag: `"${part.etag}"`,
    ...(checksum === undefined ? {} : { [checksumHeader(checksum.algorithm)]: checksum.value }),
    ...encryptionHeaders({ encryption: upload.attributes.encryption }),
  };
  return { ...emptyAnswer(200, headers), storageClass: stagingClass(upload) };
}

/** UploadPartCopy */
export function uploadPartCopy(context: Context): Answer {
  const { request } = context;
  const upload = uploadOf(context, bucketOf(context));
  const source = sourceOf(context);
  const header = request.header('x-amz-copy-source-range');
  const range = parseRange(header, source.content.size);
  if (header !== undefined && (range === undefined || !/^bytes=\d+-\d+$/.test(header))) {
    throw invalidArgument('x-amz-copy-source-range', header, 'The range must be bytes=first-last');
  }
  const content = range === undefined ? source.content : source.content.slice(range.start, range.end);
  const algorithm = upload.checksumAlgorithm;
  const value = algorithm === undefined ? undefined : checksumOf(algorithm, content.chunks);
  const part = addPart(context, upload, content, value);
  const checksum =
    algorithm === undefined || value === undefined ? undefined : ({ algorithm, value, type: 'COMPOSITE' } as const);
  const answer = xmlAnswer('CopyPartResult', copyResult(part.etag, part.modified, checksum));
  return { ...answer, storageClass: stagingClass(upload) };
}

/** CompleteMultipartUpload */
export function completeMultipartUpload(context: Context): Answer {
  const { request, world, payload } = context;
  const bucket = bucketOf(context);
  const key = keyOf(context);
  const id = request.query.get('uploadId') ?? '';
  const body = payload.content.bytes();
  const before = bucket.completions.get(id);
  if (
    before?.key === key &&
    before.parts === body.toString('latin1') &&
    world.quirks.repeatedComplete === 'idempotent'
  ) {
    return completed(bucket, before.version);
  }
  const upload = uploadOf(context, bucket);
  const { parts, checksum } = completedParts(context, upload, body);
  checkWrite(context, bucket, key, world.quirks.conditionalComplete);
  const content = new Content(parts.flatMap((part) => part.content.chunks));
  const digest = createHash('md5');
  for (const part of parts) digest.update(Buffer.from(part.md5, 'hex'));
  const version = bucket.put(key, content, {
    ...upload.attributes,
    etag: entityTag(`${digest.digest('hex')}-${parts.length}`, upload.attributes.encryption),
    checksum,
    partSizes: parts.map((part) => part.content.size),
  });
  forget(context, bucket, upload);
  bucket.completions.set(id, { key, parts: body.toString('latin1'), version });
  return completed(bucket, version);
}

/** AbortMultipartUpload */
export function abortMultipartUpload(context: Context): Answer {
  const bucket = bucketOf(context);
  forget(context, bucket, uploadOf(context, bucket));
  return emptyAnswer(204);
}

/** The upload that a request names. @throws NoSuchUpload */
export function uploadOf(context: Context, bucket: BucketState): Upload {
  const upload = bucket.uploads.get(context.request.query.get('uploadId') ?? '');
  if (upload !== undefined && upload.key === keyOf(context)) return upload;
  throw new S3Error('NoSuchUpload', {
    message: 'The specified upload does not exist. It may be invalid, or may have been aborted or completed',
    fields: { UploadId: context.request.query.get('uploadId') ?? '' },
  });
}

/** The class that requests of an upload are billed at: archives take their parts at STANDARD. */
function stagingClass({ attributes: { storageClass = 'STANDARD' } }: Upload): string {
  return isArchive(storageClass) ? 'STANDARD' : storageClass;
}

function addPart(context: Context, upload: Upload, content: Content, checksum: string | undefined): Part {
  const { request, world } = context;
  const number = request.number('partNumber', 1, world.quirks.maxParts)!;
  if (content.size > MAX_PUT_BYTES) throw new S3Error('EntityTooLarge');
  const md5 = md5Of(content);
  const etag = entityTag(md5, upload.attributes.encryption);
  const part: Part = { number, content, etag, md5, modified: world.clock.now(), checksum };
  const replaced = upload.parts.get(number);
  if (replaced !== undefined) world.meter.unstaged(replaced);
  upload.parts.set(number, part);
  world.meter.staged(part, content.size);
  return part;
}

function forget({ world }: Context, bucket: BucketState, upload: Upload): void {
  for (const part of upload.parts.values()) world.meter.unstaged(part);
  bucket.uploads.delete(upload.id);
}

function completed(bucket: BucketState, version: ObjectVersion): Answer {
  const { checksum } = version;
  const answer = xmlAnswer(
    'CompleteMultipartUploadResult',
    [
      ['Location', `http://localhost/${bucket.name}/${version.key}`],
      ['Bucket', bucket.name],
      ['Key', version.key],
      ['ETag', `"${version.etag}"`],
      ...(checksum === undefined
        ? []
        : ([
            [`Checksum${checksum.algorithm}`, checksum.value],
            ['ChecksumType', checksum.type],
          ] as const)),
    ],
    { ...encryptionHeaders(version), ...versionHeader(isVersioned(bucket), version) },
  );
  return { ...answer, storageClass: version.storageClass };
}

/** The SHA algorithms are composite, CRC-64 is of the whole; the CRC-32s may be either. */
function typeOf(header: string | undefined, algorithm: ChecksumAlgorithm | undefined): Checksum['type'] {
  const fallback = algorithm === 'CRC64NVME' ? 'FULL_OBJECT' : 'COMPOSITE';
  const type = header?.toUpperCase() ?? fallback;
  const isPossible =
    type === 'COMPOSITE' ? algorithm !== 'CRC64NVME' : type === 'FULL_OBJECT' && !algorithm?.startsWith('SHA');
  if (isPossible) return type as Checksum['type'];
  throw new S3Error('InvalidRequest', {
    message: `The ${header} checksum type cannot be used with the ${algorithm?.toLowerCase()} checksum algorithm.`,
  });
}
