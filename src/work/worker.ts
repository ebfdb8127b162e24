/** The entry of worker threads: the first message says what to be, and everything after it goes there. */
import { parentPort } from 'node:worker_threads';
import { bug } from '../base/errors.ts';
import type { BackupSetup, ToBackupWorker } from './backup-messages.ts';
import type { TotalsSetup } from './backup-totals.ts';
import type { RestoreSetup, ToRestoreWorker } from './restore-messages.ts';
import type { ToVerifyWorker, VerifySetup } from './verify-messages.ts';
import { encodeError, type QuitMessage } from './worker-pool.ts';

const port = parentPort;
if (!port) throw bug('this is the entry of a worker thread');
const send = (message: unknown, transfer: readonly ArrayBuffer[] = []) =>
  port.postMessage(message, transfer as ArrayBuffer[]);
const fail = (error: unknown) => send(encodeError(error));

/** What any kind of worker can do. */
interface MessageReceiver {
  receive(message: never): Promise<void> | undefined;
}

/** Imported when it is asked for: a thread starts with what its role needs, and no more. */
async function start(setup: BackupSetup | RestoreSetup | VerifySetup | TotalsSetup): Promise<MessageReceiver> {
  switch (setup.role) {
    case 'backup': {
      const { BackupWorker } = await import('./backup-worker.ts');
      return new BackupWorker(setup, send);
    }
    case 'restore': {
      const { RestoreWorker } = await import('./restore-worker.ts');
      return new RestoreWorker(setup, send);
    }
    case 'verify': {
      const { VerifyWorker } = await import('./verify-worker.ts');
      return new VerifyWorker(setup, send);
    }
    case 'totals': {
      const { countTotals } = await import('./backup-totals.ts');
      const counted = countTotals(setup);
      if (counted) send(counted);
      return { receive: () => undefined };
    }
  }
}

const receivers: Promise<MessageReceiver>[] = [];
port.on('message', (message: ToBackupWorker | ToRestoreWorker | ToVerifyWorker | QuitMessage) => {
  // With its port closed nothing keeps a thread; loading that has begun ends first.
  if (message.type === 'quit') port.close();
  else if (message.type === 'setup') receivers.push(start(message.setup));
  else receivers[0]!.then((receiver) => receiver.receive(message as never)).catch(fail);
});
