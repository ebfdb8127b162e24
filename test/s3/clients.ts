/**
 * Independent S3 clients as this folder's tests use them: rclone, awscli and s3cmd, each told by flags and environment
 * where the server is. Knows their command lines; what is expected of them is in clients.test.ts.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { S3TestServer } from '../support/s3/server.ts';
import { TEST_CREDENTIALS } from '../support/s3/world.ts';

/** A program's command line for each thing that it is asked to do. Objects are `BUCKET/KEY`. */
export interface Client {
  readonly name: string;
  /** Where the program is; undefined where it is not installed. */
  readonly program: string | undefined;
  /** Writes the configuration that it needs, and returns its environment. */
  prepare(folder: string, server: S3TestServer): Record<string, string>;
  /** It sets ACLs on what it writes, which AWS's newer buckets refuse. */
  readonly setsAcls: boolean;
  /** What stands before every command. */
  flags(server: S3TestServer): readonly string[];
  makeBucket(bucket: string): readonly string[];
  /** Files over 5 MiB go up in parts of 5 MiB. */
  put(file: string, object: string): readonly string[];
  get(object: string, file: string): readonly string[];
  copy(from: string, to: string): readonly string[];
  remove(object: string): readonly string[];
  removeAll(bucket: string): readonly string[];
  /** Prints a line for each object. */
  list(bucket: string): readonly string[];
  /** The key in a line of the listing. */
  keyIn(line: string): string | undefined;
}

/** Where a client works: a folder for its files, the server, the environment that `prepare` made. */
export interface Desk {
  readonly folder: string;
  readonly server: S3TestServer;
  readonly environment: Record<string, string>;
}

