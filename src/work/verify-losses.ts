/**
 * Verify, what is lost: collects packs and frames that cannot be had while a run goes on, and finds in the end which
 * snapshots and paths need them.
 */
import type { Snapshot } from '../format/snapshot.ts';
import type { ChunkReader } from '../repo/chunk-reader.ts';
import type { GcState } from '../repo/gc-records.ts';
import type { ScratchCatalog } from '../repo/scratch-catalog.ts';
import { BLOCK_LENGTH, SEALED_BLOCK_LENGTH } from '../seal/age-stream.ts';
import type { VerifyContext } from './verify-context.ts';
import { checkPresence } from './verify-index.ts';
import { LostPlaces, VerifyNeeds } from './verify-needs.ts';

/** The losses of one run. */
export class VerifyLosses {
  readonly #context: VerifyContext;
  readonly #scratch: ScratchCatalog;
  readonly #lost = new LostPlaces();
  /** Packs that could not be read in whole, by name: their numbers may not be known yet. */
  readonly #bad = new Map<string, 'all' | readonly number[]>();

  constructor(context: VerifyContext, scratch: ScratchCatalog) {
    this.#context = context;
    this.#scratch = scratch;
  }

  /** Takes note of a pack that is not what was written: all of it, or these frames. */
  lose(pack: string, frames: 'all' | readonly number[]): void {
    if (frames === 'all' || frames.length > 0) this.#bad.set(pack, frames);
  }

  /** Reports the packs that are missing or cut short. */
  checkPresence(gc: GcState, isWanted: (pack: number) => boolean): void {
    const { catalog } = this.#scratch;
    for (const { pack, listed } of checkPresence(this.#context, this.#scratch.mismatches(), gc, isWanted)) {
      if (listed === undefined) {
        this.#lost.losePack(pack);
        continue;
      }
      const head = catalog.pack(pack).header.length;
      const frames = catalog.frames(pack).map(({ offset, length }, frame) => {
        const end = head + Math.ceil((offset + length) / BLOCK_LENGTH) * SEALED_BLOCK_LENGTH;
        return end > listed ? frame : -1;
      });
      this.#lost.loseFrames(
        pack,
        frames.filter((frame) => frame >= 0),
      );
    }
  }

  /** Finds what needs all that is lost, and adds it to the findings. */
  async findNeeds(
    snapshots: readonly Snapshot[],
    indexNames: readonly string[],
    chunks: ChunkReader,
    hasUnknownChunks: boolean,
  ): Promise<void> {
    const { findings } = this.#context;
    if (findings.size === 0) return;
    for (const [name, frames] of this.#bad) {
      const pack = this.#scratch.catalog.packByName(name);
      if (!pack) continue;
      if (frames === 'all') this.#lost.losePack(pack.id);
      else this.#lost.loseFrames(pack.id, frames);
    }
    const lostIndex = [...indexNames, ...snapshots.flatMap(({ index }) => index)].filter((name) => findings.has(name));
    for (const { id, index } of snapshots) {
      for (const name of lostIndex) if (index.includes(name)) findings.needs(name, id);
    }
    if (this.#lost.isEmpty && lostIndex.length === 0 && !hasUnknownChunks) return;
    const needs = new VerifyNeeds(this.#context, chunks, this.#lost, [...new Set(lostIndex)]);
    for (const snapshot of snapshots) await needs.find(snapshot);
  }
}
