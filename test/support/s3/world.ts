/**
 * All that the handlers of the test S3 server share: buckets, clock, meter, faults and how the service is set up. The
 * options of the server are defined here; it serves nothing itself.
 */

import { type Random, seededRandom } from '../random.ts';
import type { Denial } from './access.ts';
import { BucketState } from './bucket.ts';
import type { RestoreTier } from './classes.ts';
import { VirtualClock } from './clock.ts';
import { type FaultPlan, FaultPlanner } from './faults.ts';
import { Meter } from './meter.ts';
import type { PolicyDocument } from './policy.ts';

/** A key that may sign. */
export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Temporary credentials: the token that must come along. */
  readonly sessionToken?: string;
  /** From this moment on (server's clock) the answer is ExpiredToken. */
  readonly expires?: number;
  /** What the holder may do; everything by default. */
  readonly policy?: PolicyDocument;
}

/** How the service differs from AWS. The defaults are AWS. */
export interface ServerQuirks {
  /** `If-None-Match: *` on a PUT: 412 when there is one; stored all the same; 501. */
  readonly conditionalPut: 'honoured' | 'ignored' | 'refused';
  /** The same on the completion of a multipart upload. */
  readonly conditionalComplete: 'honoured' | 'ignored' | 'refused';
  /** `x-amz-checksum-*`: checked and kept; neither; 400 InvalidArgument. */
  readonly checksums: 'kept' | 'ignored' | 'refused';
  /** `x-amz-tagging` and the tagging calls: kept; the header ignored and the calls 501; 501. */
  readonly tags: 'kept' | 'ignored' | 'refused';
  readonly addressing: 'both' | 'path' | 'virtual';
  /** RestoreObject: with tiers; with Days alone (a tier is refused); 501. */
  readonly restore: 'tiers' | 'days' | 'none';
  readonly listsRestoreStatus: boolean;
  /** The calls that read how a bucket is set up: answered, or 501. */
  readonly hasBucketSettings: boolean;
  /** The classes that are taken; all of AWS's when undefined. */
  readonly classes: readonly string[] | undefined;
  /** Classes that are archives on AWS, but read at once here. */
  readonly onlineClasses: readonly string[];
  readonly maxParts: number;
  /**
   * A completion of an upload that was completed just so before: 200 again (as AWS does, though its reference speaks of
   * NoSuchUpload), or NoSuchUpload.
   */
  readonly repeatedComplete: 'idempotent' | 'no-such-upload';
}

/** The quirks of AWS: none. */
export const AWS_QUIRKS: ServerQuirks = {
  conditionalPut: 'honoured',
  conditionalComplete: 'honoured',
  checksums: 'kept',
  tags: 'kept',
  addressing: 'both',
  restore: 'tiers',
  listsRestoreStatus: true,
  hasBucketSettings: true,
  classes: undefined,
  onlineClasses: [],
  maxParts: 10_000,
  repeatedComplete: 'idempotent',
};

/** How long restores take. Without a seed, each takes the most that its tier may take. */
export interface RestoreLatency {
  /** Draws from the documented range. */
  readonly seed?: number;
  /** Fixed times in milliseconds, by class and tier. */
  readonly fixed?: Readonly<Record<string, Readonly<Partial<Record<RestoreTier, number>>>>>;
}

/** How a test S3 server is started. */
export interface S3ServerOptions {
  /** Buckets that exist from the start. */
  readonly buckets?: readonly string[];
  readonly clock?: VirtualClock;
  /** Of the endpoint and of new buckets. Default us-east-1. */
  readonly region?: string;
  /** Default: one key, {@link TEST_CREDENTIALS}. */
  readonly credentials?: readonly S3Credentials[];
  readonly quirks?: Partial<ServerQuirks>;
  readonly faults?: FaultPlan;
  /** More requests than this a second of the server's clock are answered 503 SlowDown. */
  readonly ratePerSecond?: number;
  readonly restoreLatency?: RestoreLatency;
  /** False: Expedited restores are answered 503 GlacierExpeditedRetrievalNotAvailable. Default true. */
  readonly hasExpeditedCapacity?: boolean;
  /** What is refused with AccessDenied, whoever asks, in every bucket. */
  readonly denied?: readonly Denial[];
  /** Host names below which a label is a bucket (virtual-host style). Default `localhost`. */
  readonly domains?: readonly string[];
}

/** The key that servers know by default. */
export const TEST_CREDENTIALS: S3Credentials = {
  accessKeyId: 'AKTEST',
  secretAccessKey: 'test-secret-of-the-test-server',
};

/** The state behind a server. */
export class World {
  readonly clock: VirtualClock;
  readonly region: string;
  readonly quirks: ServerQuirks;
  readonly faults: FaultPlanner;
  readonly meter: Meter;
  readonly buckets = new Map<string, BucketState>();
  readonly domains: readonly string[];
  readonly ratePerSecond: number | undefined;
  readonly restoreLatency: RestoreLatency;
  /** Draws restore times. */
  readonly random: Random;
  /** A test may change these in the middle of a run. */
  credentials: readonly S3Credentials[];
  denied: readonly Denial[];
  hasExpeditedCapacity: boolean;

  constructor(options: S3ServerOptions) {
    this.clock = options.clock ?? new VirtualClock();
    this.region = options.region ?? 'us-east-1';
    this.quirks = { ...AWS_QUIRKS, ...options.quirks };
    this.faults = new FaultPlanner(options.faults);
    this.meter = new Meter(() => this.clock.now());
    this.domains = options.domains ?? ['localhost'];
    this.ratePerSecond = options.ratePerSecond;
    this.restoreLatency = options.restoreLatency ?? {};
    this.random = seededRandom(this.restoreLatency.seed ?? 1);
    this.credentials = options.credentials ?? [TEST_CREDENTIALS];
    this.denied = options.denied ?? [];
    this.hasExpeditedCapacity = options.hasExpeditedCapacity ?? true;
    for (const name of options.buckets ?? []) this.addBucket(name, this.region);
  }

  /** Makes a bucket. */
  addBucket(name: string, region: string): BucketState {
    const bucket = new BucketState(name, region, () => this.clock.now(), this.meter);
    this.buckets.set(name, bucket);
    return bucket;
  }
}
