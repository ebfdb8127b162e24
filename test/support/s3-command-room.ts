/**
 * The command line on a bucket of the test S3 server: one host, one repository, a small source. Credentials come from
 * the environment of this process, as the AWS SDK takes them; nothing else of the host's is seen. What any run prints is
 * searched for secrets.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, vi } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { findPlaces } from '../../src/cli/places.ts';
import { openStore } from '../../src/store/open-store.ts';
import { type InitOptions, initRepository } from '../../src/work/init.ts';
import { seededBytes } from './random.ts';
import { type S3TestServer, startS3Server } from './s3/server.ts';
import { type S3ServerOptions, TEST_CREDENTIALS } from './s3/world.ts';
import { makeTestFolder } from './test-folder.ts';
import { type Ran, run, type WorldOptions } from './world.ts';

export const BUCKET = 'backups';
const PASSPHRASE = 'correct horse';

/** A server, a host, a folder. */
export class S3CommandRoom {
  readonly folder = makeTestFolder('s3-command');
  readonly source = join(this.folder, 'source');
  readonly home = join(this.folder, 'home');
  /** What no output may have in it. */
  readonly secrets = new Set<string>([PASSPHRASE, TEST_CREDENTIALS.secretAccessKey]);
  readonly #servers: S3TestServer[] = [];

  constructor() {
    mkdirSync(join(this.source, 'some'), { recursive: true });
    for (let i = 0; i < 4; i++) writeFileSync(join(this.source, 'some', `${i}`), `file ${i}\n`);
    this.write('passphrase', `${PASSPHRASE}\n`);
  }

  /** Writes a file for the owner alone, and gives its path. */
  write(name: string, content: string | Uint8Array, mode = 0o600): string {
    const path = join(this.folder, name);
    writeFileSync(path, content, { mode });
    return path;
  }

  /** Adds a file to the source that does not compress. */
  add(name: string, bytes: number, seed = 1): void {
    writeFileSync(join(this.source, name), seededBytes(bytes, seed));
  }

  /** Starts a server with an empty bucket. */
  async serve(options: S3ServerOptions = {}): Promise<S3TestServer> {
    const server = await startS3Server({ buckets: [BUCKET], ...options });
    this.#servers.push(server);
    return server;
  }

  /** The URL of the repository; `query` is added. */
  url(server: Pick<S3TestServer, 'url'>, query = '&region=us-east-1&provider=aws', bucket = BUCKET): string {
    return `s3://${bucket}/nas?endpoint=${server.url}${query}`;
  }

  /** Makes the repository of this host, with a passphrase that takes no time. */
  async make(server: S3TestServer, options: Partial<InitOptions> = {}): Promise<void> {
    const store = await openStore(this.url(server));
    const { repository } = await initRepository(
      store,
      findPlaces({}, () => this.home),
      {
        ...{ passphrase: PASSPHRASE, scryptLogN: 1, ageType: 'x25519', host: 'host', user: 'user' },
        ...{ chunkBytes: 1 << 18, packBytes: 16 << 20, storageClass: 'STANDARD', compression: 3, existsOk: false },
        ...options,
      },
      systemClock,
    );
    await repository.close();
  }

  /** Runs a command line on a repository. What it prints has no secret and no stack in it. */
  async icecore(url: string, argv: readonly string[], options: WorldOptions = {}): Promise<Ran> {
    const ran = await run(argv, {
      env: { ICECORE_REPOSITORY: url, ICECORE_PASSWORD_FILE: join(this.folder, 'passphrase') },
      home: this.home,
      cwd: this.folder,
      ...options,
    });
    const text = ran.out + ran.err;
    for (const secret of this.secrets) expect(text).not.toContain(secret);
    expect(text).not.toMatch(/^ +at |node_modules|\.ts:\d|\.js:\d/m);
    return ran;
  }

  async close(): Promise<void> {
    for (const server of this.#servers) {
      server.faults.revive();
      await server.close();
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Gives each test of a file a room, and the key of the test server to the AWS SDK. */
export function useS3CommandRoom(): () => S3CommandRoom {
  let room: S3CommandRoom;
  beforeEach(() => {
    for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) vi.stubEnv(name, undefined);
    vi.stubEnv('AWS_ACCESS_KEY_ID', TEST_CREDENTIALS.accessKeyId);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', TEST_CREDENTIALS.secretAccessKey);
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
    vi.stubEnv('AWS_CONFIG_FILE', '/nonexistent/config');
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nonexistent/credentials');
    room = new S3CommandRoom();
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await room.close();
  });
  return () => room;
}
