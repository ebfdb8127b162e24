/**
 * What the last runs of this host asked of a repository's store: one line of JSON a run, in the state folder, so that
 * `cost` can say what running costs beside what storing does. It holds counts, and nothing of what was stored. Nobody
 * depends on it: a run that cannot write it goes on, and a line that cannot be read is passed over.
 */
import { appendFileSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { writeFileAtomic } from '../base/atomic-file.ts';
import type { RepoId } from '../base/ids.ts';
import type { RequestTally } from '../store/store.ts';

/** One run. */
export interface PastRun {
  /** When it ended, as ISO time. */
  readonly time: string;
  /** The command: `backup`, `thaw resume`, … */
  readonly command: string;
  readonly billed: readonly RequestTally[];
  readonly storedBytes: number;
  readonly fetchedBytes: number;
}

/** When the file has grown to this, only the runs that are kept stay in it. */
const MAX_BYTES = 1_048_576;
const KEPT_RUNS = 500;

/** Adds a run. A host that cannot keep it goes on without. */
export function keepRun(state: string, repo: RepoId, run: PastRun): void {
  const path = pathOf(state, repo);
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    // One write in append mode: runs that end together do not mix their lines.
    appendFileSync(path, `${JSON.stringify(run)}\n`, { mode: 0o600 });
    if (statSync(path).size > MAX_BYTES) {
      const kept = readRuns(state, repo, KEPT_RUNS).map((each) => `${JSON.stringify(each)}\n`);
      writeFileAtomic(path, Buffer.from(kept.join(''), 'utf8'));
    }
  } catch {
    // What runs cost is worth knowing, and not worth failing for.
  }
}

/** The last runs, oldest first, at most `count`. */
export function readRuns(state: string, repo: RepoId, count: number): PastRun[] {
  let text: string;
  try {
    text = readFileSync(pathOf(state, repo), 'utf8');
  } catch {
    return [];
  }
  const runs: PastRun[] = [];
  for (const line of text.split('\n').reverse()) {
    if (runs.length >= count) break;
    const run = line === '' ? undefined : parseRun(line);
    if (run) runs.push(run);
  }
  return runs.reverse();
}

function parseRun(line: string): PastRun | undefined {
  try {
    const { time, command, billed, storedBytes, fetchedBytes } = JSON.parse(line) as Partial<PastRun>;
    if (typeof time !== 'string' || typeof command !== 'string' || !Array.isArray(billed)) return undefined;
    if (!billed.every(isTally)) return undefined;
    return { time, command, billed, storedBytes: Number(storedBytes ?? 0), fetchedBytes: Number(fetchedBytes ?? 0) };
  } catch {
    return undefined;
  }
}

function isTally(value: unknown): value is RequestTally {
  const { operation, storageClass, count } = (value ?? {}) as Partial<RequestTally>;
  return typeof operation === 'string' && typeof storageClass === 'string' && Number.isSafeInteger(count);
}

function pathOf(state: string, repo: RepoId): string {
  return join(state, repo, 'runs.jsonl');
}
