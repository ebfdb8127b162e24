import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { HOUR, ThawRoom } from '../support/thaw-room.ts';
import { type Ran, run, type WorldOptions } from '../support/world.ts';

vi.mock('node:worker_threads', async (original) => {
  const { withInProcessWorkers } = await import('../support/in-process-workers.ts');
  return withInProcessWorkers(await original());
});

let room: ThawRoom;
beforeEach(async () => {
  room = await ThawRoom.open('DEEP_ARCHIVE');
  await room.fill(['a', 'b']);
});
afterEach(() => room.close());

function icecore(args: readonly string[], options: WorldOptions = {}): Promise<Ran> {
  return run(['-r', room.url, ...args], { ...room.world(), ...options });
}

test('a plan is shown and costs nothing; what it would cost stops a restore before anything is asked for', async () => {
  const plan = await icecore(['restore', `latest:${room.source}/a`, '-t', room.target(), '--plan']);
  expect(plan.exit).toBe(0);
  expect(plan.out.replaceAll(room.repo.folder, '/x')).toMatchInlineSnapshot(`
    "files        4
    directories  0
    size         39.1 KiB
    to fetch     42.0 KiB in 1 pack
    to thaw      42.2 KiB in 1 pack, 1.0 byte for each byte that is wanted
    target       /x/target

       tier      retrieval  requests  copies, 3 days  sending it     total  ready
       standard   <$0.0001  $0.00011        <$0.0001          $0  $0.00011  within 12 h
    *  bulk       <$0.0001  <$0.0001        <$0.0001          $0  <$0.0001  within 48 h
    prices of 2026-06 for aws, region us-east-1
    "
  `);
  const json = await icecore(['restore', 'latest', '-t', room.target(), '--plan', '--json']);
  expect(json.lines().find(({ type }) => type === 'plan')).toMatchObject({
    type: 'plan',
    cost: { cold: { packs: 2 }, way: { tier: 'bulk' } },
  });

  const refused = await icecore(['restore', 'latest', '-t', room.target(), '--max-cost', '0.00001']);
  expect(refused.exit).toBe(15);
  const unasked = await icecore(['restore', 'latest', '-t', room.target()]);
  expect([unasked.exit, unasked.err]).toEqual([2, expect.stringContaining('give --yes, or --max-cost USD')]);
  const declined = await icecore(['restore', 'latest', '-t', room.target()], { answers: ['n'] });
  expect(declined.exit).toBe(0);
  expect(declined.questions).toEqual([
    expect.stringMatching(/^thaw 2 packs in the tier bulk and restore for .*within 48 h\? \[y\/N\] $/),
  ]);
  expect(room.count('RestoreObject')).toBe(0);
});

test('a restore ends with exit 75 and the command that goes on, again and again until all is there', async () => {
  const begun = await icecore(['restore', `latest:${room.source}`, '-t', room.target(), '--yes']);
  expect(begun.exit).toBe(75);
  const command = /go on with: icecore (.*)/.exec(begun.err)![1]!.split(' ');
  expect(command.slice(2, 4)).toEqual(['thaw', 'resume']);
  const job = command.at(-1)!;

  expect((await icecore(['thaw', 'list'])).out).toContain(job);
  const status = await icecore(['thaw', 'status', job.slice(0, 12), '--json']);
  expect(status.lines().at(-1)).toMatchObject({ type: 'summary', state: 'open', packs: 2, warming: 2, cold: 0 });

  expect((await icecore(['thaw', 'resume'])).exit).toBe(75);
  room.server.clock.advance(49 * HOUR);
  const ended = await icecore(['thaw', 'resume', job, '--json']);
  expect([ended.exit, ended.lines().at(-1)]).toEqual([
    0,
    expect.objectContaining({ filesRestored: 8, filesFrozen: 0 }),
  ]);
  execFileSync('diff', ['-r', room.source, room.target()]);
  expect(room.count('RestoreObject')).toBe(2);
  expect((await icecore(['thaw', 'resume'])).err).toContain('no thaw job of this host is open');
  expect((await icecore(['thaw', 'list', '--all'])).out).toContain('ended');
});

test('a job that is cancelled asks for nothing more, and says that what was asked for is billed', async () => {
  const begun = await icecore(['restore', 'latest', '-t', room.target(), '--yes', '--json']);
  const { job } = begun.lines().at(-1)!.thaw as { job: string };
  const cancelled = await icecore(['thaw', 'cancel', job]);
  expect(cancelled.err).toContain('2 packs were asked for already: they thaw and are billed all the same');
  const resumed = await icecore(['thaw', 'resume', job]);
  expect([resumed.exit, resumed.err]).toEqual([0, expect.stringContaining('was cancelled before')]);
  expect((await icecore(['thaw', 'cancel', job])).exit).toBe(1);
});

test('a command of the user is given the keys, and its failure ends the restore', async () => {
  const url = room.url.replace('provider=aws', 'provider=generic');
  const keys = `${room.repo.folder}/keys`;
  const args = ['-r', url, 'restore', 'latest', '-t', room.target(), '--yes', '--thaw-command'];
  const failed = await run([...args, 'echo no such tool >&2; exit 7'], room.world());
  expect([failed.exit, failed.err]).toEqual([1, expect.stringMatching(/failed: it ended with 7\n.*no such tool/)]);
  const asked = await run(
    [...args, `echo "$ICECORE_THAW_BUCKET $ICECORE_THAW_DAYS" > ${keys}; cat >> ${keys}`],
    room.world(),
  );
  expect(asked.exit).toBe(75);
  const [head, ...lines] = readFileSync(keys, 'utf8').trimEnd().split('\n');
  expect([head, lines.length]).toEqual(['cold 3', 2]);
  expect(lines.every((line) => /^nas\/packs\/[0-9A-Z]{26}\/\d{8}\.tar\.zst\.age$/.test(line))).toBe(true);
});
