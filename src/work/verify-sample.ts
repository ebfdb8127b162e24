/** Chooses the packs of a sample at random: every pack has the same chance, so that repeated samples see everything. */

/** How large a sample is: a share of the packs, a number of them, or bytes. */
export type Sample = { readonly share: number } | { readonly packs: number } | { readonly bytes: number };

/** A pack that may be chosen, by the catalog's number. */
export interface SampledPack {
  readonly pack: number;
  readonly size: number;
}

/**
 * Chooses packs; at least one, if there are any.
 * @param random numbers in [0, 1)
 */
export function choosePacks(packs: readonly SampledPack[], sample: Sample, random: () => number): Set<number> {
  const rest = [...packs];
  const chosen = new Set<number>();
  const count =
    'packs' in sample ? sample.packs : 'share' in sample ? Math.ceil(packs.length * sample.share) : Infinity;
  const bytes = 'bytes' in sample ? sample.bytes : Infinity;
  let total = 0;
  // The first steps of a Fisher-Yates shuffle.
  for (let i = 0; i < rest.length && (i === 0 || (i < count && total < bytes)); i++) {
    const j = i + Math.floor(random() * (rest.length - i));
    [rest[i], rest[j]] = [rest[j]!, rest[i]!];
    chosen.add(rest[i]!.pack);
    total += rest[i]!.size;
  }
  return chosen;
}
