/** Reading and listing through the S3 store where the server lies, breaks off, or is none: never a wrong answer. */
import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { RateLimit } from '../../src/store/bandwidth.ts';
import { type OddServer, s3Error, startOddServer } from '../support/odd-server.ts';
import { seededBytes } from '../support/random.ts';
import type { Fault } from '../support/s3/faults.ts';
import { BUCKET, useS3Room } from '../support/s3-room.ts';
import { listAll } from './contract.ts';

const CREATE = { ifAbsent: true } as const;
const BYTES = seededBytes(300_000, 1);
const room = useS3Room();
const odd: OddServer[] = [];
afterEach(async () => {
  for (const server of odd.splice(0)) await server.close();
});

async function oddStore(answer: Parameters<typeof startOddServer>[0]) {
  const server = await startOddServer(answer);
  odd.push(server);
  return { server, store: await room().open(server.url) };
}

function object(
  response: ServerResponse,
  status: number,
  body: Uint8Array,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { etag: '"x"', 'x-amz-request-id': 'ODD', 'content-length': body.length, ...headers });
  response.end(body);
}

describe('an object is read whole', () => {
  const faults: Readonly<Record<string, Fault>> = {
    'after an answer that ended early': { type: 'truncate', length: 'whole' },
    'after a connection that was cut in the middle': { type: 'reset', point: 'amid-answer' },
    'after a page for people': { type: 'html' },
    'after a fault of the server': { type: 'error', code: 'InternalError' },
    'after a call to slow down': { type: 'error', code: 'SlowDown' },
  };
  for (const [what, fault] of Object.entries(faults)) {
    it(what, async () => {
      const server = await room().serve();
      const store = await room().open(server.url);
      await store.put('packs/S/0', BYTES, CREATE);
      for (const range of [undefined, { offset: 1000, length: 200_000 }, { offset: -200_000 }]) {
        server.faults.add({ fault, operations: ['GetObject'], limit: 2 });
        const read = Buffer.from((await store.get('packs/S/0', range))!);
        expect(read.equals(range ? BYTES.subarray(range.offset).subarray(0, range.length) : BYTES)).toBe(true);
        expect(server.faults.injected.length).toBeGreaterThan(0);
        server.faults.clear();
      }
    });
  }

  it('when an answer to a range is shorter than it, and agrees with itself', async () => {
    const server = await room().serve();
    const store = await room().open(server.url);
    await store.put('packs/S/0', BYTES, CREATE);
    for (const fault of [{ type: 'truncate', length: 'shortened' }, { type: 'overlong' }] as const) {
      server.faults.add({ fault, operations: ['GetObject'], limit: 2 });
      const read = (await store.get('packs/S/0', { offset: 5, length: 100_000 }))!;
      expect(Buffer.from(read).equals(BYTES.subarray(5, 100_005))).toBe(true);
    }
  });

  it('from a server that knows no ranges', async () => {
    const { store } = await oddStore((_, response) => object(response, 200, BYTES));
    for (const range of [{ offset: 7, length: 9 }, { offset: 299_990, length: 100 }, { offset: -11 }, { offset: 5 }]) {
      const expected = BYTES.subarray(range.offset).subarray(0, range.length);
      const read = (await store.get('a', range))!;
      expect(Buffer.from(read).equals(expected)).toBe(true);
      expect(read.buffer.byteLength).toBe(read.length);
    }
  });
});

