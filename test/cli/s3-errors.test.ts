/**
 * What a user is told when a bucket does not do what was asked: one line that says what is wrong, one with what to do,
 * the exit code. No stack and no secret is in any of it (s3-command-room.ts looks).
 */
import { createServer } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { describe, expect, it, vi } from 'vitest';
import type { S3TestServer } from '../support/s3/server.ts';
import { BUCKET, useS3CommandRoom } from '../support/s3-command-room.ts';
import type { Ran } from '../support/world.ts';

const room = useS3CommandRoom();
/** The first attempt, and that is it. */
const ONCE = ['--retry-for', '0s'];

/** A server with a repository, and a backup of it. */
async function serve(): Promise<S3TestServer> {
  const server = await room().serve();
  await room().make(server);
  return server;
}

function backUp(url: string, ...options: string[]): Promise<Ran> {
  return room().icecore(url, [...options, 'backup', room().source, '--workers', '1']);
}

/** What a failed run says: the line of the error and that of the hint, without what comes before them. */
function told({ exit, err }: Ran): { exit: number; error: string; hint: string; more: string[] } {
  const lines = err.trimEnd().split('\n');
  const take = (tone: string) => lines.find((line) => line.startsWith(`icecore: ${tone}: `))?.slice(tone.length + 11);
  const more = lines.filter((line) => !/^icecore: (error|hint): /.test(line));
  return { exit, error: take('error') ?? '', hint: take('hint') ?? '', more };
}

async function listen(server: ReturnType<typeof createServer>): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as { port: number }).port}`;
}

describe('a place that is wrong', () => {
  it('is named: a bucket that does not exist', async () => {
    const server = await serve();
    for (const argv of [['backup', room().source], ['snapshots'], ['init']]) {
      const ran = told(await room().icecore(room().url(server, '', 'no-such-bucket'), argv));
      expect(ran).toMatchObject({ exit: 1, more: [] });
      expect(ran.error).toMatch(/there is no bucket no-such-bucket at 127\.0\.0\.1:\d+$/);
      expect(ran.hint).toMatch(/create the bucket first/);
    }
  });

  it('is named: a bucket without a repository, and no command is offered that would go elsewhere', async () => {
    const server = await room().serve();
    const ran = told(await backUp(room().url(server)));
    expect(ran).toMatchObject({ exit: 10, error: `no repository at s3://${BUCKET}/nas` });
    expect(ran.hint).toMatch(/icecore init with the same URL/);
  });

  it('is named: nobody listens, no such host, no TLS there, TLS there', async () => {
    const server = await serve();
    const closed = createServer();
    const free = await listen(closed);
    await new Promise((resolve) => closed.close(resolve));
    const refused = told(await backUp(room().url({ url: `http://${free}` }), ...ONCE));
    expect(refused.error).toMatch(/no answer from 127\.0\.0\.1:\d+: connect ECONNREFUSED/);
    expect(refused.hint).toMatch(/check the network, the endpoint/);

    const unknown = told(await backUp(room().url({ url: 'https://s3.no-such-host.invalid' }), ...ONCE));
    expect(unknown.error).toMatch(/there is no host of the name (backups\.)?s3\.no-such-host\.invalid$/);
    expect(unknown.hint).toMatch(/check the endpoint/);

    const plain = told(await backUp(room().url({ url: server.url.replace('http:', 'https:') }), ...ONCE));
    expect(plain.error).toMatch(/no secure connection to 127\.0\.0\.1:\d+: [a-z ]+$/);
    expect(plain.hint).toMatch(/write http:\/\/$/);

    const tls = createTlsServer(() => {}).on('tlsClientError', () => {});
    const secured = told(await backUp(room().url({ url: `http://${await listen(tls)}` }), ...ONCE));
    tls.close();
    expect(secured).toMatchObject({ exit: 1, error: expect.stringMatching(/no answer from 127\.0\.0\.1:\d+/) });
    expect(secured.hint).toMatch(/check the network, the endpoint/);
  });

  it('is another region: gone to where the URL names none, refused with the right one where it does', async () => {
    const server = await serve();
    server.bucket(BUCKET).settings.region = 'eu-west-3';
    const ran = told(await backUp(room().url(server)));
    expect(ran.error).toMatch(/the bucket backups is in the region eu-west-3, not us-east-1$/);
    expect(ran.hint).toBe('put region=eu-west-3 into the URL, or leave the region out');
    expect((await backUp(room().url(server, '&provider=aws'))).exit).toBe(0);
  });

  it('shows a page for people: a proxy or a sign-in page', async () => {
    const server = await serve();
    server.faults.add({ fault: { type: 'html' } });
    const ran = told(await backUp(room().url(server), ...ONCE));
    expect(ran.error).toMatch(/127\.0\.0\.1:\d+ does not answer as S3 does/);
    expect(ran.hint).toMatch(/proxy or a sign-in page/);
  });
});

