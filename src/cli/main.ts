/**
 * The entry: from arguments to an exit code. Owns the exit codes, which are nowhere else, and the promise that in JSON
 * a summary comes last, whatever happens. `main` runs in-process with an injected world; `start` is for the launcher.
 */
import packageJson from '../../package.json' with { type: 'json' };
import { type ErrorKind, IcecoreError } from '../base/errors.ts';
import { encodeLine, failureFields } from '../ui/json-lines.ts';
import { Output } from '../ui/output.ts';
import { failureLines, messageLine, reportOf } from '../ui/text.ts';
import type { Result } from './command.ts';
import { commands } from './commands.ts';
import { Context, usesColour } from './context.ts';
import { globalOptions, readGlobalOptions } from './global-options.ts';
import type { Io } from './io.ts';
import { processIo } from './process.ts';
import { hasFlag, parseCommandLine, type Request } from './program.ts';
import { Values } from './values.ts';

const DONE = 0;
const FAILED = 1;
const USAGE = 2;
const INCOMPLETE = 3;
const DAMAGED = 13;
/** Nothing may take the exit code 1 by being forgotten: the compiler wants every kind here. */
const EXIT_CODES: Readonly<Record<Exclude<ErrorKind, 'cancelled'>, number>> = {
  usage: USAGE,
  user: FAILED,
  missing: 10,
  key: 12,
  config: FAILED,
  store: FAILED,
  damage: DAMAGED,
  rollback: 14,
  cost: 15,
  bug: FAILED,
};
/** What a shell reports of a process that a signal ended. */
const INTERRUPTED: Readonly<Record<string, number>> = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };
/** Cold data is warming, run again (EX_TEMPFAIL): the code of errors with this code, whatever their kind, and of runs that end so. */
const WARMING = { code: 'warming', exit: 75 };

/** Runs one command line (the arguments after the program's name) and resolves to the exit code. Never rejects. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  const out = new Output(io.stdout, 'standard output');
  const messages = new Output(io.stderr, 'standard error');
  let isJson = hasFlag(argv, '--json');
  let context: Context | undefined;
  let name: string | undefined;
  let exit: number;
  let summary: Result['summary'] = {};
  try {
    const request = parseCommandLine(argv, commands, packageJson.version, out.columns ?? 80);
    if (request.type === 'text') {
      (request.isUsageError ? messages : out).line(request.text.trimEnd());
      await out.flush();
      return request.isUsageError ? USAGE : DONE;
    }
    name = request.command.path.join(' ');
    const values = readValues(request, io);
    const globals = readGlobalOptions(values);
    isJson = globals.isJson;
    context = new Context(io, globals, out, messages, name);
    const result = await request.command.prepare(values, context)();
    summary = result.summary;
    exit = exitOf(result, context.monitor.errors, io.signal);
    if (!isJson) await out.flush();
  } catch (error) {
    context?.monitor.stop();
    exit = exitOfError(error, io.signal);
    report(error, { out, messages, isJson, io });
  }
  context?.monitor.stop();
  if (isJson) {
    const { errors = 0, warnings = 0 } = context?.monitor ?? {};
    out.line(encodeLine('summary', { command: name, exitCode: exit, errors, warnings, ...summary }));
  }
  return await finish(out, messages, exit, isJson);
}

/** Runs this process's command line and ends the process with its exit code. */
export async function start(): Promise<void> {
  const argv = process.argv.slice(2);
  const io = processIo(() => {
    if (!hasFlag(argv, '--json')) {
      process.stderr.write(`${messageLine('note', 'stopping; once more to stop at once')}\n`);
    }
  });
  const exit = await main(argv, io);
  // Not left to an empty event loop: a worker or a socket that something forgot must not keep a cron job alive.
  process.exit(exit);
}

function readValues(request: Request & { type: 'run' }, io: Io): Values {
  const { command, typed, args } = request;
  const values = new Values(args);
  values.add(globalOptions, [], typed, io.env);
  values.add(command.options, command.path, typed, io.env);
  return values;
}

function exitOf(result: Result, errors: number, signal: AbortSignal): number {
  switch (result.ending ?? 'done') {
    case 'interrupted':
      return interruptedBy(signal);
    case 'damaged':
      return DAMAGED;
    case 'failed':
      return FAILED;
    case 'warming':
      return WARMING.exit;
    case 'incomplete':
      return INCOMPLETE;
    case 'done':
      return errors > 0 ? INCOMPLETE : DONE;
  }
}

function exitOfError(error: unknown, signal: AbortSignal): number {
  if (error instanceof IcecoreError) {
    if (error.code === WARMING.code) return WARMING.exit;
    return error.kind === 'cancelled' ? interruptedBy(signal) : EXIT_CODES[error.kind];
  }
  // What a platform call throws when our signal aborts it.
  return signal.aborted && error instanceof Error && error.name === 'AbortError' ? interruptedBy(signal) : FAILED;
}

function interruptedBy(signal: AbortSignal): number {
  return INTERRUPTED[String(signal.reason)] ?? 130;
}

function report(
  error: unknown,
  world: { readonly out: Output; readonly messages: Output; readonly isJson: boolean; readonly io: Io },
): void {
  const { out, messages, isJson, io } = world;
  const told = reportOf(error);
  if (isJson) out.line(encodeLine('error', failureFields(told)));
  else for (const line of failureLines(told, usesColour(io))) messages.line(line);
  if (io.env.ICECORE_DEBUG === '1' && error instanceof Error) {
    for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) messages.line(cause.stack ?? '');
  }
}

/** Waits until the output has gone. A reader who has left is fine; a full disk is a failure. */
async function finish(out: Output, messages: Output, exit: number, isJson: boolean): Promise<number> {
  try {
    await out.flush();
    await messages.flush().catch(() => {});
    return exit;
  } catch (error) {
    // Without JSON it has been reported already, as the failure of the command.
    if (exit === DONE || isJson) for (const line of failureLines(reportOf(error))) messages.line(line);
    await messages.flush().catch(() => {});
    return exit === DONE ? FAILED : exit;
  }
}
