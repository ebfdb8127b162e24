/**
 * The test S3 server: an HTTP server on loopback that behaves as S3's documentation says, and refuses what S3 refuses.
 * Everything is in memory; a test reads and changes it through the object that `startS3Server` returns. It listens,
 * applies the fault plan and keeps the log; what a request means is service.ts.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Answer, errorAnswer } from './answer.ts';
import type { BucketState } from './bucket.ts';
import type { VirtualClock } from './clock.ts';
import { S3Error } from './errors.ts';
import type { Fault, FaultPlanner } from './faults.ts';
import type { Meter } from './meter.ts';
import type { S3Operation } from './operations.ts';
import { S3Request } from './request.ts';
import { operationOf } from './routing.ts';
import { RateLimiter, serve } from './service.ts';
import { cut, cutAmidRequest, isBeforeEffect, readBody, sendAnswer, substituteFor } from './transport.ts';
import { type S3ServerOptions, World } from './world.ts';

/** A request in the log. `status` is 0 where no answer was sent. */
export interface LoggedRequest {
  /** From 1, in order of arrival. */
  readonly number: number;
  readonly operation: S3Operation;
  readonly method: string;
  readonly bucket: string | undefined;
  readonly key: string | undefined;
  readonly query: ReadonlyMap<string, string>;
  /** The request's headers, names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  bytesIn: number;
  bytesOut: number;
  status: number;
  /** The error's code, if it was one. */
  code: string | undefined;
  fault: Fault['type'] | undefined;
}

/** A running server. */
export interface S3TestServer {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  readonly port: number;
  readonly clock: VirtualClock;
  readonly meter: Meter;
  readonly faults: FaultPlanner;
  /** All requests so far, in order of arrival. */
  readonly requests: readonly LoggedRequest[];
  /** Credentials, denials, capacity for expedited restores: may be assigned at any time. */
  readonly world: World;
  /** A bucket's objects and settings. @throws Error when there is none of that name. */
  bucket(name: string): BucketState;
  /** Ends it: hanging requests find their connections closed. */
  close(): Promise<void>;
}

/** Starts a server on loopback, at a port of the system's choice. */
export async function startS3Server(options: S3ServerOptions = {}): Promise<S3TestServer> {
  const world = new World(options);
  const requests: LoggedRequest[] = [];
  const limiter = world.ratePerSecond === undefined ? undefined : new RateLimiter(world.ratePerSecond);
  const mistakes: unknown[] = [];
  const server = createServer({ requestTimeout: 0, keepAliveTimeout: 60_000, noDelay: true }, (incoming, response) => {
    handle(world, limiter, requests, incoming, response).catch((error: unknown) => {
      mistakes.push(error);
      cut(incoming);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    clock: world.clock,
    meter: world.meter,
    faults: world.faults,
    requests,
    world,
    bucket(name) {
      const bucket = world.buckets.get(name);
      if (bucket === undefined) throw new Error(`the test S3 server has no bucket ${name}`);
      return bucket;
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
      // A mistake in the server must not pass for a fault that was meant.
      if (mistakes.length > 0) throw new AggregateError(mistakes, 'the test S3 server itself failed');
    },
  };
}

async function handle(
  world: World,
  limiter: RateLimiter | undefined,
  requests: LoggedRequest[],
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  // Clients go away in the middle of answers; that is their business.
  response.on('error', () => {});
  if (world.faults.isDead) return cut(incoming);
  const raw = { method: incoming.method ?? '', target: incoming.url ?? '', headers: headersOf(incoming) };
  const requestId = (requests.length + 1).toString(16).toUpperCase().padStart(16, '0');
  let request: S3Request;
  try {
    request = new S3Request(raw, world.domains, world.quirks.addressing);
  } catch (error) {
    if (!(error instanceof S3Error)) throw error;
    incoming.resume();
    const answer = errorAnswer(error, raw.method, raw.target, requestId);
    return sendAnswer(incoming, response, answer, { date: world.clock.now(), requestId }, undefined);
  }
  const entry = logEntry(request, requests.length + 1);
  requests.push(entry);
  const fault = world.faults.choose(entry.number, entry);
  entry.fault = fault?.type;
  if (fault?.type === 'kill' && fault.when === 'before') return cut(incoming);
  if (fault?.type === 'reset' && fault.point === 'unread') return cut(incoming);
  if (fault?.type === 'reset' && fault.point === 'amid-request') return cutAmidRequest(incoming);
  const body = await readBody(incoming);
  if (body === undefined) return;
  entry.bytesIn = body.size;
  // Somebody else's request may have ended the service while this one's body came in.
  if (world.faults.isDead && fault?.type !== 'kill') return cut(incoming);
  const skewed = fault?.type === 'skew' ? fault.ms : 0;
  const right = isBeforeEffect(fault)
    ? undefined
    : world.clock.skewed(skewed, () => {
        const hiddenKeys = fault?.type === 'stale-list' ? lastWritten(world, request, fault.count) : new Set<string>();
        return serve(world, limiter, { request, operation: entry.operation, body, requestId, hiddenKeys });
      });
  if (fault?.type === 'kill') return cut(incoming);
  if (fault?.type === 'hang') return;
  if (fault?.type === 'reset' && fault.point !== 'amid-answer') return cut(incoming);
  const substitute = substituteFor(fault);
  const answer =
    substitute instanceof S3Error
      ? errorAnswer(substitute, request.method, request.path, requestId)
      : (substitute ?? right!);
  record(world, entry, answer);
  await sendAnswer(incoming, response, answer, { date: world.clock.now() + skewed, requestId }, fault);
}

function logEntry(request: S3Request, number: number): LoggedRequest {
  const { method, bucket, key, query } = request;
  const headers = Object.fromEntries(request.headersWith(''));
  return {
    number,
    operation: operationOf(request),
    method,
    bucket,
    key,
    query,
    headers,
    bytesIn: 0,
    bytesOut: 0,
    status: 0,
    code: undefined,
    fault: undefined,
  };
}

function record(world: World, entry: LoggedRequest, answer: Answer): void {
  entry.status = answer.status;
  entry.code = answer.code;
  entry.bytesOut = answer.body.size;
  if (answer.isObject) world.meter.egress(answer.body.size);
}

function lastWritten(world: World, request: S3Request, count: number): ReadonlySet<string> {
  return world.buckets.get(request.bucket ?? '')?.lastWritten(count) ?? new Set();
}

function headersOf(incoming: IncomingMessage): [name: string, value: string][] {
  const { rawHeaders } = incoming;
  const headers: [string, string][] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) headers.push([rawHeaders[i]!.toLowerCase(), rawHeaders[i + 1]!]);
  return headers;
}