describe('credentials', () => {
  it('that are wrong are told apart: no such key, wrong secret, none at all', async () => {
    const server = await serve();
    const url = room().url(server);
    room().secrets.add('secret-with-a-typo');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret-with-a-typo');
    expect(told(await backUp(url))).toMatchObject({
      error: expect.stringMatching(/: the secret key is wrong$/),
      hint: expect.stringMatching(/AWS_SECRET_ACCESS_KEY/),
    });
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKUNKNOWN');
    expect(told(await backUp(url))).toMatchObject({
      error: expect.stringMatching(/: the access key is not known at 127/),
      hint: expect.stringMatching(/AWS_ACCESS_KEY_ID or the profile/),
    });
    vi.stubEnv('AWS_ACCESS_KEY_ID', undefined);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', undefined);
    expect(told(await backUp(url))).toMatchObject({
      error: expect.stringMatching(/: no credentials/),
      hint: expect.stringMatching(/AWS_PROFILE/),
    });
  });

  it.each([
    ['s3:ListBucket', ['snapshots'], 's3:ListBucket'],
    ['s3:GetObject', ['snapshots'], 's3:GetObject'],
    ['s3:PutObject', ['backup', '.'], 's3:PutObject'],
  ])('without %s are refused by that name', async (denied, argv, action) => {
    const server = await serve();
    server.world.denied = [denied];
    const ran = told(await room().icecore(room().url(server), argv));
    expect(ran.error).toMatch(new RegExp(`: permission denied: it takes ${action}$`));
    expect(ran.hint).toMatch(/doctor prints them/);
  });

  it('that may not use the key of the bucket, or do not say who pays, are told so', async () => {
    const server = await serve();
    server.faults.add({
      fault: { type: 'error', code: 'KMS.DisabledException', status: 400 },
      operations: ['PutObject'],
    });
    const kms = told(await backUp(room().url(server)));
    expect(kms.error).toMatch(/the KMS key cannot be used/);
    expect(kms.hint).toMatch(/kms:GenerateDataKey and kms:Decrypt/);
    server.faults.clear();
    server.bucket(BUCKET).settings.requestPayer = 'Requester';
    expect(told(await backUp(room().url(server))).hint).toMatch(/requester-pays=true in the URL$/);
    const url = room().url(server, '&region=us-east-1&provider=aws&requester-pays=true');
    expect((await backUp(url)).exit).toBe(0);
  });
});

/** Temporary credentials, of which the first expires once that many packs are stored; `onExpiry` comes with it. */
function expireAfter(server: S3TestServer, packs: number, onExpiry: () => void = () => {}): void {
  let hasExpired = false;
  const isPack = ({ key, status }: S3TestServer['requests'][number]) => /\/packs\//.test(key ?? '') && status === 200;
  room().secrets.add('temporary-secret').add('token-of-the-session');
  const keyOf = (number: number) => ({
    accessKeyId: `AKTEMP${number}`,
    secretAccessKey: 'temporary-secret',
    sessionToken: 'token-of-the-session',
  });
  const first = Object.defineProperty(keyOf(1), 'expires', {
    get: () => {
      if (!hasExpired && server.requests.filter(isPack).length >= packs) {
        hasExpired = true;
        onExpiry();
      }
      return hasExpired ? 1 : undefined;
    },
  });
  server.world.credentials = [first, keyOf(2)];
}

