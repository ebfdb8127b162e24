/**
 * The store contract: named immutable objects in one place (a directory, a bucket with a prefix, memory in tests).
 * One contract suite (test/store/contract.ts) runs on every implementation.
 *
 * Names are relative, components separated by `/`, in the character set [A-Za-z0-9._-]; a component is never empty,
 * `.` or `..`, and never starts with a dot.
 *
 * Semantics that the protocol relies on:
 * - `put` with `ifAbsent` is atomic: of any number of concurrent creators exactly one wins, and nobody ever sees a
 *   part of an object under its name. A store that cannot do this says so in `capabilities`.
 * - an object whose `put` has returned is durable, and every `get`, `stat` and `list` that starts later sees it;
 *   `list` shows every object that was present during the whole listing.
 * - `delete` of a missing object succeeds.
 */
import type { Bucket } from './bucket.ts';
import type { Thaw } from './thaw.ts';

/** The S3 storage classes that a profile may know; a directory has only STANDARD. */
export type StorageClass = string;

/** Object tags, key to value: at most 10. Stores without tags ignore them. */
export type ObjectTags = Readonly<Record<string, string>>;

/**
 * The bytes of an object to be stored: all at once, or parts that arrive one by one (each 1 byte to 64 MiB). Asking for
 * the next part gives the last one back: its memory may be gone then. A store that still needs it copies it.
 */
export type PutBody = Uint8Array | AsyncIterable<Uint8Array>;

/** What `put` may be told. */
export interface PutOptions {
  /** Fail with `exists` instead of replacing. Every object of a repository is put so; only probes do without. */
  readonly ifAbsent: boolean;
  /**
   * Leave it to the store alone whether the name is taken, even where that is not known to work: no look before. For
   * probes, which would else find out how quick our looks are and not what the store does.
   */
  readonly isBlind?: boolean;
  readonly storageClass?: StorageClass;
  readonly tags?: ObjectTags;
  readonly signal?: AbortSignal;
}

/** What `put` did. `exists`: an object of that name is there already and was not touched. */
export interface PutResult {
  readonly outcome: 'stored' | 'exists';
  /**
   * The checksum that the store keeps with the object, as a later `stat` will report it: `sha256:` and base64, for an
   * object of several parts the composite one with `-` and their number. Absent where the store has none.
   */
  readonly checksum?: string;
  /** The store's entity tag, without quotes, as a later `stat` or `list` will report it; absent where it has none. */
  readonly etag?: string;
  /** Bytes stored. */
  readonly size: number;
}

/** A range of bytes. A negative `offset` counts from the end (then `length` is absent). */
export interface ByteRange {
  readonly offset: number;
  readonly length?: number;
}

/**
 * What a listing or a stat says of an object. `modified` is the store's clock, in milliseconds. A listing may leave out
 * the checksum.
 */
export interface ObjectInfo {
  readonly name: string;
  readonly size: number;
  readonly modified: number;
  readonly storageClass: StorageClass;
  readonly checksum?: string;
  readonly etag?: string;
}

/** What was asked of a service that bills for it: its own name of the request, and the class that sets the price. */
export interface RequestTally {
  readonly operation: string;
  readonly storageClass: StorageClass;
  readonly count: number;
}

/** A place that keeps named immutable objects. Every method throws IcecoreError of kind `store` on failure. */
export interface Store {
  /** Where it is, safe to print (no credentials). */
  readonly location: string;
  /** How many requests it likes to have in flight. */
  readonly concurrency: number;
  /** The settings of the bucket it is in; absent for a store that is none. */
  readonly bucket?: Bucket | undefined;
  /** How archived objects become readable; absent for a store where all are. */
  readonly thaw?: Thaw | undefined;
  /**
   * Requests that went out since the store was opened, every attempt counted; undefined for a store where a call is a
   * call. Sorted by operation and class.
   */
  tally?(): readonly RequestTally[] | undefined;
  /**
   * Tells what an earlier probe has shown: of several creators of a name one wins. A store that could not know it, and
   * looked before each put, need not any more.
   */
  relyOnCreateOnly?(): void;
  /**
   * Stores an object.
   * @throws kind `store` when it could not be stored; nothing is then visible under the name.
   */
  put(name: string, body: PutBody, options: PutOptions): Promise<PutResult>;
  /**
   * Reads an object or a range of it, whole in memory. A range that passes the end yields what there is.
   * @returns undefined when there is no such object.
   */
  get(name: string, range?: ByteRange, signal?: AbortSignal): Promise<Uint8Array | undefined>;
  /** Lists the objects whose name starts with `prefix` (whole names, sorted by bytes). */
  list(prefix: string, signal?: AbortSignal): AsyncIterable<ObjectInfo>;
  /** Size, time and checksum of an object, or undefined when there is none. */
  stat(name: string, signal?: AbortSignal): Promise<ObjectInfo | undefined>;
  /** Removes an object; a missing one is fine. */
  delete(name: string, signal?: AbortSignal): Promise<void>;
  /** Releases what the store holds (sockets, handles). */
  close(): Promise<void>;
}

/** Store operations by name, counted by the meter. */
export type StoreOperation = 'put' | 'get' | 'list' | 'stat' | 'delete';
export type RequestCounts = Readonly<Record<StoreOperation, number>>;
