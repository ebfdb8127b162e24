/**
 * Runs one command and measures it: seconds by the clock, CPU seconds of the whole process tree, and the peak memory of
 * its largest process. GNU time measures the last two where it is installed; else bash counts the CPU time and the peak
 * is polled from /proc, which can miss a process that lives for less than 20 ms.
 */
import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, rmSync } from 'node:fs';

const GNU_TIME = '/usr/bin/time';
/** BSD's program of that name has other options. */
const HAS_GNU_TIME = process.platform === 'linux' && existsSync(GNU_TIME);
const POLL_MS = 20;
/** How much of a failed command's output an error shows. */
const SHOWN_CHARACTERS = 2000;

/** What to run. */
export interface Command {
  readonly argv: readonly string[];
  /** Working directory; the current one when left out. */
  readonly directory?: string;
}

/** What one run took. */
export interface Measure {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakRssBytes: number;
}

/** Settings that all commands of one tool share. */
export interface CommandSettings {
  readonly environment: Record<string, string>;
  /** An existing folder for output and figures. */
  readonly scratch: string;
}

/**
 * Runs a command to its end with no input. Its output goes to a file, so that no terminal and no pipe slows it down.
 * @throws Error with the end of the output when the status is not 0
 */
export async function runCommand(command: Command, { environment, scratch }: CommandSettings): Promise<Measure> {
  const figures = `${scratch}/figures`;
  const log = `${scratch}/output`;
  const output = openSync(log, 'w');
  const [name, ...args] = wrap(command.argv, figures);
  const start = performance.now();
  try {
    const child = spawn(name!, args, {
      env: environment,
      stdio: ['ignore', output, output],
      ...(command.directory === undefined ? {} : { cwd: command.directory }),
    });
    const ended = new Promise<string | undefined>((resolve) => {
      child.on('error', (error) => resolve(error.message));
      child.on('exit', (status, signal) => resolve(status === 0 ? undefined : `status ${status ?? signal}`));
    });
    const peak = HAS_GNU_TIME ? undefined : pollPeak(child.pid);
    const failure = await ended;
    const seconds = (performance.now() - start) / 1000;
    const polledPeak = peak?.stop();
    if (failure !== undefined) {
      throw new Error(`${command.argv.join(' ')}: ${failure}\n${readFileSync(log, 'utf8').slice(-SHOWN_CHARACTERS)}`);
    }
    // GNU time writes a line of its own before the figures when a status is not 0; the figures are the last line.
    const [user, system, peakKib] = readFileSync(figures, 'utf8').trim().split('\n').at(-1)!.split(' ').map(Number);
    return { seconds, cpuSeconds: user! + system!, peakRssBytes: polledPeak ?? peakKib! * 1024 };
  } finally {
    closeSync(output);
    rmSync(figures, { force: true });
  }
}

function wrap(argv: readonly string[], figures: string): string[] {
  if (HAS_GNU_TIME) return [GNU_TIME, '-f', '%U %S %M', '-o', figures, ...argv];
  const script = `TIMEFORMAT='%U %S'; { time "$@" 2>&3; } 3>&2 2>"$0"`;
  return ['bash', '-c', script, figures, ...argv];
}

/** Watches the process and its descendants; `stop` says the highest peak of any of them, in bytes. */
function pollPeak(root: number | undefined): { stop(): number } {
  let peak = 0;
  const look = (): void => {
    const open = root === undefined ? [] : [root];
    for (let pid = open.pop(); pid !== undefined; pid = open.pop()) {
      const kib = /^VmHWM:\s+(\d+)/m.exec(readProc(`${pid}/status`))?.[1];
      peak = Math.max(peak, Number(kib ?? 0) * 1024);
      open.push(...readProc(`${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number));
    }
  };
  const timer = setInterval(look, POLL_MS);
  return {
    stop() {
      clearInterval(timer);
      return peak;
    },
  };
}

/** Processes come and go while we look. */
function readProc(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, 'utf8');
  } catch {
    return '';
  }
}
