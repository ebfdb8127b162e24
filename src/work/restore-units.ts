/**
 * Turns a window into units: ranges of packs to fetch, each with the chunks that are needed from it and the places
 * where they go. Decides which files one worker can write alone. Fetches and writes nothing.
 */

import { type FetchRange, planFetches } from '../plan/fetches.ts';
import type { Catalog, CatalogPack } from '../repo/catalog.ts';
import { blockRange } from '../seal/age-stream.ts';
import {
  CHUNK_NUMBERS,
  FILE_NUMBERS,
  type FileColumns,
  type FileExtras,
  FRAME_NUMBERS,
  type RestoreUnit,
} from './restore-messages.ts';
import { NOWHERE } from './restore-places.ts';
import { type BigFile, type RestoreWindow, toBigFile } from './restore-window.ts';

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
  /** Files with chunks that no index object names. */
  readonly broken: readonly number[];
  /** The big file that a file is, by number. */
  readonly big: ReadonlyMap<number, BigFile>;
  /** The uses of each chunk: `firstUse` by chunk, `nextUse` by use, -1 at the end. */
  readonly firstUse: Int32Array;
  readonly nextUse: Int32Array;
  readonly fileOfUse: Uint32Array;
}

/** Groups what a window needs. `isLeft` says of a file that it is not to be written. */
export function buildUnits(window: RestoreWindow, catalog: Catalog, isLeft: (file: number) => boolean): WindowUnits {
  const uses = linkUses(window, isLeft);
  const units: UnitPlan[] = [];
  const unitOfChunk = new Int32Array(window.chunkPack.length).fill(-1);
  for (const [number, frames] of groupChunks(window, uses.firstUse)) {
    const known = catalog.frames(number);
    const pack = catalog.pack(number);
    const needed = [...frames.keys()]
      .sort((a, b) => a - b)
      .map((frame) => ({ frame, offset: known[frame]?.offset ?? 0, length: known[frame]?.length ?? 0 }))
      .filter(({ length }) => length > 0);
    for (const range of planFetches(needed)) {
      const frameChunks = range.frames.map(({ frame }) =>
        frames.get(frame)!.sort((a, b) => window.chunkOffset[a]! - window.chunkOffset[b]!),
      );
      for (const chunks of frameChunks) for (const chunk of chunks) unitOfChunk[chunk] = units.length;
      const rawLengths = range.frames.map(({ frame }) => known[frame]!.rawLength);
      units.push({ pack, range, rawLengths, frameChunks, files: [] });
    }
  }
  const big = new Map<number, BigFile>();
  const broken: number[] = [];
  let empty: UnitPlan | undefined;
  for (const [file, item] of window.files.entries()) {
    if (isLeft(file)) continue;
    const [from, to] = [window.firstRef[file]!, window.firstRef[file + 1]!];
    if (item.big) {
      big.set(file, item.big);
    } else if (from === to) {
      if (!empty || empty.files.length >= EMPTY_FILES) {
        empty = { rawLengths: [], frameChunks: [], files: [] };
        units.push(empty);
      }
      empty.files.push(file);
    } else {
      const unit = unitOfChunk[window.refChunk[from]!]!;
      let isOne = true;
      let isBroken = false;
      for (let ref = from; ref < to; ref++) {
        const of = unitOfChunk[window.refChunk[ref]!]!;
        if (of < 0) isBroken = true;
        else if (of !== unit) isOne = false;
      }
      if (isBroken) broken.push(file);
      else if (isOne) units[unit]!.files.push(file);
      else big.set(file, toBigFile(item));
    }
  }
  return { units, broken, big, ...uses };
}

/** Bytes that a unit fetches. */
export function fetchedBytes({ pack, range }: UnitPlan): number {
  if (!pack || !range) return 0;
  const blocks = blockRange(range.offset, range.length);
  return Math.min(blocks.length, pack.size - pack.header.length - blocks.offset);
}

/** Links the uses of each chunk, in the order of files. */
function linkUses(window: RestoreWindow, isLeft: (file: number) => boolean) {
  const count = window.refChunk.length;
  const firstUse = new Int32Array(window.chunkPack.length).fill(-1);
  const nextUse = new Int32Array(count).fill(-1);
  const fileOfUse = new Uint32Array(count);
  for (let file = window.files.length - 1; file >= 0; file--) {
    const from = window.firstRef[file]!;
    const isUnused = isLeft(file);
    for (let ref = window.firstRef[file + 1]! - 1; ref >= from; ref--) {
      fileOfUse[ref] = file;
      if (isUnused) continue;
      const chunk = window.refChunk[ref]!;
      nextUse[ref] = firstUse[chunk]!;
      firstUse[chunk] = ref;
    }
  }
  return { firstUse, nextUse, fileOfUse };
}

