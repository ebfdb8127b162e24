/**
 * Restores of archived packs on real S3 servers: at once where archive classes can be read as they are (Ceph), through a
 * thaw job where they cannot (moto), and what is said where a thaw is needed and the server has none.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { AWS } from '../../src/plan/provider-aws.ts';
import type { ProgramEnd } from '../support/program.ts';
import { treeDifferences, treeState } from '../support/tree-state.ts';
import { type Host, Hosts, type Summary } from './hosts.ts';
import { onEachPlace, type Place } from './places.ts';
import { setRestoreLooks } from './servers/moto.ts';

/** How many looks at a pack find that it warms still. */
const LOOKS = 2;
/** A job that does not end within so many runs never does. */
const MOST_RUNS = 10;

let hosts: Hosts;
beforeAll(() => {
  hosts = new Hosts();
});
afterAll(() => hosts.remove());

/** A repository with few packs in an archive class: they are looked at one by one, as moto lists no restores. */
async function archive(place: Place, name: string, storageClass: string): Promise<Host> {
  const host = hosts.add(place, name);
  host.write('a/large', 36, 1);
  host.write('b/large', 20, 2);
  await host.run('init', '--age-type', 'x25519', '--storage-class', storageClass, '--pack-size', '16MiB');
  await host.run('backup', host.source, '--workers', '1');
  return host;
}

/** A repository of the place, as one of a provider of that id. */
function as(place: Place, name: string, provider: string): string {
  const url = new URL(place.url(name));
  url.searchParams.set('provider', provider);
  return url.href;
}

onEachPlace('a restore of archived packs', (place) => {
  it('needs no thaw where the class is read as it is', async (context) => {
    const { other } = place();
    if (!other?.isOnline) return context.skip('archived objects cannot be read here before they are thawed');
    const host = await archive(place(), 'online', other.storageClass);
    const planned = await host.run('restore', `latest:${host.source}`, '-t', join(host.folder, 'back'), '--plan');
    expect(planned).toMatchObject({ plan: { files: 2 }, planOnly: true });
    expect(planned).not.toHaveProperty('cost.cold.packs', expect.any(Number));
    expect(await host.restoreDifferences()).toEqual([]);
    expect((await host.end('thaw', 'list')).out).not.toContain(host.source);
  });

  it('says that a server cannot thaw, and restores when its provider is named as the hint says', async (context) => {
    const { other } = place();
    const isOnline = other?.isOnline && other.trait === 'kept';
    const isTaken = isOnline && AWS.classes[other.storageClass]?.isOnline === false;
    if (!isTaken) return context.skip('the class is archived here, or forgotten, or archived nowhere');
    const host = await archive(place(), 'mistaken', other.storageClass);
    const url = as(place(), 'mistaken', 'aws');
    const restore = ['restore', `latest:${host.source}`, '-t', join(host.folder, 'back'), '--yes'];
    const end = await host.end(...restore, '-r', url);
    expect(end.exit).toBe(1);
    expect(end.err).toMatch(/error: cannot thaw packs\/.*: status 501\n.*hint: name its provider/);
    await host.run(...restore, '-r', as(place(), 'mistaken', 'ceph'));
    expect(treeDifferences(treeState(host.source), treeState(join(host.folder, 'back')))).toEqual([]);
  });

  it('goes from the request through exit 75 to the files where they have to be thawed', async (context) => {
    const { other } = place();
    if (!other || other.isOnline) return context.skip('archive classes are read at once here');
    await setRestoreLooks(place().options('frozen').endpoint!, LOOKS);
    const host = await archive(place(), 'frozen', other.storageClass);
    const objects = await place().objects('frozen');
    const packs = objects.filter(({ StorageClass }) => StorageClass === other.storageClass).length;
    expect(packs).toBeGreaterThan(1);
    const target = join(host.folder, 'back');
    const ends: ProgramEnd[] = [];
    const step = async (by: Host, ...args: string[]): Promise<Summary> => {
      const end = await by.end(...args, '-t', target, '--json', '-r', as(place(), 'frozen', 'aws'));
      ends.push(end);
      return summaryOf(end);
    };
    const { thaw } = await step(host, 'restore', `latest:${host.source}`, '--yes');
    expect(thaw).toMatchObject({ packs, readable: 0, warming: packs });

    // Whoever has the passphrase may go on: this host has never seen the repository.
    const { job } = thaw as { job: string };
    const later = hosts.add(place(), 'frozen');
    while (ends.at(-1)!.exit === 75 && ends.length < MOST_RUNS) await step(later, 'thaw', 'resume', job);

    const exits = ends.map(({ exit }) => exit);
    expect(exits, ends.at(-1)!.err).toEqual([...exits.slice(0, -1).fill(75), 0]);
    expect(exits.length).toBeGreaterThan(2);
    expect(treeDifferences(treeState(host.source), treeState(target))).toEqual([]);
    expect(ends.map((end) => asked(summaryOf(end)))).toEqual([packs, ...exits.slice(1).fill(0)]);
  });
});

function summaryOf(end: ProgramEnd): Summary {
  return JSON.parse(end.out.trim().split('\n').at(-1)!) as Summary;
}

/** How many packs a run asked for. */
function asked({ billed }: Summary): number {
  const requests = billed as readonly { readonly operation: string; readonly count: number }[];
  return requests.filter(({ operation }) => operation === 'RestoreObject').reduce((sum, { count }) => sum + count, 0);
}
