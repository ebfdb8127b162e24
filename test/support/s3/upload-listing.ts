/** ListParts and ListMultipartUploads. */
import { type Answer, xmlAnswer } from './answer.ts';
import { compareKeys } from './bucket.ts';
import { bucketOf, type Context, keyOf } from './context.ts';
import { commonPrefixes, commonQuery, isoTime, OWNER, pageOf } from './listing.ts';
import { uploadOf } from './multipart.ts';
import type { XmlElement } from './xml.ts';

const PAGE = 1000;
const INITIATOR: XmlElement = ['Initiator', OWNER[1]];

/** ListParts */
export function listParts(context: Context): Answer {
  const { request } = context;
  const bucket = bucketOf(context);
  const upload = uploadOf(context, bucket);
  const after = request.number('part-number-marker', 0, 10_000) ?? 0;
  const max = Math.min(PAGE, request.number('max-parts', 0, 2 ** 31 - 1) ?? PAGE);
  const left = [...upload.parts.values()].filter(({ number }) => number > after).sort((a, b) => a.number - b.number);
  const shown = left.slice(0, max);
  const algorithm = upload.checksumAlgorithm;
  return xmlAnswer('ListPartsResult', [
    ['Bucket', bucket.name],
    ['Key', keyOf(context)],
    ['UploadId', upload.id],
    INITIATOR,
    OWNER,
    ['StorageClass', upload.attributes.storageClass],
    ['PartNumberMarker', after],
    ['NextPartNumberMarker', shown.at(-1)?.number ?? after],
    ['MaxParts', max],
    ['IsTruncated', left.length > shown.length],
    ['ChecksumAlgorithm', algorithm],
    ['ChecksumType', algorithm && upload.checksumType],
    ...shown.map(
      (part): XmlElement => [
        'Part',
        [
          ['PartNumber', part.number],
          ['LastModified', isoTime(part.modified)],
          ['ETag', `"${part.etag}"`],
          ['Size', part.content.size],
          [`Checksum${algorithm}`, part.checksum],
        ],
      ],
    ),
  ]);
}

/** ListMultipartUploads: by key, and by the time they were begun. */
export function listMultipartUploads(context: Context): Answer {
  const { request } = context;
  const bucket = bucketOf(context);
  const { query } = request;
  const keyMarker = query.get('key-marker') ?? '';
  const idMarker = query.get('upload-id-marker');
  const { delimiter, prefix, name } = commonQuery(context);
  const max = Math.min(PAGE, request.number('max-uploads', 0, 2 ** 31 - 1) ?? PAGE);
  const all = [...bucket.uploads.values()].sort((a, b) => compareKeys(a.key, b.key) || a.started - b.started);
  const start = all.findIndex((upload) => upload.key === keyMarker && upload.id === idMarker);
  const left = start < 0 ? all : all.slice(start + 1);
  const isListed = (key: string): boolean =>
    start < 0 ? compareKeys(key, keyMarker) <= 0 : compareKeys(key, keyMarker) < 0;
  const page = pageOf(left, { prefix, delimiter, max, isListed });
  const lastEntry = page.entries.at(-1);
  const nextId = page.isTruncated && lastEntry?.key === page.last ? lastEntry.id : undefined;
  return xmlAnswer('ListMultipartUploadsResult', [
    ['Bucket', bucket.name],
    ['KeyMarker', name(keyMarker)],
    ['UploadIdMarker', idMarker ?? ''],
    ['NextKeyMarker', page.isTruncated ? name(page.last) : undefined],
    ['NextUploadIdMarker', nextId],
    ['Prefix', name(prefix)],
    ['Delimiter', delimiter === '' ? undefined : name(delimiter)],
    ['EncodingType', query.get('encoding-type')],
    ['MaxUploads', max],
    ['IsTruncated', page.isTruncated],
    ...page.entries.map(
      (upload): XmlElement => [
        'Upload',
        [
          ['Key', name(upload.key)],
          ['UploadId', upload.id],
          INITIATOR,
          OWNER,
          ['StorageClass', upload.attributes.storageClass],
          ['Initiated', isoTime(upload.started)],
          ['ChecksumAlgorithm', upload.checksumAlgorithm],
          ['ChecksumType', upload.checksumAlgorithm && upload.checksumType],
        ],
      ],
    ),
    ...commonPrefixes(page.prefixes, name),
  ]);
}
