/**
 * Verify, what is archived: packs that cannot be read without a thaw, which is fine, and metadata, which is not. This
 * program stores metadata in STANDARD, where every run can read it; when it is elsewhere, somebody has moved it.
 */
import { IcecoreError } from '../base/errors.ts';
import { kindPrefix } from '../format/layout.ts';
import type { Repository } from '../repo/repository.ts';
import type { ListedPack } from '../repo/scratch-catalog.ts';
import type { ObjectInfo } from '../store/store.ts';
import type { ThawState } from '../store/thaw.ts';

/** Where to look. */
interface Place {
  readonly repo: Repository;
  readonly signal: AbortSignal;
}

/**
 * The listing of data packs; `wantsState` also finds out which of them can be read as they are. Where listings do not
 * tell that, those of an archive class count as archived, thawed or not: asking for each would be dear.
 */
export async function* listData({ repo, signal }: Place, wantsState: boolean): AsyncGenerator<ListedPack> {
  const { thaw, bucket } = repo.store;
  const prefix = kindPrefix('pack');
  if (wantsState && thaw?.listsStates) {
    for await (const { name, size, storageClass, state } of thaw.states(prefix, signal)) {
      yield { name, size, storageClass, isReadable: isReadable(state) };
    }
    return;
  }
  for await (const info of repo.store.list(prefix, signal)) {
    yield { ...info, isReadable: bucket?.provider.classes[info.storageClass]?.isOnline !== false };
  }
}

/**
 * The listing of meta packs.
 * @throws kind `store`, `metadata-archived`
 */
export async function* listMeta(place: Place): AsyncGenerator<ListedPack> {
  for await (const info of place.repo.store.list(kindPrefix('meta'), place.signal)) {
    await requireOnline(place, info);
    yield info;
  }
}

/**
 * Makes sure that a metadata object of a listing can be read. One that is archived and was thawed for a while can be.
 * @throws kind `store`, `metadata-archived`
 */
export async function requireOnline(
  { repo, signal }: Place,
  info: Pick<ObjectInfo, 'name' | 'storageClass'>,
): Promise<void> {
  if (repo.store.bucket?.provider.classes[info.storageClass]?.isOnline !== false) return;
  const look = await repo.store.thaw?.look(info.name, info.storageClass, signal);
  if (look && isReadable(look.state)) return;
  const { name, storageClass } = info;
  throw new IcecoreError(
    'store',
    'metadata-archived',
    `${name} is metadata and lies in ${storageClass}, where it cannot be read`,
    {
      hint: "a lifecycle rule of the bucket has moved it: narrow the rule to packs/, thaw the other objects with the provider's tools, and copy them back to STANDARD; icecore doctor shows the rules",
      data: { object: name, storageClass },
    },
  );
}

function isReadable(state: ThawState): boolean {
  return state.type === 'online' || state.type === 'warm';
}
