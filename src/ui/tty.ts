/**
 * Draws the progress line on a terminal, with ora. Owns when the line is on the screen; its words are progress.ts's.
 * Loaded only where there is a terminal to draw on.
 */
import ora from 'ora';
import type { Progress } from '../base/monitor.ts';
import type { OutputStream } from './output.ts';
import { PaceMeter, progressLine } from './progress.ts';
import { cutEnd } from './width.ts';

const REFRESH = 100;
/** Runs shorter than this show no line at all. */
const PATIENCE = 300;
/** The spinner, a space, and the last column, where some terminals wrap already. */
const MARGIN = 3;

/** A progress line at the bottom of the terminal. Lines written to the same terminal meanwhile appear above it. */
export class TerminalDisplay {
  readonly #stream: OutputStream;
  readonly #spinner: ReturnType<typeof ora>;
  readonly #meter = new PaceMeter();
  readonly #timer: NodeJS.Timeout;
  readonly #created: number;
  #latest: Progress | undefined;
  #isPaused = false;
  #held: { readonly text: string; readonly until: number } | undefined;

  constructor(stream: OutputStream) {
    this.#stream = stream;
    this.#created = performance.now();
    // Standard input stays alone: the terminal itself then turns Ctrl-C into a signal, at any load of this process.
    this.#spinner = ora({ stream, discardStdin: false, isEnabled: true, interval: REFRESH });
    this.#timer = setInterval(() => this.#refresh(), REFRESH);
    this.#timer.unref();
  }

  /** Takes the newest report; cheap, it is drawn later. */
  update(progress: Progress): void {
    this.#latest = progress;
  }

  /** Shows a text instead of the progress, for some milliseconds: a shorter one does not cut a longer one short. */
  hold(text: string, milliseconds: number): void {
    this.#held = { text, until: Math.max(performance.now() + milliseconds, this.#held?.until ?? 0) };
  }

  /** Takes the line off the screen, for a question. */
  pause(): void {
    this.#isPaused = true;
    if (this.#spinner.isSpinning) this.#spinner.stop();
  }

  resume(): void {
    this.#isPaused = false;
  }

  /** Takes the line off the screen for good. */
  stop(): void {
    clearInterval(this.#timer);
    this.pause();
  }

  #refresh(): void {
    const now = performance.now();
    if (this.#latest === undefined || this.#isPaused) return;
    if (this.#stream.columns === 0) {
      // A terminal without a size (expect, script, some containers): the spinner would count endless lines on it.
      this.stop();
      return;
    }
    const pace = this.#meter.measure(this.#latest, now);
    if (now - this.#created < PATIENCE) return;
    const columns = Math.max(1, (this.#stream.columns ?? 80) - MARGIN);
    const isHeld = this.#held !== undefined && now < this.#held.until;
    this.#spinner.text = isHeld ? cutEnd(this.#held!.text, columns) : progressLine(this.#latest, pace, columns);
    if (!this.#spinner.isSpinning) this.#spinner.start();
  }
}
