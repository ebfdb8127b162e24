/** What the command line says about buckets: classes, regions, tags, limits, and waits that are shown. */
import { describe, expect, it } from 'vitest';
import type { Verbs } from '../../src/cli/verbs.ts';
import type { OpenStoreOptions } from '../../src/store/open-store.ts';
import type { WaitNotice } from '../../src/store/s3-options.ts';
import type { Store } from '../../src/store/store.ts';
import type { BackupOptions } from '../../src/work/backup.ts';
import type { InitOptions } from '../../src/work/init.ts';
import { openingVerbs } from '../support/fake-verbs.ts';
import { CapturedStream, type Ran, run, type WorldOptions } from '../support/world.ts';

const BUCKET = 's3://bucket/photos';

interface Seen {
  ran: Ran;
  init?: InitOptions;
  backup?: BackupOptions;
  store?: OpenStoreOptions & { readonly url: string };
}

/** Runs a command with verbs that keep what they are told, and go no further. */
async function runAndKeep(
  argv: readonly string[],
  options: WorldOptions = {},
  notices: WaitNotice[] = [],
): Promise<Seen> {
  const seen: Partial<Seen> = {};
  const stop = () => Promise.reject(new Error('far enough'));
  const { repository } = openingVerbs();
  const verbs: Partial<Verbs> = {
    ...(repository === undefined ? {} : { repository }),
    store: async () => ({
      openStore: async (url, given = {}) => {
        seen.store = { ...given, url };
        for (const notice of notices) given.onWait?.(notice);
        return { location: url, close: async () => {} } as Partial<Store> as Store;
      },
    }),
    init: async () => ({
      initRepository: async (_store, _places, given) => {
        seen.init = given;
        return await stop();
      },
    }),
    backup: async () => ({
      runBackup: async (_repository, given) => {
        seen.backup = given;
        return await stop();
      },
    }),
  };
  const ran = await run(argv, { answers: ['secret pass', 'secret pass'], cwd: '/', ...options, verbs });
  return { ...seen, ran };
}

describe('init', () => {
  it('takes class, region and tags for a bucket', async () => {
    const { init, store } = await runAndKeep([
      ...['init', BUCKET, '--storage-class', 'DEEP_ARCHIVE', '--region', 'eu-central-1'],
      ...['--object-tag', 'team=ops', '--object-tag', 'data:keep=1=2', '--object-tag', 'all:cost:center=', '-q'],
    ]);
    expect(init).toMatchObject({
      storageClass: 'DEEP_ARCHIVE',
      packBytes: 128 << 20,
      region: 'eu-central-1',
      objectTags: [
        { key: 'team', value: 'ops' },
        { kind: 'data', key: 'keep', value: '1=2' },
        { key: 'cost:center', value: '' },
      ],
    });
    expect(store).toMatchObject({ url: BUCKET, region: 'eu-central-1', create: true });
  });

  it('tells nothing of what was not said', async () => {
    const { init, store } = await runAndKeep(['init', BUCKET]);
    expect(init).toMatchObject({ storageClass: 'STANDARD', packBytes: 16 << 20 });
    for (const field of ['region', 'objectTags']) expect(init).not.toHaveProperty(field);
    expect(store).not.toHaveProperty('region');
  });

  it('takes STANDARD for a directory', async () => {
    expect((await runAndKeep(['init', '/mnt/x', '--storage-class', 'STANDARD'])).init).toBeDefined();
  });

  it.each([
    [['--storage-class', 'DEEP_ARCHIVE'], /--storage-class: a directory has no classes/],
    [['--region', 'eu-central-1'], /--region: a directory has no region/],
    [['--object-tag', 'a=b'], /--object-tag: a directory has no object tags/],
  ])('refuses %j for a directory, before it asks for a passphrase', async (options, message) => {
    for (const url of ['/mnt/x', 'file:///mnt/x', 'relative']) {
      const { ran, init } = await runAndKeep(['init', url, ...options]);
      expect(ran).toMatchObject({ exit: 2, questions: [] });
      expect(ran.err).toMatch(message);
      expect(ran.err).toMatch(/hint: .*s3:/);
      expect(init).toBeUndefined();
    }
  });

  it('names the variable that a directory has no use for', async () => {
    const { ran } = await runAndKeep(['init', '/mnt/x'], { env: { ICECORE_INIT_STORAGE_CLASS: 'GLACIER' } });
    expect(ran.err).toMatch(/ICECORE_INIT_STORAGE_CLASS: a directory/);
  });

  it.each([
    [['--storage-class', 'deep_archive'], /'deep_archive' is no storage class/],
    [['--region', 'https://eu'], /is no region/],
    [['--object-tag', 'team'], /'team' is no tag/],
    [['--object-tag', '=x'], /a tag has no key/],
    [['--object-tag', 'pack:a=b'], /no objects of kind 'pack'[\s\S]*all:pack:a=/],
    [['--object-tag', `k=${'v'.repeat(257)}`], /more than 256/],
    [['--object-tag', `${'k'.repeat(129)}=`], /more than 128/],
    [['--object-tag', 'k=a;b'], /letters, digits/],
    [Array.from({ length: 11 }, (_, n) => ['--object-tag', `k${n}=`]).flat(), /more than 10 tags/],
  ])('refuses %j', async (options, message) => {
    const { ran } = await runAndKeep(['init', BUCKET, ...options]);
    expect(ran).toMatchObject({ exit: 2, questions: [] });
    expect(ran.err).toMatch(message);
  });
});

