/** Reads back what a restore has put in place and compares it with the snapshot, chunk by chunk, in the workers. */
import { joinRaw, type Raw, rawToDisplay } from '../base/raw.ts';
import type { CompareTask } from './restore-messages.ts';
import type { RestorePlanner } from './restore-planner.ts';
import type { RestoreProgress } from './restore-progress.ts';
import type { RestoreSite } from './restore-site.ts';
import type { RestoreWindow } from './restore-window.ts';
import type { RestoreWorkers } from './restore-workers.ts';

/** Files and bytes of one task. */
const TASK_FILES = 512;
const TASK_BYTES = 32 << 20;

/** Makes tasks of files of a window; each has the numbers of its files. */
export function* compareTasks(
  window: RestoreWindow,
  files: Iterable<number>,
): Generator<{ readonly task: Omit<CompareTask, 'task'>; readonly files: readonly number[]; readonly bytes: number }> {
  let numbers: number[] = [];
  let bytes = 0;
  const take = () => {
    const done = { task: toTask(window, numbers), files: numbers, bytes };
    numbers = [];
    bytes = 0;
    return done;
  };
  for (const file of files) {
    numbers.push(file);
    for (let chunk = window.firstChunk(file); chunk < window.firstChunk(file + 1); chunk++) {
      bytes += window.length(chunk);
    }
    if (numbers.length >= TASK_FILES || bytes >= TASK_BYTES) yield take();
  }
  if (numbers.length > 0) yield take();
}

/** Compares candidates. @returns the numbers of those that have the right content */
export async function findEqual(
  window: RestoreWindow,
  files: Iterable<number>,
  workers: RestoreWorkers,
  onDone: (files: number, bytes: number) => void = () => {},
): Promise<Set<number>> {
  const equal = new Set<number>();
  const running = new Set<Promise<void>>();
  for (const { task, files: numbers, bytes } of compareTasks(window, files)) {
    const work = workers.compare(task).then((result) => {
      running.delete(work);
      for (const [i, file] of numbers.entries()) if (result.equal[i] === 1) equal.add(file);
      onDone(numbers.length, bytes);
    });
    work.catch(() => {});
    running.add(work);
    if (running.size >= workers.capacity) await Promise.race(running);
  }
  await Promise.all(running);
  return equal;
}

/** Reads everything back; what differs is reported. `planner` takes the target for empty. */
export async function verifyRestored(
  site: RestoreSite,
  planner: RestorePlanner,
  workers: RestoreWorkers,
  progress: RestoreProgress,
  signal: AbortSignal,
): Promise<void> {
  for await (const window of planner.windows()) {
    if (signal.aborted) return;
    const isThere = (file: number): boolean => {
      const { node, name } = window.file(file);
      return !window.refused.has(file) && !site.missing.has(joinRaw(node.path, name));
    };
    const files = Array.from({ length: window.fileCount }, (_, file) => file).filter(isThere);
    const equal = await findEqual(window, files, workers, (count, bytes) => progress.wrote(count, bytes));
    for (const file of files) {
      const { node, name, big } = window.file(file);
      if (!equal.has(file)) report(site, joinRaw(node.path, name));
      // The parts of a big file count once, with the first.
      else if (!big || window.contentOffset(window.firstChunk(file)) === 0) site.counts.filesVerified++;
    }
  }
}

function toTask(window: RestoreWindow, numbers: readonly number[]): Omit<CompareTask, 'task'> {
  const chunks: number[] = [];
  const files = numbers.map((file) => {
    const { node, name, size, extras } = window.file(file);
    const [from, to] = [window.firstChunk(file), window.firstChunk(file + 1)];
    for (let chunk = from; chunk < to; chunk++) chunks.push(chunk);
    return {
      ...{ directory: node.path, name, size, chunkCount: to - from },
      offset: from < to ? window.contentOffset(from) : 0,
      ...(extras?.sparse ? { sparse: extras.sparse } : {}),
    };
  });
  const ids = Buffer.concat(chunks.map((chunk) => window.id(chunk)));
  const lengths = Uint32Array.from(chunks, (chunk) => window.length(chunk));
  return { type: 'compare', files, ids, lengths };
}

function report(site: RestoreSite, path: Raw): void {
  const place = site.tree.locate(path);
  site.counts.problem({
    severity: 'error',
    code: 'verify-mismatch',
    message: `${rawToDisplay(place)}: what is there is not what the snapshot holds`,
    path: place,
    hint: 'something else has written to it, or the disk is failing',
  });
}
