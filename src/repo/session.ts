/**
 * A write session: the writer's side of docs/protocol.md. Claim, look at what is condemned, store packs, publish index
 * objects, claim what was relied on, look again, commit. What goes into the packs is the caller's.
 */
import { randomBytes } from 'node:crypto';
import { bug } from '../base/errors.ts';
import { makeSessionId, type SessionId } from '../base/ids.ts';
import { encodeClaim } from '../format/claim.ts';
import { makePackRanges, type PackRanges } from '../format/fields.ts';
import type { WriterHead } from '../format/heads.ts';
import { decodeIndexObject } from '../format/index-object.ts';
import { claimName, indexName, parseName, snapshotName } from '../format/layout.ts';
import { encodeSnapshot, type Snapshot } from '../format/snapshot.ts';
import { createHeader, type SealHeader } from '../seal/age-header.ts';
import { BegunSessions } from './begun-sessions.ts';
import { saveDecision } from './decisions.ts';
import { type GcState, loadGc } from './gc-records.ts';
import { loadIndex } from './index-loader.ts';
import { KnownChunks } from './known-chunks.ts';
import { encodeIndex, findLeftPacks } from './left-packs.ts';
import type { PackDescription } from './pack-writer.ts';
import type { Repository } from './repository.ts';
import { abortStrayUploads } from './stray-uploads.ts';

/** An index object is written when this much of it has come together: well below the limit of 64 MiB. */
const INDEX_BYTES = 16 * 1_048_576;
/** Packs are published at least this often, so that a killed run leaves work that others can use. */
const CHECKPOINT_MS = 5 * 60_000;

/** Everything of a snapshot that the session does not know itself. */
export type SnapshotContent = Omit<Snapshot, 'id' | 'writer' | 'seq' | 'prev' | 'seen' | 'index'>;

/** What a commit did. `condemned`: packs relied on were condemned meanwhile; those chunks must be stored again. */
export type CommitResult =
  | { readonly type: 'committed'; readonly id: SessionId; readonly index: readonly string[] }
  | { readonly type: 'condemned' }
  | { readonly type: 'revoked' };

/** One session, from its first claim to its commit. */
export class WriteSession {
  readonly sid: SessionId;
  readonly #repo: Repository;
  readonly #signal: AbortSignal;
  /** Only in a bucket: a folder has no uploads. */
  readonly #begun: BegunSessions | undefined;
  /** Foreign packs named by the last claim. */
  #claimed: Set<string>;
  #claims = 0;
  #gc: GcState;
  #metaHeader: Promise<SealHeader> | undefined;
  #known: Promise<{ readonly data: KnownChunks; readonly meta: KnownChunks }> | undefined;
  #answers: readonly KnownChunks[] = [];
  #unindexed: PackDescription[] = [];
  #unindexedBytes = 0;
  #lastCheckpoint: number;
  readonly #index: string[] = [];
  #publishing: Promise<void> = Promise.resolve();
  /** Packs stored by this session. */
  readonly #own: string[] = [];
  #metaPacks = 0;
  /** The number of the next data pack, shared with worker threads. */
  readonly packCounter: SharedArrayBuffer = new SharedArrayBuffer(4);

  private constructor(repo: Repository, sid: SessionId, claimed: Set<string>, signal: AbortSignal) {
    this.#repo = repo;
    this.sid = sid;
    this.#claimed = claimed;
    this.#signal = signal;
    this.#gc = undefined as never;
    this.#begun = repo.store.bucket && new BegunSessions(repo.stateFolder(), () => repo.clock.now());
    this.#lastCheckpoint = repo.clock.monotonic();
  }

