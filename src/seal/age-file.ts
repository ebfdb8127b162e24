/**
 * Whole age files in memory: header, nonce and payload put together and taken apart. For the small objects of a
 * repository; packs are streamed (age-stream.ts).
 */
import { randomBytes } from 'node:crypto';
import { type HeaderOpener, type SealHeader, splitHeader } from './age-header.ts';
import { NONCE_LENGTH, openStream, StreamSealer } from './age-stream.ts';

/** Seals bytes as a complete age file under a header that may serve other files too; the nonce is new. */
export function sealFile(plain: Uint8Array, { header, fileKey }: SealHeader): Buffer {
  const nonce = randomBytes(NONCE_LENGTH);
  const sealer = new StreamSealer(fileKey, nonce);
  return Buffer.concat([header, nonce, sealer.update(plain), sealer.finish()]);
}

/**
 * Opens a complete age file.
 * @throws as splitHeader, HeaderOpener.openHeader and openStream
 */
export async function openFile(file: Uint8Array, opener: HeaderOpener, object: string): Promise<Buffer> {
  const { header, payloadOffset } = splitHeader(file, object);
  const fileKey = await opener.openHeader(header, object);
  return openStream(fileKey, file.subarray(payloadOffset), object);
}
