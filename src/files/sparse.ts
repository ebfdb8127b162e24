/**
 * Where a sparse file has data. Holes are found by asking the file system (SEEK_DATA, SEEK_HOLE), never by looking for
 * zeros; where it cannot be asked, the file is simply read, and its zeros deduplicate.
 */
import type { Libc } from './libc.ts';
import type { FileStat } from './stat.ts';

/** Ranges of data [offset, length], ascending, not touching each other, within the size. */
export type Extents = readonly (readonly [offset: number, length: number])[];

/** Holes smaller than this are read as zeros: an extent in a manifest costs more than they do. */
const MIN_HOLE = 64 * 1024;
/** A file in more pieces than this is stored without holes, so that its entry stays small. */
const MAX_EXTENTS = 4096;

/** True when fewer blocks are allocated than the size needs: only then is it worth to ask for holes. */
export function mayBeSparse(stat: Pick<FileStat, 'size' | 'blocks'>): boolean {
  return stat.size >= BigInt(MIN_HOLE) && stat.blocks * 512n < stat.size;
}

/**
 * Asks for the data of an open file of `size` bytes; an empty list when it is all hole.
 * @returns undefined when it has no hole worth keeping, too many, or the file system does not tell.
 */
export function findExtents(fd: number, size: number, libc: Libc): Extents | undefined {
  const extents: [number, number][] = [];
  let covered = 0;
  try {
    for (let offset = 0; offset < size; ) {
      const start = libc.seekData(fd, offset);
      if (start === undefined || start >= size) break;
      const end = Math.min(libc.seekHole(fd, start) ?? size, size);
      // The file may change meanwhile: without progress there is nothing to learn.
      if (end <= offset) return undefined;
      const last = extents.at(-1);
      const from = last === undefined && start < MIN_HOLE ? 0 : start;
      if (last && from - (last[0] + last[1]) < MIN_HOLE) last[1] = end - last[0];
      else extents.push([from, end - from]);
      if (extents.length > MAX_EXTENTS) return undefined;
      offset = end;
    }
  } catch {
    return undefined;
  }
  const last = extents.at(-1);
  if (last && size - (last[0] + last[1]) < MIN_HOLE) last[1] = size - last[0];
  for (const [, length] of extents) covered += length;
  return covered === size ? undefined : extents;
}
