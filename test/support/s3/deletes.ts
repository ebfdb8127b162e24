/** DeleteObject and DeleteObjects: with versions, delete markers, conditions and locks. */
import { type Answer, emptyAnswer, type LooseHeaders, xmlAnswer } from './answer.ts';
import { checkDelete } from './conditions.ts';
import { authorise, bucketOf, type Context, keyOf } from './context.ts';
import { S3Error } from './errors.ts';
import { checkRemovable } from './lock.ts';
import { malformed, readXml, type XmlElement, type XmlNode } from './xml.ts';

/** What a delete did. */
interface Deletion {
  readonly marker: boolean;
  /** Of the version that is gone, or of the delete marker that was made. */
  readonly versionId: string | undefined;
}

/** DeleteObject */
export function deleteObject(context: Context): Answer {
  const { request } = context;
  const { marker, versionId } = remove(
    context,
    keyOf(context),
    request.query.get('versionId'),
    request.header('if-match'),
  );
  const headers: LooseHeaders = { 'x-amz-version-id': versionId, 'x-amz-delete-marker': marker ? 'true' : undefined };
  return emptyAnswer(204, headers);
}

/** DeleteObjects */
export function deleteObjects(context: Context): Answer {
  const { payload } = context;
  bucketOf(context);
  if (!payload.hasContentMd5 && payload.checksum === undefined) {
    throw new S3Error('InvalidRequest', { message: 'Missing required header for this request: Content-MD5' });
  }
  const document = readXml(payload.content.bytes(), 'Delete');
  const objects = document.all('Object');
  if (objects.length === 0 || objects.length > 1000) throw malformed();
  const isQuiet = document.get('Quiet') === 'true';
  const results = objects.map((object) => deleteOne(context, object));
  return xmlAnswer(
    'DeleteResult',
    results.filter(([name]) => name === 'Error' || !isQuiet),
  );
}

function deleteOne(context: Context, object: XmlNode): XmlElement {
  const key = object.get('Key');
  if (key === undefined || key === '') throw malformed();
  const versionId = object.get('VersionId');
  try {
    authorise(context, versionId === undefined ? 's3:DeleteObject' : 's3:DeleteObjectVersion', key);
    const done = remove(context, key, versionId, object.get('ETag'));
    return [
      'Deleted',
      [
        ['Key', key],
        ['VersionId', versionId],
        ['DeleteMarker', done.marker || undefined],
        ['DeleteMarkerVersionId', done.marker ? done.versionId : undefined],
      ],
    ];
  } catch (error) {
    if (!(error instanceof S3Error)) throw error;
    return [
      'Error',
      [
        ['Key', key],
        ['VersionId', versionId],
        ['Code', error.code],
        ['Message', error.message],
      ],
    ];
  }
}

function remove(context: Context, key: string, versionId: string | undefined, etag: string | undefined): Deletion {
  const bucket = bucketOf(context);
  checkDelete(etag, bucket.current(key));
  if (versionId === undefined) {
    const marker = bucket.remove(key);
    return { marker: marker !== undefined, versionId: marker?.versionId };
  }
  const version = bucket.versions(key).find((candidate) => candidate.versionId === versionId);
  // A version that is not there is as good as deleted.
  if (version === undefined) return { marker: false, versionId };
  checkRemovable(context, version);
  bucket.removeVersion(version);
  return { marker: version.isDeleteMarker, versionId };
}
