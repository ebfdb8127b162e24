/** Writes the message of a unit: columns of the frames, chunks, uses and files that a worker needs. Decides nothing. */
import type { DirectoryNode } from './restore-directories.ts';
import {
  FILE_NUMBERS,
  type FileColumns,
  type FileExtras,
  FRAME_NUMBERS,
  type RestoreUnit,
} from './restore-messages.ts';
import type { UnitPlan, WindowUnits } from './restore-units.ts';
import type { BigFile, RestoreWindow } from './restore-window.ts';

/** One use of a chunk: its number in the window, and the big file (of the message) that uses it, if it is one. */
export interface ChunkUse {
  readonly chunk: number;
  readonly big: number | undefined;
}

/** A message, and what its numbers mean. */
export interface UnitMessage {
  readonly message: Omit<RestoreUnit, 'task' | 'pack' | 'temps'>;
  /** The big files, in the order of `temps`. */
  readonly big: readonly BigFile[];
  /** The uses of each chunk of the message. */
  readonly uses: readonly (readonly ChunkUse[])[];
}

/** Writes the columns of a unit. */
export function composeUnit(
  window: RestoreWindow,
  { fileOf, big: bigFiles }: WindowUnits,
  plan: UnitPlan,
): UnitMessage {
  const local = new Map<number, number>();
  for (const [i, file] of plan.files.entries()) local.set(file, i);
  const big: BigFile[] = [];
  const frames = new Float64Array(plan.frameChunks.length * FRAME_NUMBERS);
  const ids: Buffer[] = [];
  const numbers: number[] = [];
  const useFile: number[] = [];
  const useOffset: number[] = [];
  const uses: ChunkUse[][] = [];
  for (const [i, { offset, length }] of plan.range?.frames.entries() ?? []) {
    const before = ids.length;
    for (const chunk of plan.frameChunks[i]!) {
      const index = localFile(fileOf[chunk]!);
      // Broken files are not written from units.
      if (index === undefined) continue;
      const id = window.id(chunk);
      // The same content used once more: chunks come in the order of their places.
      if (ids.length === before || numbers.at(-3) !== window.offset(chunk) || !ids.at(-1)!.equals(id)) {
        ids.push(id);
        numbers.push(window.offset(chunk), window.length(chunk), 0);
        uses.push([]);
      }
      numbers[numbers.length - 1]!++;
      useFile.push(index);
      useOffset.push(window.contentOffset(chunk));
      uses.at(-1)!.push({ chunk, big: index < plan.files.length ? undefined : index - plan.files.length });
    }
    frames.set([offset, length, plan.rawLengths[i]!, ids.length - before], i * FRAME_NUMBERS);
  }
  const message = {
    type: 'unit',
    frames,
    ids: Buffer.concat(ids),
    chunks: Uint32Array.from(numbers),
    useFile: Uint32Array.from(useFile),
    useOffset: Float64Array.from(useOffset),
    files: composeFiles(window, plan.files),
  } as const;
  return { message, big, uses };

  function localFile(file: number): number | undefined {
    const known = local.get(file);
    if (known !== undefined) return known;
    const item = bigFiles.get(file);
    if (!item) return undefined;
    const index = plan.files.length + big.push(item) - 1;
    local.set(file, index);
    return index;
  }
}

function composeFiles(window: RestoreWindow, files: readonly number[]): FileColumns {
  const directories: string[] = [];
  const places = new Map<DirectoryNode, number>();
  const directory = new Uint32Array(files.length);
  const names: string[] = [];
  const numbers = new Float64Array(files.length * FILE_NUMBERS);
  const mtimes = new BigInt64Array(files.length);
  const extras = new Map<number, FileExtras>();
  for (const [i, file] of files.entries()) {
    const { node, name, meta, size, extras: more } = window.file(file);
    let place = places.get(node);
    if (place === undefined) {
      place = directories.push(node.path) - 1;
      places.set(node, place);
    }
    directory[i] = place;
    names.push(name);
    const uses = window.firstChunk(file + 1) - window.firstChunk(file);
    numbers.set([meta.mode, meta.uid, meta.gid, size, uses], i * FILE_NUMBERS);
    mtimes[i] = meta.mtime;
    if (more) extras.set(i, more);
  }
  const joined = { directories: directories.join('\0'), names: names.join('/') };
  return { count: files.length, ...joined, directory, numbers, mtimes, extras };
}
