/** The gc records: which packs are condemned for ever, and which snapshots are forgotten. */
import { damage } from '../base/errors.ts';
import type { SessionId } from '../base/ids.ts';
import { hasPack, type PackRanges } from '../format/fields.ts';
import { decodeGcRecord, type GcRecord } from '../format/gc-record.ts';
import { gcName, parseName } from '../format/layout.ts';
import { wentBack } from './configs.ts';
import type { Repository } from './repository.ts';

/** What all gc records together say. */
export class GcState {
  readonly #records: readonly GcRecord[];
  readonly forgotten: ReadonlySet<SessionId>;
  readonly revoked: ReadonlySet<SessionId>;

  constructor(records: readonly GcRecord[]) {
    this.#records = records;
    const forgotten = new Set<SessionId>();
    const revoked = new Set<SessionId>();
    for (const record of records) {
      for (const sid of record.forgotten) forgotten.add(sid);
      for (const sid of record.recalled) forgotten.delete(sid);
      for (const sid of record.revoked) revoked.add(sid);
    }
    this.forgotten = forgotten;
    this.revoked = revoked;
  }

  /** The number of the newest record, 0 when there is none. */
  get newest(): number {
    return this.#records.at(-1)?.n ?? 0;
  }

  /** True when nothing may rely on the pack of this name any more. */
  isCondemned(packName: string): boolean {
    if (this.#records.length === 0) return false;
    const parsed = parseName(packName);
    if (parsed?.kind !== 'pack' && parsed?.kind !== 'meta') return false;
    const of = (record: GcRecord): PackRanges => record.condemned[parsed.kind === 'pack' ? 'packs' : 'meta'];
    return this.#records.some((record) => hasPack(of(record), parsed.sid, parsed.number));
  }
}

/**
 * Lists and loads the gc records, and checks that they form one chain that has not gone back.
 * @throws `rollback`, `damage`
 */
export async function loadGc(repo: Repository): Promise<GcState> {
  const numbers: number[] = [];
  for await (const { name } of repo.store.list('gc/')) {
    const parsed = parseName(name);
    if (parsed?.kind === 'gc') numbers.push(parsed.number);
  }
  const seen = repo.heads.gc;
  if (seen && (numbers.at(-1) ?? 0) < seen.number) throw wentBack(`gc record ${seen.number} is gone`);
  const records: GcRecord[] = [];
  let hash: string | null = null;
  for (const [i, number] of numbers.entries()) {
    const name = gcName(number);
    if (number !== i + 1) throw damage('gc-gap', `${gcName(i + 1)} is missing`, { object: gcName(i + 1) });
    const object = await repo.objects.get('gc', name);
    const record = decodeGcRecord(object.payload, name);
    if (record.prev !== hash)
      throw damage('gc-chain', `${name}: does not follow the record before it`, { object: name });
    if (seen?.number === number && seen.hash !== object.hash)
      throw wentBack(`gc record ${number} is another than before`);
    hash = object.hash;
    records.push(record);
  }
  if (hash !== null) repo.heads.sawGc({ number: records.length, hash });
  return new GcState(records);
}
