import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeTestFolder } from '../support/test-folder.ts';
import { run } from '../support/world.ts';

let folder: string;
beforeEach(() => {
  folder = makeTestFolder('first-contact');
  mkdirSync(join(folder, 'documents'));
  writeFileSync(join(folder, 'documents', 'letter.txt'), 'dear anna');
});
afterEach(() => rmSync(folder, { recursive: true }));

const documents = () => join(folder, 'documents');
const repository = () => join(folder, '.local/share/icecore/default');
const passphraseFile = () => join(folder, '.config/icecore/default.passphrase');

describe('a first backup without any repository', () => {
  it('creates the default one with --init, says in three lines where everything is, and backs up', async () => {
    const ran = await run(['backup', '--init', documents()], { home: folder });
    expect(ran.err.trimEnd().split('\n')).toEqual([
      expect.stringContaining(repository()),
      expect.stringContaining(passphraseFile()),
      expect.stringContaining('icecore restore latest --target DIR'),
    ]);
    expect(ran.exit).toBe(0);
    expect(ran.out).toMatch(/snapshot [0-9A-Z]{10} is saved\n$/);
    expect(readFileSync(passphraseFile(), 'utf8')).toMatch(/^([0-9a-z]{5}-){4}[0-9a-z]{5}\n$/);
    expect(statSync(passphraseFile()).mode & 0o777).toBe(0o600);

    const again = await run(['backup', documents()], { home: folder });
    expect(again.exit).toBe(0);
    expect(again.err).toBe('');
    expect(again.out).toMatch(/snapshot [0-9A-Z]{10} is saved\n$/);
  });

  it('asks on a terminal, and goes on when the answer is Enter', async () => {
    const ran = await run(['backup', documents()], { home: folder, answers: [''] });
    expect(ran.questions).toEqual([`no repository is configured; create one in ${repository()}? [Y/n] `]);
    expect(ran.exit).toBe(0);
  });

  it('creates nothing when the answer is no, without a terminal, or for a path that is not there', async () => {
    const refused = await run(['backup', documents()], { home: folder, answers: ['n'] });
    expect(refused.exit).toBe(10);
    const alone = await run(['backup', documents()], { home: folder });
    expect(alone.exit).toBe(10);
    expect(alone.err).toContain('--init starts one on this machine');
    const typo = await run(['backup', '--init', join(folder, 'documnets')], { home: folder });
    expect(typo.exit).toBe(1);
    expect(typo.err).toContain('there is no such file');
    expect(existsSync(repository())).toBe(false);
    expect(existsSync(passphraseFile())).toBe(false);
  });

  it('keeps a passphrase that is there already: it may be the one of a run that was killed', async () => {
    mkdirSync(join(folder, '.config/icecore'), { recursive: true });
    writeFileSync(passphraseFile(), 'kept from before\n', { mode: 0o600 });
    expect((await run(['backup', '--init', documents()], { home: folder })).exit).toBe(0);
    expect(readFileSync(passphraseFile(), 'utf8')).toBe('kept from before\n');
  });
});

describe('init', () => {
  it('prints the recovery kit, and refuses to touch what is there', async () => {
    const password = join(folder, 'password');
    writeFileSync(password, 'several words nobody guesses\n', { mode: 0o600 });
    const place = join(folder, 'repository');
    const ran = await run(['init', place, '--password-file', password], { home: folder });
    expect(ran.exit).toBe(0);
    expect(ran.err).toBe('');
    expect(ran.out).toContain(`icecore -r ${place} restore latest --target DIR`);
    expect(ran.out).toMatch(/its id {10}[0-9a-f]{32}\n/);
    expect(ran.out).not.toContain('several words');

    expect((await run(['init', place, '--password-file', password], { home: folder })).exit).toBe(1);
    const json = await run(['init', place, '--password-file', password, '--exists-ok', '--json'], { home: folder });
    expect(json.lines()).toEqual([expect.objectContaining({ type: 'summary', created: false, exitCode: 0 })]);
  });

  it('asks for a new passphrase twice, and gives up without one', async () => {
    const place = join(folder, 'repository');
    const ran = await run(['init', place], { home: folder, answers: ['a', 'b', 'right one', 'right one'] });
    expect(ran.exit).toBe(0);
    expect(ran.questions).toHaveLength(4);
    expect((await run(['init', `${place}-2`], { home: folder, answers: [''] })).exit).toBe(1);
    const nobody = await run(['init', `${place}-2`], { home: folder });
    expect(nobody.exit).toBe(2);
    expect(nobody.err).toContain('--password-file');
    expect(existsSync(`${place}-2`)).toBe(false);
  });
});
