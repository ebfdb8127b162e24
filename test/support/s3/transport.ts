/**
 * Sends answers over HTTP, and spoils them on request: the faults that a client sees on its connection. What an answer
 * says is decided elsewhere.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer } from './answer.ts';
import { Content } from './content.ts';
import { S3Error } from './errors.ts';
import type { Fault } from './faults.ts';

/** The body of a request as it came, or undefined when the client went away before its end. */
export async function readBody(incoming: IncomingMessage): Promise<Content | undefined> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
  } catch {
    return undefined;
  }
  if (!incoming.complete) return undefined;
  // One buffer of its own: what the socket hands out is small pieces of larger slabs.
  return new Content(chunks.length === 0 ? [] : [Buffer.concat(chunks)]);
}

/** Cuts the connection, as a crashed host or a firewall does. */
export function cut(incoming: IncomingMessage): void {
  if (incoming.socket.destroyed) return;
  incoming.socket.resetAndDestroy();
}

/** Waits for the first bytes of a body, then cuts the connection. */
export async function cutAmidRequest(incoming: IncomingMessage): Promise<void> {
  incoming.on('error', () => {});
  await new Promise<void>((resolve) => {
    incoming.once('data', () => resolve());
    incoming.once('end', () => resolve());
    incoming.once('close', () => resolve());
  });
  cut(incoming);
}

/** The answer that a fault puts in the place of the right one; undefined where it does not. */
export function substituteFor(fault: Fault | undefined): Answer | S3Error | undefined {
  switch (fault?.type) {
    case 'error': {
      const { code, status, retryAfter } = fault;
      const headers: Record<string, string> = retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) };
      return new S3Error(code, { headers, ...(status === undefined ? {} : { status }) });
    }
    case 'error-body':
      return new S3Error(fault.code, { status: 200 });
    case 'html':
      return {
        status: 200,
        headers: { 'content-type': 'text/html' },
        body: new Content([Buffer.from('<!DOCTYPE html><html><body><h1>Log in to the network</h1></body></html>')]),
      };
    default:
      return undefined;
  }
}

/** True for a fault that keeps the request from having its effect. */
export function isBeforeEffect(fault: Fault | undefined): boolean {
  switch (fault?.type) {
    case 'error':
    case 'error-body':
    case 'hang':
      return fault.when !== 'after';
    case 'reset':
      return fault.point === 'before-effect';
    case 'html':
      return true;
    default:
      return false;
  }
}

/** Sends an answer. `fault` spoils its body or its pace. */
export async function sendAnswer(
  incoming: IncomingMessage,
  response: ServerResponse,
  answer: Answer,
  { date, requestId }: { readonly date: number; readonly requestId: string },
  fault: Fault | undefined,
): Promise<void> {
  if (fault?.type === 'slow') await sleep(fault.delayMs ?? 0);
  const body = fault?.type === 'flip' ? flipped(answer.body, fault.at ?? 0.5) : answer.body;
  const half = Math.floor(body.size / 2);
  const declared =
    fault?.type === 'overlong' || (fault?.type === 'truncate' && fault.length === 'shortened') ? half : body.size;
  response.sendDate = false;
  const hasLength = answer.status !== 204 && answer.status !== 304;
  response.writeHead(answer.status, {
    date: new Date(date).toUTCString(),
    server: 'IcecoreTestS3',
    'x-amz-request-id': requestId,
    'x-amz-id-2': 'test',
    ...(hasLength ? { 'content-length': String(answer.contentLength ?? declared) } : {}),
    ...answer.headers,
  });
  const isCut = fault?.type === 'truncate' || (fault?.type === 'reset' && fault.point === 'amid-answer');
  const sent = isCut ? body.slice(0, half) : body;
  if (fault?.type === 'slow' && fault.bytesPerSecond !== undefined) await trickle(response, sent, fault.bytesPerSecond);
  else for (const chunk of sent.chunks) response.write(chunk);
  if (isCut && declared !== half) {
    // The first half shall arrive before the connection breaks.
    response.write('', () => setImmediate(() => (fault.type === 'truncate' ? incoming.socket.end() : cut(incoming))));
    return;
  }
  response.end();
}

async function trickle(response: ServerResponse, body: Content, bytesPerSecond: number): Promise<void> {
  const step = Math.max(1, Math.ceil(bytesPerSecond / 20));
  for (let position = 0; position < body.size && !response.destroyed; position += step) {
    for (const chunk of body.slice(position, position + step).chunks) response.write(chunk);
    await sleep(50);
  }
}

function flipped(body: Content, at: number): Content {
  if (body.size === 0) return body;
  const bytes = Buffer.from(body.bytes());
  const index = Math.min(bytes.length - 1, Math.floor(bytes.length * at));
  bytes[index] = bytes[index]! ^ 0x10;
  return new Content([bytes]);
}
