/**
 * Counts what a restore reads from which packs, while it is planned: units of windows, and files that become copies
 * because the first name of their group of hard links lies outside of what is restored. Reads manifests, writes nothing.
 */
import type { Raw } from '../base/raw.ts';
import type { Catalog } from '../repo/catalog.ts';
import type { ManifestReader } from '../repo/manifest-reader.ts';
import type { PlanCounts } from './restore-counts.ts';
import type { PackGate } from './restore-gate.ts';
import type { PackReads } from './restore-reads.ts';
import { fetchedBytes, type UnitPlan } from './restore-units.ts';
import type { LinkItem } from './restore-window.ts';

/** Counts what units read. */
export function addReads(units: readonly UnitPlan[], counts: PlanCounts, reads: PackReads | undefined): void {
  for (const unit of units) {
    const bytes = fetchedBytes(unit);
    counts.packBytes += bytes;
    if (!unit.pack) continue;
    const isFirst = counts.addPack(unit.pack.id);
    reads?.add(unit.pack, bytes, isFirst);
  }
}

/** What finding out about copies takes. */
export interface CopySources {
  readonly manifest: ManifestReader;
  readonly catalog: Catalog;
  readonly gate: PackGate | undefined;
  readonly signal: AbortSignal;
}

/** Counts what copies read; `known` keeps the groups that were counted. */
export async function addCopies(
  links: readonly LinkItem[],
  { manifest, catalog, gate, signal }: CopySources,
  known: Set<Raw>,
  counts: PlanCounts,
  reads: PackReads,
): Promise<void> {
  for (const { entry, first } of links) {
    const group = entry.hardlink!;
    if (first !== undefined || known.has(group)) continue;
    known.add(group);
    const whole = await manifest.find(group, signal);
    if (whole?.type !== 'file') continue;
    const frames = new Map<number, Set<number>>();
    for await (const id of manifest.chunksOf(whole, signal)) {
      const places = catalog.placesOf(Buffer.from(id, 'hex'));
      const best = places.find(({ pack }) => gate?.readinessOf(catalog.pack(pack)) === 'readable') ?? places[0];
      if (!best) continue;
      const wanted = frames.get(best.pack) ?? new Set();
      frames.set(best.pack, wanted.add(best.frame));
    }
    for (const [number, wanted] of frames) {
      const known = catalog.frames(number);
      const bytes = [...wanted].reduce((sum, frame) => sum + (known[frame]?.length ?? 0), 0);
      counts.packBytes += bytes;
      reads.add(catalog.pack(number), bytes, counts.addPack(number));
    }
  }
}