async function serveSmallPacks(): Promise<S3TestServer> {
  const server = await room().serve();
  await room().make(server, { packBytes: 1 << 20 });
  for (let i = 0; i < 6; i++) room().add(`large ${i}`, 1 << 20, i);
  return server;
}

const FILE = (number: number): string =>
  `[default]\naws_access_key_id = AKTEMP${number}\naws_secret_access_key = temporary-secret\naws_session_token = token-of-the-session\n`;

describe('credentials that expire in the middle of a backup', () => {
  it('end it by name when there are no others; the next run uses what was stored', async () => {
    const server = await serveSmallPacks();
    expireAfter(server, 3);
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKTEMP1');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'temporary-secret');
    vi.stubEnv('AWS_SESSION_TOKEN', 'token-of-the-session');
    const ran = told(await backUp(room().url(server)));
    expect(ran).toMatchObject({ exit: 1 });
    expect(ran.error).toMatch(/: the credentials have expired, and there are no newer ones$/);
    expect(ran.hint).toMatch(/AWS_SESSION_TOKEN.*what is stored already is kept and used again$/);
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKTEMP2');
    const next = await backUp(room().url(server), '--json');
    expect(next.exit).toBe(0);
    expect(Number(next.lines().at(-1)!.bytesStored)).toBeLessThan(4 * (1 << 20));
  });

  it('are replaced by what has been written to the credentials file meanwhile', async () => {
    const server = await serveSmallPacks();
    vi.stubEnv('AWS_ACCESS_KEY_ID', undefined);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', undefined);
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', room().write('credentials', FILE(1)));
    expireAfter(server, 3, () => room().write('credentials', FILE(2)));
    const ran = await backUp(room().url(server));
    expect(ran).toMatchObject({ exit: 0, err: '' });
    expect(server.requests.some(({ code }) => code === 'ExpiredToken')).toBe(true);
  });

  it('are asked for anew of the program that a profile names', async () => {
    const server = await serveSmallPacks();
    const counter = room().write('counter', '');
    const script = room().write(
      'credentials.sh',
      `#!/bin/sh\nprintf x >>'${counter}'\nn=$(wc -c <'${counter}')\n` +
        `echo '{"Version":1,"AccessKeyId":"AKTEMP'$n'","SecretAccessKey":"temporary-secret",` +
        `"SessionToken":"token-of-the-session","Expiration":"2099-01-01T00:00:00Z"}'\n`,
      0o700,
    );
    vi.stubEnv('AWS_ACCESS_KEY_ID', undefined);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', undefined);
    vi.stubEnv('AWS_CONFIG_FILE', room().write('config', `[profile work]\ncredential_process = ${script}\n`));
    vi.stubEnv('AWS_PROFILE', 'work');
    expireAfter(server, 3);
    expect(await backUp(room().url(server))).toMatchObject({ exit: 0, err: '' });
    expect(server.requests.at(-1)!.headers.authorization).toContain('Credential=AKTEMP2/');
  });
});

