/** A test S3 server with a client at hand: the short verbs in which the server's own tests are written. */
import {
  GetObjectCommand,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  PutObjectCommand,
  type PutObjectCommandInput,
  type PutObjectCommandOutput,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { BucketState } from './bucket.ts';
import { clientOf } from './client.ts';
import { type S3TestServer, startS3Server } from './server.ts';
import type { S3ServerOptions } from './world.ts';

/** The bucket that every desk has. */
export const BUCKET = 'b';

/** A server with one bucket, and a client of it. */
export interface Desk {
  readonly server: S3TestServer;
  readonly client: S3Client;
  readonly bucket: BucketState;
  /** Stores `hello`, or the Body given. */
  put(key: string, more?: Partial<PutObjectCommandInput>): Promise<PutObjectCommandOutput>;
  get(key: string, more?: object): Promise<string>;
  head(key: string, more?: object): Promise<HeadObjectCommandOutput>;
  close(): Promise<void>;
}

/** Starts a server and a client; who asks closes them. */
export async function openDesk(options: S3ServerOptions = {}): Promise<Desk> {
  const server = await startS3Server({ buckets: [BUCKET], ...options });
  const client = clientOf(server);
  return {
    server,
    client,
    bucket: server.bucket(BUCKET),
    put: (Key, more = {}) => client.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: 'hello', ...more })),
    async get(Key, more = {}) {
      const answer = await client.send(new GetObjectCommand({ Bucket: BUCKET, Key, ...more }));
      return answer.Body!.transformToString();
    },
    head: (Key, more = {}) => client.send(new HeadObjectCommand({ Bucket: BUCKET, Key, ...more })),
    async close() {
      client.destroy();
      await server.close();
    },
  };
}
