/**
 * What a restore reads from which packs, gathered while it is planned: archived packs one by one, in the order of use,
 * and of the others only sums by class, since there may be any number of them.
 */
import type { CatalogPack } from '../repo/catalog-pack.ts';

/** What is read from one pack. */
export interface PackRead {
  readonly name: string;
  readonly size: number;
  readonly storageClass: string;
  /** Stored bytes that are fetched, and with how many requests. */
  readonly wantedBytes: number;
  readonly gets: number;
}

/** What is read from packs that need no thaw, by class. */
export interface ClassRead {
  readonly storageClass: string;
  readonly packs: number;
  /** Of the packs as a whole. */
  readonly bytes: number;
  readonly wantedBytes: number;
  readonly gets: number;
}

/** Gathers reads. */
export class PackReads {
  /** By the catalog's number. */
  readonly #cold = new Map<number, PackRead>();
  readonly #online = new Map<string, ClassRead>();
  readonly #isArchived: (pack: CatalogPack) => boolean;

  /** @param isArchived says which packs may need a thaw */
  constructor(isArchived: (pack: CatalogPack) => boolean) {
    this.#isArchived = isArchived;
  }

  /** Packs that may need a thaw, in the order of use. */
  get archived(): readonly PackRead[] {
    return [...this.#cold.values()];
  }

  get online(): readonly ClassRead[] {
    return [...this.#online.values()];
  }

  /** Adds one read; `isFirst`: the first one of this pack. */
  add(pack: CatalogPack, bytes: number, isFirst: boolean): void {
    const { name, size, storageClass } = pack;
    if (this.#isArchived(pack)) {
      const known = this.#cold.get(pack.id) ?? { name, size, storageClass, wantedBytes: 0, gets: 0 };
      this.#cold.set(pack.id, { ...known, wantedBytes: known.wantedBytes + bytes, gets: known.gets + 1 });
      return;
    }
    const known = this.#online.get(storageClass) ?? { storageClass, packs: 0, bytes: 0, wantedBytes: 0, gets: 0 };
    this.#online.set(storageClass, {
      storageClass,
      packs: known.packs + (isFirst ? 1 : 0),
      bytes: known.bytes + (isFirst ? size : 0),
      wantedBytes: known.wantedBytes + bytes,
      gets: known.gets + 1,
    });
  }
}
