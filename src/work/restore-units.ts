/**
 * Turns a window into units: ranges of packs to fetch, each with the chunks that are needed from it and the places
 * where they go. Decides which files one worker can write alone. Fetches and writes nothing.
 */

import { type FetchRange, planFetches } from '../plan/fetches.ts';
import type { Catalog } from '../repo/catalog.ts';
import type { CatalogPack } from '../repo/catalog-pack.ts';
import { blockRange } from '../seal/age-stream.ts';
import { type BigFile, NOWHERE, type RestoreWindow, toBigFile } from './restore-window.ts';

/** Longer paths of directories come in trees of absurd depth only. */
const MAX_PATH = 8192;
/** Files without content in one unit. */
const EMPTY_FILES = 1024;

/** A range to fetch, and what comes from it; without a range: files without content. */
export interface UnitPlan {
  readonly pack?: CatalogPack;
  readonly range?: FetchRange;
  readonly rawLengths: readonly number[];
  /** Chunks of each frame of the range, by their place in it. */
  readonly frameChunks: readonly (readonly number[])[];
  /** Files that one worker writes from this unit alone. */
  readonly files: number[];
}

/** What a window comes to. */
export interface WindowUnits {
  readonly units: readonly UnitPlan[];
  /** Files with chunks that no index object names, and others that are written one by one. */
  readonly broken: readonly number[];
  /** The big file that a file is, by number. */
  readonly big: ReadonlyMap<number, BigFile>;
  /** The file of each chunk. */
  readonly fileOf: Uint32Array;
}

/** Groups what a window needs. `isLeft` says of a file that it is not to be written. */
export function buildUnits(window: RestoreWindow, catalog: Catalog, isLeft: (file: number) => boolean): WindowUnits {
  const fileOf = new Uint32Array(window.chunkCount);
  const units: UnitPlan[] = [];
  const unitOf = new Int32Array(window.chunkCount).fill(-1);
  for (const [number, frames] of groupChunks(window, fileOf, isLeft)) {
    const known = catalog.frames(number);
    const pack = catalog.pack(number);
    const needed = [...frames.keys()]
      .sort((a, b) => a - b)
      .map((frame) => ({ frame, offset: known[frame]?.offset ?? 0, length: known[frame]?.length ?? 0 }))
      .filter(({ length }) => length > 0);
    for (const range of planFetches(needed)) {
      const frameChunks = range.frames.map(({ frame }) => inOrder(window, frames.get(frame)!));
      for (const chunks of frameChunks) for (const chunk of chunks) unitOf[chunk] = units.length;
      const rawLengths = range.frames.map(({ frame }) => known[frame]!.rawLength);
      units.push({ pack, range, rawLengths, frameChunks, files: [] });
    }
  }
  const big = new Map<number, BigFile>(window.big);
  const broken: number[] = [];
  let empty: UnitPlan | undefined;
  for (let file = 0; file < window.fileCount; file++) {
    if (isLeft(file) || big.has(file)) continue;
    const [from, to] = [window.firstChunk(file), window.firstChunk(file + 1)];
    if (from === to && window.node(file).pathLength <= MAX_PATH) {
      if (!empty || empty.files.length >= EMPTY_FILES) {
        empty = { rawLengths: [], frameChunks: [], files: [] };
        units.push(empty);
      }
      empty.files.push(file);
      continue;
    }
    const of = unitOf.subarray(from, to);
    const node = window.node(file);
    // Paths of such length are not repeated in messages: the main thread writes these few files.
    if (of.includes(-1) || node.pathLength > MAX_PATH) broken.push(file);
    else if (of.every((unit) => unit === of[0])) units[of[0]!]!.files.push(file);
    else big.set(file, toBigFile(window.file(file)));
  }
  return { units, broken, big, fileOf };
}

/** Bytes that a unit fetches. */
export function fetchedBytes({ pack, range }: UnitPlan): number {
  if (!pack || !range) return 0;
  const blocks = blockRange(range.offset, range.length);
  return Math.min(blocks.length, pack.size - pack.header.length - blocks.offset);
}

/** The chunks that are used, by pack and frame; packs in the order in which the files need them. */
function groupChunks(
  window: RestoreWindow,
  fileOf: Uint32Array,
  isLeft: (file: number) => boolean,
): Map<number, Map<number, number[]>> {
  const packs = new Map<number, Map<number, number[]>>();
  for (let file = 0; file < window.fileCount; file++) {
    const isUnused = isLeft(file);
    for (let chunk = window.firstChunk(file); chunk < window.firstChunk(file + 1); chunk++) {
      fileOf[chunk] = file;
      const pack = window.pack(chunk);
      if (isUnused || pack === NOWHERE) continue;
      let frames = packs.get(pack);
      if (!frames) {
        frames = new Map();
        packs.set(pack, frames);
      }
      const chunks = frames.get(window.frame(chunk));
      if (chunks) chunks.push(chunk);
      else frames.set(window.frame(chunk), [chunk]);
    }
  }
  return packs;
}

/** The chunks of a frame by their place, so that equal ones come together. */
function inOrder(window: RestoreWindow, chunks: number[]): number[] {
  return chunks.sort((a, b) => window.offset(a) - window.offset(b) || a - b);
}
