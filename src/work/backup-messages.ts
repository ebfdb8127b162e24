/**
 * What the main thread and the worker threads of a backup tell each other. The main thread walks, decides and stores;
 * workers read, cut, hash, compress and seal. Everything here survives structured cloning; large buffers are moved.
 */
import type { SessionId } from '../base/ids.ts';
import type { Problem } from '../base/monitor.ts';
import type { Raw } from '../base/raw.ts';
import type { FileFacts } from '../files/facts.ts';
import type { Extents } from '../files/sparse.ts';
import type { ChunkSizes } from '../format/chunker.ts';
import type { Xattrs } from '../format/entry.ts';
import type { PackDescription } from '../repo/pack-writer.ts';
import type { SealHeader } from '../seal/age-header.ts';
import type { Signer } from '../seal/signatures.ts';

/** What a worker is given once. Secrets stay within the process. */
export interface BackupSetup {
  readonly role: 'backup';
  readonly sid: SessionId;
  readonly chunkIdKey: Uint8Array;
  readonly gearTable: Int32Array;
  readonly chunkSizes: ChunkSizes;
  readonly header: SealHeader;
  readonly signer: Signer;
  readonly level: number;
  readonly packBytes: number;
  readonly storageClass: string;
  readonly created: string;
  /** One number, shared: the next data pack. */
  readonly packCounter: SharedArrayBuffer;
  /** One number, shared: not 0 once what is not read yet is not to be read any more. */
  readonly stop: SharedArrayBuffer;
  /** Sealed bytes that a worker may have on the way to the store before it waits. */
  readonly outputWindow: number;
}

/** The messages to a worker. */
export type ToBackupWorker =
  /** The first message. */
  | { readonly type: 'setup'; readonly setup: BackupSetup }
  /** Small files, read whole; together at most a batch. `facts` are the values of a FactsTable. */
  | { readonly type: 'files'; readonly task: number; readonly paths: readonly Raw[]; readonly facts: BigInt64Array }
  /** Ranges of a file, read as one content that ends with the last of them. */
  | {
      readonly type: 'slice';
      readonly task: number;
      readonly path: Raw;
      readonly facts: BigInt64Array;
      readonly ranges: Extents;
    }
  /** Bytes that come from elsewhere (standard input), as one content that goes on in the next task unless `isEnd`. */
  | { readonly type: 'bytes'; readonly task: number; readonly content: Uint8Array; readonly isEnd: boolean }
  /** Which of the asked chunks are new (1) and to be stored. Answers come in the order of the questions. */
  | { readonly type: 'verdict'; readonly fresh: Uint8Array }
  /** The store took that many sealed bytes. */
  | { readonly type: 'taken'; readonly bytes: number }
  /** No more tasks: end the open pack. */
  | { readonly type: 'finish' };

/** How reading a file, a slice or a piece ended, where it is not simply read whole and as the walk saw it. */
export type FileOutcome =
  | {
      readonly type: 'read';
      readonly bytes: number;
      /** fstat of the open file before it was read, where it is not what the walk saw. */
      readonly facts?: FileFacts;
      readonly flaw?: 'changed' | 'truncated';
      readonly xattrs?: Xattrs;
      readonly problems: readonly Problem[];
    }
  /** It no longer fits a batch and must come again as slices. */
  | { readonly type: 'grown' }
  | { readonly type: 'problem'; readonly problem: Problem };

/** The end of a task: chunks a file, and the outcomes that need words, by the number of the file in the task. */
export interface TaskEnd {
  /** The run was interrupted before all of it was read: nothing of it counts. */
  readonly isAbandoned?: true;
  readonly chunkCounts: Uint32Array;
  readonly outcomes: ReadonlyMap<number, FileOutcome>;
}

/** The messages from a worker. */
export type FromBackupWorker =
  /** Chunks were cut and hashed. Where there are any the worker waits for a verdict on `ids` (32 bytes each). */
  | {
      readonly type: 'hashed';
      readonly task: number;
      readonly ids: Uint8Array;
      readonly lengths: Uint32Array;
      readonly end?: TaskEnd;
    }
  | { readonly type: 'pack-start'; readonly name: string }
  | { readonly type: 'piece'; readonly name: string; readonly bytes: Uint8Array }
  | { readonly type: 'pack-end'; readonly name: string; readonly pack: PackDescription }
  /** All packs are ended. */
  | { readonly type: 'finished' };