/** What a program did. */
export interface Outcome {
  readonly status: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** The clients that Debian packages. */
export const CLIENTS: readonly Client[] = [
  {
    name: 'rclone',
    program: find('rclone'),
    setsAcls: true,
    flags: () => [],
    prepare: (folder, server) => ({
      RCLONE_CONFIG: join(folder, 'rclone.conf'),
      RCLONE_CONFIG_T_TYPE: 's3',
      RCLONE_CONFIG_T_PROVIDER: 'Other',
      RCLONE_CONFIG_T_ENDPOINT: server.url,
      RCLONE_CONFIG_T_REGION: 'us-east-1',
      RCLONE_CONFIG_T_ACCESS_KEY_ID: TEST_CREDENTIALS.accessKeyId,
      RCLONE_CONFIG_T_SECRET_ACCESS_KEY: TEST_CREDENTIALS.secretAccessKey,
      RCLONE_CONFIG_T_UPLOAD_CUTOFF: '5M',
      RCLONE_CONFIG_T_CHUNK_SIZE: '5M',
      // Copies of more than this go part by part.
      RCLONE_CONFIG_T_COPY_CUTOFF: '6M',
      RCLONE_RETRIES: '1',
      RCLONE_LOW_LEVEL_RETRIES: '1',
    }),
    makeBucket: (bucket) => ['mkdir', `t:${bucket}`],
    put: (file, object) => ['copyto', file, `t:${object}`],
    get: (object, file) => ['copyto', `t:${object}`, file],
    copy: (from, to) => ['copyto', `t:${from}`, `t:${to}`],
    remove: (object) => ['deletefile', `t:${object}`],
    removeAll: (bucket) => ['purge', `t:${bucket}`],
    list: (bucket) => ['lsf', '-R', '--files-only', `t:${bucket}`],
    keyIn: (line) => line,
  },
  {
    name: 'awscli',
    program: find('aws'),
    setsAcls: false,
    // The version of Debian 12 does not look for AWS_ENDPOINT_URL yet.
    flags: (server) => ['--endpoint-url', server.url],
    prepare: (folder) => {
      writeFileSync(
        join(folder, 'aws-config'),
        '[default]\nregion = us-east-1\ns3 =\n  multipart_threshold = 5MB\n  multipart_chunksize = 5MB\n',
      );
      return {
        AWS_CONFIG_FILE: join(folder, 'aws-config'),
        AWS_SHARED_CREDENTIALS_FILE: join(folder, 'none'),
        AWS_EC2_METADATA_DISABLED: 'true',
        AWS_ACCESS_KEY_ID: TEST_CREDENTIALS.accessKeyId,
        AWS_SECRET_ACCESS_KEY: TEST_CREDENTIALS.secretAccessKey,
        AWS_MAX_ATTEMPTS: '1',
      };
    },
    makeBucket: (bucket) => ['s3', 'mb', `s3://${bucket}`],
    put: (file, object) => ['s3', 'cp', '--only-show-errors', file, `s3://${object}`],
    get: (object, file) => ['s3', 'cp', '--only-show-errors', `s3://${object}`, file],
    copy: (from, to) => ['s3', 'cp', '--only-show-errors', `s3://${from}`, `s3://${to}`],
    remove: (object) => ['s3', 'rm', `s3://${object}`],
    removeAll: (bucket) => ['s3', 'rb', '--force', `s3://${bucket}`],
    list: (bucket) => ['s3', 'ls', '--recursive', `s3://${bucket}`],
    keyIn: (line) => /^\S+ \S+ +\d+ (.+)$/.exec(line)?.[1],
  },
  {
    name: 's3cmd',
    program: find('s3cmd'),
    setsAcls: true,
    flags: () => [],
    prepare: (folder, server) => {
      const host = new URL(server.url).host;
      const lines = {
        access_key: TEST_CREDENTIALS.accessKeyId,
        secret_key: TEST_CREDENTIALS.secretAccessKey,
        host_base: host,
        host_bucket: host,
        use_https: 'False',
        bucket_location: 'us-east-1',
        multipart_chunk_size_mb: '5',
        max_retries: '1',
        progress_meter: 'False',
      };
      const text = Object.entries(lines).map(([name, value]) => `${name} = ${value}\n`);
      writeFileSync(join(folder, '.s3cfg'), `[default]\n${text.join('')}`);
      return {};
    },
    makeBucket: (bucket) => ['mb', `s3://${bucket}`],
    put: (file, object) => ['put', '--quiet', file, `s3://${object}`],
    get: (object, file) => ['get', '--quiet', '--force', `s3://${object}`, file],
    copy: (from, to) => ['cp', '--quiet', `s3://${from}`, `s3://${to}`],
    remove: (object) => ['del', `s3://${object}`],
    removeAll: (bucket) => ['rb', '--recursive', '--force', `s3://${bucket}`],
    list: (bucket) => ['ls', '--recursive', `s3://${bucket}`],
    keyIn: (line) => /^\S+ \S+ +\d+ +s3:\/\/[^/]+\/(.+)$/.exec(line)?.[1],
  },
];

/** Runs a client to its end. The server is in this process: nothing here may block. */
export async function runClient(
  client: Client,
  args: readonly string[],
  { folder, server, environment }: Desk,
): Promise<Outcome> {
  // A clean environment: what the user has set up for these programs is none of the test's business.
  const env = { PATH: DEBIAN_PATH, HOME: folder, LANG: 'C.UTF-8', ...environment };
  const child = spawn(client.program!, [...client.flags(server), ...args], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (data: Buffer) => stdout.push(data));
  child.stderr.on('data', (data: Buffer) => stderr.push(data));
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() };
}

/** Where Debian puts its programs; a Python of the user's own may have others of the same names. */
const DEBIAN_PATH = '/usr/bin:/bin';

/** Debian's program of a name, else any on the path. */
function find(name: string): string | undefined {
  const candidates = [
    `/usr/bin/${name}`,
    spawnSync('sh', ['-c', `command -v ${name}`])
      .stdout.toString()
      .trim(),
  ];
  return candidates.find((path) => path !== '' && isExecutable(path));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
