/** The way out of a dump: gathers small writes into larger ones, counts, and tells the monitor how far it is. */
import type { Monitor } from '../base/monitor.ts';
import type { Raw } from '../base/raw.ts';
import type { ByteSink, DumpStats } from './dump-types.ts';

const BATCH_BYTES = 262_144;

/** Counts and writes. Bytes that were handed over must not be changed. */
export class DumpOutput {
  readonly #sink: ByteSink;
  readonly #monitor: Monitor;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #written = 0;
  #files = 0;
  #contentBytes = 0;
  #errors = 0;

  constructor(sink: ByteSink, monitor: Monitor) {
    this.#sink = sink;
    this.#monitor = monitor;
  }

  /** What was written so far; `bytes` are all that went into the sink. */
  get stats(): DumpStats {
    return { files: this.#files, bytes: this.#written, errors: this.#errors };
  }

  /** Takes bytes; waits for the sink when enough have come together. */
  async write(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return;
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#written += bytes.length;
    if (this.#waitingBytes >= BATCH_BYTES) await this.flush();
  }

  /** Hands over what has come together. */
  async flush(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    if (waiting.length > 0) await this.#sink.write(waiting.length === 1 ? waiting[0]! : Buffer.concat(waiting));
  }

  /** A file begins. */
  beginFile(path: Raw): void {
    this.#files++;
    this.#monitor.progress({
      phase: 'restore',
      filesDone: this.#files - 1,
      bytesDone: this.#contentBytes,
      bytesStored: this.#written,
      current: path,
      errors: this.#errors,
    });
  }

  /** So much content was written. */
  countBytes(bytes: number): void {
    this.#contentBytes += bytes;
  }

  countError(): void {
    this.#errors++;
  }
}
