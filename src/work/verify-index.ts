/**
 * Verify, the index: opens every index object, fills the scratch catalog with what they say, and compares that with the
 * listing of packs. Hands the packs that are to be read to whoever reads them, with the lines that describe them.
 */
import { damage } from '../base/errors.ts';
import { mapOrdered } from '../base/limit.ts';
import { decodeIndexObject, type PackRecord } from '../format/index-object.ts';
import { kindPrefix, sessionPrefix } from '../format/layout.ts';
import type { Snapshot } from '../format/snapshot.ts';
import type { GcState } from '../repo/gc-records.ts';
import type { PackMismatch, ScratchCatalog } from '../repo/scratch-catalog.ts';
import { findingOf, listObjects, type VerifyContext } from './verify-context.ts';

/** An index object that was opened. */
export interface OpenedIndex {
  readonly name: string;
  readonly records: readonly PackRecord[];
  /** The lines of each record. */
  readonly lines: (record: number) => Uint8Array;
}

/** Index objects opened ahead; each may take 64 MiB. */
const AHEAD = 2;

/** Opens index objects one after the other. Damaged ones are findings and left out. */
export async function* openIndex(context: VerifyContext, names: readonly string[]): AsyncGenerator<OpenedIndex> {
  const opened = mapOrdered(names, AHEAD, (name) =>
    findingOf(context, name, async () => {
      const object = await context.repo.objects.load('index', name, { cache: false });
      if (!object) throw damage('object-missing', `${name} went away while it was needed`, { object: name });
      const records = decodeIndexObject(object.payload, name);
      return { name, records, lines: linesOf(object.payload, records) };
    }),
  );
  for await (const index of opened) if (index) yield index;
}

/** Lists the index objects. */
export async function listIndex(context: VerifyContext): Promise<string[]> {
  const listed = await listObjects(context, kindPrefix('index'));
  return listed.map(({ name }) => name);
}

/**
 * Finds the index objects that snapshots name and that are gone although packs of their session are described nowhere
 * else. (Prune may replace index objects; then the packs are in others.)
 */
export function checkIndexNames(
  { findings }: VerifyContext,
  scratch: ScratchCatalog,
  snapshots: readonly Snapshot[],
  present: ReadonlySet<string>,
): void {
  for (const { id, index } of snapshots) {
    const gone = index.filter((name) => !present.has(name));
    if (gone.length === 0) continue;
    const isReplaced =
      scratch.unindexed(sessionPrefix('pack', id)) === 0 && scratch.unindexed(sessionPrefix('meta', id)) === 0;
    if (isReplaced) continue;
    for (const name of gone)
      findings.add(name, 'index-missing', 'is missing, and packs that only it describes are there');
  }
}

/**
 * Reports packs that are not in the store as the index says. A condemned pack may be gone: nothing relies on it.
 * @param isWanted whether the pack is to be checked at all
 * @returns those whose chunks cannot be had
 */
export function checkPresence(
  { findings }: VerifyContext,
  mismatches: readonly PackMismatch[],
  gc: GcState,
  isWanted: (pack: number) => boolean,
): PackMismatch[] {
  const lost: PackMismatch[] = [];
  for (const mismatch of mismatches) {
    const { name, size, listed, pack } = mismatch;
    if (!isWanted(pack)) continue;
    if (listed === undefined || listed < size) lost.push(mismatch);
    if (listed === undefined && gc.isCondemned(name)) continue;
    if (listed === undefined) findings.add(name, 'pack-missing', 'is missing');
    else if (listed !== size) findings.add(name, 'pack-size', `has ${listed} bytes, the index says ${size}`);
    else findings.add(name, 'pack-checksum', "the store's checksum is not the one in the index");
  }
  return lost;
}

/** Finds the lines of each record in the text that they were decoded from. */
function linesOf(payload: Uint8Array, records: readonly PackRecord[]): (record: number) => Uint8Array {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.length);
  const starts: number[] = [];
  let at = 0;
  for (const { frames } of records) {
    starts.push(at);
    for (let line = 0; line <= frames.length; line++) at = bytes.indexOf(0x0a, at) + 1;
  }
  starts.push(at);
  // Copies: what waits for a worker must not keep the whole object.
  return (record) => Uint8Array.from(bytes.subarray(starts[record], starts[record + 1]));
}
