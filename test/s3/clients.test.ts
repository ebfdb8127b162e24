/**
 * The test S3 server against clients that know nothing of it: rclone, awscli and s3cmd speak to it as they speak to S3,
 * and what one of them writes the server holds, and the others read, byte for byte.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededBytes } from '../support/random.ts';
import { type S3TestServer, startS3Server } from '../support/s3/server.ts';
import { makeTestFolder } from '../support/test-folder.ts';
import { CLIENTS, type Client, type Desk, runClient } from './clients.ts';

const SMALL = seededBytes(70_001, 1);
/** Four parts of 5 MiB, the last one shorter. */
const LARGE = seededBytes(18_000_003, 2);
const KEYS = Array.from({ length: 2345 }, (_, i) => `many/${i % 7}/${String(i).padStart(5, '0')}`);
const ODD_KEY = 'odd/sp ace+plus&amp;ü%41~(1).txt';

/** True when a client must be skipped; says why, or throws where tools are demanded. */
function lacks(client: Client): boolean {
  if (client.program !== undefined) return false;
  const reason = `${client.name} is not installed`;
  if (process.env.ICECORE_REQUIRE_TOOLS === '1') throw new Error(reason);
  process.stderr.write(`${reason}: it does not try the test S3 server\n`);
  return true;
}

describe.each(CLIENTS)('the test S3 server and $name', (client) => {
  const isSkipped = lacks(client);
  const bucket = `made-by-${client.name}`;
  let server: S3TestServer;
  let desk: Desk;

  beforeAll(async () => {
    const folder = makeTestFolder('client');
    server = await startS3Server({ buckets: ['many'] });
    desk = { folder, server, environment: client.prepare(folder, server) };
    writeFileSync(join(folder, 'small'), SMALL);
    writeFileSync(join(folder, 'large'), LARGE);
  });
  afterAll(async () => {
    await server.close();
    rmSync(desk.folder, { recursive: true });
  });

  /** Runs a command that must succeed, and returns what it printed. */
  async function run(args: readonly string[]): Promise<Buffer> {
    const { status, stdout, stderr } = await runClient(client, args, desk);
    const answers = server.requests.map(({ operation, key, status: code, code: error }) => [
      operation,
      key,
      code,
      error,
    ]);
    expect(status, `${client.name} ${args.join(' ')}\n${stderr}\n${answers.slice(-8).join('\n')}`).toBe(0);
    return stdout;
  }

  it.skipIf(isSkipped)('make, fill, read, copy and empty a bucket', async () => {
    await run(client.makeBucket(bucket));
    if (client.setsAcls) server.bucket(bucket).settings.ownership = 'ObjectWriter';
    const kept = (key: string): Buffer | undefined => server.bucket(bucket).get(key)?.content.bytes();

    for (const [file, key, bytes] of [
      ['small', 'a/small', SMALL],
      ['small', ODD_KEY, SMALL],
      ['large', 'large', LARGE],
    ] as const) {
      await run(client.put(join(desk.folder, file), `${bucket}/${key}`));
      expect(kept(key)?.equals(bytes), key).toBe(true);
      await run(client.get(`${bucket}/${key}`, join(desk.folder, 'got')));
      expect(readFileSync(join(desk.folder, 'got')).equals(bytes), key).toBe(true);
    }
    expect(server.bucket(bucket).get('large')?.etag).toMatch(/-4$/);
    expect(server.bucket(bucket).uploads.size).toBe(0);

    await run(client.copy(`${bucket}/large`, `${bucket}/copies/large`));
    expect(kept('copies/large')?.equals(LARGE)).toBe(true);
    await run(client.copy(`${bucket}/${ODD_KEY}`, `${bucket}/copies/${ODD_KEY}`));
    expect(kept(`copies/${ODD_KEY}`)?.equals(SMALL)).toBe(true);

    await run(client.remove(`${bucket}/large`));
    expect(server.bucket(bucket).keys()).toEqual(['a/small', `copies/${ODD_KEY}`, 'copies/large', ODD_KEY].sort());
    await run(client.removeAll(bucket));
    expect(server.world.buckets.has(bucket)).toBe(false);
  });

  it.skipIf(isSkipped)('list 2,345 keys over three pages', async () => {
    for (const key of KEYS) server.bucket('many').put(key, Buffer.from(key));
    const lines = (await run(client.list('many'))).toString().trimEnd().split('\n');
    expect(lines.map((line) => client.keyIn(line)).sort()).toEqual([...KEYS].sort());
    const isListing = (operation: string): boolean => operation.startsWith('ListObjects');
    expect(server.requests.filter(({ operation }) => isListing(operation)).length).toBeGreaterThanOrEqual(3);
  });

  it.skipIf(isSkipped)('are told that the secret is wrong, and that nothing is there', async () => {
    const right = server.world.credentials;
    server.world.credentials = [{ ...right[0]!, secretAccessKey: 'another' }];
    const refused = await runClient(client, client.list('many'), desk);
    server.world.credentials = right;
    expect(refused.status).not.toBe(0);
    expect(refused.stderr).toContain('SignatureDoesNotMatch');
    const missing = await runClient(client, client.get('many/no-such-key', join(desk.folder, 'got')), desk);
    expect(missing.status).not.toBe(0);
  });
});

