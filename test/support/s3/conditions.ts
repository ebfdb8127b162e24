/** Conditional requests: If-Match and its kin on reads, writes, deletes and copies, as S3's user guide has them. */
import type { BucketState, ObjectVersion } from './bucket.ts';
import type { Context } from './context.ts';
import { S3Error } from './errors.ts';

/**
 * Judges the conditions of a write.
 * @param honours what this server does with `If-None-Match`.
 * @throws PreconditionFailed, NoSuchKey (If-Match on nothing), NotImplemented for what S3 does not take.
 */
export function checkWrite(
  { request }: Context,
  bucket: BucketState,
  key: string,
  honours: 'honoured' | 'ignored' | 'refused',
): void {
  const absent = request.header('if-none-match');
  const match = request.header('if-match');
  const current = bucket.get(key);
  if (absent !== undefined) {
    if (honours === 'refused' || (honours === 'honoured' && (absent !== '*' || match !== undefined))) {
      throw new S3Error('NotImplemented', {
        message: 'A header you provided implies functionality that is not implemented',
        fields: { Header: 'If-None-Match' },
      });
    }
    if (honours === 'honoured' && current !== undefined) throw failed('If-None-Match');
  }
  if (match === undefined || honours === 'ignored') return;
  if (current === undefined) throw new S3Error('NoSuchKey', { message: 'The specified key does not exist.' });
  if (!isMatch(match, current)) throw failed('If-Match');
}

/** Judges the condition of a delete, which looks at the current version. @throws PreconditionFailed */
export function checkDelete(etag: string | undefined, current: ObjectVersion | undefined): void {
  if (etag === undefined) return;
  if (current === undefined || current.isDeleteMarker || !isMatch(etag, current)) throw failed('If-Match');
}

/**
 * Judges the conditions of a read, in the order that HTTP gives them.
 * @param prefix of the header names: empty, or `x-amz-copy-source-`.
 * @throws PreconditionFailed, NotModified
 */
export function checkRead({ request }: Context, version: ObjectVersion, prefix = ''): void {
  const get = (name: string): string | undefined => request.header(prefix + name);
  const modified = Math.floor(version.modified / 1000) * 1000;
  const match = get('if-match');
  if (match !== undefined) {
    if (!isMatch(match, version)) throw failed('If-Match');
  } else {
    const unmodified = Date.parse(get('if-unmodified-since') ?? '');
    if (modified > unmodified) throw failed('If-Unmodified-Since');
  }
  const noMatch = get('if-none-match');
  const isUnchanged =
    noMatch === undefined ? modified <= Date.parse(get('if-modified-since') ?? '') : isMatch(noMatch, version);
  if (!isUnchanged) return;
  if (prefix !== '') throw failed('If-None-Match');
  throw new S3Error('NotModified', { headers: { etag: `"${version.etag}"` } });
}

function isMatch(header: string, version: ObjectVersion): boolean {
  return header.split(',').some((item) => {
    const etag = item.trim().replace(/^"(.*)"$/, '$1');
    return etag === '*' || etag === version.etag;
  });
}

function failed(condition: string): S3Error {
  return new S3Error('PreconditionFailed', {
    message: 'At least one of the pre-conditions you specified did not hold',
    fields: { Condition: condition },
  });
}
