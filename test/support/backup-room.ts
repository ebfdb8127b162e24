/**
 * A folder to back up and a repository to back it up to: the whole of `runBackup` on real files, what came of it read
 * back through the readers, and restores to compare with. `remove` takes everything away.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ItemNote, Monitor, Problem, Progress } from '../../src/base/monitor.ts';
import { type Raw, rawFromText } from '../../src/base/raw.ts';
import type { Entry } from '../../src/format/entry.ts';
import type { BackupOptions, BackupStats } from '../../src/work/backup-options.ts';
import type { SnapshotInfo } from '../../src/work/browse.ts';
import { runDump } from '../../src/work/dump.ts';
import type { InitOptions } from '../../src/work/init.ts';
import { listEntries } from '../../src/work/listing.ts';
import { runRestore } from '../../src/work/restore.ts';
import type { RestoreStats } from '../../src/work/restore-options.ts';
import { listSnapshots, resolveSnapshot } from '../../src/work/snapshot-list.ts';
import { TestRepository } from './repository.ts';
import { makeTestFolder } from './test-folder.ts';

const ALL = { hosts: [], tags: [], paths: [] };

/** Excludes for {@link BackupOptions}: none but those given. */
export function excluding(given: Partial<BackupOptions['exclude']>): Pick<BackupOptions, 'exclude'> {
  return { exclude: { patterns: [], files: [], ignoreFileNames: [], ifPresent: [], caches: false, ...given } };
}

/** What a run said and did. */
export interface Backed extends BackupStats {
  readonly problems: readonly Problem[];
  /** Codes of the problems, in order. */
  readonly codes: readonly string[];
  readonly items: readonly ItemNote[];
  readonly progress: readonly Progress[];
}

export interface RunHooks {
  /** Is called when the walk has seen an entry and its content has not been asked for yet: the moment to change it. */
  readonly onItem?: (name: string, note: ItemNote) => void;
  readonly onProgress?: (progress: Progress) => void;
}

export class BackupRoom {
  readonly folder: string;
  /** What is backed up unless a test says otherwise. */
  readonly source: string;
  readonly test: TestRepository;
  #targets = 0;

  private constructor(folder: string, test: TestRepository) {
    this.folder = folder;
    this.source = join(folder, 'source');
    this.test = test;
    mkdirSync(this.source);
  }

  static async create(options: Partial<InitOptions> = {}): Promise<BackupRoom> {
    return new BackupRoom(makeTestFolder('room'), await TestRepository.create(options));
  }

  /** An absolute path in the source. */
  at(...names: string[]): string {
    return join(this.source, ...names);
  }

  async backup(options: Partial<BackupOptions> = {}, hooks: RunHooks = {}): Promise<Backed> {
    const { paths = [rawFromText(this.source)], ...others } = options;
    const problems: Problem[] = [];
    const items: ItemNote[] = [];
    const progress: Progress[] = [];
    const monitor: Monitor = {
      wantsItems: true,
      wantsProgress: hooks.onProgress !== undefined,
      problem: (problem) => void problems.push(problem),
      item: (note) => {
        items.push(note);
        hooks.onItem?.(note.path.slice(note.path.lastIndexOf('/') + 1), note);
      },
      progress: (report) => {
        progress.push(report);
        hooks.onProgress?.(report);
      },
    };
    const stats = await this.test.backup([], { paths, ...others }, monitor);
    return { ...stats, problems, codes: problems.map(({ code }) => code), items, progress };
  }

  /** The newest snapshot, or the one of a spec. */
  async snapshot(spec = 'latest'): Promise<SnapshotInfo> {
    return await this.test.use((repo) => resolveSnapshot(repo, spec, ALL));
  }

  async snapshots(): Promise<SnapshotInfo[]> {
    return await this.test.use((repo) => listSnapshots(repo, ALL));
  }

  /** The entries of a snapshot, by paths relative to the source (latin1, as `Raw`); others by absolute paths. */
  async entries(spec = 'latest'): Promise<Map<string, Entry>> {
    return await this.test.use(async (repo) => {
      const found = new Map<string, Entry>();
      const prefix = `${rawFromText(this.source)}/`;
      const snapshot = await resolveSnapshot(repo, spec, ALL);
      for await (const { path, entry } of listEntries(repo, snapshot, '/' as Raw, true)) {
        found.set(path.startsWith(prefix) ? path.slice(prefix.length) : path, entry);
      }
      return found;
    });
  }

  /** A file's content as the snapshot has it; every chunk is verified. `path` is relative to the source. */
  async content(path: string, spec = 'latest'): Promise<Buffer> {
    return await this.test.use(async (repo) => {
      const snapshot = await resolveSnapshot(repo, spec, ALL);
      const parts: Uint8Array[] = [];
      const sink = { write: async (bytes: Uint8Array) => void parts.push(Buffer.from(bytes)) };
      const full = (path.startsWith('/') ? path : `${rawFromText(this.source)}/${path}`) as Raw;
      await runDump(repo, { snapshot, path: full, archive: false }, sink, repo.monitor, new AbortController().signal);
      return Buffer.concat(parts);
    });
  }

  /** Restores the source as the snapshot has it. */
  async restore(spec = 'latest'): Promise<{ target: string; stats: RestoreStats; problems: Problem[] }> {
    const target = join(this.folder, `target-${++this.#targets}`);
    const problems: Problem[] = [];
    const monitor: Monitor = {
      wantsItems: false,
      progress() {},
      item() {},
      problem: (problem) => void problems.push(problem),
    };
    const stats = await this.test.use(async (repo) => {
      const snapshot = await resolveSnapshot(repo, spec, ALL);
      const options = {
        snapshot,
        path: rawFromText(this.source),
        target,
        include: [],
        exclude: [],
        overwrite: 'if-changed',
        delete: false,
        verify: false,
        sparse: false,
        numericIds: false,
        planOnly: false,
        workers: 1,
      } as const;
      return await runRestore(repo, options, async () => true, monitor, new AbortController().signal);
    });
    return { target, stats, problems };
  }

  remove(): void {
    this.test.remove();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Waits until the second has passed in which files were made: what a backup sees in its own second it reads again. */
export async function nextSecond(): Promise<void> {
  const now = Date.now();
  await new Promise((resolve) => setTimeout(resolve, 1010 - (now % 1000)));
}
