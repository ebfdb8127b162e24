/**
 * Writes to a standard stream and knows when its reader has gone. Owns batching, back-pressure and the two ways in which
 * a stream fails: a broken pipe is somebody who has read enough and is no error; anything else (a full disk) is one.
 */
import { IcecoreError, messageOf } from '../base/errors.ts';
import type { Raw } from '../base/raw.ts';

/** What the process or a test hands in. */
export type OutputStream = NodeJS.WritableStream & {
  readonly isTTY?: boolean;
  readonly columns?: number;
};

const BATCH = 32_768;
const LONGEST_HOLD = 100;

/** A standard stream. Lines written by {@link line} appear at once, those of the batched methods soon. */
export class Output {
  readonly #stream: OutputStream;
  readonly #name: string;
  #broken = false;
  #failure: unknown;
  #waiting: (() => void) | undefined;

  /** Takes the stream over; `name` is for errors (`standard output`). */
  constructor(stream: OutputStream, name: string) {
    this.#stream = stream;
    this.#name = name;
    stream.on('error', (error: NodeJS.ErrnoException) => {
      this.#broken = true;
      if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_DESTROYED') this.#failure ??= error;
      this.#waiting?.();
    });
  }

  /** True when nobody reads any more; whatever is written then goes nowhere. */
  get isBroken(): boolean {
    return this.#broken;
  }

  get isTerminal(): boolean {
    return this.#stream.isTTY === true;
  }

  /** Width of the terminal, or undefined where the stream is none. */
  get columns(): number | undefined {
    // A terminal that nobody has given a size says 0.
    return this.isTerminal ? this.#stream.columns || 80 : undefined;
  }

  /** The stream itself, for a display that draws on it. */
  get stream(): OutputStream {
    return this.#stream;
  }

  /** Writes one line, without waiting. */
  line(text: string): void {
    if (!this.#broken) this.#stream.write(`${text}\n`);
  }

  /**
   * Writes lines in batches, waiting while the reader is slow, and stops pulling when it has gone.
   * @throws kind `user`, `output-failed`
   */
  async writeLines(lines: AsyncIterable<string>): Promise<void> {
    await this.#writeBatches(lines, '\n', 'utf8');
  }

  /** Writes names exactly, each followed by a NUL byte; otherwise like {@link writeLines}. */
  async writeNames(names: AsyncIterable<Raw>): Promise<void> {
    await this.#writeBatches(names, '\0', 'latin1');
  }

  /** Writes bytes, and resolves when more may come. */
  async writeBytes(bytes: Uint8Array | string): Promise<void> {
    if (!this.#broken && !this.#stream.write(bytes)) await this.#drained();
    this.#throwFailure();
  }

  /**
   * Waits until everything has left the process.
   * @throws kind `user`, `output-failed`
   */
  async flush(): Promise<void> {
    if (!this.#broken) {
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
        this.#stream.write('', () => resolve());
      });
      this.#waiting = undefined;
    }
    this.#throwFailure();
  }

  async #writeBatches(items: AsyncIterable<string>, end: string, encoding: 'utf8' | 'latin1'): Promise<void> {
    let held = '';
    let since = performance.now();
    for await (const item of items) {
      held += item + end;
      if (held.length >= BATCH || this.isTerminal || performance.now() - since > LONGEST_HOLD) {
        await this.writeBytes(Buffer.from(held, encoding));
        held = '';
        since = performance.now();
      }
      if (this.#broken) break;
    }
    if (held !== '') await this.writeBytes(Buffer.from(held, encoding));
  }

  async #drained(): Promise<void> {
    await new Promise<void>((resolve) => {
      const done = () => {
        this.#stream.removeListener('drain', done);
        this.#waiting = undefined;
        resolve();
      };
      this.#waiting = done;
      this.#stream.on('drain', done);
    });
  }

  #throwFailure(): void {
    if (this.#failure === undefined) return;
    throw new IcecoreError('user', 'output-failed', `cannot write to ${this.#name}: ${messageOf(this.#failure)}`, {
      cause: this.#failure,
    });
  }
}
