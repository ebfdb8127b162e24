/** What S3 stores say when a request fails for good: one line each that says which, and what to do. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { IcecoreError } from '../../src/base/errors.ts';
import type { S3StoreOptions } from '../../src/store/s3-options.ts';
import type { Store } from '../../src/store/store.ts';
import { type OddServer, s3Error, startOddServer } from '../support/odd-server.ts';
import { TEST_CREDENTIALS } from '../support/s3/world.ts';
import { BUCKET, useS3Room } from '../support/s3-room.ts';
import { listAll } from './contract.ts';

const CREATE = { ifAbsent: true } as const;
const BYTES = Buffer.from('some bytes');
const room = useS3Room();
const odd: OddServer[] = [];
afterEach(async () => {
  for (const server of odd.splice(0)) await server.close();
});

/** All four ways to ask must fail in the same way. */
async function errorsOf(store: Store): Promise<IcecoreError[]> {
  const calls = [
    () => store.put('packs/S/0', BYTES, CREATE),
    () => store.get('packs/S/0'),
    () => store.stat('packs/S/0'),
    () => listAll(store),
    () => store.delete('packs/S/0'),
  ];
  const errors: IcecoreError[] = [];
  for (const call of calls) {
    const error = await call().then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(IcecoreError);
    const { message, hint, kind } = error as IcecoreError;
    expect(kind).toBe('store');
    expect(message).not.toMatch(/[\n.]$|\n|undefined|\$response/);
    expect(hint).toBeTruthy();
    errors.push(error as IcecoreError);
  }
  return errors;
}

async function answering(status: number, code: string, more = '', options: Partial<S3StoreOptions> = {}) {
  const server = await startOddServer((_, response) => s3Error(response, status, code, more));
  odd.push(server);
  return { server, store: await room().open(server.url, options) };
}

function expectAll(errors: readonly IcecoreError[], code: string, text: RegExp): void {
  for (const error of errors) {
    expect(error.code).toBe(code);
    expect(error.message).toMatch(text);
  }
}

describe('who asks', () => {
  it('without credentials is told where they are looked for', async () => {
    const server = await room().serve();
    delete process.env.AWS_ACCESS_KEY_ID;
    const errors = await errorsOf(await room().open(server.url));
    expectAll(errors, 'no-credentials', /no credentials: /);
    expect(errors[0]!.hint).toMatch(/AWS_ACCESS_KEY_ID.*AWS_PROFILE/);
    expect(server.requests).toEqual([]);
  });

  it('with an unknown key, or a wrong secret, is told which', async () => {
    const server = await room().serve();
    process.env.AWS_ACCESS_KEY_ID = 'AKOTHER';
    expectAll(
      await errorsOf(await room().open(server.url)),
      'bad-access-key',
      /access key is not known at 127\.0\.0\.1/,
    );
    process.env.AWS_ACCESS_KEY_ID = TEST_CREDENTIALS.accessKeyId;
    process.env.AWS_SECRET_ACCESS_KEY = 'wrong';
    const errors = await errorsOf(await room().open(server.url));
    expectAll(errors, 'bad-secret-key', /the secret key is wrong$/);
    for (const { message, data } of errors) expect(JSON.stringify([message, data])).not.toContain('"wrong"');
  });

  it('with an expired token that nobody renews is told so, at once', async () => {
    const credentials = { ...TEST_CREDENTIALS, sessionToken: 'token', expires: 1 };
    const server = await room().serve({ credentials: [credentials] });
    process.env.AWS_SESSION_TOKEN = 'token';
    const store = await room().open(server.url);
    expectAll(await errorsOf(store), 'credentials-expired', /credentials have expired/);
    expect(room().waits).toEqual([]);
  });

  it('without a permission is told which action on which object', async () => {
    const server = await room().serve({ denied: ['s3:*'] });
    const errors = await errorsOf(await room().open(server.url));
    expectAll(errors, 'access-denied', /permission denied: it takes s3:/);
    const actions = ['PutObject', 'GetObject', 'GetObject', 'ListBucket', 'DeleteObject'];
    for (const [i, error] of errors.entries()) {
      expect(error.message).toContain(`s3:${actions[i]}`);
      if (actions[i] !== 'ListBucket') expect(error.message).toContain('packs/S/0 in s3://icecore-test/some/where');
    }
    expect(room().waits).toEqual([]);
  });

  it('with a clock that cannot be made up for is told by how much it is off', async () => {
    const server = await startOddServer((_, response) => {
      response.setHeader('date', new Date(Date.now() + 7_200_000 + 500).toUTCString());
      s3Error(response, 403, 'RequestTimeTooSkewed');
    });
    odd.push(server);
    expectAll(
      await errorsOf(await room().open(server.url)),
      'clock-skew',
      /clock of this host is (2 h|1 h 59|2h|119).* behind/,
    );
  });
});

