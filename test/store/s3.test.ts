/** The S3 store on the test S3 server: the store contract, and what S3 adds to it when nothing goes wrong. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { S3StoreOptions } from '../../src/store/s3-options.ts';
import { seededBytes } from '../support/random.ts';
import { BUCKET, inPieces, useS3Room } from '../support/s3-room.ts';
import { listAll, storeContract } from './contract.ts';

const CREATE = { ifAbsent: true } as const;
const PART_BYTES = 5 * 2 ** 20;
const BYTES = seededBytes(100_000, 1);
const LARGE = seededBytes(2 * PART_BYTES + 1, 2);
const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();

const room = useS3Room();

storeContract(
  'the S3 store',
  async () => {
    const server = await room().serve();
    const reopen = () => room().open(server.url);
    return { store: await reopen(), reopen, cleanUp: async () => {} };
  },
  process.env.SLOW ? 10_000 : 1200,
);

async function openOn(options: Partial<S3StoreOptions> = {}, quirks = {}) {
  const server = await room().serve({ quirks });
  return { server, store: await room().open(server.url, { partBytes: PART_BYTES, ...options }) };
}

describe('a body that arrives in pieces', () => {
  it('goes up in parts of the same size, with the checksum that HEAD will report', async () => {
    const { server, store } = await openOn();
    const result = await store.put('packs/S/0', inPieces(LARGE, 1_234_567), CREATE);
    const parts = [LARGE.subarray(0, PART_BYTES), LARGE.subarray(PART_BYTES, -1), LARGE.subarray(-1)];
    const composite = sha256(Buffer.concat(parts.map(sha256))).toString('base64');
    expect(result).toMatchObject({ outcome: 'stored', size: LARGE.length, checksum: `sha256:${composite}-3` });
    expect(await store.stat('packs/S/0')).toMatchObject({ checksum: result.checksum, etag: result.etag });
    const sent = server.requests.filter(({ operation }) => operation === 'UploadPart').map(({ bytesIn }) => bytesIn);
    expect(sent.toSorted()).toEqual([1, PART_BYTES, PART_BYTES]);
    expect(Buffer.from((await store.get('packs/S/0'))!).equals(LARGE)).toBe(true);
  });

  it('that ends with its first part goes up in one PUT', async () => {
    const { server, store } = await openOn();
    for (const length of [0, 1, PART_BYTES - 1, PART_BYTES]) {
      const bytes = LARGE.subarray(0, length);
      const result = await store.put(`packs/S/${length}`, inPieces(bytes, 999_999), CREATE);
      expect(result).toMatchObject({ size: length, checksum: `sha256:${sha256(bytes).toString('base64')}` });
    }
    expect(new Set(server.requests.map(({ operation }) => operation))).toEqual(new Set(['PutObject']));
  });

  it('whole goes up in one PUT where parts count as objects', async () => {
    const { server, store } = await openOn({ provider: 'scaleway' });
    await store.put('packs/S/0', inPieces(LARGE, 1_234_567), CREATE);
    expect(server.requests.map(({ operation }) => operation)).toEqual(['PutObject']);
    expect(Buffer.from((await store.get('packs/S/0'))!).equals(LARGE)).toBe(true);
  });

  it('given whole goes up in one PUT, however large', async () => {
    const { server, store } = await openOn();
    await store.put('packs/S/0', LARGE, CREATE);
    expect(server.requests.map(({ operation }) => operation)).toEqual(['PutObject']);
  });

  it('is copied before the next piece is asked for, and taken only as fast as it can be sent', async () => {
    const { server, store } = await openOn();
    server.faults.add({ fault: { type: 'slow', delayMs: 30 }, operations: ['UploadPart'] });
    const piece = Buffer.alloc(1_000_000);
    const parts = 12;
    let most = 0;
    async function* reusing(): AsyncGenerator<Uint8Array> {
      for (let i = 0; i < parts * 5; i++) {
        piece.fill(i);
        const answered = server.requests.filter(({ operation, status }) => operation === 'UploadPart' && status > 0);
        most = Math.max(most, i * piece.length - answered.length * PART_BYTES);
        yield piece;
      }
    }
    await store.put('packs/S/0', reusing(), CREATE);
    const read = (await store.get('packs/S/0'))!;
    for (let i = 0; i < parts * 5; i++) expect(read[i * piece.length + 7]).toBe(i);
    // Four parts under way, one that waits, and one that is being filled.
    expect(most).toBeLessThanOrEqual(6 * PART_BYTES + piece.length);
  });
});

describe('objects carry', () => {
  it('their class, but none where it is STANDARD; metadata is never archived by itself', async () => {
    const { server, store } = await openOn();
    await store.put('packs/S/0', BYTES, { ...CREATE, storageClass: 'DEEP_ARCHIVE' });
    await store.put('packs/S/1', inPieces(LARGE, 999_999), { ...CREATE, storageClass: 'GLACIER_IR' });
    await store.put('packs/S/2', BYTES, { ...CREATE, storageClass: 'STANDARD' });
    const classes = (await listAll(store)).map(({ storageClass }) => storageClass);
    expect(classes).toEqual(['DEEP_ARCHIVE', 'GLACIER_IR', 'STANDARD']);
    const last = server.requests.find(({ key }) => key === 'some/where/packs/S/2')!;
    expect(last.headers['x-amz-storage-class']).toBeUndefined();
  });

  it('their tags where the provider has tags', async () => {
    const tags = { team: 'web shop+1', 'cost=center': 'ä/1' };
    const { server, store } = await openOn();
    await store.put('packs/S/0', BYTES, { ...CREATE, tags });
    await store.put('packs/S/1', inPieces(LARGE, 999_999), { ...CREATE, tags });
    for (const key of ['packs/S/0', 'packs/S/1']) {
      expect(server.bucket(BUCKET).get(`some/where/${key}`)!.tags).toEqual(tags);
    }
    const plain = await room().open(server.url, { provider: 'garage' });
    await plain.put('packs/S/2', BYTES, { ...CREATE, tags });
    expect(server.requests.at(-1)!.headers['x-amz-tagging']).toBeUndefined();
  });

  it('the encryption that the URL asks for, whole or in parts', async () => {
    const encryption = { algorithm: 'aws:kms', kmsKey: 'arn:aws:kms:us-east-1:1:key/k' } as const;
    const { server, store } = await openOn({ encryption });
    await store.put('packs/S/0', BYTES, CREATE);
    await store.put('packs/S/1', inPieces(LARGE, 999_999), CREATE);
    const begun = server.requests.filter(({ operation }) => ['PutObject', 'CreateMultipartUpload'].includes(operation));
    expect(begun).toHaveLength(2);
    for (const { headers } of begun) {
      expect(headers['x-amz-server-side-encryption']).toBe('aws:kms');
      expect(headers['x-amz-server-side-encryption-aws-kms-key-id']).toBe(encryption.kmsKey);
    }
  });

  it('a mark that is never the same', async () => {
    const { server, store } = await openOn();
    for (const name of ['a', 'b']) await store.put(name, BYTES, CREATE);
    const marks = server.requests.map(({ headers }) => headers['x-amz-meta-icecore-put']);
    for (const mark of marks) expect(mark).toMatch(/^[0-9a-f]{32}$/);
    expect(new Set(marks).size).toBe(2);
  });
});

it('every request says so where the requester pays', async () => {
  const { server, store } = await openOn({ isRequesterPays: true });
  await store.put('a', BYTES, CREATE);
  await store.put('b', inPieces(LARGE, 999_999), CREATE);
  await store.put('a', BYTES, CREATE);
  await store.get('a');
  await store.stat('a');
  await listAll(store);
  await store.delete('a');
  for (const { headers, operation } of server.requests)
    expect(headers['x-amz-request-payer'], operation).toBe('requester');
});

it('bodies are hashed once and checked by the server: no trailers, no chunks, no waiting for leave', async () => {
  const { server, store } = await openOn();
  await store.put('a', BYTES, CREATE);
  await store.put('b', inPieces(LARGE, 999_999), CREATE);
  const bodies = server.requests.filter(({ operation }) => ['PutObject', 'UploadPart'].includes(operation));
  expect(bodies).toHaveLength(4);
  for (const { headers, bytesIn } of bodies) {
    expect(headers['x-amz-content-sha256']).toMatch(/^[0-9a-f]{64}$/);
    expect(headers['x-amz-checksum-sha256']).toBe(
      Buffer.from(headers['x-amz-content-sha256']!, 'hex').toString('base64'),
    );
    expect(headers['content-length']).toBe(String(bytesIn));
    for (const name of ['expect', 'x-amz-trailer', 'transfer-encoding', 'content-encoding', 'content-md5']) {
      expect(headers[name], name).toBeUndefined();
    }
  }
});

describe('the tally', () => {
  it('has every attempt by operation and class', async () => {
    const { server, store } = await openOn();
    expect(store.tally!()).toEqual([]);
    server.faults.add({ fault: { type: 'error', code: 'SlowDown' }, operations: ['PutObject'], limit: 2 });
    await store.put('a', BYTES, { ...CREATE, storageClass: 'DEEP_ARCHIVE' });
    await store.put('b', BYTES, CREATE);
    await store.put('c', inPieces(LARGE, 999_999), { ...CREATE, storageClass: 'GLACIER' });
    await store.stat('a');
    await store.get('b');
    await listAll(store);
    await store.delete('b');
    const count = (operation: string, storageClass: string, count: number) => ({ operation, storageClass, count });
    expect(store.tally!()).toEqual([
      count('CompleteMultipartUpload', 'GLACIER', 1),
      count('CreateMultipartUpload', 'STANDARD', 1),
      count('DeleteObject', 'STANDARD', 1),
      count('GetObject', 'STANDARD', 1),
      count('HeadObject', 'STANDARD', 1),
      count('ListObjectsV2', 'STANDARD', 1),
      count('PutObject', 'DEEP_ARCHIVE', 3),
      count('PutObject', 'STANDARD', 1),
      count('UploadPart', 'STANDARD', 3),
    ]);
    expect(server.requests).toHaveLength(13);
  });
});

describe('a store that nobody knows', () => {
  const generic = { provider: 'generic' } as const;
  const LIES = [
    [{ checksums: 'refused' }, false],
    [{ checksums: 'ignored' }, false],
    [{ conditionalPut: 'refused', conditionalComplete: 'refused' }, true],
    [{ conditionalPut: 'ignored', conditionalComplete: 'ignored' }, true],
    [{ checksums: 'refused', conditionalPut: 'refused', conditionalComplete: 'refused' }, false],
    [{ tags: 'refused' }, true],
  ] as const;
  for (const [quirks, keepsChecksums] of LIES) {
    it(`keeps objects, creates only, and says what it keeps: ${JSON.stringify(quirks)}`, async () => {
      for (const first of [BYTES, () => inPieces(LARGE, 999_999)]) {
        const { server, store } = await openOn(generic, quirks);
        const body = () => (typeof first === 'function' ? first() : first);
        const put = (name: string) => store.put(name, body(), { ...CREATE, tags: { a: 'b' } });
        const result = await put('a');
        expect(result.outcome).toBe('stored');
        expect(result.checksum !== undefined).toBe(keepsChecksums);
        const info = await store.stat('a');
        expect(info!.checksum).toBe(result.checksum);
        expect(info!.etag).toBe(result.etag);
        expect(await put('a')).toEqual({ outcome: 'exists', size: 0 });
        // What was learnt holds: nothing is refused any more.
        const before = server.requests.length;
        await put('b');
        const codes = server.requests.slice(before).map(({ code, operation }) => [operation, code]);
        for (const [operation, code] of codes) if (operation !== 'HeadObject') expect(code).toBeUndefined();
        expect(server.bucket(BUCKET).uploads.size).toBe(0);
      }
    });
  }

  it('is asked before each put whether the name is free, until it has shown that it looks itself', async () => {
    const { server, store } = await openOn(generic);
    await store.put('a', BYTES, CREATE);
    await store.put('b', BYTES, CREATE);
    const heads = () => server.requests.filter(({ operation }) => operation === 'HeadObject').length;
    expect(heads()).toBe(2);
    const other = await room().open(server.url);
    server.faults.add({ fault: { type: 'slow', delayMs: 100 }, operations: ['PutObject'], key: /c$/, limit: 1 });
    const racing = store.put('c', BYTES, CREATE);
    await other.put('c', BYTES, CREATE);
    await racing;
  });

  it('gets Content-MD5 where a lock on its objects wants one', async () => {
    const { server, store } = await openOn({ provider: 'ceph' });
    server.bucket(BUCKET).settings.versioning = 'enabled';
    server.bucket(BUCKET).settings.objectLock = { mode: 'GOVERNANCE', days: 1 };
    const result = await store.put('a', BYTES, CREATE);
    expect(result.outcome).toBe('stored');
    expect(await store.put('b', inPieces(LARGE, 999_999), CREATE)).toMatchObject({ outcome: 'stored' });
    for (const { headers, code, operation } of server.requests.slice(-4)) {
      if (operation === 'UploadPart' && code === undefined) expect(headers['content-md5']).toBeDefined();
    }
  });
});
