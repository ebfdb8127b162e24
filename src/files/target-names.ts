/**
 * Names in a restored tree: which ones are accepted, and how temporary ones are made. Pure. What becomes of temporary
 * ones that a killed run has left behind is decided in target-leftovers.ts.
 *
 * A temporary name is `.ic-` and 10 characters of base32: the process id (5), the run (2) and a serial number (3). It
 * is short because the final name may already have the longest length that a file system takes.
 */
import { IcecoreError } from '../base/errors.ts';
import { type Raw, rawToDisplay } from '../base/raw.ts';

const DIGITS = '0123456789abcdefghijklmnopqrstuv';
const SERIALS = 1 << 15;

/** What tells the temporary files of this run from those of another: shared by all threads of a run. */
export interface TargetRun {
  readonly pid: number;
  /** A random number from 0 to 1023. */
  readonly token: number;
  /** When the run began, in milliseconds since 1970, before its first temporary file. */
  readonly started: number;
}

/**
 * Accepts one component: not empty, not `.` or `..`, without `/` and NUL.
 * @throws IcecoreError `damage`, `name-refused`: the validator of manifests lets no such name through.
 */
export function checkName(name: Raw): void {
  if (name.length === 0 || name === '.' || name === '..' || name.includes('/') || name.includes('\0')) {
    throw new IcecoreError('damage', 'name-refused', `not a name of a file: ${JSON.stringify(rawToDisplay(name))}`);
  }
}

/** The temporary names of one thread. */
export class TempNames {
  readonly #prefix: string;
  #serial: number;

  /** `first` is a random number: threads that start apart rarely meet (a clash costs one more try). */
  constructor(run: TargetRun, first: number) {
    this.#prefix = `.ic-${digits(run.pid, 5)}${digits(run.token, 2)}`;
    this.#serial = first % SERIALS;
  }

  /** The next name. They come again after 32,768, so the caller creates exclusively and asks again when it is taken. */
  next(): Raw {
    const serial = this.#serial;
    this.#serial = (serial + 1) % SERIALS;
    return (this.#prefix + DIGITS[serial >>> 10]! + DIGITS[(serial >>> 5) & 31]! + DIGITS[serial & 31]!) as Raw;
  }
}

/** A number as digits of a temporary name. */
export function digits(value: number, count: number): string {
  return (value % 32 ** count).toString(32).padStart(count, '0');
}