describe('what is no answer to the question is refused', () => {
  const page = '<html><body>Sign in to go on</body></html>';
  const answers: Readonly<Record<string, (response: ServerResponse) => void>> = {
    'another range': (response) =>
      object(response, 206, BYTES.subarray(0, 10), { 'content-range': 'bytes 0-9/300000' }),
    'a range without saying which': (response) => object(response, 206, BYTES.subarray(0, 10)),
    'a range that does not fit its length': (response) =>
      object(response, 206, BYTES.subarray(0, 8), { 'content-range': 'bytes 5-14/300000' }),
    'a range past the object': (response) =>
      object(response, 206, BYTES.subarray(5, 15), { 'content-range': 'bytes 5-14/12' }),
    'a page for people': (response) => {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
      response.end(page);
    },
    'a page for people that says that there is nothing': (response) => {
      response.writeHead(404, { 'content-type': 'text/html' });
      response.end(page);
    },
    'a 404 in plain words': (response) => {
      response.writeHead(404, { 'content-type': 'text/plain' });
      response.end('404 page not found');
    },
    'bytes without an entity tag': (response) => {
      response.writeHead(200, { 'content-length': 10, 'content-type': 'application/octet-stream' });
      response.end(BYTES.subarray(0, 10));
    },
    'no HTTP at all': (response) => {
      response.socket?.end('SSH-2.0-OpenSSH_9.9\r\n');
    },
  };
  for (const [what, answer] of Object.entries(answers)) {
    it(`a read answered by ${what}`, async () => {
      const { server, store } = await oddStore((_, response) => answer(response));
      const range = { offset: 5, length: 10 };
      const error = await store.get('a', range).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ kind: 'store', code: 'not-s3' });
      expect(server.requests.length).toBeLessThanOrEqual(4);
    });
  }

  for (const [what, xml] of Object.entries({
    'a page for people': page,
    'an empty document': '<?xml version="1.0"?><Whatever/>',
    nothing: '',
    'half a document': '<ListBucketResult><Name>icecore-test</Name><IsTruncated>fal',
    'more to come, without a way to it': '<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>',
    'keys that were not asked for':
      '<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>other/a</Key><Size>1</Size>' +
      '<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents></ListBucketResult>',
    'keys without sizes':
      '<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>some/where/a</Key></Contents></ListBucketResult>',
  })) {
    it(`a listing answered by ${what}`, async () => {
      const { store } = await oddStore((_, response) => {
        response.writeHead(200, { 'content-type': xml === page ? 'text/html' : 'application/xml' });
        response.end(xml);
      });
      await expect(listAll(store)).rejects.toMatchObject({ kind: 'store', code: 'not-s3' });
    });
  }

  it('a listing that goes round in a circle, and one that is not sorted', async () => {
    const entry = (key: string): string =>
      `<Contents><Key>some/where/${key}</Key><Size>1</Size><LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>`;
    const page = (keys: string, token: string): string =>
      `<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>${token}</NextContinuationToken>` +
      `${keys}</ListBucketResult>`;
    const pages = [
      (count: number) => page(entry(`a${count}`), 'same'),
      (count: number) => page(entry('a'), String(count)),
      (count: number) => page(entry('b') + entry('a'), String(count)),
    ];
    for (const make of pages) {
      const { store } = await oddStore((_, response, count) => {
        response.writeHead(200, { 'content-type': 'application/xml' });
        response.end(make(count));
      });
      await expect(listAll(store)).rejects.toMatchObject({ kind: 'store', code: 'not-s3' });
    }
  });

  it('a look at an object, a put and a delete answered by a page for people', async () => {
    const { store } = await oddStore((_, response) => {
      response.writeHead(200, { 'content-type': 'text/html', 'content-length': page.length });
      response.end(page);
    });
    for (const call of [() => store.stat('a'), () => store.put('a', BYTES, CREATE), () => store.delete('a')]) {
      await expect(call()).rejects.toMatchObject({ kind: 'store', code: 'not-s3' });
    }
  });
});

it('an absent bucket is an error and no absent object, and an empty one no empty listing', async () => {
  const server = await room().serve();
  const store = await room().open(server.url, { bucket: 'icecore-other' });
  for (const call of [() => store.get('a'), () => store.put('a', BYTES, CREATE), () => listAll(store)]) {
    await expect(call()).rejects.toMatchObject({
      kind: 'store',
      code: 'no-bucket',
      message: expect.stringContaining('there is no bucket icecore-other'),
    });
  }
});

it('each page of a listing is asked for again by itself', async () => {
  const server = await room().serve();
  const bucket = server.bucket(BUCKET);
  for (let i = 0; i < 2500; i++) bucket.put(`some/where/packs/${String(i).padStart(5, '0')}`, Buffer.from('x'));
  const store = await room().open(server.url);
  for (const nth of [1, 2, 3]) {
    server.faults.add({ fault: { type: 'error', code: 'InternalError' }, operations: ['ListObjectsV2'], nth });
    server.faults.add({ fault: { type: 'truncate', length: 'whole' }, operations: ['ListObjectsV2'], nth: nth + 1 });
    const before = server.requests.length;
    expect(await listAll(store, 'packs/')).toHaveLength(2500);
    expect(server.requests.length - before).toBeLessThanOrEqual(5);
    server.faults.clear();
  }
});

