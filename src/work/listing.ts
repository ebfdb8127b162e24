/** Lists what lies in a snapshot, reading only the segments that hold it. */
import { IcecoreError } from '../base/errors.ts';
import { joinRaw, type Raw, rawToDisplay } from '../base/raw.ts';
import { ChunkReader } from '../repo/chunk-reader.ts';
import type { Repository } from '../repo/repository.ts';
import { openManifest } from '../repo/snapshot-manifest.ts';
import type { ListedEntry, SnapshotInfo } from './browse.ts';
import { damageReporter } from './damage-report.ts';

/**
 * Lists what lies at `path` (absolute; `/` for all): for a directory its entries, all below it when `recursive`, in the
 * order of the manifest (all entries of a directory, then its subdirectories one by one); for anything else itself.
 * Parts of the manifest that cannot be read are reported to the repository's monitor and left out.
 * @throws kind `user`, `no-such-path`.
 */
export async function* listEntries(
  repo: Repository,
  snapshot: SnapshotInfo,
  path: Raw,
  recursive: boolean,
): AsyncGenerator<ListedEntry> {
  const manifest = await openManifest(repo, new ChunkReader(repo), snapshot.id);
  const directory = withoutSlash(path);
  if (directory !== '/') {
    const entry = await manifest.find(directory);
    if (!entry) throw noSuchPath(directory, snapshot);
    if (entry.type !== 'dir') {
      yield { path: directory, entry };
      return;
    }
  }
  const onDamage = damageReporter(repo.monitor);
  for await (const { path: parent, entries } of manifest.segments({ directory, recursive }, { onDamage })) {
    for (const entry of entries) yield { path: joinRaw(parent, entry.name), entry };
  }
}

/** The path without a slash at its end. */
export function withoutSlash(path: Raw): Raw {
  return (path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path) as Raw;
}

/** Makes the error for a path that a snapshot does not have. */
export function noSuchPath(path: Raw, snapshot: SnapshotInfo): IcecoreError {
  return new IcecoreError('user', 'no-such-path', `there is no ${rawToDisplay(path)} in snapshot ${snapshot.id}`, {
    hint: 'paths are absolute, as they were on the host; `icecore find` looks in all snapshots',
    data: { path: rawToDisplay(path), snapshot: snapshot.id },
  });
}
