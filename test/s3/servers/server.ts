/**
 * An S3 server that runs for a while on this machine, and what all kinds of them need: programs that are looked for,
 * ports, a folder that goes away, daemons that end with this process. Which daemons, and how they are told what to do,
 * is each server's own file.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, closeSync, constants, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** How long a daemon may take to answer, in milliseconds. */
const START_MS = 60_000;
/** How much of a log an error shows. */
const SHOWN_CHARACTERS = 2000;

/** What the AWS SDK and its relatives look for in the environment. */
export type Credentials = Readonly<Record<'AWS_ACCESS_KEY_ID' | 'AWS_SECRET_ACCESS_KEY' | 'AWS_REGION', string>>;

/** A server that is up. */
export interface S3Server {
  readonly endpoint: string;
  readonly environment: Credentials;
  /** Ends it and removes what it kept. */
  stop(): Promise<void>;
}

/** What a server does with a storage class: keeps and reports it, or takes it and reports STANDARD. */
export type ClassTrait = 'kept' | 'forgotten';

/** A kind of server that this machine may have. */
export interface ServerKind {
  readonly name: string;
  /** Programs that have to be in PATH. */
  readonly programs: readonly string[];
  /** Where they come from, for whoever reads that they are missing. */
  readonly origin: string;
  readonly classes: ClassTrait;
  /** Objects of archive classes can be read without a thaw. */
  readonly isOnline: boolean;
  /** Starts one on a port of its own, with data in a new folder. Two of a kind do not disturb each other. */
  start(): Promise<S3Server>;
}

/** The programs of `kind` that are not in PATH. */
export function missingPrograms(kind: ServerKind): string[] {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return kind.programs.filter((program) => !folders.some((folder) => isExecutable(join(folder, program))));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Ports of 127.0.0.1 that nobody listens on, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  return await Promise.all(
    servers.map(async (server) => {
      const address = server.address();
      await new Promise((resolve) => server.close(resolve));
      return typeof address === 'object' && address ? address.port : 0;
    }),
  );
}

/** The daemons of one server and the folder they work in. */
export class Daemons {
  readonly folder: string;
  readonly #children: { readonly name: string; readonly child: ChildProcess; readonly ended: Promise<unknown> }[] = [];

  readonly #leave = (): void => this.#end();

  /** `folder` is removed at the end, at the latest when this process exits. */
  constructor(folder: string) {
    this.folder = folder;
    process.on('exit', this.#leave);
  }

  /**
   * Starts a program that stays in the foreground. When this process ends, however it ends, the kernel ends the program
   * too, where there is a `setpriv` to ask for that.
   */
  start(argv: readonly string[], environment: Record<string, string> = {}): void {
    const name = argv[0]!;
    const log = openSync(this.#logFile(name), 'a');
    const [command, ...args] = ['setpriv', '--pdeathsig', 'KILL', '--', ...argv];
    const child = spawn(command!, args, {
      cwd: this.folder,
      env: { PATH: process.env.PATH, HOME: this.folder, LANG: 'C.UTF-8', ...environment },
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    const ended = new Promise((resolve) => child.once('exit', resolve).once('error', resolve));
    this.#children.push({ name, child, ended });
  }

  /**
   * Waits until the server answers at all, whatever it says.
   * @throws Error with the end of its log when it ended instead, or is too slow
   */
  async untilAnswered(url: string): Promise<void> {
    const deadline = performance.now() + START_MS;
    for (;;) {
      const answer = await fetch(url, { signal: AbortSignal.timeout(2000) }).catch(() => undefined);
      await answer?.arrayBuffer();
      if (answer) return;
      const dead = this.#children.find(({ child }) => child.exitCode !== null || child.signalCode !== null);
      if (dead || performance.now() > deadline) {
        const { name } = dead ?? this.#children.at(-1)!;
        const log = readFileSync(this.#logFile(name), 'utf8').slice(-SHOWN_CHARACTERS);
        throw new Error(`${name} ${dead ? 'ended' : 'does not answer'} at ${url}\n${log}`);
      }
      await sleep(50);
    }
  }

  /** Ends them, without ceremony because nothing of theirs is kept, and removes the folder. */
  async stop(): Promise<void> {
    for (const { child } of this.#children) child.kill('SIGKILL');
    await Promise.all(this.#children.map(({ ended }) => ended));
    this.#end();
  }

  #end(): void {
    process.off('exit', this.#leave);
    for (const { child } of this.#children) child.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }

  #logFile(name: string): string {
    return join(this.folder, `${name}.log`);
  }
}
