/** Puts on a test S3 server that fails in every way: what was stored is known, and nothing is left behind. */
import { describe, expect, it } from 'vitest';
import { isIcecoreError } from '../../src/base/errors.ts';
import type { PutBody, Store } from '../../src/store/store.ts';
import { startOddServer } from '../support/odd-server.ts';
import { seededBytes, seededRandom } from '../support/random.ts';
import type { Fault, FaultRule } from '../support/s3/faults.ts';
import type { S3TestServer } from '../support/s3/server.ts';
import { BUCKET, inPieces, useS3Room } from '../support/s3-room.ts';
import { listAll } from './contract.ts';

const CREATE = { ifAbsent: true } as const;
const PART_BYTES = 5 * 2 ** 20;
const SMALL = seededBytes(100_000, 1);
const LARGE = seededBytes(2 * PART_BYTES + 4321, 2);
const KEY = 'some/where/packs/S/0';

const room = useS3Room();

/** Ways for a request to fail that pass. */
const PASSING: Readonly<Record<string, Fault>> = {
  'a fault of the server': { type: 'error', code: 'InternalError' },
  'a fault of the server after the effect': { type: 'error', code: 'InternalError', when: 'after' },
  'a call to slow down': { type: 'error', code: 'SlowDown' },
  'too many requests': { type: 'error', code: 'TooManyRequests', status: 429 },
  'a time-out of the server': { type: 'error', code: 'RequestTimeout' },
  'a bad gateway': { type: 'error', code: 'BadGateway', status: 502 },
  'a connection that is cut at once': { type: 'reset', point: 'unread' },
  'a connection that is cut in the middle': { type: 'reset', point: 'amid-request' },
  'a connection that is cut before the effect': { type: 'reset', point: 'before-effect' },
  'an answer that is lost': { type: 'reset', point: 'after-effect' },
  'a page for people': { type: 'html' },
  'a clock that is wrong': { type: 'skew', ms: 3_600_000 },
};

async function open(server: S3TestServer, rules: readonly FaultRule[] = []): Promise<Store> {
  for (const rule of rules) server.faults.add(rule);
  return await room().open(server.url, { partBytes: PART_BYTES });
}

function uploadsIn(server: S3TestServer): number {
  return server.bucket(BUCKET).uploads.size;
}

async function expectStored(server: S3TestServer, store: Store, body: PutBody, bytes: Buffer): Promise<void> {
  const result = await store.put('packs/S/0', body, CREATE);
  expect(result).toMatchObject({ outcome: 'stored', size: bytes.length });
  expect(server.faults.injected.length).toBeGreaterThan(0);
  server.faults.clear();
  const info = await store.stat('packs/S/0');
  expect(info).toMatchObject({ size: bytes.length, checksum: result.checksum, etag: result.etag });
  expect(result.checksum).toMatch(/^sha256:/);
  expect(Buffer.from((await store.get('packs/S/0'))!).equals(bytes)).toBe(true);
  expect(uploadsIn(server)).toBe(0);
}

describe('an object in one PUT survives', () => {
  for (const [what, fault] of Object.entries(PASSING)) {
    it(what, async () => {
      const server = await room().serve();
      const store = await open(server, [{ fault, operations: ['PutObject'], limit: 2 }]);
      await expectStored(server, store, SMALL, SMALL);
    });
  }

  it('conflicts with another creator, and is told when that one has won', async () => {
    const server = await room().serve();
    const fault: Fault = { type: 'error', code: 'ConditionalRequestConflict' };
    const store = await open(server, [{ fault, operations: ['PutObject'], limit: 3 }]);
    await expectStored(server, store, SMALL, SMALL);
    server.faults.add({ fault, operations: ['PutObject'], limit: 3 });
    expect(await store.put('packs/S/0', LARGE, CREATE)).toEqual({ outcome: 'exists', size: 0 });
  });
});

describe('an object of several parts survives', () => {
  const steps = ['CreateMultipartUpload', 'UploadPart', 'CompleteMultipartUpload'] as const;
  for (const operation of steps) {
    for (const [what, fault] of Object.entries(PASSING)) {
      it(`${what} at ${operation}`, async () => {
        const server = await room().serve();
        const store = await open(server, [{ fault, operations: [operation], limit: 2 }]);
        await expectStored(server, store, inPieces(LARGE, 999_999), LARGE);
      });
    }
  }

  it('an error in an answer of status 200 at its completion', async () => {
    for (const when of ['before', 'after'] as const) {
      const server = await room().serve();
      const fault: Fault = { type: 'error-body', code: 'InternalError', when };
      const store = await open(server, [{ fault, operations: ['CompleteMultipartUpload'], limit: 1 }]);
      await expectStored(server, store, inPieces(LARGE, 999_999), LARGE);
    }
  });

  it('a completion whose answer is lost where the repetition finds no upload', async () => {
    const server = await room().serve({ quirks: { repeatedComplete: 'no-such-upload' } });
    const fault: Fault = { type: 'reset', point: 'after-effect' };
    const store = await open(server, [{ fault, operations: ['CompleteMultipartUpload'], limit: 1 }]);
    await expectStored(server, store, inPieces(LARGE, 999_999), LARGE);
  });
});