describe('what is asked', () => {
  it('of a region that was named, and is the wrong one, names the right one', async () => {
    const server = await room().serve({ region: 'eu-central-1' });
    const store = await room().open(server.url, { region: 'eu-west-1' });
    expectAll(await errorsOf(store), 'wrong-region', /is in the region eu-central-1, not eu-west-1/);
  });

  for (const [status, code, expected, text] of [
    [403, 'KMS.NotFoundException', 'kms-denied', /KMS key cannot be used/],
    [400, 'KMS.DisabledException', 'kms-denied', /KMS key cannot be used/],
    [400, 'InvalidStorageClass', 'storage-class-refused', /does not take the storage class STANDARD/],
    [507, 'InsufficientStorage', 'store-quota', /quota of the store is used up/],
    [403, 'QuotaExceeded', 'store-quota', /quota of the store is used up/],
    [507, 'XMinioStorageFull', 'store-full', /no space left/],
    [401, 'Unauthorized', 'access-denied', /permission denied/],
    [413, 'EntityTooLarge', 'object-too-large', /larger than the store takes/],
  ] as const) {
    it(`and refused with ${code} says what that means, without asking again`, async () => {
      const { store } = await answering(status, code);
      await expect(store.put('a', BYTES, CREATE)).rejects.toMatchObject({
        kind: 'store',
        code: expected,
        message: expect.stringMatching(text),
        hint: expect.any(String),
        data: { status, errorCode: code, operation: 'PutObject' },
      });
      expect(room().waits).toEqual([]);
    });
  }

  it('and refused without a word names the status, and no word that nobody said', async () => {
    const server = await startOddServer((_, response) => response.writeHead(404, { server: 'proxy' }).end());
    odd.push(server);
    const store = await room().open(server.url);
    await expect(store.get('a')).rejects.toMatchObject({
      code: 'not-s3',
      message: expect.stringMatching(/does not answer as S3 does: status 404$/),
    });
  });

  it('and refused for a reason that nobody knows repeats the words of the store in one line', async () => {
    const { store } = await answering(418, 'TeaPot');
    await expect(store.get('a')).rejects.toMatchObject({
      code: 'request-refused',
      message: expect.stringMatching(/: no$/),
    });
  });
});

