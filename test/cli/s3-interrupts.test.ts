/**
 * Signals to the real program while it uploads to a bucket that has stopped answering: the first one ends the run and
 * its uploads within the time that the program gives itself, the second one ends it at once.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { LocalPlaces } from '../../src/repo/access.ts';
import { Program, type ProgramRun } from '../support/program.ts';
import type { S3TestServer } from '../support/s3/server.ts';
import { TEST_CREDENTIALS } from '../support/s3/world.ts';
import { BUCKET, useS3CommandRoom } from '../support/s3-command-room.ts';

const room = useS3CommandRoom();
let program: Program;
beforeAll(() => {
  program = new Program();
});
afterAll(() => program.remove());

/** Starts a backup of one large file. */
function start(server: S3TestServer): ProgramRun {
  const folder = (kind: string) => join(room().folder, 'host', kind);
  const places: LocalPlaces = { config: folder('config'), cache: folder('cache'), state: folder('state') };
  return program.start(places, ['backup', room().source, '--workers', '1'], {
    AWS_ACCESS_KEY_ID: TEST_CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: TEST_CREDENTIALS.secretAccessKey,
    ICECORE_REPOSITORY: room().url(server),
    ICECORE_PASSWORD_FILE: join(room().folder, 'passphrase'),
  });
}

/** A backup whose upload hangs at its second part. */
async function hangingUpload(): Promise<{ server: S3TestServer; run: ProgramRun }> {
  const server = await room().serve();
  await room().make(server, { packBytes: 64 << 20 });
  room().add('large', 24 << 20);
  server.faults.add({ fault: { type: 'hang' }, operations: ['UploadPart'], nth: 2 });
  const run = start(server);
  await vi.waitUntil(() => server.faults.injected.length > 0, { timeout: 60_000 });
  expect(server.bucket(BUCKET).uploads.size).toBe(1);
  return { server, run };
}

it('one signal ends the upload too, and nothing of it stays in the bucket', async () => {
  const { server, run } = await hangingUpload();
  run.child.kill('SIGINT');
  const { exit, err } = await run.ended;
  expect({ exit, err }).toMatchObject({ exit: 130 });
  expect(err).toBe('icecore: stopping; once more to stop at once\nicecore: error: interrupted\n');
  expect(server.bucket(BUCKET).uploads.size).toBe(0);
  expect(server.requests.at(-1)!.operation).toBe('AbortMultipartUpload');
});

it('two signals end the program at once, and the next run ends the upload', async () => {
  const { server, run } = await hangingUpload();
  // Not both at once: the system would make one of them.
  run.child.stderr!.once('data', () => run.child.kill('SIGINT'));
  run.child.kill('SIGINT');
  expect((await run.ended).exit).toBe(130);
  expect(server.requests.some(({ operation }) => operation === 'AbortMultipartUpload')).toBe(false);
  server.faults.clear();
  const next = await start(server).ended;
  expect(next, next.err).toMatchObject({ exit: 0 });
  expect(server.bucket(BUCKET).uploads.size).toBe(0);
});
