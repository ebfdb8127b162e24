/**
 * versitygw, an S3 server over a folder (https://github.com/versity/versitygw, Apache-2.0). Independent of Ceph, and
 * stricter in places: it honours If-None-Match on the completion of a multipart upload, and keeps checksums.
 *
 * What it does not do (1.8): RestoreObject (501), and storage classes: it takes any, and reports STANDARD.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { makeTestFolder } from '../../support/test-folder.ts';
import { Daemons, freePorts, type ServerKind } from './server.ts';

const KEY = 'versityuser';
const SECRET = 'versitysecret';

export const versitygw: ServerKind = {
  name: 'versitygw',
  programs: ['versitygw', 'setpriv'],
  origin: 'go install github.com/versity/versitygw/cmd/versitygw@latest',
  classes: 'forgotten',
  isOnline: true,
  async start() {
    const daemons = new Daemons(makeTestFolder('versitygw'));
    const [port] = await freePorts(1);
    const endpoint = `http://127.0.0.1:${port}`;
    const buckets = join(daemons.folder, 'buckets');
    // Beside the data, because not every file system has room for extended attributes.
    const facts = join(daemons.folder, 'facts');
    for (const folder of [buckets, facts]) mkdirSync(folder);
    const settings = ['--port', `127.0.0.1:${port}`, '--quiet', '--keep-alive'];
    daemons.start(['versitygw', ...settings, 'posix', '--sidecar', facts, buckets], {
      ROOT_ACCESS_KEY_ID: KEY,
      ROOT_SECRET_ACCESS_KEY: SECRET,
    });
    try {
      await daemons.untilAnswered(endpoint);
    } catch (error) {
      await daemons.stop();
      throw error;
    }
    const environment = { AWS_ACCESS_KEY_ID: KEY, AWS_SECRET_ACCESS_KEY: SECRET, AWS_REGION: 'us-east-1' };
    return { endpoint, environment, stop: () => daemons.stop() };
  },
};
