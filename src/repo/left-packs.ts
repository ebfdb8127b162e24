/**
 * Packs that a session of this host stored and never indexed, because it was killed. The catalog remembers them; they
 * are listed to be sure that they are whole, and the session that finds them names them in its own index.
 */
import { isSessionId, type SessionId } from '../base/ids.ts';
import { decodeIndexObject, encodeIndexObject, type PackRecord } from '../format/index-object.ts';
import { sessionPrefix } from '../format/layout.ts';
import { encodeFrameLine } from '../format/pack.ts';
import type { GcState } from './gc-records.ts';
import type { PackDescription } from './pack-writer.ts';
import type { Repository } from './repository.ts';

/** Finds left packs that are there with their whole size and not condemned; forgets the others. */
export async function findLeftPacks(
  repo: Repository,
  current: SessionId,
  gc: GcState,
  signal: AbortSignal,
): Promise<PackDescription[]> {
  const { catalog, store } = repo;
  const found: PackDescription[] = [];
  for (const [sid, rows] of Map.groupBy(catalog.pending(), (row) => row.sid)) {
    if (sid === current || !isSessionId(sid)) continue;
    const present = new Map<string, number>();
    for (const kind of ['pack', 'meta'] as const) {
      for await (const { name, size } of store.list(sessionPrefix(kind, sid), signal)) present.set(name, size);
    }
    for (const { record } of rows) {
      const [pack] = decodeIndexObject(record, 'the local catalog');
      if (!pack) continue;
      if (present.get(pack.name) === pack.size && !gc.isCondemned(pack.name)) found.push(describe(pack));
      else catalog.dropPending(sid, pack.name);
    }
  }
  return found;
}

/** The index object of packs whose frame lines are encoded already. */
export function encodeIndex(packs: readonly PackDescription[]): Buffer {
  const parts = packs.flatMap(({ record, frameLines }) => [encodeIndexObject([{ ...record, frames: [] }]), frameLines]);
  return Buffer.concat(parts);
}

function describe(pack: PackRecord): PackDescription {
  const { frames, ...record } = pack;
  return { record, frameLines: Buffer.from(frames.map(encodeFrameLine).join(''), 'latin1') };
}
