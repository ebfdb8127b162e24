/**
 * S3Writer: objects from bytes to their names. Owns the choice between one PUT and a multipart upload, create-only
 * semantics, and what to make of a refusal; s3-upload.ts owns the life of a multipart upload, s3-parts.ts its memory.
 */
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { IcecoreError } from '../base/errors.ts';
import { releaseMemory } from '../base/release.ts';
import { factsOf } from './s3-faults.ts';
import type { Dress, Manner } from './s3-manner.ts';
import { PART_BYTES, type S3StoreOptions } from './s3-options.ts';
import { PartCutter, type PartMemory } from './s3-parts.ts';
import { Payload } from './s3-payload.ts';
import { identityOf, lookAt, newMark, type Own } from './s3-recognition.ts';
import type { S3Requests } from './s3-requests.ts';
import { Upload } from './s3-upload.ts';
import { checkAnswer, lookBefore, objectParams, type WriteContext, withoutType } from './s3-write.ts';
import type { PutBody, PutOptions, PutResult } from './store.ts';

/** A name that is taken and free again at each look. */
const MOST_LOOKS = 5;

/** Writes the objects of one store. */
export class S3Writer {
  readonly #requests: S3Requests;
  readonly #manner: Manner;
  readonly #options: S3StoreOptions;
  readonly #memory: PartMemory;

  constructor(requests: S3Requests, manner: Manner, options: S3StoreOptions, memory: PartMemory) {
    this.#requests = requests;
    this.#manner = manner;
    this.#options = options;
    this.#memory = memory;
  }

  /** Stores an object; see {@link Store.put}. */
  async put(name: string, body: PutBody, put: PutOptions): Promise<PutResult> {
    const context: WriteContext = {
      requests: this.#requests,
      manner: this.#manner,
      options: this.#options,
      name,
      mark: newMark(),
      put,
    };
    if (body instanceof Uint8Array) return await putWhole(context, new Payload([body]));
    const cutter = new PartCutter(body, this.#options.partBytes ?? PART_BYTES, put.signal);
    try {
      const first = await cutter.next();
      if (cutter.isDone || this.#requests.profile.quirks.isSinglePut) {
        const pieces = [first];
        while (!cutter.isDone) pieces.push(await cutter.next());
        const result = await putWhole(context, new Payload(pieces));
        for (const piece of pieces) releaseMemory(piece);
        return result;
      }
      return await new Upload(context, this.#memory).run(first, cutter);
    } finally {
      await cutter.close();
    }
  }
}

/** One PutObject. */
async function putWhole(context: WriteContext, payload: Payload): Promise<PutResult> {
  const { manner, requests, name, put } = context;
  let dress = manner.dress;
  const own: Own = {
    mark: context.mark,
    size: payload.size,
    hasChecksum: dress.checksum,
    etag: () => payload.md5().toString('hex'),
  };
  let hasLooked = false;
  for (let looks = 0; ; ) {
    if (put.ifAbsent && !put.isBlind && !manner.creates(dress) && !hasLooked) {
      if ((await lookBefore(context, own)) === 'taken') return { outcome: 'exists', size: 0 };
      hasLooked = true;
    }
    try {
      const output = await sendWhole(context, payload, dress);
      manner.worked(dress);
      return { outcome: 'stored', size: payload.size, ...identityOf(output) };
    } catch (error) {
      const isTaken = factsOf(error).status === 412;
      if (error instanceof IcecoreError) throw error;
      if (!isTaken) {
        dress = manner.after(dress, error) ?? dress;
        continue;
      }
    }
    manner.sawCondition();
    const found = await lookAt(requests, name, own, put.signal);
    if (found.type === 'ours') return { outcome: 'stored', size: payload.size, ...withoutType(found) };
    if (found.type === 'others') return { outcome: 'exists', size: 0 };
    if (++looks === MOST_LOOKS) throw restless(context);
  }
}

async function sendWhole(context: WriteContext, payload: Payload, dress: Dress) {
  const { manner, requests, options, name, put } = context;
  return await requests.send(
    () =>
      new PutObjectCommand({
        Bucket: requests.bucket,
        Key: requests.keyPrefix + name,
        Body: payload.body(options.bandwidth?.upload, put.signal),
        ContentLength: payload.size,
        ...(put.ifAbsent && dress.condition ? { IfNoneMatch: '*' } : {}),
        ...(dress.checksum ? { ChecksumSHA256: payload.sha256Base64 } : {}),
        ...(dress.md5 ? { ContentMD5: payload.md5().toString('base64') } : {}),
        ...objectParams(context),
        ...requests.requestParams(),
      }),
    {
      signal: put.signal,
      name,
      storageClass: put.storageClass ?? 'STANDARD',
      contentSha256: payload.sha256Hex,
      isAnswer: (error) => factsOf(error).status === 412 || manner.after(dress, error) !== undefined,
      take: async ({ ETag, ChecksumSHA256 }) => checkAnswer(ETag, ChecksumSHA256, payload),
    },
  );
}

function restless({ name, requests }: WriteContext): IcecoreError {
  return new IcecoreError(
    'store',
    'store-conflict',
    `cannot store ${name} in ${requests.location}: the name is taken, and free again, time after time`,
    { hint: 'see what else writes to the bucket, and run the command again' },
  );
}