describe('a lost answer', () => {
  const LOST: FaultRule = {
    fault: { type: 'reset', point: 'after-effect' },
    operations: ['PutObject', 'CompleteMultipartUpload'],
    limit: 1,
  };

  it('is not taken for our own write when another has won', async () => {
    for (const body of [SMALL, inPieces(LARGE, 999_999)]) {
      const server = await room().serve();
      const store = await open(server);
      const other = await room().open(server.url);
      await other.put('packs/S/0', Buffer.from('theirs'), CREATE);
      server.faults.add({ ...LOST, fault: { type: 'reset', point: 'before-effect' } });
      expect(await store.put('packs/S/0', body, CREATE)).toEqual({ outcome: 'exists', size: 0 });
      expect(Buffer.from((await store.get('packs/S/0'))!).toString()).toBe('theirs');
      expect(uploadsIn(server)).toBe(0);
    }
  });

  it('is recognised by size and entity tag where objects may be listed but not read', async () => {
    for (const [body, bytes] of [
      [SMALL, SMALL],
      [inPieces(LARGE, 999_999), LARGE],
    ] as const) {
      const server = await room().serve({ denied: ['s3:GetObject'], quirks: { repeatedComplete: 'no-such-upload' } });
      const store = await open(server, [LOST]);
      expect(await store.put('packs/S/0', body, CREATE)).toMatchObject({ outcome: 'stored', size: bytes.length });
      expect(await store.put('packs/S/0', Buffer.from('other'), CREATE)).toEqual({ outcome: 'exists', size: 0 });
    }
  });

  it('does not make another of what the same bytes of another host are', async () => {
    const server = await room().serve();
    const [store, other] = [await open(server), await room().open(server.url)];
    await other.put('packs/S/0', SMALL, CREATE);
    expect(await store.put('packs/S/0', SMALL, CREATE)).toEqual({ outcome: 'exists', size: 0 });
  });
});

describe('an upload that fails for good', () => {
  it('has been ended when put rejects, whatever step it failed at', async () => {
    for (const operation of ['UploadPart', 'CompleteMultipartUpload'] as const) {
      const server = await room().serve();
      const store = await open(server, [{ fault: { type: 'error', code: 'AccessDenied' }, operations: [operation] }]);
      let isClosed = false;
      async function* body(): AsyncGenerator<Uint8Array> {
        try {
          yield* inPieces(LARGE, 999_999);
        } finally {
          isClosed = true;
        }
      }
      const error = await store.put('packs/S/0', body(), CREATE).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ kind: 'store', code: 'access-denied' });
      expect(isClosed).toBe(true);
      expect(uploadsIn(server)).toBe(0);
      server.faults.clear();
      expect(await listAll(store)).toEqual([]);
    }
  });

  it('is ended also when a part fails while the body has nothing to give', async () => {
    const server = await room().serve();
    const fault: Fault = { type: 'error', code: 'AccessDenied' };
    const store = await open(server, [{ fault, operations: ['UploadPart'] }]);
    const { promise: never } = Promise.withResolvers<void>();
    async function* body(): AsyncGenerator<Uint8Array> {
      yield* inPieces(LARGE, 999_999);
      await never;
    }
    await expect(store.put('packs/S/0', body(), CREATE)).rejects.toMatchObject({ code: 'access-denied' });
    expect(uploadsIn(server)).toBe(0);
  });

  it('is ended when it is aborted at any step, and while the store hangs', async () => {
    const hang: Fault = { type: 'hang' };
    for (const operation of ['CreateMultipartUpload', 'UploadPart', 'CompleteMultipartUpload'] as const) {
      const server = await room().serve();
      const controller = new AbortController();
      const store = await open(server);
      server.faults.add({ fault: { type: 'slow', delayMs: 50 }, operations: [operation] });
      if (operation === 'UploadPart') server.faults.add({ fault: hang, operations: [operation], nth: 2 });
      const put = store.put('packs/S/0', inPieces(LARGE, 999_999), { ...CREATE, signal: controller.signal });
      const watch = setInterval(() => {
        if (server.requests.some((request) => request.operation === operation)) controller.abort();
      }, 1);
      await expect(put).rejects.toSatisfy((error) => isIcecoreError(error, 'cancelled'));
      clearInterval(watch);
      expect(uploadsIn(server), operation).toBe(0);
    }
  });

  it('that a lifecycle rule has ended is reported as such', async () => {
    const server = await room().serve();
    const store = await open(server);
    async function* body(): AsyncGenerator<Uint8Array> {
      yield* inPieces(LARGE, 999_999);
      server.bucket(BUCKET).uploads.clear();
    }
    await expect(store.put('packs/S/0', body(), CREATE)).rejects.toMatchObject({ kind: 'store', code: 'upload-lost' });
  });

  it('leaves no upload behind whose creation was answered into the void', async () => {
    const server = await room().serve();
    const fault: Fault = { type: 'reset', point: 'after-effect' };
    const store = await open(server, [{ fault, operations: ['CreateMultipartUpload'], limit: 2 }]);
    await store.put('packs/S/0', inPieces(LARGE, 999_999), CREATE);
    expect(server.requests.filter(({ operation }) => operation === 'CreateMultipartUpload')).toHaveLength(3);
    expect(uploadsIn(server)).toBe(0);
    expect(server.bucket(BUCKET).keys()).toEqual([KEY]);
  });
});

