/** Jobs for S3 Batch Operations: what is written, and what their reports prove. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readReports } from '../../src/work/batch-report.ts';
import { ArchiveStore } from '../support/archive-store.ts';
import { runOn } from '../support/command-room.ts';
import { seededBytes } from '../support/random.ts';
import { TestRepository } from '../support/repository.ts';
import { makeTestFolder } from '../support/test-folder.ts';

const ROLE = 'arn:aws:iam::123456789012:role/batch';
let folder: string;
let store: ArchiveStore;
let test: TestRepository;
let trial = 0;
let place: string;

beforeAll(async () => {
  folder = makeTestFolder('batch');
  mkdirSync(join(folder, 'source'));
  writeFileSync(join(folder, 'source', 'a.bin'), seededBytes(600_000, 1));
  store = new ArchiveStore();
  test = await TestRepository.create({ store, chunkBytes: 1 << 16, packBytes: 1 << 18 });
  await test.backup([join(folder, 'source')]);
  for (const name of store.names('packs/')) store.move(name, 'DEEP_ARCHIVE');
});
beforeEach(() => {
  place = join(folder, `job-${trial++}`);
});
afterAll(() => {
  test.remove();
  rmSync(folder, { recursive: true, force: true });
});

const packs = (): string[] => [...store.names('meta/'), ...store.names('packs/')];

/** A report as S3 writes it: all fields in quotes, keys encoded, the message JSON with its quotes doubled. */
async function reportOf(change: (name: string, hash: Buffer) => string | undefined): Promise<string> {
  const lines: string[] = [];
  for (const name of packs()) {
    const { state } = store.kept.get(name)!;
    store.kept.get(name)!.state = { type: 'online' };
    const hash = createHash('sha256')
      .update((await store.get(name))!)
      .digest();
    store.kept.get(name)!.state = state;
    const message = change(name, hash);
    const status =
      message === undefined ? ['failed', 'AccessDenied', '403', 'Access, Denied'] : ['succeeded', '', '200', message];
    const fields = ['test', encodeURIComponent(name), '', ...status];
    lines.push(fields.map((field) => `"${field.replaceAll('"', '""')}"`).join(','));
  }
  mkdirSync(join(place, 'results'), { recursive: true });
  writeFileSync(join(place, 'results', 'part.csv'), `${lines.join('\n')}\n`);
  return place;
}

const asHex = (_: string, hash: Buffer) =>
  JSON.stringify({
    checksum_base64: hash.toString('base64'),
    etag: 'x',
    checksumAlgorithm: 'SHA256',
    checksum_hex: hash.toString('hex').toUpperCase(),
    checksumType: 'FULL_OBJECT',
  });

const check = (...paths: string[]) =>
  runOn(test, ['verify', '--level', 'checksums', '--json', ...paths.flatMap((path) => ['--audit-report', path])]);

describe('icecore verify --audit', () => {
  it('writes a manifest of all packs, a request, and the commands that send them', async () => {
    const ran = await runOn(test, ['verify', '--audit', place, '--role-arn', ROLE]);
    expect(ran.err).toBe('');
    expect(ran.exit).toBe(0);
    const manifest = readFileSync(join(place, 'manifest.csv'));
    const keys = manifest.toString('utf8').trim().split('\n');
    expect(keys.sort()).toEqual(
      packs()
        .map((name) => `test,${name}`)
        .sort(),
    );
    const job = JSON.parse(readFileSync(join(place, 'job.json'), 'utf8'));
    expect(job).toMatchObject({
      AccountId: '123456789012',
      RoleArn: ROLE,
      Operation: { S3ComputeObjectChecksum: { ChecksumAlgorithm: 'SHA256', ChecksumType: 'FULL_OBJECT' } },
      Manifest: { Location: { ETag: createHash('md5').update(manifest).digest('hex') } },
    });
    expect(ran.out).toContain('aws s3api put-object --region us-east-1 --bucket test --key icecore-batch/');
    expect(ran.out).toContain('--server-side-encryption AES256');
    expect(ran.out).toContain(`aws s3control create-job --region us-east-1 --cli-input-json file://${place}/job.json`);
    expect(ran.out).toContain(`icecore verify --level checksums --audit-report ${place}/report`);
    // The same job has the same token, so that it runs once however often it is sent.
    await runOn(test, ['verify', '--audit', join(folder, 'again'), '--role-arn', ROLE]);
    const again = JSON.parse(readFileSync(join(folder, 'again', 'job.json'), 'utf8'));
    expect(again.ClientRequestToken).toBe(job.ClientRequestToken);
  });

  it('refuses a role that is none, a missing one, and stores that are elsewhere', async () => {
    expect((await runOn(test, ['verify', '--audit', place])).exit).toBe(2);
    expect((await runOn(test, ['verify', '--role-arn', ROLE])).exit).toBe(2);
    expect((await runOn(test, ['verify', '--audit', place, '--role-arn', 'admin'])).exit).toBe(2);
    const local = await TestRepository.create();
    const ran = await runOn(local, ['verify', '--audit', place, '--role-arn', ROLE]);
    expect(ran.exit).toBe(1);
    expect(ran.err).toContain('buckets of Amazon S3 alone');
    local.remove();
  });
});

describe('a report', () => {
  it('proves packs without a look at any of them', async () => {
    const looks = store.asked('HeadObject');
    const ran = await check(await reportOf(asHex));
    expect(ran.exit).toBe(0);
    const { stored } = ran.lines().at(-1) as { stored: Record<string, number> };
    expect(stored).toMatchObject({ packsReported: packs().length, packsCompared: packs().length });
    expect(store.asked('HeadObject')).toBe(looks);
  });

  it('names a pack that is not what was written, although all marks of the store say so', async () => {
    const bad = store.names('packs/')[0]!;
    const other = createHash('sha256').update('rot').digest();
    const ran = await check(await reportOf((name, hash) => asHex(name, name === bad ? other : hash)));
    expect(ran.exit).toBe(13);
    expect(ran.lines().some(({ object, code }) => object === bad && code === 'pack-checksum')).toBe(true);
  });

  it('that failed, or tells another checksum, proves nothing: the pack is looked at', async () => {
    const looks = store.asked('HeadObject');
    const composite = asHex('', Buffer.alloc(32)).replace('FULL_OBJECT', 'COMPOSITE');
    const [failed] = packs();
    const ran = await check(await reportOf((name) => (name === failed ? undefined : composite)));
    expect(ran.exit).toBe(0);
    expect(ran.lines().at(-1)).toMatchObject({ stored: { packsReported: 0, packsCompared: packs().length } });
    expect(store.asked('HeadObject') - looks).toBe(packs().length);
  });

  it('that is not there is an error, and one of another bucket says nothing', async () => {
    const missing = await check(join(folder, 'nowhere'));
    expect(missing.exit).toBe(1);
    expect(missing.lines().map(({ code }) => code)).toContain('audit-report');
    const path = join(await reportOf(asHex), 'results', 'part.csv');
    const found = [];
    for await (const each of readReports([path], { name: 'other', keyPrefix: '' })) found.push(each);
    expect(found).toEqual([]);
  });
});
