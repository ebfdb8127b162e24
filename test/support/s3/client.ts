/** The AWS SDK's client as the tests of the test S3 server use it: one attempt, path style, the server's own key. */
import { S3Client, type S3ClientConfig, S3ServiceException } from '@aws-sdk/client-s3';
import type { S3TestServer } from './server.ts';
import { TEST_CREDENTIALS } from './world.ts';

/** Makes a client; who makes it destroys it. */
export function clientOf(server: S3TestServer, config: Partial<S3ClientConfig> = {}): S3Client {
  return new S3Client({
    endpoint: server.url,
    region: server.world.region,
    forcePathStyle: true,
    credentials: TEST_CREDENTIALS,
    maxAttempts: 1,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    ...config,
  });
}

/** The error code that a call fails with: S3's, or of the connection; `none` when it succeeds. */
export async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'none';
  } catch (error) {
    if (error instanceof S3ServiceException) {
      // A HEAD's error has no body: only the status tells.
      return error.name === 'Unknown' || error.name === 'UnknownError'
        ? String(error.$metadata.httpStatusCode)
        : error.name;
    }
    return error instanceof Error && 'code' in error ? String(error.code) : String(error);
  }
}
