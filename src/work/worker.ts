/** The entry of worker threads: the first message says what to be, and everything after it goes there. */
import { parentPort } from 'node:worker_threads';
import { bug } from '../base/errors.ts';
import type { ToBackupWorker } from './backup-messages.ts';
import { BackupWorker } from './backup-worker.ts';
import { encodeError } from './worker-pool.ts';

const port = parentPort;
if (!port) throw bug('this is the entry of a worker thread');
const send = (message: unknown, transfer: readonly ArrayBuffer[] = []) => port.postMessage(message, transfer as ArrayBuffer[]);
const fail = (error: unknown) => send(encodeError(error));

/** What any kind of worker can do. */
interface MessageReceiver {
  receive(message: never): Promise<void> | undefined;
}

const receivers: MessageReceiver[] = [];
port.on('message', (message: ToBackupWorker) => {
  try {
    if (message.type === 'setup') receivers.push(new BackupWorker(message.setup, send));
    else receivers[0]!.receive(message as never)?.catch(fail);
  } catch (error) {
    fail(error);
  }
});
