/**
 * heads.json: the newest config, gc record and snapshot of every writer that this host has ever seen. What was seen
 * once can only move forward; a repository that shows less was rolled back. Lost, it starts again from what is there.
 */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { writeFileAtomic } from '../base/atomic-file.ts';
import { errnoOf } from '../base/errors.ts';
import type { RepoId } from '../base/ids.ts';
import { type ChainHead, decodeHeads, encodeHeads, type Heads, type WriterHead } from '../format/heads.ts';

/** The heads that a host keeps for one repository. */
export class HeadsFile {
  readonly #path: string;
  readonly #repo: RepoId;
  #heads: Partial<Heads>;
  #changed = false;

  private constructor(path: string, repo: RepoId, heads: Partial<Heads>) {
    this.#path = path;
    this.#repo = repo;
    this.#heads = heads;
  }

  /**
   * Reads the file; a missing one is empty.
   * @throws damage when it is torn or belongs to another repository: it guards against rollback and is not dropped silently.
   */
  static open(path: string, repo: RepoId): HeadsFile {
    let bytes: Uint8Array;
    try {
      bytes = readFileSync(path);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return new HeadsFile(path, repo, {});
      throw error;
    }
    const heads = decodeHeads(bytes, path);
    return new HeadsFile(path, repo, heads.repo === repo ? heads : {});
  }

  get config(): ChainHead | undefined {
    return this.#heads.config;
  }

  get gc(): ChainHead | undefined {
    return this.#heads.gc ?? undefined;
  }

  get writers(): ReadonlyMap<string, WriterHead> {
    return this.#heads.writers ?? new Map();
  }

  /** Takes in what other processes have written since; a file that is gone or torn is passed over. */
  reload(): this {
    try {
      const other = HeadsFile.open(this.#path, this.#repo);
      for (const [writer, head] of other.writers) this.sawSnapshot(writer, head);
    } catch {
      // What this process has seen still counts, and saving mends the file.
    }
    return this;
  }

  /** Takes note of a config that is at least as new as the one before. */
  sawConfig(head: ChainHead): void {
    if (this.config?.number === head.number) return;
    this.#set({ config: head });
  }

  /** Takes note of a gc record. */
  sawGc(head: ChainHead): void {
    if (this.gc?.number === head.number) return;
    this.#set({ gc: head });
  }

  /** Takes note of a writer's snapshot, if it is newer. */
  sawSnapshot(writer: string, head: WriterHead): void {
    const known = this.writers.get(writer);
    if (known && known.seq >= head.seq) return;
    this.#set({ writers: new Map(this.writers).set(writer, head) });
  }

  /** Writes what changed. A host that cannot keep heads goes on: they are a check, not a need. */
  save(): void {
    const { config, gc, writers } = this.#heads;
    if (!this.#changed || !config) return;
    const folder = dirname(this.#path);
    if (!existsSync(folder)) mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileAtomic(
      this.#path,
      encodeHeads({ repo: this.#repo, config, gc: gc ?? null, writers: writers ?? new Map() }),
    );
    this.#changed = false;
  }

  #set(change: Partial<Heads>): void {
    this.#heads = { ...this.#heads, ...change };
    this.#changed = true;
  }
}