it('keys that are no names of ours are left out of listings, and so are those of others', async () => {
  const server = await room().serve();
  const bucket = server.bucket(BUCKET);
  const foreign = ['ä', 'a b', 'folder/', '.hidden', 'tmp/x', 'a//b', 'x'.repeat(300)];
  for (const key of [...foreign, 'a', 'b/c']) bucket.put(`some/where/${key}`, Buffer.from('x'));
  bucket.put('some/whereelse', Buffer.from('x'));
  const store = await room().open(server.url);
  expect((await listAll(store)).map(({ name }) => name)).toEqual(['a', 'b/c']);
  const whole = await room().open(server.url, { prefix: '' });
  expect((await listAll(whole)).map(({ name }) => name)).toEqual([
    'some/where/a',
    'some/where/b/c',
    'some/where/tmp/x',
    'some/whereelse',
  ]);
});

it('an archived object says that it must be thawed first, and is listed and described all the same', async () => {
  const server = await room().serve();
  const store = await room().open(server.url);
  const result = await store.put('packs/S/0', BYTES, { ifAbsent: true, storageClass: 'DEEP_ARCHIVE' });
  await expect(store.get('packs/S/0')).rejects.toMatchObject({
    kind: 'store',
    code: 'object-cold',
    hint: expect.stringContaining('thaw'),
  });
  const info = { name: 'packs/S/0', size: BYTES.length, storageClass: 'DEEP_ARCHIVE', etag: result.etag };
  expect(await listAll(store)).toMatchObject([info]);
  expect(await store.stat('packs/S/0')).toMatchObject({ ...info, checksum: result.checksum });
});

it('a length that no memory holds is an error', async () => {
  const { store } = await oddStore((_, response) => {
    response.writeHead(200, { etag: '"x"', 'content-length': 2 ** 52 });
    response.write('x');
    response.destroy();
  });
  for (const range of [undefined, { offset: 5, length: 10 }]) {
    await expect(store.get('a', range)).rejects.toMatchObject({ kind: 'store' });
  }
});

it('an empty range of an absent object is absent', async () => {
  const server = await room().serve();
  const store = await room().open(server.url);
  expect(await store.get('a', { offset: 0, length: 0 })).toBeUndefined();
});

it('reading keeps to a limit on bandwidth, and so does storing', async () => {
  const server = await room().serve();
  const taken = { upload: 0, download: 0 };
  const limit = (way: 'upload' | 'download'): RateLimit => {
    const rate = new RateLimit(1e12);
    const take = rate.take.bind(rate);
    rate.take = async (bytes, signal) => {
      expect(bytes).toBeLessThanOrEqual(65_536);
      taken[way] += bytes;
      await take(bytes, signal);
    };
    return rate;
  };
  const store = await room().open(server.url, { bandwidth: { upload: limit('upload'), download: limit('download') } });
  server.faults.add({ fault: { type: 'error', code: 'SlowDown' }, operations: ['PutObject'], limit: 1 });
  await store.put('packs/S/0', BYTES, CREATE);
  expect(taken.upload).toBe(2 * BYTES.length);
  expect(Buffer.from((await store.get('packs/S/0'))!).equals(BYTES)).toBe(true);
  expect(taken.download).toBe(BYTES.length);
});

it('a delete of what is gone is fine, and one that is refused is not', async () => {
  const { store } = await oddStore((_, response, count) => s3Error(response, count === 1 ? 404 : 403, 'NoSuchKey'));
  await store.delete('a');
  const server = await room().serve({ denied: ['s3:DeleteObject'] });
  await expect((await room().open(server.url)).delete('a')).rejects.toMatchObject({
    code: 'access-denied',
    message: expect.stringContaining('s3:DeleteObject'),
  });
});
