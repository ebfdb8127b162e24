/**
 * Verify, the manifests: walks the root of every snapshot and checks that each segment it lists is sound, is what the
 * root says of it, and follows the one before. The segments themselves are read by the workers that check meta packs,
 * once however many snapshots share them; here only their reports are kept, a few hundred bytes each.
 */
import { type IcecoreError, isIcecoreError } from '../base/errors.ts';
import type { ChunkId } from '../base/ids.ts';
import { type Raw, rawToDisplay } from '../base/raw.ts';
import { snapshotName } from '../format/layout.ts';
import type { SegmentRef } from '../format/manifest-root.ts';
import { comparePositions } from '../format/path-rules.ts';
import type { Snapshot } from '../format/snapshot.ts';
import type { ChunkLookup } from '../repo/chunk-lookup.ts';
import type { ChunkReader } from '../repo/chunk-reader.ts';
import { chunksOf } from '../repo/file-chunks.ts';
import { ManifestReader } from '../repo/manifest-reader.ts';
import { objectOf } from './findings.ts';
import { reportSegment } from './segment-report.ts';
import { isDamage, type VerifyContext } from './verify-context.ts';
import type { NamedList, SegmentReport } from './verify-messages.ts';

const BATCH = 1024;

/** What a file's lists say: how many chunks nobody has, how many bytes there are, where they are. */
interface ListReport {
  readonly unknownChunks: number;
  readonly length: number;
  readonly packs: ReadonlySet<number>;
}

/** The manifests of one run. */
export class VerifyManifests {
  readonly #context: VerifyContext;
  readonly #chunks: ChunkReader;
  readonly #lookup: ChunkLookup;
  readonly #wantsPacks: boolean;
  readonly #segments = new Map<string, SegmentReport>();
  readonly #lists = new Map<string, Promise<ListReport | IcecoreError>>();
  /** The catalog's numbers of the packs that the snapshots checked so far need. */
  readonly neededPacks = new Set<number>();
  #hasUnknownChunks = false;

  constructor(context: VerifyContext, chunks: ChunkReader, lookup: ChunkLookup, wantsPacks: boolean) {
    this.#context = context;
    this.#chunks = chunks;
    this.#lookup = lookup;
    this.#wantsPacks = wantsPacks;
  }

  /** True when a snapshot names chunks that no index object knows. */
  get hasUnknownChunks(): boolean {
    return this.#hasUnknownChunks;
  }

  /** Takes the reports of a pack. A sound one counts more than a broken one: a chunk may lie in several packs. */
  add(segments: readonly SegmentReport[]): void {
    for (const segment of segments) this.#segments.set(segment.id, segment);
  }

