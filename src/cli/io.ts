/**
 * Everything that the command line has from the process around it, as one value: tests hand in their own and call
 * `main` without spawning. Owns no behaviour; process.ts makes the real one.
 */
import type { Readable } from 'node:stream';
import type { Clock } from '../base/clock.ts';
import type { Raw } from '../base/raw.ts';
import type { OutputStream } from '../ui/output.ts';
import type { Verbs } from './verbs.ts';

/** A person at a terminal. */
export interface Terminal {
  /**
   * Asks a question and reads one line, without showing it when `isSecret`.
   * @returns undefined when the person ends the input instead of answering
   * @throws kind `cancelled` when the person interrupts
   */
  ask(question: string, isSecret: boolean): Promise<string | undefined>;
}

/** Environment variables. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface Io {
  readonly stdin: () => Readable;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: Environment;
  /** The current directory. */
  readonly cwd: () => Raw;
  /** The bytes of a command line argument, which as text may have lost those that are not UTF-8. */
  readonly rawArgument: (argument: string) => Raw;
  /** Undefined when nobody is there to answer. */
  readonly terminal: Terminal | undefined;
  /** Aborted by signals; its reason is then the signal's name (`SIGINT`). */
  readonly signal: AbortSignal;
  /** The user's home directory; undefined when there is none. */
  readonly home: () => string | undefined;
  readonly host: () => string;
  readonly user: () => string;
  readonly clock: Clock;
  readonly random: (length: number) => Uint8Array;
  readonly verbs: Verbs;
}
