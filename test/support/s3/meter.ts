/**
 * The billing meter of the test S3 server: what a month would be billed for, as quantities. Counts requests by
 * operation and class, bytes out, retrievals by tier, and bytes kept by class over the server's clock. Prices are the
 * caller's data; classes are billed by the rules in classes.ts.
 */
import type { BucketObserver, ObjectVersion, RestoreState } from './bucket.ts';
import { billableBytes, CLASSES } from './classes.ts';

/** Requests that are billed, and how many. */
export interface BilledRequests {
  readonly operation: string;
  readonly storageClass: string;
  readonly count: number;
}

/** Retrievals from a class by a tier: `requests` restores that were started, and the bytes they thaw. */
export interface BilledRetrieval {
  readonly storageClass: string;
  readonly tier: string;
  readonly requests: number;
  readonly bytes: number;
}

/** Storage in a class: bytes (and objects) times seconds. Sizes are billed sizes: minimum sizes included, overhead not. */
export interface BilledStorage {
  readonly storageClass: string;
  readonly byteSeconds: number;
  readonly objectSeconds: number;
}

/** All that was used. */
export interface Usage {
  readonly requests: readonly BilledRequests[];
  readonly egressBytes: number;
  readonly retrievals: readonly BilledRetrieval[];
  /** Objects in their own class. The index data of archived objects (8 KiB STANDARD and 32 KiB of the class) is not in it. */
  readonly storage: readonly BilledStorage[];
  /** Parts of uploads that are not completed, at STANDARD. */
  readonly stagedByteSeconds: number;
  /** Thawed copies, at STANDARD, until they expire. */
  readonly thawedByteSeconds: number;
  /** What is billed for objects that were removed before the minimum duration of their class: the rest of it. */
  readonly earlyDeletes: readonly BilledStorage[];
}

/** Prices as data, in the currency of the caller. Missing ones are 0. */
export interface BillPrices {
  /** Per 1,000 requests, by class, then by operation. The operation `*` stands for those not named. */
  readonly requests: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Per GiB-month of 30.4 days, by class. */
  readonly storage: Readonly<Record<string, number>>;
  /** By class, then tier (`Immediate` for reads of online classes): per GiB, and per 1,000 restores. */
  readonly retrieval: Readonly<
    Record<string, Readonly<Record<string, { readonly gib: number; readonly requests: number }>>>
  >;
  /** Per GiB beyond the free ones. */
  readonly egress: { readonly gib: number; readonly freeGib: number };
}

const GIB = 2 ** 30;
const MONTH_SECONDS = 30.4 * 86_400;
const DAY_MS = 86_400_000;

interface Sum {
  byteMs: number;
  objectMs: number;
}

/** The meter of one server. Everything is billed from the moment of its making, or from `reset`. */
export class Meter implements BucketObserver {
  readonly #now: () => number;
  readonly #requests = new Map<string, number>();
  readonly #retrievals = new Map<string, { requests: number; bytes: number }>();
  readonly #storage = new Map<string, Sum>();
  readonly #early = new Map<string, Sum>();
  /** What is kept now, and since when it is billed. */
  readonly #kept = new Map<ObjectVersion, { since: number; readonly storageClass: string }>();
  readonly #staged = new Map<object, { since: number; readonly bytes: number }>();
  readonly #thawed = new Map<ObjectVersion, RestoreState>();
  #egressBytes = 0;
  #stagedByteMs = 0;
  #thawedByteMs = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Counts a request that was answered. */
  request(operation: string, storageClass: string): void {
    const key = `${operation} ${storageClass}`;
    this.#requests.set(key, (this.#requests.get(key) ?? 0) + 1);
  }

  /** Counts bytes of object data that left. */
  egress(bytes: number): void {
    this.#egressBytes += bytes;
  }

  /** Counts bytes retrieved from a class; tier `Immediate` for reads of online classes. */
  retrieved(storageClass: string, tier: string, bytes: number): void {
    const key = `${storageClass} ${tier}`;
    const sum = this.#retrievals.get(key) ?? { requests: 0, bytes: 0 };
    this.#retrievals.set(key, { requests: sum.requests + 1, bytes: sum.bytes + bytes });
  }

  stored(version: ObjectVersion): void {
    if (!version.isDeleteMarker) {
      this.#kept.set(version, { since: this.#now(), storageClass: version.storageClass });
    }
  }

