/**
 * Reading objects: which range is asked for, and whether what arrives is that range, whole. An answer that is not is a
 * failure of the attempt, and so is asked for again from the start. Content is not checked: what is stored is sealed.
 */
import { GetObjectCommand, type GetObjectCommandOutput } from '@aws-sdk/client-s3';
import type { RateLimit } from './bandwidth.ts';
import { resolveRange } from './names.ts';
import { factsOf, RequestFault } from './s3-faults.ts';
import type { S3Requests } from './s3-requests.ts';
import type { ByteRange } from './store.ts';

/**
 * Reads an object or a range of it that is not empty by its length.
 * @returns undefined when there is no such object
 * @throws kind `bug` for a range that makes no sense
 */
export async function readObject(
  requests: S3Requests,
  name: string,
  range: ByteRange | undefined,
  limit: RateLimit | undefined,
  signal: AbortSignal | undefined,
): Promise<Uint8Array | undefined> {
  const wanted = rangeHeader(range);
  let bytes: Uint8Array = Buffer.alloc(0);
  try {
    await requests.send(
      () =>
        new GetObjectCommand({
          Bucket: requests.bucket,
          Key: requests.keyPrefix + name,
          ...(wanted === undefined ? {} : { Range: wanted }),
          ...requests.requestParams(),
        }),
      {
        signal,
        name,
        isAnswer: (error) => isAbsence(error) || factsOf(error).status === 416,
        take: async (output) => {
          bytes = await readAnswer(output, wanted === undefined ? undefined : range, limit, signal);
        },
      },
    );
    return bytes;
  } catch (error) {
    if (isAbsence(error)) return undefined;
    if (factsOf(error).status === 416) return Buffer.allocUnsafeSlow(0);
    throw error;
  }
}

/** True for "no such key". A 404 without a code is no answer of S3, and a bucket that is not there is another matter. */
function isAbsence(error: unknown): boolean {
  const { status, code } = factsOf(error);
  return status === 404 && code !== undefined && code !== 'NoSuchBucket';
}

function rangeHeader(range: ByteRange | undefined): string | undefined {
  if (range === undefined || (range.offset === 0 && range.length === undefined)) return undefined;
  const { offset, length } = range;
  if (offset < 0) return `bytes=${offset}`;
  return length === undefined ? `bytes=${offset}-` : `bytes=${offset}-${offset + length - 1}`;
}

/** Takes in the body of an answer, in memory of exactly its size. */
async function readAnswer(
  output: GetObjectCommandOutput,
  range: ByteRange | undefined,
  limit: RateLimit | undefined,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  if (output.ETag === undefined) throw new RequestFault('foreign', 'an object without an entity tag');
  const body = output.Body as AsyncIterable<Uint8Array> | undefined;
  const { length, start, end } = extentOf(output, range);
  const bytes = allocate(end - start);
  let at = 0;
  for await (const chunk of body ?? []) {
    await limit?.take(chunk.length, signal);
    const from = Math.max(0, start - at);
    const to = Math.min(chunk.length, end - at);
    if (from < to) bytes.set(chunk.subarray(from, to), at + from - start);
    at += chunk.length;
  }
  if (at !== length) throw new RequestFault('unreachable', `the answer ended after ${at} of ${length} bytes`);
  return bytes;
}

/** How long the body is, and which part of it was asked for: all of it, unless the store does not know ranges. */
function extentOf(
  { $metadata, ContentLength: length, ContentRange }: GetObjectCommandOutput,
  range: ByteRange | undefined,
): { readonly length: number; readonly start: number; readonly end: number } {
  if (length === undefined) throw new RequestFault('foreign', 'an object without a length');
  if ($metadata.httpStatusCode !== 206) return { length, ...resolveRange(length, range) };
  const [, first, last, total] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(ContentRange ?? '')?.map(Number) ?? [];
  if (range === undefined || first === undefined || last === undefined || last - first + 1 !== length) {
    throw new RequestFault('foreign', `a range that is none: ${ContentRange}, ${length} bytes`);
  }
  // A store that does not say how long the object is can still be held to where the range begins, and to its length.
  const size = Number.isNaN(total) ? last + 1 : total!;
  const expected = resolveRange(size, range);
  if (expected.start !== first || expected.end !== last + 1) {
    throw new RequestFault('foreign', `another range than was asked for: ${ContentRange}`);
  }
  return { length, start: 0, end: length };
}

function allocate(length: number): Buffer {
  try {
    return Buffer.allocUnsafeSlow(length);
  } catch (error) {
    throw new RequestFault('foreign', `an object of ${length} bytes`, error);
  }
}
