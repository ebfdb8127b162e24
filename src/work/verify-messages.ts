/** What the main thread and the workers of a verify tell each other. Plain data, made for structured cloning. */
import type { Raw } from '../base/raw.ts';
import type { PackReport } from '../repo/pack-check.ts';
import type { PackCheckKeys } from '../repo/pack-tail-check.ts';

/** What a worker needs for the whole run. */
export interface VerifySetup {
  readonly role: 'verify';
  readonly keys: PackCheckKeys;
  /** The catalog file in which chunks are looked up. */
  readonly catalogPath: string;
  /** Report which packs segments need; otherwise nobody asks. */
  readonly wantsPacks: boolean;
}

/** One pack to be checked. Its bytes follow as pieces. */
export interface PackTask {
  readonly task: number;
  /** The lines of the index object that describe it. */
  readonly index: Uint8Array;
  readonly fileKey: Uint8Array;
  /** Holds manifests: its segments are read and what they name is looked up. */
  readonly isMeta: boolean;
}

export type ToVerifyWorker =
  | { readonly type: 'setup'; readonly setup: VerifySetup }
  | ({ readonly type: 'pack' } & PackTask)
  | { readonly type: 'piece'; readonly task: number; readonly bytes: Uint8Array }
  | { readonly type: 'end'; readonly task: number };

/** What is wrong with a segment by itself. */
export interface SegmentProblem {
  readonly code: string;
  readonly message: string;
}

/** A file whose chunks are listed elsewhere; `length` is what they must sum up to, absent where that is not known. */
export interface NamedList {
  readonly id: string;
  readonly path: Raw;
  readonly length?: number;
}

/** What a segment holds, as far as snapshots are checked by it. */
export type SegmentReport =
  | {
      readonly type: 'sound';
      readonly id: string;
      readonly first: Raw;
      readonly last: Raw;
      readonly entries: number;
      /** Chunks that entries name and no data pack of the index holds. */
      readonly unknownChunks: number;
      /** Files whose chunks are not as long as the file. */
      readonly wrongSizes: readonly Raw[];
      readonly lists: readonly NamedList[];
      /** The catalog's numbers of the packs that hold its chunks. */
      readonly packs?: readonly number[];
    }
  | { readonly type: 'broken'; readonly id: string; readonly problem: SegmentProblem };

export type FromVerifyWorker =
  | { readonly type: 'taken'; readonly bytes: number }
  | {
      readonly type: 'checked';
      readonly task: number;
      readonly report: PackReport;
      readonly segments: readonly SegmentReport[];
    };
