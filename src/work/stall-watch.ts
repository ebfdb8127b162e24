/**
 * Speaks up when worker threads have gone silent: a network file system that does not answer blocks a thread inside a
 * system call, and without a word a run would seem to work for ever. It ends nothing; the call may still come back.
 */
import type { Problem } from '../base/monitor.ts';
import type { Raw } from '../base/raw.ts';

const SILENCE_MS = 60_000;

/** Watches several threads, each of which works off what it is given in order. */
export class StallWatch {
  readonly #report: (problem: Problem) => void;
  readonly #given: { paths: Raw[]; heard: number; isReported: boolean }[];
  readonly #timer: NodeJS.Timeout;

  constructor(threads: number, report: (problem: Problem) => void) {
    this.#report = report;
    this.#given = Array.from({ length: threads }, () => ({ paths: [], heard: performance.now(), isReported: false }));
    this.#timer = setInterval(() => this.#look(), SILENCE_MS / 4);
    this.#timer.unref();
  }

  /** How much a thread has to do. */
  load(thread: number): number {
    return this.#given[thread]!.paths.length;
  }

  /** A thread was given work that begins at this path. */
  gave(thread: number, path: Raw): void {
    const given = this.#given[thread]!;
    if (given.paths.length === 0) given.heard = performance.now();
    given.paths.push(path);
  }

  /** A thread said something. */
  heard(thread: number): void {
    const given = this.#given[thread]!;
    given.heard = performance.now();
    given.isReported = false;
  }

  /** A thread has done the oldest of what it was given. */
  done(thread: number): void {
    this.#given[thread]!.paths.shift();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    for (const given of this.#given) {
      const [path] = given.paths;
      if (path === undefined || given.isReported || performance.now() - given.heard < SILENCE_MS) continue;
      given.isReported = true;
      this.#report({
        severity: 'warning',
        code: 'no-answer',
        message: `nothing has come back for ${SILENCE_MS / 1000} s, from here or from the store`,
        path,
        hint: 'a network or removable file system may not answer; the run goes on when it does',
      });
    }
  }
}
