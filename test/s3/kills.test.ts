/** Backups to real S3 servers that are killed with -9 in the middle of uploads: nothing is lost, nothing is left. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { seededRandom } from '../support/random.ts';
import { Hosts } from './hosts.ts';
import { onEachPlace } from './places.ts';

const SEED = Number(process.env.SEED ?? 11);
const KILLS = process.env.SLOW === undefined ? 3 : 20;

let hosts: Hosts;
beforeAll(() => {
  hosts = new Hosts();
});
afterAll(() => hosts.remove());

onEachPlace('a killed backup', (place) => {
  it('is made good by the next, which ends its uploads', { timeout: 600_000 }, async () => {
    const host = hosts.add(place(), 'killed');
    const random = seededRandom(SEED);
    host.write('first', 4, SEED);
    await host.run('init', '--age-type', 'x25519', '--pack-size', '32MiB');
    await host.run('backup', host.source);
    for (let round = 0; round < KILLS; round++) {
      const about = `seed ${SEED}, round ${round}`;
      host.write(`round ${round}`, 40, SEED + 100 + round);
      // Slow enough to be met in the middle of an upload.
      const run = host.start('backup', '--limit-upload', '40MiB', host.source);
      let isOver = false;
      void run.ended.then(() => {
        isOver = true;
      });
      while (!isOver && (await place().unfinishedUploads('killed')).length === 0) await sleep(5);
      await sleep(random() * 400);
      run.child.kill('SIGKILL');
      expect((await run.ended).signal, about).toBe('SIGKILL');
      expect((await place().unfinishedUploads('killed')).length, about).toBeGreaterThan(0);
      await host.run('backup', host.source);
      expect(await place().unfinishedUploads('killed'), about).toEqual([]);
      expect(await host.restoreDifferences(), about).toEqual([]);
    }
    expect(await host.run('verify', '--level', 'data')).toMatchObject({ findings: 0 });
    expect(await host.run('snapshots')).toMatchObject({ snapshots: KILLS + 1 });
  });
});
