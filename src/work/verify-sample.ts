/**
 * Chooses the packs of a sample: those that were not read for longest come first, and chance decides among equals, so
 * that repeated samples see everything, and no sample can be foretold.
 */

/** How large a sample is: a share of the packs, a number of them, or bytes. */
export type Sample = { readonly share: number } | { readonly packs: number } | { readonly bytes: number };

/** A pack that may be chosen, by the catalog's number. */
export interface SampledPack {
  readonly pack: number;
  readonly size: number;
  /** When it was last read and found right, in milliseconds; 0 for never. */
  readonly lastRead: number;
}

/**
 * Chooses packs; at least one, if there are any.
 * @param random numbers in [0, 1)
 */
export function choosePacks(packs: readonly SampledPack[], sample: Sample, random: () => number): Set<number> {
  const rest = shuffled(packs, random).sort((a, b) => a.lastRead - b.lastRead);
  const chosen = new Set<number>();
  const count =
    'packs' in sample ? sample.packs : 'share' in sample ? Math.ceil(packs.length * sample.share) : Infinity;
  const bytes = 'bytes' in sample ? sample.bytes : Infinity;
  let total = 0;
  for (const { pack, size } of rest) {
    if (chosen.size > 0 && (chosen.size >= count || total >= bytes)) break;
    chosen.add(pack);
    total += size;
  }
  return chosen;
}

/** A Fisher-Yates shuffle; the sort above keeps its order among packs of the same time. */
function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const rest = [...items];
  for (let i = 0; i < rest.length; i++) {
    const j = i + Math.floor(random() * (rest.length - i));
    [rest[i], rest[j]] = [rest[j]!, rest[i]!];
  }
  return rest;
}
