/**
 * Listings, page by page, and what is read off an object's description. A page that fails is asked for again by itself;
 * one that makes no sense is an error: an empty listing must mean that there is nothing.
 */
import {
  GetObjectCommand,
  HeadObjectCommand,
  type _Object as ListedObject,
  ListObjectsV2Command,
  type ListObjectsV2CommandInput,
  type ListObjectsV2CommandOutput,
} from '@aws-sdk/client-s3';
import { throwIfAborted } from '../base/errors.ts';
import { isObjectName } from './names.ts';
import { factsOf, RequestFault } from './s3-faults.ts';
import { identityOf } from './s3-recognition.ts';
import type { S3Requests } from './s3-requests.ts';
import type { ObjectInfo } from './store.ts';

/** An object as a listing tells of it, with what no listing may lack. */
export type ListedKey = ListedObject & { readonly Key: string; readonly Size: number; readonly LastModified: Date };

/** Lists the objects whose name starts with a prefix, sorted by bytes. Keys that are no names of ours are left out. */
export async function* listObjects(
  requests: S3Requests,
  prefix: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<ObjectInfo> {
  for await (const { Key, Size, LastModified, StorageClass, ETag } of listKeys(requests, prefix, {}, signal)) {
    const name = Key.slice(requests.keyPrefix.length);
    if (!isObjectName(name)) continue;
    yield {
      name,
      size: Size,
      modified: toSeconds(LastModified),
      storageClass: StorageClass ?? 'STANDARD',
      ...identityOf({ ETag }),
    };
  }
}

/** Lists what lies below a prefix of the repository as the store tells it, of whoever's it is; `extra` is asked for too. */
export async function* listKeys(
  requests: S3Requests,
  prefix: string,
  extra: Pick<ListObjectsV2CommandInput, 'OptionalObjectAttributes'>,
  signal: AbortSignal | undefined,
): AsyncGenerator<ListedKey> {
  const { bucket, keyPrefix } = requests;
  const Prefix = keyPrefix + prefix;
  const seen = { key: '', token: undefined as string | undefined };
  for (;;) {
    const page = await requests.send(
      () =>
        new ListObjectsV2Command({
          Bucket: bucket,
          ...(Prefix === '' ? {} : { Prefix }),
          ...(seen.token === undefined ? {} : { ContinuationToken: seen.token }),
          ...extra,
          ...requests.requestParams(),
        }),
      { signal, take: async (output) => checkPage(output, Prefix, seen) },
    );
    for (const object of page.Contents ?? []) {
      throwIfAborted(signal);
      seen.key = object.Key!;
      yield object as ListedKey;
    }
    if (!page.IsTruncated) return;
    seen.token = page.NextContinuationToken;
  }
}

/** Size, time and checksum of an object, or undefined when there is none. */
export async function describeObject(
  requests: S3Requests,
  name: string,
  hasChecksum: boolean,
  signal: AbortSignal | undefined,
): Promise<ObjectInfo | undefined> {
  const target = { Bucket: requests.bucket, Key: requests.keyPrefix + name, ...requests.requestParams() };
  const isAnswer = (error: unknown): boolean => factsOf(error).status === 404;
  try {
    const head = await requests.send(
      () => new HeadObjectCommand({ ...target, ...(hasChecksum ? { ChecksumMode: 'ENABLED' } : {}) }),
      {
        signal,
        name,
        isAnswer,
        explain: () => new GetObjectCommand({ ...target, Range: 'bytes=0-0' }),
        take: async ({ ContentLength, LastModified }) => {
          if (ContentLength === undefined || LastModified === undefined) {
            throw new RequestFault('foreign', 'an object without a length and a time');
          }
        },
      },
    );
    return {
      name,
      size: head.ContentLength!,
      modified: toSeconds(head.LastModified!),
      storageClass: head.StorageClass ?? 'STANDARD',
      ...identityOf(head),
    };
  } catch (error) {
    if (isAnswer(error)) return undefined;
    throw error;
  }
}

/** @throws RequestFault when a page is no listing, does not go on from the last one, or is not sorted */
function checkPage(
  page: ListObjectsV2CommandOutput,
  prefix: string,
  seen: { readonly key: string; readonly token: string | undefined },
): void {
  const { IsTruncated, KeyCount, Name, NextContinuationToken, Contents = [] } = page;
  const bad = (what: string): RequestFault => new RequestFault('foreign', what);
  if (IsTruncated === undefined && KeyCount === undefined && Name === undefined) throw bad('a listing without a word');
  if (IsTruncated && (!NextContinuationToken || NextContinuationToken === seen.token)) {
    throw bad('a listing that does not go on');
  }
  let last = seen.key;
  for (const { Key, Size, LastModified } of Contents) {
    if (Key === undefined || Size === undefined || LastModified === undefined) throw bad('a listing with gaps');
    if (!Key.startsWith(prefix)) throw bad(`a listing with keys that were not asked for`);
    if (last !== '' && compareBytes(last, Key) >= 0) throw bad('a listing that is not sorted');
    last = Key;
  }
}

/** UTF-16 and UTF-8 sort alike up to the surrogates, which keys of others may have. */
function compareBytes(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** HEAD knows seconds only; listings of some stores know more. */
function toSeconds(time: Date): number {
  return Math.floor(time.getTime() / 1000) * 1000;
}
