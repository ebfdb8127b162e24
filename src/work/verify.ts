/** Checks that what snapshots need is there and is what was written. */

import { bug } from '../base/errors.ts';
import type { Monitor } from '../base/monitor.ts';
import type { Repository } from '../repo/repository.ts';
import type { RequestCounts } from '../store/store.ts';
import type { SnapshotInfo } from './browse.ts';

export interface VerifyOptions {
  /** `list`: objects exist with the right size and metadata is sound; `data`: every byte of every pack too. */
  readonly level: 'list' | 'data';
  /** Only a part of the packs at level data: a share of them, a number of packs, or bytes. Chosen at random. */
  readonly sample?: { readonly share: number } | { readonly packs: number } | { readonly bytes: number };
  /** Only what this snapshot needs. */
  readonly snapshot?: SnapshotInfo;
  readonly workers?: number;
}

/** One damaged object and what it means. */
export interface Finding {
  readonly object: string;
  readonly code: string;
  readonly message: string;
  /** Snapshots that need it. */
  readonly snapshots: readonly string[];
  /** Paths that need it, at most 100 of them, as `snapshot:path`. */
  readonly paths: readonly string[];
  readonly pathCount: number;
}

export interface VerifyStats {
  readonly snapshots: number;
  readonly packs: number;
  readonly packsRead: number;
  readonly chunks: number;
  readonly bytesRead: number;
  readonly findings: readonly Finding[];
  readonly requests: RequestCounts;
  readonly seconds: number;
  readonly peakRssBytes: number;
}

export async function runVerify(
  _repo: Repository,
  _options: VerifyOptions,
  _monitor: Monitor,
  _signal: AbortSignal,
): Promise<VerifyStats> {
  throw bug('not built yet');
}
