/**
 * A verify's worker thread: checks packs piece by piece as the main thread fetches them, and reads the segments that it
 * comes across in meta packs. It fetches nothing and decides nothing; it holds one pack's unfinished frame.
 */
import { bug, isIcecoreError } from '../base/errors.ts';
import { releaseMemory } from '../base/release.ts';
import { decodeIndexObject } from '../format/index-object.ts';
import { ChunkLookup } from '../repo/chunk-lookup.ts';
import { CheckBuffers, PackCheck } from '../repo/pack-check.ts';
import { reportSegment } from './segment-report.ts';
import type { FromVerifyWorker, PackTask, SegmentReport, ToVerifyWorker, VerifySetup } from './verify-messages.ts';

/** How root nodes and chunk lists begin: all other meta chunks are segments. */
const NODES = [Buffer.from('{"root":'), Buffer.from('{"list":')];

interface OpenCheck {
  readonly task: number;
  readonly check: PackCheck;
  readonly segments: SegmentReport[];
}

/** The state of one worker. Packs come one after the other. */
export class VerifyWorker {
  readonly #setup: VerifySetup;
  readonly #send: (message: FromVerifyWorker) => void;
  readonly #buffers = new CheckBuffers();
  #lookup: ChunkLookup | undefined;
  #open: OpenCheck | undefined;

  constructor(setup: VerifySetup, send: (message: FromVerifyWorker) => void) {
    this.#setup = setup;
    this.#send = send;
  }

  /** Takes a message. */
  receive(message: ToVerifyWorker): undefined {
    switch (message.type) {
      case 'pack':
        this.#begin(message);
        return;
      case 'piece':
        if (this.#open?.task === message.task) this.#open.check.push(message.bytes);
        this.#send({ type: 'taken', bytes: message.bytes.length });
        releaseMemory(message.bytes);
        return;
      case 'end': {
        if (this.#open?.task !== message.task) return;
        const { task, check, segments } = this.#open;
        this.#open = undefined;
        this.#send({ type: 'checked', task, report: check.finish(), segments });
        return;
      }
      case 'setup':
        return;
      default:
        message satisfies never;
    }
  }

  /** Closes what is open; a thread that ends does not need it. */
  close(): void {
    this.#lookup?.close();
  }

  #begin({ task, index, fileKey, isMeta }: PackTask): void {
    // The one before was given up, if it is still there: the store failed in the middle of it.
    this.#open = undefined;
    const [record] = decodeIndexObject(index, 'the index');
    if (!record) throw bug('a pack without its lines of the index');
    const frameLines = index.subarray(index.indexOf(0x0a) + 1);
    const segments: SegmentReport[] = [];
    const onChunk = isMeta
      ? (id: string, content: Buffer) => {
          if (NODES.some((start) => content.subarray(0, start.length).equals(start))) return;
          this.#lookup ??= new ChunkLookup(this.#setup.catalogPath);
          const object = `${record.name} (chunk ${id})`;
          segments.push(reportSegment(id, content, object, this.#lookup, this.#setup.wantsPacks));
        }
      : undefined;
    try {
      const check = new PackCheck(record, frameLines, fileKey, this.#setup.keys, this.#buffers, onChunk);
      this.#open = { task, check, segments };
    } catch (error) {
      if (!isIcecoreError(error, 'damage')) throw error;
      // The index is authentic, so its writer was mistaken or meant it: nothing in the pack can be found by it.
      const problems = [{ code: error.code, message: error.message }];
      const report = { problems, badFrames: record.frames.map((_, frame) => frame), bytes: 0 };
      this.#send({ type: 'checked', task, report, segments });
    }
  }
}