  /** Finds the meta packs that hold the manifest of a snapshot; what cannot be read is found by {@link check}. */
  async packsOf(snapshot: Snapshot): Promise<Set<number>> {
    const ids: string[] = [snapshot.root.id];
    try {
      for await (const ref of this.#reader(snapshot).refs(undefined, { onDamage() {}, signal: this.#context.signal })) {
        ids.push(ref.id);
      }
    } catch (error) {
      if (!isDamage(error)) throw error;
    }
    const packs = new Set<number>();
    for (let from = 0; from < ids.length; from += BATCH) {
      const batch = Buffer.from(ids.slice(from, from + BATCH).join(''), 'hex');
      for (const pack of this.#lookup.packs(batch, 'meta')) packs.add(pack);
    }
    return packs;
  }

  /** Checks the manifest of one snapshot against the reports. */
  async check(snapshot: Snapshot): Promise<void> {
    const name = snapshotName(snapshot.id);
    const reader = this.#reader(snapshot);
    const onDamage = (error: IcecoreError) => this.#fail(snapshot, error);
    let last: Raw | undefined;
    let entries = 0;
    try {
      for await (const ref of reader.refs(undefined, { onDamage, signal: this.#context.signal })) {
        entries += ref.entries;
        const report = await this.#checkSegment(snapshot, ref);
        if (!report) continue;
        if (last !== undefined && comparePositions(last, report.first) >= 0) {
          this.#add(snapshot, name, 'segment-order', `${name} (chunk ${ref.id}): the segment is out of order`);
        }
        last = report.last;
      }
    } catch (error) {
      if (!isDamage(error)) throw error;
      onDamage(error);
      return;
    }
    if (entries !== snapshot.totals.entries && !this.#context.findings.has(name)) {
      const text = `its manifest has ${entries} entries, the snapshot says ${snapshot.totals.entries}`;
      this.#add(snapshot, name, 'totals-mismatch', text);
    }
  }

  async #checkSegment(snapshot: Snapshot, ref: SegmentRef) {
    const name = snapshotName(snapshot.id);
    const report = this.#segments.get(ref.id) ?? (await this.#readSegment(snapshot, ref.id, name));
    if (report?.type === 'broken') {
      const { code, message } = report.problem;
      this.#add(snapshot, name, code, message);
      return undefined;
    }
    if (!report) return undefined;
    if (report.first !== ref.first || report.entries !== ref.entries) {
      const text = `${name} (chunk ${ref.id}): is not the segment that the root describes`;
      this.#add(snapshot, name, 'segment-mismatch', text);
    }
    for (const path of report.wrongSizes) this.#wrongSize(snapshot, path);
    let { unknownChunks } = report;
    for (const list of report.lists) unknownChunks += await this.#checkList(snapshot, list);
    if (unknownChunks > 0) {
      this.#hasUnknownChunks = true;
      this.#add(snapshot, name, 'chunk-unknown', 'its files need chunks that no index object places in a data pack');
    }
    for (const pack of report.packs ?? []) this.neededPacks.add(pack);
    return report;
  }

  /** Reads a segment that no worker came across: it lies in a pack that is damaged, missing, or of the other kind. */
  async #readSegment(snapshot: Snapshot, id: ChunkId, name: string): Promise<SegmentReport | undefined> {
    try {
      const bytes = await this.#chunks.get(id, 'meta', this.#context.signal);
      const report = reportSegment(id, bytes, `${name} (chunk ${id})`, this.#lookup, this.#wantsPacks);
      this.#segments.set(id, report);
      return report;
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.#fail(snapshot, error);
      return undefined;
    }
  }

  /** Checks the chunks of a file that has lists. @returns how many of them are unknown */
  async #checkList(snapshot: Snapshot, { id, path, length }: NamedList): Promise<number> {
    const report = this.#lists.get(id) ?? this.#readLists(id as ChunkId);
    this.#lists.set(id, report);
    const found = await report;
    if (found instanceof Error) {
      this.#fail(snapshot, found);
      return 0;
    }
    if (found.unknownChunks === 0 && length !== undefined && found.length !== length) this.#wrongSize(snapshot, path);
    for (const pack of found.packs) this.neededPacks.add(pack);
    return found.unknownChunks;
  }

  async #readLists(id: ChunkId): Promise<ListReport | IcecoreError> {
    let unknownChunks = 0;
    let length = 0;
    const packs = new Set<number>();
    let held: string[] = [];
    const settle = () => {
      const ids = Buffer.from(held.join(''), 'hex');
      held = [];
      for (const found of this.#lookup.lengths(ids, 'data')) {
        if (found < 0) unknownChunks++;
        else length += found;
      }
      if (this.#wantsPacks) for (const pack of this.#lookup.packs(ids, 'data')) packs.add(pack);
    };
    try {
      for await (const chunk of chunksOf(this.#chunks, { list: id }, this.#context.signal)) {
        if (held.push(chunk) >= BATCH) settle();
      }
    } catch (error) {
      if (!isDamage(error)) throw error;
      return error;
    }
    if (held.length > 0) settle();
    for (const pack of this.#lookup.packs(Buffer.from(id, 'hex'), 'meta')) packs.add(pack);
    return { unknownChunks, length, packs };
  }

  #wrongSize(snapshot: Snapshot, path: Raw): void {
    const name = snapshotName(snapshot.id);
    this.#add(snapshot, name, 'wrong-size', `the chunks of a file are not as long as the file: ${rawToDisplay(path)}`);
  }

  #fail(snapshot: Snapshot, error: IcecoreError): void {
    const name = snapshotName(snapshot.id);
    if (error.code === 'chunk-unknown') this.#hasUnknownChunks = true;
    // What a reader says of the manifest is said of the object below it, where it knows that object.
    const cause = isIcecoreError(error.cause) ? error.cause : error;
    const object = objectOf(error) ?? name;
    if (!this.#context.findings.has(object) || object === name)
      this.#context.findings.add(object, error.code, cause.message);
    this.#context.findings.needs(object, snapshot.id);
  }

  #add(snapshot: Snapshot, object: string, code: string, message: string): void {
    this.#context.findings.add(object, code, message);
    this.#context.findings.needs(object, snapshot.id);
  }

  #reader(snapshot: Snapshot): ManifestReader {
    return new ManifestReader(this.#chunks, snapshot.root, snapshotName(snapshot.id));
  }
}