describe('a store that is not well', () => {
  it('is asked for as long as was said, and then the time is told', async () => {
    const { store, server } = await answering(500, 'InternalError');
    const error = await store.get('a').catch((thrown: unknown) => thrown as IcecoreError);
    expect(error).toMatchObject({ code: 'server-error', message: expect.stringMatching(/attempts in [45] min/) });
    expect(server.requests.length).toBeGreaterThan(15);
    expect(server.requests.length).toBeLessThanOrEqual(100);
    expect(room().waits).toHaveLength(server.requests.length - 1);
    expect(room().waits[0]).toMatchObject({
      reason: 'server-error',
      attempt: 1,
      message: 'GetObject of a: 500 InternalError',
    });
    const short = await room().open(server.url, { retryForMs: 2000 });
    await expect(short.get('a')).rejects.toMatchObject({
      message: expect.stringMatching(/attempts in (1|2)(\.\d)? s/),
    });
  });

  it('that asks for a pause is given it, or given up when it asks for too much', async () => {
    const server = await room().serve();
    const store = await room().open(server.url);
    server.faults.add({ fault: { type: 'error', code: 'SlowDown', retryAfter: 17 }, limit: 1 });
    await store.put('a', BYTES, CREATE);
    expect(room().waits).toMatchObject([{ reason: 'throttled', delayMs: 17_000 }]);
    server.faults.add({ fault: { type: 'error', code: 'SlowDown', retryAfter: 3600 } });
    await expect(store.get('a')).rejects.toMatchObject({ code: 'store-throttled' });
    expect(room().waits).toHaveLength(1);
  });

  it('that is not there is asked for seconds only, as its name may be wrong', async () => {
    const server = await startOddServer(() => {});
    await server.close();
    const store = await room().open(server.url);
    await expect(store.get('a')).rejects.toMatchObject({
      code: 'store-unreachable',
      message: expect.stringMatching(/no answer from 127\.0\.0\.1:\d+: connect ECONNREFUSED .*attempts in (1\d|20|9)/),
    });
    expect(room().clock.sleeps.reduce((sum, ms) => sum + ms, 0)).toBeLessThanOrEqual(20_000);
    const nowhere = await room().open('http://icecore.invalid');
    await expect(nowhere.get('a')).rejects.toMatchObject({ code: 'unknown-host' });
  });

  it('that goes away in the middle of a run is waited for', async () => {
    const server = await room().serve();
    const store = await room().open(server.url);
    await store.put('a', BYTES, CREATE);
    server.faults.kill();
    const error = await store.get('a').catch((thrown: unknown) => thrown as IcecoreError);
    expect(error).toMatchObject({ code: 'store-unreachable', message: expect.stringMatching(/attempts in [45] min/) });
    server.faults.revive();
    expect(await store.get('a')).toHaveLength(BYTES.length);
  });

  it('behind TLS that is not to be trusted is not asked twice', async () => {
    const server = await room().serve();
    const store = await room().open(server.url.replace('http:', 'https:'));
    await expect(store.get('a')).rejects.toMatchObject({
      code: 'tls-failed',
      hint: expect.stringContaining('NODE_EXTRA_CA_CERTS'),
    });
    expect(room().waits).toEqual([]);
  });

  it('stops being asked as soon as the run is interrupted, in the middle of a pause too', async () => {
    const { store } = await answering(500, 'InternalError', '', {
      clock: {
        now: Date.now,
        monotonic: () => performance.now(),
        sleep: (_, signal) =>
          new Promise((_resolve, reject) => {
            signal?.addEventListener('abort', () =>
              reject(new IcecoreError('cancelled', 'interrupted', 'interrupted')),
            );
          }),
      },
    });
    const controller = new AbortController();
    const reading = store.get('a', undefined, controller.signal);
    setTimeout(() => controller.abort(), 30);
    await expect(reading).rejects.toMatchObject({ kind: 'cancelled' });
  });
});

describe('credentials that expire in the middle of a run', () => {
  it('are taken anew from the file that another program keeps fresh', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'icecore-aws-'));
    const file = join(folder, 'credentials');
    const first = { ...TEST_CREDENTIALS, sessionToken: 'first' };
    const second = { ...TEST_CREDENTIALS, accessKeyId: 'AKSECOND', sessionToken: 'second' };
    const write = ({ accessKeyId, secretAccessKey, sessionToken }: typeof first): void => {
      const lines = [`aws_access_key_id=${accessKeyId}`, `aws_secret_access_key=${secretAccessKey}`];
      writeFileSync(file, ['[default]', ...lines, `aws_session_token=${sessionToken}`, ''].join('\n'));
    };
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']) delete process.env[name];
    process.env.AWS_SHARED_CREDENTIALS_FILE = file;
    write(first);
    const server = await room().serve({ credentials: [first] });
    const store = await room().open(server.url);
    await store.put('a', BYTES, CREATE);
    server.world.credentials = [{ ...first, expires: 1 }, second];
    write(second);
    const reads = await Promise.all([store.get('a'), store.stat('a'), store.get('a'), listAll(store)]);
    expect(reads[0]).toHaveLength(BYTES.length);
    rmSync(folder, { recursive: true });
  });
});

it('errors name the bucket, and what was stored is no part of them', async () => {
  const { store } = await answering(403, 'AccessDenied');
  const error = (await store.put('a', BYTES, CREATE).catch((thrown: unknown) => thrown)) as IcecoreError;
  expect(error.message).toContain(BUCKET);
  expect(JSON.stringify(error.data)).not.toContain('some bytes');
});