/** The chunks that are used, by pack and frame; packs in the order in which the files need them. */
function groupChunks(window: RestoreWindow, firstUse: Int32Array): Map<number, Map<number, number[]>> {
  const packs = new Map<number, Map<number, number[]>>();
  for (let chunk = 0; chunk < firstUse.length; chunk++) {
    const pack = window.chunkPack[chunk]!;
    if (firstUse[chunk]! < 0 || pack === NOWHERE) continue;
    let frames = packs.get(pack);
    if (!frames) {
      frames = new Map();
      packs.set(pack, frames);
    }
    const chunks = frames.get(window.chunkFrame[chunk]!);
    if (chunks) chunks.push(chunk);
    else frames.set(window.chunkFrame[chunk]!, [chunk]);
  }
  return packs;
}

/** What a unit's message needs of the big files that it writes to. */
export interface UnitMessage {
  readonly message: Omit<RestoreUnit, 'task' | 'pack' | 'temps'>;
  /** The big files, in the order of `temps`. */
  readonly big: readonly BigFile[];
  /** The chunks, in the order of the message. */
  readonly chunks: readonly number[];
}

/** Writes the columns of a unit. */
export function composeUnit(window: RestoreWindow, units: WindowUnits, plan: UnitPlan): UnitMessage {
  const chunks = plan.frameChunks.flat();
  const local = new Map<number, number>();
  for (const [i, file] of plan.files.entries()) local.set(file, i);
  const big: BigFile[] = [];
  const frames = new Float64Array(plan.frameChunks.length * FRAME_NUMBERS);
  for (const [i, frame] of plan.range?.frames.entries() ?? []) {
    frames.set([frame.offset, frame.length, plan.rawLengths[i]!, plan.frameChunks[i]!.length], i * FRAME_NUMBERS);
  }
  const ids = Buffer.allocUnsafeSlow(chunks.length * 32);
  const numbers = new Uint32Array(chunks.length * CHUNK_NUMBERS);
  const useFile: number[] = [];
  const useOffset: number[] = [];
  for (const [i, chunk] of chunks.entries()) {
    window.ids.copy(ids, i * 32, chunk * 32, chunk * 32 + 32);
    const before = useFile.length;
    for (let use = units.firstUse[chunk]!; use >= 0; use = units.nextUse[use]!) {
      const file = units.fileOfUse[use]!;
      let index = local.get(file);
      if (index === undefined) {
        const item = units.big.get(file);
        // The only other files are broken ones, which are not written from units.
        if (!item) continue;
        index = plan.files.length + big.length;
        local.set(file, index);
        big.push(item);
      }
      useFile.push(index);
      useOffset.push(window.refOffset[use]!);
    }
    numbers.set([window.chunkOffset[chunk]!, window.chunkLength[chunk]!, useFile.length - before], i * CHUNK_NUMBERS);
  }
  const message = {
    type: 'unit',
    frames,
    ids,
    chunks: numbers,
    useFile: Uint32Array.from(useFile),
    useOffset: Float64Array.from(useOffset),
    files: composeFiles(window, plan.files),
  } as const;
  return { message, big, chunks };
}

function composeFiles(window: RestoreWindow, files: readonly number[]): FileColumns {
  const directories: string[] = [];
  const places = new Map<string, number>();
  const directory = new Uint32Array(files.length);
  const names: string[] = [];
  const numbers = new Float64Array(files.length * FILE_NUMBERS);
  const mtimes = new BigInt64Array(files.length);
  const extras = new Map<number, FileExtras>();
  for (const [i, file] of files.entries()) {
    const { node, name, meta, size, extras: more } = window.files[file]!;
    let place = places.get(node.path);
    if (place === undefined) {
      place = directories.push(node.path) - 1;
      places.set(node.path, place);
    }
    directory[i] = place;
    names.push(name);
    const at = i * FILE_NUMBERS;
    numbers[at] = meta.mode;
    numbers[at + 1] = meta.uid;
    numbers[at + 2] = meta.gid;
    numbers[at + 3] = size;
    numbers[at + 4] = window.firstRef[file + 1]! - window.firstRef[file]!;
    mtimes[i] = meta.mtime;
    if (more) extras.set(i, more);
  }
  const joined = { directories: directories.join('\0'), names: names.join('/') };
  return { count: files.length, ...joined, directory, numbers, mtimes, extras };
}
