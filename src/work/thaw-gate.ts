/** Says which packs can be read, from what a look at them told; learns from reads that fail. */
import type { CatalogPack } from '../repo/catalog-pack.ts';
import type { ThawLook } from '../store/thaw.ts';
import type { PackGate, PackReadiness } from './restore-gate.ts';

const READINESS: Readonly<Record<ThawLook['state']['type'], PackReadiness>> = {
  online: 'readable',
  warm: 'readable',
  warming: 'warming',
  cold: 'cold',
};

/** Answers for one pass of a restore. */
export class ThawGate implements PackGate {
  readonly #looks: ReadonlyMap<string, ThawLook>;
  readonly #isArchive: (storageClass: string) => boolean;
  readonly #refrozen = new Set<string>();

  /**
   * @param looks what is known, by name
   * @param isArchive whether packs of a class that were not looked at count as cold
   */
  constructor(looks: ReadonlyMap<string, ThawLook>, isArchive: (storageClass: string) => boolean) {
    this.#looks = looks;
    this.#isArchive = isArchive;
  }

  /** Packs that a read found archived. */
  get refrozen(): ReadonlySet<string> {
    return this.#refrozen;
  }

  readinessOf({ name, storageClass }: CatalogPack): PackReadiness {
    if (this.#refrozen.has(name)) return 'cold';
    const look = this.#looks.get(name);
    if (look) return READINESS[look.state.type];
    return this.#isArchive(storageClass) ? 'cold' : 'readable';
  }

  wentCold(name: string): void {
    this.#refrozen.add(name);
  }
}
