/** Chooses where each chunk of a window is read from. Other places are tried when that one fails (restore-repair.ts). */
import type { Catalog } from '../repo/catalog.ts';
import type { GcState } from '../repo/gc-records.ts';
import type { PackGate, PackReadiness } from './restore-gate.ts';
import { NOWHERE, type RestoreWindow } from './restore-window.ts';

/** What can be read now goes before everything else. */
const GATE_COST: Readonly<Record<PackReadiness, number>> = { readable: 0, warming: 4, cold: 8 };

/** Answers from the catalog, which must be up to date. */
export class ChunkPlaces {
  readonly #catalog: Catalog;
  readonly #gc: GcState;
  readonly #gate: PackGate | undefined;

  constructor(catalog: Catalog, gc: GcState, gate?: PackGate) {
    this.#catalog = catalog;
    this.#gc = gc;
    this.#gate = gate;
  }

  /** Places the chunks of a window from number `from` on. */
  placeAll(window: RestoreWindow, from: number): void {
    const ids: Buffer[] = [];
    for (let chunk = from; chunk < window.chunkCount; chunk++) ids.push(window.id(chunk));
    this.#catalog.eachPlace(ids, (index, pack, frame, offset, length) => {
      const chunk = from + index;
      const known = window.pack(chunk);
      if (known !== NOWHERE && this.#cost(known) <= this.#cost(pack)) return;
      window.place(chunk, pack, frame, offset, length);
    });
  }

  /** Condemned packs may be gone the next moment, and packs of metadata are other requests. */
  #cost(pack: number): number {
    const described = this.#catalog.pack(pack);
    const { name, kind } = described;
    const gated = this.#gate ? GATE_COST[this.#gate.readinessOf(described)] : 0;
    return gated + (this.#gc.isCondemned(name) ? 2 : 0) + (kind === 'data' ? 0 : 1);
  }
}
