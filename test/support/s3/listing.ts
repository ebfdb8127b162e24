/** ListObjects in both versions and ListObjectVersions: pages, prefixes, delimiters and markers. */
import { type Answer, xmlAnswer } from './answer.ts';
import { restoreOf } from './archive.ts';
import { type BucketState, compareKeys, type ObjectVersion } from './bucket.ts';
import { bucketOf, type Context } from './context.ts';
import { invalidArgument } from './errors.ts';
import { encode } from './request.ts';
import type { XmlElement } from './xml.ts';

const PAGE = 1000;

/** What a listing asks for. */
export interface PageQuery {
  readonly prefix: string;
  readonly delimiter: string;
  readonly max: number;
  /** Entries up to here were listed already. */
  isListed(key: string): boolean;
}

/** A page: entries and common prefixes, and whether more follow. `last` is the last of both. */
export interface Page<T> {
  readonly entries: readonly T[];
  readonly prefixes: readonly string[];
  readonly isTruncated: boolean;
  readonly last: string;
}

/** Cuts a page out of sorted entries. Keys with the delimiter behind the prefix fall together. */
export function pageOf<T extends { readonly key: string }>(sorted: Iterable<T>, query: PageQuery): Page<T> {
  const { prefix, delimiter, max } = query;
  const entries: T[] = [];
  const prefixes: string[] = [];
  let last = '';
  for (const entry of sorted) {
    const { key } = entry;
    if (!key.startsWith(prefix)) {
      if (compareKeys(key, prefix) > 0) break;
      continue;
    }
    const cut = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    const common = cut < 0 ? undefined : key.slice(0, cut + delimiter.length);
    if (common !== undefined && prefixes.at(-1) === common) continue;
    if (query.isListed(common ?? key)) continue;
    if (entries.length + prefixes.length === max) return { entries, prefixes, isTruncated: max > 0, last };
    if (common === undefined) entries.push(entry);
    else prefixes.push(common);
    last = common ?? key;
  }
  return { entries, prefixes, isTruncated: false, last };
}

/** ListObjectsV2 */
export function listObjectsV2(context: Context): Answer {
  const { request } = context;
  const bucket = bucketOf(context);
  const { query } = request;
  const token = query.get('continuation-token');
  const after = token === undefined ? (query.get('start-after') ?? '') : decodeToken(token);
  const { max, delimiter, prefix, name } = commonQuery(context);
  const page = listCurrent(context, bucket, {
    prefix,
    delimiter,
    max,
    isListed: (key) => compareKeys(key, after) <= 0,
  });
  const withOwner = query.get('fetch-owner') === 'true';
  return xmlAnswer('ListBucketResult', [
    ['Name', bucket.name],
    ['Prefix', name(prefix)],
    ['Delimiter', delimiter === '' ? undefined : name(delimiter)],
    ['StartAfter', query.has('start-after') ? name(query.get('start-after')!) : undefined],
    ['ContinuationToken', token],
    ['NextContinuationToken', page.isTruncated ? encodeToken(page.last) : undefined],
    ['KeyCount', page.entries.length + page.prefixes.length],
    ['MaxKeys', max],
    ['EncodingType', query.get('encoding-type')],
    ['IsTruncated', page.isTruncated],
    ...page.entries.map((version): XmlElement => ['Contents', describe(context, version, name, withOwner)]),
    ...commonPrefixes(page.prefixes, name),
  ]);
}

/** ListObjects, the first version. */
export function listObjects(context: Context): Answer {
  const { request } = context;
  const bucket = bucketOf(context);
  const { query } = request;
  const marker = query.get('marker') ?? '';
  const { max, delimiter, prefix, name } = commonQuery(context);
  const page = listCurrent(context, bucket, {
    prefix,
    delimiter,
    max,
    isListed: (key) => compareKeys(key, marker) <= 0,
  });
  return xmlAnswer('ListBucketResult', [
    ['Name', bucket.name],
    ['Prefix', name(prefix)],
    ['Marker', name(marker)],
    // Only with a delimiter: without one, the last key is the marker.
    ['NextMarker', page.isTruncated && delimiter !== '' ? name(page.last) : undefined],
    ['MaxKeys', max],
    ['Delimiter', delimiter === '' ? undefined : name(delimiter)],
    ['EncodingType', query.get('encoding-type')],
    ['IsTruncated', page.isTruncated],
    ...page.entries.map((version): XmlElement => ['Contents', describe(context, version, name, true)]),
    ...commonPrefixes(page.prefixes, name),
  ]);
}