  /**
   * Begins: claims the session's own packs and, with them, the foreign packs that the parent is known to need.
   * @param relied names of packs that will be relied on
   */
  static async open(repo: Repository, relied: Iterable<string>, signal: AbortSignal): Promise<WriteSession> {
    repo.require('write');
    // 80 random bits: no session ever has the name of another, so what stands under its names is its own.
    const sid = makeSessionId(repo.clock.now(), randomBytes(10));
    const session = new WriteSession(repo, sid, new Set(relied), signal);
    session.#begun?.begin(sid);
    await session.#claim();
    session.#gc = await loadGc(repo);
    if (session.#begun) await abortStrayUploads(repo, session.#begun, signal);
    return session;
  }

  /** The gc records as they were when last looked at. */
  get gc(): GcState {
    return this.#gc;
  }

  /** Packs stored by this session. */
  get packs(): number {
    return this.#own.length;
  }

  /** The number of the next meta pack. */
  nextMetaPack(): number {
    return this.#metaPacks++;
  }

  /** True when a pack that the session has claimed is condemned: its chunks must not be relied on. */
  reliesOnCondemned(): boolean {
    for (const name of this.#claimed) if (this.#gc.isCondemned(name)) return true;
    return false;
  }

  /** Header and file key of metadata objects, made once. */
  metaHeader(): Promise<SealHeader> {
    this.#metaHeader ??= createHeader(this.#repo.config.recipients.meta);
    return this.#metaHeader;
  }

  /** True when the index has been asked for: what is stored is then known for little. */
  get hasIndex(): boolean {
    return this.#known !== undefined;
  }

  /** What is stored already. Loads the index when first asked: an unchanged backup never needs it. */
  known(): Promise<{ readonly data: KnownChunks; readonly meta: KnownChunks }> {
    this.#known ??= this.#loadKnown();
    return this.#known;
  }

  async #loadKnown(): Promise<{ readonly data: KnownChunks; readonly meta: KnownChunks }> {
    await loadIndex(this.#repo, this.#signal);
    await this.#adopt();
    const { catalog } = this.#repo;
    const isCondemned = (name: string) => this.#gc.isCondemned(name);
    const data = new KnownChunks('data', catalog, isCondemned);
    const meta = new KnownChunks('meta', catalog, isCondemned);
    this.#answers = [data, meta];
    return { data, meta };
  }

  /**
   * Forgets what was relied on, because some of it is condemned: everything is asked for again. Packs of this session
   * stay known. The claims that were made stay too; they only protect too much.
   */
  async relyAnew(): Promise<void> {
    await this.publish({ import: true });
    this.#claimed = new Set();
    this.#known = undefined;
    this.#answers = [];
  }

  /** Takes note of a pack that is stored completely. */
  packStored(pack: PackDescription): void {
    this.#own.push(pack.record.name);
    this.#begun?.signOfLife(this.sid);
    try {
      this.#repo.catalog.addPending(this.sid, pack.record.name, encodeIndex([pack]));
    } catch {
      // The cache may be full. Should this run die, the next one stores these chunks again.
    }
    this.#unindexed.push(pack);
    this.#unindexedBytes += pack.frameLines.length;
    const isDue = this.#repo.clock.monotonic() - this.#lastCheckpoint > CHECKPOINT_MS;
    if (this.#unindexedBytes > INDEX_BYTES || isDue) this.publish({ import: true }).catch(() => {});
  }

  /**
   * Writes an index object of all packs stored so far; one at a time. `import`: the catalog takes it in at once, so
   * that what is held in memory of these packs can go. At the end of a run that can wait for a run that needs it.
   */
  publish(options: { readonly import: boolean }): Promise<void> {
    this.#publishing = this.#publishing.then(() => this.#publishNow(options.import));
    return this.#publishing;
  }

  /**
   * Commits: publishes the index, claims what was relied on, looks for condemned packs, creates the decision record.
   * May be called again after `condemned`. Of several backups of one host only one commits at a time: their snapshots
   * form one sequence.
   */
  async commit(content: SnapshotContent, heads: ReadonlyMap<string, WriterHead>): Promise<CommitResult> {
    await this.publish({ import: false });
    const relied = this.#reliedNames();
    if ([...relied].some((name) => !this.#claimed.has(name))) {
      for (const name of relied) this.#claimed.add(name);
      await this.#claim();
      this.#gc = await loadGc(this.#repo);
    }
    for (const name of relied) if (this.#gc.isCondemned(name)) return { type: 'condemned' };
    const unlock = await this.#repo.lockHeads(this.#signal);
    try {
      return await this.#decide(content, heads);
    } finally {
      unlock();
    }
  }

  /** Creates the decision record, as the next of this writer's sequence. */
  async #decide(content: SnapshotContent, listed: ReadonlyMap<string, WriterHead>): Promise<CommitResult> {
    const writer = this.#repo.keyring.writer!.id;
    const heads = new Map(listed);
    // Another run on this host may have committed since the snapshots were listed.
    const own = this.#repo.heads.reload().writers.get(writer);
    if (own && own.seq > (heads.get(writer)?.seq ?? 0)) heads.set(writer, own);
    const snapshot: Snapshot = {
      ...content,
      id: this.sid,
      writer,
      seq: (heads.get(writer)?.seq ?? 0) + 1,
      prev: heads.get(writer)?.hash ?? null,
      seen: heads,
      index: this.#index,
    };
    const name = snapshotName(this.sid);
    const payload = encodeSnapshot(snapshot);
    const hash = await saveDecision(this.#repo, name, payload, await this.metaHeader());
    // Whatever was decided, all uploads of this session have ended.
    this.#begun?.end(this.sid);
    if (hash === undefined) return { type: 'revoked' };
    this.#repo.heads.sawSnapshot(writer, { seq: snapshot.seq, hash });
    this.#repo.saveHeads();
    return { type: 'committed', id: this.sid, index: this.#index };
  }

  /** Names of all packs that the snapshot may need: the claimed ones, and those of this session, of all its attempts. */
  reliedPacks(): string[] {
    return [...new Set([...this.#claimed, ...this.#own])];
  }

  #reliedNames(): Set<string> {
    const names = new Set(this.#claimed);
    for (const answers of this.#answers) {
      for (const pack of answers.relied) {
        const { name } = this.#repo.catalog.pack(pack);
        if (parseName(name)?.sid !== this.sid) names.add(name);
      }
    }
    return names;
  }

  async #claim(): Promise<void> {
    const k = this.#claims++;
    const ranges = (kind: 'pack' | 'meta'): PackRanges =>
      makePackRanges(
        [...this.#claimed].flatMap((name) => {
          const parsed = parseName(name);
          return parsed?.kind === kind ? [{ sid: parsed.sid, number: parsed.number }] : [];
        }),
      );
    const payload = encodeClaim({ sid: this.sid, k, packs: ranges('pack'), meta: ranges('meta') });
    const name = claimName(this.sid, k);
    const result = await this.#repo.objects.save('claim', name, payload, await this.metaHeader(), { cache: false });
    if (result.outcome === 'exists') throw bug(`${name} exists already`);
  }

  async #publishNow(imports: boolean): Promise<void> {
    if (this.#unindexed.length === 0) return;
    const packs = this.#unindexed;
    this.#unindexed = [];
    this.#unindexedBytes = 0;
    this.#lastCheckpoint = this.#repo.clock.monotonic();
    const name = indexName(this.sid, this.#index.length);
    this.#index.push(name);
    const payload = encodeIndex(packs);
    const result = await this.#repo.objects.save('index', name, payload, await this.metaHeader(), { cache: false });
    if (result.outcome === 'exists') throw bug(`${name} exists already`);
    const { catalog } = this.#repo;
    if (imports) {
      catalog.importIndex(name, decodeIndexObject(payload, name));
      for (const answers of this.#answers) answers.refresh();
    }
    for (const { record } of packs) {
      const parsed = parseName(record.name);
      if (parsed?.sid) catalog.dropPending(parsed.sid, record.name);
    }
  }

  /** Takes over packs that an earlier session of this host left unindexed. To the protocol they are foreign packs. */
  async #adopt(): Promise<void> {
    const adopted = await findLeftPacks(this.#repo, this.sid, this.#gc, this.#signal);
    if (adopted.length === 0) return;
    for (const { record } of adopted) this.#claimed.add(record.name);
    await this.#claim();
    this.#gc = await loadGc(this.#repo);
    this.#unindexed.push(...adopted.filter(({ record }) => !this.#gc.isCondemned(record.name)));
    await this.publish({ import: true });
  }
}
