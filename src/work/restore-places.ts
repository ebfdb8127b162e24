/** Chooses where each chunk of a window is read from. Other places are tried when that one fails (restore-repair.ts). */
import type { Catalog } from '../repo/catalog.ts';
import type { GcState } from '../repo/gc-records.ts';
import { NOWHERE, type RestoreWindow } from './restore-window.ts';

/** Answers from the catalog, which must be up to date. */
export class ChunkPlaces {
  readonly #catalog: Catalog;
  readonly #gc: GcState;

  constructor(catalog: Catalog, gc: GcState) {
    this.#catalog = catalog;
    this.#gc = gc;
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
    const { name, kind } = this.#catalog.pack(pack);
    return (this.#gc.isCondemned(name) ? 2 : 0) + (kind === 'data' ? 0 : 1);
  }
}
