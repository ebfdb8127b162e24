/**
 * What this host keeps of its last snapshot of a set of paths: a small header and the parent file beside it, and the
 * journal of a run that did not finish. Local, disposable; a header that cannot be read is no header.
 */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomic } from '../base/atomic-file.ts';
import { isSessionId, type SessionId } from '../base/ids.ts';
import { parseJsonObject, readInteger, readString, readStrings } from '../base/json.ts';
import type { Raw } from '../base/raw.ts';
import { ParentReader, ParentWriter } from './parent-file.ts';
import type { ParentRecord } from './parent-record.ts';

/** What the header says of the snapshot that the parent file holds. */
export interface ParentHeader {
  readonly snapshot: SessionId;
  /** Milliseconds when that run began: what was modified in that second or later is read again. */
  readonly started: number;
  /** Names of the packs that the snapshot needs, or may need. */
  readonly packs: readonly string[];
  /** Ids (hex) of the nodes of its root. */
  readonly rootNodes: readonly string[];
  readonly files: number;
  readonly entries: number;
  readonly bytes: number;
}

/** What a run has seen that did not finish. */
export interface Journal {
  readonly reader: ParentReader;
  /** Milliseconds when that run began. */
  readonly started: number;
}

/** The parent files of one set of paths. */
export class ParentState {
  readonly #folder: string;
  readonly #key: string;
  /** In the name of what this run writes: whose it is, when it began, and that it is of this run. */
  readonly #run: string;
  readonly #pid: number;
  readonly #isAlive: (pid: number) => boolean;

  /**
   * `paths` are what is backed up, in the order given; another set has another parent. `run`: the process, and when it
   * began (milliseconds).
   */
  constructor(
    folder: string,
    paths: readonly Raw[],
    run: { pid: number; started: number },
    isAlive: (pid: number) => boolean,
  ) {
    this.#folder = join(folder, 'parents');
    this.#key = createHash('sha256')
      .update(Buffer.from([...paths].sort().join('\0'), 'latin1'))
      .digest('hex')
      .slice(0, 32);
    this.#pid = run.pid;
    this.#run = `${run.pid}-${run.started}-${randomBytes(4).toString('hex')}`;
    this.#isAlive = isAlive;
  }

  /** The header, when there is one whose parent file is there too. */
  header(): ParentHeader | undefined {
    try {
      const json = parseJsonObject(
        readFileSync(this.#path('json')),
        { maxDepth: 3, maxLength: 64 * 1_048_576 },
        'parent',
      );
      const snapshot = readString(json, 'snapshot', 'parent');
      if (!isSessionId(snapshot) || !existsSync(this.#path('data'))) return undefined;
      return {
        snapshot,
        started: readInteger(json, 'started', 'parent'),
        packs: readStrings(json, 'packs', 'parent', { maxItems: 10_000_000 }),
        rootNodes: readStrings(json, 'rootNodes', 'parent', { maxItems: 1_000_000 }),
        files: readInteger(json, 'files', 'parent'),
        entries: readInteger(json, 'entries', 'parent'),
        bytes: readInteger(json, 'bytes', 'parent'),
      };
    } catch {
      return undefined;
    }
  }

  /** Opens the parent file; `onRecord` hears of each of its records in turn. */
  reader(onRecord: (record: ParentRecord) => void): ParentReader | undefined {
    return ParentReader.open(this.#path('data'), onRecord);
  }

  /** Opens the longest journal that a dead run left. */
  journal(): Journal | undefined {
    let best: { path: string; size: number; started: number } | undefined;
    try {
      for (const path of this.#journals()) {
        const { size } = statSync(path);
        const started = Number(/-(\d+)-[0-9a-f]+$/.exec(path)?.[1] ?? 0);
        if (size > (best?.size ?? 0)) best = { path, size, started };
      }
    } catch {
      // A cache that cannot be read has no journal.
    }
    const reader = best && ParentReader.open(best.path);
    return reader && { reader, started: best!.started };
  }

  /** Opens the file that this run writes: the journal now, the next parent file once it has committed. */
  writer(): ParentWriter {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    return new ParentWriter(this.#next());
  }

  /** Makes what {@link writer} wrote the parent. The header goes first away and comes last, so both always agree. */
  commit(header: ParentHeader): void {
    rmSync(this.#path('json'), { force: true });
    renameSync(this.#next(), this.#path('data'));
    writeFileAtomic(this.#path('json'), Buffer.from(JSON.stringify(header)), 0o600);
    for (const path of this.#journals()) rmSync(path, { force: true });
  }

  /** Removes what {@link writer} wrote: nothing was changed, or it is of no use. */
  discard(): void {
    rmSync(this.#next(), { force: true });
  }

  /** Journals of runs that are no longer there. */
  #journals(): string[] {
    if (!existsSync(this.#folder)) return [];
    const prefix = `${this.#key}.next-`;
    return readdirSync(this.#folder)
      .filter((name) => name.startsWith(prefix) && !name.endsWith(this.#run) && this.#isLeft(name.slice(prefix.length)))
      .map((name) => join(this.#folder, name));
  }

  /** In a container every run may have the same number: one that is ours and not of this run is a dead one's. */
  #isLeft(run: string): boolean {
    const pid = Number.parseInt(run, 10);
    return pid === this.#pid || !this.#isAlive(pid);
  }

  #next(): string {
    return this.#path(`next-${this.#run}`);
  }

  #path(suffix: string): string {
    return join(this.#folder, `${this.#key}.${suffix}`);
  }
}
