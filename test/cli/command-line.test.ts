import { describe, expect, it } from 'vitest';
import type { Verbs } from '../../src/cli/verbs.ts';
import type { FindOptions, FoundEntry, SnapshotFilter } from '../../src/work/browse.ts';
import { browsing, each, openingVerbs, snapshot } from '../support/fake-verbs.ts';
import { run } from '../support/world.ts';

const REPO = ['-r', '/repo'];

/** A `snapshots` that keeps the filter that it was called with. */
function recordingSnapshots(): { readonly verbs: Partial<Verbs>; readonly filters: SnapshotFilter[] } {
  const filters: SnapshotFilter[] = [];
  const listSnapshots = async (_repository: unknown, filter: SnapshotFilter) => {
    filters.push(filter);
    return [];
  };
  return { filters, verbs: browsing({ listSnapshots }) };
}

describe('the command line', () => {
  it('takes global options before and after the command', async () => {
    const { verbs } = recordingSnapshots();
    for (const argv of [
      [...REPO, '--json', 'snapshots'],
      ['snapshots', ...REPO, '--json'],
      ['--json', 'snapshots', '--repository=/repo'],
      ['key', ...REPO, 'list', '--json'],
    ]) {
      const keys = async () => ({ listKeys: async () => [] }) as Partial<Awaited<ReturnType<Verbs['keys']>>>;
      const ran = await run(argv, { verbs: { ...verbs, keys: keys as Verbs['keys'] } });
      expect(ran.err).toBe('');
      expect(ran.lines()).toHaveLength(1);
      expect(ran.exit).toBe(0);
    }
  });

  it('takes an option over the environment, and the environment over the default', async () => {
    const { verbs, filters } = recordingSnapshots();
    const env = { ICECORE_REPOSITORY: '/repo', ICECORE_SNAPSHOTS_HOST: 'from-env\nsecond', ICECORE_SNAPSHOTS_TAG: '' };
    await run(['snapshots'], { verbs, env });
    await run(['snapshots', '--host', 'a', '--host', 'b,c'], { verbs, env });
    expect(filters.map((filter) => filter.hosts)).toEqual([
      ['from-env', 'second'],
      ['a', 'b', 'c'],
    ]);
    expect(filters[0]!.tags).toEqual([]);
  });

  it('takes flags from the environment, and refuses what is neither yes nor no', async () => {
    const { verbs } = recordingSnapshots();
    const json = await run([...REPO, 'snapshots'], { verbs, env: { ICECORE_JSON: 'yes' } });
    expect(json.lines().at(-1)).toMatchObject({ type: 'summary', exitCode: 0 });
    const plain = await run([...REPO, 'snapshots'], { verbs, env: { ICECORE_JSON: '0' } });
    expect(plain.out).toBe('');
    const wrong = await run([...REPO, 'snapshots'], { verbs, env: { ICECORE_QUIET: 'perhaps' } });
    expect(wrong.exit).toBe(2);
    expect(wrong.err).toContain("ICECORE_QUIET: 'perhaps' is neither yes nor no");
  });

  it('takes the value of an option literally, even when it looks like an option', async () => {
    const { verbs, filters } = recordingSnapshots();
    await run([...REPO, 'snapshots', '--host', '-rf', '--tag=--json'], { verbs });
    expect(filters[0]).toMatchObject({ hosts: ['-rf'], tags: ['--json'] });
  });

  it('takes everything after -- as an argument', async () => {
    let patterns: readonly string[] = [];
    const findEntries = (_repository: unknown, options: FindOptions) => {
      patterns = options.patterns;
      return each<FoundEntry>();
    };
    await run([...REPO, 'find', '-i', '--', '-rf', '--json', '!x', '{a,b}'], { verbs: browsing({ findEntries }) });
    expect(patterns).toEqual(['-rf', '--json', '!x', '{a,b}']);
  });

  it.each([
    [['bakcup', 'x'], "unknown command 'bakcup'", 'did you mean backup'],
    [['key', 'lst'], "unknown command 'lst'", 'did you mean list'],
    [['backup', '--exlude', 'x', '/'], "unknown option '--exlude'", 'did you mean --exclude'],
    [['snapshots', '--jsno'], "unknown option '--jsno'", 'did you mean --json'],
    [['ls'], 'missing argument: SNAPSHOT[:PATH]', 'see icecore ls --help'],
    [['ls', 'latest', 'latest'], "one argument too many: 'latest'", 'see icecore ls --help'],
    [['restore', 'latest', '--target'], "option '--target' needs a value", undefined],
    [['restore', 'latest'], 'restore needs a directory', 'icecore restore latest --target DIR'],
    [['restore', 'latest', '-t', '/x', '--overwrite', 'maybe'], "--overwrite: 'maybe' is none of always", undefined],
    [['backup'], 'there is nothing to back up', 'name a path'],
    [['backup', '-'], "'-' is no path", '--stdin-name'],
    [['backup', '--stdin-name', 'x', '/'], 'cannot go into one snapshot', undefined],
    [['backup', '--stdin-name', 'a/b'], 'a name has no slash', undefined],
    [['backup', '--stdin-command', 'ls'], 'needs --stdin-name', undefined],
    [['backup', '--exclude-larger-than', 'huge', '/'], '--exclude-larger-than: "huge" is not a size', 'write it as'],
    [['backup', '--exclude=', '/'], '--exclude: the value is empty', undefined],
    [['backup', '--exclude-file', '/no/such/file', '/'], 'there is no such file', undefined],
    [['backup', '--compression', '30', '/'], "'30' is not a whole number from 1 to 19", undefined],
    [['verify', '--sample', '5%'], '--sample needs --level data', undefined],
    [['verify', '--level', 'data', '--sample', '0%'], "'0%' is no part", undefined],
    [['ls', 'la:/x'], "'la' names no snapshot", 'latest~N'],
    [['ls', 'latest:/a/../b'], "has no '..'", undefined],
    [['dump', 'latest'], 'which path', 'icecore dump latest:/etc/hosts'],
    [['diff', 'latest:/a', 'latest:/b'], 'the two paths are not the same', undefined],
    [['find', 'x', '--newer', 'yesterday'], "--newer: 'yesterday' is no time", '2026-01-31'],
    [['init'], 'which repository is to be created', 'icecore init'],
    [['init', '/a', '-r', '/b'], 'given twice', undefined],
    [['init', '/a', '--chunk-size', '300KiB'], 'not a power of two', undefined],
    [['completion', 'tcsh'], "'tcsh' is none of bash, zsh, fish", undefined],
    [['snapshots', '--password-file', 'a', '--password-command', 'b'], 'exclude each other', undefined],
    [['snapshots', '-q', '-v'], 'exclude each other', undefined],
  ])('%j is a usage error: %s', async (argv, message, hint) => {
    // Nothing may be opened: wrong values are found before.
    const neverOpened = openingVerbs(() => {
      throw new Error('the repository was opened');
    });
    const ran = await run([...(argv[0] === 'init' ? [] : REPO), ...argv], { verbs: neverOpened });
    expect(ran.err).toContain(`icecore: error: `);
    expect(ran.err).toContain(message);
    if (hint !== undefined) expect(ran.err).toContain(hint);
    expect(ran.err).toMatch(/^icecore: /);
    expect(ran.out).toBe('');
    expect(ran.exit).toBe(2);
  });

  it('shows help on standard output when asked, and on standard error when lost', async () => {
    for (const argv of [
      ['--help'],
      ['backup', '--help'],
      ['help', 'backup'],
      ['key', '-h'],
      ['key', 'test', '--help'],
    ]) {
      const ran = await run(argv);
      expect(ran.exit).toBe(0);
      expect(ran.out).toMatch(/^usage: icecore /);
      expect(ran.err).toBe('');
    }
    for (const argv of [[], ['key']]) {
      const ran = await run(argv);
      expect(ran.exit).toBe(2);
      expect(ran.err).toMatch(/^usage: icecore /);
      expect(ran.out).toBe('');
    }
  });

  it('shows its version', async () => {
    expect((await run(['--version'])).out).toMatch(/^icecore \d+\.\d+\.\d+\n$/);
  });

  it('does not mix the content of a file with JSON lines', async () => {
    const ran = await run([...REPO, 'dump', 'latest:/x', '--json']);
    expect(ran.exit).toBe(2);
    expect(ran.lines()[0]).toMatchObject({ type: 'error', code: 'json-and-content' });
  });

  it('accepts an id in lower case, and puts a slash before a path that has none', async () => {
    const asked: string[] = [];
    const verbs = browsing({
      resolveSnapshot: async (_repository, spec) => {
        asked.push(spec);
        return snapshot('01KA8Y2Q7XAAAAAAAAAAAAAAAA');
      },
      listEntries: (_repository, _snapshot, path) => {
        asked.push(path);
        return each();
      },
    });
    await run([...REPO, 'ls', '01ka8y2q:etc//hosts/'], { verbs });
    expect(asked).toEqual(['01KA8Y2Q', '/etc/hosts']);
  });
});
