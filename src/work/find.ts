/**
 * Looks for entries in snapshots. Snapshots share most of their segments, so each segment is read and searched once,
 * and what was found in it holds for every snapshot that has it.
 */
import { isIcecoreError } from '../base/errors.ts';
import { mapOrdered } from '../base/limit.ts';
import { rawFromText } from '../base/raw.ts';
import type { SegmentRef } from '../format/manifest-root.ts';
import { ChunkReader } from '../repo/chunk-reader.ts';
import type { ManifestPart, ManifestReader } from '../repo/manifest-reader.ts';
import type { Repository } from '../repo/repository.ts';
import { openManifest } from '../repo/snapshot-manifest.ts';
import type { FindOptions, FoundEntry, ListedEntry } from './browse.ts';
import { damageReporter } from './damage-report.ts';
import { EntryMatcher } from './find-match.ts';
import { listSnapshots, resolveSnapshot } from './snapshot-list.ts';

/** Entries that are remembered; what is found beyond them is found again in every snapshot. */
const MAX_REMEMBERED = 100_000;
/** Segments of which it is known that they hold nothing. */
const MAX_EMPTY = 1_000_000;
const AHEAD = 4;

/**
 * Finds entries in the snapshots that match the filter, the newest snapshot first, each in the order of its manifest.
 * Parts of manifests that cannot be read are reported to the repository's monitor and left out.
 * @throws kind `usage`, `bad-pattern`; kind `user` as `resolveSnapshot` does
 */
export async function* findEntries(repo: Repository, options: FindOptions): AsyncGenerator<FoundEntry> {
  const matcher = new EntryMatcher(options);
  const { filter, snapshot: spec } = options;
  const snapshots =
    spec === undefined ? await listSnapshots(repo, filter) : [await resolveSnapshot(repo, spec, filter)];
  const chunks = new ChunkReader(repo);
  const memo = new SegmentMemo();
  const report = damageReporter(repo.monitor);
  const part = searchedPart(options);
  for (const snapshot of snapshots.toReversed()) {
    let manifest: ManifestReader;
    try {
      manifest = await openManifest(repo, chunks, snapshot.id);
      await manifest.top();
    } catch (error) {
      if (!isIcecoreError(error, 'damage')) throw error;
      report(error);
      continue;
    }
    const refs = manifest.refs(part, { onDamage: report });
    const searched = mapOrdered(refs, AHEAD, async (ref) => {
      try {
        return memo.get(ref) ?? memo.keep(ref, await search(manifest, ref, matcher));
      } catch (error) {
        if (!isIcecoreError(error, 'damage')) throw error;
        report(error);
        return memo.keep(ref, []);
      }
    });
    for await (const found of searched) for (const entry of found) yield { snapshot, ...entry };
  }
}

async function search(manifest: ManifestReader, ref: SegmentRef, matcher: EntryMatcher): Promise<ListedEntry[]> {
  const directories = await manifest.segment(ref);
  return directories.flatMap((directory) => matcher.match(directory));
}

/** What was found in segments, by their id. */
class SegmentMemo {
  readonly #found = new Map<string, readonly ListedEntry[]>();
  readonly #empty = new Set<string>();
  #count = 0;

  get({ id }: SegmentRef): readonly ListedEntry[] | undefined {
    return this.#empty.has(id) ? [] : this.#found.get(id);
  }

  keep({ id }: SegmentRef, found: readonly ListedEntry[]): readonly ListedEntry[] {
    if (found.length === 0) {
      if (this.#empty.size < MAX_EMPTY) this.#empty.add(id);
    } else if (this.#count + found.length <= MAX_REMEMBERED && !this.#found.has(id)) {
      this.#found.set(id, found);
      this.#count += found.length;
    }
    return found;
  }
}

/** The part of a manifest in which all matches must lie, as far as it can be told without matching. */
function searchedPart({ patterns, ignoreCase }: FindOptions): ManifestPart {
  const [pattern] = patterns;
  if (patterns.length !== 1 || ignoreCase || !pattern?.startsWith('/')) {
    return { directory: rawFromText('/'), recursive: true };
  }
  const magic = pattern.search(/[*?[\\]/);
  const literal = magic < 0 ? pattern.replace(/\/+$/, '') : pattern.slice(0, magic);
  const components = literal
    .split('/')
    .slice(0, -1)
    .filter((component) => component !== '');
  return { directory: rawFromText(`/${components.join('/')}`), recursive: magic >= 0 };
}
