/** The test S3 server's faults, as a client sees them on its connection. */
import { request } from 'node:http';
import { afterEach, expect, it } from 'vitest';
import type { Fault, FaultRule } from '../support/s3/faults.ts';
import { type RawCall, sendRaw, sign } from '../support/s3/raw-client.ts';
import { type S3TestServer, startS3Server } from '../support/s3/server.ts';

const servers: S3TestServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

/** A server with one fault for the next request. */
async function startWith(fault: Fault, more: Partial<FaultRule> = {}): Promise<S3TestServer> {
  const server = await startS3Server({ buckets: ['b'], faults: { rules: [{ fault, nth: 1, ...more }] } });
  servers.push(server);
  server.bucket('b').put('there', Buffer.from('0123456789'));
  return server;
}

const PUT: RawCall = { method: 'PUT', target: '/b/k', body: Buffer.alloc(200_000, 'x') };
const GET: RawCall = { method: 'GET', target: '/b/there' };
const UPLOAD_KINDS = ['unread', 'amid-request', 'before-effect', 'after-effect'] as const;

/** What a call ends in: its status, or the error of the connection. */
async function endOf(server: S3TestServer, call: RawCall): Promise<number | string> {
  try {
    return (await sendRaw(server, call)).status;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

it.each([
  ['SlowDown', 503],
  ['InternalError', 500],
  ['RequestTimeout', 400],
  ['TooManyRequests', 429],
  ['ConditionalRequestConflict', 409],
])('%s is answered with %i, before or after the effect', async (code, status) => {
  for (const when of ['before', 'after'] as const) {
    const server = await startWith({ type: 'error', code, when, retryAfter: 7 });
    const answer = await sendRaw(server, PUT);
    expect(answer).toMatchObject({ status, code });
    expect(answer.headers['retry-after']).toBe('7');
    expect(server.bucket('b').keys().includes('k')).toBe(when === 'after');
    expect(server.requests[0]).toMatchObject({ status, code, fault: 'error' });
    expect(await endOf(server, PUT)).toBe(200);
  }
});

it.each(UPLOAD_KINDS)('a connection is cut: %s', async (point) => {
  const server = await startWith({ type: 'reset', point });
  expect(await endOf(server, PUT)).toMatch(/ECONNRESET|EPIPE/);
  expect(server.bucket('b').keys().includes('k')).toBe(point === 'after-effect');
  expect(server.requests[0]?.status).toBe(0);
  expect(await endOf(server, PUT)).toBe(200);
});

it('an answer is cut in its middle, or ends early under the length of the whole', async () => {
  for (const fault of [
    { type: 'reset', point: 'amid-answer' },
    { type: 'truncate', length: 'whole' },
  ] as const) {
    const server = await startWith(fault);
    expect(await endOf(server, GET)).toBe('ECONNRESET');
    expect(await endOf(server, GET)).toBe(200);
  }
});

it('an answer is shorter than the object, and says so', async () => {
  const server = await startWith({ type: 'truncate', length: 'shortened' });
  expect(await sendRaw(server, GET)).toMatchObject({ status: 200, body: Buffer.from('01234') });
});

it('an answer is longer than it says', async () => {
  const server = await startWith({ type: 'overlong' });
  // Node's client reads the five bytes that were announced, then finds what is no answer.
  expect(await endOf(server, GET)).toMatch(/^HPE_/);
});

it('one bit of an answer is wrong', async () => {
  const server = await startWith({ type: 'flip', at: 0.3 });
  const { body } = await sendRaw(server, GET);
  expect([...body].flatMap((byte, i) => (byte === '0123456789'.charCodeAt(i) ? [] : [i]))).toEqual([3]);
});

it('a success turns out to be an error, or a page of somebody else', async () => {
  const failing = await startWith({ type: 'error-body', code: 'InternalError' });
  expect(await sendRaw(failing, PUT)).toMatchObject({ status: 200, code: 'InternalError' });
  const captive = await startWith({ type: 'html' });
  const answer = await sendRaw(captive, PUT);
  expect([answer.status, answer.headers['content-type']]).toEqual([200, 'text/html']);
  expect(captive.bucket('b').keys()).toEqual(['there']);
});

it('an answer never comes, until the server is closed', async () => {
  const server = await startWith({ type: 'hang', when: 'after' });
  const end = endOf(server, PUT);
  while (server.bucket('b').get('k') === undefined) await new Promise((resolve) => setImmediate(resolve));
  await server.close();
  servers.length = 0;
  expect(await end).toBe('ECONNRESET');
});

it('an answer comes slowly, but whole', async () => {
  const server = await startWith({ type: 'slow', delayMs: 1, bytesPerSecond: 100 });
  expect((await sendRaw(server, GET)).body.toString()).toBe('0123456789');
});

it('a client that goes away before its answer is done does no harm', async () => {
  const server = await startWith({ type: 'slow', bytesPerSecond: 40 });
  const { headers } = sign(GET, `127.0.0.1:${server.port}`);
  await new Promise<void>((resolve) => {
    const outgoing = request({ host: '127.0.0.1', port: server.port, path: GET.target, headers }, (incoming) => {
      incoming.once('data', () => outgoing.destroy());
      incoming.on('error', () => resolve());
    });
    outgoing.on('error', () => {});
    outgoing.end();
  });
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(await endOf(server, GET)).toBe(200);
});

it('the clock is wrong for one request', async () => {
  const server = await startWith({ type: 'skew', ms: 3_600_000 });
  const answer = await sendRaw(server, GET);
  expect(answer).toMatchObject({ status: 403, code: 'RequestTimeTooSkewed' });
  expect(Date.parse(String(answer.headers.date)) - Date.now()).toBeGreaterThan(3_000_000);
  expect(await endOf(server, GET)).toBe(200);
});

it('a listing lacks what was written last', async () => {
  const server = await startWith({ type: 'stale-list', count: 1 }, { operations: ['ListObjectsV2'] });
  await sendRaw(server, PUT);
  const list = async (): Promise<string[]> => {
    const { body } = await sendRaw(server, { method: 'GET', target: '/b?list-type=2' });
    return [...body.toString().matchAll(/<Key>(\w+)/g)].map((match) => match[1]!);
  };
  expect(await list()).toEqual(['there']);
  expect(await list()).toEqual(['k', 'there']);
});

it('after a kill nothing answers until the server is revived', async () => {
  for (const when of ['before', 'after'] as const) {
    const server = await startWith({ type: 'kill', when }, { nth: 2 });
    expect(await endOf(server, GET)).toBe(200);
    expect(await endOf(server, PUT)).toBe('ECONNRESET');
    expect(await endOf(server, GET)).toBe('ECONNRESET');
    expect(server.bucket('b').keys().includes('k')).toBe(when === 'after');
    server.faults.revive();
    expect(await endOf(server, GET)).toBe(200);
  }
});

it('faults meet requests by operation, key, number and seeded rate, and are on record', async () => {
  const server = await startWith(
    { type: 'error', code: 'SlowDown' },
    { operations: ['GetObject'], key: /^there/, nth: 2 },
  );
  const ends: (number | string)[] = [];
  for (const call of [GET, { ...GET, target: '/b/none' }, PUT, GET, GET]) ends.push(await endOf(server, call));
  expect(ends).toEqual([200, 404, 200, 503, 200]);
  expect(server.faults.injected).toMatchObject([{ request: 4, operation: 'GetObject', key: 'there' }]);
  const run = async (seed: number): Promise<(number | string)[]> => {
    const rule: FaultRule = { fault: { type: 'error', code: 'InternalError' }, rate: 0.5, limit: 3 };
    const other = await startS3Server({ buckets: ['b'], faults: { seed, rules: [rule] } });
    servers.push(other);
    const found: (number | string)[] = [];
    for (let i = 0; i < 12; i++) found.push(await endOf(other, { method: 'GET', target: '/b' }));
    return found;
  };
  const first = await run(5);
  expect(first.filter((status) => status === 500).length).toBe(3);
  expect(await run(5)).toEqual(first);
  expect(await run(6)).not.toEqual(first);
});

it('more requests in a second than the rate allows are told to slow down', async () => {
  const server = await startS3Server({ buckets: ['b'], ratePerSecond: 3 });
  servers.push(server);
  const statuses = new Set<number | string>();
  for (let i = 0; i < 60 && statuses.size < 2; i++) {
    for (const status of await Promise.all(
      Array.from({ length: 10 }, () => endOf(server, { method: 'GET', target: '/b' })),
    )) {
      statuses.add(status);
    }
  }
  expect([...statuses].sort()).toEqual([200, 503]);
});
