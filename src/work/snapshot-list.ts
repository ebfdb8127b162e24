/** Lists snapshots, and finds the one that somebody means. Reads the snapshot objects only. */
import { IcecoreError } from '../base/errors.ts';
import type { Snapshot } from '../format/snapshot.ts';
import type { Repository } from '../repo/repository.ts';
import { loadSnapshots } from '../repo/snapshots.ts';
import { type SnapshotCheck, VerifyRecord } from '../repo/verify-record.ts';
import type { SnapshotFilter, SnapshotInfo } from './browse.ts';

const LATEST = /^latest(?:~(\d{1,9}))?$/;
const PREFIX = /^[0-9A-HJKMNP-TV-Z]{4,26}$/;
/** Candidates in an error: enough to see what was meant. */
const MAX_CANDIDATES = 10;

/**
 * Lists snapshots, oldest first, with what this host has verified of them. Damaged ones are reported to the repository's
 * monitor and left out.
 */
export async function listSnapshots(repo: Repository, filter: SnapshotFilter): Promise<SnapshotInfo[]> {
  const { snapshots } = await loadSnapshots(repo);
  const checks = VerifyRecord.checksOf(repo.places.state, repo.id);
  return snapshots
    .map(({ snapshot }) => describeSnapshot(snapshot, checks.get(snapshot.id)))
    .filter((snapshot) => matchesFilter(snapshot, filter));
}

/**
 * Finds the snapshot that `spec` means among those that match the filter: an id, a unique prefix of at least 4
 * characters (in any case), `latest`, or `latest~N`, the Nth before it. `latest` passes over partial snapshots, which
 * interrupted runs leave, as long as there is one that is not partial; a partial one can be named by its id.
 * @throws kind `user`: `no-such-snapshot`, `ambiguous-snapshot`; `data.candidates` are the ids that come near
 */
export async function resolveSnapshot(repo: Repository, spec: string, filter: SnapshotFilter): Promise<SnapshotInfo> {
  const all = (await loadSnapshots(repo)).snapshots.map(({ snapshot }) => describeSnapshot(snapshot));
  const matching = all.filter((snapshot) => matchesFilter(snapshot, filter));
  const latest = LATEST.exec(spec);
  if (latest) return resolveLatest(matching, all, Number(latest[1] ?? 0), spec);
  const prefix = spec.toUpperCase();
  if (!PREFIX.test(prefix)) {
    throw noSuchSnapshot(
      `'${spec}' names no snapshot`,
      matching,
      'give an id, at least 4 characters of one, latest, or latest~N',
    );
  }
  const found = matching.filter(({ id }) => id.startsWith(prefix));
  if (found.length === 1) return found[0]!;
  if (found.length > 1) {
    throw new IcecoreError('user', 'ambiguous-snapshot', `${found.length} snapshots begin with ${prefix}`, {
      hint: `give more characters: ${found.slice(-3).map(short).join(', ')}${found.length > 3 ? ', …' : ''}`,
      data: { candidates: found.slice(-MAX_CANDIDATES).map(({ id }) => id) },
    });
  }
  const filteredOut = all.filter(({ id }) => id.startsWith(prefix));
  if (filteredOut.length > 0) {
    throw noSuchSnapshot(
      `snapshot ${short(filteredOut[0]!)} is not one of those that were asked for`,
      filteredOut,
      'leave out --host, --tag and --path',
    );
  }
  throw noSuchSnapshot(`there is no snapshot ${prefix}`, matching, '`icecore snapshots` lists them');
}

/** What people see of a snapshot. */
export function describeSnapshot(snapshot: Snapshot, verified?: readonly SnapshotCheck[]): SnapshotInfo {
  const { id, time, host, user, paths, tags, excludes, totals, complete, errors, partial, parent, writer, program } =
    snapshot;
  const { files, dirs, bytes, entries } = totals;
  return {
    ...{ id, time, host, user, paths, tags, excludes, files, dirs, bytes, entries, complete, errors, partial },
    ...(parent === undefined ? {} : { parent }),
    ...{ writer, program },
    ...(verified === undefined ? {} : { verified }),
  };
}

/** True when all conditions of the filter hold. */
export function matchesFilter(
  snapshot: Pick<SnapshotInfo, 'host' | 'tags' | 'paths'>,
  filter: SnapshotFilter,
): boolean {
  if (filter.hosts.length > 0 && !filter.hosts.includes(snapshot.host)) return false;
  return (
    filter.tags.every((tag) => snapshot.tags.includes(tag)) &&
    filter.paths.every((path) => snapshot.paths.includes(path))
  );
}

function resolveLatest(
  matching: readonly SnapshotInfo[],
  all: readonly SnapshotInfo[],
  back: number,
  spec: string,
): SnapshotInfo {
  const whole = matching.filter(({ partial }) => !partial);
  const choice = whole.length > 0 ? whole : matching;
  const found = choice.at(-1 - back);
  if (found) return found;
  if (choice.length > 0) {
    const count = choice.length === 1 ? 'is only 1 snapshot' : `are only ${choice.length} snapshots`;
    throw noSuchSnapshot(`there is no ${spec}: there ${count}`, choice, '`icecore snapshots` lists them');
  }
  if (all.length === 0) throw noSuchSnapshot('there are no snapshots yet', all, '`icecore backup` makes one');
  throw noSuchSnapshot('no snapshot matches --host, --tag and --path', all, '`icecore snapshots` lists all');
}

function noSuchSnapshot(message: string, near: readonly SnapshotInfo[], hint: string): IcecoreError {
  const candidates = near.slice(-MAX_CANDIDATES).map(({ id }) => id);
  return new IcecoreError('user', 'no-such-snapshot', message, { hint, data: { candidates } });
}

function short({ id, time, host }: SnapshotInfo): string {
  return `${id} (${time.slice(0, 16).replace('T', ' ')}, ${host})`;
}
