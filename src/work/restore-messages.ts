/**
 * What the main thread and the worker threads of a restore say to each other. Types only. Everything that comes in
 * numbers is flat: columns in typed arrays, names joined in one string; object graphs would cost more to copy than the
 * files take to write.
 */
import type { Problem } from '../base/monitor.ts';
import type { Raw } from '../base/raw.ts';
import type { Extents } from '../files/target-extents.ts';
import type { TempFile } from '../files/target-file.ts';
import type { TargetRun } from '../files/target-names.ts';
import type { Xattrs } from '../format/entry.ts';

/** What all workers of a restore start with. */
export interface RestoreSetup {
  readonly role: 'restore';
  readonly target: Raw;
  readonly run: TargetRun;
  readonly chunkIdKey: Uint8Array;
  /** What is there was looked at when the restore was planned; `never` is obeyed for what came since. */
  readonly overwrite: 'always' | 'never';
  /** Make holes of zeros. */
  readonly sparse: boolean;
  /** One shared number; not 0 means: begin nothing more. */
  readonly stop: Int32Array;
}

/** What few files have. */
export interface FileExtras {
  /** A time that 64 bits of nanoseconds do not hold. */
  readonly mtime?: bigint;
  readonly atime?: bigint;
  readonly xattrs?: Xattrs;
  readonly sparse?: Extents;
}

/** Numbers of a file in {@link FileColumns}: mode, uid, gid, size, how many uses of chunks it has. */
export const FILE_NUMBERS = 5;

/** Files, column by column. */
export interface FileColumns {
  readonly count: number;
  /** Paths of directories in the tree, joined by NUL; `directory` has an index into them for each file. */
  readonly directories: string;
  readonly directory: Uint32Array;
  /** Joined by slashes. */
  readonly names: string;
  readonly numbers: Float64Array;
  readonly mtimes: BigInt64Array;
  readonly extras: ReadonlyMap<number, FileExtras>;
}

/** Numbers of a frame in a unit: offset and length in the pack's plaintext, raw length, how many chunks are needed. */
export const FRAME_NUMBERS = 4;
/** Numbers of a chunk in a unit: offset in the decompressed frame, length, how many uses follow. */
export const CHUNK_NUMBERS = 3;

/** A fetched range of a pack, and everything that is to be written from it. */
export interface RestoreUnit {
  readonly type: 'unit';
  readonly task: number;
  /** Absent where no content is needed: empty files, files that are all hole. */
  readonly pack?: {
    readonly name: string;
    readonly head: Uint8Array;
    readonly size: number;
    readonly fileKey: Uint8Array;
    /** The range of the pack's plaintext that `sealed` holds. */
    readonly offset: number;
    readonly length: number;
    readonly sealed: Uint8Array;
  };
  readonly frames: Float64Array;
  readonly ids: Uint8Array;
  readonly chunks: Uint32Array;
  /** For each use, in the order of chunks: which file (from `files.count` on: which of `temps`), and where in it. */
  readonly useFile: Uint32Array;
  readonly useOffset: Float64Array;
  /** Files all of whose chunks are in this unit. */
  readonly files: FileColumns;
  /** Files that other units write too; undefined for one that has failed meanwhile. */
  readonly temps: readonly (TempFile | undefined)[];
}

/** Files that are there, and the chunks that they should consist of. */
export interface CompareTask {
  readonly type: 'compare';
  readonly task: number;
  readonly files: readonly {
    readonly directory: Raw;
    readonly name: Raw;
    /** Where the first chunk begins, without holes. */
    readonly offset: number;
    readonly sparse?: Extents;
    readonly chunkCount: number;
    /** The size that the whole file must have. */
    readonly size: number;
  }[];
  readonly ids: Uint8Array;
  readonly lengths: Uint32Array;
}

export type ToRestoreWorker =
  | { readonly type: 'setup'; readonly setup: RestoreSetup }
  | RestoreUnit
  | CompareTask
  /** Nothing more will come: close everything, and say so. */
  | { readonly type: 'end' };

/** What became of a file: nothing yet (a chunk failed, or the run was stopped), written, kept, or failed. */
export const OUTCOME = { open: 0, written: 1, kept: 2, failed: 3 } as const;

/** A chunk that could not be had from the fetched range. */
export interface FailedChunk {
  /** Its place among the chunks of the unit. */
  readonly chunk: number;
  readonly code: string;
  readonly message: string;
}

/** The answer to a unit. */
export interface UnitResult {
  readonly type: 'unit-done';
  readonly task: number;
  /** For each file. */
  readonly outcomes: Uint8Array;
  /** For each temporary file: bytes of content written. */
  readonly tempBytes: Float64Array;
  /** For each temporary file: what went wrong while writing, if anything. */
  readonly tempProblems: ReadonlyMap<number, Problem>;
  readonly failedChunks: readonly FailedChunk[];
  readonly problems: readonly Problem[];
  readonly bytesWritten: number;
}

/** The answer to a comparison: 1 for each file whose content is as it should be. */
export interface CompareResult {
  readonly type: 'compared';
  readonly task: number;
  readonly equal: Uint8Array;
}

export type FromRestoreWorker = UnitResult | CompareResult | { readonly type: 'ended' };
