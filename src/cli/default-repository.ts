/**
 * First contact: a repository in the user's data directory for somebody who has configured none, with a passphrase that
 * is generated and kept in a file beside the settings. Owns its creation; context.ts knows when it is used.
 */
import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { writeFileAtomic } from '../base/atomic-file.ts';
import { errnoOf, IcecoreError } from '../base/errors.ts';
import { firstContactLines } from '../ui/recovery-kit.ts';
import type { Context } from './context.ts';
import { defaultChoices } from './repository-options.ts';
import { readPassphraseFile } from './secrets.ts';

const LETTERS = '0123456789abcdefghjkmnpqrstvwxyz';
const GROUPS = 5;
const GROUP_LENGTH = 5;

/**
 * Makes sure that there is a repository to back up to: the configured one, the default one, or a default one that is
 * created now, after asking a person or when `mayCreate` says so.
 * @throws kind `missing`, `no-repository`, when there is none and none may be created
 */
export async function ensureRepository(context: Context, mayCreate: boolean): Promise<void> {
  if (context.configuredRepository() !== undefined || context.hasDefaultRepository()) return;
  const { terminal } = context.io;
  const { defaultRepository } = context.places;
  if (!mayCreate && (terminal === undefined || context.globals.isJson)) {
    throw new IcecoreError('missing', 'no-repository', 'no repository is given, and there is no default one', {
      hint: 'give -r REPOSITORY or set ICECORE_REPOSITORY; --init starts one on this machine',
    });
  }
  if (!mayCreate) {
    const answer = await terminal!.ask(
      `no repository is configured; create one in ${defaultRepository}? [Y/n] `,
      false,
    );
    if (answer === undefined || !/^(y|yes)?$/i.test(answer.trim())) {
      throw new IcecoreError('missing', 'no-repository', 'no repository was created, and nothing was backed up', {
        hint: 'icecore init creates one wherever you say',
      });
    }
  }
  await createDefaultRepository(context);
}

async function createDefaultRepository(context: Context): Promise<void> {
  const { io, places } = context;
  const { initRepository } = await io.verbs.init();
  const passphrase = await keepPassphrase(context);
  const store = await context.openStore(places.defaultRepository, { create: true });
  try {
    const { repository } = await initRepository(
      store,
      places,
      { ...defaultChoices, passphrase, host: io.host(), user: io.user(), existsOk: true },
      io.clock,
    );
    await repository.close();
  } finally {
    await store.close();
  }
  if (context.globals.isJson || context.globals.isQuiet) return;
  for (const line of firstContactLines(places.defaultRepository, places.defaultPassphraseFile))
    context.messages.line(line);
}

/**
 * Reads the kept passphrase, or generates one and keeps it before anything is sealed with it. Of two processes that do
 * this at once one wins, and both use the same passphrase: a link, unlike a rename, never replaces.
 */
async function keepPassphrase(context: Context): Promise<string> {
  const path = context.places.defaultPassphraseFile;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const temp = `${path}.${randomBytes(6).toString('hex')}`;
  writeFileAtomic(temp, Buffer.from(`${generatePassphrase(context.io.random)}\n`), 0o600);
  try {
    linkSync(temp, path);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  } finally {
    rmSync(temp, { force: true });
  }
  return await readPassphraseFile(path, (...about) => context.warn(...about));
}

/** 25 letters and digits that are hard to confuse, in groups of five: 125 bits. */
function generatePassphrase(random: (length: number) => Uint8Array): string {
  const letters = [...random(GROUPS * GROUP_LENGTH)].map((byte) => LETTERS[byte % LETTERS.length]!).join('');
  return letters.match(/.{5}/g)!.join('-');
}
