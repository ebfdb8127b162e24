/**
 * One pass of a backup over the file system: walks, compares with the parent, hands what is new to the workers, and
 * writes the manifest in the order of the walk. What is ready waits for what comes before it. It stores nothing itself
 * and does not commit (backup.ts does).
 */
import { isIcecoreError, messageOf } from '../base/errors.ts';
import type { Monitor, Problem } from '../base/monitor.ts';
import { joinRaw, type Raw } from '../base/raw.ts';
import { toFacts } from '../files/facts.ts';
import type { ScanEntry, ScanPage } from '../files/scan-types.ts';
import type { FileStat } from '../files/stat.ts';
import type { Entry } from '../format/entry.ts';
import { encodeEntry } from '../format/entry-line.ts';
import type { TreeTop } from '../format/node-tree.ts';
import type { ManifestWriter } from '../repo/manifest-writer.ts';
import type { ParentRecord, StatColumns } from '../repo/parent-record.ts';
import type { BackupCounts } from './backup-counts.ts';
import type { EntryMaker } from './backup-entries.ts';
import type { FileReader, ReadFile } from './backup-reads.ts';
import type { Comparison, ParentPlace } from './comparison.ts';
import type { HardLinks } from './hard-links.ts';

/** The walk lets other work happen this often, so that workers are answered in time. */
const YIELD_MS = 4;
/** Entries that may wait for one before them: what a single huge file can hold up. */
const MAX_WAITING = 65_536;

/** A file that waits for its content. */
interface FileSlot {
  readonly type: 'file';
  readonly directory: Raw;
  readonly name: Raw;
  readonly size: number;
  readonly isKnown: boolean;
  read: ReadFile | undefined;
}

/** A further name of a file: it waits for what becomes of the first. */
interface LinkSlot {
  readonly type: 'link';
  readonly directory: Raw;
  readonly name: Raw;
  readonly stat: FileStat;
  readonly isKnown: boolean;
}

/** An entry in walk order: unchanged, ready, or waiting for its content. */
type Slot =
  | { readonly type: 'unchanged'; readonly record: ParentRecord; readonly index: number }
  | { readonly type: 'entry'; readonly directory: Raw; readonly entry: Entry; readonly stat: StatColumns }
  | FileSlot
  | LinkSlot;

/** What a pass works with. */
export interface BackupPassParts {
  readonly pages: Iterable<ScanPage>;
  readonly comparison: Comparison;
  readonly entries: EntryMaker;
  readonly hardLinks: HardLinks;
  readonly reads: FileReader;
  readonly manifest: ManifestWriter;
  readonly counts: BackupCounts;
  readonly monitor: Monitor;
  /** Awaited whenever the pass has given others a turn: waits for stores that are behind, throws their failures. */
  readonly breathe: () => Promise<void>;
  /** Aborted: stop walking, finish what was begun. */
  readonly stop: AbortSignal;
}

/** One pass. */
export class BackupPass {
  readonly #parts: BackupPassParts;
  #slots: Slot[] = [];
  #head = 0;
  #yielded = performance.now();

  constructor(parts: BackupPassParts) {
    this.#parts = parts;
  }

  /** Walks everything; returns the manifest's root. */
  async run(): Promise<TreeTop> {
    const { pages, reads, manifest, counts, stop } = this.#parts;
    for (const page of pages) {
      for (const entry of page.entries) this.#take(page, entry);
      if (stop.aborted) break;
      counts.current = page.path;
      if (performance.now() - this.#yielded > YIELD_MS || reads.isSaturated) await this.#turn();
      while (reads.isSaturated || this.#slots.length - this.#head > MAX_WAITING) {
        if (stop.aborted) break;
        await reads.room();
        await this.#turn();
      }
    }
    // A link whose first name could not be read is read itself: that comes up while draining.
    for (;;) {
      await reads.flush();
      this.#drain();
      if (this.#head === this.#slots.length) return manifest.finish();
    }
  }

  async #turn(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#drain();
    await this.#parts.breathe();
    this.#yielded = performance.now();
  }

  #take(page: ScanPage, found: ScanEntry): void {
    const { path: directory } = page;
    const { comparison, counts, monitor } = this.#parts;
    if (found.type === 'socket') {
      counts.skipped++;
      if (monitor.wantsItems) this.#note(directory, found.name, 'skipped', 'a socket');
      return;
    }
    const parent = comparison.find(directory, found.name);
    const isUnchanged = parent !== undefined && comparison.isUnchanged(parent, found.stat);
    counts.saw(found.type, found.stat);
    if (found.type === 'file' && found.stat.nlink > 1n) {
      this.#takeLinked(directory, found, parent !== undefined, isUnchanged ? parent : undefined);
    } else if (isUnchanged && comparison.isReusable(parent)) {
      this.#slots.push({ type: 'unchanged', record: parent.record, index: parent.index });
      if (found.type === 'file') counts.unchanged(found.stat);
      if (monitor.wantsItems) this.#note(directory, found.name, 'unchanged');
    } else if (found.type === 'file') {
      this.#takeFile(directory, found, parent !== undefined, isUnchanged ? parent : undefined);
    } else {
      if (monitor.wantsItems) this.#note(directory, found.name, parent ? 'changed' : 'new');
      this.#takeOther(page, found);
    }
  }