describe('backup', () => {
  it('takes another class, with packs of its size, and tags', async () => {
    const { backup } = await runAndKeep(
      ['-r', BUCKET, 'backup', '/', '--storage-class', 'GLACIER', '--object-tag', 'snapshot:run=7'],
      { env: { ICECORE_PASSWORD_COMMAND: 'true' } },
    );
    expect(backup).toMatchObject({
      storageClass: 'GLACIER',
      packBytes: 128 << 20,
      objectTags: [{ kind: 'snapshot', key: 'run', value: '7' }],
    });
  });

  it('reads tags from the environment, one a line', async () => {
    const env = { ICECORE_BACKUP_OBJECT_TAG: 'a=1\nmeta:b=2\n', ICECORE_REPOSITORY: BUCKET };
    const { backup } = await runAndKeep(['backup', '/'], { env });
    expect(backup?.objectTags).toEqual([
      { key: 'a', value: '1' },
      { kind: 'meta', key: 'b', value: '2' },
    ]);
  });

  it('refuses them for a directory, and for the default repository', async () => {
    for (const where of [['-r', '/mnt/x'], []]) {
      const { ran, backup } = await runAndKeep([...where, 'backup', '/', '--object-tag', 'a=b']);
      expect(ran.exit).toBe(2);
      expect(backup).toBeUndefined();
    }
  });
});

describe('limits', () => {
  it('reach the store, whatever the command and the store', async () => {
    const limits = ['--limit-upload', '10MiB/s', '--limit-download', '500K', '--retry-for', '1h30m'];
    const { store } = await runAndKeep(['-r', '/mnt/x', 'snapshots', ...limits]);
    expect(store).toMatchObject({ uploadRate: 10 << 20, downloadRate: 500 << 10, retryForMs: 5_400_000 });
  });

  it('have variables', async () => {
    const env = { ICECORE_LIMIT_UPLOAD: '1M', ICECORE_LIMIT_DOWNLOAD: '2M', ICECORE_RETRY_FOR: '0' };
    const { store } = await runAndKeep(['-r', BUCKET, 'snapshots'], { env });
    expect(store).toMatchObject({ uploadRate: 1 << 20, downloadRate: 2 << 20, retryForMs: 0 });
  });

  it('are not told where none were given', async () => {
    const { store } = await runAndKeep(['-r', BUCKET, 'snapshots']);
    expect(Object.keys(store!).sort()).toEqual(['onSkew', 'onWait', 'url']);
  });

  it.each([
    [['--limit-upload', '0'], /--limit-upload: "0" is not a rate/],
    [['--limit-download', 'fast'], /--limit-download: "fast" is not a rate/],
    [['--retry-for', '5'], /--retry-for: "5" is not a duration/],
  ])('that make no sense are refused: %j', async (options, message) => {
    const { ran } = await runAndKeep(['-r', BUCKET, 'snapshots', ...options]);
    expect(ran.exit).toBe(2);
    expect(ran.err).toMatch(message);
  });
});

describe('a store that makes us wait', () => {
  const notice: WaitNotice = { reason: 'throttled', attempt: 3, delayMs: 4000, message: 's3://bucket is busy' };
  const first: WaitNotice = { ...notice, attempt: 1 };

  it('is a line a minute in a log, and none for a first attempt', async () => {
    const { ran } = await runAndKeep(['-r', BUCKET, 'snapshots'], {}, [first, notice, notice, notice]);
    const lines = ran.err.split('\n').filter((line) => line.includes('busy'));
    expect(lines).toEqual(['icecore: s3://bucket is busy: throttled, attempt 4 in 4.0 s']);
  });

  it('is nothing with -q', async () => {
    const { ran } = await runAndKeep(['-r', BUCKET, '-q', 'snapshots'], {}, [notice]);
    expect(ran.err).not.toContain('busy');
  });

  it('is a status in JSON, unless no progress is wanted', async () => {
    const { ran } = await runAndKeep(['-r', BUCKET, '--json', 'snapshots'], {}, [first, notice]);
    expect(ran.lines().filter(({ type }) => type === 'status')).toEqual([{ type: 'status', waiting: first }]);
    const silent = await runAndKeep(['-r', BUCKET, '--json', '--no-progress', 'snapshots'], {}, [notice]);
    expect(silent.ran.lines().filter(({ type }) => type === 'status')).toEqual([]);
  });

  it('is no part of standard output', async () => {
    const { ran } = await runAndKeep(['-r', BUCKET, 'snapshots'], { stderr: new CapturedStream() }, [notice]);
    expect(ran.out).not.toContain('busy');
  });
});