const find = (name: string): Client => CLIENTS.find((client) => client.name === name)!;

describe.skipIf(lacks(find('rclone')))('the test S3 server and what only rclone does', () => {
  it('agree on ranges and checksums', async () => {
    const client = find('rclone');
    const folder = makeTestFolder('client');
    const server = await startS3Server({ buckets: ['ranges'] });
    try {
      server.bucket('ranges').settings.ownership = 'ObjectWriter';
      const desk: Desk = { folder, server, environment: client.prepare(folder, server) };
      writeFileSync(join(folder, 'large'), LARGE);
      const put = await runClient(client, ['copyto', join(folder, 'large'), 't:ranges/large'], desk);
      expect(put.status, put.stderr).toBe(0);
      const range = await runClient(client, ['cat', '--offset', '7000001', '--count', '5003', 't:ranges/large'], desk);
      expect(range.stdout.equals(LARGE.subarray(7_000_001, 7_005_004)), range.stderr).toBe(true);
      const tail = await runClient(client, ['cat', '--tail', '777', 't:ranges/large'], desk);
      expect(tail.stdout.equals(LARGE.subarray(-777)), tail.stderr).toBe(true);
      const check = await runClient(client, ['check', '--download', folder, 't:ranges', '--include', 'large'], desk);
      expect(check.status, check.stderr).toBe(0);
      expect(
        server.requests.filter(({ operation, status }) => operation === 'GetObject' && status === 206).length,
      ).toBe(2);
    } finally {
      await server.close();
      rmSync(folder, { recursive: true });
    }
  });
});

describe.skipIf(lacks(find('awscli')))('the test S3 server and what only awscli does', () => {
  it('agree on checksums, classes, restores, tags, versions and conditions', async () => {
    const client = find('awscli');
    const folder = makeTestFolder('client');
    const server = await startS3Server({ buckets: ['b'] });
    try {
      const desk: Desk = { folder, server, environment: client.prepare(folder, server) };
      writeFileSync(join(folder, 'small'), SMALL);
      const api = async (...args: string[]): Promise<Record<string, unknown>> => {
        const { status, stdout, stderr } = await runClient(client, ['s3api', ...args, '--bucket', 'b'], desk);
        expect(status, `${args.join(' ')}\n${stderr}`).toBe(0);
        return stdout.length === 0 ? {} : JSON.parse(stdout.toString());
      };
      const refused = async (...args: string[]): Promise<string> => {
        const { status, stderr } = await runClient(client, ['s3api', ...args, '--bucket', 'b'], desk);
        expect(status).not.toBe(0);
        return /\((\w+)\)/.exec(stderr)?.[1] ?? stderr;
      };

      for (const algorithm of ['CRC32', 'SHA1', 'SHA256']) {
        await api('put-object', '--key', algorithm, '--body', 'small', '--checksum-algorithm', algorithm);
        const head = await api('head-object', '--key', algorithm, '--checksum-mode', 'ENABLED');
        expect(head[`Checksum${algorithm}`]).toBe(server.bucket('b').get(algorithm)?.checksum?.value);
      }

      await api(
        'put-object',
        '--key',
        'cold',
        '--body',
        'small',
        '--storage-class',
        'DEEP_ARCHIVE',
        '--tagging',
        'k=v',
      );
      expect(await api('get-object-tagging', '--key', 'cold')).toEqual({ TagSet: [{ Key: 'k', Value: 'v' }] });
      expect(await refused('get-object', '--key', 'cold', 'got')).toBe('InvalidObjectState');
      const request = 'Days=2,GlacierJobParameters={Tier=Bulk}';
      await api('restore-object', '--key', 'cold', '--restore-request', request);
      expect(await refused('restore-object', '--key', 'cold', '--restore-request', request)).toBe(
        'RestoreAlreadyInProgress',
      );
      expect((await api('head-object', '--key', 'cold')).Restore).toBe('ongoing-request="true"');
      server.clock.advance(48 * 3_600_000);
      await api('get-object', '--key', 'cold', 'got');
      expect(readFileSync(join(folder, 'got')).equals(SMALL)).toBe(true);

      await api('put-bucket-versioning', '--versioning-configuration', 'Status=Enabled');
      await api('put-object', '--key', 'v', '--body', 'small');
      expect((await api('delete-object', '--key', 'v')).DeleteMarker).toBe(true);
      const versions = await api('list-object-versions', '--prefix', 'v');
      expect([(versions.Versions as []).length, (versions.DeleteMarkers as []).length]).toEqual([1, 1]);

      expect(await refused('get-object', '--key', 'SHA1', '--if-match', 'other', 'got')).toBe('PreconditionFailed');
      expect(await refused('head-object', '--key', 'none')).toBe('404');
    } finally {
      await server.close();
      rmSync(folder, { recursive: true });
    }
  });
});