  /** Directories, symlinks and special files have no content. */
  #takeOther(page: ScanPage, found: ScanEntry): void {
    const made = this.#parts.entries.make(page, found);
    if (made) this.#slots.push({ type: 'entry', directory: page.path, entry: made.entry, stat: made.stat });
    else this.#parts.counts.lost(found.type, 0, true);
  }

  /** A file with several names: the first one in walk order has the content, the others name it. */
  #takeLinked(directory: Raw, found: ScanEntry, isKnown: boolean, parent: ParentPlace | undefined): void {
    const { hardLinks } = this.#parts;
    if (hardLinks.see(toFacts(found.stat))) this.#takeFile(directory, found, isKnown, parent);
    else {
      this.#countKind(directory, found, parent !== undefined, isKnown);
      this.#slots.push({ type: 'link', directory, name: found.name, stat: found.stat, isKnown });
    }
  }

  /** A file that is new, or changed, or whose old content is not known to be there. */
  #takeFile(directory: Raw, found: ScanEntry, isKnown: boolean, parent: ParentPlace | undefined): void {
    const { comparison, counts, reads, entries } = this.#parts;
    const old = parent && comparison.storedContent(parent);
    this.#countKind(directory, found, old !== undefined, isKnown);
    if (old) {
      counts.settled(Number(found.stat.size));
      const { entry, stat } = entries.makeFile(found.name, toFacts(found.stat), old);
      this.#slots.push({ type: 'entry', directory, entry, stat });
      return;
    }
    const slot: FileSlot = {
      type: 'file',
      directory,
      name: found.name,
      size: Number(found.stat.size),
      isKnown,
      read: undefined,
    };
    this.#slots.push(slot);
    reads.read(joinRaw(directory, found.name), found.stat, slot);
  }

  #countKind(directory: Raw, found: ScanEntry, isUnchanged: boolean, isKnown: boolean): void {
    const { counts, monitor } = this.#parts;
    if (isUnchanged) counts.filesUnchanged++;
    else if (isKnown) counts.filesChanged++;
    else counts.filesNew++;
    if (!monitor.wantsItems) return;
    if (isUnchanged) this.#note(directory, found.name, 'unchanged');
    else this.#note(directory, found.name, isKnown ? 'changed' : 'new', undefined, Number(found.stat.size));
  }

  /** Writes what is ready to the manifest, in order. */
  #drain(): void {
    const { manifest } = this.#parts;
    while (this.#head < this.#slots.length) {
      const slot = this.#slots[this.#head]!;
      if (slot.type === 'file' && !slot.read) break;
      if (slot.type === 'link' && !this.#writeLink(slot)) break;
      this.#head++;
      if (slot.type === 'unchanged') manifest.addUnchanged(slot.record, slot.index);
      else if (slot.type === 'entry') this.#write(slot.directory, slot.entry, slot.stat);
      else if (slot.type === 'file') this.#writeFile(slot, slot.read!);
    }
    if (this.#head > 4096 && this.#head * 2 > this.#slots.length) {
      this.#slots = this.#slots.slice(this.#head);
      this.#head = 0;
    }
  }

  #writeFile({ directory, name, size, isKnown }: FileSlot, read: ReadFile): void {
    const { counts, entries } = this.#parts;
    if (read.type === 'abandoned') {
      counts.abandoned(size, isKnown);
      return;
    }
    for (const problem of read.problems) this.#report(problem);
    if (read.type === 'failed') {
      counts.lost('file', size, read.isVanished);
      return;
    }
    const { entry, stat } = entries.makeFile(name, read.facts, read.content);
    counts.read(read.bytes);
    this.#write(directory, entry, stat);
  }

  /** Writes a link to the first name that has the content. False: there is none, and this name is being read instead. */
  #writeLink({ directory, name, stat: found, isKnown }: LinkSlot): boolean {
    const { entries, hardLinks, reads } = this.#parts;
    const facts = toFacts(found);
    const first = hardLinks.writtenFirst(facts);
    if (first !== undefined) {
      const { entry, stat } = entries.makeFile(name, facts, { hardlink: first });
      this.#parts.counts.settled(facts.size);
      this.#write(directory, entry, stat);
      return true;
    }
    const slot: FileSlot = { type: 'file', directory, name, size: facts.size, isKnown, read: undefined };
    this.#slots[this.#head] = slot;
    reads.read(joinRaw(directory, name), found, slot);
    return false;
  }

  #write(directory: Raw, entry: Entry, stat: StatColumns): void {
    const path = joinRaw(directory, entry.name);
    try {
      this.#parts.manifest.add(directory, entry.name, encodeEntry(entry), stat);
    } catch (error) {
      if (!isIcecoreError(error, 'user')) throw error;
      this.#report({ severity: 'error', code: error.code, message: messageOf(error), path });
      this.#parts.counts.lost(entry.type, entry.size ?? 0, false);
      return;
    }
    if (entry.type === 'file' && stat.links > 1 && entry.hardlink === undefined)
      this.#parts.hardLinks.wrote(stat, path);
  }

  #report(problem: Problem): void {
    this.#parts.counts.problem(problem);
    this.#parts.monitor.problem(problem);
  }

  #note(
    directory: Raw,
    name: Raw,
    action: 'new' | 'changed' | 'unchanged' | 'skipped',
    reason?: string,
    size?: number,
  ): void {
    this.#parts.monitor.item({
      path: joinRaw(directory, name),
      action,
      ...(reason === undefined ? {} : { reason }),
      ...(size === undefined ? {} : { size }),
    });
  }
}
