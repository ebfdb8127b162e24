/**
 * Checks that what snapshots need is there and is what was written. Level list reads all metadata, and of data packs what
 * a listing says; level checksums compares what the store keeps of each pack; level data reads every byte of them. Nothing is changed, and nothing that this host has kept
 * of the repository is believed. It needs a key that can read: manifests are sealed to readers, and a check that leaves
 * them out could not say what a repository without damage means.
 */
import { randomBytes } from 'node:crypto';
import { throwIfAborted } from '../base/errors.ts';
import { type Monitor, silentMonitor } from '../base/monitor.ts';
import type { VerifyPlan } from '../plan/verify-cost.ts';
import type { Repository } from '../repo/repository.ts';
import { ScratchCatalog } from '../repo/scratch-catalog.ts';
import type { VerifyLevel } from '../repo/verify-record.ts';
import type { RequestStats } from '../store/request-counts.ts';
import type { SnapshotInfo } from './browse.ts';
import { type Finding, Findings } from './findings.ts';
import { peakRssBytes } from './process-facts.ts';
import { VerifyRun } from './verify-run.ts';
import type { Sample } from './verify-sample.ts';
import type { StoredCounts } from './verify-stored.ts';
import { defaultWorkers } from './worker-pool.ts';

export type { Finding } from './findings.ts';

export interface VerifyOptions {
  /**
   * `list`: objects exist with the right size and metadata is sound; `checksums`: what the store keeps of each pack is
   * what the index says too; `data`: every byte of every pack that is not archived.
   */
  readonly level: VerifyLevel;
  /** Only a part of the packs at level data: a share of them, a number of packs, or bytes. The oldest readings first. */
  readonly sample?: Sample;
  /** Only what this snapshot needs. */
  readonly snapshot?: Pick<SnapshotInfo, 'id'>;
  /** At level checksums: look at single objects where the listing does not tell enough (default). */
  readonly looks?: boolean;
  /** At level checksums: reports of checksums that S3 has computed of the packs where they lie (batch-report.ts). */
  readonly reports?: readonly string[];
  readonly workers?: number;
  /**
   * Sees what the run will ask of the store for data packs, before the first of them is looked at or read; listings and
   * metadata are read before. What it throws ends the run.
   */
  readonly approve?: (plan: VerifyPlan) => Promise<void>;
  /** Numbers in [0, 1) by which a sample is chosen; the system's randomness by default. */
  readonly random?: () => number;
}

export interface VerifyStats extends RequestStats {
  readonly snapshots: number;
  /** Packs that were checked at all: all that the index names, or those that the snapshot needs. */
  readonly packs: number;
  /** Packs of which every byte was read. */
  readonly packsRead: number;
  /** Data packs that are archived, and so were not read at level data. */
  readonly packsArchived: number;
  /** At level checksums: what the comparison came to. */
  readonly stored?: StoredCounts;
  /** Packs that no index object names: of a backup that runs or was interrupted. Not damage. */
  readonly unindexedPacks: number;
  /** Chunks that the index knows. */
  readonly chunks: number;
  readonly bytesRead: number;
  readonly findings: readonly Finding[];
  readonly seconds: number;
  readonly peakRssBytes: number;
}

/**
 * Verifies. Damage is not thrown: it is in the findings.
 * @throws `key`: `insufficient-key`; `user`: `no-such-snapshot`; `store` when the store fails as a whole; `cancelled`
 */
export async function runVerify(
  repo: Repository,
  options: VerifyOptions,
  monitor: Monitor,
  signal: AbortSignal,
): Promise<VerifyStats> {
  repo.require('read');
  throwIfAborted(signal);
  const began = repo.clock.monotonic();
  const fetchedBefore = repo.use().fetchedBytes;
  const scratch = ScratchCatalog.open(repo.cacheFolder());
  const findings = new Findings();
  const context = { repo: repo.withCatalog(scratch.catalog, silentMonitor), findings, signal };
  const { level, sample, snapshot } = options;
  const run = new VerifyRun(context, scratch, monitor, {
    level,
    workers: options.workers ?? defaultWorkers(),
    looks: options.looks ?? true,
    reports: options.reports ?? [],
    random: options.random ?? systemRandom,
    approve: options.approve ?? (async () => {}),
    ...(sample === undefined ? {} : { sample }),
    ...(snapshot === undefined ? {} : { snapshot: snapshot.id }),
  });
  try {
    const counts = await run.run();
    return {
      ...counts,
      bytesRead: repo.use().fetchedBytes - fetchedBefore,
      findings: findings.list(),
      ...repo.requestStats(),
      seconds: (repo.clock.monotonic() - began) / 1000,
      peakRssBytes: peakRssBytes(),
    };
  } finally {
    await run.close();
    scratch.close();
  }
}

function systemRandom(): number {
  return randomBytes(4).readUInt32BE() / 2 ** 32;
}
