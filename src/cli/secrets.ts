/**
 * Where a passphrase comes from: a file, a command, the default repository's own file, or a person. Owns reading and
 * the check of permissions; a secret is never an option's value, never logged, and never in an error.
 */
import { spawn } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { errnoOf, IcecoreError } from '../base/errors.ts';
import type { Terminal } from './io.ts';

const LONGEST = 65_536;

/** Tells of a file that others can read. */
export type Warn = (code: string, message: string, hint: string) => void;

/**
 * Reads a passphrase from the first line's end backwards: the whole file, one line ending at its end removed.
 * @throws kind `user`: `passphrase-file`, `passphrase-empty`
 */
export async function readPassphraseFile(path: string, warn: Warn): Promise<string> {
  await warnIfReadable(path, 'passphrase', warn);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new IcecoreError('user', 'passphrase-file', `cannot read the passphrase file ${path}: ${reason(error)}`, {
      cause: error,
    });
  }
  return strip(text, `the passphrase file ${path}`);
}

/**
 * Runs a shell command and takes what it prints, one line ending removed. It shares our terminal and standard error.
 * @throws kind `user`: `passphrase-command`, `passphrase-empty`
 */
export async function runPassphraseCommand(command: string, signal: AbortSignal): Promise<string> {
  const child = spawn('/bin/sh', ['-c', command], { stdio: ['inherit', 'pipe', 'inherit'], signal });
  const parts: Buffer[] = [];
  let length = 0;
  child.stdout.on('data', (part: Buffer) => {
    length += part.length;
    if (length <= LONGEST) parts.push(part);
  });
  const ended = await new Promise<string | undefined>((resolve) => {
    child.on('error', (error) => resolve(reason(error)));
    child.on('close', (status, name) => {
      if (status === 0) resolve(undefined);
      else resolve(name === null ? `it ended with status ${status}` : `it was ended by ${name}`);
    });
  });
  if (ended !== undefined) {
    throw new IcecoreError('user', 'passphrase-command', `the passphrase command failed: ${ended}`);
  }
  return strip(Buffer.concat(parts).toString('utf8'), 'the output of the passphrase command');
}

/** Asks for a passphrase; undefined when the person gives none. */
export async function askPassphrase(terminal: Terminal, question: string): Promise<string | undefined> {
  const answer = await terminal.ask(question, true);
  return answer === '' ? undefined : answer;
}

/**
 * Asks for a new passphrase twice, until both are the same.
 * @throws kind `user`, `passphrase-empty`, when the person gives none; `passphrase-mismatch` after three attempts
 */
export async function askNewPassphrase(terminal: Terminal): Promise<string> {
  for (let attempt = 0; attempt < 3; attempt++) {
    const first = await askPassphrase(terminal, attempt === 0 ? 'new passphrase: ' : 'not the same; new passphrase: ');
    if (first === undefined) {
      throw new IcecoreError('user', 'passphrase-empty', 'a repository needs a passphrase', {
        hint: 'several words that nobody would guess are best',
      });
    }
    if ((await terminal.ask('the same again: ', true)) === first) return first;
  }
  throw new IcecoreError('user', 'passphrase-mismatch', 'the two passphrases were not the same');
}

/** Warns when a regular file with a secret can be read by others than its owner. */
export async function warnIfReadable(path: string, what: string, warn: Warn): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  // A pipe or a device (`--password-file <(pass show backup)`) has no permissions worth a word.
  if (!found?.isFile() || (found.mode & 0o077) === 0) return;
  const mode = (found.mode & 0o7777).toString(8).padStart(4, '0');
  warn('secret-readable', `others can access the ${what} file ${path} (mode ${mode})`, `chmod 600 ${path}`);
}

function strip(text: string, source: string): string {
  const passphrase = text.replace(/\r?\n$/, '');
  if (passphrase === '') throw new IcecoreError('user', 'passphrase-empty', `${source} is empty`);
  return passphrase;
}

function reason(error: unknown): string {
  switch (errnoOf(error)) {
    case 'ENOENT':
      return 'there is no such file';
    case 'EACCES':
      return 'permission denied';
    case 'EISDIR':
      return 'it is a directory';
    default:
      return error instanceof Error ? error.message : String(error);
  }
}
