/**
 * A fire drill: restores files picked by chance from a snapshot into a scratch folder, as a real restore would, checks
 * them, and tells how long that took. Owns what is picked, where it goes, and what is compared; the restore, with its
 * plan, its price and the thaw of what is archived, is the one that people use.
 */
import { lstatSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { IcecoreError } from '../base/errors.ts';
import type { Monitor } from '../base/monitor.ts';
import { type Raw, rawFromText } from '../base/raw.ts';
import type { RestoreMoney } from '../plan/restore-cost.ts';
import { ChunkReader } from '../repo/chunk-reader.ts';
import type { Repository } from '../repo/repository.ts';
import { openManifest } from '../repo/snapshot-manifest.ts';
import type { SnapshotInfo } from './browse.ts';
import { damageReporter } from './damage-report.ts';
import { type DrillChoice, patternOf, pickFiles } from './drill-choice.ts';
import { compareSources, type SourceCounts } from './drill-sources.ts';
import type { RestoreOptions, RestoreStats } from './restore-options.ts';
import type { ThawOutcome, ThawStatus } from './thaw-options.ts';

/** What is to be tried. */
export interface DrillOptions {
  readonly snapshot: SnapshotInfo;
  /** Files of so many bytes together, at most. */
  readonly bytes: number;
  /** What picks the files: the same seed picks the same ones from the same snapshot. */
  readonly seed: string;
  /** Restore into this folder, and leave it; otherwise into one of the cache, which is removed afterwards. */
  readonly target?: string;
  /** The host that this runs on: only its own files can be compared with their sources. */
  readonly host: string;
  readonly workers?: number;
}

/** The restore that is tried. */
export type DrillRestore = (options: RestoreOptions) => Promise<ThawOutcome>;

/** What came of it. */
export interface DrillStats {
  /** `passed`; `failed` when a file did not come back as it was backed up; else how far the restore came. */
  readonly result: 'passed' | 'failed' | 'planned' | 'declined' | 'warming';
  readonly snapshot: string;
  readonly seed: string;
  readonly files: number;
  readonly bytes: number;
  /** Files of the snapshot, and those that are larger than the whole drill. */
  readonly candidates: number;
  readonly tooLarge: number;
  /** Files that came back, and were read again and compared with the chunks that the snapshot names. */
  readonly filesVerified: number;
  /** Compared with the files that were backed up. */
  readonly sources: SourceCounts;
  readonly target: string;
  readonly restore: RestoreStats;
  /** What the restore costs, by its plan; absent where nobody bills. */
  readonly cost?: RestoreMoney;
  /** How far the thaw is, while packs are warming. */
  readonly thaw?: ThawStatus;
  /** From the choice of files to the last comparison. */
  readonly seconds: number;
}

/**
 * Runs a drill. What does not come back right is told to the monitor.
 * @throws kind `user`, `nothing-to-drill` when no file of the snapshot fits, `drill-folder` when the scratch folder is
 *   somebody else's; and what the restore throws
 */
export async function runDrill(
  repo: Repository,
  options: DrillOptions,
  restore: DrillRestore,
  monitor: Monitor,
  signal: AbortSignal,
): Promise<DrillStats> {
  const began = repo.clock.monotonic();
  const { snapshot, seed } = options;
  const choice = await choose(repo, options, monitor, signal);
  const isOwn = options.target === undefined;
  const target = options.target ?? join(repo.cacheFolder(), 'drills', `${snapshot.id}-${seed}`);
  if (isOwn) makeScratch(target);
  let isWarming = false;
  try {
    const { type, stats, offer, status } = await restore(restoreOptions(options, choice, target));
    // What has come already is kept for when the rest can be read.
    isWarming = type === 'warming';
    const isDone = type === 'restored';
    const isHere = isDone && snapshot.host === options.host;
    const sources = compareSources(isHere ? choice.files : [], target, monitor);
    const back = stats.filesVerified;
    const hasPassed = back === choice.files.length && stats.errors === 0 && sources.differ === 0;
    return {
      result: isDone ? (hasPassed ? 'passed' : 'failed') : (type as Exclude<typeof type, 'restored'>),
      ...{ snapshot: snapshot.id, seed, files: choice.files.length, bytes: choice.bytes },
      ...{ candidates: choice.candidates, tooLarge: choice.tooLarge },
      ...{ filesVerified: back, sources, target, restore: stats },
      ...(offer.cost?.way ? { cost: offer.cost.way.money } : {}),
      ...(type === 'warming' && status ? { thaw: status } : {}),
      seconds: (repo.clock.monotonic() - began) / 1000,
    };
  } finally {
    if (isOwn && !isWarming) rmSync(target, { recursive: true, force: true });
  }
}

async function choose(
  repo: Repository,
  { snapshot, bytes, seed }: DrillOptions,
  monitor: Monitor,
  signal: AbortSignal,
): Promise<DrillChoice> {
  const manifest = await openManifest(repo, new ChunkReader(repo), snapshot.id);
  const segments = manifest.segments(undefined, { onDamage: damageReporter(monitor), signal });
  const choice = await pickFiles(segments, bytes, seed);
  if (choice.files.length > 0) return choice;
  throw new IcecoreError('user', 'nothing-to-drill', `no file of snapshot ${snapshot.id} fits into the drill`, {
    hint: choice.tooLarge > 0 ? 'give a larger size' : 'choose another snapshot with --snapshot',
  });
}

function restoreOptions(options: DrillOptions, { files }: DrillChoice, target: string): RestoreOptions {
  const { snapshot, workers } = options;
  return {
    snapshot,
    path: rawFromText('/') as Raw,
    target,
    include: files.map(patternOf),
    exclude: [],
    overwrite: 'if-changed',
    delete: false,
    verify: true,
    sparse: false,
    numericIds: false,
    planOnly: false,
    ...(workers === undefined ? {} : { workers }),
  };
}

/** A folder that only this user can look into; one that a drill left waiting is used again. */
function makeScratch(target: string): void {
  mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
  try {
    mkdirSync(target, { mode: 0o700 });
  } catch (error) {
    const facts = lstatSync(target, { throwIfNoEntry: false });
    if (facts?.isDirectory() && facts.uid === process.geteuid?.()) return;
    throw new IcecoreError('user', 'drill-folder', `cannot use the scratch folder ${target}`, {
      hint: 'name another with --target',
      cause: error,
    });
  }
}
