/** Thaws by S3 Batch Operations: nothing is asked for here, the job only looks, and nothing is forgotten. */
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { isIcecoreError } from '../../src/base/errors.ts';
import { runOn } from '../support/command-room.ts';
import { HOUR, ThawRoom } from '../support/thaw-room.ts';

const ROLE = 'arn:aws:iam::123456789012:role/batch';
let room: ThawRoom;
afterEach(() => room.close());

/** Does what the service would do with a job that was sent. */
async function send(folder: string): Promise<number> {
  const job = JSON.parse(readFileSync(join(folder, 'job.json'), 'utf8'));
  const { ExpirationInDays: days, GlacierJobTier: tier } = job.Operation.S3InitiateRestoreObject;
  const keys = readFileSync(join(folder, 'manifest.csv'), 'utf8').trim().split('\n');
  for (const line of keys) {
    const [bucket, key] = line.split(',').map(decodeURIComponent);
    expect(bucket).toBe('cold');
    await room.store.thaw!.request(key!.slice('nas/'.length), { days, tier: tier.toLowerCase() });
  }
  return keys.length;
}

describe('a restore with --batch', () => {
  it('announces packs and asks for none; going on only looks, until the service has warmed them', async () => {
    room = await ThawRoom.open('DEEP_ARCHIVE');
    await room.fill();
    const batch = { folder: join(room.repo.folder, 'job'), roleArn: ROLE };
    const { outcome } = await room.restore(room.target(), { batch });
    expect(outcome).toMatchObject({ type: 'warming', stats: { filesRestored: 0 } });
    expect(outcome.batches).toHaveLength(1);
    const packs = outcome.offer.cost!.cold.packs;
    expect(outcome.batches![0]).toMatchObject({ objects: packs });
    expect(room.count('RestoreObject')).toBe(0);
    const job = outcome.status!.job;

    // Nobody has sent it yet: it is not asked for a second time, by this way or another.
    expect((await room.resume(job)).outcome.type).toBe('warming');
    expect(room.count('RestoreObject')).toBe(0);
    // The files can be written again, by the same command.
    rmSync(batch.folder, { recursive: true });
    const again = await room.restore(room.target(), { batch });
    expect(again.outcome.status!.job).toBe(job);

    expect(await send(batch.folder)).toBe(packs);
    room.server.clock.advance(24 * HOUR);
    expect((await room.resume(job)).outcome.type).toBe('warming');
    room.server.clock.advance(25 * HOUR);
    expect((await room.resume(job)).outcome.type).toBe('restored');
    expect(room.count('RestoreObject')).toBe(packs);
    execFileSync('diff', ['-r', room.source, room.target()]);
  });

  it('that was never sent is asked for pack by pack when it is overdue', async () => {
    room = await ThawRoom.open('GLACIER');
    await room.fill(['a']);
    const batch = { folder: join(room.repo.folder, 'job'), roleArn: ROLE };
    const { outcome } = await room.restore(room.target(), { batch, tier: 'standard' });
    room.server.clock.advance(6 * HOUR);
    const { job } = outcome.status!;
    expect((await room.resume(job)).outcome.type).toBe('warming');
    expect(room.count('RestoreObject')).toBe(outcome.offer.cost!.cold.packs);
    room.server.clock.advance(6 * HOUR);
    expect((await room.resume(job)).outcome.type).toBe('restored');
  });

  it('is refused before anything is announced when it cannot work', async () => {
    room = await ThawRoom.open('GLACIER');
    await room.fill(['a']);
    const folder = join(room.repo.folder, 'job');
    const codeOf = async (trial: Parameters<ThawRoom['restore']>[1]) => {
      const error = await room.restore(room.target(), trial).catch((thrown: unknown) => thrown);
      return isIcecoreError(error) ? error.code : 'none';
    };
    expect(await codeOf({ batch: { folder, roleArn: 'me' } })).toBe('bad-role');
    expect(await codeOf({ batch: { folder, roleArn: ROLE }, tier: 'expedited' })).toBe('batch-tier');
    const { outcome } = await room.restore(room.target(), { tier: 'standard' });
    expect(outcome.type).toBe('warming');
    expect(room.count('RestoreObject')).toBe(outcome.offer.cost!.cold.packs);
  });

  it('prints the commands that send it, and the one that goes on', async () => {
    room = await ThawRoom.open('DEEP_ARCHIVE');
    await room.fill(['a']);
    const folder = join(room.repo.folder, 'job');
    const args = ['restore', 'latest', '--target', room.target(), '--workers', '1', '--max-cost', '5'];
    const ran = await runOn(room.repo, [...args, '--batch', folder, '--role-arn', ROLE]);
    expect(ran.exit).toBe(75);
    expect(ran.err).toContain('aws s3control create-job');
    expect(ran.err).toMatch(/go on with: icecore -r \/the\/repository thaw resume [0-9A-Z]{26}/);
    expect((await runOn(room.repo, [...args, '--batch', folder])).exit).toBe(2);
    expect((await runOn(room.repo, [...args, '--batch', folder, '--role-arn', ROLE, '--wait'])).exit).toBe(2);
  });
});
