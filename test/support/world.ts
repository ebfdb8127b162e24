/** A world around the command line: captured streams, an environment, people who answer, and fakes of verbs. */
import { Readable, Writable } from 'node:stream';
import { systemClock } from '../../src/base/clock.ts';
import { type Raw, rawFromText } from '../../src/base/raw.ts';
import type { Environment, Io } from '../../src/cli/io.ts';
import { main } from '../../src/cli/main.ts';
import { type Verbs, verbs } from '../../src/cli/verbs.ts';

/** A stream that keeps what is written, and can fail as a pipe or a full disk does. */
export class CapturedStream extends Writable {
  readonly isTTY: boolean;
  readonly columns: number;
  text = '';
  bytes = Buffer.alloc(0);
  readonly #failure: string | undefined;
  readonly #failsAfter: number;

  constructor(options: { isTTY?: boolean; columns?: number; failure?: string; failsAfter?: number } = {}) {
    super();
    this.isTTY = options.isTTY ?? false;
    this.columns = options.columns ?? 80;
    this.#failure = options.failure;
    this.#failsAfter = options.failsAfter ?? 0;
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    if (this.#failure !== undefined && this.bytes.length + chunk.length > this.#failsAfter) {
      done(Object.assign(new Error(this.#failure), { code: this.#failure }));
      return;
    }
    this.bytes = Buffer.concat([this.bytes, chunk]);
    this.text += chunk.toString('utf8');
    done();
  }

  /** What ora asks of a terminal. */
  cursorTo(): boolean {
    return true;
  }
  moveCursor(): boolean {
    return true;
  }
  clearLine(): boolean {
    return true;
  }
}

export interface WorldOptions {
  readonly env?: Environment;
  readonly home?: string | undefined;
  readonly cwd?: string;
  readonly stdin?: Iterable<Uint8Array>;
  readonly stdout?: CapturedStream;
  readonly stderr?: CapturedStream;
  /** What a person answers, in order; undefined ends the input. Without it there is no terminal. */
  readonly answers?: readonly (string | undefined)[];
  readonly verbs?: Partial<Verbs>;
  readonly abort?: AbortController;
  readonly rawArgument?: (argument: string) => Raw;
}

/** What a run left behind. */
export interface Ran {
  readonly exit: number;
  readonly out: string;
  readonly err: string;
  /** Exact standard output. */
  readonly bytes: Buffer;
  /** The objects of standard output, where it is JSON lines. */
  readonly lines: () => Record<string, unknown>[];
  /** What the person was asked. */
  readonly questions: readonly string[];
}

/** Runs one command line in-process. */
export async function run(argv: readonly string[], options: WorldOptions = {}): Promise<Ran> {
  const stdout = options.stdout ?? new CapturedStream();
  const stderr = options.stderr ?? new CapturedStream();
  const answers = [...(options.answers ?? [])];
  const questions: string[] = [];
  const io: Io = {
    stdin: () => Readable.from(options.stdin ?? []),
    stdout,
    stderr,
    env: options.env ?? {},
    cwd: () => rawFromText(options.cwd ?? '/nowhere'),
    rawArgument: options.rawArgument ?? rawFromText,
    terminal:
      options.answers === undefined
        ? undefined
        : {
            ask: async (question) => {
              questions.push(question);
              return answers.shift();
            },
          },
    signal: (options.abort ?? new AbortController()).signal,
    home: () => ('home' in options ? options.home : '/home/of/nobody'),
    host: () => 'testhost',
    user: () => 'tester',
    clock: systemClock,
    random: (length) => crypto.getRandomValues(new Uint8Array(length)),
    verbs: { ...verbs, ...options.verbs },
  };
  const exit = await main(argv, io);
  return {
    exit,
    out: stdout.text,
    err: stderr.text,
    bytes: stdout.bytes,
    lines: () =>
      stdout.text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    questions,
  };
}
