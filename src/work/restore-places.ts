/** Chooses where each chunk of a window is read from. Other places are tried when that one fails (restore-repair.ts). */
import type { ChunkId } from '../base/ids.ts';
import type { Catalog, ChunkPlace } from '../repo/catalog.ts';
import type { GcState } from '../repo/gc-records.ts';
import type { RestoreWindow } from './restore-window.ts';

/** Stands for the pack of a chunk that no index object names. */
export const NOWHERE = -1;

/** Answers from the catalog, which must be up to date. */
export class ChunkPlaces {
  readonly #catalog: Catalog;
  readonly #gc: GcState;
  readonly #id = Buffer.alloc(32);

  constructor(catalog: Catalog, gc: GcState) {
    this.#catalog = catalog;
    this.#gc = gc;
  }

  /** The number that the chunk has in the window; it is looked up and added when it is new there. */
  chunkIn(window: RestoreWindow, id: ChunkId): number {
    const known = window.findChunk(id);
    if (known !== undefined) return known;
    this.#id.write(id, 'hex');
    const places = this.#catalog.placesOf(this.#id);
    const place = places.length > 1 ? this.#best(places) : places[0];
    if (!place) return window.addChunk(id, NOWHERE, 0, 0, 0);
    return window.addChunk(id, place.pack, place.frame, place.offset, place.length);
  }

  /** Condemned packs may be gone the next moment, and packs of metadata are other requests. */
  #best(places: readonly ChunkPlace[]): ChunkPlace {
    const cost = ({ pack }: ChunkPlace): number => {
      const { name, kind } = this.#catalog.pack(pack);
      return (this.#gc.isCondemned(name) ? 2 : 0) + (kind === 'data' ? 0 : 1);
    };
    return places.reduce((best, place) => (cost(place) < cost(best) ? place : best));
  }
}
