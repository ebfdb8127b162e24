/** Buckets themselves: made, listed, found, removed. Their settings are bucket-settings.ts. */
import { type Answer, emptyAnswer, xmlAnswer } from './answer.ts';
import { compareKeys } from './bucket.ts';
import { bucketOf, type Context } from './context.ts';
import { S3Error } from './errors.ts';
import { isoTime, OWNER } from './listing.ts';
import { readXml, type XmlElement } from './xml.ts';

/** ListBuckets */
export function listBuckets({ world, request }: Context): Answer {
  const prefix = request.query.get('prefix') ?? '';
  const buckets = [...world.buckets.values()]
    .filter(({ name }) => name.startsWith(prefix))
    .sort((a, b) => compareKeys(a.name, b.name));
  const elements = buckets.map(
    (bucket): XmlElement => [
      'Bucket',
      [
        ['Name', bucket.name],
        ['CreationDate', isoTime(bucket.created)],
        ['BucketRegion', bucket.settings.region],
      ],
    ],
  );
  return xmlAnswer('ListAllMyBucketsResult', [OWNER, ['Buckets', elements]]);
}

/** CreateBucket */
export function createBucket({ world, request, payload }: Context): Answer {
  const name = request.bucket!;
  const isName = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) && !/\.\.|^(\d+\.){3}\d+$/.test(name);
  if (!isName) throw new S3Error('InvalidBucketName', { message: 'The specified bucket is not valid.' });
  const wanted =
    payload.content.size === 0
      ? undefined
      : readXml(payload.content.bytes(), 'CreateBucketConfiguration').get('LocationConstraint');
  const isDefault = world.region === 'us-east-1';
  if (wanted === 'us-east-1') {
    throw new S3Error('InvalidLocationConstraint', { message: 'The specified location-constraint is not valid' });
  }
  if (!isDefault && wanted !== world.region) {
    throw new S3Error('IllegalLocationConstraintException', {
      message: `The ${wanted ?? 'unspecified'} location constraint is incompatible for the region specific endpoint`,
    });
  }
  if (world.buckets.has(name)) {
    if (isDefault && wanted === undefined) return emptyAnswer(200, { location: `/${name}` });
    throw new S3Error('BucketAlreadyOwnedByYou', { message: 'The bucket you tried to create already exists' });
  }
  const bucket = world.addBucket(name, wanted ?? world.region);
  if (request.header('x-amz-bucket-object-lock-enabled')?.toLowerCase() === 'true') {
    bucket.settings.versioning = 'enabled';
    bucket.settings.objectLock = {};
  }
  return emptyAnswer(200, { location: `/${name}` });
}

/** DeleteBucket */
export function deleteBucket(context: Context): Answer {
  const bucket = bucketOf(context);
  if (bucket.allKeys().length > 0) {
    throw new S3Error('BucketNotEmpty', { message: 'The bucket you tried to delete is not empty' });
  }
  context.world.buckets.delete(bucket.name);
  return emptyAnswer(204);
}

/** HeadBucket: says where it is, too. */
export function headBucket(context: Context): Answer {
  const { region } = bucketOf(context).settings;
  return emptyAnswer(200, { 'x-amz-bucket-region': region, 'x-amz-access-point-alias': 'false' });
}

/** GetBucketLocation: us-east-1 has no name here, for reasons of age. */
export function getBucketLocation(context: Context): Answer {
  const { region } = bucketOf(context).settings;
  return xmlAnswer('LocationConstraint', region === 'us-east-1' ? '' : region);
}
