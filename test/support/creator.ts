/** Run as a worker thread or a child process: creates the objects 0 to n-1 of a folder, and reports which it won. */
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { openDirectoryStore } from '../../src/store/directory.ts';

/** What a creator is told. */
export interface CreatorTask {
  readonly path: string;
  readonly who: number;
  readonly count: number;
  readonly hardLinks: boolean;
}

async function create(task: CreatorTask): Promise<number[]> {
  const store = await openDirectoryStore(task.path, { hardLinks: task.hardLinks });
  const won: number[] = [];
  for (let i = 0; i < task.count; i++) {
    const body = Buffer.alloc(20_000, task.who);
    const result = await store.put(`race/${i}`, body, { ifAbsent: true });
    if (result.outcome === 'stored') won.push(i);
    const seen = await store.get(`race/${i}`);
    if (seen?.length !== 20_000 || seen.some((byte) => byte !== seen[0])) throw new Error(`race/${i} was seen in part`);
  }
  return won;
}

if (isMainThread) {
  process.once('message', (task: CreatorTask) => {
    create(task).then((won) => process.send!({ won }, () => process.disconnect?.()));
  });
} else {
  create(workerData as CreatorTask).then((won) => parentPort!.postMessage({ won }));
}
