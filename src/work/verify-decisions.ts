/**
 * Verify, the decision records: every snapshot or revocation opens, says what its name says, and stands in its writer's
 * sequence where it says. A snapshot that went away without having been forgotten leaves a gap in that sequence, or is
 * known from what other snapshots and this host have seen.
 */
import { damage } from '../base/errors.ts';
import type { SessionId } from '../base/ids.ts';
import { mapOrdered } from '../base/limit.ts';
import { kindPrefix, snapshotName } from '../format/layout.ts';
import { decodeDecision, type Snapshot } from '../format/snapshot.ts';
import type { GcState } from '../repo/gc-records.ts';
import { findingOf, listObjects, loadFresh, type VerifyContext } from './verify-context.ts';

/** A snapshot that could be read, and its place in the chain. */
interface Found {
  readonly snapshot: Snapshot;
  readonly hash: string;
}

/** What was found out about the writers' sequences: what somebody has seen, by writer and number. */
class Sequences {
  readonly #findings: VerifyContext['findings'];
  readonly #present = new Map<string, Map<number, Found>>();
  readonly #known = new Map<string, Map<number, string>>();

  constructor(findings: VerifyContext['findings']) {
    this.#findings = findings;
  }

  add(found: Found): void {
    const { writer, seq, id, prev, seen } = found.snapshot;
    const own = getOrMake(this.#present, writer);
    if (own.has(seq)) {
      const other = snapshotName(own.get(seq)!.snapshot.id);
      this.#findings.add(snapshotName(id), 'snapshot-fork', `has the same place in its writer's sequence as ${other}`);
    }
    own.set(seq, found);
    if (prev !== null) this.saw(writer, seq - 1, prev, snapshotName(id));
    for (const [who, head] of seen) this.saw(who, head.seq, head.hash, snapshotName(id));
  }

  /** Takes note that `witness` knows a snapshot. */
  saw(writer: string, seq: number, hash: string, witness: string): void {
    const known = getOrMake(this.#known, writer);
    const before = known.get(seq);
    if (before === undefined) known.set(seq, hash);
    else if (before !== hash) {
      this.#findings.add(witness, 'snapshot-chain', `knows another snapshot ${seq} of writer ${writer} than others do`);
    }
  }

  /** Compares what is known with what is there. @returns numbers of snapshots that are not there, by writer */
  missing(): Map<string, number[]> {
    const missing = new Map<string, number[]>();
    for (const writer of new Set([...this.#present.keys(), ...this.#known.keys()])) {
      const present = this.#present.get(writer) ?? new Map<number, Found>();
      const known = this.#known.get(writer) ?? new Map<number, string>();
      for (const [seq, hash] of known) {
        const found = present.get(seq);
        if (!found || found.hash === hash) continue;
        const name = snapshotName(found.snapshot.id);
        this.#findings.add(name, 'snapshot-chain', 'is another snapshot than the one that was seen in its place');
      }
      const newest = Math.max(0, ...present.keys(), ...known.keys());
      const gaps: number[] = [];
      for (let seq = 1; seq <= newest; seq++) if (!present.has(seq)) gaps.push(seq);
      if (gaps.length > 0) missing.set(writer, gaps);
    }
    return missing;
  }
}

/** Checks all decision records; returns the snapshots that can be read and are not forgotten, oldest first. */
export async function checkDecisions(context: VerifyContext, gc: GcState): Promise<Snapshot[]> {
  const { repo, findings } = context;
  const listed = await listObjects(context, kindPrefix('snapshot'));
  const sequences = new Sequences(findings);
  const snapshots: Snapshot[] = [];
  let unreadable = 0;
  const loaded = mapOrdered(listed, repo.store.concurrency, async ({ name }) => ({
    name,
    decision: await findingOf(context, name, () => load(context, name)),
  }));
  for await (const { name, decision } of loaded) {
    if (decision === undefined) {
      unreadable++;
      findings.needs(name, name.slice('snapshots/'.length).split('.', 1)[0]!);
    } else if (decision !== 'revoked') {
      sequences.add(decision);
      if (!gc.forgotten.has(decision.snapshot.id)) snapshots.push(decision.snapshot);
    }
  }
  for (const [writer, head] of repo.heads.writers) sequences.saw(writer, head.seq, head.hash, 'heads.json');
  const present = new Set(listed.map(({ parsed }) => parsed.sid!));
  reportGone(context, sequences.missing(), unreadable + countAbsent(gc.forgotten, present));
  return snapshots;
}

async function load(context: VerifyContext, name: string): Promise<Found | 'revoked'> {
  const object = await loadFresh(context, 'snapshot', name);
  const decision = decodeDecision(object.payload, name);
  if (decision.type === 'revoked') return 'revoked';
  const { snapshot } = decision;
  if (snapshot.writer !== object.writer) {
    throw damage('wrong-writer', `${name}: names ${snapshot.writer} as its writer and was made by ${object.writer}`, {
      object: name,
    });
  }
  return { snapshot, hash: object.hash };
}

/**
 * Reports gaps in the sequences. Forgotten snapshots whose objects are gone leave gaps too, and so do those that cannot
 * be read, and which is which cannot be told: only more gaps than those explain are damage.
 */
function reportGone(
  { findings }: VerifyContext,
  missing: ReadonlyMap<string, readonly number[]>,
  explained: number,
): void {
  const gaps = [...missing.values()].reduce((sum, numbers) => sum + numbers.length, 0);
  if (gaps <= explained) return;
  for (const [writer, numbers] of missing) {
    const text = numbers.length > 20 ? `${numbers.slice(0, 20).join(', ')}, …` : numbers.join(', ');
    findings.add(
      'snapshots/',
      'snapshot-gone',
      `${numbers.length === 1 ? 'snapshot' : 'snapshots'} ${text} of writer ${writer} went away without having been forgotten${explained > 0 ? ` (all but ${explained} of them)` : ''}`,
    );
  }
}

function countAbsent(sids: ReadonlySet<SessionId>, present: ReadonlySet<string>): number {
  let count = 0;
  for (const sid of sids) if (!present.has(sid)) count++;
  return count;
}

function getOrMake<V>(map: Map<string, Map<number, V>>, key: string): Map<number, V> {
  const found = map.get(key) ?? new Map<number, V>();
  map.set(key, found);
  return found;
}
