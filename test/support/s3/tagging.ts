/** Object tags: the x-amz-tagging header, the calls that read, write and remove them, and their limits. */
import { type Answer, emptyAnswer, xmlAnswer } from './answer.ts';
import type { ObjectVersion } from './bucket.ts';
import { bucketOf, type Context, findVersion, keyOf } from './context.ts';
import { S3Error } from './errors.ts';
import { queryItems } from './request.ts';
import { readXml } from './xml.ts';

const MAX_TAGS = 10;

/** The tags of an x-amz-tagging header (`k=v&k=v`, encoded as a query). @throws InvalidTag, BadRequest */
export function tagsOfHeader(header: string): Record<string, string> {
  return checkTags(queryItems(header));
}

function checkTags(pairs: readonly (readonly [key: string, value: string])[]): Record<string, string> {
  if (pairs.length > MAX_TAGS) {
    throw new S3Error('BadRequest', { message: `Object tags cannot be greater than ${MAX_TAGS}` });
  }
  const isValid = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;
  for (const [key, value] of pairs) {
    if (key === '' || key.length > 128 || !isValid.test(key) || key.startsWith('aws:')) {
      throw new S3Error('InvalidTag', { message: 'The TagKey you have provided is invalid', fields: { TagKey: key } });
    }
    if (value.length > 256 || !isValid.test(value)) {
      throw new S3Error('InvalidTag', {
        message: 'The TagValue you have provided is invalid',
        fields: { TagKey: key },
      });
    }
  }
  const tags = Object.fromEntries(pairs);
  if (Object.keys(tags).length !== pairs.length) {
    throw new S3Error('InvalidTag', { message: 'Cannot provide multiple Tags with the same key' });
  }
  return tags;
}

/** GetObjectTagging */
export function getObjectTagging(context: Context): Answer {
  const version = tagged(context);
  const tags = Object.entries(version.tags).map(
    ([key, value]) => ['Tag', [['Key', key] as const, ['Value', value] as const]] as const,
  );
  return xmlAnswer('Tagging', [['TagSet', tags]]);
}

/** PutObjectTagging */
export function putObjectTagging(context: Context): Answer {
  const version = tagged(context);
  const set = readXml(context.payload.content.bytes(), 'Tagging').child('TagSet');
  const pairs = (set?.all('Tag') ?? []).map((tag) => [tag.get('Key') ?? '', tag.get('Value') ?? ''] as const);
  version.tags = checkTags(pairs);
  return emptyAnswer(200);
}

/** DeleteObjectTagging */
export function deleteObjectTagging(context: Context): Answer {
  tagged(context).tags = {};
  return emptyAnswer(204);
}

function tagged(context: Context): ObjectVersion {
  bucketOf(context);
  if (context.world.quirks.tags !== 'kept') throw new S3Error('NotImplemented', { message: 'There are no tags here' });
  return findVersion(context, keyOf(context), context.request.query.get('versionId'));
}
