/**
 * The parent file: what this host remembers of its last snapshot of a set of paths. A writer cannot open manifests
 * (they are sealed to the reader's key), so each backup keeps its own manifest here, record by record. The file that a
 * running backup writes is, when the run dies, a prefix in walk order: the journal that lets the next run go on without
 * reading those files again. Disposable and local. What a record looks like is parent-record.ts's.
 */
import { closeSync, fstatSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import { comparePaths, type Raw } from '../base/raw.ts';
import {
  decodeRecord,
  encodeRecord,
  type ManifestSegment,
  type ParentRecord,
  RECORD_HEAD_BYTES,
  recordLength,
} from './parent-record.ts';

/** Reads a parent file in order, and finds the entries of a walk in it by merging. */
export class ParentReader {
  readonly #fd: number;
  readonly #size: number;
  readonly #onRecord: (record: ParentRecord) => void;
  #position = 0;
  #record: ParentRecord | undefined;
  #index = 0;

  private constructor(fd: number, size: number, onRecord: (record: ParentRecord) => void) {
    this.#fd = fd;
    this.#size = size;
    this.#onRecord = onRecord;
    this.#load();
  }

  /** Opens a parent file; undefined when there is none or it cannot be read. `onRecord` hears of each record in turn. */
  static open(path: string, onRecord: (record: ParentRecord) => void = () => {}): ParentReader | undefined {
    try {
      const fd = openSync(path, 'r');
      return new ParentReader(fd, fstatSync(fd).size, onRecord);
    } catch {
      return undefined;
    }
  }

  close(): void {
    closeSync(this.#fd);
    this.#record = undefined;
  }

  /** The record of the entry that {@link seek} found. */
  get record(): ParentRecord {
    return this.#record!;
  }

  /** The place of the entry that {@link seek} found, in its record. */
  get index(): number {
    return this.#index;
  }

  /** Moves to (directory, name); true when such an entry is there. Calls must come in manifest order. */
  seek(directory: Raw, name: Raw): boolean {
    for (;;) {
      const record = this.#record;
      if (!record) return false;
      const at = record.directoryOf(this.#index);
      const order = at === directory ? 0 : comparePaths(at, directory);
      if (order > 0) return false;
      if (order === 0) {
        const here = record.names[this.#index]!;
        if (here === name) return true;
        if (here > name) return false;
      }
      if (++this.#index >= record.count) this.#load();
    }
  }

  /** Goes to the next record that has entries; a torn one ends the file. */
  #load(): void {
    this.#record = undefined;
    this.#index = 0;
    do {
      const head = Buffer.alloc(RECORD_HEAD_BYTES);
      readSync(this.#fd, head, 0, RECORD_HEAD_BYTES, this.#position);
      const length = recordLength(head);
      if (length === undefined || this.#position + length > this.#size) return;
      const raw = Buffer.from(new ArrayBuffer(length));
      readSync(this.#fd, raw, 0, length, this.#position);
      this.#position += length;
      this.#record = decodeRecord(raw);
      if (this.#record) this.#onRecord(this.#record);
    } while (this.#record?.count === 0);
  }
}

/**
 * Writes a parent file record by record. A disk that fills ends the file and not the backup: the next run then reads
 * more again than it had to.
 */
export class ParentWriter {
  readonly #fd: number;
  #isBroken = false;

  constructor(path: string) {
    this.#fd = openSync(path, 'w', 0o600);
  }

  /** Adds a segment that was made anew. */
  add(segment: ManifestSegment): void {
    this.#write(encodeRecord(segment));
  }

  /** Adds a segment that stayed as it was. */
  copy(record: ParentRecord): void {
    this.#write(record.raw);
  }

  /** True when a record could not be written: what there is, is a journal and no parent. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Ends the file; `isDurable` before it takes the place of another. */
  close(isDurable: boolean): void {
    try {
      if (isDurable) fsyncSync(this.#fd);
    } catch {
      this.#isBroken = true;
    }
    closeSync(this.#fd);
  }

  #write(bytes: Uint8Array): void {
    if (this.#isBroken) return;
    try {
      for (let done = 0; done < bytes.length; ) done += writeSync(this.#fd, bytes, done);
    } catch {
      this.#isBroken = true;
    }
  }
}