  removed(version: ObjectVersion): void {
    const kept = this.#kept.get(version);
    if (kept === undefined) return;
    this.#bill(version, kept);
    this.#endThaw(version);
    this.#kept.delete(version);
    const early = (CLASSES[kept.storageClass]?.minimumDays ?? 0) * DAY_MS - (this.#now() - version.modified);
    if (early > 0) add(this.#early, kept.storageClass, billableBytes(kept.storageClass, version.content.size), early);
  }

  /** Takes note of a thawed copy, new or extended. */
  thawed(version: ObjectVersion, restore: RestoreState): void {
    this.#endThaw(version);
    this.#thawed.set(version, { ...restore });
  }

  /** Bills a part of an upload until `unstaged`. */
  staged(part: object, bytes: number): void {
    this.#staged.set(part, { since: this.#now(), bytes });
  }

  unstaged(part: object): void {
    const entry = this.#staged.get(part);
    if (entry === undefined) return;
    this.#stagedByteMs += entry.bytes * (this.#now() - entry.since);
    this.#staged.delete(part);
  }

  /** Forgets all that was used so far. What is kept goes on being billed from now. */
  reset(): void {
    this.usage();
    for (const map of [this.#requests, this.#retrievals, this.#storage, this.#early]) map.clear();
    this.#egressBytes = 0;
    this.#stagedByteMs = 0;
    this.#thawedByteMs = 0;
  }

  /** What was used up to now. */
  usage(): Usage {
    const now = this.#now();
    for (const [version, kept] of this.#kept) this.#bill(version, kept);
    for (const entry of this.#staged.values()) {
      this.#stagedByteMs += entry.bytes * (now - entry.since);
      entry.since = now;
    }
    for (const version of [...this.#thawed.keys()]) {
      const restore = this.#thawed.get(version)!;
      this.#endThaw(version);
      if (restore.expires > now) this.#thawed.set(version, { ...restore, ready: Math.max(restore.ready, now) });
    }
    return {
      requests: [...this.#requests].sort(byKey).map(([key, count]) => ({ ...pairOf(key, 'operation'), count })),
      egressBytes: this.#egressBytes,
      retrievals: [...this.#retrievals].sort(byKey).map(([key, sum]) => {
        const [storageClass = '', tier = ''] = key.split(' ');
        return { storageClass, tier, ...sum };
      }),
      storage: inSeconds(this.#storage),
      stagedByteSeconds: this.#stagedByteMs / 1000,
      thawedByteSeconds: this.#thawedByteMs / 1000,
      earlyDeletes: inSeconds(this.#early),
    };
  }

  #bill(version: ObjectVersion, kept: { since: number; readonly storageClass: string }): void {
    const now = this.#now();
    add(this.#storage, kept.storageClass, billableBytes(kept.storageClass, version.content.size), now - kept.since);
    kept.since = now;
  }

  #endThaw(version: ObjectVersion): void {
    const restore = this.#thawed.get(version);
    if (restore === undefined) return;
    const until = Math.min(this.#now(), restore.expires);
    this.#thawedByteMs += version.content.size * Math.max(0, until - restore.ready);
    this.#thawed.delete(version);
  }
}

/** What a usage costs at some prices. */
export function billOf(usage: Usage, prices: BillPrices): number {
  let sum = 0;
  for (const { operation, storageClass, count } of usage.requests) {
    const byOperation = prices.requests[storageClass] ?? {};
    sum += (count / 1000) * (byOperation[operation] ?? byOperation['*'] ?? 0);
  }
  for (const { storageClass, tier, requests, bytes } of usage.retrievals) {
    const price = prices.retrieval[storageClass]?.[tier];
    if (price !== undefined) sum += (bytes / GIB) * price.gib + (requests / 1000) * price.requests;
  }
  const gibMonths = (byteSeconds: number): number => byteSeconds / GIB / MONTH_SECONDS;
  const standard = prices.storage.STANDARD ?? 0;
  for (const { storageClass, byteSeconds, objectSeconds } of [...usage.storage, ...usage.earlyDeletes]) {
    const own = prices.storage[storageClass] ?? 0;
    const overhead = CLASSES[storageClass]?.overheadBytes ?? { own: 0, standard: 0 };
    sum += gibMonths(byteSeconds + objectSeconds * overhead.own) * own;
    sum += gibMonths(objectSeconds * overhead.standard) * standard;
  }
  sum += gibMonths(usage.stagedByteSeconds + usage.thawedByteSeconds) * standard;
  return sum + Math.max(0, usage.egressBytes / GIB - prices.egress.freeGib) * prices.egress.gib;
}

function add(sums: Map<string, Sum>, storageClass: string, bytes: number, ms: number): void {
  const sum = sums.get(storageClass) ?? { byteMs: 0, objectMs: 0 };
  sums.set(storageClass, { byteMs: sum.byteMs + bytes * ms, objectMs: sum.objectMs + ms });
}

function inSeconds(sums: ReadonlyMap<string, Sum>): BilledStorage[] {
  return [...sums].sort(byKey).map(([storageClass, sum]) => ({
    storageClass,
    byteSeconds: sum.byteMs / 1000,
    objectSeconds: sum.objectMs / 1000,
  }));
}

function pairOf(key: string, _first: 'operation'): { operation: string; storageClass: string } {
  const [operation = '', storageClass = ''] = key.split(' ');
  return { operation, storageClass };
}

const byKey = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1);
