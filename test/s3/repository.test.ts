/** The program itself on real S3 servers: a repository's whole life, archive classes, tags, and what each run asks. */
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Host, Hosts, type Summary } from './hosts.ts';
import { onEachPlace } from './places.ts';

/** What an unchanged backup may ask for at most, whatever is in the repository. */
const UNCHANGED_REQUESTS = 12;

let hosts: Hosts;
beforeAll(() => {
  hosts = new Hosts();
});
afterAll(() => hosts.remove());

/** Data for some packs, and small things. */
async function fill(host: Host): Promise<void> {
  host.write('large', 40, 1);
  for (let i = 0; i < 30; i++) host.write(`folder ${i % 3}/file ${i}`, i / 100, 100 + i);
  writeFileSync(join(host.source, 'empty'), '');
  symlinkSync('nowhere', join(host.source, 'link'));
  // What was written in the second in which a backup begins is read again by the next.
  await sleep(1100);
}

function requestsOf(summary: Summary): number {
  return Object.values(summary.requests as Record<string, number>).reduce((sum, n) => sum + n, 0);
}

onEachPlace('a repository', (place) => {
  describe('with packs in STANDARD', () => {
    let host: Host;
    beforeAll(async () => {
      host = hosts.add(place(), 'standard');
      await fill(host);
    });

    it('is made, filled and restored, byte for byte', async () => {
      await host.run('init', '--age-type', 'x25519');
      await host.run('backup', host.source);
      expect(await host.restoreDifferences()).toEqual([]);
      expect(await place().unfinishedUploads('standard')).toEqual([]);
    });

    it('is not made again in the same place', async () => {
      const end = await hosts.add(place(), 'standard').end('init', '--age-type', 'x25519');
      expect(end.exit).toBe(1);
      expect(end.err).toContain('there is a repository at');
    });

    it('is verified by its listing, and by its data', async () => {
      expect(await host.run('verify')).toMatchObject({ findings: 0 });
      expect(await host.run('verify', '--level', 'data')).toMatchObject({ findings: 0 });
    });

    it('takes an unchanged backup with a dozen requests and no pack', async () => {
      const packs = async () =>
        (await place().objects('standard')).filter(({ Key }) => Key!.startsWith('packs/')).length;
      const before = await packs();
      const summary = await host.run('backup', host.source);
      expect(requestsOf(summary)).toBeLessThanOrEqual(UNCHANGED_REQUESTS);
      expect(await packs()).toBe(before);
    });

    it('takes what is new, and gives it to a host that knows nothing', async () => {
      host.write('later', 1, 9);
      await host.run('backup', host.source);
      const other = hosts.add(place(), 'standard');
      const target = join(other.folder, 'target');
      await other.run('restore', `latest:${host.source}/later`, '--target', target);
      expect(await host.restoreDifferences()).toEqual([]);
    });

    it('is damaged when a pack is gone, and says which files that takes', async () => {
      const victim = (await place().objects('standard')).find(
        ({ Key, Size }) => Key!.startsWith('packs/') && Size! > 2 ** 20,
      )!;
      await place().remove('standard', victim.Key!);
      const end = await host.end('verify');
      expect(end.exit).toBe(13);
      expect(end.out + end.err).toContain(victim.Key);
    });
  });

  describe('with packs in another class', () => {
    it('keeps packs there and everything else in STANDARD', async (context) => {
      const { other } = place();
      if (!other) return context.skip('ICECORE_TEST_S3_CLASS names no class');
      const host = hosts.add(place(), 'cold');
      await fill(host);
      await host.run('init', '--age-type', 'x25519', '--storage-class', other.storageClass, '--pack-size', '16MiB');
      await host.run('backup', host.source);
      expect(await place().unfinishedUploads('cold')).toEqual([]);
      const objects = await place().objects('cold');
      const isLarge = ({ Key, Size }: (typeof objects)[number]) => Key!.startsWith('packs/') && Size! >= 16 * 2 ** 20;
      expect(objects.filter(isLarge).length).toBeGreaterThan(0);
      for (const object of objects) {
        const isElsewhere = isLarge(object) && other.trait === 'kept';
        const expected = isElsewhere ? other.storageClass : 'STANDARD';
        expect(object.StorageClass ?? 'STANDARD', object.Key).toBe(expected);
      }
      expect(await host.run('verify')).toMatchObject({ findings: 0 });
      expect(requestsOf(await host.run('backup', host.source))).toBeLessThanOrEqual(UNCHANGED_REQUESTS);
      if (!other.isOnline) return;
      expect(await host.run('verify', '--level', 'data')).toMatchObject({ findings: 0 });
      expect(await host.restoreDifferences()).toEqual([]);
    });

    it('takes the class of a single backup too', async (context) => {
      const { other } = place();
      if (!other) return context.skip('ICECORE_TEST_S3_CLASS names no class');
      const host = hosts.add(place(), 'once');
      host.write('large', 20, 2);
      await host.run('init', '--age-type', 'x25519', '--pack-size', '16MiB');
      await host.run('backup', '--storage-class', other.storageClass, host.source);
      const classes = (await place().objects('once')).map(({ StorageClass }) => StorageClass ?? 'STANDARD');
      expect(classes).toContain(other.trait === 'kept' ? other.storageClass : 'STANDARD');
      if (other.isOnline) expect(await host.restoreDifferences()).toEqual([]);
    });
  });

  it('tags objects by its own rules and those of a backup', async () => {
    const host = hosts.add(place(), 'tagged');
    host.write('file', 1, 3);
    // Tags are refused at a store of which nobody knows whether it keeps them; these do, like Ceph's.
    const url = place().url('tagged');
    const known = /[?&]provider=/.test(url) ? url : `${url}${url.includes('?') ? '&' : '?'}provider=ceph`;
    const tags = ['--object-tag', 'project=ice', '--object-tag', 'data:content=files'];
    await host.run('init', '-r', known, '--age-type', 'x25519', ...tags);
    await host.run('backup', '-r', known, '--object-tag', 'run=nightly', host.source);
    const objects = await place().objects('tagged');
    const pack = objects.filter(({ Key }) => Key!.startsWith('packs/')).toSorted((a, b) => b.Size! - a.Size!)[0]!;
    expect(await place().tags('tagged', pack.Key!)).toEqual({ project: 'ice', content: 'files', run: 'nightly' });
    const snapshot = objects.find(({ Key }) => Key!.startsWith('snapshots/'))!;
    expect(await place().tags('tagged', snapshot.Key!)).toEqual({ project: 'ice', run: 'nightly' });
  });

  it('says in a line what is wrong: no repository, no such bucket', async () => {
    const host = hosts.add(place(), 'nothing-here');
    const none = await host.end('snapshots');
    expect(none.exit).toBe(10);
    const wrong = place()
      .url('x')
      .replace(/^s3:\/\/[^/]+/, 's3://icecore-no-such-bucket-8c1f');
    const missing = await host.end('init', wrong, '--age-type', 'x25519');
    expect(missing.exit).toBe(1);
    expect(missing.err).toContain('icecore-no-such-bucket-8c1f');
    expect(missing.err).not.toMatch(/\n\s+at /);
  });
});
