/** The options that every command has, before or after its name. */
import { parseDuration, parseRate } from '../base/units.ts';
import type { OptionSpec } from './option.ts';
import { usage, type Values } from './values.ts';

export const globalOptions: readonly OptionSpec[] = [
  { flags: '-r, --repository <url>', help: 'use the repository at this path or URL', complete: 'directory' },
  { flags: '--password-file <file>', help: 'read the passphrase from a file', complete: 'file' },
  { flags: '--password-command <command>', help: 'read the passphrase from what a shell command prints' },
  { flags: '--key-file <file>', help: 'use this key instead of the one on this host', complete: 'file' },
  { flags: '--cache-dir <dir>', help: 'keep the local catalog here', complete: 'directory' },
  { flags: '--limit-upload <rate>', help: 'send to the repository at this rate at most, as 10MiB/s' },
  { flags: '--limit-download <rate>', help: 'read from the repository at this rate at most' },
  { flags: '--retry-for <duration>', help: 'try a request to a bucket again for this long before it fails (5m)' },
  { flags: '--json', help: 'print JSON lines, a summary last' },
  { flags: '-q, --quiet', help: 'print only results and errors' },
  { flags: '-v, --verbose', help: 'say what happens to every path' },
  { flags: '--no-progress', help: 'show no progress' },
  { flags: '--strict', help: 'take warnings for errors' },
];

/** The resolved values of {@link globalOptions}. */
export interface GlobalOptions {
  readonly repository: string | undefined;
  readonly passwordFile: string | undefined;
  readonly passwordCommand: string | undefined;
  readonly keyFile: string | undefined;
  readonly cacheDir: string | undefined;
  /** Bytes a second. */
  readonly uploadRate: number | undefined;
  readonly downloadRate: number | undefined;
  /** Milliseconds. */
  readonly retryForMs: number | undefined;
  readonly isJson: boolean;
  readonly isQuiet: boolean;
  readonly isVerbose: boolean;
  readonly wantsProgress: boolean;
  readonly isStrict: boolean;
}

/** Reads the global options. Of the two sources of a passphrase, one given as an option wins over the environment. */
export function readGlobalOptions(values: Values): GlobalOptions {
  const file = values.text('password-file');
  const command = values.text('password-command');
  if (
    file !== undefined &&
    command !== undefined &&
    values.source('password-file') === values.source('password-command')
  ) {
    throw usage(
      'two-passphrases',
      `${values.label('password-file')} and ${values.label('password-command')} exclude each other`,
    );
  }
  const isFileChosen = command === undefined || values.source('password-file') === 'option';
  const isQuiet = values.flag('quiet');
  const isVerbose = values.flag('verbose');
  if (isQuiet && isVerbose && values.source('quiet') === values.source('verbose')) {
    throw usage('quiet-and-verbose', `${values.label('quiet')} and ${values.label('verbose')} exclude each other`);
  }
  const isQuietChosen = isQuiet && !(isVerbose && values.source('verbose') === 'option');
  return {
    repository: values.text('repository'),
    passwordFile: isFileChosen ? file : undefined,
    passwordCommand: isFileChosen && file !== undefined ? undefined : command,
    keyFile: values.text('key-file'),
    cacheDir: values.text('cache-dir'),
    uploadRate: values.parsed('limit-upload', parseRate),
    downloadRate: values.parsed('limit-download', parseRate),
    retryForMs: values.parsed('retry-for', parseDuration),
    isJson: values.flag('json'),
    isQuiet: isQuietChosen,
    isVerbose: isVerbose && !isQuietChosen,
    wantsProgress: !values.flag('no-progress') && !isQuietChosen,
    isStrict: values.flag('strict'),
  };
}
