/** What a restore needs to know before it plans: the snapshot, its manifest, what is selected. Reads only. */
import { accessSync, constants } from 'node:fs';
import { errnoOf, IcecoreError } from '../base/errors.ts';
import { dirnameRaw, type Raw, rawToDisplay, rawToFsPath } from '../base/raw.ts';
import { targetError } from '../files/target-errors.ts';
import { snapshotName } from '../format/layout.ts';
import type { Snapshot } from '../format/snapshot.ts';
import type { ChunkReader } from '../repo/chunk-reader.ts';
import { loadGc } from '../repo/gc-records.ts';
import { ManifestReader } from '../repo/manifest-reader.ts';
import type { Repository } from '../repo/repository.ts';
import { loadSnapshot } from '../repo/snapshot-manifest.ts';
import type { RestoreOptions } from './restore-options.ts';
import { RestoredMetadata } from './restore-owners.ts';
import { ChunkPlaces } from './restore-places.ts';
import type { PlannerOptions } from './restore-planning.ts';
import { makeSelection } from './restore-selection.ts';

/** The part of a planner's options that stays the same throughout a restore. */
export type RestoreBasis = Pick<
  PlannerOptions,
  'manifest' | 'path' | 'single' | 'selection' | 'removesIn' | 'rules' | 'metadata' | 'places'
>;

/**
 * Loads it.
 * @throws kind `user`: `no-such-snapshot`, `no-such-path`, `delete-needs-complete-snapshot`; kind `usage`: bad patterns
 */
export async function loadBasis(
  repo: Repository,
  options: RestoreOptions,
  chunks: ChunkReader,
  toleranceNs: bigint,
  signal: AbortSignal,
): Promise<RestoreBasis> {
  const { path, overwrite } = options;
  const selection = makeSelection(options.include, options.exclude);
  await chunks.loadIndex();
  const gc = await loadGc(repo);
  const snapshot = await loadSnapshot(repo, options.snapshot.id);
  if (options.delete) requireComplete(snapshot);
  const manifest = new ManifestReader(chunks, snapshot.root, snapshotName(snapshot.id));
  const isRoot = process.geteuid?.() === 0;
  return {
    manifest,
    path,
    single: path === '/' ? undefined : await findSingle(manifest, path, signal),
    selection,
    removesIn: options.delete ? snapshot.paths : undefined,
    rules: { overwrite, isThorough: options.verify, toleranceNs, isRoot },
    metadata: new RestoredMetadata(isRoot && !options.numericIds),
    places: new ChunkPlaces(repo.catalog, gc, options.gate),
  };
}

/**
 * Finds out without writing whether a target can be written: most that cannot say so here, before anything is read.
 * @throws kind `user`: `target-read-only`, `target-not-permitted`
 */
export function requireWritable(target: Raw): void {
  for (let at = target; ; at = dirnameRaw(at)) {
    try {
      accessSync(rawToFsPath(at), constants.W_OK | constants.X_OK);
      return;
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT' || at === '/') throw targetError(target, error);
    }
  }
}

function requireComplete({ partial, complete }: Snapshot): void {
  if (!partial && complete) return;
  const message = 'this snapshot does not hold everything that was there';
  throw new IcecoreError('user', 'delete-needs-complete-snapshot', message, {
    hint: 'what it lacks would be removed: restore without --delete, or from another snapshot',
  });
}

/** The entry at the path, where it is no directory. */
async function findSingle(manifest: ManifestReader, path: Raw, signal: AbortSignal) {
  const entry = await manifest.find(path, signal);
  if (!entry) {
    throw new IcecoreError('user', 'no-such-path', `${rawToDisplay(path)} is not in the snapshot`, {
      hint: 'icecore ls shows what is',
    });
  }
  return entry.type === 'dir' ? undefined : entry;
}
