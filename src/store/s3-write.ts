/**
 * What every write of one object has in common, in one PUT or in parts: what the object is given beside its bytes, the
 * look before a write that cannot be made conditional, and the look at the answer.
 */
import type { PutObjectCommandInput, StorageClass } from '@aws-sdk/client-s3';
import { IcecoreError } from '../base/errors.ts';
import { RequestFault } from './s3-faults.ts';
import type { Manner } from './s3-manner.ts';
import type { S3StoreOptions } from './s3-options.ts';
import type { Payload } from './s3-payload.ts';
import { lookAt, markMetadata, type Own } from './s3-recognition.ts';
import type { S3Requests } from './s3-requests.ts';
import type { PutOptions } from './store.ts';

/** What belongs to every write of one object, whole or in parts. */
export interface WriteContext {
  readonly requests: S3Requests;
  readonly manner: Manner;
  readonly options: S3StoreOptions;
  readonly name: string;
  readonly mark: string;
  readonly put: PutOptions;
}

/** What an object is given beside its bytes. STANDARD is what a store does without being told. */
export function objectParams({ mark, options, put, requests }: WriteContext): Partial<PutObjectCommandInput> {
  const { storageClass = 'STANDARD', tags = {} } = put;
  const { encryption } = options;
  const tagging = Object.entries(tags).map((pair) => pair.map(encodeURIComponent).join('='));
  return {
    Metadata: markMetadata(mark),
    ...(storageClass === 'STANDARD' ? {} : { StorageClass: storageClass as StorageClass }),
    ...(requests.profile.quirks.hasTags && tagging.length > 0 ? { Tagging: tagging.join('&') } : {}),
    ...(encryption === undefined ? {} : { ServerSideEncryption: encryption.algorithm }),
    ...(encryption?.kmsKey === undefined ? {} : { SSEKMSKeyId: encryption.kmsKey }),
  };
}

/**
 * Looks whether a name is taken, where a condition cannot be relied on. Best effort: another may come in between, and
 * who may not look goes on.
 */
export async function lookBefore(context: WriteContext, own: Own): Promise<'taken' | 'free'> {
  try {
    const found = await lookAt(context.requests, context.name, own, context.put.signal);
    return found.type === 'absent' ? 'free' : 'taken';
  } catch (error) {
    if (error instanceof IcecoreError && error.code === 'access-denied') return 'free';
    throw error;
  }
}

/**
 * Holds the answer to a PUT against what was sent.
 * @throws RequestFault when it is none of S3; IcecoreError `bytes-changed` when the store has something else
 */
export function checkAnswer(etag: string | undefined, checksum: string | undefined, payload: Payload): void {
  if (!etag) throw new RequestFault('foreign', 'an answer to a PUT without an entity tag');
  if (checksum && checksum !== payload.sha256Base64) throw otherBytes();
}

/** Makes the error for a store that names another checksum than that of what was sent. */
export function otherBytes(): IcecoreError {
  return new IcecoreError('store', 'bytes-changed', 'the store says that it stored other bytes than were sent', {
    hint: 'do not trust what was stored in this run: run verify',
  });
}

/** Without the tag of the union. */
export function withoutType<T extends { readonly type: string }>({ type: _, ...rest }: T): Omit<T, 'type'> {
  return rest;
}
