/** The test S3 server and signatures: AWS's published examples prove the verifier, raw requests prove the refusals. */
import { createHash, createHmac } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { unframe } from '../support/s3/chunked.ts';
import { VirtualClock } from '../support/s3/clock.ts';
import { S3Error } from '../support/s3/errors.ts';
import { type RawCall, sendRaw, sendSigned, sign } from '../support/s3/raw-client.ts';
import { type RawRequest, S3Request } from '../support/s3/request.ts';
import { type S3TestServer, startS3Server } from '../support/s3/server.ts';
import { type Signed, verifySignature } from '../support/s3/signature.ts';
import type { S3ServerOptions } from '../support/s3/world.ts';

const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
/** The key, host and time of the examples in the S3 API reference, "Authenticating Requests". */
const EXAMPLE = {
  credentials: [{ accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' }],
  region: 'us-east-1',
};
const HOST = 'examplebucket.s3.amazonaws.com';

function verifyExample(raw: RawRequest, now = Date.UTC(2013, 4, 24)): Signed {
  const request = new S3Request(raw, ['s3.amazonaws.com'], 'both');
  expect(request.bucket).toBe('examplebucket');
  return verifySignature(request, { ...EXAMPLE, clock: new VirtualClock(now) });
}

function example(method: string, target: string, headers: Record<string, string>, signature: string): RawRequest {
  const signedHeaders = Object.keys(headers).sort().join(';');
  const credential = `${EXAMPLE.credentials[0]!.accessKeyId}/20130524/us-east-1/s3/aws4_request`;
  const authorization = `AWS4-HMAC-SHA256 Credential=${credential},SignedHeaders=${signedHeaders},Signature=${signature}`;
  return { method, target, headers: Object.entries({ ...headers, authorization }) };
}

const EXAMPLES: readonly (readonly [what: string, raw: RawRequest])[] = [
  [
    'GET Object with a Range',
    example(
      'GET',
      '/test.txt',
      { host: HOST, range: 'bytes=0-9', 'x-amz-content-sha256': EMPTY, 'x-amz-date': '20130524T000000Z' },
      'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
    ),
  ],
  [
    'PUT Object with a name to be encoded',
    example(
      'PUT',
      '/test$file.text',
      {
        date: 'Fri, 24 May 2013 00:00:00 GMT',
        host: HOST,
        'x-amz-content-sha256': '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072',
        'x-amz-date': '20130524T000000Z',
        'x-amz-storage-class': 'REDUCED_REDUNDANCY',
      },
      '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
    ),
  ],
  [
    'GET Bucket Lifecycle',
    example(
      'GET',
      '/?lifecycle',
      { host: HOST, 'x-amz-content-sha256': EMPTY, 'x-amz-date': '20130524T000000Z' },
      'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
    ),
  ],
  [
    'GET Bucket (List Objects)',
    example(
      'GET',
      '/?max-keys=2&prefix=J',
      { host: HOST, 'x-amz-content-sha256': EMPTY, 'x-amz-date': '20130524T000000Z' },
      '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
    ),
  ],
];

const PRESIGNED =
  '/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2F' +
  'aws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=' +
  'aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404';

describe("AWS's own examples", () => {
  it.each(EXAMPLES)('verify: %s', (_, raw) => {
    expect(verifyExample(raw).payloadHash).toMatch(/^[0-9a-f]{64}$/);
  });

  it.each(EXAMPLES)('do not verify with one character changed: %s', (_, raw) => {
    const target = raw.target.includes('?') ? `${raw.target}&x=1` : `${raw.target}x`;
    expect(() => verifyExample({ ...raw, target })).toThrow(/signature/);
    expect(() => verifyExample({ ...raw, method: 'HEAD' })).toThrow(/signature/);
  });

  it('verify: a presigned address, until it expires', () => {
    const raw = { method: 'GET', target: PRESIGNED, headers: [['host', HOST]] as const };
    expect(verifyExample(raw, Date.UTC(2013, 4, 24, 23)).payloadHash).toBe('UNSIGNED-PAYLOAD');
    expect(() => verifyExample(raw, Date.UTC(2013, 4, 25, 1))).toThrow(/expired/);
  });

  it('verify: a body in signed chunks, and not with a bit flipped', () => {
    const raw = example(
      'PUT',
      '/examplebucket/chunkObject.txt',
      {
        'content-encoding': 'aws-chunked',
        'content-length': '66824',
        host: 's3.amazonaws.com',
        'x-amz-content-sha256': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
        'x-amz-date': '20130524T000000Z',
        'x-amz-decoded-content-length': '66560',
        'x-amz-storage-class': 'REDUCED_REDUNDANCY',
      },
      '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9',
    );
    const signed = verifyExample(raw);
    const chunk = (size: number, signature: string): string =>
      `${size.toString(16)};chunk-signature=${signature}\r\n${'a'.repeat(size)}\r\n`;
    const body = Buffer.from(
      chunk(65_536, 'ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648') +
        chunk(1024, '0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497') +
        chunk(0, 'b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9'),
    );
    expect(body.length).toBe(66_824);
    expect(Buffer.concat(unframe(body, signed).chunks).length).toBe(66_560);
    body[66_000] = body[66_000]! ^ 1;
    expect(() => unframe(body, signed)).toThrow(S3Error);
  });
});

describe('the test S3 server', () => {
  const servers: S3TestServer[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close();
  });
  async function start(options: S3ServerOptions = {}): Promise<S3TestServer> {
    const server = await startS3Server({ buckets: ['b'], ...options });
    servers.push(server);
    return server;
  }
  const PUT: RawCall = { method: 'PUT', target: '/b/k', body: Buffer.from('hello') };

  it('takes a request that is signed well', async () => {
    const server = await start();
    expect((await sendRaw(server, PUT)).status).toBe(200);
    expect(server.bucket('b').get('k')?.content.bytes().toString()).toBe('hello');
  });

  it.each([
    ['a wrong secret', { secret: 'wrong' }, 403, 'SignatureDoesNotMatch'],
    ['an unknown key', { accessKeyId: 'AKOTHER' }, 403, 'InvalidAccessKeyId'],
    ['another region', { region: 'eu-west-1' }, 400, 'AuthorizationHeaderMalformed'],
    ['a date 16 minutes old', { date: new Date(Date.now() - 16 * 60_000) }, 403, 'RequestTimeTooSkewed'],
    ['a date 16 minutes ahead', { date: new Date(Date.now() + 16 * 60_000) }, 403, 'RequestTimeTooSkewed'],
    ['an x-amz header that is not signed', { unsigned: { 'x-amz-meta-a': '1' } }, 403, 'AccessDenied'],
    ['a body other than was hashed', { payloadHash: EMPTY }, 400, 'XAmzContentSHA256Mismatch'],
    ['a hash that is none', { payloadHash: 'abc' }, 400, 'InvalidArgument'],
    ['a token that nobody gave', { headers: { 'x-amz-security-token': 't' } }, 400, 'InvalidToken'],
    ['a wrong Content-MD5', { headers: { 'content-md5': Buffer.alloc(16).toString('base64') } }, 400, 'BadDigest'],
    ['a Content-MD5 that is none', { headers: { 'content-md5': 'abc' } }, 400, 'InvalidDigest'],
  ])('refuses %s', async (_, change, status, code) => {
    const server = await start();
    expect(await sendRaw(server, { ...PUT, ...change })).toMatchObject({ status, code });
    expect(server.bucket('b').keys()).toEqual([]);
  });

  it('says in its refusals what helps: its time, its region, what it signed', async () => {
    const server = await start();
    const late = await sendRaw(server, { ...PUT, date: new Date(0) });
    expect(late.body.toString()).toMatch(/<ServerTime>20\d\d-/);
    const elsewhere = await sendRaw(server, { ...PUT, region: 'eu-west-1' });
    expect(elsewhere.body.toString()).toContain('<Region>us-east-1</Region>');
    const wrong = await sendRaw(server, { ...PUT, secret: 'wrong' });
    expect(wrong.body.toString()).toContain('<StringToSign>AWS4-HMAC-SHA256\n'.replace('\n', '&#xa;'));
  });

  it('refuses what is not signed at all, or as before 2014', async () => {
    const server = await start();
    expect(await sendSigned(server, PUT, {})).toMatchObject({ status: 403, code: 'AccessDenied' });
    const old = { authorization: 'AWS AKTEST:abc', date: new Date().toUTCString() };
    expect(await sendSigned(server, PUT, old)).toMatchObject({ status: 400, code: 'InvalidRequest' });
  });

  it('takes temporary credentials with their token, until they expire', async () => {
    const server = await start();
    const call: RawCall = { ...PUT, headers: { 'x-amz-security-token': 'token' } };
    const temporary = { ...server.world.credentials[0]!, sessionToken: 'token', expires: server.clock.now() + 60_000 };
    server.world.credentials = [temporary];
    expect((await sendRaw(server, call)).status).toBe(200);
    expect(await sendRaw(server, PUT)).toMatchObject({ status: 403, code: 'InvalidAccessKeyId' });
    server.clock.advance(60_000);
    expect(await sendRaw(server, call)).toMatchObject({ status: 400, code: 'ExpiredToken' });
  });

  it('judges dates by its own clock when that is wrong, and by the host when time was let pass', async () => {
    const server = await start();
    server.clock.advance(90 * 86_400_000);
    expect((await sendRaw(server, PUT)).status).toBe(200);
    server.clock.skewBy(3_600_000);
    expect(await sendRaw(server, PUT)).toMatchObject({ status: 403, code: 'RequestTimeTooSkewed' });
    expect((await sendRaw(server, { ...PUT, date: new Date(Date.now() + 3_600_000) })).status).toBe(200);
  });

  it('finds the bucket in the host name too', async () => {
    const server = await start();
    const host = `b.localhost:${server.port}`;
    expect((await sendRaw(server, { ...PUT, target: '/k', headers: { host } })).status).toBe(200);
    expect(server.bucket('b').keys()).toEqual(['k']);
  });

  it.each([
    ['sha256', 'sha256'],
    ['sha1', 'sha1'],
  ])('checks x-amz-checksum-%s', async (name, algorithm) => {
    const server = await start();
    const right = createHash(algorithm).update('hello').digest('base64');
    const wrong = createHash(algorithm).update('hallo').digest('base64');
    const header = `x-amz-checksum-${name}`;
    expect((await sendRaw(server, { ...PUT, headers: { [header]: right } })).headers[header]).toBe(right);
    expect(await sendRaw(server, { ...PUT, headers: { [header]: wrong } })).toMatchObject({ code: 'BadDigest' });
    expect(await sendRaw(server, { ...PUT, headers: { [header]: 'abc' } })).toMatchObject({ code: 'InvalidRequest' });
  });

  it('knows the check values of the CRCs', async () => {
    const server = await start();
    // The bytes "123456789": the check values of the catalogue of parametrised CRC algorithms, in base64.
    const body = Buffer.from('123456789');
    for (const [name, hex] of [
      ['crc32', 'cbf43926'],
      ['crc32c', 'e3069283'],
      ['crc64nvme', 'ae8b14860a799888'],
    ] as const) {
      const value = Buffer.from(hex, 'hex').toString('base64');
      const call = { ...PUT, body, headers: { [`x-amz-checksum-${name}`]: value } };
      expect((await sendRaw(server, call)).status, name).toBe(200);
    }
  });

  it('takes chunks with signatures and a signed trailer, and none that were changed', async () => {
    const server = await start();
    const data = Buffer.alloc(20_000, 'x');
    const checksum = createHash('sha256').update(data).digest('base64');
    const call: RawCall = {
      method: 'PUT',
      target: '/b/k',
      payloadHash: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER',
      headers: {
        'content-encoding': 'aws-chunked',
        'x-amz-decoded-content-length': '20000',
        'x-amz-trailer': 'x-amz-checksum-sha256',
      },
    };
    const signature = sign(call, `127.0.0.1:${server.port}`);
    let previous = signature.signature;
    const link = (kind: string, hashes: string): string => {
      const text = `AWS4-HMAC-SHA256-${kind}\n${signature.amzDate}\n${signature.scope}\n${previous}\n${hashes}`;
      previous = createHmac('sha256', signature.key).update(text).digest('hex');
      return previous;
    };
    const chunk = (bytes: Buffer): Buffer => {
      const hash = createHash('sha256').update(bytes).digest('hex');
      const head = `${bytes.length.toString(16)};chunk-signature=${link('PAYLOAD', `${EMPTY}\n${hash}`)}\r\n`;
      return Buffer.concat([Buffer.from(head), bytes, Buffer.from(bytes.length > 0 ? '\r\n' : '')]);
    };
    const trailer = `x-amz-checksum-sha256:${checksum}\n`;
    const body = Buffer.concat([
      chunk(data.subarray(0, 16_384)),
      chunk(data.subarray(16_384)),
      chunk(Buffer.alloc(0)),
      Buffer.from(`${trailer.trimEnd()}\r\n`),
      Buffer.from(
        `x-amz-trailer-signature:${link('TRAILER', createHash('sha256').update(trailer).digest('hex'))}\r\n\r\n`,
      ),
    ]);
    expect((await sendSigned(server, { ...call, body }, signature.headers)).status).toBe(200);
    const stored = server.bucket('b').get('k');
    expect(stored?.content.bytes().equals(data)).toBe(true);
    expect([stored?.checksum?.value, stored?.headers['content-encoding']]).toEqual([checksum, undefined]);
    for (const at of [9000, 19_000, body.length - 10]) {
      const changed = Buffer.from(body);
      changed[at] = changed[at]! ^ 1;
      const answer = await sendSigned(server, { ...call, body: changed }, signature.headers);
      expect(answer.status, `byte ${at}`).toBeGreaterThanOrEqual(400);
    }
  });
});
