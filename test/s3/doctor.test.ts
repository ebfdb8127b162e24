/** `icecore doctor` on real S3 servers: before there is a repository, and on one with packs in an archive class. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Host, Hosts } from './hosts.ts';
import { onEachPlace } from './places.ts';

let hosts: Hosts;
beforeAll(() => {
  hosts = new Hosts();
});
afterAll(() => hosts.remove());

onEachPlace('doctor', (place) => {
  describe('on a place that holds a repository', () => {
    let host: Host;
    const probes = async (): Promise<unknown[]> =>
      (await place().objects('doctor')).filter(({ Key }) => Key!.startsWith('probe/'));
    beforeAll(() => {
      host = hosts.add(place(), 'doctor');
    });

    it('finds no error before it is made, and leaves nothing', async () => {
      expect(await host.run('doctor')).toMatchObject({ errors: 0 });
      expect(await place().objects('doctor')).toEqual([]);
      expect(await place().unfinishedUploads('doctor')).toEqual([]);
    });

    it('finds none afterwards, and leaves no probe', async () => {
      await host.run('init', '--age-type', 'x25519');
      const summary = await host.run('doctor');
      expect(summary).toMatchObject({ errors: 0 });
      expect(summary.passed).toBeGreaterThan(8);
      expect(await probes()).toEqual([]);
      expect(await place().unfinishedUploads('doctor')).toEqual([]);
    });
  });
});
