import { describe, expect, it } from 'vitest';
import { type ErrorKind, IcecoreError } from '../../src/base/errors.ts';
import { rawFromText } from '../../src/base/raw.ts';
import type { Verbs } from '../../src/cli/verbs.ts';
import type { OpenOptions } from '../../src/repo/access.ts';
import type { VerifyStats } from '../../src/work/verify.ts';
import { browsing, each, file, openingVerbs, snapshot } from '../support/fake-verbs.ts';
import { CapturedStream, run } from '../support/world.ts';

const SNAPSHOTS = ['-r', '/repo', 'snapshots'];

function failing(error: unknown): Partial<Verbs> {
  return openingVerbs(() => {
    throw error;
  });
}

describe('the exit code', () => {
  it.each([
    ['usage', 2],
    ['user', 1],
    ['missing', 10],
    ['key', 12],
    ['config', 1],
    ['store', 1],
    ['damage', 13],
    ['rollback', 14],
    ['cost', 15],
    ['bug', 1],
    ['cancelled', 130],
  ] as const)('of an error of kind %s is %i', async (kind: ErrorKind, exit) => {
    const verbs = failing(new IcecoreError(kind, 'some-code', 'something went wrong', { hint: 'do this' }));
    const ran = await run(SNAPSHOTS, { verbs });
    expect(ran.exit).toBe(exit);
    expect(ran.err).toBe('icecore: error: something went wrong\nicecore: hint: do this\n');
    const json = await run([...SNAPSHOTS, '--json'], { verbs });
    expect(json.err).toBe('');
    expect(json.lines()).toEqual([
      { type: 'error', code: 'some-code', severity: 'fatal', message: 'something went wrong', hint: 'do this' },
      { type: 'summary', command: 'snapshots', exitCode: exit, errors: 0, warnings: 0 },
    ]);
  });

  it('is 75 while cold data is warming, whatever the kind', async () => {
    expect((await run(SNAPSHOTS, { verbs: failing(new IcecoreError('store', 'warming', 'not yet')) })).exit).toBe(75);
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ])('after %s is %i', async (name, exit) => {
    const abort = new AbortController();
    const verbs = openingVerbs(() => {
      abort.abort(name);
      throw new IcecoreError('cancelled', 'interrupted', 'interrupted');
    });
    expect((await run(SNAPSHOTS, { verbs, abort })).exit).toBe(exit);
  });

  it('is 1 for an error that is not ours, with a stack only on request', async () => {
    const verbs = failing(new TypeError('x is not a function'));
    const ran = await run(SNAPSHOTS, { verbs });
    expect(ran.exit).toBe(1);
    expect(ran.err).toMatch(/^icecore: error: x is not a function\nicecore: hint: [^\n]*report[^\n]*\n$/);
    expect((await run(SNAPSHOTS, { verbs, env: { ICECORE_DEBUG: '1' } })).err).toMatch(/\n +at /);
  });

  it('is 3 when items had errors, 0 when they had warnings, and 3 again when warnings are errors', async () => {
    const problem = (severity: 'error' | 'warning') => ({
      ...browsing({ listSnapshots: async () => [] }),
      ...openingVerbs(({ monitor }: OpenOptions) => {
        const about = { severity, code: 'odd', message: 'is odd', hint: 'look' };
        monitor.problem({ ...about, path: rawFromText('/a\u001b') });
        monitor.problem({ ...about, path: rawFromText('/b') });
      }),
    });
    const errors = await run([...SNAPSHOTS, '-q'], { verbs: problem('error') });
    expect(errors.exit).toBe(3);
    expect(errors.err).toBe('icecore: error: /a\\x1b: is odd\nicecore: hint: look\nicecore: error: /b: is odd\n');
    expect((await run(SNAPSHOTS, { verbs: problem('warning') })).exit).toBe(0);
    expect((await run([...SNAPSHOTS, '--strict'], { verbs: problem('warning') })).exit).toBe(3);
    const json = await run([...SNAPSHOTS, '--json'], { verbs: problem('error') });
    expect(json.lines().map((line) => line.type)).toEqual(['error', 'error', 'summary']);
    expect(json.lines().at(-1)).toMatchObject({ exitCode: 3, errors: 2, warnings: 0 });
  });

  it('is 13 when verify finds damage, and every finding is an error line', async () => {
    const stats: VerifyStats = {
      snapshots: 1,
      packs: 2,
      packsRead: 2,
      packsArchived: 0,
      unindexedPacks: 0,
      chunks: 3,
      bytesRead: 100,
      findings: [
        {
          object: 'packs/x/00000000.tar.zst.age',
          code: 'pack-truncated',
          message: 'is truncated',
          snapshots: ['S'],
          paths: ['S:/a', 'S:/b'],
          pathCount: 9,
        },
      ],
      requests: { put: 0, get: 0, list: 0, stat: 0, delete: 0 },
      seconds: 1,
      peakRssBytes: 1,
    };
    const verbs = { ...browsing({}), verify: (async () => ({ runVerify: async () => stats })) as Verbs['verify'] };
    const ran = await run(['-r', '/repo', 'verify', '--level', 'data'], { verbs });
    expect(ran.exit).toBe(13);
    expect(ran.out).toContain('damaged  packs/x/00000000.tar.zst.age: is truncated');
    expect(ran.out).toContain('and 7 more paths');
    expect(ran.out).toMatch(/1 object damaged\n$/);
    const json = await run(['-r', '/repo', 'verify', '--json'], { verbs });
    expect(json.lines().map((line) => line.type)).toEqual(['error', 'summary']);
    expect(json.lines().at(-1)).toMatchObject({ exitCode: 13, findings: 1 });
  });

  it('is 0 when the reader of the output has gone', async () => {
    const many = async function* () {
      for (let i = 0; i < 100_000; i++) yield file(`/file-${i}`);
    };
    const verbs = browsing({
      resolveSnapshot: async () => snapshot('01KA8Y2Q7XAAAAAAAAAAAAAAAA'),
      listEntries: () => many(),
    });
    for (const options of [[], ['--json'], ['-0'], ['-l']]) {
      const stdout = new CapturedStream({ failure: 'EPIPE', failsAfter: 5000 });
      expect((await run(['-r', '/repo', 'ls', 'latest', ...options], { verbs, stdout })).exit).toBe(0);
    }
  });

  it('is 1 when the output cannot be written for another reason', async () => {
    const verbs = browsing({
      resolveSnapshot: async () => snapshot('01KA8Y2Q7XAAAAAAAAAAAAAAAA'),
      listEntries: () => each(file('/a')),
    });
    const ran = await run(['-r', '/repo', 'ls', 'latest', '-q'], {
      verbs,
      stdout: new CapturedStream({ failure: 'ENOSPC' }),
    });
    expect(ran.exit).toBe(1);
    expect(ran.err).toBe('icecore: error: cannot write to standard output: ENOSPC\n');
  });
});

describe('the summary in JSON', () => {
  it('comes last even when the command line makes no sense', async () => {
    for (const argv of [
      ['--json', 'nonsense'],
      ['backup', '--json'],
      ['--json', 'ls', 'latest', '--nonsense'],
    ]) {
      const ran = await run(argv);
      expect(ran.exit).toBe(2);
      expect(ran.err).toBe('');
      expect(ran.lines().map((line) => line.type)).toEqual(['error', 'summary']);
    }
  });
});
