/** A fire drill on archived packs, on the test S3 server's clock: it asks, waits, goes on by its seed, and names its price. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { runOn } from '../support/command-room.ts';
import { HOUR, ThawRoom } from '../support/thaw-room.ts';

let room: ThawRoom;
afterEach(() => room.close());

/** Scratch folders of drills that are not over. */
function waiting(): string[] {
  const { cache } = room.repo.places;
  return readdirSync(cache).flatMap((repo) => {
    const drills = join(cache, repo, 'drills');
    return existsSync(drills) ? readdirSync(drills) : [];
  });
}

describe('a drill on archived packs', () => {
  it('asks with its price, ends with 75 and its command, and goes on when packs are warm', async () => {
    room = await ThawRoom.open('DEEP_ARCHIVE');
    await room.fill();
    const nobody = await runOn(room.repo, ['verify', '--drill', '20000', '--seed', 's', '--workers', '1']);
    expect(nobody.exit).toBe(2);
    expect(nobody.err).toContain('--max-cost');
    expect(room.count('RestoreObject')).toBe(0);
    expect(waiting()).toEqual([]);

    const first = await runOn(room.repo, [
      'verify',
      '--drill',
      '20000',
      '--seed',
      's',
      '--max-cost',
      '1',
      '--workers',
      '1',
    ]);
    expect(first.exit).toBe(75);
    const again = /go on with: icecore -r \/the\/repository (verify .*)/.exec(first.err)?.[1];
    expect(again).toMatch(/^verify --drill 20000 --snapshot [0-9A-Z]{26} --seed s$/);
    expect(waiting()).toHaveLength(1);
    const asked = room.count('RestoreObject');
    expect(asked).toBeGreaterThan(0);

    room.server.clock.advance(20 * HOUR);
    const early = await runOn(room.repo, [...again!.split(' '), '--yes', '--workers', '1']);
    expect(early.exit).toBe(75);

    room.server.clock.advance(29 * HOUR);
    const done = await runOn(room.repo, [...again!.split(' '), '--yes', '--json', '--workers', '1']);
    expect(done.exit).toBe(0);
    const summary = done.lines().at(-1)!;
    expect(summary).toMatchObject({ result: 'passed', seed: 's' });
    expect(summary.filesVerified).toBe(summary.files);
    expect((summary.cost as { total: number }).total).toBeGreaterThan(0);
    expect(room.count('RestoreObject')).toBe(asked);
    expect(waiting()).toEqual([]);
  });
});
