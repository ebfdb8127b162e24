/**
 * Differences of two snapshots: merges the entries of the segments that only one of them has. It holds at most one
 * segment of either side, and a few that are read ahead; what both snapshots share is never read.
 */
import { type IcecoreError, isIcecoreError } from '../base/errors.ts';
import { mapOrdered } from '../base/limit.ts';
import { joinRaw, type Raw, rawFromText } from '../base/raw.ts';
import type { DirectoryEntries, Entry } from '../format/entry.ts';
import { comparePositions, isWithin } from '../format/path-rules.ts';
import { ChunkReader } from '../repo/chunk-reader.ts';
import { compareManifests, type ManifestStep } from '../repo/manifest-difference.ts';
import type { ManifestReader } from '../repo/manifest-reader.ts';
import type { Repository } from '../repo/repository.ts';
import { openManifest } from '../repo/snapshot-manifest.ts';
import type { Difference, ListedEntry, SnapshotInfo } from './browse.ts';
import { damageReporter } from './damage-report.ts';
import { type Content, compareEntries } from './entry-comparison.ts';
import { noSuchPath, withoutSlash } from './listing.ts';

/** What a comparison may be told. */
export interface DiffOptions {
  /** Only this path and what lies below it; absolute. */
  readonly path?: Raw;
  /** Yield differences of metadata too. */
  readonly metadata: boolean;
}

const AHEAD = 4;

/**
 * Yields what differs from `a` to `b`, in the order of a manifest. A directory that was added or removed is there with
 * everything below it. Where a part of one manifest cannot be read, that is reported to the repository's monitor, and
 * nothing is said about the paths that may be in it.
 * @throws kind `user`, `no-such-path`, when neither has the path
 */
export async function* diffSnapshots(
  repo: Repository,
  a: SnapshotInfo,
  b: SnapshotInfo,
  options: DiffOptions,
): AsyncGenerator<Difference> {
  const chunks = new ChunkReader(repo);
  const manifests = [await openManifest(repo, chunks, a.id), await openManifest(repo, chunks, b.id)] as const;
  const comparer = new Comparer(manifests, options.metadata);
  const directory = withoutSlash(options.path ?? rawFromText('/'));
  if (directory !== '/') {
    const [before, after] = [await manifests[0].find(directory), await manifests[1].find(directory)];
    if (!before && !after) throw noSuchPath(directory, b);
    const difference = await comparer.compare(directory, before, after);
    if (difference) yield difference;
    if (before?.type !== 'dir' && after?.type !== 'dir') return;
  }
  const report = damageReporter(repo.monitor);
  const merge = new Merge();
  const steps = mapOrdered(compareManifests(manifests, { directory, recursive: true }), AHEAD, (step) =>
    load(manifests, step),
  );
  for await (const step of steps) {
    yield* comparer.all(merge.until(step.first));
    if (step.type === 'lost') report(step.error);
    merge.take(step, directory);
  }
  yield* comparer.all(merge.until(undefined));
}

/** A step with the entries of its segment. */
type LoadedStep =
  | Exclude<ManifestStep, { type: 'segment' }>
  | (Extract<ManifestStep, { type: 'segment' }> & { readonly directories: readonly DirectoryEntries[] });

async function load(manifests: readonly [ManifestReader, ManifestReader], step: ManifestStep): Promise<LoadedStep> {
  if (step.type !== 'segment') return step;
  try {
    return { ...step, directories: await manifests[step.side].segment(step.ref) };
  } catch (error) {
    if (!isIcecoreError(error, 'damage')) throw error;
    return { ...step, type: 'lost', error: error as IcecoreError };
  }
}

/** A path, with the entry that either side has there. */
interface Pair {
  readonly path: Raw;
  readonly before: Entry | undefined;
  readonly after: Entry | undefined;
}

/** The entries of both sides that are not merged yet: at most one segment each. */
class Merge {
  readonly #held: [ListedEntry[], ListedEntry[]] = [[], []];
  readonly #at: [number, number] = [0, 0];
  /** This side has something here that could not be read: an entry of the other one alone means nothing. */
  readonly #isBlind: [boolean, boolean] = [false, false];

  /** Takes what a step brings; everything before its position must have been merged. */
  take(step: LoadedStep, directory: Raw): void {
    if (step.type === 'shared') {
      this.#isBlind.fill(false);
      return;
    }
    this.#isBlind[step.side] = step.type === 'lost';
    if (step.type === 'lost') return;
    const entries: ListedEntry[] = [];
    for (const { path, entries: found } of step.directories) {
      if (isWithin(path, directory))
        for (const entry of found) entries.push({ path: joinRaw(path, entry.name), entry });
    }
    this.#held[step.side] = entries;
    this.#at[step.side] = 0;
  }

  /** Yields what lies before a position: neither side has any more of it to come. */
  *until(end: Raw | undefined): Generator<Pair> {
    for (;;) {
      const [before, after] = [this.#head(0, end), this.#head(1, end)];
      if (!before && !after) return;
      const order = !before ? 1 : !after ? -1 : comparePositions(before.path, after.path);
      if (order <= 0) this.#at[0]++;
      if (order >= 0) this.#at[1]++;
      const isMeaningless = (order < 0 && this.#isBlind[1]) || (order > 0 && this.#isBlind[0]);
      if (isMeaningless) continue;
      const path = (order <= 0 ? before : after)!.path;
      yield { path, before: order <= 0 ? before!.entry : undefined, after: order >= 0 ? after!.entry : undefined };
    }
  }

  #head(side: 0 | 1, end: Raw | undefined): ListedEntry | undefined {
    const head = this.#held[side][this.#at[side]];
    return head && (end === undefined || comparePositions(head.path, end) < 0) ? head : undefined;
  }
}

/** Compares entries, and looks up what hard links mean where that matters. */
class Comparer {
  readonly #manifests: readonly [ManifestReader, ManifestReader];
  readonly #metadata: boolean;

  constructor(manifests: readonly [ManifestReader, ManifestReader], metadata: boolean) {
    this.#manifests = manifests;
    this.#metadata = metadata;
  }

  async *all(pairs: Iterable<Pair>): AsyncGenerator<Difference> {
    for (const { path, before, after } of pairs) {
      const difference = await this.compare(path, before, after);
      if (difference) yield difference;
    }
  }

  async compare(path: Raw, before: Entry | undefined, after: Entry | undefined): Promise<Difference | undefined> {
    if (!before) return after && { change: 'added', path, after };
    if (!after) return { change: 'removed', path, before };
    // Of a group of hard links that stays, a change of content shows at its first path.
    const isLinked = before.hardlink !== after.hardlink && before.type === 'file' && after.type === 'file';
    const contents = isLinked ? ([await this.#content(0, before), await this.#content(1, after)] as const) : undefined;
    const change = compareEntries(before, after, contents);
    if (change === undefined || (change === 'metadata' && !this.#metadata)) return undefined;
    return { change, path, before, after };
  }

  async #content(side: 0 | 1, entry: Entry): Promise<Content> {
    if (entry.hardlink === undefined) return entry;
    return (await this.#manifests[side].find(entry.hardlink)) ?? entry;
  }
}
