/**
 * Where the built program takes the credentials of a bucket from: every link of the AWS SDK's chain, which loads most of
 * them only when they are needed. So this also proves that the bundle has them all.
 */
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CredentialSources, startCredentialSources } from '../support/credential-sources.ts';
import { Program } from '../support/program.ts';
import { makeTestFolder } from '../support/test-folder.ts';

let folder: string;
let program: Program;
let sources: CredentialSources;
beforeAll(async () => {
  folder = makeTestFolder('credentials');
  program = new Program();
  sources = await startCredentialSources();
});
afterAll(async () => {
  await sources.close();
  program.remove();
  rmSync(folder, { recursive: true });
});

/** Writes a file below the test's home; an executable one with `mode`. */
function file(name: string, text: string, mode = 0o600): string {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

/** Asks the empty bucket for its snapshots, and tells by which keys it was asked. */
async function keysOf(env: Record<string, string>): Promise<readonly string[]> {
  sources.keys.clear();
  const places = { config: join(folder, 'config'), cache: join(folder, 'cache'), state: join(folder, 'state') };
  const url = `s3://bucket/nas?endpoint=${sources.url}&region=us-east-1`;
  const { ended } = program.start(places, ['-r', url, '--retry-for', '0', 'snapshots'], {
    HOME: folder,
    AWS_REGION: 'us-east-1',
    AWS_EC2_METADATA_DISABLED: 'true',
    ...env,
  });
  const { exit, err } = await ended;
  expect({ exit, err }).toMatchObject({ exit: 10 });
  return [...sources.keys];
}

describe('credentials of a bucket come from', () => {
  it('the environment', async () => {
    expect(await keysOf({ AWS_ACCESS_KEY_ID: 'AKENV', AWS_SECRET_ACCESS_KEY: 's' })).toEqual(['AKENV']);
  });

  it('a profile of ~/.aws', async () => {
    file('.aws/credentials', '[work]\naws_access_key_id = AKPROFILE\naws_secret_access_key = s\n');
    expect(await keysOf({ AWS_PROFILE: 'work' })).toEqual(['AKPROFILE']);
  });

  it('a program that a profile names', async () => {
    const key = '{"Version":1,"AccessKeyId":"AKPROCESS","SecretAccessKey":"s"}';
    const script = file('bin/credentials.sh', `#!/bin/sh\necho '${key}'\n`, 0o700);
    const config = file('process-config', `[profile work]\ncredential_process = ${script}\n`);
    expect(
      await keysOf({ AWS_PROFILE: 'work', AWS_CONFIG_FILE: config, AWS_SHARED_CREDENTIALS_FILE: '/none' }),
    ).toEqual(['AKPROCESS']);
  });

  it('a role that a profile assumes', async () => {
    const config = file(
      'role-config',
      '[profile base]\naws_access_key_id = AKBASE\naws_secret_access_key = s\n[profile work]\nrole_arn = arn:aws:iam::123456789012:role/b\nsource_profile = base\nregion = us-east-1\n',
    );
    const env = { AWS_PROFILE: 'work', AWS_CONFIG_FILE: config, AWS_SHARED_CREDENTIALS_FILE: '/none' };
    expect(await keysOf({ ...env, AWS_ENDPOINT_URL_STS: sources.url })).toEqual(['AKROLE']);
  });

  it('a web identity, as Kubernetes gives it', async () => {
    const token = file('token', 'jwt');
    const role = 'arn:aws:iam::123456789012:role/b';
    const env = { AWS_WEB_IDENTITY_TOKEN_FILE: token, AWS_ROLE_ARN: role, AWS_ENDPOINT_URL_STS: sources.url };
    expect(await keysOf(env)).toEqual(['AKWEB']);
  });

  it('single sign-on', async () => {
    const config = file(
      'sso-config',
      '[profile work]\nsso_session = s\nsso_account_id = 123456789012\nsso_role_name = r\n[sso-session s]\nsso_start_url = https://example.awsapps.com/start\nsso_region = us-east-1\n',
    );
    const cached = createHash('sha1').update('s').digest('hex');
    file(`.aws/sso/cache/${cached}.json`, '{"accessToken":"sso-token","expiresAt":"2099-01-01T00:00:00Z"}');
    const env = { AWS_PROFILE: 'work', AWS_CONFIG_FILE: config, AWS_SHARED_CREDENTIALS_FILE: '/none' };
    expect(await keysOf({ ...env, AWS_ENDPOINT_URL_SSO: sources.url })).toEqual(['AKSSO']);
  });

  it('the metadata of a container', async () => {
    const env = { AWS_CONTAINER_CREDENTIALS_FULL_URI: `${sources.url}/container` };
    expect(await keysOf({ ...env, AWS_CONTAINER_AUTHORIZATION_TOKEN: 'container-token' })).toEqual(['AKCONTAINER']);
  });

  it('the metadata of an instance', async () => {
    const env = { AWS_EC2_METADATA_DISABLED: 'false', AWS_EC2_METADATA_SERVICE_ENDPOINT: sources.url };
    expect(await keysOf(env)).toEqual(['AKINSTANCE']);
  });
});

describe('the S3 client', () => {
  it('is in no file that is loaded without a bucket, and its license is kept', () => {
    const read = (name: string) => readFileSync(join(program.dist, name), 'utf8');
    const loaded = new Set<string>();
    const queue = ['main.js', 'worker.js'];
    for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
      if (loaded.has(name)) continue;
      loaded.add(name);
      for (const [, next] of read(name).matchAll(/(?:from|import) ?"\.\/([^"]+)"/g)) queue.push(next!);
    }
    // The bundler names where each part is from.
    const holders = readdirSync(program.dist).filter((name) => /node_modules\/@(?:aws-sdk|smithy)\//.test(read(name)));
    expect(holders.length).toBeGreaterThan(0);
    expect(holders.filter((name) => loaded.has(name))).toEqual([]);
    expect(read('licenses.txt')).toContain('@aws-sdk/client-s3 ');
  });
});
