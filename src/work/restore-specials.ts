/** Restores what is neither file nor directory, and further names of files; on the main thread, while workers write. */
import { IcecoreError } from '../base/errors.ts';
import { basenameRaw, dirnameRaw, joinRaw, type Raw, rawToDisplay } from '../base/raw.ts';
import type { Entry } from '../format/entry.ts';
import type { DirectoryNode } from './restore-directories.ts';
import { repairFile } from './restore-repair.ts';
import type { RestoreSite } from './restore-site.ts';
import type { LinkItem, SpecialItem } from './restore-window.ts';

/** After so many items other work gets its turn. */
const BREATH = 128;
/** With these the target has no (more) links for a file: it gets a copy. */
const NO_LINK = new Set(['target-failed', 'target-not-permitted']);

/** Makes links and nodes for one run. */
export class Specials {
  readonly #site: RestoreSite;
  readonly #signal: AbortSignal;
  /** Groups whose first name is not there: which name has the content now. */
  readonly #standIns = new Map<Raw, Raw>();

  constructor(site: RestoreSite, signal: AbortSignal) {
    this.#site = site;
    this.#signal = signal;
  }

  async makeAll(items: readonly SpecialItem[]): Promise<void> {
    for (const [i, { node, entry, meta }] of items.entries()) {
      if (this.#signal.aborted) return;
      this.#make(node, entry, meta);
      this.#site.directories.release(node);
      if (i % BREATH === BREATH - 1) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Only when all files before them are in place. */
  async linkAll(items: readonly LinkItem[]): Promise<void> {
    for (const item of items) {
      if (this.#signal.aborted) return;
      await this.#link(item);
      this.#site.directories.release(item.node);
    }
  }

  #make(node: DirectoryNode, entry: Entry, meta: SpecialItem['meta'], name = entry.name): boolean {
    const { tree, counts, options } = this.#site;
    const { path } = node;
    const overwrite = options.overwrite;
    return this.#site.attempt(node, name, () => {
      if (entry.type === 'symlink') tree.symlink(path, name, entry.target ?? ('' as Raw), meta, overwrite);
      else if (entry.type === 'fifo') tree.fifo(path, name, meta, overwrite);
      else if ((entry.type === 'block' || entry.type === 'char') && entry.rdev) {
        tree.device(path, name, { type: entry.type, ...entry.rdev }, meta, overwrite);
      } else throw new IcecoreError('damage', 'bad-entry', `${rawToDisplay(name)}: its entry lacks what it needs`);
      counts.others++;
      this.#site.note(node, name, 'restored');
    });
  }

  async #link(item: LinkItem): Promise<void> {
    const { node, entry } = item;
    const group = entry.hardlink!;
    if (item.first !== undefined && this.#site.frozen.has(item.first)) {
      this.#site.freeze(node, entry.name, false);
      return;
    }
    const first =
      item.first !== undefined && !this.#site.missing.has(item.first) ? item.first : this.#standIns.get(group);
    if (first !== undefined && this.#tryLink(item, first)) return;
    // The first name lies outside of what is restored, or failed, or takes no links: this one becomes a file itself.
    if (await this.#copy(item)) {
      this.#standIns.set(group, joinRaw(node.path, entry.name));
    } else {
      this.#site.lacks(node, entry.name, false);
    }
  }

  /** @returns false when a copy is to be made instead */
  #tryLink({ node, entry, meta }: LinkItem, first: Raw): boolean {
    const { tree, counts, options } = this.#site;
    const coming = { type: entry.type, mtime: meta.mtime, ...(entry.size === undefined ? {} : { size: entry.size }) };
    // What has the same size and time is still another file, until it is linked.
    const overwrite = options.overwrite === 'if-changed' ? 'always' : options.overwrite;
    try {
      const outcome = tree.link(dirnameRaw(first), basenameRaw(first), node.path, entry.name, coming, overwrite);
      if (entry.type !== 'file') counts.others++;
      else if (outcome === 'written') counts.filesRestored++;
      this.#site.note(node, entry.name, outcome === 'written' ? 'restored' : 'kept');
      return true;
    } catch (error) {
      if (error instanceof IcecoreError && NO_LINK.has(error.code)) return false;
      this.#site.fail(node, entry.name, error);
      return true;
    }
  }

  async #copy({ node, entry, meta }: LinkItem): Promise<boolean> {
    const { manifest, tree, options } = this.#site;
    const { name } = entry;
    try {
      const whole = await manifest.find(entry.hardlink!, this.#signal);
      if (!whole || whole.hardlink !== undefined || whole.type !== entry.type) {
        throw new IcecoreError(
          'damage',
          'hardlink-without-file',
          `the file that it is a name of is not in the snapshot`,
        );
      }
      if (whole.type !== 'file') return this.#make(node, whole, meta, name);
      const size = whole.size ?? 0;
      const decision = tree.decide(node.path, name, { type: 'file', size, mtime: meta.mtime }, options.overwrite);
      if (decision === 'keep') return true;
      const chunks = manifest.chunksOf(whole, this.#signal);
      const fileMeta = whole.sparse ? { ...meta, sparse: whole.sparse } : meta;
      return await repairFile(this.#site, { node, name, meta: fileMeta, size, chunks }, this.#signal);
    } catch (error) {
      if (!this.#signal.aborted) this.#site.fail(node, name, error);
      return false;
    }
  }
}
