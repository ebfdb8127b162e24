/**
 * The real process around the command line: streams, environment, signals, the end. Owns everything that `main` takes
 * as an {@link Io}, and the two-step interruption; decides nothing about commands.
 */
import { closeSync, openSync, readFileSync, readlinkSync } from 'node:fs';
import { homedir, hostname, userInfo } from 'node:os';
import { systemClock } from '../base/clock.ts';
import { type Raw, rawFromBytes, rawFromText } from '../base/raw.ts';
import type { Io, Terminal } from './io.ts';
import { verbs } from './verbs.ts';

/** The signals that end a run, and their numbers: a shell sees 128 more as the exit code. */
const SIGNALS = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const;
/** So long a command may take to stop by itself. */
const GRACE = 5_000;

/**
 * Makes the real {@link Io} and listens to signals. The first signal aborts, which lets a command finish what it has
 * begun; the second one, or five seconds, ends the process at once.
 */
export function processIo(onFirstSignal: () => void): Io {
  const controller = new AbortController();
  for (const [name, number] of Object.entries(SIGNALS)) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(128 + number);
      controller.abort(name);
      onFirstSignal();
      setTimeout(() => process.exit(128 + number), GRACE).unref();
    });
  }
  return {
    stdin: () => process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    cwd: currentDirectory,
    rawArgument: argumentReader(process.argv.slice(2)),
    get terminal(): Terminal | undefined {
      // Who sends the messages elsewhere cannot answer a question.
      return process.stderr.isTTY && hasTerminal() ? { ask } : undefined;
    },
    signal: controller.signal,
    home: () => attempt(homedir),
    host: hostname,
    user: () => attempt(() => userInfo().username) ?? process.env.USER ?? String(process.getuid?.() ?? ''),
    clock: systemClock,
    // The global one is loaded when it is first used; importing node:crypto would delay every start.
    random: (length) => crypto.getRandomValues(new Uint8Array(length)),
    verbs,
  };
}

/** Whether the process has a controlling terminal (under cron and in most containers it has none). */
function hasTerminal(): boolean {
  return attempt(() => closeSync(openSync('/dev/tty', 'r+')) ?? true) === true;
}

async function ask(question: string, isSecret: boolean): Promise<string | undefined> {
  const { askTerminal } = await import('./terminal.ts');
  return await askTerminal(question, isSecret);
}

/**
 * Gives arguments their bytes back. Node decodes them as UTF-8 and loses what is not; Linux still has the originals.
 */
function argumentReader(texts: readonly string[]): (argument: string) => Raw {
  let originals: Map<string, Raw> | undefined;
  return (argument) => {
    if (!argument.includes('\ufffd')) return rawFromText(argument);
    originals ??= new Map(originalArguments(texts));
    return originals.get(argument) ?? rawFromText(argument);
  };
}

function originalArguments(texts: readonly string[]): (readonly [string, Raw])[] {
  const bytes = attempt(() => readFileSync('/proc/self/cmdline'));
  if (bytes === undefined) return [];
  const all = rawFromBytes(bytes).split('\0').slice(0, -1);
  return texts.map((text, i) => [text, all[all.length - texts.length + i]! as Raw]);
}

function currentDirectory(): Raw {
  const bytes = attempt(() => readlinkSync('/proc/self/cwd', { encoding: 'buffer' }));
  return bytes === undefined ? rawFromText(process.cwd()) : rawFromBytes(bytes);
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
