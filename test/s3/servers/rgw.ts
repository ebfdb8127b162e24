/**
 * Ceph's S3 server, the RADOS gateway, from Debian's packages: a monitor, one object daemon that keeps its data in
 * memory, and the gateway, on loopback and without authentication among themselves. Up in some 10 seconds; needs no
 * root, no service manager, and no file outside its folder.
 *
 * What it does not do (version 16): RestoreObject (501), so that all its classes are online; conditional completion of
 * multipart uploads; checksums of its own.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { makeTestFolder } from '../../support/test-folder.ts';
import { Daemons, freePorts, type S3Server, type ServerKind } from './server.ts';

const run = promisify(execFile);

const CLASSES = ['STANDARD_IA', 'ONEZONE_IA', 'INTELLIGENT_TIERING', 'GLACIER_IR', 'GLACIER', 'DEEP_ARCHIVE'];
const DATA_POOL = 'default.rgw.buckets.data';
const ENVIRONMENT = { AWS_ACCESS_KEY_ID: 'rgwuser', AWS_SECRET_ACCESS_KEY: 'rgwsecret', AWS_REGION: 'us-east-1' };
/** What the object daemon says that it has; memory is used as objects come. */
const CAPACITY_BYTES = 16 * 2 ** 30;

export const rgw: ServerKind = {
  name: 'Ceph RGW',
  programs: ['ceph', 'ceph-mon', 'ceph-osd', 'monmaptool', 'radosgw', 'radosgw-admin', 'setpriv'],
  origin: 'apt-get install --no-install-recommends radosgw ceph-mon ceph-osd ceph-common',
  classes: 'kept',
  isOnline: true,
  async start() {
    const daemons = new Daemons(makeTestFolder('rgw'));
    try {
      return await startIn(daemons);
    } catch (error) {
      await daemons.stop();
      throw error;
    }
  },
};

async function startIn(daemons: Daemons): Promise<S3Server> {
  const { folder } = daemons;
  const [port, monitorPort] = (await freePorts(2)) as [number, number];
  const cluster = crypto.randomUUID();
  const config = join(folder, 'ceph.conf');
  writeFileSync(config, configText(folder, cluster, monitorPort, port));
  for (const name of ['monitor', 'disk', 'gateway']) mkdirSync(join(folder, name));
  const tool = async (name: string, ...args: string[]): Promise<string> =>
    (await run(name, ['-c', config, ...args], { env: { PATH: process.env.PATH, HOME: folder } })).stdout;

  const map = join(folder, 'monmap');
  await run('monmaptool', ['--create', '--fsid', cluster, '--addv', 'a', `[v2:127.0.0.1:${monitorPort}]`, map]);
  await tool('ceph-mon', '--mkfs', '-i', 'a', '--monmap', map);
  daemons.start(['ceph-mon', '-c', config, '-i', 'a', '-f']);
  const disk = crypto.randomUUID();
  await tool('ceph', '--connect-timeout', '30', 'osd', 'new', disk);
  await tool('ceph-osd', '-i', '0', '--mkfs', '--osd-uuid', disk);
  daemons.start(['ceph-osd', '-c', config, '-i', '0', '-f']);

  // The first command makes the pools and the two maps. Classes are added to each at once: one by one takes a second each.
  const admin = (...args: string[]): Promise<string> => tool('radosgw-admin', ...args);
  const { AWS_ACCESS_KEY_ID: key, AWS_SECRET_ACCESS_KEY: secret } = ENVIRONMENT;
  await admin('user', 'create', '--uid=u', '--display-name=u', `--access-key=${key}`, `--secret-key=${secret}`);
  const group = JSON.parse(await admin('zonegroup', 'get')) as ZoneGroup;
  for (const target of group.placement_targets) target.storage_classes = ['STANDARD', ...CLASSES];
  const zone = JSON.parse(await admin('zone', 'get')) as Zone;
  for (const { val } of zone.placement_pools) {
    for (const name of CLASSES) val.storage_classes[name] = { data_pool: DATA_POOL };
  }
  await admin('zonegroup', 'set', '--infile', fileOf(folder, 'zonegroup.json', group));
  await admin('zone', 'set', '--infile', fileOf(folder, 'zone.json', zone));
  daemons.start(['radosgw', '-c', config, '-n', 'client.rgw', '-f']);
  const endpoint = `http://127.0.0.1:${port}`;
  await daemons.untilAnswered(endpoint);
  return { endpoint, environment: ENVIRONMENT, stop: () => daemons.stop() };
}

interface ZoneGroup {
  readonly placement_targets: { storage_classes: string[] }[];
}

interface Zone {
  readonly placement_pools: { val: { storage_classes: Record<string, { data_pool: string }> } }[];
}

function fileOf(folder: string, name: string, value: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify(value));
  return path;
}

function configText(folder: string, cluster: string, monitorPort: number, port: number): string {
  return `[global]
fsid = ${cluster}
mon host = [v2:127.0.0.1:${monitorPort}]
mon initial members = a
public addr = 127.0.0.1
ms bind msgr1 = false
auth cluster required = none
auth service required = none
auth client required = none
# Checksums instead of encryption between daemons of one machine.
ms cluster mode = crc
ms service mode = crc
ms client mode = crc
ms mon cluster mode = crc
ms mon service mode = crc
ms mon client mode = crc
# One disk, one copy, few placement groups: more would only take time to make.
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 1000
# Each new pool waits for the monitor to propose a map: a second by default, and there are eight pools to make.
paxos propose interval = 0.02
paxos min wait = 0.01
# The machine's own disk may be as full as it likes.
mon data avail warn = 1
mon data avail crit = 1
run dir = ${folder}
log file = ${folder}/$name.log
admin socket = ${folder}/$name.asok
pid file = ${folder}/$name.pid
[mon.a]
mon data = ${folder}/monitor
[osd.0]
osd data = ${folder}/disk
osd objectstore = memstore
memstore device bytes = ${CAPACITY_BYTES}
[client]
rgw data = ${folder}/gateway
rgw frontends = beast endpoint=127.0.0.1:${port}
# What is deleted gives its memory back within seconds, and a lifecycle day lasts ten of them.
rgw gc obj min wait = 1
rgw gc processor period = 2
rgw gc processor max time = 2
rgw lc debug interval = 10
`;
}
