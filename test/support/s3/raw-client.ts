/**
 * Raw HTTP requests with hand-made signatures, for what no S3 client would send: wrong hashes, broken chunks, unsigned
 * headers. Its signer shares nothing with the server's verifier, so that one cannot hide the other's mistake.
 */
import { createHash, createHmac } from 'node:crypto';
import { request as httpRequest, type OutgoingHttpHeaders } from 'node:http';
import type { S3TestServer } from './server.ts';
import { TEST_CREDENTIALS } from './world.ts';

/** A request to be signed and sent. */
export interface RawCall {
  readonly method: string;
  /** Path and query, encoded, query items sorted. */
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** What x-amz-content-sha256 says; the body's hash by default. */
  readonly payloadHash?: string;
  readonly date?: Date;
  readonly region?: string;
  readonly secret?: string;
  readonly accessKeyId?: string;
  /** Headers that are sent but not signed. */
  readonly unsigned?: Readonly<Record<string, string>>;
}

/** An answer, whole. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
  /** The code in the error's document, if it is one. */
  readonly code: string | undefined;
}

/** What a signature consists of; chunk signatures are chained to it. */
export interface RawSignature {
  readonly headers: Readonly<Record<string, string>>;
  readonly signature: string;
  readonly scope: string;
  readonly amzDate: string;
  readonly key: Buffer;
}

const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Buffer, data: string): Buffer => createHmac('sha256', key).update(data).digest();

/** Signs a call for a host. */
export function sign(call: RawCall, host: string): RawSignature {
  const amzDate = (call.date ?? new Date()).toISOString().replace(/[-:]|\.\d{3}/g, '');
  const region = call.region ?? 'us-east-1';
  const scope = `${amzDate.slice(0, 8)}/${region}/s3/aws4_request`;
  const payloadHash = call.payloadHash ?? sha256(call.body ?? '');
  const headers: Record<string, string> = {
    host,
    'x-amz-content-sha256': payloadHash,
    'x-amz-date': amzDate,
    ...call.headers,
  };
  const names = Object.keys(headers).sort();
  const [path = '', query = ''] = call.target.split('?');
  const fullQuery = query
    .split('&')
    .filter(Boolean)
    .map((item) => (item.includes('=') ? item : `${item}=`))
    .join('&');
  const lines = names.map((name) => `${name}:${headers[name]!.trim()}\n`).join('');
  const canonical = [call.method, path, fullQuery, lines, names.join(';'), payloadHash].join('\n');
  const text = `AWS4-HMAC-SHA256\n${amzDate}\n${scope}\n${sha256(canonical)}`;
  const secret = call.secret ?? TEST_CREDENTIALS.secretAccessKey;
  const key = hmac(hmac(hmac(hmac(`AWS4${secret}`, amzDate.slice(0, 8)), region), 's3'), 'aws4_request');
  const signature = hmac(key, text).toString('hex');
  const credential = `${call.accessKeyId ?? TEST_CREDENTIALS.accessKeyId}/${scope}`;
  const authorization = `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${names.join(';')}, Signature=${signature}`;
  return { headers: { ...headers, authorization }, signature, scope, amzDate, key };
}

/** Signs and sends a call. @throws the connection's error when there is no whole answer */
export async function sendRaw(server: S3TestServer, call: RawCall): Promise<RawAnswer> {
  const host = call.headers?.host ?? `127.0.0.1:${server.port}`;
  return sendSigned(server, call, sign(call, host).headers);
}

/** Sends a call with the headers given and no others but Content-Length. */
export async function sendSigned(
  server: S3TestServer,
  { method, target, body, unsigned }: Pick<RawCall, 'method' | 'target' | 'body' | 'unsigned'>,
  signed: OutgoingHttpHeaders,
): Promise<RawAnswer> {
  const headers: OutgoingHttpHeaders = { ...signed, ...unsigned };
  if (body !== undefined && headers['transfer-encoding'] === undefined) headers['content-length'] = body.length;
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({ host: '127.0.0.1', port: server.port, method, path: target, headers, agent: false });
    outgoing.on('error', reject);
    outgoing.on('response', (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', reject);
      incoming.on('end', () => {
        const bytes = Buffer.concat(chunks);
        const code = /<Error><Code>(\w+)<\/Code>/.exec(bytes.toString('latin1'))?.[1];
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: bytes, code });
      });
    });
    outgoing.end(body);
  });
}