it('a server that hangs is given up after a while, and asked again: before its answer, after it, and in its middle', async () => {
  for (const when of ['before', 'after'] as const) {
    for (const body of [SMALL, inPieces(LARGE, 999_999)]) {
      const server = await room().serve();
      const store = await room().open(server.url, { partBytes: PART_BYTES, idleMs: 100 });
      server.faults.add({ fault: { type: 'hang', when }, limit: 1 });
      expect(await store.put('packs/S/0', body, CREATE)).toMatchObject({ outcome: 'stored' });
      server.faults.add({ fault: { type: 'hang' }, operations: ['GetObject', 'ListObjectsV2'], limit: 1 });
      expect(await store.get('packs/S/0')).toBeDefined();
      expect(await listAll(store)).toHaveLength(1);
      expect(uploadsIn(server)).toBe(0);
    }
  }
  const server = await startOddServer((request, response, count) => {
    response.writeHead(200, { etag: '"x"', 'content-length': 4 });
    response.write('ab');
    if (count > 1) response.end('cd');
    else request.socket.on('close', () => {});
  });
  const store = await room().open(server.url, { idleMs: 100 });
  expect(Buffer.from((await store.get('a'))!).toString()).toBe('abcd');
  expect(server.requests).toHaveLength(2);
  await server.close();
});

it('under faults of all kinds at random, what put says is what is there', async () => {
  const seeds = process.env.SLOW ? 60 : 1;
  for (let seed = 1; seed <= seeds; seed++) {
    const server = await room().serve();
    const rules = Object.values(PASSING)
      .filter((fault) => fault.type !== 'html')
      .map((fault) => ({ fault, rate: 0.03 }));
    for (const rule of [...rules, { fault: { type: 'truncate', length: 'whole' }, rate: 0.05 } as const]) {
      server.faults.add(rule);
    }
    const stores = await Promise.all([1, 2].map(() => room().open(server.url, { partBytes: PART_BYTES })));
    const random = seededRandom(seed);
    const won = new Map<string, Buffer>();
    const work = async (i: number): Promise<void> => {
      const bytes = seededBytes(i % 9 === 0 ? PART_BYTES + 77 : 1 + Math.floor(random() * 20_000), seed * 1000 + i);
      const name = `packs/S/${i % 9 === 0 ? `large-${i}` : Math.floor(random() * 12)}`;
      const body = i % 3 === 0 ? inPieces(bytes, 1_000_003) : bytes;
      const result = await stores[i % 2]!.put(name, body, CREATE);
      if (result.outcome === 'exists') return;
      expect(won.has(name), `seed ${seed}: two winners of ${name}`).toBe(false);
      won.set(name, bytes);
    };
    await Promise.all(Array.from({ length: 36 }, (_, i) => work(i)));
    const listed = await listAll(stores[0]!);
    expect(
      listed.map(({ name }) => name),
      `seed ${seed}`,
    ).toEqual([...won.keys()].sort());
    for (const [name, bytes] of won) {
      expect(Buffer.from((await stores[1]!.get(name))!).equals(bytes), `seed ${seed}: ${name}`).toBe(true);
    }
    expect(uploadsIn(server), `seed ${seed}`).toBe(0);
  }
}, 300_000);
