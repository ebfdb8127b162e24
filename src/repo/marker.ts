/** The marker `icecore.json`: the one plain object, which says that a repository is here and which. */
import { damage, IcecoreError } from '../base/errors.ts';
import { isRepoId, type RepoId } from '../base/ids.ts';
import { parseJsonObject, readInteger, readString } from '../base/json.ts';
import { MARKER_NAME } from '../format/layout.ts';
import type { Store } from '../store/store.ts';

/** The bytes of a marker. */
export function encodeMarker(id: RepoId): Buffer {
  return Buffer.from(`${JSON.stringify({ icecore: 1, repo: id })}\n`);
}

/**
 * Reads which repository a store holds.
 * @throws `missing` when there is none; `config` when its format is newer; `damage` when the marker makes no sense.
 */
export async function loadMarker(store: Store): Promise<RepoId> {
  const id = await findMarker(store);
  if (id !== undefined) return id;
  throw new IcecoreError('missing', 'no-repository', `no repository at ${store.location}`, {
    // The location of a bucket lacks its endpoint: as a command it would go elsewhere.
    hint: store.bucket
      ? 'check the bucket and the prefix in the URL; icecore init with the same URL creates a repository there'
      : `create one with: icecore init -r ${store.location}`,
  });
}

/** Like {@link loadMarker}, undefined when there is none. */
export async function findMarker(store: Store): Promise<RepoId | undefined> {
  const bytes = await store.get(MARKER_NAME);
  if (!bytes) return undefined;
  const marker = parseJsonObject(bytes, { maxDepth: 4, maxLength: 4096 }, MARKER_NAME);
  const version = readInteger(marker, 'icecore', MARKER_NAME, 1);
  if (version !== 1) {
    throw new IcecoreError(
      'config',
      'format-too-new',
      `the repository has format ${version}; this icecore knows format 1`,
      {
        hint: 'use a newer icecore',
      },
    );
  }
  const id = readString(marker, 'repo', MARKER_NAME);
  if (!isRepoId(id))
    throw damage('marker-malformed', `${MARKER_NAME}: the repository id is malformed`, { object: MARKER_NAME });
  return id;
}