describe('a store that', () => {
  it('has another time is obeyed, and the host is told that its clock is wrong', async () => {
    const server = await serve();
    server.clock.skewBy(3_600_000);
    const ran = await backUp(room().url(server));
    expect(ran.exit).toBe(0);
    expect(ran.err).toMatch(
      /^icecore: warning: the clock of this host is 1 h behind that of the store\nicecore: hint: set it/,
    );
    server.clock.skewBy(-3_600_000 * 24 * 365);
    expect((await backUp(room().url(server), '--strict')).exit).toBe(3);
  });

  it.each([
    [
      507,
      'InsufficientStorage',
      /the quota of the store is used up$/,
      /what is stored already is kept and used again$/,
    ],
    [403, 'QuotaExceeded', /the quota of the store is used up$/, /what is stored already is kept and used again$/],
    [503, 'SlowDown', /the store asks for fewer requests$/, /run it again later/],
    [500, 'InternalError', /has a fault/, /run the command again later/],
    [400, 'InvalidRequest', /the test server answers InvalidRequest$/, /icecore doctor/],
  ])('answers %i %s is quoted with advice', async (status, code, error, hint) => {
    const server = await serve();
    const rule = { operations: ['PutObject'], key: /\/packs\// } as const;
    server.faults.add({ fault: { type: 'error', code, status }, ...rule });
    expect(told(await backUp(room().url(server), ...ONCE))).toMatchObject({
      exit: 1,
      error: expect.stringMatching(error),
      hint: expect.stringMatching(hint),
    });
    server.faults.clear();
    expect((await backUp(room().url(server))).exit).toBe(0);
  });

  it('lies about length, or stops in the middle, is never believed', async () => {
    const server = await serve();
    expect((await backUp(room().url(server))).exit).toBe(0);
    for (const fault of [
      { type: 'overlong' },
      { type: 'truncate', length: 'shortened' },
      { type: 'truncate', length: 'whole' },
    ] as const) {
      server.faults.add({ fault, operations: ['GetObject'], key: /\/(meta|packs|snapshots)\// });
      const target = `${room().folder}/${fault.type}`;
      const ran = await room().icecore(room().url(server), [
        ...ONCE,
        'restore',
        `latest:${room().source}`,
        '-t',
        target,
      ]);
      expect(ran.exit, ran.err).not.toBe(0);
      expect(ran.err).toMatch(/^icecore: error: /m);
      server.faults.clear();
    }
  });

  it('is away for a while is waited for, and that is said', async () => {
    const server = await serveSmallPacks();
    server.faults.add({ fault: { type: 'kill', when: 'after' }, operations: ['PutObject'], key: /\/packs\//, nth: 3 });
    const timer = setInterval(() => {
      if (server.faults.isDead) setTimeout(() => server.faults.revive(), 1500);
    }, 10);
    const ran = await backUp(room().url(server), '--retry-for', '1m');
    clearInterval(timer);
    expect(ran).toMatchObject({ exit: 0 });
    expect(ran.err).toMatch(/^icecore: PutObject of packs\/[^\n]*: no answer, attempt 3 in [\d.]+ s\n$/);
  });

  it('stays away ends the run; the next one uses what was stored', async () => {
    const server = await serveSmallPacks();
    server.faults.add({ fault: { type: 'kill', when: 'after' }, operations: ['PutObject'], key: /\/packs\//, nth: 4 });
    const ran = told(await backUp(room().url(server), '--retry-for', '1s'));
    expect(ran.error).toMatch(/no answer from 127\.0\.0\.1:\d+: [^,]+, \d+ attempts in 1\.0 s$/);
    expect(ran.hint).toMatch(/run the command again; what is stored already is kept and used again$/);
    server.faults.clear();
    server.faults.revive();
    const next = await backUp(room().url(server), '--json');
    expect(next.exit).toBe(0);
    expect(Number(next.lines().at(-1)!.bytesStored)).toBeLessThan(4 * (1 << 20));
  });

  it('has archived what is to be read says what to do', async () => {
    const server = await serve();
    expect((await backUp(room().url(server))).exit).toBe(0);
    const bucket = server.bucket(BUCKET);
    for (const key of bucket.keys()) if (key.includes('/packs/')) bucket.get(key)!.storageClass = 'DEEP_ARCHIVE';
    const ran = await room().icecore(room().url(server), [
      'restore',
      `latest:${room().source}`,
      '-t',
      `${room().folder}/cold`,
    ]);
    expect(ran.exit).not.toBe(0);
    expect(told(ran).error).toMatch(/archived/);
    expect(told(ran).hint).toMatch(/--plan|thaw/);
  });
});
