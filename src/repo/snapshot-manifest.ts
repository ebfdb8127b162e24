/** From the id of a snapshot to the reader of its manifest. */
import { IcecoreError } from '../base/errors.ts';
import type { SessionId } from '../base/ids.ts';
import { snapshotName } from '../format/layout.ts';
import { decodeDecision, type Snapshot } from '../format/snapshot.ts';
import type { ChunkReader } from './chunk-reader.ts';
import { ManifestReader } from './manifest-reader.ts';
import type { Repository } from './repository.ts';

/**
 * Loads a snapshot; from the catalog when it was seen before.
 * @throws kind `user`, `no-such-snapshot`, when it is gone or was revoked; damage
 */
export async function loadSnapshot(repo: Repository, id: SessionId): Promise<Snapshot> {
  const name = snapshotName(id);
  const object = await repo.objects.load('snapshot', name);
  const decision = object && decodeDecision(object.payload, name);
  if (decision?.type === 'snapshot') return decision.snapshot;
  throw new IcecoreError('user', 'no-such-snapshot', `there is no snapshot ${id}`, { data: { snapshot: id } });
}

/** Opens the manifest of a snapshot. Errors as in {@link loadSnapshot}. */
export async function openManifest(repo: Repository, chunks: ChunkReader, id: SessionId): Promise<ManifestReader> {
  const { root } = await loadSnapshot(repo, id);
  return new ManifestReader(chunks, root, snapshotName(id));
}
