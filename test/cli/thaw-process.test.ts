/** A cold restore by the built program, as cron runs it: process after process, some of them killed. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Program, type ProgramEnd } from '../support/program.ts';
import { TEST_CREDENTIALS } from '../support/s3/world.ts';
import { HOUR, ThawRoom } from '../support/thaw-room.ts';

const SLOW = process.env.SLOW !== undefined;
let room: ThawRoom;
let program: Program;

beforeAll(async () => {
  if (!SLOW) return;
  program = new Program();
  room = await ThawRoom.open('DEEP_ARCHIVE', { server: { buckets: ['cold'], restoreLatency: { seed: 2 } } });
  await room.fill(['a', 'b', 'c', 'd', 'e', 'f']);
  writeFileSync(join(room.repo.folder, 'password'), 'correct horse\n', { mode: 0o600 });
});
afterAll(async () => {
  if (!SLOW) return;
  await room.close();
  program.remove();
});

function start(...args: string[]) {
  return program.start(room.repo.places, args, {
    ICECORE_REPOSITORY: room.url,
    ICECORE_PASSWORD_FILE: join(room.repo.folder, 'password'),
    AWS_ACCESS_KEY_ID: TEST_CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: TEST_CREDENTIALS.secretAccessKey,
    AWS_EC2_METADATA_DISABLED: 'true',
  });
}

test.runIf(SLOW)(
  'cron goes on with it until everything is there, whatever is killed on the way',
  {
    timeout: 180_000,
  },
  async () => {
    const begun = await start('restore', `latest:${room.source}`, '-t', room.target(), '--max-cost', '1').ended;
    expect([begun.exit, begun.err]).toEqual([
      75,
      expect.stringMatching(/go on with: icecore thaw resume [0-9A-Z]{26}\n/),
    ]);
    let end: ProgramEnd = begun;
    let runs = 0;
    for (; end.exit === 75 && runs < 40; runs++) {
      room.server.clock.advance(7 * HOUR);
      if (runs % 2 === 0) {
        const killed = start('thaw', 'resume');
        await delay(300 + runs * 40);
        killed.child.kill('SIGKILL');
        await killed.ended;
      }
      end = await start('-q', 'thaw', 'resume').ended;
    }
    expect([end.exit, end.err]).toEqual([0, expect.not.stringContaining('error')]);
    expect(runs).toBeGreaterThan(3);
    execFileSync('diff', ['-r', room.source, room.target()]);
    const asked = room.server.requests.filter(({ operation }) => operation === 'RestoreObject');
    expect(asked.length).toBe(6);
    expect((await start('thaw', 'list', '--all', '--json').ended).out).toContain('"state":"ended"');
  },
);
