/**
 * The snapshots of a repository: lists and loads the decision records, leaves out what was revoked or forgotten, and
 * notices when snapshots that this host has seen are gone. Committing is session.ts's.
 */
import { damage, isIcecoreError, messageOf } from '../base/errors.ts';
import type { SessionId } from '../base/ids.ts';
import { mapOrdered } from '../base/limit.ts';
import type { WriterHead } from '../format/heads.ts';
import { parseName, snapshotName } from '../format/layout.ts';
import { decodeDecision, type Snapshot } from '../format/snapshot.ts';
import { wentBack } from './configs.ts';
import { type GcState, loadGc } from './gc-records.ts';
import type { Repository } from './repository.ts';

/** A snapshot and the SHA-256 of its stored object. */
export interface StoredSnapshot {
  readonly snapshot: Snapshot;
  readonly hash: string;
}

/** All snapshots that can be used, oldest first, and the newest of every writer. */
export interface SnapshotSet {
  readonly snapshots: readonly StoredSnapshot[];
  readonly heads: ReadonlyMap<string, WriterHead>;
  /** Names of decision records that could not be read; each was reported. */
  readonly damaged: readonly string[];
}

/**
 * Loads the snapshots. A damaged one is reported as a problem and left out.
 * @throws `rollback` when a writer's newest snapshot that was seen before is gone without having been forgotten.
 */
export async function loadSnapshots(repo: Repository, gc?: GcState): Promise<SnapshotSet> {
  const sids: SessionId[] = [];
  for await (const { name } of repo.store.list('snapshots/')) {
    const parsed = parseName(name);
    if (parsed?.kind === 'snapshot') sids.push(parsed.sid);
  }
  const { forgotten } = gc ?? (await loadGc(repo));
  const snapshots: StoredSnapshot[] = [];
  const damaged: string[] = [];
  const heads = new Map<string, WriterHead>();
  for await (const found of mapOrdered(sids, repo.store.concurrency, (sid) => loadOne(repo, sid))) {
    if (typeof found === 'string') damaged.push(found);
    if (typeof found !== 'object') continue;
    const { writer, seq } = found.snapshot;
    if ((heads.get(writer)?.seq ?? 0) < seq) heads.set(writer, { seq, hash: found.hash });
    if (!forgotten.has(found.snapshot.id)) snapshots.push(found);
  }
  checkHeads(repo, heads, forgotten.size > 0 || damaged.length > 0);
  for (const [writer, head] of heads) repo.heads.sawSnapshot(writer, head);
  return { snapshots, heads, damaged };
}

/** A snapshot; a name for a damaged one; undefined for a revocation or one that went away meanwhile. */
async function loadOne(repo: Repository, sid: SessionId): Promise<StoredSnapshot | string | undefined> {
  const name = snapshotName(sid);
  try {
    const object = await repo.objects.load('snapshot', name);
    if (!object) return undefined;
    const decision = decodeDecision(object.payload, name);
    if (decision.type === 'revoked') return undefined;
    if (decision.snapshot.writer !== object.writer) {
      throw damage(
        'wrong-writer',
        `${name}: says that ${decision.snapshot.writer} made it, but ${object.writer} signed it`,
        {
          object: name,
        },
      );
    }
    return { snapshot: decision.snapshot, hash: object.hash };
  } catch (error) {
    if (!isIcecoreError(error, 'damage')) throw error;
    repo.monitor.problem({ severity: 'error', code: error.code, message: messageOf(error), object: name });
    return name;
  }
}

function checkHeads(repo: Repository, found: ReadonlyMap<string, WriterHead>, mayBeGone: boolean): void {
  for (const [writer, seen] of repo.heads.writers) {
    const now = found.get(writer);
    if (now && now.seq === seen.seq && now.hash !== seen.hash) {
      throw wentBack(`snapshot ${seen.seq} of writer ${writer} is another than before`);
    }
    if ((now?.seq ?? 0) < seen.seq && !mayBeGone) {
      throw wentBack(`snapshot ${seen.seq} of writer ${writer} is gone`);
    }
  }
}
