/**
 * The places that the tests of this folder run in. A store of the user's own, when the environment names one:
 *
 *     ICECORE_TEST_S3_URL='s3://bucket/prefix?endpoint=https://…' npm run test:s3
 *
 * with credentials wherever the AWS SDK looks for them. The tests work below a random prefix there and remove it
 * afterwards, all versions of it; some 3,000 small objects come and go. ICECORE_TEST_S3_CLASS names a class that reads
 * without thawing (STANDARD_IA, GLACIER_IR, …) to test packs in; without it that test is skipped.
 *
 * Otherwise every server that this machine has the programs of is started for each test file. One that is missing is
 * skipped with a printed reason; with ICECORE_REQUIRE_TOOLS=1 the first of them, Ceph, has to be there.
 */
import { randomBytes } from 'node:crypto';
import type { MultipartUpload, _Object as S3Object } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe } from 'vitest';
import { type BucketUrl, parseRepositoryUrl } from '../../src/store/repository-url.ts';
import { BucketView } from './bucket-view.ts';
import { moto } from './servers/moto.ts';
import { rgw } from './servers/rgw.ts';
import { type ClassTrait, missingPrograms, type ServerKind } from './servers/server.ts';
import { versitygw } from './servers/versitygw.ts';

const KINDS: readonly ServerKind[] = [rgw, versitygw, moto];
const GIVEN = process.env.ICECORE_TEST_S3_URL;

/** A class to put packs in: what the place makes of it, and whether its objects can be read at once. */
export interface OtherClass {
  readonly storageClass: string;
  readonly trait: ClassTrait;
  readonly isOnline: boolean;
}

interface Ground {
  readonly url: string;
  /** What a program needs in its environment to get in. */
  readonly environment: Record<string, string>;
  readonly other: OtherClass | undefined;
  stop(): Promise<void>;
}

/** A prefix of a bucket for one test file, with repositories below it. */
export class Place {
  readonly environment: Record<string, string>;
  readonly other: OtherClass | undefined;
  readonly #bucket: BucketUrl;
  readonly #query: string;
  readonly #view: BucketView;

  /** Credentials are in the environment already. */
  constructor({ url, environment, other }: Ground) {
    const parsed = parseRepositoryUrl(url);
    if (parsed.type !== 's3') throw new Error(`${url} is not an s3:// URL`);
    const own = `icecore-test-${randomBytes(6).toString('hex')}`;
    this.#bucket = { ...parsed, prefix: parsed.prefix === '' ? own : `${parsed.prefix}/${own}` };
    this.#query = /\?.*$/.exec(url)?.[0] ?? '';
    this.#view = new BucketView(parsed);
    this.environment = environment;
    this.other = other;
  }

  /** A repository of that name, as `openS3Store` takes it. */
  options(name: string): Omit<BucketUrl, 'type'> {
    const { type: _, ...bucket } = this.#bucket;
    return { ...bucket, prefix: `${bucket.prefix}/${name}` };
  }

  /** The same as a URL. */
  url(name: string): string {
    return `s3://${this.#bucket.bucket}/${this.#bucket.prefix}/${name}${this.#query}`;
  }

  /** The objects of that repository as the server lists them: all of them, by names relative to it. */
  async objects(name: string): Promise<S3Object[]> {
    const prefix = this.#prefix(name);
    const objects = await this.#view.objects(prefix);
    return objects.map((object) => ({ ...object, Key: object.Key!.slice(prefix.length) }));
  }

  /** Removes one of its objects. */
  remove(name: string, object: string): Promise<void> {
    return this.#view.remove(this.#prefix(name) + object);
  }

  /** The tags of one of its objects. */
  tags(name: string, object: string): Promise<Record<string, string>> {
    return this.#view.tags(this.#prefix(name) + object);
  }

  /** The multipart uploads below it that were never ended. */
  unfinishedUploads(name: string): Promise<MultipartUpload[]> {
    return this.#view.unfinishedUploads(this.#prefix(name));
  }

  createBucket(): Promise<void> {
    return this.#view.createBucket();
  }

  /** Leaves the bucket as it was. */
  removeAll(): Promise<void> {
    return this.#view.removeAll(`${this.#bucket.prefix}/`);
  }

  close(): void {
    this.#view.close();
  }

  #prefix(name: string): string {
    return `${this.#bucket.prefix}/${name}/`;
  }
}

/** Declares a suite once for each server, or once for the user's own store. */
export function onEachPlace(title: string, suite: (place: () => Place) => void): void {
  if (GIVEN !== undefined) {
    describe(`${title} on the store of ICECORE_TEST_S3_URL`, () => {
      inPlace(
        async () => ({ url: GIVEN, environment: ownEnvironment(), other: ownClass(), stop: async () => {} }),
        suite,
      );
    });
    return;
  }
  for (const kind of KINDS) {
    const missing = missingPrograms(kind);
    if (missing.length === 0) {
      describe(`${title} on ${kind.name}`, () => inPlace(() => startPlace(kind), suite));
      continue;
    }
    const reason = `${kind.name} is not here: ${missing.join(', ')} (${kind.origin})`;
    if (kind === KINDS[0] && process.env.ICECORE_REQUIRE_TOOLS === '1') throw new Error(reason);
    process.stderr.write(`${reason}\n`);
    describe.skip(`${title} on ${kind.name} (${reason})`, () => {
      suite(() => {
        throw new Error(reason);
      });
    });
  }
}

function inPlace(open: () => Promise<Ground>, suite: (place: () => Place) => void): void {
  const before = { ...process.env };
  let ground: Ground | undefined;
  let place: Place | undefined;
  beforeAll(async () => {
    ground = await open();
    // The SDK of this process takes its credentials from here; nothing of the user's may get in between.
    for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name];
    Object.assign(process.env, ground.environment);
    place = new Place(ground);
    if (GIVEN === undefined) await place.createBucket();
  });
  afterAll(async () => {
    if (GIVEN !== undefined) await place?.removeAll();
    place?.close();
    await ground?.stop();
    process.env = before;
  });
  suite(() => place!);
}

async function startPlace(kind: ServerKind): Promise<Ground> {
  const server = await kind.start();
  return {
    url: `s3://icecore-tests/some/where?endpoint=${server.endpoint}`,
    environment: { ...server.environment, AWS_EC2_METADATA_DISABLED: 'true' },
    other: { storageClass: 'DEEP_ARCHIVE', trait: kind.classes, isOnline: kind.isOnline },
    stop: () => server.stop(),
  };
}

/** What the SDK may look at for credentials: all of AWS's own variables, and where files are. */
function ownEnvironment(): Record<string, string> {
  const taken = Object.entries(process.env).filter(([name]) => name.startsWith('AWS_') || name === 'HOME');
  return Object.fromEntries(taken) as Record<string, string>;
}

function ownClass(): Ground['other'] {
  const storageClass = process.env.ICECORE_TEST_S3_CLASS;
  return storageClass === undefined ? undefined : { storageClass, trait: 'kept', isOnline: true };
}
