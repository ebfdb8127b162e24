/** What is believed of a store: that it keeps create-only puts, and what its answers must say before an object counts as stored. */
import { describe, expect, it } from 'vitest';
import { probeStore } from '../../src/repo/probe.ts';
import { startOddServer } from '../support/odd-server.ts';
import { seededBytes } from '../support/random.ts';
import { inPieces, useS3Room } from '../support/s3-room.ts';

const CREATE = { ifAbsent: true } as const;
const PART_BYTES = 5 * 2 ** 20;
const SMALL = seededBytes(1000, 1);
const LARGE = seededBytes(PART_BYTES + 4321, 2);

const room = useS3Room();

describe('a store that ignores If-None-Match', () => {
  const quirks = { conditionalPut: 'ignored', conditionalComplete: 'ignored' } as const;

  it('is not taken for one that keeps it because one creator was quicker than the looks of the others', async () => {
    const server = await room().serve({ quirks });
    const store = await room().open(server.url, { provider: 'generic', idleMs: 300 });
    // A connection that is there already is quicker than seven that are only made.
    for (let nth = 2; nth <= 8; nth++) {
      server.faults.add({ fault: { type: 'hang', when: 'before' }, operations: ['HeadObject'], nth });
    }
    expect(await probeStore(store)).toMatchObject({ createOnly: false });
  });
});

describe('a store that has shown that it keeps create-only puts', () => {
  it('is sent none without the condition, whatever it refuses', async () => {
    const server = await room().serve();
    const store = await room().open(server.url, { provider: 'generic' });
    store.relyOnCreateOnly?.();
    server.faults.add({ fault: { type: 'error', code: 'InvalidRequest' }, operations: ['PutObject'], limit: 4 });
    await store.put('a', SMALL, CREATE).catch(() => {});
    await store.put('b', SMALL, CREATE);
    const puts = server.requests.filter(({ operation }) => operation === 'PutObject');
    expect(puts.length).toBeGreaterThan(3);
    for (const { headers } of puts) expect(headers['if-none-match']).toBe('*');
  });
});

describe('an upload in parts that the store calls complete without an entity tag', () => {
  /** A store whose completions say nothing, as Ceph's do; `mark` is what HEAD then says of the object, if there is one. */
  async function putAt(mark: 'ours' | 'theirs' | 'none' | 'absent') {
    let own = '';
    const server = await startOddServer((request, response) => {
      const { method, url = '', headers } = request;
      const xml = (root: string, content: string): void => {
        response.writeHead(200, { 'content-type': 'application/xml', 'x-amz-request-id': 'ODD' });
        response.end(`<${root}><Key>k</Key>${content}</${root}>`);
      };
      if (method === 'POST' && url.includes('uploads')) {
        own = String(headers['x-amz-meta-icecore-put']);
        xml('InitiateMultipartUploadResult', '<UploadId>u</UploadId>');
      } else if (method === 'POST') {
        xml('CompleteMultipartUploadResult', '<ETag></ETag>');
      } else if (method === 'PUT') {
        response.writeHead(200, { etag: '"part"' });
        response.end();
      } else if (method === 'HEAD' && mark !== 'absent') {
        const named = { ours: { 'x-amz-meta-icecore-put': own }, theirs: { 'x-amz-meta-icecore-put': 'f' }, none: {} };
        response.writeHead(200, { etag: '"whole-2"', 'content-length': LARGE.length, ...named[mark] });
        response.end();
      } else {
        response.writeHead(method === 'HEAD' ? 404 : 204, { 'x-amz-request-id': 'ODD' });
        response.end();
      }
    });
    try {
      const store = await room().open(server.url, { partBytes: PART_BYTES });
      return await store.put('packs/S/0', inPieces(LARGE, 999_999), CREATE);
    } finally {
      await server.close();
    }
  }

  it('is looked at, for the entity tag and for whether it is there', async () => {
    expect(await putAt('ours')).toEqual({ outcome: 'stored', size: LARGE.length, etag: 'whole-2' });
    await expect(putAt('absent')).rejects.toMatchObject({ kind: 'store', code: 'upload-lost' });
  });

  it("is not ours when another's has come in its place", async () => {
    expect(await putAt('theirs')).toEqual({ outcome: 'exists', size: 0 });
  });

  it('is ours at a store that keeps no metadata', async () => {
    expect(await putAt('none')).toEqual({ outcome: 'stored', size: LARGE.length });
  });
});

describe('a listing of what is archived', () => {
  const entry = (key: string): string =>
    `<Contents><Key>some/where/packs/S/${key}</Key><Size>1</Size><LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>`;
  const LISTINGS: Readonly<Record<string, (count: number) => string>> = {
    'ends with a page that has no successor': () => `<IsTruncated>true</IsTruncated>${entry('0')}`,
    'goes round in a circle': (count) =>
      `<IsTruncated>true</IsTruncated><NextContinuationToken>same</NextContinuationToken>${entry(String(count))}`,
    'has no word in it': () => '',
  };
  for (const [what, content] of Object.entries(LISTINGS)) {
    it(`that ${what} is an error, as any other listing`, async () => {
      const server = await startOddServer((_, response, count) => {
        response.writeHead(200, { 'content-type': 'application/xml', 'x-amz-request-id': 'ODD' });
        response.end(`<ListBucketResult>${content(count)}</ListBucketResult>`);
      });
      const { thaw } = await room().open(server.url);
      const read = async () => {
        for await (const _ of thaw!.states('packs/')) if (server.requests.length > 20) return;
      };
      await expect(read()).rejects.toMatchObject({ kind: 'store', code: 'not-s3' });
      await server.close();
    });
  }
});
