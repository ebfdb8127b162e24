/**
 * Recognition: whose is the object that is there? An answer may be lost after the request has had its effect, and the
 * next attempt then finds the name taken, perhaps by the first one. Each put carries a random mark, and so it can tell.
 */
import { createHash, randomBytes } from 'node:crypto';
import {
  GetObjectCommand,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  ListObjectsV2Command,
} from '@aws-sdk/client-s3';
import { IcecoreError } from '../base/errors.ts';
import { factsOf, RequestFault } from './s3-faults.ts';
import type { S3Requests } from './s3-requests.ts';

/** The user metadata that holds the mark. */
const MARK = 'icecore-put';

const CHECKSUM = { ChecksumMode: 'ENABLED' } as const;

/** What a put writes beside the bytes. */
export function markMetadata(mark: string): Record<string, string> {
  return { [MARK]: mark };
}

/** Makes the mark of one put. */
export function newMark(): string {
  return randomBytes(16).toString('hex');
}

/**
 * What is at a name: an object of this very put with what the store says of it, another's, or nothing. Another's without
 * a mark may be ours at a store that keeps no metadata.
 */
export type Found =
  | { readonly type: 'ours'; readonly etag?: string; readonly checksum?: string }
  | { readonly type: 'others'; readonly isMarked: boolean }
  | { readonly type: 'absent' };

/** What a put knows of its own object. */
export interface Own {
  readonly mark: string;
  readonly size: number;
  /** The store is one that keeps checksums. */
  readonly hasChecksum: boolean;
  /** The entity tag that the bytes would have; used only where the object's metadata may not be read. */
  readonly etag: () => string | undefined;
}

/** Looks at a name. Where HEAD is not allowed, a listing decides by size and entity tag. */
export async function lookAt(requests: S3Requests, name: string, own: Own, signal?: AbortSignal): Promise<Found> {
  const Key = requests.keyPrefix + name;
  const params = { Bucket: requests.bucket, ...requests.requestParams() };
  let head: HeadObjectCommandOutput;
  try {
    head = await requests.send(() => new HeadObjectCommand({ ...params, Key, ...(own.hasChecksum ? CHECKSUM : {}) }), {
      signal,
      name,
      isAnswer: (error) => factsOf(error).status === 404,
      explain: () => new GetObjectCommand({ ...params, Key, Range: 'bytes=0-0' }),
      // Without a word of an object it is none: to take it for another's would deny what is ours.
      take: async ({ ETag, LastModified }) => {
        if (ETag === undefined && LastModified === undefined)
          throw new RequestFault('foreign', 'an object without an entity tag');
      },
    });
  } catch (error) {
    if (factsOf(error).status === 404) return { type: 'absent' };
    if (!(error instanceof IcecoreError) || error.code !== 'access-denied') throw error;
    const page = await requests.send(() => new ListObjectsV2Command({ ...params, Prefix: Key, MaxKeys: 1 }), {
      signal,
      name,
    });
    const found = page.Contents?.find((object) => object.Key === Key);
    if (found === undefined) return { type: 'absent' };
    const etag = bareTag(found.ETag);
    const isOurs = found.Size === own.size && etag !== undefined && etag === own.etag();
    return isOurs ? { type: 'ours', etag } : { type: 'others', isMarked: false };
  }
  const mark = head.Metadata?.[MARK];
  if (mark !== own.mark) return { type: 'others', isMarked: mark !== undefined };
  return { type: 'ours', ...identityOf(head) };
}

/** Checksum and entity tag as an answer has them, in the form that results and listings take. */
export function identityOf(answer: {
  readonly ETag?: string | undefined;
  readonly ChecksumSHA256?: string | undefined;
}): {
  readonly etag?: string;
  readonly checksum?: string;
} {
  const etag = bareTag(answer.ETag);
  return {
    ...(answer.ChecksumSHA256 ? { checksum: `sha256:${answer.ChecksumSHA256}` } : {}),
    ...(etag === undefined ? {} : { etag }),
  };
}

function bareTag(tag: string | undefined): string | undefined {
  return tag?.replace(/^(?:W\/)?"|"$/g, '') || undefined;
}

/** What a multipart object's entity tag is made of those of its parts, where they are MD5s. */
export function compositeTag(tags: readonly string[]): string {
  const hash = createHash('md5');
  for (const tag of tags) hash.update(Buffer.from(tag.replaceAll('"', ''), 'hex'));
  return `${hash.digest('hex')}-${tags.length}`;
}
