/** `icecore doctor` as people and scripts see it. */
import { chmodSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Verbs } from '../../src/cli/verbs.ts';
import type { Store } from '../../src/store/store.ts';
import { OddStore } from '../support/odd-store.ts';
import { makeTestFolder } from '../support/test-folder.ts';
import { CapturedStream, type Ran, run } from '../support/world.ts';

let home: string;
beforeAll(() => {
  home = makeTestFolder('doctor-cli');
  chmodSync(home, 0o700);
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

const icecore = (argv: readonly string[], store?: Store, stdout?: CapturedStream): Promise<Ran> => {
  const verbs: Partial<Verbs> = store ? { store: async () => ({ openStore: async () => store }) } : {};
  return run(argv, { home, cwd: home, verbs, ...(stdout ? { stdout } : {}) });
};

const PUBLIC = { publicAccessBlocked: { type: 'known', value: false } } as const;
const VERSIONED = { versioning: { type: 'known', value: 'enabled' } } as const;

describe('icecore doctor', () => {
  it('shows findings by group, what to do below each, and how it stands at the end', async () => {
    const { exit, out, err } = await icecore(['doctor', '-r', home]);
    expect(exit).toBe(0);
    expect(err).toBe('');
    const shown = out
      .replaceAll(home, 'HOME')
      .replace(/[\d.]+ [KMGT]iB free( \(\S+\))?/g, 'SPACE')
      .replace(/^\d+ requests.*$/m, 'REQUESTS');
    expect(shown).toMatchInlineSnapshot(`
      "host
        ok       cache: HOME/.cache/icecore, SPACE
      repository
        note     there is no repository at HOME yet
                 to do: icecore init makes one
      permissions
        ok       the repository can be listed
      folder
        ok       SPACE
        ok       nobody else gets in (mode 0700)
        ok       the file system has hard links
        ok       folders can be made durable
      store
        ok       objects can be written and removed
        ok       of 8 creators of a name one wins, 10 rounds
        ok       ranges of objects are read exactly

      REQUESTS
      nothing has to be changed: 1 note, 9 ok
      "
    `);
  });

  it('wraps on a terminal, and leaves alone what is there to be copied', async () => {
    const stdout = new CapturedStream({ isTTY: true, columns: 60 });
    const store = new OddStore({ bucket: { settings: { lifecycle: { type: 'known', value: [] } } } });
    const { out } = await icecore(['doctor', '-r', 's3://bucket/nas'], store, stdout);
    const lines = out.split('\n').filter((line) => !line.includes('"') && !line.includes(home));
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(60);
    expect(out).toContain('             "Prefix": "nas/"');
  });

  it('ends with exit 1 for an error, and for a warning only with --strict', async () => {
    const broken = () => new OddStore({ bucket: { settings: PUBLIC } });
    const doubtful = () => new OddStore({ bucket: { settings: VERSIONED } });
    const { exit, out } = await icecore(['doctor', '-r', 's3://bucket/nas'], broken());
    expect(exit).toBe(1);
    expect(out).toMatch(/ERROR {4}public access is not blocked for this bucket\n {11}to do: unless the account/);
    expect(out).toMatch(/this has to be changed: 1 error, 1 note, \d+ ok\n$/);
    expect((await icecore(['doctor', '-r', 's3://bucket/nas'], doubtful())).exit).toBe(0);
    expect((await icecore(['--strict', 'doctor', '-r', 's3://bucket/nas'], doubtful())).exit).toBe(1);
  });

  it('when quiet prints only what should be changed', async () => {
    const store = new OddStore({ bucket: { settings: PUBLIC } });
    const { out } = await icecore(['-q', 'doctor', '-r', 's3://bucket/nas'], store);
    expect(out).toMatch(/^bucket\n {2}ERROR {4}public access.*\n {11}to do: .*\n$/);
  });

  it('prints a finding a line in JSON, and the counts at the end', async () => {
    const store = new OddStore({ bucket: { settings: PUBLIC } });
    const { lines, exit } = await icecore(['--json', 'doctor', '-r', 's3://bucket/nas'], store);
    const findings = lines().filter((line) => line.type === 'finding');
    expect(findings).toContainEqual({
      type: 'finding',
      group: 'bucket',
      code: 'public-access',
      severity: 'error',
      message: 'public access is not blocked for this bucket',
      hint: expect.stringContaining('put-public-access-block') as string,
    });
    expect(lines().at(-1)).toMatchObject({
      type: 'summary',
      command: 'doctor',
      exitCode: exit,
      errors: 1,
      warnings: 0,
    });
  });

  it('says what is wrong when there is nothing to look at', async () => {
    const { exit, err } = await icecore(['doctor', '-r', join(home, 'none')]);
    expect(exit).toBe(10);
    expect(err).toContain('there is no folder');
  });
});

describe('icecore doctor --policy and --lifecycle', () => {
  it('print nothing but JSON to standard output, and ask for nothing', async () => {
    for (const role of ['writer', 'reader', 'admin']) {
      const { exit, out, err } = await icecore(['doctor', '-r', 's3://bucket/nas', '--policy', role]);
      expect(exit).toBe(0);
      expect(JSON.parse(out)).toMatchObject({ Version: '2012-10-17' });
      expect(err).toContain('as a managed policy');
    }
    const { out, err } = await icecore(['doctor', '-r', 's3://bucket/nas', '--lifecycle']);
    expect(JSON.parse(out)).toHaveProperty('Rules');
    expect(err).toContain('put-bucket-lifecycle-configuration --bucket bucket');
  });

  it('know key, region and tags', async () => {
    const url = 's3://bucket/nas?region=cn-north-1&sse=aws:kms&kms-key=k-1';
    const { out } = await icecore(['doctor', '-r', url, '--policy', 'writer', '--with-tags']);
    expect(out).toContain('arn:aws-cn:s3:::bucket/nas/packs/*');
    expect(out).toContain('s3:PutObjectTagging');
    expect(out).toContain('arn:aws-cn:kms:cn-north-1:*:key/k-1');
  });

  it('say that another store may not understand it', async () => {
    const url = 's3://bucket/nas?endpoint=http://127.0.0.1:9';
    expect((await icecore(['doctor', '-r', url, '--policy', 'writer'])).err).toContain('other stores understand parts');
  });

  it('in JSON are a line of their own', async () => {
    const { lines } = await icecore(['--json', 'doctor', '-r', 's3://bucket/nas', '--policy', 'reader']);
    expect(lines()[0]).toMatchObject({
      type: 'document',
      kind: 'policy',
      role: 'reader',
      document: { Version: '2012-10-17' },
    });
  });

  it('refuse what makes no sense', async () => {
    for (const argv of [
      ['doctor', '-r', home, '--policy', 'writer'],
      ['doctor', '-r', home, '--lifecycle'],
      ['doctor', '-r', 's3://b/nas', '--policy', 'writer', '--lifecycle'],
      ['doctor', '-r', 's3://bucket/nas', '--policy', 'owner'],
      ['doctor', '-r', 's3://bucket/nas', '--with-tags'],
    ]) {
      expect((await icecore(argv)).exit, argv.join(' ')).toBe(2);
    }
  });
});
