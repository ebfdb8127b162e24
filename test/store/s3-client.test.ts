/** Where the S3 store connects: endpoints, path style, regions and profiles, from the URL or from where AWS's tools look. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openS3Store } from '../../src/store/s3.ts';
import { BUCKET, useS3Room } from '../support/s3-room.ts';

const CREATE = { ifAbsent: true } as const;
const BYTES = Buffer.from('some bytes');
const room = useS3Room();

/** As open-store.ts opens one from `s3://BUCKET/where`. */
const plain = { bucket: BUCKET, prefix: 'where' } as const;

async function withConfig(text: string, work: () => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'icecore-aws-'));
  process.env.AWS_CONFIG_FILE = join(folder, 'config');
  writeFileSync(process.env.AWS_CONFIG_FILE, text);
  try {
    await work();
  } finally {
    rmSync(folder, { recursive: true });
  }
}

it('an endpoint in the environment is taken, with the profile and the path style that fit it', async () => {
  const server = await room().serve({ quirks: { addressing: 'path' } });
  for (const name of ['AWS_ENDPOINT_URL', 'AWS_ENDPOINT_URL_S3']) {
    delete process.env.AWS_ENDPOINT_URL;
    process.env[name] = server.url;
    const store = await openS3Store(plain);
    expect(store.bucket!.provider.id).toBe('generic');
    await store.put(name, BYTES, CREATE);
    await store.close();
  }
  expect(server.bucket(BUCKET).keys()).toEqual(['where/AWS_ENDPOINT_URL', 'where/AWS_ENDPOINT_URL_S3']);
});

it('an endpoint of the profile in the configuration file is taken, and its region', async () => {
  const server = await room().serve({ region: 'eu-south-2' });
  const profile = ['[profile mine]', 'region = eu-south-2', `endpoint_url = ${server.url}`, ''].join('\n');
  await withConfig(profile, async () => {
    process.env.AWS_PROFILE = 'mine';
    // The keys are those of the environment, which the SDK leaves aside once a profile is named.
    const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret } = process.env;
    const keys = [`aws_access_key_id = ${id}`, `aws_secret_access_key = ${secret}`, ''].join('\n');
    writeFileSync(process.env.AWS_CONFIG_FILE!, profile + keys);
    const store = await openS3Store(plain);
    await store.put('a', BYTES, CREATE);
    expect(await store.bucket!.region()).toBe('eu-south-2');
    await store.close();
  });
  expect(server.requests[0]!.headers.authorization).toContain('/eu-south-2/s3/');
});

it('the endpoint of the URL counts more than that of the environment', async () => {
  const server = await room().serve();
  process.env.AWS_ENDPOINT_URL_S3 = 'http://127.0.0.1:9';
  const store = await openS3Store({ ...plain, endpoint: server.url });
  await store.put('a', BYTES, CREATE);
  await store.close();
});

it('an endpoint or a provider that makes no sense is refused', async () => {
  await expect(openS3Store({ ...plain, endpoint: 'nonsense' })).rejects.toMatchObject({ kind: 'usage' });
  await expect(openS3Store({ ...plain, provider: 'nobody' })).rejects.toMatchObject({ code: 'unknown-provider' });
});

it('a region that nobody has named is learnt from the store, once', async () => {
  const server = await room().serve({ region: 'ap-northeast-3' });
  const store = await room().open(server.url);
  await Promise.all([1, 2, 3, 4].map((i) => store.put(`a${i}`, BYTES, CREATE)));
  const before = server.requests.length;
  await store.get('a1');
  await store.stat('a2');
  expect(server.requests.length - before).toBe(2);
  // That of the environment is where other buckets are; this one may be elsewhere.
  process.env.AWS_REGION = 'eu-west-3';
  const other = await room().open(server.url);
  expect(await other.stat('a1')).toBeDefined();
});

it('buckets are named in the path or in the host, as the URL says', async () => {
  const server = await room().serve();
  const url = server.url.replace('127.0.0.1', 'localhost');
  const inHost = await room().open(url, { isPathStyle: false });
  await inHost.put('a', BYTES, CREATE).catch(() => {});
  const hosts = server.requests.map(({ headers }) => headers.host);
  // Where names below localhost do not resolve, nothing arrives.
  for (const host of hosts) expect(host).toMatch(new RegExp(`^${BUCKET}\\.localhost:`));
  const inPath = await room().open(url);
  await inPath.put('b', BYTES, CREATE);
  expect(server.requests.at(-1)!.headers.host).toMatch(/^localhost:/);
});

it('opening sends nothing', async () => {
  const server = await room().serve();
  await (await room().open(server.url)).close();
  expect(server.requests).toEqual([]);
});

it('connections are kept, and none is left when the store is closed', async () => {
  const server = await room().serve();
  const store = await room().open(server.url);
  for (let i = 0; i < 20; i++) {
    await store.put(`a${i}`, BYTES, CREATE);
    await store.get(`a${i}`);
    await store.stat(`a${i}`);
    await store.get('absent');
  }
  const sockets = process.getActiveResourcesInfo().filter((resource) => resource === 'TCPSocketWrap');
  // Both ends of each connection are in this process.
  expect(sockets.length).toBeLessThanOrEqual(4);
  await store.close();
});
