import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findPlaces } from '../../src/cli/places.ts';
import { readLine } from '../../src/cli/terminal.ts';
import type { Verbs } from '../../src/cli/verbs.ts';
import { browsing, openingVerbs } from '../support/fake-verbs.ts';
import { run, type WorldOptions } from '../support/world.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'icecore-secrets-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function secretFile(name: string, text: string, mode = 0o600): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

/** Runs `snapshots` on a repository that wants its passphrase twice, and says what it got. */
async function passphraseOf(argv: readonly string[], options: WorldOptions = {}) {
  const given: (string | undefined)[] = [];
  const verbs: Partial<Verbs> = {
    ...openingVerbs(async ({ credentials }) => {
      given.push(await credentials.passphrase?.(), await credentials.passphrase?.());
    }),
    browse: browsing({ listSnapshots: async () => [] }).browse!,
  };
  const ran = await run(['-r', '/repo', 'snapshots', ...argv], { ...options, verbs });
  return { ...ran, given };
}

describe('the passphrase', () => {
  it('comes from a file, without its last line ending only', async () => {
    const { given, err } = await passphraseOf(['--password-file', secretFile('p', ' two words \r\n')]);
    expect(given).toEqual([' two words ', ' two words ']);
    expect(err).not.toContain('warning');
  });

  it('comes from a command, which runs once', async () => {
    const counter = join(folder, 'count');
    const { given } = await passphraseOf([
      '--password-command',
      `echo x >> ${counter}; wc -l < ${counter} | tr -d ' '`,
    ]);
    expect(given).toEqual(['1', '1']);
  });

  it('comes from an option rather than from the environment, whichever of the two ways', async () => {
    const env = { ICECORE_PASSWORD_FILE: secretFile('env', 'from env\n') };
    expect((await passphraseOf([], { env })).given[0]).toBe('from env');
    expect((await passphraseOf(['--password-command', 'echo typed'], { env })).given[0]).toBe('typed');
  });

  it('is asked for once, and only when there is somebody', async () => {
    const asked = await passphraseOf([], { answers: ['typed by hand'] });
    expect(asked.given).toEqual(['typed by hand', 'typed by hand']);
    expect(asked.questions).toEqual(['passphrase of /repo: ']);
    expect((await passphraseOf([])).given).toEqual([undefined, undefined]);
  });

  it.each([
    ['--password-file', '/no/such/file', 'there is no such file'],
    ['--password-command', 'exit 3', 'ended with status 3'],
    ['--password-command', 'true', 'is empty'],
  ])('of %s %s is an error: %s', async (option, value, message) => {
    const ran = await passphraseOf([option, value]);
    expect(ran.exit).toBe(1);
    expect(ran.err).toContain(message);
  });

  it('in a file that others can read is warned of, and refused when strict', async () => {
    const path = secretFile('open', 'secret\n', 0o644);
    const ran = await passphraseOf(['--password-file', path]);
    expect(ran.exit).toBe(0);
    expect(ran.err).toContain(`icecore: warning: others can access the passphrase file ${path} (mode 0644)`);
    expect(ran.err).toContain(`icecore: hint: chmod 600 ${path}`);
    const strict = await passphraseOf(['--strict', '--password-file', path]);
    expect(strict.exit).toBe(1);
    expect(strict.given).toEqual([]);
  });

  it('never appears in what is printed', async () => {
    const path = secretFile('hidden', 'do-not-print-me\n', 0o644);
    const ran = await passphraseOf(['--json', '-v', '--password-file', path], { env: { ICECORE_DEBUG: '1' } });
    expect(ran.out + ran.err).not.toContain('do-not-print-me');
  });
});

describe('a key file', () => {
  it('that others can read is warned of, and one that is missing is an error', async () => {
    const path = secretFile('key', 'x', 0o640);
    expect((await passphraseOf(['--key-file', path])).err).toContain(
      `others can access the key file ${path} (mode 0640)`,
    );
    const missing = await passphraseOf(['--key-file', '/no/such/key']);
    expect(missing.exit).toBe(1);
    expect(missing.err).toContain('cannot read the key file /no/such/key: there is no such file');
  });
});

describe('a line at the terminal', () => {
  async function typed(...parts: (string | Buffer)[]) {
    let shown = '';
    const input = (async function* () {
      yield* parts;
    })();
    const line = await readLine(input, (text) => {
      shown += text;
    });
    return { line, shown };
  }

  it('ends with Enter, and honours the keys that erase', async () => {
    expect((await typed('abc\r')).line).toBe('abc');
    expect((await typed('abx\u007fc\n')).line).toBe('abc');
    expect((await typed('wrong\u0015right\r')).line).toBe('right');
    expect((await typed('ab\u007f\r')).shown).toBe('ab\b \b');
  });

  it('may come in pieces, even of one character', async () => {
    const bytes = Buffer.from('grün\r');
    expect((await typed(bytes.subarray(0, 3), bytes.subarray(3))).line).toBe('grün');
  });

  it('is none when the input ends, and cancelled by Ctrl-C', async () => {
    expect((await typed('\u0004')).line).toBeUndefined();
    expect((await typed()).line).toBeUndefined();
    await expect(typed('abc\u0003')).rejects.toMatchObject({ kind: 'cancelled' });
  });
});

describe('the places', () => {
  const home = () => '/home/anna';

  it('are those of the XDG specification', () => {
    expect(findPlaces({}, home)).toEqual({
      config: '/home/anna/.config/icecore',
      cache: '/home/anna/.cache/icecore',
      state: '/home/anna/.local/state/icecore',
      defaultRepository: '/home/anna/.local/share/icecore/default',
      defaultPassphraseFile: '/home/anna/.config/icecore/default.passphrase',
    });
    expect(findPlaces({ XDG_CONFIG_HOME: '/c', XDG_CACHE_HOME: 'relative' }, home)).toMatchObject({
      config: '/c/icecore',
      cache: '/home/anna/.cache/icecore',
    });
    expect(findPlaces({}, home, '/fast').cache).toBe('/fast');
  });

  it('are asked for in plain words when there is no home', async () => {
    const ran = await passphraseOf([], { home: undefined });
    expect(ran.exit).toBe(1);
    expect(ran.err).toContain('there is no home directory');
    expect(ran.err).toContain('hint: set HOME');
  });
});
