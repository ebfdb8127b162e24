/**
 * One upload of one file from memory, in a process of its own: by the AWS SDK's own multipart upload, or by our store.
 * Prints the seconds that the upload took, without reading the file and loading the code.
 *
 *     node bench/upload-once.ts sdk:16:8 FILE URL     parts of 16 MiB, 8 at once
 *     node bench/upload-once.ts store FILE URL
 */
import { readFileSync } from 'node:fs';
import { S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { openStore } from '../src/store/open-store.ts';
import { type BucketUrl, parseRepositoryUrl } from '../src/store/repository-url.ts';

const MIB = 2 ** 20;
/** What the sealing of packs hands over at a time. */
const PIECE_BYTES = MIB;

const [how = '', file = '', url = ''] = process.argv.slice(2);
const bytes = readFileSync(file);
const place = parseRepositoryUrl(url);
if (place.type !== 's3') throw new Error(`${url} is not an s3:// URL`);
const upload =
  how === 'store'
    ? await storeUpload(url)
    : sdkUpload(place, ...(how.split(':').slice(1).map(Number) as [number, number]));
const start = performance.now();
await upload();
process.stdout.write(`${JSON.stringify({ seconds: (performance.now() - start) / 1000 })}\n`);

/** Without the checksums of newer SDKs, which cost time; the hash of the signature stays. */
function sdkUpload(
  { bucket, prefix, endpoint }: BucketUrl,
  partMib: number,
  queueSize: number,
): () => Promise<unknown> {
  const client = new S3Client({
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
  return () =>
    new Upload({
      client,
      params: { Bucket: bucket, Key: `${prefix}/packs/sdk`, Body: bytes },
      partSize: partMib * MIB,
      queueSize,
    }).done();
}

async function storeUpload(url: string): Promise<() => Promise<unknown>> {
  const store = await openStore(url);
  async function* pieces(): AsyncIterable<Uint8Array> {
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) yield bytes.subarray(at, at + PIECE_BYTES);
  }
  return async () => {
    await store.put('packs/store', pieces(), { ifAbsent: true });
    await store.close();
  };
}