/** ListObjectVersions */
export function listObjectVersions(context: Context): Answer {
  const { request } = context;
  const bucket = bucketOf(context);
  const { query } = request;
  const keyMarker = query.get('key-marker') ?? '';
  const versionMarker = query.get('version-id-marker');
  const { max, delimiter, prefix, name } = commonQuery(context);
  const all = bucket.allKeys().flatMap((key) => bucket.versions(key));
  // Within the marker's key, versions go on behind the one that was listed last.
  const start = all.findIndex((version) => version.key === keyMarker && version.versionId === versionMarker);
  const left = start < 0 ? all : all.slice(start + 1);
  const isListed = (key: string): boolean =>
    start < 0 ? compareKeys(key, keyMarker) <= 0 : compareKeys(key, keyMarker) < 0;
  const page = pageOf(left, { prefix, delimiter, max, isListed });
  const lastEntry = page.entries.at(-1);
  const nextVersion = page.isTruncated && lastEntry?.key === page.last ? lastEntry.versionId : undefined;
  return xmlAnswer('ListVersionsResult', [
    ['Name', bucket.name],
    ['Prefix', name(prefix)],
    ['KeyMarker', name(keyMarker)],
    ['VersionIdMarker', versionMarker ?? ''],
    ['NextKeyMarker', page.isTruncated ? name(page.last) : undefined],
    ['NextVersionIdMarker', nextVersion],
    ['MaxKeys', max],
    ['Delimiter', delimiter === '' ? undefined : name(delimiter)],
    ['EncodingType', query.get('encoding-type')],
    ['IsTruncated', page.isTruncated],
    ...page.entries.map((version): XmlElement => {
      const isLatest = bucket.current(version.key) === version;
      const head: XmlElement[] = [
        ['Key', name(version.key)],
        ['VersionId', version.versionId],
        ['IsLatest', isLatest],
      ];
      if (version.isDeleteMarker)
        return ['DeleteMarker', [...head, ['LastModified', isoTime(version.modified)], OWNER]];
      return ['Version', [...head, ...describe(context, version, name, true).slice(1)]];
    }),
    ...commonPrefixes(page.prefixes, name),
  ]);
}

/** A time as listings write it: whole seconds. */
export function isoTime(time: number): string {
  return new Date(Math.floor(time / 1000) * 1000).toISOString();
}

/** The owner of everything. */
export const OWNER: XmlElement = [
  'Owner',
  [
    ['ID', 'test-owner'],
    ['DisplayName', 'test-owner'],
  ],
];

/** Query parameters of all listings; `name` writes a key as encoding-type asks. */
export function commonQuery({ request }: Context): {
  max: number;
  delimiter: string;
  prefix: string;
  name: (key: string) => string;
} {
  const { query } = request;
  const encoding = query.get('encoding-type');
  if (encoding !== undefined && encoding !== 'url') {
    throw invalidArgument('encoding-type', encoding, 'Invalid Encoding Method specified in Request');
  }
  return {
    max: Math.min(PAGE, request.number('max-keys', 0, 2 ** 31 - 1) ?? PAGE),
    delimiter: query.get('delimiter') ?? '',
    prefix: query.get('prefix') ?? '',
    name: encoding === 'url' ? (key) => encode(key, true).replaceAll('%20', '+') : (key) => key,
  };
}

/** Common prefixes as listings write them. */
export function commonPrefixes(prefixes: readonly string[], name: (key: string) => string): XmlElement[] {
  return prefixes.map((prefix) => ['CommonPrefixes', [['Prefix', name(prefix)]]]);
}

function listCurrent({ hiddenKeys }: Context, bucket: BucketState, query: PageQuery): Page<ObjectVersion> {
  const shown = bucket.keys().filter((key) => !hiddenKeys.has(key));
  return pageOf(
    shown.map((key) => bucket.get(key)!),
    query,
  );
}

function describe(
  { request, world }: Context,
  version: ObjectVersion,
  name: (key: string) => string,
  withOwner: boolean,
): XmlElement[] {
  const { checksum } = version;
  const elements: XmlElement[] = [
    ['Key', name(version.key)],
    ['LastModified', isoTime(version.modified)],
    ['ETag', `"${version.etag}"`],
    ['ChecksumAlgorithm', checksum?.algorithm],
    ['ChecksumType', checksum?.type],
    ['Size', version.content.size],
    ['StorageClass', version.storageClass],
  ];
  if (withOwner) elements.push(OWNER);
  const wanted = request.header('x-amz-optional-object-attributes')?.split(',') ?? [];
  if (!wanted.includes('RestoreStatus') || !world.quirks.listsRestoreStatus) return elements;
  const now = world.clock.now();
  const restore = restoreOf(version, now);
  if (restore === undefined) return elements;
  const isOngoing = restore.ready > now;
  elements.push([
    'RestoreStatus',
    [
      ['IsRestoreInProgress', isOngoing],
      ['RestoreExpiryDate', isOngoing ? undefined : isoTime(restore.expires)],
    ],
  ]);
  return elements;
}

const encodeToken = (key: string): string => Buffer.from(`1${key}`).toString('base64');

function decodeToken(token: string): string {
  const text = Buffer.from(token, 'base64').toString();
  if (!text.startsWith('1') || encodeToken(text.slice(1)) !== token) {
    throw invalidArgument('continuation-token', token, 'The continuation token provided is incorrect');
  }
  return text.slice(1);
}
