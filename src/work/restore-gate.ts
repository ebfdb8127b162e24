/**
 * What a restore does about packs that cannot be read at the moment: files that need one are left as they are, counted,
 * and come with a later pass. Owns which files those are; which packs can be read is what the gate says.
 */
import { isIcecoreError } from '../base/errors.ts';
import { joinRaw, type Raw } from '../base/raw.ts';
import type { Catalog } from '../repo/catalog.ts';
import type { CatalogPack } from '../repo/catalog-pack.ts';
import { type BigFile, NOWHERE, type RestoreWindow } from './restore-window.ts';

/** What a read of a pack would find: what is `warming` will be readable, what is `cold` was not asked for. */
export type PackReadiness = 'readable' | 'warming' | 'cold';

/** Says which packs can be read. */
export interface PackGate {
  readinessOf(pack: CatalogPack): PackReadiness;
  /** A read found that the pack is archived, whatever was said before. */
  wentCold(name: string): void;
}

/** True when a read failed because the object is archived. */
export function isColdError(error: unknown): boolean {
  return isIcecoreError(error, 'store') && error.code === 'object-cold';
}

/**
 * Finds the files of a window that need a pack that cannot be read. A file that has parts in several windows is left as
 * a whole, once that is known: `frozenParts` keeps the paths of such files from one pass over the windows to the next.
 */
export function findFrozen(window: RestoreWindow, catalog: Catalog, gate: PackGate, frozenParts: Set<Raw>): number[] {
  const isReadable = new Map<number, boolean>();
  const needsFrozen = (file: number): boolean => {
    for (let chunk = window.firstChunk(file); chunk < window.firstChunk(file + 1); chunk++) {
      const pack = window.pack(chunk);
      if (pack === NOWHERE) continue;
      let readable = isReadable.get(pack);
      if (readable === undefined) {
        readable = gate.readinessOf(catalog.pack(pack)) === 'readable';
        isReadable.set(pack, readable);
      }
      if (!readable) return true;
    }
    return false;
  };
  const frozenBig = new Set<BigFile>();
  const frozen: number[] = [];
  for (let file = 0; file < window.fileCount; file++) {
    if (window.refused.has(file)) continue;
    const big = window.big.get(file);
    if (big) {
      const path = joinRaw(big.node.path, big.name);
      if (!frozenParts.has(path) && !needsFrozen(file)) continue;
      frozenParts.add(path);
      frozenBig.add(big);
    } else if (needsFrozen(file)) {
      frozen.push(file);
    }
  }
  for (const [file, big] of window.big) if (frozenBig.has(big)) frozen.push(file);
  return frozen;
}
